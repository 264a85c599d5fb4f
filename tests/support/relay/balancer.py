"""A balancer before several relays. By itself each connection goes to the next of `relays`, whether that is
well or not; `watch` makes it look, as deploy/caddy/Caddyfile has it: one that does not answer at /readyz
gets nothing new, and whoever comes goes to the one with the fewest connections.

    client ──> one address ──> relay 0
                          └──> relay 1 ...
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp

from support.relay.relay_process import RelayProcess

_HEALTH_SECONDS = 2.0
"""Both health_interval and health_timeout."""


@dataclass
class Balancer:
    """`relays` may be exchanged at any time."""

    relays: Sequence[RelayProcess]
    url: str = ""
    _turns: int = 0
    _ill: set[RelayProcess] = field(default_factory=set)
    _connections: Counter[RelayProcess] = field(default_factory=Counter)
    _is_watching: bool = False
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def _next(self) -> RelayProcess:
        self._turns += 1
        if not self._is_watching:
            return self.relays[(self._turns - 1) % len(self.relays)]
        well = [relay for relay in self.relays if relay not in self._ill]
        return min(well or self.relays, key=lambda relay: self._connections[relay])

    async def serve(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        """One client."""
        relay = self._next()
        try:
            far, to_far = await asyncio.open_connection("127.0.0.1", relay.port)
        except OSError:
            to_near.close()
            return
        self._connections[relay] += 1
        to, back = (asyncio.create_task(_pass(*ends)) for ends in ((near, to_far), (far, to_near)))
        back.add_done_callback(lambda _: self._connections.subtract([relay]))
        for task in (to, back):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def watch(self) -> None:
        """Look at each relay from now on."""
        self._is_watching = True
        self._tasks.update(asyncio.create_task(self._look_at(relay)) for relay in self.relays)

    async def _look_at(self, relay: RelayProcess) -> None:
        timeout = aiohttp.ClientTimeout(_HEALTH_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                is_well = False
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(f"{relay.url}/readyz") as answer:
                        is_well = answer.status == 200
                (self._ill.discard if is_well else self._ill.add)(relay)
                await asyncio.sleep(_HEALTH_SECONDS)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def balancer(relays: Sequence[RelayProcess] = ()) -> AsyncIterator[Balancer]:
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
