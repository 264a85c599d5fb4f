"""What an application is told of a conversation, in order.

    before        Waiting, PreferencesRelaxed, StaffAvailable, Joined
    talk          TextReceived, MessageReceived, Sent, Delivered, Read, TypingSeen
    the room      Joined, Left, MemberDisconnected, CallsUnsupported, Unconfirmed
                  InvitationReceived, InvitationAnswered
    staff         NoteAwaited, NoteReceived, NoteHandedOver
    reassignment  StaffUnreachable, StaffReachable, Waiting
                  ReassignmentFound, ReassignmentLapsed, ReassignmentRefused
    trouble       Reconnecting, Connected, RelayUnavailable, RelayAvailable
                  MessageRefused, ChangeFailed, RosterRefused, Stopped
    the end       Ended

`CommitLost` and `CallSignal` are for the driver of a conversation alone.

A repr shows who and what kind, never what was said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from teduh_signaling.chat.messages import Attachment, Form, Invitation, Location, Referral, Unknown
from teduh_signaling.relay.frames import Preference

from teduh_sdk.exceptions import NotTrusted, TeduhError
from teduh_sdk.group.group_changes import Change
from teduh_sdk.group.room import Participant


async def _nothing() -> None:
    """What an event of a conversation without a driver does."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """She waits in the queue; `position` 1 is next, 0 means that somebody has taken her request and is
    joining.

    Four of five waits are between `least_seconds` and `most_seconds`; None while the relay knows too little.
    """

    position: int
    least_seconds: int | None = None
    most_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class PreferencesRelaxed:
    """Nobody suitable came, so these of her preferences no longer count: all that were dropped so far."""

    dropped: tuple[Preference, ...]


@dataclass(frozen=True, slots=True)
class StaffAvailable:
    """Whether somebody takes requests now; if nobody does, when somebody will.

    `opens` is in seconds since 1970; None when the relay does not know.
    """

    somebody: bool
    opens: int | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """The link to the relay is up, and what was missed has been asked for."""


@dataclass(frozen=True, slots=True)
class Reconnecting:
    """The link to the relay broke; what is said meanwhile is kept and sent when it is back."""


@dataclass(frozen=True, slots=True)
class RelayUnavailable:
    """The relay answers, and cannot take what is said: its store is away or full. It is kept and sent again
    by itself, until `RelayAvailable`.
    """


@dataclass(frozen=True, slots=True)
class RelayAvailable:
    """The relay takes what is said again."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Somebody is in the room, proven: on the first epoch everybody, later the newcomer."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody has left, or was removed."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class MemberDisconnected:
    """The relay says that the survivor has left without a word: her page was closed. Its word alone, told
    once; what is said to her now nobody reads.
    """

    participant: Participant


@dataclass(frozen=True, slots=True)
class CallsUnsupported:
    """This member's device says that it can take part in no call, as a browser without WebRTC; told once."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """Whose devices have not confirmed the present keys for 60 s in which we were connected; told whenever
    these change, and empty when there is nobody any more.

    They may be offline. If they are not, the relay may have led the conversation apart: what is said here may
    not reach them, and what they say not us. Tell people so.
    """

    participants: tuple[Participant, ...]


@dataclass(frozen=True, slots=True)
class StaffUnreachable:
    """To the survivor: the relay says that no device of staff has been connected for a while.

    Its word alone. `Conversation.request_reassignment` asks for other staff, and keeps the conversation.
    """

    participants: tuple[Participant, ...]
    """Those who have not said that they leave."""


@dataclass(frozen=True, slots=True)
class StaffReachable:
    """Somebody on the other side is connected again: the relay says so, or a word from there."""


@dataclass(frozen=True, slots=True)
class ReassignmentFound:
    """Somebody, proven, has taken the conversation, and comes in if the survivor approves; until
    `ReassignmentLapsed` she can. To decline ends the reassignment.
    """

    participant: Participant
    """Not in the room yet."""
    approve: Callable[[], Awaitable[None]] = field(default=_nothing, repr=False, compare=False)
    decline: Callable[[], Awaitable[None]] = field(default=_nothing, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ReassignmentLapsed:
    """The survivor did not answer in time; the conversation waits again in its old place."""


@dataclass(frozen=True, slots=True)
class ReassignmentRefused:
    """Promise 5: whoever the relay offered is not proven. Nobody was let in; the reassignment has ended."""

    reason: NotTrusted


@dataclass(frozen=True, slots=True)
class TextReceived:
    """Somebody wrote. `sent` is seconds since 1970 by the sender's clock: to show, not to order by."""

    message_id: bytes
    sender: Participant
    text: str = field(repr=False)
    sent: int
    reply_to: bytes | None = None
    mark_read: Callable[[], Awaitable[None]] = field(default=_nothing, repr=False, compare=False)
    """Tells the sender that a person has seen it."""


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """Something else than text came; `Unknown` is from a newer client than this."""

    sender: Participant
    message: Attachment | Location | Form | Referral | Unknown


