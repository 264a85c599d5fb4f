"""What the state of the link allows: whether it is up, to where the log must be read before anything is sent,
and from which epoch on the relay takes our appends. Kept nowhere: every connection begins it anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WINDOW: Final = 16
"""Appends in flight at once, unless the relay allows fewer."""


@dataclass(slots=True)
class SendWindow:
    """`is_up` may be set; the rest is told by its methods."""

    is_up: bool = False
    _read_until: int = 0
    _must_repeat: bool = False
    _epoch_wanted: int = 0
    _acknowledged: int = 0
    _has_acknowledged: bool = False
    _window: int = WINDOW

    def connected(self, last_seq: int, window: int) -> None:
        """We are subscribed, and the log goes to `last_seq`."""
        self.is_up, self._read_until, self._window = True, last_seq, min(window, WINDOW)
        # Same counters, same bytes: the relay recognises what it has, and says so.
        self._must_repeat = True
        if self._has_acknowledged:
            # What was acknowledged last may have been lost with the connection.
            self._acknowledged, self._has_acknowledged = 0, False

    def is_live(self, seq: int) -> bool:
        """Whether an entry came as it was made, rather than from the log."""
        return seq > self._read_until

    def repeat(self) -> None:
        """What is in flight is to be sent again."""
        self._must_repeat = True

    def want_epoch(self, epoch: int) -> None:
        """The relay takes appends of this epoch or a later one only."""
        self._epoch_wanted = max(self._epoch_wanted, epoch)

    def read_up_to(self, cursor: int) -> None:
        """The log is read, and told to be read, up to here."""
        self._acknowledged = cursor

    def take_repeat(self, cursor: int) -> bool:
        """Whether to send again now what is in flight; true once."""
        is_time = self._must_repeat and cursor >= self._read_until
        self._must_repeat = self._must_repeat and not is_time
        return is_time

    def take_acknowledgement(self, cursor: int) -> bool:
        """Whether to tell the relay how far we have read; true once for each place."""
        is_further = cursor > self._acknowledged
        if is_further:
            self._acknowledged, self._has_acknowledged = cursor, True
        return is_further

    def may_send(self, cursor: int, epoch: int, in_flight: int) -> bool:
        """Whether something new may be sent."""
        return cursor >= self._read_until and epoch >= self._epoch_wanted and in_flight < self._window
