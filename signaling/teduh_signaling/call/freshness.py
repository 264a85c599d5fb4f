"""How old a message is, though no two clocks agree.

A borrowed phone may be hours off, so that `now - sent` alone says nothing. What came over a living connection
took at least no time at all, so the least difference that was ever seen of a sender is how far its clock is
behind; what exceeds it is age. Messages that waited in the log while we were away are measured by that as
well, or by the clocks as they are as long as nothing else is known.

Clocks are also set right, and then everything would look old for ever. So what comes late for a while, again
and again over a living connection, is not late: one of the clocks is another now. What was held back, and
comes all at once, is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_LATE: Final = 20_000
"""More than a living connection takes; also how long may pass between two that come late for one reason."""
_LASTING: Final = 10_000
"""For so long everything has to come late: two heartbeats."""


@dataclass(frozen=True, slots=True)
class _Lateness:
    """Since when everything of a sender has come late, when it did last, and the least difference."""

    since: int
    last: int
    least: int


@dataclass(slots=True)
class Freshness:
    """What one device knows of the clocks of the others. Milliseconds."""

    _behind: dict[int, int] = field(default_factory=dict)
    _late: dict[int, _Lateness] = field(default_factory=dict)

    def age(self, sender: int, sent: int, now: int, *, is_live: bool) -> int:
        """How long ago this was sent, at least; never negative. Learns from what came live."""
        difference = now - sent
        if is_live:
            self._learn(sender, difference, now)
        return max(0, difference - self._behind.get(sender, 0))

    def forget(self, sender: int) -> None:
        """Another device has this leaf now."""
        self._behind.pop(sender, None)
        self._late.pop(sender, None)

    def _learn(self, sender: int, difference: int, now: int) -> None:
        behind = self._behind.get(sender, difference)
        if difference < behind + _LATE:
            self._behind[sender] = min(difference, behind)
            self._late.pop(sender, None)
            return
        before = self._late.get(sender)
        if before is None or not 0 <= now - before.last < _LATE:
            before = _Lateness(now, now, difference)
        late = self._late[sender] = _Lateness(before.since, now, min(difference, before.least))
        if now - late.since >= _LASTING:
            self._behind[sender] = late.least
            del self._late[sender]
