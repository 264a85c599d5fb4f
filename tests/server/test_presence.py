"""Who is there, as several nodes see it: the devices of one person together, and nodes that fall silent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest
from teduh_crypto.credentials import Role
from teduh_server.cluster.node_channel import NodeChannel
from teduh_server.organisation.staff_authentication import StaffDevice
from teduh_server.redis_store.client import Store
from teduh_server.session.connection import Connection
from teduh_server.staff import presence
from teduh_server.staff.presence import HEARTBEAT_SECONDS, Presence
from teduh_signaling.relay.frames import Availability, SetAvailability


@dataclass
class Bus:
    """What nodes publish, given to all that still hear and are heard."""

    now: float = 1000.0
    channels: list[NodeChannel] = field(default_factory=list)
    available: bool = True

    def node(self, name: str) -> Presence:
        channel = NodeChannel()
        node = Presence(cast("Store", self), channel, name)
        self.channels.append(channel)
        return node

    def hears(self, _: bytes) -> bool:
        return self.available

    def publish(self, _: bytes, message: bytes) -> None:
        for channel in self.channels:
            channel.receive(message)


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    """With a clock of its own."""
    bus = Bus()
    clock = SimpleNamespace(monotonic=lambda: bus.now, time=lambda: bus.now)
    monkeypatch.setattr(presence, "time", clock)
    return bus


@dataclass(eq=False)
class _Connection:
    """As much of a connection as presence looks at."""

    staff: StaffDevice
    subscriptions: dict[bytes, None]


def _connection(person: bytes, device: bytes, load: int = 0) -> Connection:
    staff = StaffDevice(
        device_id=device * 32,
        expires=2000,
        statement="statement",
        issuer_statement=None,
        person=person * 16,
        subject="subject",
        statement_id="statement id",
        role=Role.COUNSELOR,
        languages=("id",),
        skills=(),
    )
    return cast("Connection", _Connection(staff, {bytes([each]): None for each in range(load)}))


def _say(node: Presence, connection: Connection, availability: Availability, capacity: int) -> None:
    node.set_availability(connection, SetAvailability(1, availability, capacity))


async def test_people_of_a_silent_node_are_offline_within_fifteen_seconds(bus: Bus) -> None:
    """And not after a single beat that got lost."""
    here, other = bus.node("here"), bus.node("other")
    sari = _connection(b"s", b"1")
    other.attach(sari)
    _say(other, sari, Availability.AVAILABLE, 2)
    other._announce()
    beating = asyncio.ensure_future(other.announce_forever())
    await asyncio.sleep(0)
    beating.cancel()
    assert [person.id for person in here.people()] == [b"s" * 16]
    bus.now += 2 * HEARTBEAT_SECONDS
    assert [person.seats for person in here.people()] == [2]
    bus.now += 15 - 2 * HEARTBEAT_SECONDS
    assert here.people() == []
    assert here.device_ids() == set()
    assert set(here.counted().values()) == {0}
    assert here.seats(b"s" * 16) == 0


async def test_node_that_is_heard_again_is_asked_for_its_people(bus: Bus) -> None:
    here, other = bus.node("here"), bus.node("other")
    sari = _connection(b"s", b"1")
    other.attach(sari)
    _say(other, sari, Availability.AVAILABLE, 2)
    other._announce()
    bus.now += 15
    assert here.people() == []
    beating = asyncio.ensure_future(other.announce_forever())
    await asyncio.sleep(0)
    beating.cancel()
    assert [person.seats for person in here.people()] == [2]


@pytest.mark.parametrize(
    ("first", "second", "seats"),
    [
        # What each takes, and in how many conversations it is.
        ((3, 0), (3, 0), 3),
        ((2, 1), (3, 0), 2),
        ((0, 2), (2, 0), 0),
        ((0, 3), (2, 0), 0),
        ((1, 1), (4, 0), 3),
        ((1, 1), (1, 1), 0),
    ],
)
async def test_devices_of_one_person_have_the_seats_of_one_together(
    bus: Bus, first: tuple[int, int], second: tuple[int, int], seats: int
) -> None:
    one, two = bus.node("one"), bus.node("two")
    for node, name, (capacity, load) in ((one, b"1", first), (two, b"2", second)):
        device = _connection(b"s", name, load)
        node.attach(device)
        _say(node, device, Availability.AVAILABLE, capacity)
    for node in (one, two):
        node._announce()
    for node in (one, two):
        assert node.seats(b"s" * 16) == seats
        (person,) = node.people()
        assert (person.seats, person.load) == (seats, first[1] + second[1])
        assert node.load() == first[1] + second[1]


async def test_device_that_is_not_available_gives_no_seats_but_fills_them(bus: Bus) -> None:
    node = bus.node("one")
    talking, idle = _connection(b"s", b"1", load=1), _connection(b"s", b"2")
    for device in (talking, idle):
        node.attach(device)
    _say(node, talking, Availability.BUSY, 5)
    _say(node, idle, Availability.AVAILABLE, 2)
    assert node.seats(b"s" * 16) == 1


async def test_device_that_has_come_back_counts_once_beside_its_dead_connection(bus: Bus) -> None:
    node = bus.node("one")
    for load in (2, 1):
        connection = _connection(b"s", b"1", load)
        node.attach(connection)
        _say(node, connection, Availability.AVAILABLE, 1)
    assert node.seats(b"s" * 16) == 1
    assert node.load() == 2


async def test_who_has_taken_a_request_has_a_seat_less_on_all_nodes_at_once(bus: Bus) -> None:
    one, two = bus.node("one"), bus.node("two")
    first, second = _connection(b"s", b"1"), _connection(b"s", b"2")
    for node, device in ((one, first), (two, second)):
        node.attach(device)
        _say(node, device, Availability.AVAILABLE, 2)
        node._announce()
    cast("_Connection", first).subscriptions[b"conversation"] = None
    one.has_taken(first)
    assert (one.seats(b"s" * 16), two.seats(b"s" * 16)) == (1, 1)
    # The other device knows nothing of it, and says again what it would take alone.
    _say(two, second, Availability.AVAILABLE, 2)
    assert two.seats(b"s" * 16) == 1


async def test_whoever_comes_out_of_a_conversation_has_not_been_idle_during_it(bus: Bus) -> None:
    """Said by her console, or noticed without a word: who was idle meanwhile is asked before her."""
    node = bus.node("one")
    idle, told, noticed = (_connection(name, name) for name in (b"i", b"t", b"n"))
    for connection in (told, noticed, idle):
        node.attach(connection)
        _say(node, connection, Availability.AVAILABLE, 2)
        bus.now += 1
    for talking in (told, noticed):
        cast("_Connection", talking).subscriptions[b"conversation"] = None
        node.has_taken(talking)
    bus.now += 7200
    for talking in (told, noticed):
        cast("_Connection", talking).subscriptions.clear()
    _say(node, told, Availability.AVAILABLE, 2)
    node._notice_loads()
    since = {person.id[:1]: person.idle_since for person in node.people()}
    assert since[b"t"] == since[b"n"] == bus.now
    assert since[b"i"] < bus.now - 7200
