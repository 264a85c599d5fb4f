"""The frames of presence and routing: who waits, to whom she is offered, what she is told meanwhile.

::

    staff                                 relay                                survivor
      |  WatchQueue -------------------->                                          |
      |  <------------------ QueueListing    QueuePosition, OpeningTime -------->  |
      |  <------------------------- Offer                                          |
      |  AnswerOffer (declined) -------->    to the next; PreferencesRelaxed --->  |
      |  AnswerOffer (accepted) -------->    QueuePosition 0 ------------------->  |
      |  <----------------------- Claimed

A request is named by its conversation id, and told with what she chose to let the relay route by: nothing
else of it is known here.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from msgspec import Meta, Struct

from teduh_signaling.relay.frame import (
    MAX_CONTINUATION_BYTES,
    MAX_KEY_PACKAGE_BYTES,
    MAX_PROOF_OF_WORK_BYTES,
    Availability,
    Capability,
    ClientFrame,
    ConversationId,
    DeviceId,
    KeyPackageBytes,
    Ref,
    RelayFrame,
    RequestDetails,
    ShortText,
    Statement,
    UInt32,
    UInt53,
)

MAX_LISTED_REQUESTS = 64
"""How many waiting requests one QueueListing may name."""
MAX_PREFERENCES = 4
MAX_TALLIES = 32
"""How many kinds one breakdown of a Board may count."""
MAX_BOARD_DAYS = 31
MAX_PUSH_ENDPOINT_CHARACTERS = 1024

PushPublicKey = Annotated[bytes, Meta(min_length=65, max_length=65)]
"""A point of P-256, uncompressed (RFC 8291, 2.1; RFC 8292, 3.2)."""
PushSecret = Annotated[bytes, Meta(min_length=16, max_length=16)]
"""RFC 8291, 2.2: the authentication secret."""


class Preference(IntEnum):
    """What of her preferences a request can go without, in the order in which they are dropped."""

    REGION = 0
    GENDER = 1
    NEED = 2
    LANGUAGE = 3


Preferences = Annotated[tuple[Preference, ...], Meta(max_length=MAX_PREFERENCES)]


# --- client to relay ---


class OpenRequest(ClientFrame, frozen=True, array_like=True, tag=0x02, gc=False):
    """Survivor: a call for help. Answered by RequestOpened; the same capability means the same request.

    Or by proof_of_work_required with a price: then she asks again on this connection with the same
    capability and `proof_of_work`.
    """

    ref: Ref
    capability: Capability
    key_package: KeyPackageBytes
    details: RequestDetails = RequestDetails()
    proof_of_work: Annotated[bytes, Meta(max_length=MAX_PROOF_OF_WORK_BYTES)] = b""
    continues: Capability | None = None
    """The capability of an earlier conversation: whoever was with her there is asked first."""
    continuation: Annotated[bytes, Meta(max_length=MAX_CONTINUATION_BYTES)] = b""
    """The token that Done gave when she left that conversation; needed when that one is over."""


class CancelRequest(ClientFrame, frozen=True, array_like=True, tag=0x03, gc=False):
    """Survivor: no longer waiting. Answered by Done."""

    ref: Ref
    conversation_id: ConversationId


class Claim(ClientFrame, frozen=True, array_like=True, tag=0x04, gc=False):
    """Staff: take the oldest request, or a certain one. Answered by Claimed; or queue_empty, request_gone,
    too_many.
    """

    ref: Ref
    conversation_id: ConversationId | None = None


class SetAvailability(ClientFrame, frozen=True, array_like=True, tag=0x0D, gc=False):
    """Staff: whether, and how many conversations more, this device takes. Answered by Done.

    Languages, role and skills are known from the statement; what the statement does not say is said here.
    """

    ref: Ref
    availability: Availability
    capacity: Annotated[int, Meta(ge=0, le=1000)] = 1
    gender: ShortText | None = None
    """For those who prefer one."""
    region: ShortText | None = None
    until: UInt53 = 0
    """When the shift ends, in seconds since 1970: nothing is offered from then on; 0: not known."""


class WatchQueue(ClientFrame, frozen=True, array_like=True, tag=0x12, gc=False):
    """Staff: tell me who waits, now and whenever it changes. Answered by Done, then QueueListing."""

    ref: Ref
    watching: bool = True
    """False: no more."""


class AnswerOffer(ClientFrame, frozen=True, array_like=True, tag=0x13, gc=False):
    """Staff: I take what was offered, or not. Answered by Claimed (or request_gone); declined, by Done."""

    ref: Ref
    conversation_id: ConversationId
    accepted: bool


class WatchBoard(ClientFrame, frozen=True, array_like=True, tag=0x14, gc=False):
    """Supervisor: send the board, now and often. Answered by Done, then Board and QueueAlert of each request
    of which supervisors have been told and that still waits; or not_permitted.
    """

    ref: Ref
    watching: bool = True
    """False: no more."""


class FetchPushKey(ClientFrame, frozen=True, array_like=True, tag=0x15, gc=False):
    """Staff: the key by which this relay names itself to push services. Answered by PushKey."""

    ref: Ref


class SubscribePush(ClientFrame, frozen=True, array_like=True, tag=0x16, gc=False):
    """Staff: wake this device when somebody waits. Answered by Done; or not_permitted, for another endpoint.

    What the browser's push subscription says (Push API). Kept until the statement ends, at the longest.
    """

    ref: Ref
    endpoint: Annotated[str, Meta(min_length=1, max_length=MAX_PUSH_ENDPOINT_CHARACTERS)]
    public_key: PushPublicKey
    secret: PushSecret


class UnsubscribePush(ClientFrame, frozen=True, array_like=True, tag=0x17, gc=False):
    """Staff: wake this device no more. Answered by Done."""

    ref: Ref


class ReportAbuse(ClientFrame, frozen=True, array_like=True, tag=0x18, gc=False):
    """Staff: this was no request for help. Answered by Done; or unknown_conversation, rate_limited.

    All that waits from the same source leaves the queue, and whatever comes from there within the hour costs
    a proof of work.
    """

    ref: Ref
    conversation_id: ConversationId


class RequestReassignment(ClientFrame, frozen=True, array_like=True, tag=0x1E, gc=False):
    """Survivor: nobody answers any more; put this conversation back into the queue, as it is. Staff: look
    for a colleague for it there.

    Answered by Done while she waits (QueuePosition tells how it goes), and by KeyPackage, of the device that
    has taken it, once one has: her own commit adds that device. Asking again is harmless
    before that commit is sent; behind it, it would begin anew.
    """

    ref: Ref
    conversation_id: ConversationId
    details: RequestDetails = RequestDetails()


# --- relay to client ---


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
    least_seconds: UInt32 | None = None
    """With most_seconds: between these she will probably be answered; nil while too little is known."""
    most_seconds: UInt32 | None = None


class Claimed(RelayFrame, frozen=True, array_like=True, tag=0x44, gc=False):
    """The request is yours; unless its first commit is accepted within the lease, it goes back.

    If `epoch` is not 0, the conversation goes on: its survivor adds this device herself, by the commit for
    which the relay waits now, and it is invited through its inbox.
    """

    ref: Ref
    conversation_id: ConversationId
    key_package: Annotated[bytes, Meta(max_length=MAX_KEY_PACKAGE_BYTES)]
    """The survivor's; empty if `epoch` is not 0."""
    details: RequestDetails
    waited_seconds: UInt32
    lease_seconds: UInt32
    member: UInt32
    """The claiming device's member number; it is subscribed from the start. 0 if `epoch` is not."""
    epoch: UInt53 = 0
    """The epoch in which the conversation is."""


