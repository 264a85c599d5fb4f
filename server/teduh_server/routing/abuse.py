"""Requests that were none: staff say so, and all that waits from the same source leaves the queue.

::

    ReportAbuse --> member of it, not too often, for the first time? --ABUSE--> every node
    every node                          --> its survivor waits there no more, unless she asks anew
    the node that took the request in --> its source pays for an hour (`request_price`)
      and all workers of its machine      --> its requests leave the queue, their connections end

Whoever is behind the same address and did wait is disconnected like that, asks again by herself, and is in
after a proof of work: the one who reports cannot keep anybody out. One report for each conversation that
somebody has taken counts, and no more than `REPORTS_PER_SECOND` of one device.

Where a request came from only the node knows that took it in, as the keyed hash of an address, in memory.
The workers of one machine share the key, and tell each other by the kernel's memory (`sibling_workers`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Final

from teduh_server.cluster import node_channel
from teduh_server.cluster.node_channel import NodeChannel
from teduh_server.matching.reported import Reported
from teduh_server.matching.request_price import RequestPrice
from teduh_server.matching.turns import Turns
from teduh_server.operations import metrics
from teduh_server.operations.log_policy import note
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.exceptions import StoreError
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL
from teduh_server.routing.queue import Queue
from teduh_server.transport.rate_limit import SourceLimit

REPORTS_PER_SECOND: Final = 2.0
_BURST: Final = 20.0
_AT_A_TIME: Final = 25


class AbuseReports:
    """Reports by the staff of this node, and about the requests that it took in."""

    def __init__(
        self,
        store: Store,
        channel: NodeChannel,
        queue: Queue,
        turns: Turns,
        price: RequestPrice,
        reported: Reported,
        spawn: Callable[[Coroutine[None, None, None]], None],
        notify_workers: Callable[[bytes], None],
    ) -> None:
        """`notify_workers` takes a source to the other workers of this machine."""
        self._store = store
        self._queue = queue
        self._turns = turns
        self._price = price
        self._spawn = spawn
        self._notify_workers = notify_workers
        self._limit = SourceLimit(REPORTS_PER_SECOND, _BURST)
        self.reported = reported
        channel.on(node_channel.ABUSE, self._hear)

    def report(self, device_id: bytes, conversation_id: bytes) -> float:
        """Tell whichever node it concerns; returns 0, or the seconds after which to try again."""
        wait = self._limit.try_take(device_id, time.monotonic())
        if wait == 0:
            self._store.publish(ALL_NODES_CHANNEL, bytes((node_channel.ABUSE,)) + conversation_id)
        return wait

    def _hear(self, conversation_id: bytes) -> None:
        if not self.reported.add(conversation_id):
            return
        self._spawn(self._end_search(conversation_id))
        source = self._turns.source_of(conversation_id)
        if source is None:
            return
        metrics.REPORTS.inc()
        self.take_out(source)
        self._notify_workers(source)

    def take_out(self, source: bytes) -> None:
        """What came from there was no request for help."""
        self._price.report(source)
        self._spawn(self._take_out(self._turns.waiting(source)))

    async def _end_search(self, conversation_id: bytes) -> None:
        # Its survivor may look for somebody else already.
        with suppress(StoreError):
            await self._queue.take_out(conversation_id)

    async def _take_out(self, conversation_ids: list[bytes]) -> None:
        for at in range(0, len(conversation_ids), _AT_A_TIME):
            few = conversation_ids[at : at + _AT_A_TIME]
            taken_out = await asyncio.gather(*map(self._queue.take_out, few), return_exceptions=True)
            for failure in taken_out:
                if isinstance(failure, BaseException) and not isinstance(failure, StoreError):
                    raise failure
        note("a source was reported", taken_out=len(conversation_ids))
