"""What a conversation's state has for its caller: frames to send, and events to emit, in order."""

from __future__ import annotations

from dataclasses import dataclass, field

from teduh_signaling.relay.frames import AnyClientFrame

from teduh_sdk.events import Event


@dataclass(slots=True)
class StateOutput:
    """Filled by the parts of one state, emptied by its caller. Nothing more is sent once it `is_over`."""

    is_over: bool = False
    _frames: list[AnyClientFrame] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)

    def send(self, frame: AnyClientFrame) -> None:
        """Add a frame for the relay."""
        self._frames.append(frame)

    def emit(self, *happened: Event) -> None:
        """Add events for the application."""
        self._events += happened

    def drop_frames(self) -> None:
        """Forget what was not sent."""
        self._frames.clear()

    def take_frames(self) -> list[AnyClientFrame]:
        """All frames since the last call."""
        frames, self._frames = self._frames, []
        return frames

    def take_events(self) -> list[Event]:
        """All events since the last call."""
        happened, self._events = self._events, []
        return happened
