"""A survivor's connection goes to the worker that has her counselor, and neither of them notices."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
import uvloop
from frame_client import FrameClient, frame_client
from relay_organisation import RelayOrganisation, StaffDevice
from relay_process import eventually, worker_here
from teduh_server.app import Relay
from teduh_server.handlers import migration
from teduh_server.neighbours import Boxes
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.keys import ConversationKeys
from teduh_signaling.relay.codec import encode
from teduh_signaling.relay.frames import (
    Accepted,
    Acknowledge,
    AnyRelayFrame,
    Append,
    Entry,
    Ephemeral,
    EphemeralEntry,
    Moving,
    OpenRequest,
    Ping,
    Pong,
    RequestOpened,
    Subscribe,
    Subscribed,
)
from valkey_cluster import valkey_cluster
from valkey_server import start_valkey
from websocket_wire import BINARY, HEADERS, PING, PONG, Wire, masked, request, wire

_F = TypeVar("_F", bound=AnyRelayFrame)


@dataclass
class House:
    """Two workers of one machine."""

    relays: tuple[Relay, Relay]
    urls: tuple[str, str]
    organisation: RelayOrganisation
    device: StaffDevice

    def here(self, number: int) -> int:
        """How many connections a worker has."""
        return len(self.relays[number]._sockets.connections)


@pytest.fixture
def boxes() -> Iterator[Boxes]:
    boxes = Boxes.of(2)
    assert boxes is not None
    yield boxes
    boxes.close()


@asynccontextmanager
async def _house(
    boxes: Boxes, organisation: RelayOrganisation, folder: Path, store_url: str
) -> AsyncIterator[House]:
    path = organisation.write(folder)
    async with AsyncExitStack() as stack:
        one, two = [
            await stack.enter_async_context(worker_here(path, store_url, boxes.neighbours_of(number)))
            for number in range(2)
        ]
        for relay in (one, two):
            await organisation.publish_revocations(relay.origin)
        yield House((one, two), (one.origin, two.origin), organisation, organisation.staff())


@pytest.fixture
async def house(
    boxes: Boxes, valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> AsyncIterator[House]:
    async with _house(boxes, organisation, tmp_path, valkey.url) as house:
        yield house


@pytest.fixture
async def apart(house: House) -> AsyncIterator[tuple[FrameClient, FrameClient, bytes]]:
    async with _apart(house) as pair:
        yield pair


@asynccontextmanager
async def _apart(house: House) -> AsyncIterator[tuple[FrameClient, FrameClient, bytes]]:
    """A survivor at the first worker, a staff device at the second, in epoch 1."""
    async with frame_client(house.urls[0]) as survivor, frame_client(house.urls[1]) as staff:
        await staff.authenticate(house.device)
        conversation = await survivor.open_request()
        await staff.claim(conversation)
        await staff.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
        await survivor.entries(2)
        yield survivor, staff, conversation


async def _comes_over(house: House, survivor: FrameClient) -> None:
    """Say something until she is at the other worker."""
    async with asyncio.timeout(20):
        while house.here(0):
            await survivor.ask(Ping(5), Pong)
            await asyncio.sleep(0.02)
    assert house.here(1) == 2


async def test_she_comes_over_and_they_talk_on(
    house: House, apart: tuple[FrameClient, FrameClient, bytes]
) -> None:
    survivor, staff, conversation = apart
    await survivor.append(conversation, 1, b"before")
    await _comes_over(house, survivor)
    await survivor.append(conversation, 2, b"after")
    await staff.append(conversation, 2, b"yes")
    await survivor.send(Ephemeral(conversation, b"typing"))
    assert [(entry.seq, entry.payload) for entry in await staff.entries(2)] == [(3, b"before"), (4, b"after")]
    assert [(entry.seq, entry.payload) for entry in await survivor.entries(1)] == [(5, b"yes")]
    assert (await staff.expect(EphemeralEntry)).payload == b"typing"


async def test_nothing_of_her_stays_behind(
    house: House, apart: tuple[FrameClient, FrameClient, bytes]
) -> None:
    survivor, staff, conversation = apart
    await _comes_over(house, survivor)
    left, taken = house.relays
    assert left._delivery.conversation_count == 0
    assert not left._migration._leaving
    assert not left._migration._trying
    # The worker that has both is alone with them: nothing is published.
    for counter in range(1, 40):
        await survivor.append(conversation, counter, b"said")
    assert await _nodes(taken, conversation) == taken.node_id.encode()
    assert len(await staff.entries(39)) == 39


async def _nodes(relay: Relay, conversation: bytes) -> object:
    """The nodes to which the store publishes what is said."""
    return await relay._store.ask((b"HGET", ConversationKeys.of(conversation).state, b"o"))


async def test_in_a_cluster_her_new_worker_listens_where_it_did_not(
    boxes: Boxes, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """There each conversation has a channel of its own, and her counselor is gone when she comes."""
    with valkey_cluster(3, 0, appendonly="no") as cluster:
        async with (
            _house(boxes, organisation, tmp_path, cluster.url) as house,
            _apart(house) as (survivor, staff, conversation),
        ):
            await _leaving(house)
            await staff.socket.close()
            await eventually(lambda: house.relays[1]._delivery.conversation_count == 0)
            await survivor.ask(Ping(1), Pong)
            assert (house.here(0), house.here(1)) == (0, 1)
            async with frame_client(house.urls[0]) as back:
                await back.authenticate(house.device)
                await back.subscribe(conversation, 2)
                await back.append(conversation, 2, b"are you there?")
                assert (await survivor.expect(Entry)).payload == b"are you there?"
                await survivor.append(conversation, 1, b"yes")
                while (await back.expect(Entry)).payload != b"yes":
                    pass


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_is_being_said_at_that_moment_is_neither_lost_nor_doubled(
    house: House, seed: int
) -> None:
    """Frames cut anywhere, many at a time, while the other writes as well."""
    chance = random.Random(seed)
    async with wire(house.urls[0], request(HEADERS)) as hers, frame_client(house.urls[1]) as staff:
        await hers.head()
        await hers.relay_frame()
        await staff.authenticate(house.device)
        hers.send(masked(BINARY, encode(OpenRequest(1, b"c" * 32, b"key package"))))
        conversation = (await _next(hers, RequestOpened)).conversation_id
        await staff.claim(conversation)
        await staff.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
        counts = await asyncio.gather(
            _says(hers, conversation, house, chance), _answers(staff, conversation, house, chance)
        )
        assert house.here(1) == 2
        accepted, heard = await _took(hers, counts[0], counts[1] + 2)
        assert list(accepted) == list(range(1, counts[0] + 1))
        # Every place once: hers by what was accepted, all others by what she was handed.
        assert sorted((*accepted.values(), *heard)) == list(range(1, sum(counts) + 3))
        entries = await staff.entries(counts[0])
        assert [entry.payload for entry in entries] == [b"%d" % number for number in accepted]
        assert [entry.seq for entry in entries] == list(accepted.values())


async def _says(hers: Wire, conversation: bytes, house: House, chance: random.Random) -> int:
    """Says and acknowledges, in pieces of any size, until she is at the other worker and some time more."""
    counter, stream, after = 0, b"", 100
    while stream or after:
        if house.here(0) == 0:
            after = max(0, after - 1)
        while after and len(stream) < 2000:
            counter += 1
            stream += masked(BINARY, encode(Append(conversation, counter, 0, 1, b"%d" % counter)))
            stream += masked(BINARY, encode(Acknowledge(conversation, 1 + counter)))
        size = chance.choice((1, 7, 40, 333, 2000))
        hers.send(stream[:size])
        stream = stream[size:]
        await asyncio.sleep(chance.choice((0, 0, 0.001, 0.01)))
    return counter


async def _answers(staff: FrameClient, conversation: bytes, house: House, chance: random.Random) -> int:
    """Says things until she is here and some time more."""
    counter, after = 1, 20
    while after:
        after -= house.here(0) == 0
        counter += 1
        await staff.append(conversation, counter, b"s%d" % counter)
        await asyncio.sleep(chance.choice((0, 0.005)))
    return counter - 1


async def _took(hers: Wire, accepted: int, heard: int) -> tuple[dict[int, int], dict[int, bytes]]:
    """By counter the places of what she has said, by place what she was handed; nothing of it twice."""
    places: dict[int, int] = {}
    entries: dict[int, bytes] = {}
    while len(places) < accepted or len(entries) < heard:
        frame = await hers.relay_frame()
        if isinstance(frame, Accepted):
            assert frame.counter not in places
            places[frame.counter] = frame.seq
        elif isinstance(frame, Entry):
            assert frame.seq not in entries
            entries[frame.seq] = frame.payload
    return places, entries


async def test_what_the_relay_knows_of_her_comes_with_her(
    house: House, apart: tuple[FrameClient, FrameClient, bytes]
) -> None:
    """Among it what she has used up of what she may."""
    survivor, staff, conversation = apart
    await staff.append(conversation, 2, b"heard")
    await survivor.entries(1)
    await _leaving(house)
    ((before, intake),) = house.relays[0]._sockets.connections.items()
    intake._socket.free_at = before_free_at = time.monotonic() + 0.5
    subscription = before.subscriptions[conversation]
    subscription.told_reachable = True
    await survivor.send(Acknowledge(conversation, 3))
    await eventually(lambda: house.here(1) == 2)
    after, arrived = next(
        (each, intake) for each, intake in house.relays[1]._sockets.connections.items() if each.staff is None
    )
    assert (after.source, after.nonce) == (before.source, before.nonce)
    assert after.requests == 1
    # What came along is in the price, and what follows waits its time.
    assert before_free_at < arrived.free_at < before_free_at + 1
    assert after.subscriptions[conversation].told_reachable is True
    await eventually(lambda: after.subscriptions[conversation].has == 3)


def test_who_has_said_too_much_is_not_read_by_her_new_worker_either(
    boxes: Boxes, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """On the event loop that the relay runs on, which reads on if it is told too early to pause."""

    async def flood() -> None:
        with start_valkey() as valkey:
            async with (
                _house(boxes, organisation, tmp_path, valkey.url) as house,
                _apart(house) as (survivor, _, _),
            ):
                await _leaving(house)
                (intake,) = house.relays[0]._sockets.connections.values()
                intake._socket.free_at = time.monotonic() + 60
                for number in range(1, 200):
                    await survivor.send(Ping(number))
                await eventually(lambda: house.here(1) == 2)
                (hers,) = [
                    each
                    for each in house.relays[1]._sockets.connections.values()
                    if each.connection.staff is None
                ]
                for number in range(200, 400):
                    await survivor.send(Ping(number))
                    await asyncio.sleep(0)
                assert hers._kept is None
                await eventually(lambda: not hers._socket._transport.is_reading())

    uvloop.run(flood())


async def test_her_acknowledgement_counts_though_her_new_worker_has_not_heard_of_the_entry(
    house: House, apart: tuple[FrameClient, FrameClient, bytes]
) -> None:
    """What was said at the old one is on its way by another connection."""
    survivor, _, conversation = apart
    await survivor.append(conversation, 1, b"mine")
    await _leaving(house)
    there = house.relays[1]._delivery.conversation(conversation)
    assert there is not None
    await eventually(lambda: there.newest == 3)
    there.newest = 1
    await survivor.send(Acknowledge(conversation, 3))
    await eventually(lambda: len(there.subscriptions) == 2)
    (hers,) = [each for each in there.subscriptions if each.member == 0]
    assert hers.has == 3


async def test_who_goes_while_staff_leave_is_still_reached(
    house: House, apart: tuple[FrameClient, FrameClient, bytes]
) -> None:
    """Her new worker held nobody of the conversation any more: it begins anew."""
    survivor, staff, conversation = apart
    await _leaving(house)
    await staff.socket.close()
    await eventually(lambda: house.relays[1]._delivery.conversation_count == 0)
    await survivor.ask(Ping(1), Pong)
    assert house.here(1) == 1
    async with frame_client(house.urls[0]) as back:
        # The same device, at the worker where the survivor was.
        await back.authenticate(house.device)
        await back.subscribe(conversation, 2)
        await back.append(conversation, 2, b"are you there?")
        assert (await survivor.expect(Entry)).payload == b"are you there?"
        await survivor.append(conversation, 1, b"yes")
        while (await back.expect(Entry)).payload != b"yes":
            pass


async def test_a_large_message_is_whole_on_the_other_side(
    house: House, apart: tuple[FrameClient, FrameClient, bytes]
) -> None:
    survivor, staff, conversation = apart
    await _leaving(house)
    await survivor.append(conversation, 1, b"x" * 50_000)
    assert house.here(1) == 2
    await survivor.append(conversation, 2, b"y" * 60_000)
    assert [len(entry.payload) for entry in await staff.entries(2)] == [50_000, 60_000]


async def test_a_fragmented_message_is_whole_on_the_other_side(
    house: House, apart: tuple[FrameClient, FrameClient, bytes]
) -> None:
    """And a ping between its parts does not count as its end."""
    survivor, staff, conversation = apart
    async with wire(house.urls[0], request(HEADERS)) as again:
        await again.head()
        await again.relay_frame()
        again.send(masked(BINARY, encode(Subscribe(3, conversation, 2, survivor.capability))))
        await survivor.socket.close()
        await _next(again, Subscribed)
        await _leaving(house)
        data = encode(Append(conversation, 1, 0, 1, b"in two parts"))
        again.send(masked(BINARY, data[:9], final=False))
        again.send(masked(PING, b"there?"))
        opcode, payload = await again.frame()
        assert (opcode, payload) == (PONG, b"there?")
        assert house.here(0) == 1
        again.send(masked(0, data[9:]))
        assert (await _next(again, Accepted)).counter == 1
        assert (await staff.entries(1))[0].payload == b"in two parts"
        assert house.here(0) == 0


async def test_who_comes_back_to_another_worker_comes_over_again(
    house: House, apart: tuple[FrameClient, FrameClient, bytes]
) -> None:
    survivor, staff, conversation = apart
    await _comes_over(house, survivor)
    await survivor.append(conversation, 1, b"one")
    await survivor.socket.close()
    async with frame_client(house.urls[0]) as again:
        await again.subscribe(conversation, 3, survivor.capability)
        await _comes_over(house, again)
        await again.append(conversation, 2, b"two")
    assert [entry.payload for entry in await staff.entries(2)] == [b"one", b"two"]


async def test_who_is_not_let_in_yet_stays(house: House) -> None:
    """Her device is told by the queue of the worker where she asked."""
    async with frame_client(house.urls[0]) as survivor, frame_client(house.urls[1]) as staff:
        await staff.authenticate(house.device)
        conversation = await survivor.open_request()
        await staff.claim(conversation)
        await eventually(lambda: house.relays[0]._migration._trying)
        for _ in range(30):
            await survivor.ask(Ping(1), Pong)
            await asyncio.sleep(0.02)
        assert house.here(0) == 1
        await staff.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
        await survivor.entries(2)
        await _comes_over(house, survivor)


async def test_who_has_staff_beside_her_stays(
    house: House, apart: tuple[FrameClient, FrameClient, bytes]
) -> None:
    """Both workers have staff of the conversation then, so nothing is gained."""
    survivor, staff, conversation = apart
    await _comes_over(house, survivor)
    device = house.organisation.staff("Budi")
    await staff.append(conversation, 2, b"c", kind=1, welcome=b"w", added=(device.id,))
    async with frame_client(house.urls[0]) as colleague:
        await colleague.authenticate(device)
        await colleague.subscribe(conversation, 2)
        for _ in range(10):
            await survivor.ask(Ping(1), Pong)
            await asyncio.sleep(0.02)
        assert house.here(1) == 2
        await survivor.append(conversation, 1, b"to both", epoch=2)
        for each in (staff, colleague):
            while (await each.expect(Entry)).payload != b"to both":
                pass


async def test_who_gets_staff_beside_her_meanwhile_stays(
    house: House, apart: tuple[FrameClient, FrameClient, bytes]
) -> None:
    survivor, staff, conversation = apart
    device = house.organisation.staff("Budi")
    await staff.append(conversation, 2, b"c", kind=1, welcome=b"w", added=(device.id,))
    await _leaving(house)
    async with frame_client(house.urls[0]) as colleague:
        await colleague.authenticate(device)
        await colleague.subscribe(conversation, 2)
        await survivor.ask(Ping(1), Pong)
        await survivor.ask(Ping(2), Pong)
        assert house.here(0) == 2


async def test_who_has_two_conversations_on_a_connection_stays(house: House) -> None:
    """The other may have its counselor elsewhere."""
    async with frame_client(house.urls[0]) as survivor, frame_client(house.urls[1]) as staff:
        await staff.authenticate(house.device)
        conversation = await survivor.open_request()
        survivor.capability = b"d" * 32
        await survivor.open_request()
        await staff.claim(conversation)
        await staff.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
        await survivor.entries(2)
        for _ in range(30):
            await survivor.ask(Ping(1), Pong)
            await asyncio.sleep(0.02)
        assert house.here(0) == 1


async def test_who_was_asked_to_move_is_not_handed_over(
    house: House, apart: tuple[FrameClient, FrameClient, bytes]
) -> None:
    survivor, _, _ = apart
    await _leaving(house)
    house.relays[0]._sockets.drain(1.0)
    await survivor.expect(Moving)
    await survivor.ask(Ping(1), Pong)
    assert house.here(0) == 1


async def test_nothing_is_kept_of_who_closes_instead_of_going(
    house: House, apart: tuple[FrameClient, FrameClient, bytes]
) -> None:
    survivor, _, _ = apart
    await _leaving(house)
    await survivor.socket.close()
    await eventually(lambda: house.here(0) == 0)
    assert not house.relays[0]._migration._leaving
    assert house.here(1) == 1


async def test_a_neighbour_that_cannot_take_her_leaves_her_where_she_is(
    house: House, apart: tuple[FrameClient, FrameClient, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    survivor, staff, conversation = apart
    monkeypatch.setattr("teduh_server.neighbours.socket.send_fds", _full)
    for counter in range(1, 30):
        await survivor.append(conversation, counter, b"%d" % counter)
        await asyncio.sleep(0.01)
    assert house.here(0) == 1
    assert [entry.payload for entry in await staff.entries(29)] == [b"%d" % n for n in range(1, 30)]
    monkeypatch.undo()
    await _comes_over(house, survivor)


async def test_what_she_says_slowly_answered_is_not_left_behind(
    house: House,
    apart: tuple[FrameClient, FrameClient, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The store does not answer: she stays, and goes when it does."""
    monkeypatch.setattr(migration, "QUIET_SECONDS", 0.02)
    survivor, staff, conversation = apart
    await _leaving(house)
    (intake,) = house.relays[0]._sockets.connections.values()
    intake.connection.in_flight += 1
    await survivor.ask(Ping(1), Pong)
    assert house.here(0) == 1
    intake.connection.in_flight -= 1
    await _comes_over(house, survivor)
    await survivor.append(conversation, 1, b"said")
    assert (await staff.entries(1))[0].payload == b"said"


