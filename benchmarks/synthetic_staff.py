"""Thousands of staff devices without sockets: nodes of a relay's own making, whose connections are objects.

Each node is the relay's own presence, queue, offers and delivery on the store of the relay under measurement;
only what would write to a client's socket is missing. Whoever is offered a request accepts it at once, and
begins the conversation.

::

    relay under measurement ──OFFERED──> channel `nodes` ──> Presence, Offers of a synthetic node
                                                                   └─> SyntheticDevice: AnswerOffer, Append
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from teduh_crypto.credentials import Organisation, Role, StatementVerifier
from teduh_server.cluster import node_channel
from teduh_server.cluster.node_channel import NodeChannel
from teduh_server.config.settings import Settings
from teduh_server.conversation_log.delivery_service import DeliveryService
from teduh_server.conversation_log.inbox import Inbox
from teduh_server.handlers.routing_services import Node, RoutingServices
from teduh_server.matching.request_price import RequestPrice
from teduh_server.matching.turns import Turns
from teduh_server.matching.unclaimed import Unclaimed
from teduh_server.organisation.staff_authentication import StaffDevice
from teduh_server.redis_store import keys
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.redis_store.location import parse_location
from teduh_server.redis_store.scripts import LogLimits
from teduh_server.routing.continuation import Continuations
from teduh_server.session.connection import Connection
from teduh_signaling.relay.frames import (
    AnswerOffer,
    AnyRelayFrame,
    Append,
    Availability,
    Claimed,
    Offer,
    SetAvailability,
)

NODES = 5
SEATS = 1000
"""So that few of them are never full: what is measured is the way to somebody who is free."""
LANGUAGES = ("id", "en", "jv")
NEEDS = ("counseling", "medical", "legal", "interpreter")
_ROLES = (Role.COUNSELOR,) * 7 + (Role.MEDIC, Role.LEGAL_AID, Role.INTERPRETER)
_STATEMENT = "s" * 600
"""About what a signed statement takes."""
Matched = Callable[[bytes, float], None]


class SyntheticDevice:
    """What the services see of a connection, of a device that accepts whatever it is offered."""

    def __init__(self, number: int, node: SyntheticNode) -> None:
        self.subscriptions: dict[bytes, object] = {}
        self.closed = self.congested = False
        self.in_flight = 0
        self._node = node
        self.staff = StaffDevice(
            device_id=os.urandom(32),
            expires=int(time.time()) + 3600,
            statement=_STATEMENT,
            issuer_statement=None,
            person=os.urandom(16),
            subject=f"staff-{number}",
            statement_id=f"statement-{number}",
            role=_ROLES[number % len(_ROLES)],
            languages=(LANGUAGES[number % len(LANGUAGES)],),
            skills=(),
        )

    def send(self, frame: AnyRelayFrame) -> None:
        if isinstance(frame, Offer):
            self._node.spawn(self._node.accept(self, frame.conversation_id))
        elif isinstance(frame, Claimed):
            self._node.matched(frame.conversation_id, time.perf_counter())

    def write(self, data: bytes) -> None:
        """Entries and acceptances: nobody reads them."""

    def refuse(self, *_: object, **__: object) -> None:
        """The request went to somebody else, or is gone."""

    def landed(self) -> None:
        self.in_flight -= 1


class SyntheticNode:
    """One of the nodes to which they are connected."""

    def __init__(self, settings: Settings, store_url: str, matched: Matched) -> None:
        self.matched = matched
        self._tasks: set[asyncio.Task[None]] = set()
        self._id = keys.new_node_id(sharded=False)
        channel = NodeChannel()
        channels = keys.node_channel(self._id), keys.ALL_NODES_CHANNEL
        self._store = Store(parse_location(store_url), channels, channel.receive)
        limits = LogLimits(self._id, settings.retention_ms, 1000, 2**20)
        inbox = Inbox(self._store, channel, settings.retention_ms, self.spawn)
        self._delivery = DeliveryService(self._store, channel, limits, inbox, self.spawn)
        node = Node(self._id, self._store, channel, self._delivery, self.spawn, Unclaimed())
        price = RequestPrice(settings.free_requests, settings.calm_waiting)
        organisation = Organisation.load(settings.organisation_file)
        verifier = StatementVerifier(organisation.root_public_key, organisation.id)
        continuations = Continuations(self._store, 0)
        self._routing = RoutingServices(settings, node, price, Turns(), verifier, continuations)
        # To plan, and to tell survivors, is for the relay under measurement.
        self._routing.presence.changes.clear()
        channel.on(node_channel.QUEUE_CHANGED, _nothing)

    async def start(self, numbers: range) -> None:
        """Connect to the store, and be heard of with all these devices, each available."""
        await self._store.start()
        self.spawn(self._routing.presence.announce_forever())
        for number in numbers:
            device = SyntheticDevice(number, self)
            connection = cast(Connection, device)
            self._routing.presence.attach(connection)
            available = SetAvailability(1, Availability.AVAILABLE, SEATS)
            self._routing.presence.set_availability(connection, available)
            self._routing.offers.set_seats(connection)

    async def accept(self, device: SyntheticDevice, conversation_id: bytes) -> None:
        connection = cast(Connection, device)
        with suppress(StoreUnavailable):
            await self._routing.offers.answer(connection, AnswerOffer(1, conversation_id, accepted=True))
            if conversation_id in device.subscriptions:
                commit = Append(conversation_id, 1, 1, 0, os.urandom(2000), os.urandom(4000))
                self._delivery.appends.append(connection, commit)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._store.close()


def synthetic_nodes(organisation_file: Path, store_url: str, matched: Matched) -> Iterator[SyntheticNode]:
    """Not started."""
    settings = Settings.model_validate(
        {"organisation_file": organisation_file, "store_url": store_url, "routing": {"mode": "offer"}}
    )
    return (SyntheticNode(settings, store_url, matched) for _ in range(NODES))


def _nothing(*_: object) -> None:
    """There is nothing to do."""