class QueueChanged(RelayFrame, frozen=True, array_like=True, tag=0x50, gc=False):
    """To available staff, when the number of waiting requests changes."""

    waiting: UInt32


class WaitingRequest(Struct, frozen=True, array_like=True, gc=False):
    """One request that waits, as it is told to staff."""

    conversation_id: ConversationId
    details: RequestDetails
    waited_seconds: UInt32
    known: bool = False
    """Whoever is told was with her in the conversation that it continues."""


class QueueListing(RelayFrame, frozen=True, array_like=True, tag=0x54, gc=False):
    """To staff that watch the queue, whenever it changes: the next requests, in the order of service."""

    waiting: UInt32
    """How many there are in all."""
    requests: Annotated[tuple[WaitingRequest, ...], Meta(max_length=MAX_LISTED_REQUESTS)]


class Offer(RelayFrame, frozen=True, array_like=True, tag=0x55, gc=False):
    """A request is offered to this person, on all her devices; nobody else can take it meanwhile."""

    conversation_id: ConversationId
    details: RequestDetails
    waited_seconds: UInt32
    seconds_left: UInt32
    """Then it is offered to somebody else."""
    dropped: Preferences = ()
    """What of her preferences it was offered without regard to."""


class OfferEnded(RelayFrame, frozen=True, array_like=True, tag=0x56, gc=False):
    """The offer is over: answered on another device, not answered in time, or she waits no more."""

    conversation_id: ConversationId


