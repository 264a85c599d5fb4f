"""Which frame may be sent when: the protocol without I/O, for both sides.

Bytes of one WebSocket message in, one frame out; one frame in, the bytes to send out. Sockets, clocks and
tasks are the driver's: it passes the time in seconds, of any clock that never runs backwards.

::

                       Hello                Authenticate                Authenticated
      AWAITING_HELLO --------> ANONYMOUS ----------------> AUTHENTICATING ------------> AUTHENTICATED
                                   |                              |                          |
                                   |  Moving                      |  Moving                  |  Moving
                                   v                              v                          v
                                   +-------------------------> DRAINING <--------------------+

      any state -- Error with fatal=True, or a close of the WebSocket --> CLOSED

Both sides hold the same machine and the same table; the relay's copy moves when it sends Hello,
Authenticated and Moving, the client's copy when it receives them. Between these two moments the client may
still send what the relay has just ceased to take: such a frame is answered by an Error that is not fatal.
"""

from __future__ import annotations

from enum import Enum

from teduh_signaling.relay.codec import decode_client_frame, decode_relay_frame, encode
from teduh_signaling.relay.exceptions import FrameNotAllowed, LocalProtocolError, RemoteProtocolError
from teduh_signaling.relay.frames import (
    NO_REF,
    PROTOCOL_VERSION,
    Accepted,
    Acknowledge,
    AcknowledgeInbox,
    AnswerOffer,
    AnyClientFrame,
    AnyRelayFrame,
    Append,
    AskToJoin,
    Authenticate,
    Authenticated,
    Board,
    CancelRequest,
    Claim,
    Claimed,
    Colleagues,
    Done,
    Entry,
    Ephemeral,
    EphemeralEntry,
    Error,
    ErrorCode,
    FetchIceServers,
    FetchKeyPackage,
    FetchPushKey,
    Frame,
    Hello,
    IceServers,
    InboxItem,
    JoinAsked,
    KeyPackage,
    Leave,
    ListColleagues,
    MemberDisconnected,
    MembershipEnded,
    Moving,
    Offer,
    OfferEnded,
    OpeningTime,
    OpenRequest,
    Ping,
    Pong,
    PreferencesRelaxed,
    PublishKeyPackages,
    PushKey,
    QueueAlert,
    QueueChanged,
    QueueListing,
    QueuePosition,
    ReportAbuse,
    RequestOpened,
    RequestReassignment,
    SetAvailability,
    StaffReachable,
    Subscribe,
    Subscribed,
    SubscribePush,
    Unsubscribe,
    UnsubscribePush,
    WatchBoard,
    WatchQueue,
)


class State(Enum):
    """Where a connection stands."""

    AWAITING_HELLO = "awaiting hello"
    ANONYMOUS = "anonymous"
    AUTHENTICATING = "authenticating"
    AUTHENTICATED = "authenticated"
    DRAINING = "draining"
    CLOSED = "closed"


_Frames = frozenset[type[Frame]]


def _stay(state: State, *groups: _Frames) -> dict[type[Frame], State]:
    return {frame: state for group in groups for frame in group}


_ALIVE: _Frames = frozenset({Ping})
_MEMBER: _Frames = _ALIVE | {
    Subscribe,
    Unsubscribe,
    Append,
    Ephemeral,
    Acknowledge,
    Leave,
    FetchIceServers,
}
_SURVIVOR: _Frames = frozenset({OpenRequest, CancelRequest, RequestReassignment})
_STAFF: _Frames = frozenset(
    {
        Claim,
        RequestReassignment,
        CancelRequest,
        PublishKeyPackages,
        FetchKeyPackage,
        SetAvailability,
        ListColleagues,
        AcknowledgeInbox,
        WatchQueue,
        AnswerOffer,
        WatchBoard,
        FetchPushKey,
        SubscribePush,
        UnsubscribePush,
        ReportAbuse,
        AskToJoin,
    }
)
# What is under way may end; nothing new begins on a node that is about to stop.
_LAST_WORDS: _Frames = _MEMBER - {Subscribe, FetchIceServers}

_TO_MEMBERS: _Frames = frozenset(
    {
        Subscribed,
        Accepted,
        Entry,
        EphemeralEntry,
        Error,
        Done,
        Pong,
        MembershipEnded,
        IceServers,
        MemberDisconnected,
    }
)
_TO_SURVIVORS: _Frames = frozenset(
    {RequestOpened, QueuePosition, PreferencesRelaxed, OpeningTime, KeyPackage, StaffReachable}
)
_TO_STAFF: _Frames = frozenset(
    {
        Claimed,
        InboxItem,
        Colleagues,
        QueueChanged,
        QueueListing,
        Offer,
        OfferEnded,
        Board,
        QueueAlert,
        PushKey,
        JoinAsked,
    }
)
_STOPPING: _Frames = frozenset({Moving})

