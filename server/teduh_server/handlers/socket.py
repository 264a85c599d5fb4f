"""The WebSocket edge: from an HTTP request to frames, and nothing more.

A client is read only as fast as it may be served: while its appends in flight, its rate or its own unread
output are beyond their limits, nothing more is read from it, and TCP tells it to wait. So a flood or a slow
reader costs bounded memory and harms nobody else.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass

from aiohttp import WSMessage, WSMsgType, web
from teduh_signaling.relay.exceptions import RemoteProtocolError
from teduh_signaling.relay.frames import (
    MAX_FRAME_BYTES,
    MAX_PAYLOAD_BYTES,
    PROTOCOL_VERSION,
    SUBPROTOCOL,
    CloseCode,
    ErrorCode,
    Hello,
    Limits,
    Moving,
)
from teduh_signaling.relay.protocol import RelaySideProtocol

from teduh_server import metrics
from teduh_server.connection import CLOSE_SECONDS, HIGH_WATER_BYTES, Connection
from teduh_server.handlers.browser_origin import BrowserOrigins
from teduh_server.handlers.frames import FrameHandlers
from teduh_server.log_policy import fault
from teduh_server.rate_limit import SourceLimit, Sources
from teduh_server.settings import Settings
from teduh_server.unused_connections import UnusedConnections

_CONNECTION_BURST = 60.0


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What one connection may do."""

    heartbeat_seconds: int
    appends_in_flight: int
    subscriptions: int
    frames_per_second: float
    bytes_per_frame: float
    """So many bytes count as one frame more."""

    @classmethod
    def of(cls, settings: Settings) -> SocketLimits:
        return cls(
            settings.heartbeat_seconds,
            settings.appends_in_flight,
            settings.subscriptions_per_connection,
            settings.frames_per_second,
            settings.bytes_per_second / settings.frames_per_second,
        )

    def announced(self) -> Limits:
        return Limits(
            MAX_FRAME_BYTES,
            MAX_PAYLOAD_BYTES,
            self.subscriptions,
            self.appends_in_flight,
            self.heartbeat_seconds,
        )


