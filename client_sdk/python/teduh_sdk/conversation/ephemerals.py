"""What comes and goes beside the log of one conversation: typing notices and the heartbeats of calls."""

from __future__ import annotations

from dataclasses import dataclass, field

from teduh_crypto.mls import Group

from teduh_sdk import events
from teduh_sdk.conversation.call_signals import CallSignals
from teduh_sdk.conversation.typing_signal import TypingSignals
from teduh_sdk.events import Event
from teduh_sdk.group.room import Participant, Room


@dataclass(slots=True)
class Ephemerals:
    """One member's side of both channels."""

    typing: TypingSignals = field(default_factory=TypingSignals)
    calls: CallSignals = field(default_factory=CallSignals)

    def open(self, group: Group, room: Room, payload: bytes) -> list[Event]:
        """What to tell of it; nothing for what is old, foreign or forged."""
        if (notice := self.typing.open(group, payload)) is not None:
            leaf, active = notice
            return [events.TypingSeen(someone, active) for someone in _at(room, leaf)]
        if (signal := self.calls.open(group, payload)) is not None:
            leaf, data = signal
            return [events.CallSignal(someone, data, is_live=True) for someone in _at(room, leaf)]
        return []


def _at(room: Room, leaf: int) -> list[Participant]:
    # A member can compute the keys of all leaves, also of those at which nobody is.
    return [someone for someone in room if someone.leaf_index == leaf]
