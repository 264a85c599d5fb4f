"""How long the keys of our leaf have served, and whether we owe the group a refresh of them.

A refresh is an empty commit with a path (RFC 9420, 12.4): whoever copied our state before it can compute
nothing of the epoch that it begins, nor of any later one.

    joined by a Welcome, or gone on from a saved state ──┐
    50 messages of ours ─────────────────────────────────┼──> due ──> our commit is accepted ──> renewed
    15 minutes, and somebody has said something ─────────┘

Nothing is due where nothing was said, so that two who are silent do not keep each other committing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from teduh_signaling.chat import messages as chat

MOST_MESSAGES: Final = 50
"""Messages of ours that one set of leaf keys serves for."""
MOST_SECONDS: Final = 15 * 60
"""Seconds that one set of leaf keys serves for, where people talk."""
_MOST_JITTER: Final = 2 * 60
"""Seconds less, at random, so that two members do not always commit in the same moment."""
_PAUSE: Final = 60
"""Seconds before another try where a commit could not be made."""

_ON_ITS_OWN: Final = (chat.EpochAcknowledgement, chat.Receipt, chat.NoteKey)
"""What devices say without anybody having said something."""


def is_talk(message: object) -> bool:
    """Whether a decoded message is more than one that devices exchange on their own."""
    return not isinstance(message, _ON_ITS_OWN)


@dataclass(slots=True)
class LeafKeyAge:
    """One member's. Times are seconds by this device's clock, which may be set in the meantime."""

    is_owed: bool = False
    """Whether a refresh is due however long the keys have served: we have just joined, or are restored."""
    _renewed_at: int = 0
    _serves_until: int = 0
    _said: int = 0
    _has_served: bool = False
    _failed_at: int | None = None
    _is_last: bool = False

    def renewed(self, now: int) -> None:
        """A commit of ours was accepted that has put new keys into our leaf."""
        self._renewed_at = now
        self._serves_until = now + MOST_SECONDS - secrets.randbelow(_MOST_JITTER)
        self.is_owed, self._said, self._has_served, self._failed_at = False, 0, False, None

    def note_talk(self, message: object) -> None:
        """Somebody has said something, or we are about to."""
        self._has_served = self._has_served or is_talk(message)

    def note_use(self, message: object) -> None:
        """We have encrypted something of ours in an epoch of these keys."""
        self._said += is_talk(message)

    def failed(self, now: int) -> None:
        """The refresh could not be made; it stays due, and is tried again in a minute."""
        self._failed_at = now

    def stop(self) -> None:
        """We are about to leave: nothing is due any more."""
        self._is_last = True

    def is_due(self, now: int) -> bool:
        """Whether to commit a refresh before anything else is said."""
        if self._is_last or (self._failed_at is not None and 0 <= now - self._failed_at < _PAUSE):
            return False
        # A clock that was set back says nothing about how long these keys have served.
        is_old = not self._renewed_at <= now < self._serves_until
        return self.is_owed or self._said >= MOST_MESSAGES or (self._has_served and is_old)