class SocketHandler:
    """All WebSocket connections of one node."""

    def __init__(
        self,
        settings: Settings,
        handlers: FrameHandlers,
        price: RequestPrice,
        unused: UnusedConnections,
        origins: BrowserOrigins,
    ) -> None:
        self._limits = SocketLimits.of(settings)
        self._handlers = handlers
        self._price = price
        self._unused = unused
        self._origins = origins
        self._address_header = settings.client_address_header
        self._sources = Sources()
        self._connection_limit = SourceLimit(settings.connections_per_minute / 60, _CONNECTION_BURST)
        self._draining = False
        self.connections: set[Connection] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/socket"""
        if self._draining:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "1"})
        self._origins.check(request)
        if SUBPROTOCOL not in request.headers.get("Sec-WebSocket-Protocol", ""):
            raise web.HTTPBadRequest(text=f"the WebSocket subprotocol {SUBPROTOCOL} is required\n")
        source = self.source(request)
        if self._connection_limit.try_take(source, time.monotonic()) > 0:
            raise web.HTTPTooManyRequests(headers={"Retry-After": "5"})
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            compress=False,
            # aiohttp refuses a message of exactly this size, too.
            max_msg_size=MAX_FRAME_BYTES + 1,
            # Pings are ours, see `beat_forever`: aiohttp's heartbeat costs a timer per connection and
            # message.
            autoping=False,
            timeout=CLOSE_SECONDS,
            # Every send through aiohttp waits while the transport is full; that is how `drain` drains.
            writer_limit=0,
        )
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        protocol = RelaySideProtocol(time.monotonic(), self._limits.heartbeat_seconds)
        nonce = secrets.token_bytes(32)
        connection = Connection(socket, transport, request.protocol, protocol, source, nonce)
        self._unused.begin(request.protocol)
        self.connections.add(connection)
        metrics.CONNECTIONS.inc()
        try:
            self._greet(connection)
            await self._read(socket, connection)
        finally:
            connection.closed = True
            self.connections.discard(connection)
            self._unused.end(request.protocol)
            metrics.CONNECTIONS.dec()
            self._handlers.gone(connection)
        if connection.close_code is not None:
            await socket.close(code=connection.close_code)
        return socket

    def _greet(self, connection: Connection) -> None:
        connection.proof_of_work_bits = self._price.bits()
        connection.send(
            Hello(
                PROTOCOL_VERSION,
                connection.nonce,
                int(time.time()),
                self._limits.announced(),
                connection.proof_of_work_bits,
            )
        )

    async def _read(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        """Take frame after frame until the connection ends. Every message passes here: it is kept flat."""
        limits, begin = self._limits, self._handlers.begin
        receive, heard = socket.receive, connection.protocol.receive
        rate = limits.frames_per_second
        most = allowance = rate * 2
        last = time.monotonic()
        while True:
            message = await receive()
            if message.type is not WSMsgType.BINARY:
                if await _control(socket, connection, message):
                    continue
                return
            data = message.data
            now = time.monotonic()
            allowance = min(most, allowance + (now - last) * rate) - 1 - len(data) / limits.bytes_per_frame
            last = now
            try:
                frame = heard(data, now)
                rest = begin(connection, frame)
                if rest is not None:
                    await self._handlers.finish(connection, frame, rest)
            except Exception as error:  # noqa: BLE001 -- the edge: a fault closes one connection only
                _failed(connection, error)
            if connection.closed:
                return
            if connection.congested:
                await connection.drain()
            if connection.in_flight >= limits.appends_in_flight:
                await connection.room(limits.appends_in_flight)
            if allowance < 0:
                await asyncio.sleep(-allowance / rate)

    def source(self, request: web.Request) -> bytes:
        """What the rate limits know a client by; see `rate_limit`."""
        forwarded = request.headers.get(self._address_header) if self._address_header else None
        return self._sources.source(forwarded or request.remote or "")

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


class RequestPrice:
    """How many bits of work a request costs: what is set, and more while requests come faster than
    expected.
    """

    __slots__ = ("_above", "_bits", "_count", "_minute", "_previous")

    def __init__(self, bits: int, above_per_minute: float) -> None:
        self._bits = bits
        self._above = above_per_minute
        self._minute = 0
        self._count = 0
        self._previous = 0

    def count(self) -> None:
        """A request was opened."""
        self._turn()
        self._count += 1

    def bits(self) -> int:
        """The price now: 12 bits above the expected rate, and two more each time the rate doubles; 20 at
        most.
        """
        self._turn()
        rate = max(self._count, self._previous)
        if rate <= self._above:
            return self._bits
        return max(self._bits, min(20, 12 + 2 * int(rate / self._above).bit_length() - 2))

    def _turn(self) -> None:
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._previous = self._count if minute == self._minute + 1 else 0
            self._minute, self._count = minute, 0


async def _control(socket: web.WebSocketResponse, connection: Connection, message: WSMessage) -> bool:
    """Answer a WebSocket ping, note a pong; False for everything that ends the connection."""
    if message.type is WSMsgType.PING:
        await socket.pong(message.data)
    elif message.type is not WSMsgType.PONG:
        if message.type is WSMsgType.TEXT:
            connection.close_code = CloseCode.UNSUPPORTED_DATA
        return False
    connection.protocol.heard(time.monotonic())
    return True


def _failed(connection: Connection, error: Exception) -> None:
    if not isinstance(error, RemoteProtocolError):
        fault("frame_failed", error)
        connection.end(ErrorCode.INTERNAL, "the relay failed")
        return
    metrics.REFUSED.labels(error.code.value).inc()
    connection.send(error.error_frame())
    if error.fatal:
        connection.close(error.close_code)
