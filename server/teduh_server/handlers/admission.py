"""Who may put a request into the queue, and at which price.

::

    OpenRequest, with a proof for the price of the last answer --> checked in a thread --> the queue
                 waits already, or costs nothing ------------------------------------> the queue
                 the queue is full, and her source has others in it -----------------> too_many
                 else ---------> proof_of_work_required, with a price for this request, good once

A source that has nothing in the queue is never told that it is full. Proofs are checked one at a time for
each source, by a thread of the least priority: whoever sends what is no proof holds up herself first, and
nobody who talks.
"""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from weakref import WeakValueDictionary

from teduh_signaling.relay import proof_of_work
from teduh_signaling.relay.exceptions import RemoteProtocolError
from teduh_signaling.relay.frames import Error, ErrorCode, OpenRequest, Price

from teduh_server.matching.request_price import RequestPrice
from teduh_server.matching.turns import Turns
from teduh_server.routing.queue import Queue
from teduh_server.session.connection import Connection
from teduh_server.transport.rate_limit import source_of_requests

MOST_REQUESTS_PER_CONNECTION = 8
"""A survivor needs one, and perhaps repeats it."""
_FULL_RETRY_MS = 10_000
_UNPAID_RETRY_MS = 10_000
"""Who cannot read the price asks again after so long."""
_LEAST_PRIORITY = 19


class Admission:
    """The door of one node's queue."""

    def __init__(self, queue: Queue, turns: Turns, price: RequestPrice, *, most_waiting: int) -> None:
        self._queue = queue
        self._turns = turns
        self._price = price
        self._most_waiting = most_waiting
        self._checks = ProofChecks()

    async def admits(self, connection: Connection, frame: OpenRequest, conversation_id: bytes) -> bool:
        """Whether it may go into the queue; otherwise its sender has been told why not. Raises StoreError."""
        if await self._has_paid(connection, frame, conversation_id):
            return True
        source = source_of_requests(connection.source)
        others = [each for each in self._turns.waiting(source) if each != conversation_id]
        self._price.waiting = self._queue.length
        is_full = bool(others) and self._queue.length >= self._most_waiting
        quote = self._price.quote(source, len(others), conversation_id)
        if (quote is None and not is_full) or await self._queue.is_open(conversation_id):
            # Who comes back, as after a restart, takes nothing from others.
            return True
        if is_full or quote is None:
            connection.refuse(
                ErrorCode.TOO_MANY,
                "too many requests are waiting",
                ref=frame.ref,
                retry_after_ms=_FULL_RETRY_MS,
            )
            return False
        connection.quote = quote
        connection.send(
            Error(
                ErrorCode.PROOF_OF_WORK_REQUIRED,
                "a request costs a proof of work now",
                frame.ref,
                retry_after_ms=_UNPAID_RETRY_MS,
                price=quote.price,
            )
        )
        return False

    def opened(self, connection: Connection) -> None:
        """A new request of this connection is in the queue."""
        self._price.count(source_of_requests(connection.source))

    async def _has_paid(self, connection: Connection, frame: OpenRequest, conversation_id: bytes) -> bool:
        quote, connection.quote = connection.quote, None
        if quote is None or not frame.proof_of_work or not quote.is_for(conversation_id):
            return False
        if await self._checks.pays(source_of_requests(connection.source), quote.price, frame.proof_of_work):
            return True
        self._price.count(source_of_requests(connection.source))
        return False


class ProofChecks:
    """Checks proofs of work beside the event loop."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "proof-checks", _take_least_priority)
        self._sources: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def pays(self, source: bytes, price: Price, solution: bytes) -> bool:
        """Whether the solution pays the price."""
        lock = self._sources.get(source)
        if lock is None:
            self._sources[source] = lock = asyncio.Lock()
        async with lock:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, _pays, price, solution)


def _pays(price: Price, solution: bytes) -> bool:
    try:
        proof_of_work.verify(price, solution)
    except RemoteProtocolError:
        return False
    return True


def _take_least_priority() -> None:
    # Linux has priorities for each thread; elsewhere it shares the processor as others do.
    if hasattr(os, "setpriority"):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LEAST_PRIORITY)
