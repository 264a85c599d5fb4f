"""Offers on their way to people, and the answers on theirs: by one node for its own connections.

::

    router (on the node that leads) --OFFERED--> every node --> Offer on all available devices of the person,
                                                                also on one that comes later
    first device: AnswerOffer(accepted) --> claim --OFFER_ENDED--> her other devices: OfferEnded
    any device:   AnswerOffer(declined) --> the store --OFFER_ENDED--> all her devices, and the router goes on
    nobody in time: the sweep of any node ends it

An offer that gets lost on its way is not answered in time, and goes to the next.

A conversation that goes on is not hers by her answer: somebody in it lets her in, or nobody does. That is
told to the device that has taken it: NOT_LET_IN --> MembershipEnded.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Final

from msgspec import Struct, msgpack
from teduh_signaling.relay.frames import (
    AnswerOffer,
    Availability,
    Claim,
    Done,
    MembershipEnded,
    Offer,
    OfferEnded,
    Preference,
    RequestDetails,
)

from teduh_server.cluster import node_channel
from teduh_server.cluster.node_channel import NodeChannel
from teduh_server.redis_store import queue_scripts, routing_scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Answer
from teduh_server.redis_store.exceptions import StoreError
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL
from teduh_server.routing.queue import Queue
from teduh_server.routing.queue_news import QueueNews
from teduh_server.session.connection import Connection
from teduh_server.staff.presence import Presence

_AGAIN_SECONDS: Final = 1.0
"""So long after the store could not be told how many somebody takes it is told again."""


class Offered(Struct, frozen=True, array_like=True):
    """An offer, as the nodes tell each other; times in seconds since 1970."""

    conversation_id: bytes
    person: bytes
    details: RequestDetails
    opened: float
    until: float
    dropped: tuple[Preference, ...]


_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(Offered).decode


class Offers:
    """The offers to the people who are connected to this node."""

    def __init__(
        self,
        store: Store,
        channel: NodeChannel,
        presence: Presence,
        queue: Queue,
        news: QueueNews,
        *,
        retention_ms: int,
    ) -> None:
        self._store = store
        self._news = news
        self._presence = presence
        self._queue = queue
        self._retention_ms = retention_ms
        # What is offered to whom now, and the connections here that have been told.
        self._open: dict[bytes, tuple[Offered, set[Connection]]] = {}
        channel.on(node_channel.OFFERED, self._hear_offer)
        channel.on(node_channel.OFFER_ENDED, self._hear_end)
        channel.on(node_channel.NOT_LET_IN, self._hear_not_let_in)
        channel.on(node_channel.LET_GO, self._hear_let_go)

    def notify(self, offer: Offered) -> None:
        """Tell all nodes."""
        self._publish(node_channel.OFFERED, _encode(offer))

    def set_seats(self, connection: Connection) -> None:
        """What this person's devices say together counts from now on."""
        staff = connection.staff
        assert staff is not None
        self._notify_seats(staff.person, again=False)

    def _notify_seats(self, person: bytes, *, again: bool) -> None:
        seats = self._presence.seats(person)
        command = routing_scripts.set_seats(person, seats, self._retention_ms, again=again)
        self._store.call(command, partial(self._seats_stored, person))

    def _seats_stored(self, person: bytes, answer: Answer) -> None:
        if isinstance(answer, StoreError):
            # What she had said before would count, and perhaps all of that is taken.
            asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self._notify_seats_again, person)

    def _notify_seats_again(self, person: bytes) -> None:
        if self._presence.devices_here(person):
            self._notify_seats(person, again=True)

    async def answer(self, connection: Connection, frame: AnswerOffer) -> None:
        """Take what was offered, or let it go to the next. Raises StoreError."""
        staff = connection.staff
        assert staff is not None
        if frame.accepted:
            claim = Claim(frame.ref, frame.conversation_id)
            if await self._queue.claim(connection, claim, only_offered=True):
                self._presence.has_taken(connection)
            return
        await self.end(frame.conversation_id, staff.person)
        connection.send(Done(frame.ref))

    async def end(
        self, conversation_id: bytes, person: bytes = b"", due_ms: int = -1, *, is_gone: bool = False
    ) -> None:
        """End an offer without a claim, if it is open. Raises StoreError."""
        now_ms = self._store.now_ms()
        reply = await self._store.ask(
            routing_scripts.end_offer(conversation_id, now_ms, person, due_ms, is_gone=is_gone)
        )
        ended = routing_scripts.offer_ended(reply)
        if ended:
            self._publish(node_channel.OFFER_ENDED, ended + conversation_id)
            self._publish(node_channel.QUEUE_CHANGED, b"")

    async def sweep(self) -> None:
        """End the offers that nobody answered in time. Raises StoreError."""
        now_ms = self._store.now_ms()
        due = await self._store.ask(routing_scripts.offers_due(now_ms))
        for conversation_id in queue_scripts.conversation_ids(due):
            await self.end(conversation_id, due_ms=now_ms)

    def _publish(self, kind: int, message: bytes) -> None:
        self._store.publish(ALL_NODES_CHANNEL, bytes((kind,)) + message)

    def _hear_offer(self, message: bytes) -> None:
        offer = _decode(message)
        self._news.notify_dropped(offer.conversation_id, offer.dropped)
        left = offer.until - time.time() - self._store.clock_ahead
        if left < 1:
            return
        self._open[offer.person] = (offer, set())
        asyncio.get_running_loop().call_later(left, self._expired, offer)
        for connection, device in self._presence.devices_here(offer.person):
            if device.availability is Availability.AVAILABLE:
                self.show(connection)

    def show(self, connection: Connection) -> None:
        """Tell a device that has said that it is available of what is offered to its person, if it does not
        know.
        """
        staff = connection.staff
        assert staff is not None
        if staff.person not in self._open:
            return
        offer, told = self._open[staff.person]
        now = time.time() + self._store.clock_ahead
        left, waited = int(offer.until - now), max(0, int(now - offer.opened))
        if left > 0 and connection not in told:
            told.add(connection)
            connection.send(Offer(offer.conversation_id, offer.details, waited, left, offer.dropped))

    def _expired(self, offer: Offered) -> None:
        # The same request may have been offered to her once more since.
        if offer.person in self._open and self._open[offer.person][0] is offer:
            del self._open[offer.person]

    def _over(self, person: bytes, conversation_id: bytes) -> None:
        if person in self._open and self._open[person][0].conversation_id == conversation_id:
            del self._open[person]

    def _hear_end(self, message: bytes) -> None:
        person, conversation_id = message[:16], message[16:]
        self._over(person, conversation_id)
        for connection, _ in self._presence.devices_here(person):
            # Not to the device that has just taken it.
            if conversation_id not in connection.subscriptions:
                connection.send(OfferEnded(conversation_id))

    def _hear_not_let_in(self, message: bytes) -> None:
        conversation_id = message[48:]
        for connection in self._give_back(message[:48]):
            connection.send(MembershipEnded(conversation_id))

    def _hear_let_go(self, message: bytes) -> None:
        # She was a member, and is told so as such.
        self._give_back(message)

    def _give_back(self, claimant: bytes) -> list[Connection]:
        """She has her seat back; returns the connections of her device."""
        person, device_id = claimant[:16], claimant[16:48]
        connections = [
            connection
            for connection, device in self._presence.devices_here(person)
            if device.device_id == device_id
        ]
        for connection in connections:
            self._presence.has_not_taken(connection)
        return connections
