"""Typing notices: an `EphemeralChannel` whose body is one byte, whether its sender writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from teduh_crypto.mls import Group

from teduh_sdk.conversation.ephemeral_channel import EphemeralChannel

LABEL: Final = b"teduh typing 1"


@dataclass(slots=True)
class TypingSignals:
    """What one member remembers of the notices of one epoch."""

    _channel: EphemeralChannel = field(default_factory=lambda: EphemeralChannel(LABEL))

    def seal(self, group: Group, *, active: bool, now: int) -> bytes:
        """The payload of an Ephemeral that says that we write, or have stopped; `now` in seconds."""
        return self._channel.seal(group, bytes([active]), now)

    def open(self, group: Group, payload: bytes) -> tuple[int, bool] | None:
        """The sender's leaf and whether she writes; None for anything old, foreign or forged."""
        opened = self._channel.open(group, payload)
        return None if opened is None else (opened[0], bool(opened[1][0]))
