"""Every frame that a client and the relay may exchange: all that the relay can ever see.

One WebSocket message carries one frame; a frame is one MessagePack array whose first element is the tag.
Any MessagePack library can speak it. Elements that a newer peer appends at the end are ignored; elements
are never removed or reordered within protocol version 1 (subprotocol ``teduh.1``).

::

    client                                relay
      |  <------------------------------ Hello            nonce, limits, price
      |  Authenticate (staff only) ---->                  statement + possession of its key
      |  <------------------------------ Authenticated
      |  OpenRequest (survivor) ------->                  key package, capability
      |  <------------------------------ RequestOpened, QueuePosition ...
      |  Claim (staff) ---------------->
      |  <------------------------------ Claimed          the survivor's key package
      |  Append (commit + welcome) ---->                  epoch 0 -> 1
      |  <------------------------------ Accepted         it is in the conversation log
      |  <------------------------------ Entry            to every other subscribed member
      |  Acknowledge ------------------>                  cumulative; lets the log be trimmed

New frames and new error codes need a new protocol version; a peer that meets an unknown tag may close.

Words: a *member* is a device as the relay numbers it within one conversation (0 is the survivor); ``seq``
is an entry's place in the conversation log, counted from 1 without gaps; ``counter`` is the sender's own
count of its appends in that conversation, from 1 without gaps, which makes a retry recognisable; ``epoch``
is the MLS epoch in which the payload was made. The relay never sees anything but ciphertext in ``payload``
and ``welcome``.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

PROTOCOL_VERSION = 1
SUBPROTOCOL = "teduh.1"

MAX_FRAME_BYTES = 256 * 1024
"""No frame is larger, in either direction; a peer that sends more is closed."""
MAX_PAYLOAD_BYTES = 128 * 1024
"""The largest ciphertext of one entry, and the largest Welcome."""
MAX_EPHEMERAL_BYTES = 8 * 1024
"""The largest ciphertext that is passed on without being stored."""
MAX_KEY_PACKAGE_BYTES = 16 * 1024
MAX_KEY_PACKAGES = 50
"""How many key packages one PublishKeyPackages may bring; together they must still fit into one frame."""
MAX_MEMBERS_CHANGED = 16
"""How many staff devices one commit may add, and how many it may remove."""
MAX_COLLEAGUES = 256
"""How many colleagues one Colleagues frame may name."""
MAX_STATEMENT_CHARACTERS = 8192
MAX_PROOF_OF_WORK_BYTES = 64
MAX_PROOF_OF_WORK_BITS = 32
MAX_ICE_URLS = 8
"""How many addresses of TURN servers one IceServers may name."""
MAX_ICE_URL_CHARACTERS = 256
MAX_TURN_CREDENTIAL_CHARACTERS = 128

ConversationId = Annotated[bytes, Meta(min_length=16, max_length=16)]
"""16 random bytes, chosen by the relay; also the MLS group id."""
DeviceId = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""SHA-256 of a staff device's Ed25519 public key."""
Capability = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""32 random bytes, chosen by the survivor; the relay keeps only their SHA-256."""
Nonce = Annotated[bytes, Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, Meta(min_length=64, max_length=64)]
KeyPackageBytes = Annotated[bytes, Meta(min_length=1, max_length=MAX_KEY_PACKAGE_BYTES)]
Payload = Annotated[bytes, Meta(min_length=1, max_length=MAX_PAYLOAD_BYTES)]
EphemeralPayload = Annotated[bytes, Meta(min_length=1, max_length=MAX_EPHEMERAL_BYTES)]
Statement = Annotated[str, Meta(min_length=1, max_length=MAX_STATEMENT_CHARACTERS)]
ShortText = Annotated[str, Meta(min_length=1, max_length=64)]
UInt32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
UInt64 = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""Counted things; capped at what every language's MessagePack and Redis hold exactly."""
Ref = UInt32
"""Chosen by the client; the answer to a question carries the same one."""

SURVIVOR_MEMBER = 0
NO_REF = 0
"""The ref of an error that answers no question."""


