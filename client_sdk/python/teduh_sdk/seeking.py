"""What the survivor's device knows of whether somebody else is needed, and how far the search has come.

    told ──> lost ──> begin ──> (waits) ──> found ──> asked ──> yes: her commit ──> done
      ^        │                   ^          │         │
      └─ heard ┘                   └─ lapse ──┴─ no, or too late

Staff do not seek; theirs stays as it began.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from teduh_signaling.chat.messages import AnyMessage, Receipt, Text

from teduh_sdk import events
from teduh_sdk.events import Event
from teduh_sdk.group_changes import AddMember
from teduh_sdk.hearing import Heard
from teduh_sdk.room import Participant, Room

_MOST_UNHEARD: Final = 200


@dataclass(slots=True)
class Seeking:
    """Pure; the state of the conversation asks and tells it."""

    is_on: bool = False
    """Whether she looks for somebody else."""
    is_lost: bool = False
    """Whether the relay says that nobody on the other side is connected, and nobody was heard since."""
    found: AddMember | None = None
    """Who has taken the conversation, as long as the answer to her is open."""
    is_decided: bool = False
    """Whether she has said yes, and whoever it is is on her way in."""
    silent: frozenset[bytes] = frozenset()
    """The device keys of those who were not heard since they were lost."""
    unheard: dict[bytes, bytes] = field(default_factory=dict, repr=False)
    """Her texts by message id that no device has said to have."""

    @property
    def holds_back(self) -> bool:
        """Whether what she says waits for the one who comes, who cannot read what was said before."""
        return self.is_on and self.is_lost

    def told(self, room: Room, present: tuple[Participant, ...], *, reachable: bool) -> list[Event]:
        """The relay has spoken; `present` are the staff in the room who have not said that they leave."""
        if reachable or not room.staff:
            return self._regain()
        if self.is_lost:
            return []
        self.is_lost, self.silent = True, frozenset(one.device_key for one in room.staff)
        return [events.StaffUnreachable(present)]

    def heard(self, sender: Participant) -> list[Event]:
        """Somebody has spoken just now, inside the encryption: that is better than the relay's word."""
        if sender.is_survivor:
            return []
        silent = self.silent - {sender.device_key}
        regained = self._regain()
        self.silent = silent
        return regained

    def _regain(self) -> list[Event]:
        was_lost, self.is_lost, self.silent = self.is_lost, False, frozenset()
        return [events.StaffReachable()] if was_lost else []

    def lapse(self) -> list[Event]:
        """Her answer came too late, or not; it waits again."""
        self.is_decided = False
        was_open, self.found = self.found is not None, None
        return [events.AnotherLapsed()] if was_open else []

    def end(self) -> None:
        """Nobody is sought any more."""
        self.is_on, self.is_decided, self.found = False, False, None

    def said(self, message: AnyMessage, content: bytes) -> None:
        """She has said something."""
        if isinstance(message, Text):
            self.unheard[message.id] = content
            while len(self.unheard) > _MOST_UNHEARD:
                del self.unheard[next(iter(self.unheard))]

    def confirmed(self, message: Heard) -> None:
        """A device has these."""
        if isinstance(message, Receipt):
            for message_id in message.message_ids:
                self.unheard.pop(message_id, None)

    def forget(self) -> None:
        """Forget whom she sought, and what she said."""
        self.end()
        self.unheard.clear()
