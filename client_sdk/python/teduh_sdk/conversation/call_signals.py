"""How messages about calls travel in a conversation: most in the log, heartbeats beside it.

    in the log   an application message like any other, padded, in order; dropped unsent when it has waited
                 for a minute, for a call is about now
    ephemeral    an `EphemeralChannel` of its own: length (2) || message

What they mean is `teduh_signaling.call`'s affair, and that of whoever listens.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final, Protocol

from teduh_crypto.mls import Group
from teduh_signaling.call.codec import is_heartbeat, sent_at

from teduh_sdk.conversation.ephemeral_channel import EphemeralChannel
from teduh_sdk.group.room import Participant

LABEL: Final = b"teduh call 1"
OLD_SECONDS: Final = 60
_LENGTH: Final = struct.Struct(">H")


class CallListener(Protocol):
    """Takes part in the calls of one conversation."""

    def call_signal(self, sender: Participant, data: bytes, is_live: bool) -> None:
        """`sender` says this of a call; `is_live` unless it waited in the log while we were away."""

    def room_changed(self) -> None:
        """Somebody came or went: see `Conversation.participants`."""

    def conversation_over(self) -> None:
        """It is over, and with it any call."""


@dataclass(slots=True)
class CallSignals:
    """What one member remembers of what came beside the log in one epoch."""

    _channel: EphemeralChannel = field(default_factory=lambda: EphemeralChannel(LABEL))

    def seal(self, group: Group, data: bytes, now: int) -> bytes:
        """The payload of an Ephemeral that carries a message about a call; `now` in seconds."""
        return self._channel.seal(group, _LENGTH.pack(len(data)) + data, now)

    def open(self, group: Group, payload: bytes) -> tuple[int, bytes] | None:
        """The sender's leaf and the heartbeat; None for anything old, foreign or forged.

        Every member can compute every sender's key. So nothing else is heard beside the log: a description of
        another's would bring her to the wrong person.
        """
        opened = self._channel.open(group, payload)
        if opened is None:
            return None
        leaf, body = opened
        (length,) = _LENGTH.unpack_from(body)
        data = body[_LENGTH.size : _LENGTH.size + length]
        return (leaf, data) if is_heartbeat(data) else None


def is_too_old(data: bytes, now: int) -> bool:
    """Whether this is about a call and has waited so long, on this device, that nobody would heed it."""
    sent = sent_at(data)
    return sent is not None and now * 1000 - sent > OLD_SECONDS * 1000
