"""Supervisors are told of who waits in vain, once for each wait; where staff pick, little is read for it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import cast

import pytest
from msgspec import msgpack
from relay_process import eventually
from store_bench import NOW_MS, RETENTION_MS
from teduh_crypto.credentials import Role
from teduh_server import alerts, node_channel
from teduh_server.alerts import Alerts
from teduh_server.node_channel import NodeChannel
from teduh_server.presence import Presence
from teduh_server.redis_store import queue_scripts
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL
from teduh_server.redis_store.scripts import READ_REQUESTS
from teduh_server.redis_store.wire import Command, Reply
from teduh_server.routing import Policy
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
                conversation_id, b"kp", msgpack.encode(RequestDetails()), NOW_MS, RETENTION_MS, 1000
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
    await node.store.ask(queue_scripts.settle_request(hers, NOW_MS, 1000))
    details = msgpack.encode(RequestDetails())
    await node.store.ask(
        queue_scripts.requeue_request(hers, details, NOW_MS, RETENTION_MS, 1000, 0, DEVICE, PERSON)
    )
    clock.passed = IN_VAIN_SECONDS
    await node.alerts.look()
    await node.hears_all()
    assert node.told == [hers]
    await node.store.ask(queue_scripts.requeue_request(hers, details, NOW_MS, RETENTION_MS, 1000, 0))
    await node.alerts.look()
    await node.hears_all()
    assert node.told == [hers, hers]
