"""Entries that arrive before an earlier one of their conversation, kept for the moment until that is here.

What a node appends itself is told by the store's answer, what another appends by a channel: two connections,
and either may be read first. Without waiting, whoever talks with somebody at another node would have every
tenth entry read from the log anew, at several times the price of an entry.

    answer   5 ─────────────> held ──┐
    channel    4 ──> delivered ──────┴──> 5 follows
                nothing for 5 ms: 5 is delivered as it is, and who misses 4 reads the log
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from teduh_server.session.connection import LocalConversation, Subscription

WAIT_SECONDS = 0.005

Deliver = Callable[[LocalConversation, int, bytes, "Subscription | None"], None]


class ReorderBuffer:
    """Those of one node. They stand in their conversations; this is what is done with them."""

    __slots__ = ("_deliver",)

    def __init__(self, deliver: Deliver) -> None:
        """`deliver` takes the conversation, the place, the entry, and whose own it is."""
        self._deliver = deliver

    def hold(self, conversation: LocalConversation, seq: int, entry: bytes, own: Subscription | None) -> None:
        """Keep one for a moment."""
        if conversation.early is None:
            conversation.early = {}
            asyncio.get_running_loop().call_later(WAIT_SECONDS, self.release, conversation)
        conversation.early[seq] = (entry, own)
        if own is not None:
            # Whoever reads the log meanwhile passes over it.
            own.has_own(seq)

    def follow(self, conversation: LocalConversation) -> None:
        """Deliver those that are next now."""
        early, conversation.early = conversation.early or {}, None
        while (held := early.pop(conversation.newest + 1, None)) is not None:
            self._deliver_held(conversation, conversation.newest + 1, *held)
        conversation.early = early or None

    def release(self, conversation: LocalConversation) -> None:
        """Deliver all: what is missing between them has not come."""
        early, conversation.early = conversation.early or {}, None
        for seq, held in sorted(early.items()):
            conversation.newest = max(conversation.newest, seq - 1)
            self._deliver_held(conversation, seq, *held)

    def _deliver_held(
        self, conversation: LocalConversation, seq: int, entry: bytes, own: Subscription | None
    ) -> None:
        if own is not None:
            own.is_own(seq)
        self._deliver(conversation, seq, entry, own)
