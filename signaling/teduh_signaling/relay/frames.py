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
is an entry's place in the conversation log, from 1 without gaps; ``counter`` is the sender's own count of its
appends there, from 1 without gaps, which makes a retry recognisable; ``epoch`` is the MLS epoch in which the
payload was made. The relay never sees anything but ciphertext in ``payload`` and ``welcome``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from teduh_signaling.relay.frame import (
    MAX_COLLEAGUES,
    MAX_CONTINUATION_BYTES,
    MAX_EPHEMERAL_BYTES,
    MAX_FRAME_BYTES,
    MAX_ICE_URL_CHARACTERS,
    MAX_ICE_URLS,
    MAX_KEY_PACKAGE_BYTES,
    MAX_KEY_PACKAGES,
    MAX_MEMBERS_CHANGED,
    MAX_PAYLOAD_BYTES,
    MAX_PRICE_ATTEMPTS,
    MAX_PRICE_BITS,
    MAX_PRICE_MEMORY,
    MAX_PRICE_PUZZLES,
    MAX_PROOF_OF_WORK_BITS,
    MAX_PROOF_OF_WORK_BYTES,
    MAX_STATEMENT_CHARACTERS,
    MAX_TURN_CREDENTIAL_CHARACTERS,
    NO_REF,
    PROTOCOL_VERSION,
    SUBPROTOCOL,
    SURVIVOR_MEMBER,
    Availability,
    CallPolicy,
    Capability,
    ClientFrame,
    CloseCode,
    ConversationId,
    DeviceId,
    EntryKind,
    EphemeralPayload,
    ErrorCode,
    Frame,
    KeyPackageBytes,
    Nonce,
    Payload,
    Ref,
    RelayFrame,
    RequestDetails,
    ShortText,
    Signature,
    Statement,
    UInt32,
    UInt53,
    Urgency,
)
from teduh_signaling.relay.routing_frames import (
    MAX_BOARD_DAYS,
    MAX_LISTED_REQUESTS,
    MAX_PREFERENCES,
    MAX_PUSH_ENDPOINT_CHARACTERS,
    MAX_TALLIES,
    AnswerOffer,
    AskToJoin,
    Board,
    BoardDay,
    CancelRequest,
    Claim,
    Claimed,
    FetchPushKey,
    JoinAsked,
    Offer,
    OfferEnded,
    OpeningTime,
    OpenRequest,
    Preference,
    Preferences,
    PreferencesRelaxed,
    PushKey,
    PushPublicKey,
    PushSecret,
    QueueAlert,
    QueueChanged,
    QueueListing,
    QueuePosition,
    ReportAbuse,
    RequestOpened,
    RequestReassignment,
    SetAvailability,
    StaffReachable,
    SubscribePush,
    Tally,
    UnsubscribePush,
    WaitingRequest,
    WatchBoard,
    WatchQueue,
)

