"""What is measured, and how a Python library takes part.

A group of n is *warm* when members 0, 1, 2, 4, 8 ... have committed once each: then every node beside the
path of member 0 holds a key, and a commit encrypts to log n of them. A cold tree, in which everybody was
added and nobody has committed, makes each library encrypt to every single leaf.

    founder adds n - 1 people in one commit;  leaves 1, 2, 4, 8 ... join;  each commits, the others follow
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

MESSAGE = b"x" * 300
GROUP_ID = b"benchmark group!"
Result = TypeVar("Result")


class Operation(StrEnum):
    """One measured operation; times are per single operation."""

    CREATE_JOIN = "create+join"
    """A founder creates a group, adds all others in one commit, and one of them joins by the Welcome."""
    PROTECT = "protect"
    """Encrypt and sign a 300-byte application message, encoded for the wire."""
    UNPROTECT = "unprotect"
    """Decode, decrypt and verify it."""
    COMMIT = "commit"
    """Member 0 makes an empty commit with a path, and adopts it."""
    PROCESS = "process"
    """Member 1 processes it."""


class PeerMissing(Exception):
    """The library is not installed here; the text says which package would bring it."""


class Peer(Protocol):
    """A library as the benchmark sees it."""

    @property
    def name(self) -> str:
        """The name in the table."""
        ...

    def prepare(self, members: int) -> None:
        """Make a warm group of so many members; the other operations are measured in it."""
        ...

    def time(self, operation: Operation, count: int) -> float:
        """Run the operation `count` times; returns the mean in microseconds."""
        ...

    def close(self) -> None:
        """End whatever was started."""
        ...


class Member(Protocol):
    """One member of a group; every call moves its state on."""

    def protect(self, data: bytes) -> bytes:
        """An encoded application message."""
        ...

    def unprotect(self, message: bytes) -> bytes:
        """The content of an application message of another member."""
        ...

    def commit(self) -> bytes:
        """An encoded empty commit with a path, adopted at once."""
        ...

    def process(self, commit: bytes) -> None:
        """Follow another member's commit."""
        ...


def committers(members: int) -> list[int]:
    """Leaves whose commits make the tree warm for member 0: 0, 1, 2, 4, 8 ..."""
    return [0, *(1 << level for level in range(members.bit_length()) if 1 << level < members)]


@dataclass
class Stopwatch:
    """Sums the time of the calls it is told to time."""

    seconds: float = 0.0

    def timed(self, call: Callable[[], Result]) -> Result:
        started = time.perf_counter()
        result = call()
        self.seconds += time.perf_counter() - started
        return result


class PythonPeer(ABC):
    """A library that is called from this process."""

    name: str

    def __init__(self) -> None:
        """Not in a group yet."""
        self._group_size = 0
        self._members: dict[int, Member] = {}

    @abstractmethod
    def found(self, members: int, joined: Sequence[int]) -> Callable[[], dict[int, Member]]:
        """Make all key packages; the returned call founds the group and lets `joined` (leaf indices) join."""

    def prepare(self, members: int) -> None:
        """Make the warm group."""
        self._group_size = members
        self._members = self.found(members, committers(members))()
        for leaf, member in self._members.items():
            commit = member.commit()
            for other_leaf, other in self._members.items():
                if other_leaf != leaf:
                    other.process(commit)

    def time(self, operation: Operation, count: int) -> float:
        """Run the operation `count` times; returns the mean in microseconds."""
        watch = Stopwatch()
        {
            Operation.CREATE_JOIN: self._create_join,
            Operation.PROTECT: self._protect,
            Operation.UNPROTECT: self._unprotect,
            Operation.COMMIT: self._commit,
            Operation.PROCESS: self._process,
        }[operation](watch, count)
        return watch.seconds / count * 1e6

    def close(self) -> None:
        """Let the members go; no process was started."""
        self._members = {}

    def _create_join(self, watch: Stopwatch, count: int) -> None:
        for _ in range(count):
            watch.timed(self.found(self._group_size, [0, 1]))

    def _protect(self, watch: Stopwatch, count: int) -> None:
        sender, receiver = self._members[0], self._members[1]
        messages = watch.timed(lambda: [sender.protect(MESSAGE) for _ in range(count)])
        for message in messages:
            receiver.unprotect(message)

    def _unprotect(self, watch: Stopwatch, count: int) -> None:
        sender, receiver = self._members[0], self._members[1]
        messages = [sender.protect(MESSAGE) for _ in range(count)]
        contents = watch.timed(lambda: [receiver.unprotect(message) for message in messages])
        assert contents == [MESSAGE] * count

    def _commit(self, watch: Stopwatch, count: int) -> None:
        for _ in range(count):
            self._follow(watch.timed(self._members[0].commit), Stopwatch())

    def _process(self, watch: Stopwatch, count: int) -> None:
        for _ in range(count):
            self._follow(self._members[0].commit(), watch)

    def _follow(self, commit: bytes, watch: Stopwatch) -> None:
        watch.timed(lambda: self._members[1].process(commit))
        for leaf, member in self._members.items():
            if leaf > 1:
                member.process(commit)