# The whole machine: in a state, which frames are allowed (from either side), and which state follows.
# Missing means not allowed. A fatal Error closes from everywhere; it is the one rule that is not here.
TRANSITIONS: dict[State, dict[type[Frame], State]] = {
    # The client has nothing to say before it knows the nonce and the limits. The relay may refuse at once.
    State.AWAITING_HELLO: {Hello: State.ANONYMOUS, Error: State.AWAITING_HELLO},
    # Members prove themselves per conversation (by capability), so an anonymous connection may already do
    # all of this.
    State.ANONYMOUS: {
        **_stay(State.ANONYMOUS, _MEMBER, _SURVIVOR, _TO_MEMBERS, _TO_SURVIVORS),
        Authenticate: State.AUTHENTICATING,
        Moving: State.DRAINING,
    },
    # The verdict is awaited: the client only shows that it lives. A refusal is a fatal Error, for a nonce
    # serves once.
    State.AUTHENTICATING: {
        **_stay(State.AUTHENTICATING, _ALIVE, _TO_MEMBERS, _TO_SURVIVORS),
        Authenticated: State.AUTHENTICATED,
        Moving: State.DRAINING,
    },
    # A staff connection opens no requests (but may hear of one that it opened before it authenticated). A new
    # statement needs a new connection, for each has one nonce.
    State.AUTHENTICATED: {
        **_stay(State.AUTHENTICATED, _MEMBER, _STAFF, _TO_MEMBERS, _TO_SURVIVORS, _TO_STAFF),
        Moving: State.DRAINING,
    },
    # The relay ends what it has; what it may send depends on who the client was, which matters no more.
    State.DRAINING: _stay(State.DRAINING, _LAST_WORDS, _TO_MEMBERS, _TO_SURVIVORS, _TO_STAFF, _STOPPING),
    State.CLOSED: {},
}

MAX_UNEXPECTED_FRAMES = 16
"""So many frames out of state are forgiven on one connection; the next one closes it."""

DEFAULT_HEARTBEAT_SECONDS = 20.0
"""What a client goes by until Hello has told it the relay's."""


class _Protocol:
    """What both sides share: the machine, and when the peer was last heard."""

    __slots__ = ("_allowed", "_heartbeat", "_last_heard", "_state")

    def __init__(self, now: float, heartbeat_seconds: float = DEFAULT_HEARTBEAT_SECONDS) -> None:
        self._heartbeat = heartbeat_seconds
        self._last_heard = now
        self._move_to(State.AWAITING_HELLO)

    @property
    def state(self) -> State:
        """Where this side believes the connection to stand."""
        return self._state

    def heard(self, now: float) -> None:
        """Note a sign of life that is no frame: a WebSocket ping or pong."""
        self._last_heard = now

    @property
    def last_heard(self) -> float:
        """When the peer last gave a sign of life."""
        return self._last_heard

    def gone_at(self) -> float:
        """When to take the peer for gone unless it is heard before: after two heartbeats of silence."""
        return self._last_heard + 2 * self._heartbeat

    def close(self) -> None:
        """Note that the WebSocket is closed, by whichever side; nothing is allowed any more."""
        self._move_to(State.CLOSED)

    def _move_to(self, state: State) -> None:
        self._state = state
        self._allowed = TRANSITIONS[state]

    def _step(self, frame: Frame, following: State) -> None:
        if type(frame) is Error and frame.fatal:
            following = State.CLOSED
        if following is not self._state:
            self._move_to(following)

    def _following(self, frame: Frame) -> State:
        following = self._allowed.get(type(frame))
        if following is None:
            raise FrameNotAllowed(f"{type(frame).__name__} may not be sent while {self._state.value}")
        return following


