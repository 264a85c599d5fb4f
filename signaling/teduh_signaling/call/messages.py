"""What the devices in a conversation tell each other about a call.

One decrypted application message, as in `teduh_signaling.chat.messages`, with the tags from 0x20 to 0x3F.
All of them begin alike: the call, when the sender sent it, and since when the sender is in the call. Whoever
does not take part in calls can skip them, and whoever has waited with one too long can drop it unsent.

    ringing      Ring -> Join | Decline | Cancel
    connecting   Description (offer) -> Description (answer), Candidates both ways, Renegotiate
    in the call  MediaState, Recording, HangUp
    ephemeral    Heartbeat: all that its sender believes, over and over; it heals whatever was lost

`joined` tells one participation of a device from the next: it is the sender's clock when it rang or joined,
so that a device that was reloaded is not taken for what it was before.

Nothing of this is shown: a repr shows no address, no fingerprint and no media.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

from teduh_signaling.chat.messages import Message

MAX_CANDIDATES: Final = 32
"""In one message."""
MAX_CALL_MEMBERS: Final = 16
"""That one message can name; calls are for four."""

CallId = Annotated[bytes, Meta(min_length=8, max_length=8)]
"""64 random bits, chosen by who rings."""
Milliseconds = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""Since 1970, by the sender's clock; `freshness` says what it is good for."""
Leaf = Annotated[int, Meta(ge=0, le=2**32 - 1)]
"""The MLS leaf index of a member."""
Generation = Annotated[int, Meta(ge=0, le=2**32 - 1)]
"""Which connection between two devices, from 1 on; 0: none yet."""
Revision = Annotated[int, Meta(ge=1, le=2**32 - 1)]
"""Which offer within a generation, from 1 on."""
Leaves = Annotated[tuple[Leaf, ...], Meta(max_length=MAX_CALL_MEMBERS)]


class EndReason(IntEnum):
    """Why a call, or somebody's part in it, is over."""

    HUNG_UP = 1
    CANCELLED = 2
    """By who rang, before anybody answered."""
    TIMED_OUT = 3
    """Nobody answered."""
    DECLINED = 4
    BUSY = 5
    FAILED = 6
    """No connection could be made."""
    LOST = 7
    """It fell silent without a goodbye."""
    REPLACED = 8
    """The same device began anew, or the call gave way to one that began at the same time."""
    REMOVED = 9
    """From the conversation."""
    NETWORK = 10
    """The connection is too poor even for voice: on to text."""


class MediaReason(IntEnum):
    """Why a device sends what it sends."""

    CHOSEN = 1
    """By its user."""
    NETWORK = 2
    """The connection is too poor for more."""
    DEVICE = 3
    """A camera or microphone failed or was taken away."""


class NegotiationWish(IntEnum):
    """What a device that may not offer asks the other for."""

    MEDIA = 1
    """A new offer: something was added."""
    RESTART = 2
    """A new path: the network changed."""
    REBUILD = 3
    """A new connection."""


class RecordingStep(IntEnum):
    """About the recording of a call."""

    ASK = 1
    GRANT = 2
    REFUSE = 3
    """No, or not any more."""
    STARTED = 4
    STOPPED = 5


class Phase(IntEnum):
    """Where the sender of a heartbeat stands."""

    CALLING = 1
    IN_CALL = 2


class Media(Struct, frozen=True, array_like=True, gc=False):
    """What a device sends at the moment: muted is `audio=False`."""

    audio: bool
    video: bool
    screen: bool = False
    reason: MediaReason = MediaReason.CHOSEN


class Candidate(Struct, frozen=True, array_like=True, gc=False):
    """One ICE candidate, as `RTCIceCandidateInit` has it; an empty one says that there are no more."""

    candidate: Annotated[str, Meta(max_length=1024)]
    sdp_mid: Annotated[str, Meta(max_length=64)] | None = None
    sdp_m_line_index: Annotated[int, Meta(ge=0, le=255)] | None = None

    def __repr__(self) -> str:
        return "<Candidate>"


_Candidates = Annotated[tuple[Candidate, ...], Meta(max_length=MAX_CANDIDATES)]


class CallMessage(Message, frozen=True, array_like=True, gc=False):
    """What all messages about calls begin with."""

    call: CallId
    sent: Milliseconds
    joined: Milliseconds


class Ring(CallMessage, frozen=True, array_like=True, tag=0x20, gc=False):
    """I would like to talk with these members; with everybody if `to` is empty."""

    media: Media
    to: Leaves = ()
    can_restart_ice: bool = False
    """Whether the sender's WebRTC can change the path of a connection that stands."""


class Join(CallMessage, frozen=True, array_like=True, tag=0x21, gc=False):
    """I am in this call now: the answer to a ring, or an arrival later."""

    media: Media
    can_restart_ice: bool = False


class Decline(CallMessage, frozen=True, array_like=True, tag=0x22, gc=False):
    """I do not come; `joined` is that of whoever rang."""

    reason: EndReason


class Cancel(CallMessage, frozen=True, array_like=True, tag=0x23, gc=False):
    """I no longer ring."""

    reason: EndReason


class HangUp(CallMessage, frozen=True, array_like=True, tag=0x24, gc=False):
    """I leave the call."""

    reason: EndReason


class Addressed(CallMessage, frozen=True, array_like=True, gc=False):
    """What concerns the connection between two devices. Every member can read it; one is meant."""

    to: Leaf
    to_joined: Milliseconds
    generation: Generation


class Description(Addressed, frozen=True, array_like=True, tag=0x25, gc=False):
    """An SDP offer or answer, with the candidates that were known already."""

    revision: Revision
    is_offer: bool
    restarts_ice: bool
    sdp: Annotated[str, Meta(min_length=1, max_length=32 * 1024)]
    candidates: _Candidates = ()


class Candidates(Addressed, frozen=True, array_like=True, tag=0x26, gc=False):
    """More candidates, of the sender's description with this generation and revision."""

    revision: Revision
    candidates: Annotated[tuple[Candidate, ...], Meta(min_length=1, max_length=MAX_CANDIDATES)]


class Renegotiate(Addressed, frozen=True, array_like=True, tag=0x27, gc=False):
    """Please make me an offer; `generation` is the one that I know."""

    wish: NegotiationWish


class MediaState(CallMessage, frozen=True, array_like=True, tag=0x28, gc=False):
    """What I send has changed."""

    media: Media


class Recording(CallMessage, frozen=True, array_like=True, tag=0x29, gc=False):
    """I ask everybody, I answer `to`, or I have started or stopped. Nobody records whom not all allow it."""

    step: RecordingStep
    to: Leaf | None = None


class Present(Struct, frozen=True, array_like=True, gc=False):
    """Whom the sender of a heartbeat believes to be in the call with it."""

    leaf: Leaf
    joined: Milliseconds


class Heartbeat(CallMessage, frozen=True, array_like=True, tag=0x2A, gc=False):
    """I am still here, and this is how I see the call. Travels as an Ephemeral, not in the log."""

    phase: Phase
    media: Media
    can_restart_ice: bool
    awaited: Leaves
    """Whom I ring."""
    peers: Annotated[tuple[Present, ...], Meta(max_length=MAX_CALL_MEMBERS)]
    grants: Leaves = ()
    """Who may record me."""
    is_recording: bool = False


AnyCallMessage = (
    Ring
    | Join
    | Decline
    | Cancel
    | HangUp
    | Description
    | Candidates
    | Renegotiate
    | MediaState
    | Recording
    | Heartbeat
)
