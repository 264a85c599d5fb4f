"""What runs in the background of a node, from its start to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

Work = Coroutine[None, None, None]
_AGAIN_SECONDS = 1.0


class BackgroundTasks:
    """`failed` hears of every fault. After `close` nothing is begun any more."""

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = True

    def spawn(self, work: Work) -> None:
        """Run something for as long as the node does."""
        if not self._is_open:
            # A timer that was set before the end.
            work.close()
            return
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def keep(self, work: Callable[[], Work]) -> None:
        """Run something that has no end: where it fails it is begun anew a second later, for without it
        nobody might be offered anything any more.
        """
        self.spawn(self._keep(work))

    async def close(self) -> None:
        """Cancel all, and wait for them."""
        self._is_open = False
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, work: Callable[[], Work]) -> None:
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 -- whatever it is, what depends on this must go on
                self._failed(error)
            await asyncio.sleep(_AGAIN_SECONDS)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)
