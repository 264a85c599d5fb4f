"""What one client says, frame by frame, and no faster than it may be served.

::

    message ──> room and turn? ── yes ──> decode, begin ──> done
                      │                             └──> something to await: the next waits its turn
                      no ──> kept, reading pauses; TCP tells the client to wait

While a client's appends in flight or its own unread output are beyond their limits, nothing more is read from
it; how fast it is read at all is the socket's (`websocket`). What was parsed together with the message that
reached a limit is kept, which is no more than FRAMES_AT_ONCE: a flood or a slow reader costs bounded memory
and harms nobody else.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from teduh_signaling.relay.exceptions import RemoteProtocolError
from teduh_signaling.relay.frames import (
    MAX_FRAME_BYTES,
    MAX_PAYLOAD_BYTES,
    AnyClientFrame,
    CloseCode,
    ErrorCode,
    Frame,
    Limits,
)
from teduh_signaling.relay.protocol import RelaySideProtocol

from teduh_server.config.settings import Settings
from teduh_server.operations import metrics
from teduh_server.operations.log_policy import fault
from teduh_server.session.connection import Connection
from teduh_server.transport.websocket import FramePrice, WebSocket

Action = Callable[[Connection, AnyClientFrame], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What one connection may do."""

    heartbeat_seconds: int
    appends_in_flight: int
    subscriptions: int
    price: FramePrice

    @classmethod
    def of(cls, settings: Settings) -> SocketLimits:
        return cls(
            settings.heartbeat_seconds,
            settings.appends_in_flight,
            settings.subscriptions_per_connection,
            FramePrice(settings.frames_per_second, settings.bytes_per_second),
        )

    def announced(self) -> Limits:
        return Limits(
            MAX_FRAME_BYTES,
            MAX_PAYLOAD_BYTES,
            self.subscriptions,
            self.appends_in_flight,
            self.heartbeat_seconds,
        )


class Handlers(Protocol):
    """What the frames of all connections come to."""

    @property
    def actions(self) -> Mapping[type[Frame], Action]:
        """What each kind of frame asks for; it returns what is left to be awaited."""

    async def finish(self, connection: Connection, frame: AnyClientFrame, rest: Awaitable[None]) -> None: ...


class Intake:
    """Observes one client's WebSocket."""

    __slots__ = (
        "_actions",
        "_handlers",
        "_kept",
        "_limits",
        "_loop",
        "_lost",
        "_on_end",
        "_rest",
        "_socket",
        "connection",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        handlers: Handlers,
        limits: SocketLimits,
        source: bytes,
        nonce: bytes,
        on_end: Callable[[Connection], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """`on_end` is called once, when the connection has ended and nothing of it is being done any more."""
        now = time.monotonic()
        self._actions = handlers.actions
        self._handlers = handlers
        self._limits = limits
        self._on_end = on_end
        self._loop = loop
        self._socket = WebSocket(transport, self, MAX_FRAME_BYTES, limits.price, loop)
        self.connection = Connection(
            self._socket,
            RelaySideProtocol(now, limits.heartbeat_seconds),
            source,
            nonce,
            on_closed=self._close,
        )
        self._kept: deque[bytes] | None = None
        self._lost = False
        # What the frame before has left to be awaited; the loop itself keeps only weak references to tasks.
        self._rest: asyncio.Task[None] | None = None

    def start(self, answer: bytes, greeting: bytes, unread: bytes) -> None:
        """Accept, greet, and begin to listen."""
        self._socket.start(answer, greeting, unread)

    # --- what the socket tells ---

    def received(self, data: bytes) -> None:
        """Every message passes here: it is kept flat."""
        kept = self._kept
        if kept is not None:
            kept.append(data)
            return
        connection, limits = self.connection, self._limits
        if (
            # Nothing of this is so for nearly all, and asking elsewhere is felt.
            self._rest is not None
            or self._socket.congested
            or connection.in_flight >= limits.appends_in_flight
        ):
            self._kept = deque((data,))
            connection.on_landed = self._go_on
            self._socket.pause_reading()
            return
        if connection.closed:
            return
        try:
            frame = connection.protocol.receive(data, time.monotonic())
            rest = self._actions[type(frame)](connection, frame)
        except Exception as error:  # noqa: BLE001 -- the edge: a fault closes one connection only
            _failed(connection, error)
            return
        if rest is not None:
            self._rest = self._loop.create_task(self._finish(frame, rest))

    def received_text(self) -> None:
        self.connection.close(CloseCode.UNSUPPORTED_DATA)

    def heard(self) -> None:
        self.connection.protocol.heard(time.monotonic())

    def writable(self) -> None:
        self._go_on()

    def lost(self) -> None:
        self.connection.closed = True
        self._lost = True
        self._kept = self.connection.on_landed = None
        self._end_if_idle()

    # --- taking ---

    async def _finish(self, frame: AnyClientFrame, rest: Awaitable[None]) -> None:
        try:
            await self._handlers.finish(self.connection, frame, rest)
        except Exception as error:  # noqa: BLE001 -- the edge: a fault closes one connection only
            _failed(self.connection, error)
        finally:
            self._rest = None
        self._end_if_idle()
        self._go_on()

    def _must_wait(self) -> bool:
        return (
            self._rest is not None
            or self._socket.congested
            or self.connection.in_flight >= self._limits.appends_in_flight
        )

    def _go_on(self) -> None:
        """Take what was kept as far as that may be now, and read on when all is taken."""
        kept = self._kept
        if kept is None:
            return
        while kept and not self._must_wait():
            # It is taken now: nothing has changed since that was asked.
            self._kept = None
            self.received(kept.popleft())
            self._kept = kept
        if not kept:
            self._kept = self.connection.on_landed = None
            self._socket.resume_reading()

    # --- the end ---

    def _close(self) -> None:
        # Whoever closes may be going over what the end changes.
        self._loop.call_soon(self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self.connection.closed and self._rest is None:
            on_end, self._on_end = self._on_end, _nothing
            on_end(self.connection)


def _nothing(connection: Connection) -> None:
    """What is left to do at a second end."""


def _failed(connection: Connection, error: Exception) -> None:
    if not isinstance(error, RemoteProtocolError):
        fault("frame_failed", error)
        connection.end(ErrorCode.INTERNAL, "the relay failed")
        return
    metrics.REFUSED.labels(error.code.value).inc()
    connection.send(error.error_frame())
    if error.fatal:
        connection.close(error.close_code)
