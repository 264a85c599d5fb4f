"""Connections that are no WebSocket are few, and soon over: nobody can use up the sockets by opening them.

aiohttp waits for a first request as long as it takes. Here every connection is either serving a request or
unused, and whoever stays unused too long is dropped; so is a request whose head or body does not come, or
whose answer is not read. Each port holds MOST of them: whoever comes then takes the place of the one that has
been unused the longest, or served the longest, so that a flood makes room for itself and keeps nobody out.
One source is served MOST_OF_ONE requests at a time. A WebSocket is neither aiohttp's nor the listener's
(see `websocket`), and has its heartbeats.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Final, Protocol

from aiohttp import web

MOST: Final = 1024
"""Connections of one port that are no WebSocket: silent ones, and as many of aiohttp's."""
MOST_OF_ONE: Final = 64
"""Requests of one source that are served at a time; a browser makes six."""
_CLOSING_SECONDS: Final = 0.01


class Closable(Protocol):
    """What the protocol of one connection offers, aiohttp's or the listener's."""

    def force_close(self) -> None: ...


class UnusedConnections:
    """Which connections of one listener serve a request, and since when the others have not."""

    __slots__ = ("_making_room", "_seconds", "_served", "_serving", "_source", "_unused_since")

    def __init__(self, seconds: float, source: Callable[[web.Request], bytes] | None = None) -> None:
        """`source` tells who asks; without it nobody is counted."""
        self._seconds = seconds
        self._source = source
        self._making_room = False
        # The longest first.
        self._serving: dict[Closable, None] = {}
        self._served: Counter[bytes] = Counter()
        self._unused_since: dict[Closable, float] = {}

    def begin(self, connection: Closable) -> None:
        """The connection serves a request that may last."""
        self._serving[connection] = None

    def end(self, connection: Closable) -> None:
        """It does not any more."""
        self._serving.pop(connection, None)

    def make_room(self, connections: Collection[Closable]) -> None:
        """Close some of `connections` if there are MOST of them: the oldest that are unused, else those that
        have been served the longest.
        """
        if len(connections) >= MOST and not self._making_room:
            among = set(connections)
            unused = (each for each in connections if each not in self._serving)
            serving = (each for each in self._serving if each in among)
            # Some at a time, for a flood comes on; and they are gone only after a moment.
            for each in list(itertools.islice(itertools.chain(unused, serving), max(1, MOST // 16))):
                each.force_close()
            self._making_room = True
            asyncio.get_running_loop().call_later(_CLOSING_SECONDS, self._has_room)

    def _has_room(self) -> None:
        self._making_room = False

    def in_time(self, route: web.RouteDef) -> web.RouteDef:
        """The same route, whose requests must end in time. Not a middleware, which WebSockets would carry
        along.
        """
        handler = route.handler
        assert not isinstance(handler, type), "routes here are functions"

        async def handle(request: web.Request) -> web.StreamResponse:
            source = b"" if self._source is None else self._source(request)
            if source and self._served[source] >= MOST_OF_ONE:
                raise web.HTTPTooManyRequests(headers={"Retry-After": "1"})
            self._served[source] += 1
            self.begin(request.protocol)
            try:
                async with asyncio.timeout(self._seconds):
                    return await handler(request)
            except TimeoutError:
                raise web.HTTPRequestTimeout from None
            finally:
                self.end(request.protocol)
                self._served[source] -= 1
                if not self._served[source]:
                    del self._served[source]

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
