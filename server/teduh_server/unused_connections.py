"""Connections that ask for nothing are closed: nobody can use up the sockets by opening them in silence.

aiohttp waits for a first request as long as it takes. Here every connection is either serving a request or
unused, and whoever stays unused too long is dropped; so is a request whose head or body does not come. A
WebSocket is neither aiohttp's nor the front door's (see `websocket`), and has its heartbeats.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from aiohttp import web


class Closable(Protocol):
    """What the protocol of one connection offers, aiohttp's or the front door's."""

    def force_close(self) -> None: ...


class UnusedConnections:
    """Which connections of one listener serve a request, and since when the others have not."""

    __slots__ = ("_seconds", "_serving", "_unused_since")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._serving: set[Closable] = set()
        self._unused_since: dict[Closable, float] = {}

    def begin(self, connection: Closable) -> None:
        """The connection serves a request that may last."""
        self._serving.add(connection)

    def end(self, connection: Closable) -> None:
        """It does not any more."""
        self._serving.discard(connection)

    def in_time(self, route: web.RouteDef) -> web.RouteDef:
        """The same route, whose requests must end in time. Not a middleware, which WebSockets would carry
        along.
        """
        handler = route.handler
        assert not isinstance(handler, type), "routes here are functions"

        async def handle(request: web.Request) -> web.StreamResponse:
            self.begin(request.protocol)
            try:
                async with asyncio.timeout(self._seconds):
                    return await handler(request)
            except TimeoutError:
                raise web.HTTPRequestTimeout from None
            finally:
                self.end(request.protocol)

        return web.route(route.method, route.path, handle)

    def sweep(self, connections: Iterable[Closable], now: float) -> None:
        """Close those of `connections` that have been unused too long; `now` in seconds."""
        unused = [each for each in connections if each not in self._serving]
        self._unused_since = {each: self._unused_since.get(each, now) for each in unused}
        for each, since in self._unused_since.items():
            if now - since >= self._seconds:
                each.force_close()

    async def sweep_forever(self, connections: Callable[[], Iterable[Closable]]) -> None:
        """Sweep a listener's connections four times within the allowed time."""
        while True:
            self.sweep(connections(), time.monotonic())
            await asyncio.sleep(self._seconds / 4)
