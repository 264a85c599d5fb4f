"""Puts a conversation's log back in order: what others said, and what was accepted of our own, by place.

The relay numbers entries from 1 without gaps, but tells a sender of its own entries only by Accepted, which
may come before the entries of others that precede it, and which may answer several appends at once:

    Entry 5, Entry 6          Accepted(counter 9, seq 9)          Entry 8
    cursor 6                  place 7 or 8 holds our counter 8    so place 7 does; cursor 9

An item is handed out once, when all places before it are known. After a reconnect the log read repeats our
own entries, recognised by member and counter; a place that is known already is not taken twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from teduh_signaling.relay.frames import Entry, EntryKind

from teduh_sdk.exceptions import LogBroken

MOST_WAITING: Final = 4096
"""Entries kept behind a gap. More than this is no delay but a withheld entry."""


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """One of our own appends has its place in the log."""

    seq: int
    counter: int


@dataclass(frozen=True, slots=True)
class OwnWelcome:
    """The place after our own commit, where its Welcome is."""

    seq: int


LogItem = Entry | OwnEntry | OwnWelcome


@dataclass(slots=True)
class LogOrder:
    """`cursor` is the last place handed out; `next_own` the counter of our next append without a place.

    `with_welcome` are the counters of our commits whose Welcome takes the place after them.
    """

    member: int
    cursor: int = 0
    next_own: int = 1
    with_welcome: set[int] = field(default_factory=set)
    _places: dict[int, LogItem] = field(default_factory=dict)

    @property
    def has_gap(self) -> bool:
        """Whether later entries wait for an earlier one."""
        return bool(self._places)

    def sends_welcome(self, counter: int) -> None:
        """Our append with this counter carries a Welcome, which takes the place after it."""
        self.with_welcome.add(counter)

    def forget_append(self, counter: int) -> None:
        """Our append with this counter was refused, so that the counter is free again."""
        self.with_welcome.discard(counter)

    def received(self, entry: Entry) -> None:
        """An entry came; raises `LogBroken` when too many wait behind a gap."""
        if entry.seq <= self.cursor:
            return
        if entry.member != self.member:
            self._put(entry.seq, entry)
        elif entry.kind is EntryKind.WELCOME:
            self._put(entry.seq, OwnWelcome(entry.seq))
        else:
            self.accepted(entry.counter, entry.seq)

    def accepted(self, counter: int, seq: int) -> None:
        """Our append with this counter has this place; 0 means that its place is not known."""
        if seq <= self.cursor or counter < self.next_own:
            return
        self._put(seq, OwnEntry(seq, counter))
        if counter in self.with_welcome:
            self._put(seq + 1, OwnWelcome(seq + 1))

    def take(self) -> Iterator[LogItem]:
        """Hand out everything whose place is next."""
        while self.cursor + 1 in self._places or self._infer():
            item = self._places.pop(self.cursor + 1)
            self.cursor += 1
            if isinstance(item, OwnEntry):
                self.next_own = item.counter + 1
                self.with_welcome.discard(item.counter)
            yield item

    def put_back(self, entry: Entry) -> None:
        """What was handed out last cannot be read yet: it is handed out again, and what follows waits."""
        self.cursor = entry.seq - 1
        self._places[entry.seq] = entry

    def _put(self, seq: int, item: LogItem) -> None:
        self._places.setdefault(seq, item)
        if len(self._places) > MOST_WAITING:
            raise LogBroken("an entry of the log does not come")

    def _infer(self) -> bool:
        # One Accepted speaks for all counters up to its own. As soon as exactly as many places are open
        # below it as appends of ours have none, they belong together, in the order of the counters.
        placed = [item for item in self._places.values() if isinstance(item, OwnEntry)]
        if not placed:
            return False
        lowest = min(placed, key=lambda item: item.seq)
        if max(lowest.counter - self.next_own, lowest.seq - self.cursor) > 2 * MOST_WAITING:
            # More than could ever wait: whatever the relay counts, there is nothing to infer.
            return False
        missing: list[int | None] = []
        for counter in range(self.next_own, lowest.counter):
            missing += [counter, None] if counter in self.with_welcome else [counter]
        gaps = [seq for seq in range(self.cursor + 1, lowest.seq) if seq not in self._places]
        if not gaps or len(gaps) != len(missing):
            return False
        for seq, own in zip(gaps, missing, strict=True):
            self._put(seq, OwnWelcome(seq) if own is None else OwnEntry(seq, own))
        return self.cursor + 1 in self._places
