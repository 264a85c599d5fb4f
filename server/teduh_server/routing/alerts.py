"""Supervisors are told of requests that find nobody, each once for as long as it waits; whoever begins to
watch the board later, of all that still do.

::

    the node that leads --> who waits in vain? --> ALERT to all nodes --> QueueAlert
                                                   noted on the store

Where offers are made, who waits has been read for that. Where staff pick, time alone decides when an alert
is due: every second the order is read, and what a request says only at first, twice a minute, and when one is
due.

An alert is said once, over a channel. A node that did not hear the channels for a moment cannot know what was
said then, and tells its supervisors of all who wait in vain once more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from msgspec import Struct, msgpack
from teduh_crypto.credentials import Role
from teduh_signaling.relay.frames import QueueAlert

from teduh_server.cluster import node_channel
from teduh_server.cluster.node_channel import NodeChannel
from teduh_server.matching.ranking import Policy, WaitingRequest, alert_at, needs_alert
from teduh_server.redis_store import queue_scripts, routing_scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.exceptions import StoreError
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL
from teduh_server.redis_store.queue_scripts import Place
from teduh_server.routing.waiting_list import next_waiting, read_waiting
from teduh_server.session.connection import Connection
from teduh_server.staff.presence import Presence

_AGAIN_SECONDS: Final = 30.0
"""So long at most what a request says is relied on: what staff look for may become hers, with her wishes."""
LOOKED_THROUGH: Final = 256
"""So many of the next requests."""
_OWED_SECONDS: Final = 1.0
_TOLD: Final = float("-inf")
"""Nothing more is due."""


class _Alert(Struct, frozen=True, array_like=True):
    conversation_id: bytes
    opened: float
    refusals: int


_encode = msgpack.Encoder().encode
_decode_alert = msgpack.Decoder(_Alert).decode


class Alerts:
    """Those of one node, as it sends them where it leads and hears them from whichever does."""

    def __init__(self, store: Store, channel: NodeChannel, presence: Presence, policy: Policy) -> None:
        self._store = store
        self._presence = presence
        self._policy = policy
        # When each who waits is to be looked at next, for as long as she keeps her place.
        self._due: dict[Place, float] = {}
        # Who is to be told of all that wait in vain.
        self._owed: list[Connection] = []
        channel.on(node_channel.ALERT, self._hear)

    async def notify(self, waiting: Iterable[WaitingRequest]) -> bool:
        """Tell of those among these who wait in vain; whether there are any, also such that are known. Raises
        StoreError.
        """
        now = time.time() + self._store.clock_ahead
        in_vain = [request for request in waiting if needs_alert(request, now, self._policy)]
        for request in in_vain:
            await self._notify(request)
        return bool(in_vain)

    async def look(self) -> tuple[bool, bool]:
        """Tell of those who wait in vain, where nobody is offered anything.

        Returns whether anybody waits, and whether anybody does in vain. Raises StoreError.
        """
        places = queue_scripts.places(await self._store.ask(queue_scripts.queue_places(LOOKED_THROUGH)))
        now = time.time() + self._store.clock_ahead
        due = {place: self._due.get(place, 0.0) for place in places}
        now_due = {place[0]: place for place, at in due.items() if _TOLD < at <= now}
        for place in now_due.values():
            del due[place]
        for request in await read_waiting(self._store, list(now_due)):
            at = alert_at(request, self._policy)
            if at <= now:
                await self._notify(request)
            due[now_due[request.id]] = _TOLD if at <= now else min(at, now + _AGAIN_SECONDS)
        self._due = due
        return bool(places), _TOLD in due.values()

    async def show(self, supervisor: Connection) -> None:
        """Tell somebody who was not there of those who wait in vain, as others know. Where the store is away,
        as soon as it answers: nobody asks for it again.
        """
        self._owed.append(supervisor)
        with suppress(StoreError):
            await self._show_owed()

    def look_again(self) -> None:
        """What was told may have been missed here: all supervisors of this node are to hear it once more."""
        self._owed = self._supervisors()

    def forget(self, connection: Connection) -> None:
        """It has gone, or does not watch any more."""
        self._owed = [supervisor for supervisor in self._owed if supervisor is not connection]

    @property
    def owed(self) -> int:
        """How many are still to be told of those who waited before."""
        return len(self._owed)

    async def show_forever(self) -> None:
        """Tell whoever could not be told yet."""
        while True:
            await asyncio.sleep(_OWED_SECONDS)
            if self._owed:
                with suppress(StoreError):
                    await self._show_owed()

    async def _show_owed(self) -> None:
        _, waiting = await next_waiting(self._store, LOOKED_THROUGH)
        owed, self._owed = self._owed, []
        for request in waiting:
            if request.is_known:
                for supervisor in owed:
                    self._send(supervisor, _alert(request))

    async def _notify(self, request: WaitingRequest) -> None:
        if request.is_known:
            return
        await self._store.publish_confirmed(
            ALL_NODES_CHANNEL, bytes((node_channel.ALERT,)) + _encode(_alert(request))
        )
        # Noted behind it: where the store goes away in between, they are told twice, not never.
        await self._store.ask(routing_scripts.mark_notified(request.id))

    def _hear(self, message: bytes) -> None:
        alert = _decode_alert(message)
        for supervisor in self._supervisors():
            self._send(supervisor, alert)

    def _supervisors(self) -> list[Connection]:
        return [
            connection
            for connection in self._presence.here()
            if connection.staff is not None and connection.staff.role is Role.SUPERVISOR
        ]

    def _send(self, supervisor: Connection, alert: _Alert) -> None:
        waited = max(0, int(time.time() + self._store.clock_ahead - alert.opened))
        supervisor.send(QueueAlert(alert.conversation_id, waited, alert.refusals))


def _alert(request: WaitingRequest) -> _Alert:
    return _Alert(request.id, request.opened, request.refusals)
