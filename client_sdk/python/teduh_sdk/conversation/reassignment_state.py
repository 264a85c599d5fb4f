"""Whether the survivor's conversation needs other staff, and how far the reassignment has come.

    reachable ──> unreachable ──> begin ──> (waits) ──> candidate ──> approved: her commit ──> complete
        ^              │                       ^            │             │
        └── received ──┘                       └── lapse ───┴─ no, or too late

On the devices of staff it stays as it began.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from teduh_signaling.chat.messages import AnyMessage, Receipt, Text

from teduh_sdk import events
from teduh_sdk.conversation.message_handler import Heard
from teduh_sdk.events import Event
from teduh_sdk.group.group_changes import AddMember
from teduh_sdk.group.room import Participant, Room

_MAX_UNDELIVERED: Final = 200


@dataclass(slots=True)
class ReassignmentState:
    """Held by `ConversationState`; does no I/O."""

    is_on: bool = False
    """Whether a reassignment has been requested."""
    is_unreachable: bool = False
    """Whether the relay says that nobody on the other side is connected, and nobody was heard since."""
    candidate: AddMember | None = None
    """Who has taken the conversation, as long as the answer to her is open."""
    is_approved: bool = False
    """Whether she has said yes, and whoever it is is on her way in."""
    silent: frozenset[bytes] = frozenset()
    """The device keys of those who were not heard since they were lost."""
    undelivered: dict[bytes, bytes] = field(default_factory=dict, repr=False)
    """Her texts by message id that no device has said to have."""

    @property
    def holds_back(self) -> bool:
        """Whether what she says waits for the one who comes, who cannot read what was said before."""
        return self.is_on and self.is_unreachable

    def set_reachable(self, room: Room, present: tuple[Participant, ...], *, reachable: bool) -> list[Event]:
        """The relay has spoken; `present` are the staff in the room who have not said that they leave."""
        if reachable or not room.staff:
            return self._regain()
        if self.is_unreachable:
            return []
        self.is_unreachable, self.silent = True, frozenset(one.device_key for one in room.staff)
        return [events.StaffUnreachable(present)]

    def received_from(self, sender: Participant) -> list[Event]:
        """Somebody has spoken just now, inside the encryption: that is better than the relay's word."""
        if sender.is_survivor:
            return []
        silent = self.silent - {sender.device_key}
        regained = self._regain()
        self.silent = silent
        return regained

    def _regain(self) -> list[Event]:
        was_unreachable, self.is_unreachable, self.silent = self.is_unreachable, False, frozenset()
        return [events.StaffReachable()] if was_unreachable else []

    def lapse(self) -> list[Event]:
        """Her answer came too late, or not; it waits again."""
        self.is_approved = False
        was_open, self.candidate = self.candidate is not None, None
        return [events.ReassignmentLapsed()] if was_open else []

    def end(self) -> None:
        """End the reassignment."""
        self.is_on, self.is_approved, self.candidate = False, False, None

    def sent(self, message: AnyMessage, content: bytes) -> None:
        """She has said something."""
        if isinstance(message, Text):
            self.undelivered[message.id] = content
            while len(self.undelivered) > _MAX_UNDELIVERED:
                del self.undelivered[next(iter(self.undelivered))]

    def confirm_delivery(self, message: Heard) -> None:
        """A device has these."""
        if isinstance(message, Receipt):
            for message_id in message.message_ids:
                self.undelivered.pop(message_id, None)

    def forget(self) -> None:
        """End the reassignment, and forget her texts."""
        self.end()
        self.undelivered.clear()
