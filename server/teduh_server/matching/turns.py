"""Whose turn it is among the requests that come from one source, as far as they wait at this node.

::

    source A   emergency | normal | normal | normal        the first one of each source stands in the order of
    source B   normal                                      service; the others are held behind all of those,
    source C   urgent | normal                             and come up one by one as those before them leave
               ^^^^^^
               has its turn

So nobody stands behind more than one request of a source, however many come from there; and those who share
an address are served one after the other, the most urgent first, each from the moment on at which the one
before is gone. Sources are keyed hashes and stay in memory (`rate_limit`); by the places all that the store
learns is how many were before a request when it came.
"""

from __future__ import annotations

from bisect import insort
from collections import OrderedDict
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Final

from teduh_signaling.relay.frames import Urgency

_REMEMBERED: Final = 50_000
"""Of so many requests that have left the source is remembered, for reports."""


@dataclass(slots=True)
class Waiting:
    """One request in the line of its source."""

    conversation_id: bytes
    urgency: Urgency
    since: float
    """When it came to this node; monotonic."""
    place: float = 0.0
    """In the order of service, as far as it is known: behind all others of its source at first."""
    lost_turns: int = 0
    """How often a more urgent one has come before it when it had its turn."""


class Turns:
    """The requests that wait at one node, by their sources."""

    __slots__ = ("_left", "_lines", "_sources")

    def __init__(self) -> None:
        # Of each source, those that wait: the most urgent first, then by their places.
        self._lines: dict[bytes, list[Waiting]] = {}
        self._sources: dict[bytes, bytes] = {}
        # Where those came from that have left, the latest last.
        self._left: OrderedDict[bytes, bytes] = OrderedDict()

    def waiting(self, source: bytes) -> list[bytes]:
        """The requests of this source, in the order of their turns."""
        return [each.conversation_id for each in self._lines.get(source, ())]

    def source_of(self, conversation_id: bytes) -> bytes | None:
        """Where a request came from, of late, whether or not it still waits."""
        return self._sources.get(conversation_id) or self._left.get(conversation_id)

    def __contains__(self, conversation_id: bytes) -> bool:
        return conversation_id in self._sources

    def enter(
        self, source: bytes, conversation_id: bytes, urgency: Urgency, now: float
    ) -> tuple[int, Waiting | None]:
        """Take in a request that is not there yet; returns how many are before it, and which one loses its
        turn to it.
        """
        line = self._lines.setdefault(source, [])
        before = sum(1 for each in line if each.urgency >= urgency)
        last = line[before - 1].place if before else 0.0
        line.insert(before, Waiting(conversation_id, urgency, now, last))
        self._sources[conversation_id] = source
        if before > 0 or len(line) == 1:
            return before, None
        line[1].lost_turns += 1
        return before, line[1]

    def stands(self, conversation_id: bytes, place: float) -> None:
        """Its place is known now: whoever comes back stands where she stood before."""
        found = self._find(conversation_id)
        if found is not None:
            line, at = found
            waiting = line.pop(at)
            waiting.place = place
            insort(line, waiting, key=_order)

    def leave(self, conversation_id: bytes) -> Waiting | None:
        """It does not wait any more; returns whose turn it is now, if that has changed."""
        found = self._find(conversation_id)
        if found is None:
            return None
        line, at = found
        del line[at]
        source = self._sources.pop(conversation_id)
        self._left[conversation_id] = source
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        if not line:
            del self._lines[source]
            return None
        return line[0] if at == 0 else None

    def at_their_turn(self) -> Iterator[Waiting]:
        """Of each source the one that has its turn."""
        return (line[0] for line in self._lines.values())

    def doubtful(self, followed: Container[bytes]) -> list[bytes]:
        """Of which to ask whether they still wait: those behind which others are held, and those whose
        survivors are not connected here any more.
        """
        return [
            each.conversation_id
            for line in self._lines.values()
            for at, each in enumerate(line)
            if (at == 0 and len(line) > 1) or each.conversation_id not in followed
        ]

    def _find(self, conversation_id: bytes) -> tuple[list[Waiting], int] | None:
        source = self._sources.get(conversation_id)
        line = [] if source is None else self._lines.get(source, [])
        for at, each in enumerate(line):
            if each.conversation_id == conversation_id:
                return line, at
        return None


def _order(waiting: Waiting) -> tuple[int, float]:
    return -waiting.urgency, waiting.place