class PreferencesRelaxed(RelayFrame, frozen=True, array_like=True, tag=0x57, gc=False):
    """To her who waits: nobody suitable came, so these preferences no longer count."""

    conversation_id: ConversationId
    dropped: Preferences
    """All that were dropped so far."""


class OpeningTime(RelayFrame, frozen=True, array_like=True, tag=0x58, gc=False):
    """To her who waits: nobody takes requests now, but then somebody will; and when that changes."""

    conversation_id: ConversationId
    opens: UInt53 | None
    """Seconds since 1970; nil when the relay does not know; 0: somebody is there now."""


class Tally(Struct, frozen=True, array_like=True, gc=False):
    """How many of one kind."""

    name: ShortText | None
    """nil: she did not say."""
    count: UInt32 | None
    """nil: some, but fewer than five."""


class BoardDay(Struct, frozen=True, array_like=True, gc=False):
    """One day by the organisation's clock; nil: some, but fewer than five."""

    date: ShortText
    """ISO 8601, for example ``2026-03-08``."""
    opened: UInt32 | None
    answered: UInt32 | None
    """Requests whose first commit was accepted."""
    within_goal: UInt32 | None
    """Of these, how many were taken within the goal."""
    abandoned: UInt32 | None
    """Requests that were cancelled, or whose survivor has gone."""


class AskToJoin(ClientFrame, frozen=True, array_like=True, tag=0x1F, gc=False):
    """Supervisor: ask a staff device whether it brings us into a conversation of its choice. Answered by
    Done, not_permitted, or no_key_package when the device is not connected.

    No conversation is named, and the relay names none: which one it is, and whether, the staff member
    decides, and then the survivor, for what follows is an Invitation like any other.
    """

    ref: Ref
    device_id: DeviceId


class JoinAsked(RelayFrame, frozen=True, array_like=True, tag=0x5F, gc=False):
    """To staff: this supervisor asks to be brought in. Verify the statement before you show the name in it.

    Kept nowhere, and the relay's word alone: who is brought in is proven as ever.
    """

    device_id: DeviceId
    statement: Statement
    issuer_statement: Statement | None = None


class Board(RelayFrame, frozen=True, array_like=True, tag=0x59, gc=False):
    """To supervisors that watch it: how it goes, in numbers."""

    waiting: UInt32
    longest_wait_seconds: UInt32
    active: UInt32
    """Conversations whose survivor is connected."""
    available: UInt32
    """People, not devices; so the next three."""
    busy: UInt32
    away: UInt32
    seats: UInt32
    """How many conversations more the available people take."""
    load: UInt32
    """In how many conversations staff are, counted per person."""
    goal_seconds: UInt32
    needs: Annotated[tuple[Tally, ...], Meta(max_length=MAX_TALLIES)] = ()
    """Those that wait, by need."""
    languages: Annotated[tuple[Tally, ...], Meta(max_length=MAX_TALLIES)] = ()
    """Those that wait, by language."""
    days: Annotated[tuple[BoardDay, ...], Meta(max_length=MAX_BOARD_DAYS)] = ()
    """The latest first."""
    sought: UInt32 = 0
    """Colleagues for whom staff look in the queue; not among the requests that wait."""


class QueueAlert(RelayFrame, frozen=True, array_like=True, tag=0x5A, gc=False):
    """To supervisors, once for each time that it waits: this request finds nobody, or has waited for too
    long. Again to whoever begins to watch the board, and where the relay may have missed to tell it.
    """

    conversation_id: ConversationId
    waited_seconds: UInt32
    refusals: UInt32
    """How often it was declined, or an offer of it not answered."""


class StaffReachable(RelayFrame, frozen=True, array_like=True, tag=0x5E, gc=False):
    """To a survivor: whether any staff device of her conversation is connected.

    False after none has been for a while (a setting): a device may have died. True when one is again. It is
    the relay's word alone; what it leads to is her decision.
    """

    conversation_id: ConversationId
    reachable: bool


class PushKey(RelayFrame, frozen=True, array_like=True, tag=0x5B, gc=False):
    """The key for the browser's push subscription."""

    ref: Ref
    public_key: PushPublicKey | None
    """nil: this relay wakes nobody."""
