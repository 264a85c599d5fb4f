"""One client, as the services see it: where to write, what it is subscribed to, who it has proven to be; and
each of its places in a conversation, with what a node holds of that conversation.

They hold one another, so they are one module; `delivery_service` moves them on:

::

    Connection -- subscriptions --> Subscription <-- subscriptions -- LocalConversation
        ^---------- connection -------- | ------- conversation ------------^

All are kept small: a node has one Connection per client, one LocalConversation per conversation, and one
Subscription per member who is connected.

When a client reads more slowly than we write, its transport says so (`congested`): then live entries are no
longer written, and reading from this client stops, until it has caught up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from teduh_signaling.relay.codec import encode
from teduh_signaling.relay.exceptions import FrameNotAllowed, close_code_for
from teduh_signaling.relay.frames import (
    NO_REF,
    SURVIVOR_MEMBER,
    AnyRelayFrame,
    CloseCode,
    Error,
    ErrorCode,
)
from teduh_signaling.relay.protocol import RelaySideProtocol

from teduh_server.redis_store.commands import Answer
from teduh_server.redis_store.keys import ConversationKeys
from teduh_server.transport.websocket import WebSocket

if TYPE_CHECKING:
    from teduh_server.matching.request_price import Quote
    from teduh_server.organisation.staff_authentication import StaffDevice


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


class LocalConversation:
    """What this node holds of a conversation: who is subscribed, and the newest entry it knows of."""

    __slots__ = (
        "channel",
        "early",
        "id",
        "joining",
        "joins",
        "keys",
        "newest",
        "on_other_nodes",
        "silent_since",
        "staff_heard",
        "subscriptions",
        "watched_since",
    )

    def __init__(self, conversation_id: bytes) -> None:
        self.id = conversation_id
        self.keys = ConversationKeys.of(conversation_id)
        self.subscriptions: list[Subscription] = []
        # In a cluster, where this node hears of it from others.
        self.channel: bytes | None = None
        self.newest = 0
        # Entries that came before an earlier one, see `reorder_buffer`; None if there is none.
        self.early: dict[int, tuple[bytes, Subscription | None]] | None = None
        self.on_other_nodes = False
        self.joining = 0
        # How often others may have come since this node knows of it.
        self.joins = 0
        # Monotonic, 0 for never; see `staff_liveness`.
        self.watched_since = 0.0
        self.staff_heard = 0.0
        # Since when other nodes have heard nothing of staff, as the store told when somebody subscribed.
        self.silent_since = 0.0

    def heard_elsewhere(self, joins: int, answer: Answer) -> None:
        """Take the store's answer to what was passed on: how many other nodes still hold subscribers; `joins`
        is of when it was asked.
        """
        if answer == 0 and joins == self.joins:
            self.on_other_nodes = False

    @property
    def has_staff(self) -> bool:
        """Whether a staff device is connected here."""
        return any(
            each.member != SURVIVOR_MEMBER and not each.connection.closed for each in self.subscriptions
        )

    @property
    def staff_last(self) -> float:
        """When staff may have been there last: then anything later would have been heard of."""
        return self.staff_heard or self.silent_since or self.watched_since

    @property
    def is_active(self) -> bool:
        """Whether the survivor is connected here, and something has been said."""
        return self.newest > 0 and any(each.member == SURVIVOR_MEMBER for each in self.subscriptions)


class Subscription:
    """One connection's place in one conversation."""

    __slots__ = (
        "catching_up",
        "connection",
        "conversation",
        "cursor",
        "ended",
        "ends_after",
        "has",
        "member",
        "own",
        "shared_has",
        "shown_reachable",
    )

    def __init__(
        self, connection: Connection, conversation: LocalConversation, member: int, cursor: int
    ) -> None:
        self.connection = connection
        self.conversation = conversation
        self.member = member
        self.cursor = cursor
        self.catching_up = False
        self.ended = False
        # Where a membership ended while the cursor was behind: so far it is still read, and no further.
        self.ends_after: int | None = None
        # Entries that this connection appended and that the cursor has not reached: told by Accepted already.
        self.own: set[int] | None = None
        # How far this member has the log, as it says, and as the store was told; see `acknowledgements`.
        self.has = self.shared_has = 0
        # What a survivor was told last of whether staff can be reached; see `staff_liveness`.
        self.shown_reachable: bool | None = None

    def is_over(self) -> bool:
        """Whether nothing more is to be delivered."""
        return self.ended or self.connection.closed

    def has_own(self, seq: int) -> None:
        """Pass over the entry that this connection itself appended, now or when the cursor gets there."""
        if self.cursor == seq - 1 and not self.catching_up:
            self.cursor = seq
        elif self.cursor < seq:
            if self.own is None:
                self.own = set()
            self.own.add(seq)

    def is_own(self, seq: int) -> bool:
        if self.own is None or seq not in self.own:
            return False
        self.own.discard(seq)
        if not self.own:
            self.own = None
        return True