@dataclass(frozen=True, slots=True)
class Sent:
    """The relay has it: it will not be lost. Told again when it was said anew, to somebody who took over."""

    message_id: bytes


@dataclass(frozen=True, slots=True)
class Delivered:
    """The device of `by` has decrypted it."""

    message_id: bytes
    by: Participant


@dataclass(frozen=True, slots=True)
class Read:
    """It has been shown to the person."""

    message_id: bytes
    by: Participant


@dataclass(frozen=True, slots=True)
class TypingSeen:
    """Somebody writes, or has stopped. Forget it after some seconds without another."""

    participant: Participant
    active: bool


@dataclass(frozen=True, slots=True)
class InvitationReceived:
    """A staff member would like to bring somebody in. The survivor approves or declines; others watch."""

    invitation: Invitation
    proposed_by: Participant
    approve: Callable[[], Awaitable[None]] = field(default=_nothing, repr=False, compare=False)
    decline: Callable[[], Awaitable[None]] = field(default=_nothing, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.proposed_by} would like to bring in {self.invitation.name} ({self.invitation.role})"


@dataclass(frozen=True, slots=True)
class InvitationAnswered:
    """The survivor said yes or no to an invitation."""

    invitation: Invitation
    accepted: bool


@dataclass(frozen=True, slots=True)
class NoteAwaited:
    """A colleague's device is here and has said to which key a hand-over note for it is sealed."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class NoteReceived:
    """Staff: a hand-over note, which only this device can read. `sent` as in `TextReceived`."""

    message_id: bytes
    sender: Participant
    text: str = field(repr=False)
    sent: int


@dataclass(frozen=True, slots=True)
class NoteHandedOver:
    """A staff member has handed a colleague a note; nobody else can read it. `to` is None if we came later
    than the key to which it is sealed.
    """

    sender: Participant
    to: Participant | None


@dataclass(frozen=True, slots=True)
class CallSignal:
    """Somebody's device says something about a call; for whoever listens to calls, not for the iterator."""

    sender: Participant
    data: bytes = field(repr=False)
    is_live: bool


@dataclass(frozen=True, slots=True)
class CommitLost:
    """Somebody else changed the group first, so that our change was not made; it is tried again."""

    change: Change = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChangeFailed:
    """A change of the group could not even be tried: its key package or its statement does not hold."""

    change: Change = field(repr=False)
    reason: Exception


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """One entry could not be opened or read, and was dropped: garbage, or a replay."""

    reason: str


@dataclass(frozen=True, slots=True)
class RosterRefused:
    """Promise 5: the next state of the room was not proven or not agreed to. It was discarded; nobody hears
    us.
    """

    reason: NotTrusted


@dataclass(frozen=True, slots=True)
class Unsent:
    """A text that was said here and is not known to be in the log when the conversation is over."""

    message_id: bytes
    text: str = field(repr=False)
    was_tried: bool
    """Whether it was on its way: then the others may have it all the same."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The conversation cannot go on, and nobody has ended it; its keys are wiped. A new one has to be asked
    for. Among the reasons: `ConversationForgotten`, `LogBroken`, `RosterNotAdmitted`.
    """

    reason: TeduhError
    unsent: tuple[Unsent, ...] = ()
    """What was not sent, in order. Empty as well where the client stops and a key store keeps it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A person has ended the conversation, or has taken this device out of it; its keys are wiped."""

    by: Participant | None
    """Who; None: we ourselves, before anybody was there."""
    unsent: tuple[Unsent, ...] = ()
    """What was not sent, in order."""


Event = (
    Waiting
    | PreferencesRelaxed
    | StaffAvailable
    | Connected
    | Reconnecting
    | RelayUnavailable
    | RelayAvailable
    | Joined
    | Left
    | MemberDisconnected
    | CallsUnsupported
    | Unconfirmed
    | StaffUnreachable
    | StaffReachable
    | ReassignmentFound
    | ReassignmentLapsed
    | ReassignmentRefused
    | TextReceived
    | MessageReceived
    | Sent
    | Delivered
    | Read
    | TypingSeen
    | InvitationReceived
    | InvitationAnswered
    | NoteAwaited
    | NoteReceived
    | NoteHandedOver
    | CallSignal
    | CommitLost
    | ChangeFailed
    | MessageRefused
    | RosterRefused
    | Stopped
    | Ended
)
"""Everything that a conversation can tell."""
