"""What the application has yet to be told, and what it has in hand.

It is done with an event when it comes back for the next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from teduh_sdk import events
from teduh_sdk.conversation.saved_conversation import HeardKept
from teduh_sdk.events import Event

_HEARD: Final = events.TextReceived | events.MessageReceived | events.NoteReceived


def heard_among(happened: Iterable[Event | None]) -> tuple[HeardKept, ...]:
    """What somebody said, which is kept until the application is done with it."""
    return tuple(one for one in happened if isinstance(one, _HEARD))


class EventQueue:
    """Events of one conversation for its application, in order.

    `done` is called when the application is done with what somebody said.
    """

    def __init__(self, done: Callable[[], None]) -> None:
        self._done = done
        self._events: deque[Event] = deque()
        self._in_hand: Event | None = None
        self._is_at_end = False
        self._something = asyncio.Event()

    @property
    def heard(self) -> tuple[HeardKept, ...]:
        """What people said that the application has not been told, or not finished with."""
        return heard_among((self._in_hand, *self._events))

    def put(self, event: Event) -> None:
        """Add an event behind all others."""
        self._events.append(event)
        self._something.set()

    async def next(self) -> Event:
        """The next event; waits for it. Raises StopAsyncIteration after the last."""
        self._let_go()
        while not self._events:
            if self._is_at_end:
                raise StopAsyncIteration
            self._something.clear()
            await self._something.wait()
        event = self._in_hand = self._events.popleft()
        self._is_at_end = self._is_at_end or isinstance(event, events.Ended | events.Stopped)
        return event

    def _let_go(self) -> None:
        finished, self._in_hand = self._in_hand, None
        if isinstance(finished, _HEARD):
            self._done()
