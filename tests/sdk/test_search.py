"""When her device asks the relay for somebody else, and when it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from teduh_sdk.conversation_state import ConversationState
from teduh_sdk.exceptions import RelayLost
from teduh_sdk.relay_link import Answer, RelayLink
from teduh_sdk.search import Search, Searcher
from teduh_sdk.seeking import Seeking
from teduh_signaling.relay.frames import AnyClientFrame, Done, RequestDetails

DETAILS = RequestDetails()


class World:
    """A conversation as far as the search knows it, and its link."""

    is_over = False
    conversation_id = bytes(16)

    def __init__(self) -> None:
        self.seeking = Seeking()
        self.is_up = True
        self.asked: list[str] = []
        self.search = Search(
            Searcher(
                cast("ConversationState", self),
                cast("RelayLink", self),
                lambda: None,
                lambda _: None,
                lambda _: False,
            ),
            DETAILS,
        )

    def seek(self, now: int, *, is_on: bool) -> None:
        self.seeking.end()
        self.seeking.is_on = is_on

    async def wait_until_up(self) -> None:
        """It is up, or nobody waits for it."""

    def question(self, make: Callable[[int], AnyClientFrame], answer: Callable[[Answer], None]) -> None:
        self.asked.append(type(make(1)).__name__ if self.is_up else "nobody")
        answer(Done(1) if self.is_up else RelayLost("there is no connection to the relay"))

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


async def test_it_takes_back_nothing_any_more_once_it_seeks_again() -> None:
    world = World()
    await world.search.begin(None)
    world.is_up = False
    world.search.end()
    world.is_up = True
    await world.search.begin(None)
    world.search.look()
    assert world.taken() == ["SeekAnother", "nobody", "SeekAnother", "SeekAnother"]
