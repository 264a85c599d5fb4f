"""A counselor's device dies in the middle of it; somebody else goes on, let in by the survivor alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.clients.sdk_people import PATIENCE, collect, device_of, new_staff, until
from support.organisation.relay_organisation import RelayOrganisation, StaffDevice
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import Role
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.device.key_store import KeyStore
from teduh_sdk.exceptions import NotLetIn, NotTrusted, RelayRefused, RequestGone
from teduh_sdk.group.group_changes import CLASSIC_SUITE, key_package_to_wire
from teduh_sdk.net.transport import Dial, Socket, dial_relay
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.codec import decode_relay_frame, encode
from teduh_signaling.relay.frames import KeyPackage

ORGANISATION = RelayOrganisation()


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    with start_valkey() as valkey:
        yield valkey


@dataclass
class Environment:
    """A relay that is soon to say that nobody answers."""

    url: str

    def staff(self, store: KeyStore) -> Staff:
        return Staff(self.url, ORGANISATION.public, store, suite=CLASSIC_SUITE)

    def colleague(self, name: str, role: Role = Role.COUNSELOR) -> Staff:
        return self.staff(new_staff(ORGANISATION, name, role))


@asynccontextmanager
async def environment(
    tmp_path: Path, valkey: EmbeddedValkey, *, consent_seconds: float = 60
) -> AsyncIterator[Environment]:
    settings = {"unreachable_seconds": 0.5, "consent_seconds": consent_seconds}
    async with relay_here(ORGANISATION.write(tmp_path), valkey.url, **settings) as (_, url):
        await ORGANISATION.publish_revocations(url)
        yield Environment(url)


@asynccontextmanager
async def left_alone(
    at: Environment, dial: Dial | None = None
) -> AsyncIterator[tuple[Conversation, KeyStore]]:
    """Her conversation, whose counselor's device has died; and what is on that device."""
    store = new_staff(ORGANISATION, "Sari")
    async with Survivor(at.url, ORGANISATION.public, suite=CLASSIC_SUITE, dial=dial) as survivor:
        hers = await survivor.ask(need="counseling")
        async with at.staff(store) as sari:
            his = await sari.claim()
            await his.send("Are you safe?")
            await until(hers, events.TextReceived)
        (lost,) = (await until(hers, events.StaffUnreachable)).participants
        assert lost.name == "Sari"
        yield hers, store


async def test_another_goes_on_and_nothing_that_she_wrote_is_lost(
    tmp_path: Path, valkey: EmbeddedValkey
) -> None:
    async with (
        environment(tmp_path, valkey) as at,
        left_alone(at) as (hers, store),
        at.colleague("Dewi") as dewi,
    ):
        # Before she looks for somebody, and while she does.
        await hers.send("He is coming up the stairs.")
        await hers.request_reassignment()
        await hers.send("Please answer.")
        taking = asyncio.create_task(dewi.claim())
        found = await until(hers, events.ReassignmentFound)
        assert (str(found.participant), len(hers.participants)) == ("Dewi (counselor)", 2)
        await found.approve()
        theirs = await taking
        assert [one.text for one in await collect(theirs, events.TextReceived, 2)] == [
            "He is coming up the stairs.",
            "Please answer.",
        ]
        assert {one.name for one in hers.participants} == {None, "Dewi"}
        await theirs.send("I am here.")
        heard = await until(hers, events.TextReceived)
        assert (heard.text, heard.sender.name) == ("I am here.", "Dewi")
        # The old device comes back, and is out.
        async with at.staff(store) as sari:
            (his,) = sari.conversations
            stopped = await until(his, events.Stopped)
            assert isinstance(stopped.reason, RelayRefused)
        # It is this device that is gone next; it may be sought anew in the later epoch.
        await theirs.send("Hold on.")
        assert (await until(hers, events.TextReceived)).text == "Hold on."