class EntryKind(IntEnum):
    """What an entry is to the order of the log; its content stays hidden."""

    MESSAGE = 0
    """An MLS PrivateMessage with application data or a proposal; must name the current epoch."""
    COMMIT = 1
    """An MLS PrivateMessage with a Commit; must name the current epoch, which it moves on by one."""
    WELCOME = 2
    """The Welcome of the commit just before it; only the members that it adds can open it."""


class Urgency(IntEnum):
    NORMAL = 0
    URGENT = 1
    EMERGENCY = 2


class Availability(IntEnum):
    AWAY = 0
    BUSY = 1
    AVAILABLE = 2


class CallPolicy(IntEnum):
    """How the members of a conversation may reach each other in a call."""

    OFF = 0
    """Not at all: this relay has no TURN server, and its operator has not allowed direct calls."""
    RELAY = 1
    """Through the TURN servers only, so that nobody learns anybody's address."""
    DIRECT = 2
    """Also without them; a client agrees to that only where its application says so, or on one machine."""


class ErrorCode(StrEnum):
    """Why a frame was refused. Documented one by one in PROTOCOL.md."""

    MALFORMED_FRAME = "malformed_frame"
    FRAME_TOO_LARGE = "frame_too_large"
    UNEXPECTED_FRAME = "unexpected_frame"
    AUTHENTICATION_FAILED = "authentication_failed"
    STATEMENT_EXPIRED = "statement_expired"
    STATEMENT_REVOKED = "statement_revoked"
    UNKNOWN_CONVERSATION = "unknown_conversation"
    WRONG_EPOCH = "wrong_epoch"
    COUNTER_GAP = "counter_gap"
    REQUEST_GONE = "request_gone"
    QUEUE_EMPTY = "queue_empty"
    NO_KEY_PACKAGE = "no_key_package"
    TOO_MANY = "too_many"
    RATE_LIMITED = "rate_limited"
    PROOF_OF_WORK_REQUIRED = "proof_of_work_required"
    UNAVAILABLE = "unavailable"
    SHUTTING_DOWN = "shutting_down"
    INTERNAL = "internal"


class CloseCode(IntEnum):
    """Why the WebSocket is closed. The numbers are RFC 6455's, 7.4.1, and IANA's registry."""

    NORMAL = 1000
    GOING_AWAY = 1001
    """The relay node stops, or the client's page is left: connect anew."""
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    """A text message; frames travel in binary messages."""
    POLICY_VIOLATION = 1008
    """Refused for good on this connection: authentication failed, or the rate limit was ignored."""
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    TRY_AGAIN_LATER = 1013


class Frame(Struct, frozen=True, array_like=True, gc=False):
    """Base of all frames."""

    FROM_RELAY: ClassVar[bool] = False

    def __repr__(self) -> str:
        # Capabilities are secrets, statements are names, payloads are long: a repr shows the numbers only.
        numbers = ((name, getattr(self, name)) for name in self.__struct_fields__)
        shown = "".join(f" {name}={value!s}" for name, value in numbers if isinstance(value, int))
        return f"<{type(self).__name__}{shown}>"


class ClientFrame(Frame, frozen=True, array_like=True, gc=False):
    """Sent by a client, read by the relay."""


class RelayFrame(Frame, frozen=True, array_like=True, gc=False):
    """Sent by the relay, read by a client."""

    FROM_RELAY: ClassVar[bool] = True


class RequestDetails(Struct, frozen=True, array_like=True, gc=False):
    """What a survivor may choose to let the relay route by: coarse, and every part optional."""

    need: ShortText | None = None
    """One of the organisation's kinds of help, for example ``counseling``, ``medical``, ``legal``."""
    language: ShortText | None = None
    """BCP 47."""
    preferred_gender: ShortText | None = None
    region: ShortText | None = None
    urgency: Urgency = Urgency.NORMAL


# --- client to relay ---


class Authenticate(ClientFrame, frozen=True, array_like=True, tag=0x01, gc=False):
    """Staff: the statement, its issuer's if the root did not sign it, and proof of possession of its key.

    The signature is made over the bytes that ``teduh_crypto.credentials`` defines for the purpose of relay
    authentication, from the relay's origin and the nonce of its Hello.
    """

    statement: Statement
    signature: Signature
    issuer_statement: Statement | None = None