__all__ = [
    "MAX_BOARD_DAYS",
    "MAX_COLLEAGUES",
    "MAX_CONTINUATION_BYTES",
    "MAX_EPHEMERAL_BYTES",
    "MAX_FRAME_BYTES",
    "MAX_ICE_URLS",
    "MAX_ICE_URL_CHARACTERS",
    "MAX_KEY_PACKAGES",
    "MAX_KEY_PACKAGE_BYTES",
    "MAX_LISTED_REQUESTS",
    "MAX_MEMBERS_CHANGED",
    "MAX_PAYLOAD_BYTES",
    "MAX_PREFERENCES",
    "MAX_PRICE_ATTEMPTS",
    "MAX_PRICE_BITS",
    "MAX_PRICE_MEMORY",
    "MAX_PRICE_PUZZLES",
    "MAX_PROOF_OF_WORK_BITS",
    "MAX_PROOF_OF_WORK_BYTES",
    "MAX_PUSH_ENDPOINT_CHARACTERS",
    "MAX_STATEMENT_CHARACTERS",
    "MAX_TALLIES",
    "MAX_TURN_CREDENTIAL_CHARACTERS",
    "NO_REF",
    "PROTOCOL_VERSION",
    "SUBPROTOCOL",
    "SURVIVOR_MEMBER",
    "Accepted",
    "Acknowledge",
    "AcknowledgeInbox",
    "AnswerOffer",
    "AnyClientFrame",
    "AnyRelayFrame",
    "Append",
    "AskToJoin",
    "Authenticate",
    "Authenticated",
    "Availability",
    "Board",
    "BoardDay",
    "CallPolicy",
    "CancelRequest",
    "Capability",
    "Claim",
    "Claimed",
    "ClientFrame",
    "CloseCode",
    "Colleague",
    "Colleagues",
    "ConversationId",
    "DeviceId",
    "Done",
    "Entry",
    "EntryKind",
    "Ephemeral",
    "EphemeralEntry",
    "EphemeralPayload",
    "Error",
    "ErrorCode",
    "FetchIceServers",
    "FetchKeyPackage",
    "FetchPushKey",
    "Frame",
    "Hello",
    "IceServers",
    "IceUrl",
    "InboxItem",
    "JoinAsked",
    "KeyPackage",
    "KeyPackageBytes",
    "Leave",
    "Limits",
    "ListColleagues",
    "MemberDisconnected",
    "MembershipEnded",
    "Moving",
    "Nonce",
    "Offer",
    "OfferEnded",
    "OpenRequest",
    "OpeningTime",
    "Payload",
    "Ping",
    "Pong",
    "Preference",
    "Preferences",
    "PreferencesRelaxed",
    "Price",
    "PublishKeyPackages",
    "PushKey",
    "PushPublicKey",
    "PushSecret",
    "QueueAlert",
    "QueueChanged",
    "QueueListing",
    "QueuePosition",
    "Ref",
    "RelayFrame",
    "ReportAbuse",
    "RequestDetails",
    "RequestOpened",
    "RequestReassignment",
    "SetAvailability",
    "ShortText",
    "Signature",
    "StaffReachable",
    "Statement",
    "Subscribe",
    "SubscribePush",
    "Subscribed",
    "Tally",
    "TurnCredential",
    "UInt32",
    "UInt53",
    "Unsubscribe",
    "UnsubscribePush",
    "Urgency",
    "WaitingRequest",
    "WatchBoard",
    "WatchQueue",
]


# --- client to relay ---


class Authenticate(ClientFrame, frozen=True, array_like=True, tag=0x01, gc=False):
    """Staff: the statement, its issuer's if the root did not sign it, and proof of possession of its key.

    The signature is made over the bytes that ``teduh_crypto.credentials`` defines for the purpose of relay
    authentication, from the relay's origin and the nonce of its Hello.
    """

    statement: Statement
    signature: Signature
    issuer_statement: Statement | None = None


class Subscribe(ClientFrame, frozen=True, array_like=True, tag=0x05, gc=False):
    """Any member: send me the entries after ``after``. Answered by Subscribed, then the entries in order.

    A survivor shows her capability; a staff device is known from its authentication.
    """

    ref: Ref
    conversation_id: ConversationId
    after: UInt53
    capability: Capability | None = None


class Unsubscribe(ClientFrame, frozen=True, array_like=True, tag=0x06, gc=False):
    """Any member: stop sending, I stay a member."""

    conversation_id: ConversationId


class Append(ClientFrame, frozen=True, array_like=True, tag=0x07, gc=False):
    """Any member: put this into the log. Answered by Accepted, or an Error with the same counter.

    ``welcome`` goes with a commit only and becomes the log's next entry. ``added`` names the staff devices
    that the commit adds (each is invited through its inbox, and may read from the Welcome on); ``removed``
    those that it removes. ``has`` is what an Acknowledge before it would say, if not 0. Not echoed to the
    connection that sent it: Accepted tells its place.
    """

    conversation_id: ConversationId
    counter: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    kind: Literal[0, 1]
    epoch: UInt53
    payload: Payload
    welcome: Payload | None = None
    added: Annotated[tuple[DeviceId, ...], Meta(max_length=MAX_MEMBERS_CHANGED)] = ()
    removed: Annotated[tuple[DeviceId, ...], Meta(max_length=MAX_MEMBERS_CHANGED)] = ()
    has: UInt53 = 0


class Ephemeral(ClientFrame, frozen=True, array_like=True, tag=0x08, gc=False):
    """Any member: pass this on to whoever is connected, and forget it (typing). Never answered."""

    conversation_id: ConversationId
    payload: EphemeralPayload


class Acknowledge(ClientFrame, frozen=True, array_like=True, tag=0x09, gc=False):
    """Any member: the application has taken all entries up to ``seq``."""

    conversation_id: ConversationId
    seq: UInt53


