"""Supervisors are told of who waits in vain, once for each wait; where staff pick, little is read for it."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import cast

import pytest
from msgspec import msgpack
from support.eventually import eventually
from support.store.stored_conversation import NOW_MS, RETENTION_MS
from teduh_crypto.credentials import Role
from teduh_server.cluster import node_channel
from teduh_server.cluster.node_channel import NodeChannel
from teduh_server.matching.ranking import Policy
from teduh_server.redis_store import queue_scripts, routing_scripts
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Command, Reply
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL
from teduh_server.redis_store.scripts import MARK_NOTIFIED, READ_REQUESTS
from teduh_server.routing import alerts
from teduh_server.routing.alerts import Alerts
from teduh_server.session.connection import Connection
from teduh_server.staff.presence import Presence
from teduh_signaling.relay.frames import QueueAlert, RequestDetails

DEVICE, PERSON = b"d" * 32, b"p" * 16
IN_VAIN_SECONDS = 300.0


class Node:
    """A node at which one supervisor is connected."""

    def __init__(self, valkey: EmbeddedValkey) -> None:
        channel = NodeChannel()
        self.told: list[bytes] = []
        self.store = Store(StoreAddress.parse(valkey.url), (ALL_NODES_CHANNEL,), channel.receive)
        supervisor = SimpleNamespace(staff=SimpleNamespace(role=Role.SUPERVISOR), send=self._send)
        presence = cast(Presence, SimpleNamespace(here=lambda: [supervisor]))
        policy = Policy(widen_after_seconds=IN_VAIN_SECONDS, alert_after_seconds=IN_VAIN_SECONDS)
        self.alerts = Alerts(self.store, channel, presence, policy)

    def _send(self, frame: object) -> None:
        assert isinstance(frame, QueueAlert)
        self.told.append(frame.conversation_id)

    async def open(self, number: int) -> bytes:
        """Somebody asks for help."""
        conversation_id = number.to_bytes(16)
        await self.store.ask(
            queue_scripts.open_request(
                conversation_id, b"kp", msgpack.encode(RequestDetails()), NOW_MS, RETENTION_MS
            )
        )
        return conversation_id

    async def hears_all(self) -> None:
        """Whatever was told before has been heard."""
        last = b"last"
        self.store.publish(ALL_NODES_CHANNEL, bytes((node_channel.ALERT,)) + msgpack.encode((last, 0.0, 0)))
        await eventually(lambda: last in self.told)
        self.told.remove(last)


class Clock:
    """The relay's clock, put forward by so many seconds."""

    def __init__(self) -> None:
        self.passed = 0.0

    def time(self) -> float:
        return time.time() + self.passed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(alerts, "time", clock)
    return clock


@pytest.fixture
async def node(valkey: EmbeddedValkey) -> AsyncIterator[Node]:
    node = Node(valkey)
    await node.store.start()
    yield node
    await node.store.close()