class OpenRequest(ClientFrame, frozen=True, array_like=True, tag=0x02, gc=False):
    """Survivor: a call for help. Answered by RequestOpened; the same capability means the same request."""

    ref: Ref
    capability: Capability
    key_package: KeyPackageBytes
    details: RequestDetails = RequestDetails()
    proof_of_work: Annotated[bytes, Meta(max_length=MAX_PROOF_OF_WORK_BYTES)] = b""


class CancelRequest(ClientFrame, frozen=True, array_like=True, tag=0x03, gc=False):
    """Survivor: no longer waiting. Answered by Done."""

    ref: Ref
    conversation_id: ConversationId


class Claim(ClientFrame, frozen=True, array_like=True, tag=0x04, gc=False):
    """Staff: take the oldest request, or a certain one. Answered by Claimed; or queue_empty, request_gone."""

    ref: Ref
    conversation_id: ConversationId | None = None


class Subscribe(ClientFrame, frozen=True, array_like=True, tag=0x05, gc=False):
    """Any member: send me the entries after ``after``. Answered by Subscribed, then the entries in order.

    A survivor shows her capability; a staff device is known from its authentication.
    """

    ref: Ref
    conversation_id: ConversationId
    after: UInt64
    capability: Capability | None = None


class Unsubscribe(ClientFrame, frozen=True, array_like=True, tag=0x06, gc=False):
    """Any member: stop sending, I stay a member."""

    conversation_id: ConversationId


class Append(ClientFrame, frozen=True, array_like=True, tag=0x07, gc=False):
    """Any member: put this into the log. Answered by Accepted, or an Error with the same counter.

    ``welcome`` goes with a commit only and becomes the log's next entry. ``added`` names the staff devices
    that the commit adds (each is invited through its inbox, and may read from the Welcome on); ``removed``
    those that it removes. Not echoed to the connection that sent it: Accepted tells its place.
    """

    conversation_id: ConversationId
    counter: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    kind: Literal[0, 1]
    epoch: UInt64
    payload: Payload
    welcome: Payload | None = None
    added: Annotated[tuple[DeviceId, ...], Meta(max_length=MAX_MEMBERS_CHANGED)] = ()
    removed: Annotated[tuple[DeviceId, ...], Meta(max_length=MAX_MEMBERS_CHANGED)] = ()


class Ephemeral(ClientFrame, frozen=True, array_like=True, tag=0x08, gc=False):
    """Any member: pass this on to whoever is connected, and forget it (typing). Never answered."""

    conversation_id: ConversationId
    payload: EphemeralPayload


class Acknowledge(ClientFrame, frozen=True, array_like=True, tag=0x09, gc=False):
    """Any member: the application has taken all entries up to ``seq``."""

    conversation_id: ConversationId
    seq: UInt64


class Leave(ClientFrame, frozen=True, array_like=True, tag=0x0A, gc=False):
    """Any member: I am out; the log need not wait for me. Answered by Done."""

    ref: Ref
    conversation_id: ConversationId


class PublishKeyPackages(ClientFrame, frozen=True, array_like=True, tag=0x0B, gc=False):
    """Staff: key packages by which colleagues can add this device, each handed out once. Answered by Done."""

    ref: Ref
    key_packages: Annotated[tuple[KeyPackageBytes, ...], Meta(min_length=1, max_length=MAX_KEY_PACKAGES)]


class FetchKeyPackage(ClientFrame, frozen=True, array_like=True, tag=0x0C, gc=False):
    """Staff: one key package of a colleague's device. Answered by KeyPackage, or the error no_key_package."""

    ref: Ref
    device_id: DeviceId


class SetAvailability(ClientFrame, frozen=True, array_like=True, tag=0x0D, gc=False):
    """Staff: whether, and how many conversations more, this device takes. Answered by Done."""

    ref: Ref
    availability: Availability
    capacity: Annotated[int, Meta(ge=0, le=1000)] = 1


class ListColleagues(ClientFrame, frozen=True, array_like=True, tag=0x0E, gc=False):
    """Staff: who else is connected. Answered by Colleagues, in the order of their device ids."""

    ref: Ref
    after: DeviceId | None = None
    """Only those whose device id is greater; for the next part of a long list."""


class AcknowledgeInbox(ClientFrame, frozen=True, array_like=True, tag=0x0F, gc=False):
    """Staff: all inbox items up to ``seq`` are dealt with."""

    seq: UInt64


