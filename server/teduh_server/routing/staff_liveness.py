"""Whether anybody on the other side of a survivor can be reached: a device may die without a word.

::

    survivor here, staff here           reachable
    survivor here, no staff here        STAFF_ASKED --> the other nodes of the conversation
                                        reachable <-- STAFF_HERE, from one that has a staff device
    neither for `unreachable_seconds`   told: StaffReachable(false); and as soon as one is back: (true)

What counts is a subscription, not that a device is connected: one that has lost its keys does not subscribe.
A survivor may move to another node, perhaps again and again, by a poor connection; and the time goes on
there, for the store keeps when staff were last heard of by the node that let go of her or of them. It is
believed only when the other nodes were asked and said nothing for a while.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial

from teduh_signaling.relay.frames import SURVIVOR_MEMBER, StaffReachable

from teduh_server.cluster import node_channel
from teduh_server.cluster.node_channel import NodeChannel
from teduh_server.conversation_log.delivery_service import DeliveryService
from teduh_server.redis_store import scripts
from teduh_server.redis_store.client import Store
from teduh_server.session.connection import LocalConversation

_LONGEST_PAUSE_SECONDS = 5.0
_LOOKS = 12
"""How often is looked within the time after which she is told."""
_ASKING = 2
"""So many looks later at the earliest, so that other nodes have been asked."""


class StaffLiveness:
    """The watch of one node over its survivors' conversations."""

    def __init__(
        self,
        store: Store,
        channel: NodeChannel,
        delivery: DeliveryService,
        node_id: str,
        unreachable_seconds: float,
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._node_id = node_id
        self._after = unreachable_seconds
        self._pause = min(_LONGEST_PAUSE_SECONDS, unreachable_seconds / _LOOKS)
        self._store_was_there = time.monotonic()
        channel.on(node_channel.STAFF_ASKED, self._asked)
        channel.on(node_channel.STAFF_HERE, self._here)

    async def watch_forever(self) -> None:
        """Look again and again, and tell what has changed."""
        while True:
            await asyncio.sleep(self._pause)
            self.look(time.monotonic())

    def look(self, now: float) -> None:
        """One look at every conversation whose survivor is connected here; `now` is monotonic."""
        if not self._store.available:
            # Without it nobody hears the other nodes, and silence says nothing.
            self._store_was_there = now
            return
        for conversation in self._delivery.conversations:
            if conversation.is_active:
                self._look_at(conversation, now)

    def _look_at(self, conversation: LocalConversation, now: float) -> None:
        conversation.watched_since = conversation.watched_since or now
        if conversation.has_staff:
            conversation.staff_heard = now
        elif conversation.on_other_nodes and now - conversation.staff_heard > self._after / 3:
            self._pass_on(conversation, node_channel.STAFF_ASKED)
        self._notify(conversation, now)

    def _notify(self, conversation: LocalConversation, now: float) -> None:
        heard = conversation.staff_heard
        reachable = bool(heard) and now - heard < self._after
        known_from = max(
            max(conversation.staff_last, self._store_was_there) + self._after,
            conversation.watched_since + _ASKING * self._pause,
        )
        if not reachable and now < known_from:
            # Not known yet.
            return
        for subscription in conversation.subscriptions:
            if subscription.member == SURVIVOR_MEMBER and subscription.shown_reachable is not reachable:
                subscription.shown_reachable = reachable
                subscription.connection.send(StaffReachable(conversation.id, reachable))

    def _asked(self, conversation_id: bytes) -> None:
        conversation = self._delivery.conversation(conversation_id)
        if conversation is not None and conversation.has_staff:
            self._pass_on(conversation, node_channel.STAFF_HERE)

    def _here(self, conversation_id: bytes) -> None:
        conversation = self._delivery.conversation(conversation_id)
        if conversation is not None:
            conversation.staff_heard = time.monotonic()
            self._notify(conversation, conversation.staff_heard)

    def _pass_on(self, conversation: LocalConversation, kind: int) -> None:
        message = bytes((kind,)) + conversation.id
        command = scripts.pass_on(conversation.keys, self._node_id, message)
        self._store.call(command, partial(conversation.heard_elsewhere, conversation.joins))
