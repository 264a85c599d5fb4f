"""One WebSocket on a bare transport: RFC 6455 with as little around it as possible.

For aiohttp a WebSocket is a request that does not end: its parser, a task, a request and its headers would
be kept for as long as the connection lives. So most never become one (`transport.listener`), and from those
`upgrade.take_over` takes the transport. From then on bytes go from it into aiohttp's own parser of WebSocket
frames and out of it to the observer at once, with no task in between:

::

    ConnectionListener ──────────────────────┐
    aiohttp: GET /v1/socket ──> take_over ──> WebSocket
                                                 │  transport ──> FrameBoundaries ──> aiohttp's
                                                 │                WebSocketReader ──> observer
                                                 │  transport <── frame header + bytes <── write

Every frame of the client has a price, whatever its kind. What is not paid for is not parsed and stays as
bytes, and nothing more is read meanwhile: TCP tells the client to wait. So a flood costs no more than the
same number of messages, and no more of it is served in one turn of the event loop than FRAMES_AT_ONCE.

That spares four fifths of a connection's memory and a quarter of a message's time (`benchmarks/relay.py`).
What is written in one tick of the event loop goes out in one call of the kernel, for that costs more than all
else that is done for a small message. Extensions are not offered: compression leaks, and costs memory.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from struct import Struct
from typing import ClassVar, Final, Protocol
from weakref import WeakKeyDictionary

from aiohttp import WSMessage, WSMsgType
from aiohttp.http_websocket import WebSocketError, WebSocketReader

from teduh_server.operations.log_policy import fault
from teduh_server.transport.frame_boundaries import FrameBoundaries
from teduh_server.transport.frame_sink import FrameSink

BURST_SECONDS: Final = 2.0
"""So much of its time a client may save up."""

FRAMES_AT_ONCE: Final = 64
"""So many frames of one client are served before others have their turn."""

CLOSE_SECONDS = 2.0
"""How long the other side may take to answer a close."""
HIGH_WATER_BYTES: Final = 256 * 1024
"""So much may wait in the transport before a reader counts as slow."""

_AT_ONCE_BYTES: Final = 16 * 1024
"""So much is not kept until the end of the tick: it would save nothing, and the transport shall tell in time
that its reader is slow."""

_BINARY_MESSAGE: Final = WSMsgType.BINARY
"""Asking an enumeration for its member takes as long as a call."""
_BINARY: Final = 0x82
_PING = b"\x89\x00"
_PONG = 0x8A
_CLOSE = 0x88
_PROTOCOL_ERROR = 1002
_medium: Final = Struct(">BBH").pack
_large: Final = Struct(">BBQ").pack


class FramePrice:
    """What a client's frames cost, in seconds of its time."""

    __slots__ = ("byte_seconds", "frame_seconds", "frames_per_second")

    def __init__(self, frames_per_second: float, bytes_per_second: float) -> None:
        self.frames_per_second = frames_per_second
        self.frame_seconds = 1 / frames_per_second
        self.byte_seconds = 1 / bytes_per_second


class SocketObserver(Protocol):
    """What a WebSocket tells."""

    def received(self, data: bytes) -> None:
        """A binary message."""

    def received_text(self) -> None:
        """A text message, which nobody here wants."""

    def heard(self) -> None:
        """A sign of life that is no message: a ping or a pong."""

    def writable(self) -> None:
        """The transport has room again."""

    def lost(self) -> None:
        """It has ended. The last call."""


class WriteScheduler:
    """The sockets of one event loop that have written in this tick."""

    __slots__ = ("_sockets",)
    _schedulers: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, WriteScheduler]] = WeakKeyDictionary()

    def __init__(self) -> None:
        self._sockets: list[WebSocket] = []

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> WriteScheduler:
        """The one that all sockets of the loop share."""
        return cls._schedulers.get(loop) or cls._schedulers.setdefault(loop, cls())

    def add(self, socket: WebSocket) -> None:
        """Let it be flushed at the end of this tick."""
        if not self._sockets:
            asyncio.get_running_loop().call_soon(self.flush)
        self._sockets.append(socket)

    def flush(self) -> None:
        """Flush all that have written in this tick: at its end, or before if nothing more is to come."""
        sockets, self._sockets = self._sockets, []
        _flush(sockets)


def _flush(sockets: Iterable[WebSocket]) -> None:
    for socket in sockets:
        try:
            socket.flush()
        except Exception as error:  # noqa: BLE001 -- what is wrong with one is none of the others' business
            fault("write_failed", error)
            socket.abort()