@pytest.fixture
async def other(valkey: EmbeddedValkey) -> AsyncIterator[Node]:
    node = Node(valkey)
    await node.store.start()
    yield node
    await node.store.close()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of how many requests it was read what they say, each time."""
    reads: list[int] = []
    ask = Store.ask

    async def noting(store: Store, command: Command) -> Reply:
        if command[1] == READ_REQUESTS.sha1:
            reads.append(cast(int, command[2]))
        return await ask(store, command)

    monkeypatch.setattr(Store, "ask", noting)
    return reads


async def test_nobody_waits(node: Node) -> None:
    assert await node.alerts.look() == (False, False)


async def test_every_node_hears_once_of_who_waits_in_vain(node: Node, other: Node, clock: Clock) -> None:
    early = await node.open(1)
    assert await node.alerts.look() == (True, False)
    clock.passed = IN_VAIN_SECONDS
    for _ in range(3):
        assert await node.alerts.look() == (True, True)
    # The lead goes over to another, which knows nothing of that.
    assert await other.alerts.look() == (True, True)
    for each in (node, other):
        await each.hears_all()
        assert each.told == [early]


async def test_whoever_comes_later_is_told_of_those_who_still_wait_in_vain(node: Node, clock: Clock) -> None:
    gone, still = await node.open(1), await node.open(2)
    clock.passed = IN_VAIN_SECONDS
    await node.alerts.look()
    await node.open(3)
    await node.store.ask(queue_scripts.withdraw_request(gone))
    later: list[QueueAlert] = []
    await node.alerts.show(cast(Connection, SimpleNamespace(send=later.append)))
    assert [alert.conversation_id for alert in later] == [still]
    assert later[0].waited_seconds >= int(IN_VAIN_SECONDS)


async def test_what_requests_say_is_read_at_first_now_and_then_and_when_an_alert_is_due(
    node: Node, clock: Clock, reads: list[int]
) -> None:
    ids = [await node.open(number) for number in range(1, 6)]
    await node.alerts.look()
    assert reads == [5]
    for second in range(1, 30):
        clock.passed = second
        await node.alerts.look()
    assert reads == [5]
    clock.passed = 31
    await node.alerts.look()
    assert reads == [5, 5]
    clock.passed = 32
    newcomer = await node.open(6)
    await node.alerts.look()
    assert reads == [5, 5, 1]
    clock.passed = IN_VAIN_SECONDS
    await node.alerts.look()
    assert reads == [5, 5, 1, 6]
    for second in range(100):
        clock.passed = IN_VAIN_SECONDS + second
        assert await node.alerts.look() == (True, True)
    assert reads == [5, 5, 1, 6]
    await node.hears_all()
    assert node.told == [*ids, newcomer]


async def test_whoever_is_taken_before_it_is_due_is_not_told_of(node: Node, clock: Clock) -> None:
    taken, left = await node.open(1), await node.open(2)
    await node.alerts.look()
    await node.store.ask(
        queue_scripts.claim_request(taken, DEVICE, PERSON, NOW_MS, 30_000, 120_000, RETENTION_MS)
    )
    clock.passed = IN_VAIN_SECONDS
    await node.alerts.look()
    await node.hears_all()
    assert node.told == [left]


async def test_whoever_goes_while_it_is_looked_at_is_not_told_of(
    node: Node, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = await node.open(1)
    await node.alerts.look()
    clock.passed = IN_VAIN_SECONDS
    ask = Store.ask

    async def ask_after_she_went(store: Store, command: Command) -> Reply:
        if command[1] == READ_REQUESTS.sha1:
            await ask(store, queue_scripts.withdraw_request(gone))
        return await ask(store, command)

    monkeypatch.setattr(Store, "ask", ask_after_she_went)
    assert await node.alerts.look() == (True, False)
    assert await node.alerts.look() == (False, False)
    await node.hears_all()
    assert node.told == []


async def test_whoever_gave_up_and_waits_in_vain_once_more_is_told_of_once_more(
    node: Node, clock: Clock
) -> None:
    again = await node.open(1)
    clock.passed = IN_VAIN_SECONDS
    await node.alerts.look()
    await node.store.ask(queue_scripts.withdraw_request(again))
    await node.open(1)
    await node.alerts.look()
    await node.hears_all()
    assert node.told == [again, again]


async def test_whoever_seeks_another_and_waits_in_vain_is_told_of_once_more(node: Node, clock: Clock) -> None:
    again = await node.open(1)
    clock.passed = IN_VAIN_SECONDS
    await node.alerts.look()
    await node.store.ask(
        queue_scripts.claim_request(again, DEVICE, PERSON, NOW_MS, 30_000, 120_000, RETENTION_MS)
    )
    await node.store.ask(queue_scripts.confirm_request(again, NOW_MS, 1000))
    await node.store.ask(
        queue_scripts.requeue_request(again, msgpack.encode(RequestDetails()), NOW_MS, RETENTION_MS, 0)
    )
    await node.alerts.look()
    await node.hears_all()
    assert node.told == [again, again]


@pytest.mark.parametrize("lost", [0, 1])
async def test_where_the_store_goes_away_meanwhile_they_are_told_when_it_is_back(
    node: Node, clock: Clock, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    """Whether it goes before they are told or before that is noted: once more rather than not at all."""
    request = await node.open(1)
    await node.alerts.look()
    clock.passed = IN_VAIN_SECONDS
    ask, telling = Store.ask, itertools.count()

    async def ask_until_it_goes(store: Store, command: Command) -> Reply:
        if (command[0] == b"PUBLISH" or command[1] == MARK_NOTIFIED.sha1) and next(telling) == lost:
            raise StoreUnavailable("gone")
        return await ask(store, command)

    monkeypatch.setattr(Store, "ask", ask_until_it_goes)
    with pytest.raises(StoreUnavailable):
        await node.alerts.look()
    for _ in range(3):
        assert await node.alerts.look() == (True, True)
    await node.hears_all()
    assert node.told == [request] * (1 + lost)


async def test_where_offers_are_made_they_are_told_of_once_as_well(node: Node, clock: Clock) -> None:
    request = await node.open(1)
    for passed, in_vain in ((0, False), (IN_VAIN_SECONDS, True), (IN_VAIN_SECONDS + 1, True)):
        clock.passed = passed
        waiting = routing_scripts.requests(
            [request], await node.store.ask(routing_scripts.read_requests([request]))
        )
        assert await node.alerts.notify(waiting) == in_vain
    await node.hears_all()
    assert node.told == [request]


async def test_who_comes_back_from_a_lease_is_told_again(node: Node, clock: Clock) -> None:
    waits = await node.open(1)
    clock.passed = IN_VAIN_SECONDS
    await node.alerts.look()
    await node.hears_all()
    assert node.told == [waits]
    await node.store.ask(
        queue_scripts.claim_request(waits, DEVICE, PERSON, NOW_MS, 45_000, 45_000, RETENTION_MS)
    )
    await node.alerts.look()  # boards drop the alert now: nobody waits
    await node.store.ask(queue_scripts.return_request(waits, DEVICE, RETENTION_MS))
    await node.alerts.look()
    await node.hears_all()
    assert node.told == [waits, waits]


async def test_a_staff_search_that_becomes_hers_is_told_again(node: Node, clock: Clock) -> None:
    hers = await node.open(1)
    await node.store.ask(
        queue_scripts.claim_request(hers, DEVICE, PERSON, NOW_MS, 30_000, 120_000, RETENTION_MS)
    )
    await node.store.ask(queue_scripts.confirm_request(hers, NOW_MS, 1000))
    details = msgpack.encode(RequestDetails())
    await node.store.ask(
        queue_scripts.requeue_request(hers, details, NOW_MS, RETENTION_MS, 0, DEVICE, PERSON)
    )
    clock.passed = IN_VAIN_SECONDS
    await node.alerts.look()
    await node.hears_all()
    assert node.told == [hers]
    await node.store.ask(queue_scripts.requeue_request(hers, details, NOW_MS, RETENTION_MS, 0))
    await node.alerts.look()
    await node.hears_all()
    assert node.told == [hers, hers]