class Leave(ClientFrame, frozen=True, array_like=True, tag=0x0A, gc=False):
    """Any member: I am out; the log need not wait for me. Answered by Done."""

    ref: Ref
    conversation_id: ConversationId


class PublishKeyPackages(ClientFrame, frozen=True, array_like=True, tag=0x0B, gc=False):
    """Staff: key packages by which colleagues can add this device, each handed out once. Answered by Done."""

    ref: Ref
    key_packages: Annotated[tuple[KeyPackageBytes, ...], Meta(min_length=1, max_length=MAX_KEY_PACKAGES)]


class FetchKeyPackage(ClientFrame, frozen=True, array_like=True, tag=0x0C, gc=False):
    """Staff: one key package of a colleague's device, for the next commit of a conversation. Answered by
    KeyPackage; or unknown_conversation, no_key_package, rate_limited.

    The sender is a member of the conversation. While it is in the same epoch the same is given again for a
    minute. Clients of before name no conversation.
    """

    ref: Ref
    device_id: DeviceId
    conversation_id: ConversationId | None = None


class ListColleagues(ClientFrame, frozen=True, array_like=True, tag=0x0E, gc=False):
    """Staff: who else is connected. Answered by Colleagues, in the order of their device ids."""

    ref: Ref
    after: DeviceId | None = None
    """Only those whose device id is greater; for the next part of a long list."""


class AcknowledgeInbox(ClientFrame, frozen=True, array_like=True, tag=0x0F, gc=False):
    """Staff: all inbox items up to ``seq`` are dealt with."""

    seq: UInt53


class Ping(ClientFrame, frozen=True, array_like=True, tag=0x10, gc=False):
    """Any client: are you there? Answered by Pong."""

    ref: Ref


class FetchIceServers(ClientFrame, frozen=True, array_like=True, tag=0x11, gc=False):
    """Any member, before a call: by which TURN servers? Answered by IceServers; or unknown_conversation,
    not_permitted.

    Only for a conversation to which this connection is subscribed, from its first commit on.
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
    time: UInt53
    """Seconds since 1970, so that a device with a wrong clock can tell."""
    limits: Limits
    proof_of_work_bits: Annotated[int, Meta(ge=0, le=MAX_PROOF_OF_WORK_BITS)] = 0
    """Always 0. Older relays asked for a price here, before anybody had asked for anything."""


class Authenticated(RelayFrame, frozen=True, array_like=True, tag=0x41, gc=False):
    """The statement is valid and its key is held; from now on this is a staff connection."""

    device_id: DeviceId
    expires: UInt53
    """When the statement ends, in seconds since 1970; the connection ends with it."""
    key_packages_left: UInt32
    offers: bool = False
    """Whether requests are offered to one person after the other, or anybody claims what waits."""


class Subscribed(RelayFrame, frozen=True, array_like=True, tag=0x45, gc=False):
    """You are a member, and the entries after ``after`` follow."""

    ref: Ref
    conversation_id: ConversationId
    member: UInt32
    epoch: UInt53
    last_seq: UInt53
    first_seq: UInt53
    """The oldest entry still kept; when it is beyond ``after + 1`` something has expired unread."""
    counter: UInt53
    """The last append of this member that was accepted: what the outbox need not send again."""


class Accepted(RelayFrame, frozen=True, array_like=True, tag=0x46, gc=False):
    """All appends of this member up to ``counter`` are in the log; the one with ``counter`` is at ``seq``."""

    conversation_id: ConversationId
    counter: UInt53
    seq: UInt53
    """0 for a repeated append whose place is no longer known; it was accepted before."""


class Entry(RelayFrame, frozen=True, array_like=True, tag=0x47, gc=False):
    """One entry of the conversation log."""

    conversation_id: ConversationId
    seq: UInt53
    member: UInt32
    """Who appended it."""
    counter: UInt53
    """The appender's count; by it a client recognises its own after a reconnect. 0 for a Welcome."""
    kind: EntryKind
    epoch: UInt53
    payload: Payload


class EphemeralEntry(RelayFrame, frozen=True, array_like=True, tag=0x48, gc=False):
    """Passed on, not stored, may be lost."""

    conversation_id: ConversationId
    member: UInt32
    payload: EphemeralPayload


class Price(Struct, frozen=True, array_like=True, gc=False):
    """What one request costs, on this connection, once: see `teduh_signaling.relay.proof_of_work`."""

    challenge: Nonce
    puzzles: Annotated[int, Meta(ge=1, le=MAX_PRICE_PUZZLES)]
    bits: Annotated[int, Meta(ge=1, le=MAX_PRICE_BITS)]
    memory: Annotated[int, Meta(ge=1, le=MAX_PRICE_MEMORY)]
    """The base-2 logarithm of scrypt's N."""


