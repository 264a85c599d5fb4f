"""What the application is told of a call, in order; the last is always `Ended`.

begin        Began, PeerDeclined
people       PeerJoined, PeerConnected, PeerMedia, PeerLeft
trouble      PeerReconnecting, PeerUnreachable, PathUnavailable, PicturesGaveWay
recording    RecordingAsked, RecordingAnswered, RecordingAllowed, RecordingMustStop, PeerRecording
the end      Ended
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from teduh_signaling.call.messages import EndReason, Media

from teduh_sdk.exceptions import TeduhError
from teduh_sdk.group.room import Participant


@dataclass(frozen=True, slots=True)
class Began:
    """We are in the call."""


@dataclass(frozen=True, slots=True)
class PeerDeclined:
    """Somebody whom we rang does not come, and why: declined, busy, no answer."""

    participant: Participant
    reason: EndReason


@dataclass(frozen=True, slots=True)
class PeerJoined:
    """Somebody is in the call, and will send `media`."""

    participant: Participant
    media: Media


@dataclass(frozen=True, slots=True)
class PeerConnected:
    """The connection to somebody stands: she can be heard, and hears."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class PeerMedia:
    """What somebody sends has changed: muted, camera off, and why."""

    participant: Participant
    media: Media


@dataclass(frozen=True, slots=True)
class PeerReconnecting:
    """The connection to somebody broke; another is being made."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class PeerUnreachable:
    """No connection to somebody could be made, however often it was tried."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class PathUnavailable:
    """A connection could not be tried at all, and why: `NoRelayedPath`, `CallsUnavailable`, ..."""

    participant: Participant
    reason: TeduhError


@dataclass(frozen=True, slots=True)
class PicturesGaveWay:
    """Too much is lost for voice and pictures: our camera was stopped, and the others were told why.

    `Call.use` begins it again.
    """


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """Somebody is no longer in the call; nothing goes to her or comes from her any more."""

    participant: Participant
    reason: EndReason


@dataclass(frozen=True, slots=True)
class RecordingAsked:
    """Somebody would like to record the call. Who does not answer has not allowed it."""

    participant: Participant
    allow: Callable[[], Awaitable[None]] = field(repr=False, compare=False)
    refuse: Callable[[], Awaitable[None]] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class RecordingAnswered:
    """Somebody allows us to record, or not, or no longer."""

    participant: Participant
    granted: bool


@dataclass(frozen=True, slots=True)
class RecordingAllowed:
    """Everybody in the call allows us to record: `Call.record`."""


@dataclass(frozen=True, slots=True)
class RecordingMustStop:
    """Our recording has been stopped: somebody took her word back, or came and was not asked yet."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class PeerRecording:
    """Somebody records, or has stopped."""

    participant: Participant
    is_recording: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over, by somebody's doing, ours or nobody's (None)."""

    reason: EndReason
    by: Participant | None = None


CallEvent = (
    Began
    | PeerDeclined
    | PeerJoined
    | PeerConnected
    | PeerMedia
    | PeerReconnecting
    | PeerUnreachable
    | PathUnavailable
    | PicturesGaveWay
    | PeerLeft
    | RecordingAsked
    | RecordingAnswered
    | RecordingAllowed
    | RecordingMustStop
    | PeerRecording
    | Ended
)
"""Everything that a call can tell."""