class Ping(ClientFrame, frozen=True, array_like=True, tag=0x10, gc=False):
    """Any client: are you there? Answered by Pong."""

    ref: Ref


class FetchIceServers(ClientFrame, frozen=True, array_like=True, tag=0x11, gc=False):
    """Any member, before a call: by which TURN servers? Answered by IceServers; or unknown_conversation,
    rate_limited.

    Only for a conversation to which this connection is subscribed.
    """

    ref: Ref
    conversation_id: ConversationId


# --- relay to client ---


class Limits(Struct, frozen=True, array_like=True, gc=False):
    """What this relay allows one connection."""

    frame_bytes: UInt32
    payload_bytes: UInt32
    subscriptions: UInt32
    appends_in_flight: UInt32
    heartbeat_seconds: UInt32
    """A client that says nothing for twice as long is taken for gone."""


class Hello(RelayFrame, frozen=True, array_like=True, tag=0x40, gc=False):
    """The first frame on every connection."""

    version: UInt32
    nonce: Nonce
    time: UInt64
    """Seconds since 1970, so that a device with a wrong clock can tell."""
    limits: Limits
    proof_of_work_bits: Annotated[int, Meta(ge=0, le=MAX_PROOF_OF_WORK_BITS)] = 0
    """Leading zero bits that SHA-256(nonce || proof_of_work) of an OpenRequest must have; 0 asks for none."""


class Authenticated(RelayFrame, frozen=True, array_like=True, tag=0x41, gc=False):
    """The statement is valid and its key is held; from now on this is a staff connection."""

    device_id: DeviceId
    expires: UInt64
    """When the statement ends, in seconds since 1970; the connection ends with it."""
    key_packages_left: UInt32


class RequestOpened(RelayFrame, frozen=True, array_like=True, tag=0x42, gc=False):
    """The request is in the queue, and this connection is subscribed to its conversation."""

    ref: Ref
    conversation_id: ConversationId
    position: UInt32
    """1 is next; 0 means that somebody has taken it already."""


class QueuePosition(RelayFrame, frozen=True, array_like=True, tag=0x43, gc=False):
    """Sent when it changes. Position 0: somebody has taken the request and is about to join."""

    conversation_id: ConversationId
    position: UInt32


class Claimed(RelayFrame, frozen=True, array_like=True, tag=0x44, gc=False):
    """The request is yours; unless its first commit is accepted within the lease, it goes back."""

    ref: Ref
    conversation_id: ConversationId
    key_package: KeyPackageBytes
    details: RequestDetails
    waited_seconds: UInt32
    lease_seconds: UInt32
    member: UInt32
    """The claiming device's member number; it is subscribed from the start."""


class Subscribed(RelayFrame, frozen=True, array_like=True, tag=0x45, gc=False):
    """You are a member, and the entries after ``after`` follow."""

    ref: Ref
    conversation_id: ConversationId
    member: UInt32
    epoch: UInt64
    last_seq: UInt64
    first_seq: UInt64
    """The oldest entry still kept; when it is beyond ``after + 1`` something has expired unread."""
    counter: UInt64
    """The last append of this member that was accepted: what the outbox need not send again."""


class Accepted(RelayFrame, frozen=True, array_like=True, tag=0x46, gc=False):
    """All appends of this member up to ``counter`` are in the log; the one with ``counter`` is at ``seq``."""

    conversation_id: ConversationId
    counter: UInt64
    seq: UInt64
    """0 for a repeated append whose place is no longer known; it was accepted before."""


class Entry(RelayFrame, frozen=True, array_like=True, tag=0x47, gc=False):
    """One entry of the conversation log."""

    conversation_id: ConversationId
    seq: UInt64
    member: UInt32
    """Who appended it."""
    counter: UInt64
    """The appender's count; by it a client recognises its own after a reconnect. 0 for a Welcome."""
    kind: EntryKind
    epoch: UInt64
    payload: Payload


class EphemeralEntry(RelayFrame, frozen=True, array_like=True, tag=0x48, gc=False):
    """Passed on, not stored, may be lost."""

    conversation_id: ConversationId
    member: UInt32
    payload: EphemeralPayload