class RelaySideProtocol(_Protocol):
    """The relay's side of one connection.

    Entries that `teduh_signaling.relay.entry` made are frames already: write them without `send` in any
    state but awaiting hello and closed.
    """

    __slots__ = ("_forgiven",)

    def __init__(self, now: float, heartbeat_seconds: float = DEFAULT_HEARTBEAT_SECONDS) -> None:
        super().__init__(now, heartbeat_seconds)
        self._forgiven = 0

    def receive(self, data: bytes, now: float) -> AnyClientFrame:
        """The frame that a client sent, in one binary WebSocket message.

        Raises RemoteProtocolError: malformed_frame and frame_too_large (fatal), unexpected_frame (fatal once
        `MAX_UNEXPECTED_FRAMES` were forgiven), shutting_down for what a draining relay takes no more.
        """
        self._last_heard = now
        frame = decode_client_frame(data)
        following = self._allowed.get(type(frame))
        if following is None:
            raise self._unexpected(frame)
        if following is not self._state:
            self._move_to(following)
        return frame

    def send(self, frame: AnyRelayFrame) -> bytes:
        """The bytes of the WebSocket message that carries `frame`.

        Raises FrameNotAllowed if it is not allowed in this state, LocalProtocolError if it breaks a limit.
        """
        following = self._following(frame)
        data = encode(frame)
        try:
            decode_relay_frame(data)
        except RemoteProtocolError as error:
            raise LocalProtocolError(f"{type(frame).__name__} breaks a limit of the protocol") from error
        self._step(frame, following)
        return data

    def _unexpected(self, frame: AnyClientFrame) -> RemoteProtocolError:
        code, fatal = ErrorCode.SHUTTING_DOWN, False
        if self._state is not State.DRAINING:
            self._forgiven += 1
            code, fatal = ErrorCode.UNEXPECTED_FRAME, self._forgiven > MAX_UNEXPECTED_FRAMES
        return RemoteProtocolError(
            code,
            f"{type(frame).__name__} is not taken while {self._state.value}",
            fatal=fatal,
            ref=getattr(frame, "ref", NO_REF),
            conversation_id=getattr(frame, "conversation_id", None),
            counter=getattr(frame, "counter", 0),
        )


class ClientSideProtocol(_Protocol):
    """A client's side of one connection; knows from Hello what the relay allows."""

    __slots__ = ("_hello", "_next_ping")

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._hello: Hello | None = None
        self._next_ping = now + self._heartbeat

    @property
    def hello(self) -> Hello:
        """What the relay said first. Raises LocalProtocolError before it did."""
        if self._hello is None:
            raise LocalProtocolError("the relay has not said hello yet")
        return self._hello

    def receive(self, data: bytes, now: float) -> AnyRelayFrame:
        """The frame that the relay sent, in one binary WebSocket message.

        Raises RemoteProtocolError, always fatal: malformed_frame, frame_too_large, unexpected_frame.
        """
        self._last_heard = now
        frame = decode_relay_frame(data)
        following = self._allowed.get(type(frame))
        if following is None:
            detail = f"{type(frame).__name__} came while {self._state.value}"
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_FRAME, detail, fatal=True)
        if type(frame) is Hello:
            self._greet(frame, now)
        self._step(frame, following)
        return frame

    def send(self, frame: AnyClientFrame) -> bytes:
        """The bytes of the WebSocket message that carries `frame`.

        Raises FrameNotAllowed if it is not allowed in this state, LocalProtocolError if it breaks a limit
        of the protocol or one that the relay's Hello named.
        """
        following = self._following(frame)
        data = encode(frame)
        if len(data) > self.hello.limits.frame_bytes:
            raise LocalProtocolError(f"{type(frame).__name__} is larger than this relay's frames may be")
        if isinstance(frame, Append):
            self._check_append(frame)
        try:
            decode_client_frame(data)
        except RemoteProtocolError as error:
            raise LocalProtocolError(f"{type(frame).__name__} breaks a limit of the protocol") from error
        self._step(frame, following)
        return data

    def ping_at(self) -> float:
        """When to send the next Ping: a heartbeat after the last one, that two of them may go unanswered."""
        return self._next_ping

    def pinged(self, now: float) -> None:
        """Note that a Ping was sent."""
        self._next_ping = now + self._heartbeat

    def _greet(self, hello: Hello, now: float) -> None:
        if hello.version != PROTOCOL_VERSION:
            detail = f"the relay speaks another version than {PROTOCOL_VERSION}"
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_FRAME, detail, fatal=True)
        self._hello = hello
        self._heartbeat = float(max(1, hello.limits.heartbeat_seconds))
        self._next_ping = now + self._heartbeat

    def _check_append(self, append: Append) -> None:
        largest = max(len(append.payload), len(append.welcome or b""))
        if largest > self.hello.limits.payload_bytes:
            raise LocalProtocolError("the payload is larger than this relay's may be")
