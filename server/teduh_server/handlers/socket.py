"""The WebSocket edge: from an HTTP request to a connection, and the life of all connections of one node."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping

from aiohttp import HttpVersion11, web
from teduh_signaling.relay.frames import PROTOCOL_VERSION, SUBPROTOCOL, CloseCode, Hello, Moving

from teduh_server.config.settings import Settings
from teduh_server.handlers.frames import FrameHandlers
from teduh_server.handlers.intake import Intake, SocketLimits
from teduh_server.operations import metrics
from teduh_server.session.connection import Connection
from teduh_server.transport.browser_origin import BrowserOrigins
from teduh_server.transport.rate_limit import SourceLimit, Sources
from teduh_server.transport.upgrade import TakenOver, handshake, take_over

_CONNECTION_BURST = 60.0
_RETRY_SECONDS = "5"
_TOO_FAST = (
    f"HTTP/1.1 429 Too Many Requests\r\nRetry-After: {_RETRY_SECONDS}\r\n"
    "Content-Length: 0\r\nConnection: close\r\n\r\n"
).encode()


class SocketHandler:
    """All WebSocket connections of one node."""

    def __init__(
        self,
        settings: Settings,
        handlers: FrameHandlers,
        origins: BrowserOrigins,
        secret: bytes | None = None,
    ) -> None:
        """`secret`: what the workers of this machine share."""
        self._loop = asyncio.get_running_loop()
        self._limits = SocketLimits.of(settings)
        self._announced = self._limits.announced()
        self._handlers = handlers
        self._origins = origins
        self._address_header = settings.client_address_header
        self._sources = Sources(secret)
        self._connection_limit = SourceLimit(settings.connections_per_minute / 60, _CONNECTION_BURST)
        self._draining = False
        self.connections: dict[Connection, Intake] = {}

    # --- both doors ---

    def enter(self, transport: asyncio.Transport, headers: Mapping[str, str], unread: bytes) -> bool:
        """From the listener: begin, if the request with these headers is welcome; whether nothing is left
        to be done. Who comes too fast is sent away here: refused by aiohttp it would cost many times as much.
        """
        peer = transport.get_extra_info("peername")
        try:
            answer, source = self._welcome(headers, str(peer[0]) if peer else "")
        except web.HTTPTooManyRequests:
            transport.write(_TOO_FAST)
            transport.close()
            return True
        except web.HTTPException:
            # The route, where it comes next, says so.
            return False
        self._begin(transport, answer, source, unread)
        return True

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/socket where the listener did not begin at once: a later request of a connection, a head
        that came in pieces, and whatever is to be refused.
        """
        if request.version < HttpVersion11 or request.can_read_body:
            # RFC 6455, 4.2.1: HTTP/1.1 or higher; and what is behind the head are frames.
            raise web.HTTPBadRequest(text="a WebSocket is required\n")
        answer, source = self._welcome(request.headers, request.remote or "")
        taken = take_over(request)
        if taken is not None:
            transport, unread = taken
            self._begin(transport, answer, source, unread)
        return TakenOver()

    def _welcome(self, headers: Mapping[str, str], remote: str) -> tuple[bytes, bytes]:
        """The answer that accepts the request, and its source. Raises HTTPException."""
        if self._draining:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "1"})
        self._origins.check(headers)
        answer = handshake(headers, SUBPROTOCOL)
        source = self._source(headers, remote)
        if self._connection_limit.try_take(source, time.monotonic()) > 0:
            raise web.HTTPTooManyRequests(headers={"Retry-After": _RETRY_SECONDS})
        return answer, source

    def _begin(self, transport: asyncio.Transport, answer: bytes, source: bytes, unread: bytes) -> None:
        nonce = secrets.token_bytes(32)
        intake = Intake(transport, self._handlers, self._limits, source, nonce, self._end, self._loop)
        connection = intake.connection
        self.connections[connection] = intake
        metrics.CONNECTIONS.inc()
        hello = Hello(PROTOCOL_VERSION, connection.nonce, int(time.time()), self._announced)
        intake.start(answer, connection.protocol.send(hello), unread)

    def _end(self, connection: Connection) -> None:
        del self.connections[connection]
        metrics.CONNECTIONS.dec()
        self._handlers.gone(connection)

    def source(self, request: web.Request) -> bytes:
        """What the rate limits know a client by; see `rate_limit`."""
        return self._source(request.headers, request.remote or "")

    def _source(self, headers: Mapping[str, str], remote: str) -> bytes:
        forwarded = headers.get(self._address_header) if self._address_header else None
        return self._sources.source(forwarded or remote)

    # --- heartbeats ---

    async def beat_forever(self) -> None:
        """Ping who has been silent for a heartbeat, and drop who has been for two."""
        while True:
            await asyncio.sleep(self._limits.heartbeat_seconds / 4)
            self.beat(time.monotonic())

    def beat(self, now: float) -> None:
        """One round over all connections."""
        for connection in list(self.connections):
            left = connection.protocol.gone_at() - now
            if left <= 0:
                connection.abort()
            elif left <= self._limits.heartbeat_seconds:
                connection.ping()

    # --- stopping ---

    def drain(self, within_seconds: float) -> None:
        """Take no new connections, and ask those there are to move within so many seconds."""
        self._draining = True
        for connection in list(self.connections):
            connection.send(Moving(int(within_seconds * 1000)))

    def close_all(self, code: CloseCode) -> None:
        for connection in list(self.connections):
            connection.close(code)