class Error(RelayFrame, frozen=True, array_like=True, tag=0x49, gc=False):
    """A frame was refused. ``fatal`` ones are followed by the close of the connection."""

    code: ErrorCode
    detail: Annotated[str, Meta(max_length=256)]
    """For developers, in English; never echoes input."""
    ref: Ref = NO_REF
    conversation_id: ConversationId | None = None
    counter: UInt53 = 0
    """Of the refused Append. Where a statement has not begun, the relay's clock."""
    expected: UInt53 = 0
    """The current epoch with wrong_epoch; the next counter with counter_gap; where a statement has not begun
    (authentication_failed), when it does.
    """
    retry_after_ms: UInt32 = 0
    fatal: bool = False
    price: Price | None = None
    """With proof_of_work_required: what the OpenRequest costs."""


class InboxItem(RelayFrame, frozen=True, array_like=True, tag=0x4A, gc=False):
    """A staff device is invited: subscribe after ``after``; the entry that follows is the Welcome."""

    seq: UInt53
    conversation_id: ConversationId
    after: UInt53


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
    load: UInt32 = 0
    """In how many conversations she is, on all her devices."""


class Colleagues(RelayFrame, frozen=True, array_like=True, tag=0x4C, gc=False):
    ref: Ref
    colleagues: Annotated[tuple[Colleague, ...], Meta(max_length=MAX_COLLEAGUES)]
    more: bool = False
    """There are others: ask again, ``after`` the last one here."""


class Done(RelayFrame, frozen=True, array_like=True, tag=0x4D, gc=False):
    """What was asked is done."""

    ref: Ref
    continuation: Annotated[bytes, Meta(max_length=MAX_CONTINUATION_BYTES)] = b""
    """To a survivor who has left: the continuation token, for OpenRequest. Opaque to her."""


class Moving(RelayFrame, frozen=True, array_like=True, tag=0x4E, gc=False):
    """This node is about to stop: connect anew, after a random wait of at most ``within_ms``."""

    within_ms: UInt32


class Pong(RelayFrame, frozen=True, array_like=True, tag=0x4F, gc=False):
    """I am here."""

    ref: Ref


class MembershipEnded(RelayFrame, frozen=True, array_like=True, tag=0x51, gc=False):
    """This device is no member any more: it was removed or the conversation has ended or expired.

    Or it has taken a conversation that goes on, and is not let in: she said no, or the search is over.
    """

    conversation_id: ConversationId


IceUrl = Annotated[str, Meta(min_length=1, max_length=MAX_ICE_URL_CHARACTERS)]
"""RFC 7065: ``turn:host:port?transport=udp`` or ``turns:``."""
TurnCredential = Annotated[str, Meta(max_length=MAX_TURN_CREDENTIAL_CHARACTERS)]


class IceServers(RelayFrame, frozen=True, array_like=True, tag=0x52, gc=False):
    """How the next call may go, and the member's credentials of the TURN servers: soon expired, and no more
    than two alive.
    """

    ref: Ref
    policy: CallPolicy
    urls: Annotated[tuple[IceUrl, ...], Meta(max_length=MAX_ICE_URLS)] = ()
    username: TurnCredential = ""
    credential: TurnCredential = ""
    expires: UInt53 = 0
    """No new allocation after this, in seconds since 1970; one that is there stays. 0 without ``urls``."""


class MemberDisconnected(RelayFrame, frozen=True, array_like=True, tag=0x53, gc=False):
    """Another member has left by its own Leave or leave beacon: the survivor's page was closed, perhaps in
    haste.

    The relay's word alone, for whoever leaves so has no time to say it inside the encryption.
    """

    conversation_id: ConversationId
    member: UInt32


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
    | WatchQueue
    | AnswerOffer
    | WatchBoard
    | FetchPushKey
    | SubscribePush
    | UnsubscribePush
    | ReportAbuse
    | RequestReassignment
    | AskToJoin
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
    | MemberDisconnected
    | QueueListing
    | Offer
    | OfferEnded
    | PreferencesRelaxed
    | OpeningTime
    | Board
    | QueueAlert
    | PushKey
    | StaffReachable
    | JoinAsked
)
