"""Who waits, read a few at a time: what many wait for must not hold up what one says.

::

    the order, as it is now  -->  the first few  -->  the next few  -->  ...
                                       other commands in between

To read all that 256 requests are routed by in one go takes the store and this node some milliseconds, every
second, and whatever is said meanwhile comes behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from teduh_server.matching.ranking import WaitingRequest
from teduh_server.redis_store import queue_scripts, routing_scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.replies import as_int

AT_A_TIME: Final = 16


async def next_waiting(store: Store, most: int) -> tuple[int, list[WaitingRequest]]:
    """How many wait in all, and up to `most` of the next ones in the order of service.

    The order is of one moment; who does not wait any more when its turn comes is left out. Raises StoreError.
    """
    order = queue_scripts.conversation_ids(await store.ask(queue_scripts.queue_order(most)))
    count = len(order) if len(order) < most else as_int(await store.ask(queue_scripts.queue_length()))
    return count, await read_waiting(store, order)


async def read_waiting(store: Store, conversation_ids: Sequence[bytes]) -> list[WaitingRequest]:
    """Those of them that wait, in the same order. Raises StoreError."""
    waiting: list[WaitingRequest] = []
    for at in range(0, len(conversation_ids), AT_A_TIME):
        few = conversation_ids[at : at + AT_A_TIME]
        waiting += routing_scripts.requests(few, await store.ask(routing_scripts.read_requests(few)))
    return waiting