class WebSocket(asyncio.Protocol):
    """One connection."""

    __slots__ = (
        "_at",
        "_boundaries",
        "_closing",
        "_deaf",
        "_loop",
        "_lost",
        "_observer",
        "_parse",
        "_price",
        "_timer",
        "_transport",
        "_unread",
        "_unsent",
        "_unsent_bytes",
        "_unwanted",
        "_writable",
        "_writes",
        "congested",
        "free_at",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        observer: SocketObserver,
        max_message_bytes: int,
        price: FramePrice,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._transport = transport
        self._observer = observer
        # aiohttp refuses a message of exactly its limit, too.
        messages = FrameSink(self.parsed, self.not_parsed, loop)
        parser = WebSocketReader(messages, max_message_bytes + 1, False, False)
        self._parse: Callable[[bytes], object] = parser.feed_data
        self._boundaries = FrameBoundaries()
        self._loop = loop
        self._price = price
        self.free_at = time.monotonic() - BURST_SECONDS
        """When all that was parsed is paid for; monotonic."""
        # What was read and not parsed, and where in it to go on.
        self._unread = b""
        self._at = 0
        # When to go on, if only time is missing.
        self._timer: asyncio.Handle | None = None
        self._unwanted = False
        self._deaf = False
        self._closing = False
        self._lost = False
        self._writes = WriteScheduler.of(loop)
        # What was written and not flushed; None if that is nothing.
        self._unsent: list[bytes] | None = None
        self._unsent_bytes = 0
        self._writable: asyncio.Future[None] | None = None
        self.congested = False
        """Whether more waits to be written than the transport should hold."""

    def start(self, answer: bytes, message: bytes, unread: bytes) -> None:
        """Write the answer to the request with a first binary message, and listen; `unread` came behind the
        request.
        """
        self._transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        self._transport.set_protocol(self)
        self._transport.write(answer + _head(len(message)) + message)
        if unread:
            self.data_received(unread)
        self._read_on_if_possible()

    # --- writing ---

    @property
    def unsent_bytes(self) -> int:
        """What waits here and in the transport."""
        return self._unsent_bytes + self._transport.get_write_buffer_size()

    def write(self, message: bytes) -> None:
        """Send a binary message; nothing after a close. Every message passes here: it is kept flat."""
        if self._closing:
            return
        length = len(message)
        head = _SMALL_HEADS[length] if length < 126 else _head(length)
        unsent = self._unsent
        if unsent is None:
            self._unsent = [head, message]
            self._unsent_bytes = length + len(head)
            self._writes.add(self)
        else:
            unsent.append(head)
            unsent.append(message)
            self._unsent_bytes += length + len(head)
        if self._unsent_bytes >= _AT_ONCE_BYTES:
            self.flush()

    def _send(self, frame: bytes) -> None:
        """Send a whole frame at the end of this tick with all that is written until then."""
        if self._unsent is None:
            self._unsent = []
            self._unsent_bytes = 0
            self._writes.add(self)
        self._unsent.append(frame)
        self._unsent_bytes += len(frame)

    def flush(self) -> None:
        """Hand all that was written to the transport."""
        unsent, self._unsent = self._unsent, None
        if unsent is not None:
            self._unsent_bytes = 0
            self._transport.write(b"".join(unsent))

    def ping(self) -> None:
        """Ask for a sign of life: an empty ping (RFC 6455, 5.5.2)."""
        if not self._closing and not self.congested:
            self._send(_PING)

    def close(self, code: int) -> None:
        """Say that nothing more comes (RFC 6455, 7.1.2), and give the other side CLOSE_SECONDS to answer."""
        if self._closing:
            return
        self._closing = True
        self.flush()
        self._transport.write(bytes((_CLOSE, 2)) + code.to_bytes(2, "big"))
        asyncio.get_running_loop().call_later(CLOSE_SECONDS, self.abort)

    def abort(self) -> None:
        """Drop the connection without ceremony."""
        self._closing = True
        self._unsent = None
        if not self._lost:
            self._transport.abort()

    async def drain(self) -> None:
        """Wait until a congested transport has room again, or is lost."""
        while self.congested and not self._lost:
            if self._writable is None:
                self._writable = asyncio.get_running_loop().create_future()
            # Several may wait for the same, and one of them may give up.
            await asyncio.shield(self._writable)

    # --- reading ---

    def data_received(self, data: bytes) -> None:
        """Every message passes here: it is kept flat."""
        if self._timer is None and not self._unwanted and not self._deaf:
            self._read(data, 0)
        elif not self._deaf:
            # What the transport had read already when it was paused.
            self._unread = self._unread[self._at :] + data
            self._at = 0

    def _read(self, data: bytes, at: int) -> None:
        """Parse what is paid for of `data` from `at` on; the rest waits."""
        boundaries, price = self._boundaries, self._price
        now = time.monotonic()
        free_at = self.free_at
        if free_at < now - BURST_SECONDS:
            free_at = now - BURST_SECONDS
        most = 1
        if free_at < now:
            # The last one may go on credit.
            most = min(FRAMES_AT_ONCE, 1 + int((now - free_at) * price.frames_per_second))
        end = boundaries.scan(data, at, most)
        self.free_at = free_at = (
            free_at + boundaries.begun * price.frame_seconds + (end - at) * price.byte_seconds
        )
        if end == len(data) and not at:
            self._parse(data)
        elif end > at:
            self._parse(data[at:end])
        if self._deaf:
            return
        if end < len(data):
            if boundaries.unmasked:
                # RFC 6455, 5.1: such a frame fails the connection.
                self.not_parsed(WebSocketError(_PROTOCOL_ERROR, "unmasked"))
                return
            self._unread, self._at = data, end
            self._wait(free_at - now)
        elif free_at > now:
            self._wait(free_at - now)

    def _wait(self, seconds: float) -> None:
        """Read nothing until so many seconds are over, and others have had their turn."""
        self._pause_transport()
        if self._timer is None:
            if seconds > 0:
                self._timer = self._loop.call_later(seconds, self._go_on_reading)
            else:
                self._timer = self._loop.call_soon(self._go_on_reading)

    def _go_on_reading(self) -> None:
        self._timer = None
        if not self._unwanted:
            self._read_on_if_possible()

    def _read_on_if_possible(self) -> None:
        """Go on with what was read already, and when there is no more, with what the transport brings."""
        if self._unread and self._may_read():
            data, at = self._unread, self._at
            self._unread, self._at = b"", 0
            self._read(data, at)
        if not self._unread and self._may_read() and not self._transport.is_reading():
            self._transport.resume_reading()

    def _may_read(self) -> bool:
        return not (self._deaf or self._unwanted or self._timer is not None or self._transport.is_closing())

    def _pause_transport(self) -> None:
        if not self._lost and not self._transport.is_closing() and self._transport.is_reading():
            self._transport.pause_reading()

    def pause_reading(self) -> None:
        """The observer wants nothing more now."""
        self._unwanted = True
        self._pause_transport()

    def resume_reading(self) -> None:
        """It does again; not at once, where something waits, for it may be going over what it has."""
        self._unwanted = False
        if self._unread:
            self._wait(self.free_at - time.monotonic())
        else:
            self._read_on_if_possible()

    def parsed(self, message: WSMessage, size: int) -> None:
        """What the parser has read. Every message passes here."""
        kind = message[0]
        if kind is _BINARY_MESSAGE:
            self._observer.received(message[1])
        elif kind is WSMsgType.TEXT:
            self._observer.received_text()
        elif kind is WSMsgType.CLOSE:
            self._answer_close()
        else:
            if kind is WSMsgType.PING and not self._closing and not self.congested:
                self._send(bytes((_PONG, len(message[1]))) + message[1])
            self._observer.heard()

    def not_parsed(self, error: BaseException) -> None:
        """What was read is no WebSocket; nothing more can be."""
        self._deaf = True
        self._unread = b""
        self.close(int(error.code) if isinstance(error, WebSocketError) else _PROTOCOL_ERROR)
        # What is written before goes out first.
        self._transport.close()

    def _answer_close(self) -> None:
        # RFC 6455, 5.5.1: nothing comes behind a close.
        self._deaf = True
        if not self._closing:
            self._closing = True
            self.flush()
            self._transport.write(bytes((_CLOSE, 0)))
        self._transport.close()

    # --- what the transport says ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It was made before this is."""

    def eof_received(self) -> bool | None:
        """The other side writes no more: whoever speaks WebSocket and does so is gone."""
        return None

    def pause_writing(self) -> None:
        self.congested = True

    def resume_writing(self) -> None:
        self.congested = False
        self._release()
        self._observer.writable()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = self._lost = self._deaf = True
        self._unsent = None
        self._unread = b""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._release()
        self._observer.lost()

    def _release(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None


def _head(length: int) -> bytes:
    """What goes before a binary message of so many bytes (RFC 6455, 5.2)."""
    if length < 126:
        return bytes((_BINARY, length))
    return _medium(_BINARY, 126, length) if length < 65536 else _large(_BINARY, 127, length)


_SMALL_HEADS: Final = [bytes((_BINARY, length)) for length in range(126)]
