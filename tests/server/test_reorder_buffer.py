"""Entries in any order: each is delivered once, in order as far as the order is known."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from teduh_server.conversation_log.reorder_buffer import WAIT_SECONDS, ReorderBuffer
from teduh_server.session.connection import LocalConversation, Subscription


class Deliveries:
    """As `DeliveryService` delivers, but to a list."""

    def __init__(self) -> None:
        self.conversation = LocalConversation(b"conversation id!")
        self.early = ReorderBuffer(self.deliver)
        self.delivered: list[int] = []

    def deliver(
        self, conversation: LocalConversation, seq: int, entry: bytes, own: Subscription | None = None
    ) -> None:
        if seq > conversation.newest + 1:
            self.early.hold(conversation, seq, entry, own)
            return
        assert entry == b"%d" % seq
        conversation.newest = max(seq, conversation.newest)
        self.delivered.append(seq)
        if conversation.early is not None:
            self.early.follow(conversation)

    def arrive(self, *places: int) -> None:
        for seq in places:
            self.deliver(self.conversation, seq, b"%d" % seq)


@given(st.permutations(range(1, 9)))
def test_whatever_the_order_of_arrival_they_are_delivered_in_theirs(places: list[int]) -> None:
    async def arrive() -> None:
        here = Deliveries()
        here.arrive(*places)
        assert here.delivered == list(range(1, 9))
        assert here.conversation.early is None

    asyncio.run(arrive())


async def test_what_waits_in_vain_is_delivered_without_the_one_that_is_missing() -> None:
    here = Deliveries()
    here.arrive(1, 5, 3, 4)
    assert here.delivered == [1]
    await asyncio.sleep(3 * WAIT_SECONDS)
    assert here.delivered == [1, 3, 4, 5]
    # The one that was missing finds nobody who would be handed it in order, and disturbs nobody.
    here.arrive(2, 6)
    assert here.delivered == [1, 3, 4, 5, 2, 6]
    assert here.conversation.early is None


async def test_they_are_let_go_at_once_where_a_membership_ends() -> None:
    here = Deliveries()
    here.arrive(3, 2)
    here.early.release(here.conversation)
    assert here.delivered == [2, 3]
    here.early.release(here.conversation)
    assert here.delivered == [2, 3]
