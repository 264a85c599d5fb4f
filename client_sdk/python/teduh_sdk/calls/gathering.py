"""Looking for the addresses by which this device can be reached, which is never broken off.

aioice notes the sockets and the TURN allocations that it opens only when it has all of them. Cancelled
before, it forgets what it has opened, and closing the connection closes none of it: a socket stays, and an
allocation is renewed for as long as the program runs. By itself it comes to an end within five seconds. So
nobody waits for longer than they like, it goes on behind, and what it has opened is closed after its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final

_behind: Final[set[asyncio.Task[None]]] = set()
"""What goes on although nobody waits: an event loop alone would forget it."""


class Gathering:
    """Work in which addresses are looked for; it begins at once."""

    def __init__(self, work: Coroutine[None, None, None]) -> None:
        self._task = asyncio.create_task(work)
        # Whoever waits is told how it failed; if nobody does any more, it concerns nobody.
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def wait(self, seconds: float) -> bool:
        """Wait for its end, but no longer than that; returns whether it has ended. Raises what it raised."""
        done, _ = await asyncio.wait([self._task], timeout=seconds)
        for task in done:
            task.result()
        return bool(done)

    def and_then(self, close: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Call this at its end, whatever that was; returns the task, for which nobody needs to wait."""

        async def closed() -> None:
            await asyncio.wait([self._task])
            await close()

        closing = asyncio.create_task(closed())
        _behind.add(closing)
        closing.add_done_callback(_behind.discard)
        return closing
