"""A balancer before several relays, as simple as one can be: each connection goes to the next of `relays`,
whether that is well or not.

    client ──> one address ──> relay 0
                          └──> relay 1 ...
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from relay_process import RelayProcess


@dataclass
class Balancer:
    """`relays` may be exchanged at any time."""

    relays: Sequence[RelayProcess]
    url: str = ""
    _turns: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        """One client."""
        relay = self.relays[self._turns % len(self.relays)]
        self._turns += 1
        try:
            far, to_far = await asyncio.open_connection("127.0.0.1", relay.port)
        except OSError:
            to_near.close()
            return
        for work in (_pass(near, to_far), _pass(far, to_near)):
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def balancer(relays: Sequence[RelayProcess]) -> AsyncIterator[Balancer]:
    """One, for as long as the block lasts."""
    one = Balancer(relays)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield one
    finally:
        server.close()
        await one.close()


async def _pass(near: asyncio.StreamReader, far: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            while data := await near.read(65536):
                far.write(data)
                await far.drain()
    finally:
        far.close()
