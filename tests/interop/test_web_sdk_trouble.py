"""The TypeScript SDK when the relay is killed, and how a device of it enrols."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.clients.sdk_people import collect, new_staff, until
from support.clients.web_peer import WebPeer, WebPeerRefused, organisation_json, web_peer
from support.organisation.coordinator import Coordinator
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess, relay_process
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import comparison_words
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.staff.staff import Staff
from teduh_server.redis_store.embedded import EmbeddedValkey

ORGANISATION = RelayOrganisation()


@pytest.fixture
def store() -> Iterator[EmbeddedValkey]:
    with start_valkey() as valkey:
        yield valkey


@pytest.fixture
def relay(tmp_path: Path, store: EmbeddedValkey) -> Iterator[RelayProcess]:
    with relay_process(tmp_path / "relay", ORGANISATION.write(tmp_path), store.url) as process:
        yield process


async def accepted(staff: Staff) -> Conversation:
    async for request in staff.requests():
        return await request.accept()
    raise AssertionError("there are always requests")


async def texts(peer: WebPeer, count: int) -> list[object]:
    return [(await peer.until("textReceived"))["text"] for _ in range(count)]


async def test_a_killed_relay_loses_nothing_and_repeats_nothing(relay: RelayProcess) -> None:
    await ORGANISATION.publish_revocations(relay.url)
    organisation = organisation_json(ORGANISATION.public)
    async with (
        web_peer() as her,
        Staff(relay.url, ORGANISATION.public, new_staff(ORGANISATION, "Sari")) as staff,
    ):
        await her.call("openSurvivor", url=relay.url, organisation=organisation)
        await her.call("ask")
        his = await accepted(staff)
        await her.until("joined")
        for number in range(10):
            await her.call("send", text=f"before {number}")
            await his.send(f"before {number}")
        relay.kill()
        await her.until("reconnecting")
        for number in range(10):
            await her.call("send", text=f"meanwhile {number}")
            await his.send(f"meanwhile {number}")
        relay.start()
        expected = [f"{when} {number}" for when in ("before", "meanwhile") for number in range(10)]
        assert await texts(her, 20) == expected
        assert [heard.text for heard in await collect(his, events.TextReceived, 20)] == expected
        await her.call("confirmed")
        await her.call("send", text="and on")
        assert (await until(his, events.TextReceived)).text == "and on"


async def test_a_request_survives_a_killed_relay(relay: RelayProcess) -> None:
    await ORGANISATION.publish_revocations(relay.url)
    async with web_peer() as her:
        organisation = organisation_json(ORGANISATION.public)
        await her.call("openSurvivor", url=relay.url, organisation=organisation)
        await her.call("ask")
        await her.call("send", text="Is somebody there?")
        relay.kill()
        await her.until("reconnecting")
        relay.start()
        await her.until("connected")
        store = new_staff(ORGANISATION, "Sari")
        async with Staff(relay.url, ORGANISATION.public, store) as staff:
            his = await accepted(staff)
            assert (await until(his, events.TextReceived)).text == "Is somebody there?"


async def test_an_invited_device_is_approved_and_serves(relay: RelayProcess) -> None:
    await ORGANISATION.publish_revocations(relay.url)
    coordinator = Coordinator.inviting(relay.url, ORGANISATION)
    public = organisation_json(ORGANISATION.public)
    async with web_peer() as sari:
        words = await sari.call("enrol", url=relay.url, organisation=public, code=str(coordinator.code))
        enrolment_id, device_key = await coordinator.look()
        assert words == list(comparison_words(device_key, invitation=coordinator.code.invitation))
        await coordinator.approve(enrolment_id, device_key)
        await sari.call("waitForApproval")
        await sari.call("openStaff", url=relay.url, organisation=public)
        assert await sari.call("aboutMe") == {"name": "Sari", "role": "counselor"}
        assert await sari.call("colleagues") == []


async def test_a_statement_about_another_key_is_not_taken(relay: RelayProcess) -> None:
    """A coordinator's machine, or the relay, that swapped the key."""
    await ORGANISATION.publish_revocations(relay.url)
    coordinator = Coordinator.inviting(relay.url, ORGANISATION)
    public = organisation_json(ORGANISATION.public)
    async with web_peer() as sari:
        await sari.call("enrol", url=relay.url, organisation=public, code=str(coordinator.code))
        enrolment_id, _ = await coordinator.look()
        await coordinator.approve(enrolment_id, ORGANISATION.staff("Eve").about.device_key)
        with pytest.raises(WebPeerRefused, match="EnrolmentFailed"):
            await sari.call("waitForApproval")
        with pytest.raises(WebPeerRefused, match="KeyStoreError"):
            await sari.call("openStaff", url=relay.url, organisation=public)
