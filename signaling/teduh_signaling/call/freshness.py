"""How old a message is, though no two clocks agree.

A borrowed phone may be hours off, so that `now - sent` alone says nothing. What came over a living connection
took at least no time at all, so the least difference that was ever seen of a sender is how far its clock is
behind; what exceeds it is age. Messages that waited in the log while we were away are measured by that as
well, or by the clocks as they are as long as nothing else is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Freshness:
    """What one device knows of the clocks of the others. Milliseconds."""

    _behind: dict[int, int] = field(default_factory=dict)

    def age(self, sender: int, sent: int, now: int, *, is_live: bool) -> int:
        """How long ago this was sent, at least; never negative. Learns from what came live."""
        difference = now - sent
        if is_live:
            self._behind[sender] = min(difference, self._behind.get(sender, difference))
        return max(0, difference - self._behind.get(sender, 0))

    def forget(self, sender: int) -> None:
        """Another device has this leaf now."""
        self._behind.pop(sender, None)