async def test_no_means_that_nobody_comes_in(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    """Who would have come hears it at once, long before her lease ends."""
    async with (
        environment(tmp_path, valkey, consent_seconds=600) as at,
        left_alone(at) as (hers, store),
        at.colleague("Dewi") as dewi,
    ):
        await hers.request_reassignment()
        taking = asyncio.create_task(dewi.claim())
        await (await until(hers, events.ReassignmentFound)).decline()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(NotLetIn):
                await taking
        assert {one.name for one in hers.participants} == {None, "Sari"}
        # What she writes is not held back any more, and is heard by who comes back.
        await hers.send("I would rather wait for you.")
        async with at.staff(store) as sari:
            (his,) = sari.conversations
            assert (await until(his, events.TextReceived)).text == "I would rather wait for you."
            await until(hers, events.StaffReachable)


async def test_an_answer_that_comes_too_late_lets_nobody_in_and_she_waits_again(
    tmp_path: Path, valkey: EmbeddedValkey
) -> None:
    async with (
        environment(tmp_path, valkey, consent_seconds=0.5) as at,
        left_alone(at) as (hers, _),
        at.colleague("Dewi") as dewi,
        at.colleague("Maya", Role.MEDIC) as maya,
    ):
        await hers.request_reassignment()
        taking = asyncio.create_task(dewi.claim())
        late = await until(hers, events.ReassignmentFound)
        await until(hers, events.ReassignmentLapsed)
        await late.approve()
        assert len(hers.participants) == 2
        with pytest.raises(RequestGone):
            await taking
        # It waits, and somebody else may take it.
        waiting = asyncio.create_task(maya.claim())
        assert (await until(hers, events.ReassignmentFound)).participant.name == "Maya"
        waiting.cancel()


async def test_who_comes_back_takes_the_own_conversation(tmp_path: Path, valkey: EmbeddedValkey) -> None:
    async with environment(tmp_path, valkey) as at, left_alone(at) as (hers, store):
        await hers.request_reassignment()
        await hers.send("Is anybody there?")
        async with at.staff(store) as sari:
            his = await sari.claim()
            assert his in sari.conversations
            await his.send("I am back.")
            await until(hers, events.StaffReachable)
            assert (await until(his, events.TextReceived)).text == "Is anybody there?"
            assert {one.name for one in hers.participants} == {None, "Sari"}


class SwappingSocket:
    """The relay hands her another device's key package than it says."""

    def __init__(self, socket: Socket, instead: bytes) -> None:
        self._socket = socket
        self._instead = instead

    async def send(self, data: bytes) -> None:
        await self._socket.send(data)

    async def receive(self) -> bytes:
        data = await self._socket.receive()
        frame = decode_relay_frame(data)
        if isinstance(frame, KeyPackage):
            return encode(KeyPackage(frame.ref, frame.device_id, self._instead))
        return data

    async def close(self) -> None:
        await self._socket.close()


def _key_package(device: StaffDevice) -> bytes:
    bundle = device_of(device).new_key_package(CLASSIC_SUITE)
    return key_package_to_wire(bundle.key_package)


@pytest.mark.parametrize(
    "whose",
    [
        pytest.param(ORGANISATION.staff("Eve"), id="a colleague's who has not taken it"),
        pytest.param(RelayOrganisation().staff("Dewi"), id="of another organisation"),
        pytest.param(ORGANISATION.staff("Dewi", expires_in=-1), id="whose statement has ended"),
    ],
)
async def test_a_key_package_that_the_relay_has_swapped_lets_nobody_in_and_she_is_told(
    tmp_path: Path, valkey: EmbeddedValkey, whose: StaffDevice
) -> None:
    async with environment(tmp_path, valkey) as at, at.colleague("Dewi") as dewi:

        async def dial() -> Socket:
            return SwappingSocket(await dial_relay(at.url)(), _key_package(whose))

        async with left_alone(at, dial) as (hers, _):
            await hers.request_reassignment()
            taking = asyncio.create_task(dewi.claim())
            assert isinstance((await until(hers, events.ReassignmentRefused)).reason, NotTrusted)
            assert {one.name for one in hers.participants} == {None, "Sari"}
            taking.cancel()
