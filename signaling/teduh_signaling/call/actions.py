"""What a session asks its driver to do, and what it tells the application.

Actions are done in their order. An event says what has happened to people; it holds no description and no
candidate.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from teduh_signaling.call.messages import AnyCallMessage, Candidate, EndReason, Media


@dataclass(frozen=True, slots=True)
class Calling:
    """We ring."""

    call: bytes
    media: Media


@dataclass(frozen=True, slots=True)
class Ringing:
    """Somebody rings us: accept or decline."""

    call: bytes
    by: int
    media: Media


@dataclass(frozen=True, slots=True)
class Began:
    """We are in a call now."""

    call: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over for us: because of `by`, or of ourselves or the time (None)."""

    call: bytes
    reason: EndReason
    by: int | None = None


@dataclass(frozen=True, slots=True)
class Missed:
    """A ring has stopped that was not answered here."""

    call: bytes
    by: int
    reason: EndReason


@dataclass(frozen=True, slots=True)
class PeerJoined:
    """Somebody is in the call; media follow."""

    peer: int
    media: Media


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """Somebody is no longer in the call; the connection is closed."""

    peer: int
    reason: EndReason


@dataclass(frozen=True, slots=True)
class PeerDeclined:
    """Somebody who was rung does not come: declined, busy, or did not answer."""

    peer: int
    reason: EndReason


@dataclass(frozen=True, slots=True)
class PeerConnected:
    """The connection stands."""

    peer: int


@dataclass(frozen=True, slots=True)
class PeerReconnecting:
    """The connection broke; another is being made."""

    peer: int


@dataclass(frozen=True, slots=True)
class PeerUnreachable:
    """No connection could be made, however often; the others of the call are not concerned."""

    peer: int


@dataclass(frozen=True, slots=True)
class PeerMedia:
    """What somebody sends has changed, and why."""

    peer: int
    media: Media


@dataclass(frozen=True, slots=True)
class Running:
    """Others of the conversation are in a call that we can join; no members: not any more."""

    call: bytes
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RecordingAsked:
    """Somebody asks whether the call may be recorded."""

    by: int


@dataclass(frozen=True, slots=True)
class RecordingAnswered:
    """Somebody allows us to record, or does not, or no longer."""

    peer: int
    granted: bool


@dataclass(frozen=True, slots=True)
class RecordingAllowed:
    """Everybody in the call allows us to record."""


@dataclass(frozen=True, slots=True)
class RecordingMustStop:
    """Not everybody allows it any more, because of `peer`: stop, and keep nothing from here on."""

    peer: int


@dataclass(frozen=True, slots=True)
class PeerRecording:
    """Somebody records, or has stopped: show it."""

    peer: int
    is_recording: bool


CallEvent = (
    Calling
    | Ringing
    | Began
    | Ended
    | Missed
    | PeerJoined
    | PeerLeft
    | PeerDeclined
    | PeerConnected
    | PeerReconnecting
    | PeerUnreachable
    | PeerMedia
    | Running
    | RecordingAsked
    | RecordingAnswered
    | RecordingAllowed
    | RecordingMustStop
    | PeerRecording
)


@dataclass(frozen=True, slots=True)
class Send:
    """Send this to all members: in the log, or, if ephemeral, beside it."""

    message: AnyCallMessage
    is_ephemeral: bool = False


@dataclass(frozen=True, slots=True)
class CreateOffer:
    """Make an offer, in a new connection if there is none of this generation; give it to
    `local_description`.
    """

    peer: int
    generation: int
    revision: int
    restarts_ice: bool


@dataclass(frozen=True, slots=True)
class ApplyDescription:
    """Set the remote description, in a new connection if there is none of this generation.

    Of an offer, make the answer and give it to `local_description`.
    """

    peer: int
    generation: int
    revision: int
    is_offer: bool
    restarts_ice: bool
    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AddCandidates:
    """Add remote candidates; the description that they belong to was applied before."""

    peer: int
    generation: int
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class ClosePeer:
    """Close the connection of this generation, at once."""

    peer: int
    generation: int


@dataclass(frozen=True, slots=True)
class StopMedia:
    """The call is over for us: camera, microphone and screen off."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the application."""

    event: CallEvent


Action = Send | CreateOffer | ApplyDescription | AddCandidates | ClosePeer | StopMedia | Tell
