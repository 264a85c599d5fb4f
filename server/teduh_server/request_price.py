"""What opening a request costs: proof of work, so that nobody floods the queue for nothing."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Final

REPORTED_BITS: Final = 18
"""A quarter of a million hashes: a second of a cheap phone."""
REPORTED_SECONDS: Final = 3600.0
_MOST_REPORTED: Final = 10_000


class RequestPrice:
    """How many bits of work a request costs: what is set, and more while requests come faster than
    expected.
    """

    __slots__ = ("_above", "_bits", "_count", "_minute", "_previous", "_reported")

    def __init__(self, bits: int, above_per_minute: float) -> None:
        self._bits = bits
        self._above = above_per_minute
        self._minute = 0
        self._count = 0
        self._previous = 0
        self._reported: OrderedDict[bytes, float] = OrderedDict()

    def report(self, source: bytes) -> None:
        """Staff say that what came from there was no request for help: the next costs more, for an hour.

        Not more than a second's work for a phone: others may be behind the same address.
        """
        self._reported[source] = time.monotonic() + REPORTED_SECONDS
        self._reported.move_to_end(source)
        if len(self._reported) > _MOST_REPORTED:
            self._reported.popitem(last=False)

    def count(self) -> None:
        """A request was opened."""
        self._turn()
        self._count += 1

    def bits(self, source: bytes) -> int:
        """The price now: 12 bits above the expected rate, and two more each time the rate doubles; 20 at
        most. `REPORTED_BITS` at least for a source that was reported.
        """
        if self._reported and self._reported.get(source, 0.0) > time.monotonic():
            return max(REPORTED_BITS, self._general_bits())
        return self._general_bits()

    def _general_bits(self) -> int:
        self._turn()
        rate = max(self._count, self._previous)
        if rate <= self._above:
            return self._bits
        return max(self._bits, min(20, 12 + 2 * int(rate / self._above).bit_length() - 2))

    def _turn(self) -> None:
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._previous = self._count if minute == self._minute + 1 else 0
            self._minute, self._count = minute, 0
