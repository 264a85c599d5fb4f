"""When her device asks the relay for somebody else, and when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
from teduh_sdk import search
from teduh_sdk.conversation_state import ConversationState
from teduh_sdk.exceptions import RelayLost, RelayRefused
from teduh_sdk.relay_link import Answer, RelayLink
from teduh_sdk.search import Search, Searcher
from teduh_sdk.seeking import Seeking
from teduh_signaling.relay.frames import AnyClientFrame, Done, ErrorCode, RequestDetails

DETAILS = RequestDetails()


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the relay is asked again."""
    monkeypatch.setattr(search, "uniform", lambda *_: 0.0)


class World:
    """A conversation as far as the search knows it, and its link."""

    is_over = False
    conversation_id = bytes(16)

    def __init__(self) -> None:
        self.seeking = Seeking()
        self.is_up = True
        self.hangs = False
        self.refuses_with: ErrorCode | None = None
        self.asked: list[str] = []
        self.answers: list[Callable[[Answer], None]] = []
        self.search = Search(
            Searcher(
                cast("ConversationState", self),
                cast("RelayLink", self),
                lambda: None,
                lambda _: None,
                lambda refused: refused.code is ErrorCode.UNAVAILABLE,
            ),
            DETAILS,
        )

    def seek(self, now: int, *, is_on: bool) -> None:
        self.seeking.end()
        self.seeking.is_on = is_on

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
    await world.search.begin(None)
    world.search.look()
    assert world.taken() == ["SeekAnother", "SeekAnother"]
    world.seeking.is_decided = True
    world.search.look()
    assert world.taken() == []
    world.search.failed()
    assert world.taken() == ["SeekAnother"]
    world.seeking.is_decided = True
    world.seeking.end()
    world.search.look()
    assert world.taken() == []


async def test_it_takes_back_what_it_asked_for_however_long_the_relay_is_away() -> None:
    world = World()
    await world.search.begin(None)
    world.is_up = False
    world.search.end()
    world.search.look()
    world.is_up = True
    world.search.look()
    world.search.look()
    assert world.taken() == ["SeekAnother", "nobody", "nobody", "CancelRequest"]


@pytest.mark.usefixtures("no_pause")
async def test_it_takes_back_what_it_asked_for_also_where_the_relay_cannot_answer_for_a_moment() -> None:
    world = World()
    await world.search.begin(None)
    world.refuses_with = ErrorCode.UNAVAILABLE
    world.search.end()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert world.taken()[:3] == ["SeekAnother", "CancelRequest", "CancelRequest"]
    world.refuses_with = ErrorCode.UNKNOWN_CONVERSATION
    await asyncio.sleep(0.01)
    world.taken()
    world.search.look()
    await asyncio.sleep(0.01)
    assert world.taken() == []


@pytest.mark.usefixtures("no_pause")
async def test_what_it_could_not_take_back_is_not_taken_back_once_it_seeks_again() -> None:
    world = World()
    await world.search.begin(None)
    world.refuses_with = ErrorCode.UNAVAILABLE
    world.search.end()
    world.refuses_with = None
    await world.search.begin(None)
    await asyncio.sleep(0.01)
    assert world.taken() == ["SeekAnother", "CancelRequest", "SeekAnother"]


async def test_it_takes_back_nothing_any_more_once_it_seeks_again() -> None:
    world = World()
    await world.search.begin(None)
    world.is_up = False
    world.search.end()
    world.is_up = True
    await world.search.begin(None)
    world.search.look()
    assert world.taken() == ["SeekAnother", "nobody", "SeekAnother", "SeekAnother"]


async def test_nobody_is_sought_for_whoever_has_given_up_waiting_for_the_answer() -> None:
    """And the answer that comes later harms nobody: it would have ended the link."""
    world = World()
    world.hangs = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await world.search.begin(None)
    assert world.taken() == ["SeekAnother", "CancelRequest"]
    for answer in world.answers:
        answer(Done(1))
    assert not world.seeking.is_on
