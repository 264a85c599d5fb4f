"""A new device enrols with an invitation code, and then serves."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from relay_organisation import RelayOrganisation
from relay_process import relay_here
from sdk_people import PATIENCE
from teduh_crypto.credentials import (
    CoordinatorRequest,
    InvitationCode,
    Role,
    StaffStatement,
    comparison_words,
    invite,
    new_identifier,
    seal_statement,
    sign_coordinator_request,
    sign_staff_statement,
    verify_enrolment,
)
from teduh_sdk import EncryptedKeyStore, MemoryKeyStore, Staff, enrol_device, stored_device
from teduh_sdk.exceptions import EnrolmentFailed
from valkey_server import start_valkey

ORGANISATION = RelayOrganisation()


@dataclass
class Coordinator:
    """Holds the root key, invites and approves."""

    url: str
    code: InvitationCode

    @classmethod
    def inviting(cls, url: str) -> Coordinator:
        now = int(time.time())
        _, code = invite(ORGANISATION.authority, subject="sari", role=Role.COUNSELOR, now=now)
        return cls(url, code)

    async def look(self) -> tuple[str, bytes]:
        """Who waits: the enrolment's id, and the device's key."""
        answer = await self._ask("GET", "/v1/enrolments", b"")
        (waiting,) = answer["enrolments"]
        return waiting["id"], verify_enrolment(waiting["enrolment"], waiting["invitation"])

    async def approve(self, enrolment_id: str, device_key: bytes) -> None:
        now = int(time.time())
        statement = StaffStatement(
            organisation_id=ORGANISATION.id,
            statement_id=new_identifier(),
            subject="sari",
            name="Sari",
            role=Role.COUNSELOR,
            languages=("id",),
            skills=(),
            not_before=now - 300,
            expires=now + 3600,
            device_key=device_key,
        )
        token = sign_staff_statement(statement, ORGANISATION.authority)
        sealed = seal_statement(self.code.sealing_key, enrolment_id, token)
        body = b'{"sealed":"%s"}' % base64.urlsafe_b64encode(sealed).rstrip(b"=")
        await self._ask("PUT", f"/v1/enrolments/{enrolment_id}/statement", body)

    async def _ask(self, method: str, path: str, body: bytes) -> dict[str, list[dict[str, str]]]:
        asked = CoordinatorRequest(self.url, method, path, body)
        token = sign_coordinator_request(asked, ORGANISATION.authority, now=int(time.time()))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, data=body, headers=headers) as answer,
        ):
            assert answer.ok, await answer.text()
            found: dict[str, list[dict[str, str]]] = {} if answer.status == 204 else await answer.json()
            return found


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    with start_valkey() as valkey:
        async with relay_here(ORGANISATION.write(tmp_path), valkey.url) as (_, url):
            await ORGANISATION.publish_revocations(url)
            yield url


async def test_an_invited_device_is_approved_and_serves(url: str, tmp_path: Path) -> None:
    coordinator = Coordinator.inviting(url)
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
    coordinator = Coordinator.inviting(url)
    enrolment = await enrol_device(url, ORGANISATION.public, str(coordinator.code))
    enrolment_id, _ = await coordinator.look()
    await coordinator.approve(enrolment_id, ORGANISATION.staff("Eve").about.device_key)
    keys = MemoryKeyStore()
    with pytest.raises(EnrolmentFailed):
        await enrolment.wait(keys)
    assert keys.names("") == ()


async def test_an_invitation_serves_one_device(url: str) -> None:
    coordinator = Coordinator.inviting(url)
    await enrol_device(url, ORGANISATION.public, str(coordinator.code))
    with pytest.raises(EnrolmentFailed):
        await enrol_device(url, ORGANISATION.public, str(coordinator.code))


@pytest.mark.parametrize("code", ["", "nonsense", "a.b.c:AAAA"])
async def test_what_is_no_code_is_refused_before_anything_is_sent(code: str) -> None:
    with pytest.raises(EnrolmentFailed):
        await enrol_device("http://127.0.0.1:9", ORGANISATION.public, code)


async def test_a_relay_that_cannot_be_reached_is_said_to_be() -> None:
    coordinator = Coordinator.inviting("http://127.0.0.1:9")
    with pytest.raises(EnrolmentFailed):
        await enrol_device(coordinator.url, ORGANISATION.public, str(coordinator.code))
