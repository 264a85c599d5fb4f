"""Which of a group's states counts: a state is spent once.

    state ── send ──> next          the state is spent; it cannot send again, nor read
    state ── receive ──> next       both may still be the one; the first that is used takes the other's place
    state ── commit ──> next        in a later epoch; when it is used, all states of the epoch before are over
                  └──> if refused   in this epoch

Two sends from one state would use one message key twice, and a state that was discarded must not come back.
What a state shows (its members, its epoch) can be read at any time.
"""

from __future__ import annotations

from teduh_crypto.exceptions import OperationNotAllowed


class _EpochLife:
    """What the states of one epoch share: whether one of a later epoch counts."""

    __slots__ = ("is_over",)

    def __init__(self) -> None:
        self.is_over = False


class Succession:
    """The place of one state among those of its group. Not to be shared between threads."""

    __slots__ = ("_before", "_left", "_life", "_next")

    def __init__(
        self,
        life: _EpochLife | None = None,
        *,
        before: Succession | None = None,
        left: _EpochLife | None = None,
    ) -> None:
        """Without arguments, of a state that comes from nowhere."""
        self._life = _EpochLife() if life is None else life
        self._before = before
        self._left = left
        self._next: Succession | None = None

    def in_same_epoch(self) -> Succession:
        """Of a state that this one leads to."""
        return Succession(self._life, before=self)

    def in_next_epoch(self) -> Succession:
        """Of a state that a commit leads to."""
        return Succession(left=self._life)

    def take(self) -> None:
        """From here on this state counts; raises `OperationNotAllowed` if another does."""
        if self._life.is_over or self._next is not None or not self._may_follow():
            raise OperationNotAllowed("another state of this group has taken the place of this one")
        if self._left is not None:
            self._left.is_over = True
        self._before = self._left = None

    def spend(self) -> Succession:
        """The place of the state that follows on a send from this one, which is spent by it."""
        self._next = self.in_same_epoch()
        return self._next

    def _may_follow(self) -> bool:
        """Whether no other state has followed on the one from which this one comes."""
        if self._left is not None:
            return not self._left.is_over
        if self._before is None:
            return True
        if self._before._next is None:
            self._before._next = self
        return self._before._next is self
