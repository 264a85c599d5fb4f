"""One client's WebSocket, as the services see it: where to write, what it is subscribed to, who it has
proven to be.

Frames are written straight to the transport, each with its WebSocket header (RFC 6455, 5.2) in front: with
compression off there is nothing else to do, and this is the way of every message. aiohttp does the
handshake, reads and unmasks, answers pings and closes. When the client reads more slowly than we write, the
transport says so (`congested`): then live entries are no longer written, and reading from this client
stops, until it has caught up.
"""

from __future__ import annotations

import asyncio
from struct import Struct
from typing import TYPE_CHECKING, Protocol

from aiohttp import web
from teduh_signaling.relay.codec import encode
from teduh_signaling.relay.exceptions import FrameNotAllowed, close_code_for
from teduh_signaling.relay.frames import NO_REF, AnyRelayFrame, CloseCode, Error, ErrorCode
from teduh_signaling.relay.protocol import RelaySideProtocol

if TYPE_CHECKING:
    from teduh_server.staff_authentication import StaffDevice
    from teduh_server.subscription import Subscription

_BINARY = 0x82
_PING = b"\x89\x00"
_medium = Struct(">BBH").pack
_large = Struct(">BBQ").pack
CLOSE_SECONDS = 2.0
"""How long the other side may take to answer a close."""
HIGH_WATER_BYTES = 256 * 1024
"""So much may wait in the transport before a reader counts as slow."""


class Flow(Protocol):
    """What aiohttp's protocol says about its transport."""

    @property
    def writing_paused(self) -> bool: ...


class Connection:
    """One client."""

    __slots__ = (
        "_flow",
        "_room",
        "_socket",
        "_transport",
        "close_code",
        "closed",
        "in_flight",
        "inbox_dirty",
        "inbox_seq",
        "nonce",
        "proof_of_work_bits",
        "protocol",
        "requests",
        "source",
        "staff",
        "subscriptions",
    )

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.WriteTransport,
        flow: Flow,
        protocol: RelaySideProtocol,
        source: bytes,
        nonce: bytes,
    ) -> None:
        self._transport = transport
        self._flow = flow
        self._room: asyncio.Future[None] | None = None
        self.protocol = protocol
        self._socket = socket
        self.source = source
        self.nonce = nonce
        self.proof_of_work_bits = 0
        self.requests = 0
        self.subscriptions: dict[bytes, Subscription] = {}
        self.staff: StaffDevice | None = None
        self.in_flight = 0
        self.inbox_seq = 0
        self.inbox_dirty = False
        self.closed = False
        self.close_code: CloseCode | None = None

    @property
    def congested(self) -> bool:
        """Whether more waits to be written than the transport should hold."""
        return self._flow.writing_paused

    def write(self, frame: bytes) -> None:
        """Send the bytes of a frame that needs no further check."""
        if self.closed:
            return
        length = len(frame)
        if length < 126:
            self._transport.write(bytes((_BINARY, length)) + frame)
        elif length < 65536:
            self._transport.write(_medium(_BINARY, 126, length) + frame)
        else:
            self._transport.write(_large(_BINARY, 127, length) + frame)

    def ping(self) -> None:
        """Ask for a sign of life: an empty WebSocket ping (RFC 6455, 5.5.2)."""
        if not self.closed and not self.congested:
            self._transport.write(_PING)

    def send(self, frame: AnyRelayFrame) -> None:
        """Send a frame, checked against the state of the connection and the limits of the protocol."""
        if self.closed:
            return
        try:
            data = self.protocol.send(frame)
        except FrameNotAllowed:
            # What a service had to say came after the connection's state had moved on: it says it in vain.
            return
        self.write(data)

    def answer(self, frame: AnyRelayFrame) -> None:
        """Send a frame that this module's callers made within the limits, on the way of every message."""
        self.write(encode(frame))

    def refuse(
        self,
        code: ErrorCode,
        detail: str,
        *,
        ref: int = NO_REF,
        conversation_id: bytes | None = None,
        counter: int = 0,
        expected: int = 0,
        retry_after_ms: int = 0,
    ) -> None:
        """Tell the client that one frame was refused."""
        self.send(
            Error(
                code=code,
                detail=detail,
                ref=ref,
                conversation_id=conversation_id,
                counter=counter,
                expected=expected,
                retry_after_ms=retry_after_ms,
            )
        )

    def end(self, code: ErrorCode, detail: str, *, retry_after_ms: int = 0, ref: int = NO_REF) -> None:
        """Send a fatal error and close."""
        self.send(Error(code=code, detail=detail, ref=ref, retry_after_ms=retry_after_ms, fatal=True))
        self.close(close_code_for(code))

    def close(self, code: CloseCode) -> None:
        """Begin to close; nothing is written any more but the close itself."""
        if self.closed:
            return
        self.closed = True
        self.close_code = code
        self.protocol.close()
        # Bounded by CLOSE_SECONDS; the loop's own reference is enough for so long, as it waits for the
        # socket.
        asyncio.ensure_future(self._end_socket(code))  # noqa: RUF006

    async def _end_socket(self, code: CloseCode) -> None:
        try:
            async with asyncio.timeout(2 * CLOSE_SECONDS):
                await self._socket.close(code=code)
        except (ConnectionError, TimeoutError):
            # It is gone, or does not answer: aiohttp drops the transport when the handler returns.
            return

    async def drain(self) -> None:
        """Wait until a congested transport has room again."""
        try:
            # With no limit of its own, aiohttp's writer waits here while the transport is full.
            await self._socket.ping()
        except ConnectionError:
            self.closed = True

    def abort(self) -> None:
        """Drop the connection without ceremony."""
        self.closed = True
        self._transport.abort()

    def landed(self) -> None:
        """One append in flight has been answered."""
        self.in_flight -= 1
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    async def room(self, most: int) -> None:
        """Wait until fewer than `most` appends are in flight."""
        while self.in_flight >= most:
            self._room = asyncio.get_running_loop().create_future()
            await self._room
        self._room = None
