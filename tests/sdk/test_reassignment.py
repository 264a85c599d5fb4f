"""When her device asks the relay for somebody else, and when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
from teduh_sdk.conversation import reassignment
from teduh_sdk.conversation.conversation_state import ConversationState
from teduh_sdk.conversation.reassignment import Reassignment, ReassignmentHost
from teduh_sdk.conversation.reassignment_state import ReassignmentState
from teduh_sdk.exceptions import RelayLost, RelayRefused
from teduh_sdk.net.relay_link import Answer, RelayLink
from teduh_signaling.relay.frames import AnyClientFrame, Done, ErrorCode, RequestDetails

DETAILS = RequestDetails()


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the relay is asked again."""
    monkeypatch.setattr(reassignment, "uniform", lambda *_: 0.0)


class World:
    """A conversation as far as a reassignment needs it, and its link."""

    is_over = False
    conversation_id = bytes(16)

    def __init__(self) -> None:
        self.reassignment = ReassignmentState()
        self.is_up = True
        self.hangs = False
        self.refuses_with: ErrorCode | None = None
        self.asked: list[str] = []
        self.answers: list[Callable[[Answer], None]] = []
        self.driver = Reassignment(
            ReassignmentHost(
                cast("ConversationState", self),
                cast("RelayLink", self),
                lambda: None,
                lambda _: None,
                lambda refused: refused.code is ErrorCode.UNAVAILABLE,
            ),
            DETAILS,
        )

    def set_reassignment(self, now: int, *, is_on: bool) -> None:
        self.reassignment.end()
        self.reassignment.is_on = is_on

    async def wait_until_up(self) -> None:
        """It is up, or nobody waits for it."""

    answer_to = RelayLink.answer_to

    def question(self, make: Callable[[int], AnyClientFrame], answer: Callable[[Answer], None]) -> None:
        self.asked.append(type(make(1)).__name__ if self.is_up else "nobody")
        if not self.is_up:
            answer(RelayLost("there is no connection to the relay"))
        elif self.hangs:
            self.answers.append(answer)
        elif self.refuses_with is not None:
            answer(RelayRefused(self.refuses_with, "refused"))
        else:
            answer(Done(1))

    def taken(self) -> list[str]:
        asked, self.asked = self.asked, []
        return asked


async def test_it_asks_whenever_there_may_be_an_answer_and_never_behind_the_commit() -> None:
    world = World()
    await world.driver.begin(None)
    world.driver.retry()
    assert world.taken() == ["RequestReassignment", "RequestReassignment"]
    world.reassignment.is_approved = True
    world.driver.retry()
    assert world.taken() == []
    world.driver.failed()
    assert world.taken() == ["RequestReassignment"]
    world.reassignment.is_approved = True
    world.reassignment.end()
    world.driver.retry()
    assert world.taken() == []


async def test_it_takes_back_what_it_asked_for_however_long_the_relay_is_away() -> None:
    world = World()
    await world.driver.begin(None)
    world.is_up = False
    world.driver.end()
    world.driver.retry()
    world.is_up = True
    world.driver.retry()
    world.driver.retry()
    assert world.taken() == ["RequestReassignment", "nobody", "nobody", "CancelRequest"]


@pytest.mark.usefixtures("no_pause")
async def test_it_takes_back_what_it_asked_for_also_where_the_relay_cannot_answer_for_a_moment() -> None:
    world = World()
    await world.driver.begin(None)
    world.refuses_with = ErrorCode.UNAVAILABLE
    world.driver.end()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert world.taken()[:3] == ["RequestReassignment", "CancelRequest", "CancelRequest"]
    world.refuses_with = ErrorCode.UNKNOWN_CONVERSATION
    await asyncio.sleep(0.01)
    world.taken()
    world.driver.retry()
    await asyncio.sleep(0.01)
    assert world.taken() == []


@pytest.mark.usefixtures("no_pause")
async def test_what_it_could_not_take_back_is_not_taken_back_once_it_seeks_again() -> None:
    world = World()
    await world.driver.begin(None)
    world.refuses_with = ErrorCode.UNAVAILABLE
    world.driver.end()
    world.refuses_with = None
    await world.driver.begin(None)
    await asyncio.sleep(0.01)
    assert world.taken() == ["RequestReassignment", "CancelRequest", "RequestReassignment"]


async def test_it_takes_back_nothing_any_more_once_it_seeks_again() -> None:
    world = World()
    await world.driver.begin(None)
    world.is_up = False
    world.driver.end()
    world.is_up = True
    await world.driver.begin(None)
    world.driver.retry()
    assert world.taken() == ["RequestReassignment", "nobody", "RequestReassignment", "RequestReassignment"]


async def test_nobody_is_sought_for_whoever_has_given_up_waiting_for_the_answer() -> None:
    """And the answer that comes later harms nobody: it would have ended the link."""
    world = World()
    world.hangs = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await world.driver.begin(None)
    assert world.taken() == ["RequestReassignment", "CancelRequest"]
    for answer in world.answers:
        answer(Done(1))
    assert not world.reassignment.is_on
