"""A new device enrols with an invitation code, and then serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from coordinator import Coordinator
from relay_organisation import RelayOrganisation
from relay_process import relay_here
from sdk_people import PATIENCE
from teduh_crypto.credentials import comparison_words
from teduh_sdk import EncryptedKeyStore, MemoryKeyStore, Staff, enrol_device, stored_device
from teduh_sdk.exceptions import EnrolmentFailed
from valkey_server import start_valkey

ORGANISATION = RelayOrganisation()


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    with start_valkey() as valkey:
        async with relay_here(ORGANISATION.write(tmp_path), valkey.url) as (_, url):
            await ORGANISATION.publish_revocations(url)
            yield url


async def test_an_invited_device_is_approved_and_serves(url: str, tmp_path: Path) -> None:
    coordinator = Coordinator.inviting(url, ORGANISATION)
    enrolment = await enrol_device(url, ORGANISATION.public, str(coordinator.code))
    enrolment_id, device_key = await coordinator.look()
    assert enrolment.words == comparison_words(device_key)
    await coordinator.approve(enrolment_id, device_key)
    keys = EncryptedKeyStore.create(tmp_path / "keys", "only for this test")
    async with asyncio.timeout(PATIENCE):
        device = await enrolment.wait(keys)
    assert stored_device(keys).public_key == device.public_key == device_key
    async with Staff(url, ORGANISATION.public, keys) as staff, asyncio.timeout(PATIENCE):
        assert await staff.colleagues() == ()


async def test_a_statement_about_another_key_is_not_taken(url: str) -> None:
    """A coordinator's machine, or the relay, that swapped the key."""
    coordinator = Coordinator.inviting(url, ORGANISATION)
    enrolment = await enrol_device(url, ORGANISATION.public, str(coordinator.code))
    enrolment_id, _ = await coordinator.look()
    await coordinator.approve(enrolment_id, ORGANISATION.staff("Eve").about.device_key)
    keys = MemoryKeyStore()
    with pytest.raises(EnrolmentFailed):
        await enrolment.wait(keys)
    assert keys.names("") == ()


async def test_an_invitation_serves_one_device(url: str) -> None:
    coordinator = Coordinator.inviting(url, ORGANISATION)
    await enrol_device(url, ORGANISATION.public, str(coordinator.code))
    with pytest.raises(EnrolmentFailed):
        await enrol_device(url, ORGANISATION.public, str(coordinator.code))


@pytest.mark.parametrize("code", ["", "nonsense", "a.b.c:AAAA"])
async def test_what_is_no_code_is_refused_before_anything_is_sent(code: str) -> None:
    with pytest.raises(EnrolmentFailed):
        await enrol_device("http://127.0.0.1:9", ORGANISATION.public, code)


async def test_a_relay_that_cannot_be_reached_is_said_to_be() -> None:
    coordinator = Coordinator.inviting("http://127.0.0.1:9", ORGANISATION)
    with pytest.raises(EnrolmentFailed):
        await enrol_device(coordinator.url, ORGANISATION.public, str(coordinator.code))
