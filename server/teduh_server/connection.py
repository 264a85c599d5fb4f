"""One client, as the services see it: where to write, what it is subscribed to, who it has proven to be.

When a client reads more slowly than we write, its transport says so (`congested`): then live entries are no
longer written, and reading from this client stops, until it has caught up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from teduh_signaling.relay.codec import encode
from teduh_signaling.relay.exceptions import FrameNotAllowed, close_code_for
from teduh_signaling.relay.frames import NO_REF, AnyRelayFrame, CloseCode, Error, ErrorCode
from teduh_signaling.relay.protocol import RelaySideProtocol

from teduh_server.websocket import WebSocket

if TYPE_CHECKING:
    from teduh_server.request_price import Quote
    from teduh_server.staff_authentication import StaffDevice
    from teduh_server.subscription import Subscription


class Connection:
    """One client."""

    __slots__ = (
        "_on_closed",
        "_socket",
        "closed",
        "in_flight",
        "inbox_dirty",
        "inbox_seq",
        "nonce",
        "on_landed",
        "protocol",
        "quote",
        "requests",
        "source",
        "staff",
        "subscriptions",
    )

    def __init__(
        self,
        socket: WebSocket,
        protocol: RelaySideProtocol,
        source: bytes,
        nonce: bytes,
        *,
        on_closed: Callable[[], None],
    ) -> None:
        """`on_closed` is called when this side closes."""
        self._socket = socket
        self._on_closed = on_closed
        self.protocol = protocol
        self.source = source
        self.nonce = nonce
        self.quote: Quote | None = None
        self.requests = 0
        self.subscriptions: dict[bytes, Subscription] = {}
        self.staff: StaffDevice | None = None
        self.in_flight = 0
        self.on_landed: Callable[[], None] | None = None
        """Called when an append in flight has been answered, by whoever waits for that."""
        self.inbox_seq = 0
        self.inbox_dirty = False
        self.closed = False

    @property
    def congested(self) -> bool:
        """Whether more waits to be written than the transport should hold."""
        return self._socket.congested

    @property
    def unsent_bytes(self) -> int:
        """What waits to be written to this client."""
        return self._socket.unsent_bytes

    def write(self, data: bytes) -> None:
        """Send the bytes of a frame that needs no further check; nothing once it is closed."""
        self._socket.write(data)

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._socket.ping()

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
        self.end_by(Error(code=code, detail=detail, ref=ref, retry_after_ms=retry_after_ms, fatal=True))

    def end_by(self, error: Error) -> None:
        """Send this fatal error and close."""
        self.send(error)
        self.close(close_code_for(error.code))

    def close(self, code: CloseCode) -> None:
        """Begin to close; nothing is written any more but the close itself."""
        if self.closed:
            return
        self.closed = True
        self.protocol.close()
        self._socket.close(code)
        self._on_closed()

    async def drain(self) -> None:
        """Wait until a congested transport has room again."""
        await self._socket.drain()

    def abort(self) -> None:
        """Drop the connection without ceremony."""
        self.closed = True
        self._socket.abort()

    def landed(self) -> None:
        """One append in flight has been answered."""
        self.in_flight -= 1
        if self.on_landed is not None:
            self.on_landed()
