"""What opening a request costs, in memory-hard proof of work: nothing at rest, more as the queue and the
requests of its source grow.

::

    waiting in all      < calm   < 2 calm  < 4 calm   beyond
    doublings               0         1         2         3

    of the source       < free     free      1 more    2 or 3 more   4 to 7 more ...
    doublings               0         1         2          2             3

    price = PUZZLES << (BASE_BITS + doublings of both), nothing if both are 0

What a source has asked for counts while it waits, and for a while after it: one every two minutes is
forgotten. Nobody's first request costs more than `MOST_DOUBLINGS_OF_QUEUE`, unless staff have reported its
source. An urgency changes nothing: whoever floods would call everything an emergency.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from teduh_signaling.relay.frames import Price

PUZZLES: Final = 8
BASE_BITS: Final = 1
MEMORY: Final = 11
"""scrypt with N = 2048 and r = 8: 2 MiB. A page takes about as long for it as a server's core in native code
(`benchmarks/request_price.py`).
"""
MOST_DOUBLINGS_OF_QUEUE: Final = 3
MOST_DOUBLINGS: Final = 6
REPORTED_SECONDS: Final = 3600.0
QUOTE_SECONDS: Final = 300.0
"""For so long a quoted price is good; a slow phone may need minutes for the dearest."""
_FORGOTTEN_SECONDS: Final = 120.0
_MOST_SOURCES: Final = 50_000


@dataclass(frozen=True, slots=True)
class Quote:
    """A price, and what it is for; kept at the connection that was told it."""

    conversation_id: bytes
    price: Price
    until: float
    """Monotonic."""

    def is_for(self, conversation_id: bytes) -> bool:
        return self.conversation_id == conversation_id and time.monotonic() < self.until


class RequestPrice:
    """The prices of one node."""

    __slots__ = ("_calm", "_free", "_recent", "_reported", "waiting")

    def __init__(self, free_requests: int, calm_waiting: int) -> None:
        self._free = free_requests
        self._calm = calm_waiting
        self.waiting = 0
        """How many requests wait at all nodes, as far as this one knows."""
        # Of each source how many requests are remembered, and since when.
        self._recent: OrderedDict[bytes, tuple[float, float]] = OrderedDict()
        self._reported: OrderedDict[bytes, float] = OrderedDict()

    def report(self, source: bytes) -> None:
        """What came from there was no request for help: the next ones cost something, for an hour."""
        self._reported[source] = time.monotonic() + REPORTED_SECONDS
        self._reported.move_to_end(source)
        if len(self._reported) > _MOST_SOURCES:
            self._reported.popitem(last=False)

    def count(self, source: bytes) -> None:
        """A request of this source was opened, or paid with what is no proof."""
        now = time.monotonic()
        self._recent[source] = (self._remembered(source, now) + 1, now)
        self._recent.move_to_end(source)
        if len(self._recent) > _MOST_SOURCES:
            self._recent.popitem(last=False)

    def quote(self, source: bytes, waiting: int, conversation_id: bytes) -> Quote | None:
        """The price of this request, `waiting` others of its source being in the queue; None: nothing."""
        bits = self.bits(source, waiting)
        if bits == 0:
            return None
        price = Price(secrets.token_bytes(32), PUZZLES, bits, MEMORY)
        return Quote(conversation_id, price, time.monotonic() + QUOTE_SECONDS)

    def bits(self, source: bytes, waiting: int) -> int:
        """The bits of each puzzle; 0: it costs nothing."""
        now = time.monotonic()
        more = max(waiting, int(self._remembered(source, now))) - self._free + 1
        of_source = max(0, more).bit_length()
        if self._reported.get(source, 0.0) > now:
            of_source = max(of_source, MOST_DOUBLINGS_OF_QUEUE)
        of_queue = min(MOST_DOUBLINGS_OF_QUEUE, (self.waiting // self._calm).bit_length())
        doublings = min(MOST_DOUBLINGS, of_queue + of_source)
        return BASE_BITS + doublings if doublings else 0

    def _remembered(self, source: bytes, now: float) -> float:
        count, since = self._recent.get(source, (0.0, now))
        return max(0.0, count - (now - since) / _FORGOTTEN_SECONDS)