async def test_she_goes_to_a_worker_that_is_stopping_and_is_asked_to_move_on(
    house: House, apart: tuple[FrameClient, FrameClient, bytes]
) -> None:
    survivor, _, _ = apart
    await _leaving(house)
    house.relays[1]._sockets.drain(1.0)
    await survivor.send(Ping(1))
    await survivor.expect(Moving)


async def test_what_no_neighbour_says_harms_nobody(
    house: House, boxes: Boxes, apart: tuple[FrameClient, FrameClient, bytes]
) -> None:
    survivor, _, _ = apart
    ours, theirs = socket.socketpair()
    for message in (b"\x00", b"nonsense", encode(Ping(1))):
        socket.send_fds(boxes.pairs[0][1], [message], [ours.fileno()])
    ours.close()
    theirs.setblocking(False)
    # What came with it was closed.
    assert await asyncio.get_running_loop().sock_recv(theirs, 1) == b""
    theirs.close()
    await _comes_over(house, survivor)


async def _leaving(house: House) -> None:
    await eventually(lambda: house.relays[0]._migration._leaving)


async def _next(client: Wire, wanted: type[_F]) -> _F:
    while True:
        frame = await client.relay_frame()
        if isinstance(frame, wanted):
            return frame


def _full(*_: object) -> None:
    raise BlockingIOError
