"""What a conversation says of calls, to whoever listens; who begins to, hears the last minute."""

from __future__ import annotations

import time
from collections import deque
from typing import Final

from teduh_sdk import events
from teduh_sdk.conversation.call_signals import OLD_SECONDS, CallListener
from teduh_sdk.events import Event

_MOST_KEPT: Final = 64


class CallExchange:
    """Exchange of call messages for one conversation."""

    def __init__(self) -> None:
        self._listener: CallListener | None = None
        self._kept: deque[tuple[float, events.CallSignal]] = deque(maxlen=_MOST_KEPT)

    def listen(self, listener: CallListener) -> None:
        """From now on `listener` hears it; what came in the minute before as well."""
        self._listener = listener
        kept = tuple(self._kept)
        self._kept.clear()
        for came, signal in kept:
            if time.monotonic() - came < OLD_SECONDS:
                self._pass_on(signal)

    def hear(self, event: Event) -> None:
        """Something happened."""
        match event:
            case events.CallSignal():
                self._pass_on(event)
            case events.Joined() | events.Left() if self._listener is not None:
                self._listener.room_changed()
            case events.Ended() | events.Stopped() if self._listener is not None:
                self._listener.conversation_over()

    def _pass_on(self, signal: events.CallSignal) -> None:
        if self._listener is None:
            self._kept.append((time.monotonic(), signal))
        else:
            self._listener.call_signal(signal.sender, signal.data, signal.is_live)