class Error(RelayFrame, frozen=True, array_like=True, tag=0x49, gc=False):
    """A frame was refused. ``fatal`` ones are followed by the close of the connection."""

    code: ErrorCode
    detail: Annotated[str, Meta(max_length=256)]
    """For developers, in English; never echoes input."""
    ref: Ref = NO_REF
    conversation_id: ConversationId | None = None
    counter: UInt64 = 0
    """Of the refused Append."""
    expected: UInt64 = 0
    """The current epoch with wrong_epoch; the next counter with counter_gap."""
    retry_after_ms: UInt32 = 0
    fatal: bool = False


class InboxItem(RelayFrame, frozen=True, array_like=True, tag=0x4A, gc=False):
    """A staff device is invited: subscribe after ``after``; the entry that follows is the Welcome."""

    seq: UInt64
    conversation_id: ConversationId
    after: UInt64


class KeyPackage(RelayFrame, frozen=True, array_like=True, tag=0x4B, gc=False):
    """A colleague's key package; nobody else gets it. Verify the statement in it before you use it."""

    ref: Ref
    device_id: DeviceId
    key_package: KeyPackageBytes


class Colleague(Struct, frozen=True, array_like=True, gc=False):
    """A connected staff device. Verify the statement before you show the name in it."""

    device_id: DeviceId
    availability: Availability
    statement: Statement
    issuer_statement: Statement | None = None


class Colleagues(RelayFrame, frozen=True, array_like=True, tag=0x4C, gc=False):
    ref: Ref
    colleagues: Annotated[tuple[Colleague, ...], Meta(max_length=MAX_COLLEAGUES)]
    more: bool = False
    """There are others: ask again, ``after`` the last one here."""


class Done(RelayFrame, frozen=True, array_like=True, tag=0x4D, gc=False):
    """What was asked is done."""

    ref: Ref


class Moving(RelayFrame, frozen=True, array_like=True, tag=0x4E, gc=False):
    """This node is about to stop: connect anew, after a random wait of at most ``within_ms``."""

    within_ms: UInt32


class Pong(RelayFrame, frozen=True, array_like=True, tag=0x4F, gc=False):
    """I am here."""

    ref: Ref


class QueueChanged(RelayFrame, frozen=True, array_like=True, tag=0x50, gc=False):
    """To available staff, when the number of waiting requests changes."""

    waiting: UInt32


class MembershipEnded(RelayFrame, frozen=True, array_like=True, tag=0x51, gc=False):
    """This device is no member any more: it was removed or the conversation has ended or expired."""

    conversation_id: ConversationId


IceUrl = Annotated[str, Meta(min_length=1, max_length=MAX_ICE_URL_CHARACTERS)]
"""RFC 7065: ``turn:host:port?transport=udp`` or ``turns:``."""
TurnCredential = Annotated[str, Meta(max_length=MAX_TURN_CREDENTIAL_CHARACTERS)]


class IceServers(RelayFrame, frozen=True, array_like=True, tag=0x52, gc=False):
    """How the next call may go, and credentials of the TURN servers for it: fresh, random, soon expired."""

    ref: Ref
    policy: CallPolicy
    urls: Annotated[tuple[IceUrl, ...], Meta(max_length=MAX_ICE_URLS)] = ()
    username: TurnCredential = ""
    credential: TurnCredential = ""
    expires: UInt64 = 0
    """No new allocation after this, in seconds since 1970; one that is there stays. 0 without ``urls``."""


AnyClientFrame = (
    Authenticate
    | OpenRequest
    | CancelRequest
    | Claim
    | Subscribe
    | Unsubscribe
    | Append
    | Ephemeral
    | Acknowledge
    | Leave
    | PublishKeyPackages
    | FetchKeyPackage
    | SetAvailability
    | ListColleagues
    | AcknowledgeInbox
    | Ping
    | FetchIceServers
)
AnyRelayFrame = (
    Hello
    | Authenticated
    | RequestOpened
    | QueuePosition
    | Claimed
    | Subscribed
    | Accepted
    | Entry
    | EphemeralEntry
    | Error
    | InboxItem
    | KeyPackage
    | Colleagues
    | Done
    | Moving
    | Pong
    | QueueChanged
    | MembershipEnded
    | IceServers
)
