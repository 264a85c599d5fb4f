"""Keeps the order of service in the store as the turns of this node's sources have it (`turns`).

::

    opened     place = time - head start of its urgency + a day for each of its source that is before it
    more urgent one of the same source comes        the one that had its turn: a day later
    the one before it leaves, however and wherever  the next: as if opened now

A node that dies takes nothing along but the turns: whoever was held is behind all others, and is served when
nobody else waits, or when she asks again at another node.
"""

from __future__ import annotations

import time
from collections.abc import Container
from typing import Final

from teduh_signaling.relay.frames import Urgency

from teduh_server.matching.ranking import HEAD_START_SECONDS
from teduh_server.matching.turns import Turns, Waiting
from teduh_server.redis_store import queue_scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Answer
from teduh_server.redis_store.exceptions import StoreError

HELD_BACK_SECONDS: Final = 24 * 3600
"""More than any head start, and longer than anybody waits."""
_AT_A_TIME: Final = 500
_COMING_BACK_SECONDS: Final = 30.0


class ServiceOrder:
    """The order of service, as far as it is this node's."""

    def __init__(self, store: Store, turns: Turns) -> None:
        self._store = store
        self._turns = turns
        self._opening: set[bytes] = set()
        # What the store could not be told.
        self._to_notify: dict[bytes, Waiting] = {}

    def enter(self, source: bytes, conversation_id: bytes, urgency: Urgency) -> int:
        """A request comes, or is asked for again: returns by how many seconds it is held back."""
        if conversation_id in self._turns:
            return 0
        self._opening.add(conversation_id)
        before, behind = self._turns.enter(source, conversation_id, urgency, time.monotonic())
        if behind is not None:
            self._hold_back(behind)
        return before * HELD_BACK_SECONDS

    def stands(self, conversation_id: bytes, place: float) -> None:
        """The store has the request, at this place in seconds since 1970."""
        self._turns.stands(conversation_id, place)

    def entered(self, conversation_id: bytes) -> None:
        """What `enter` began has ended: the store knows of the request, or will not."""
        self._opening.discard(conversation_id)

    def leave(self, conversation_id: bytes) -> None:
        """A request does not wait any more."""
        following = self._turns.leave(conversation_id)
        if following is not None:
            self._give_turn(following)

    async def look(self, followed: Container[bytes]) -> None:
        """Note what has left at other nodes; `followed` are the requests whose survivors are connected here.
        Raises StoreError.
        """
        to_notify, self._to_notify = self._to_notify, {}
        for waiting in to_notify.values():
            self._give_turn(waiting)
        doubtful = [each for each in self._turns.doubtful(followed) if each not in self._opening]
        for at in range(0, len(doubtful), _AT_A_TIME):
            few = doubtful[at : at + _AT_A_TIME]
            found = await self._store.ask(queue_scripts.waiting_among(few))
            for conversation_id in queue_scripts.not_waiting(few, found):
                self.leave(conversation_id)
        self._help_up()

    def _help_up(self) -> None:
        """Give their turn to those that another node has held back, and that are the first of their source
        here. Not at once: she who was before them may be about to come back, too.
        """
        held = time.time() + self._store.clock_ahead + HELD_BACK_SECONDS / 2
        since = time.monotonic() - _COMING_BACK_SECONDS
        for waiting in self._turns.at_their_turn():
            if waiting.place > held and waiting.since < since:
                self._give_turn(waiting)

    def _hold_back(self, waiting: Waiting) -> None:
        def told(answer: Answer) -> None:
            if answer != 1:
                # It was not held back: nothing is to be given back to it later.
                waiting.lost_turns = max(0, waiting.lost_turns - 1)

        self._store.call(queue_scripts.hold_back(waiting.conversation_id, HELD_BACK_SECONDS), told)

    def _give_turn(self, waiting: Waiting) -> None:
        held_back = waiting.lost_turns * HELD_BACK_SECONDS
        command = queue_scripts.give_turn(
            waiting.conversation_id, held_back, HEAD_START_SECONDS[waiting.urgency]
        )
        waiting.lost_turns, waiting.place = 0, min(waiting.place, time.time())

        def told(answer: Answer) -> None:
            if isinstance(answer, StoreError):
                self._to_notify[waiting.conversation_id] = waiting

        self._store.call(command, told)
