"""Where one message ends and the next begins, for a connection that goes on elsewhere.

While a WebSocket is to be halted it parses one frame after the other, until a whole message has come:

::

    transport ── frame by frame ──> WebSocketReader ──> the message: kept; nothing more is parsed
        └── what was read behind it: kept by the WebSocket (`unread`)

Who sends a message in fragments with a ping between them (RFC 6455, 5.4) is not halted by the ping.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Messages(Protocol):
    """Where a parser puts what it has read."""

    received: Callable[[bytes], None]


class Halt:
    """Takes the next message in place of whoever is told of messages."""

    __slots__ = ("_messages", "message", "on_reached", "received")

    def __init__(self, messages: Messages, on_reached: Callable[[], None]) -> None:
        """`on_reached` is called once, at the end of that message."""
        self._messages = messages
        self.on_reached = on_reached
        self.received = messages.received
        """Who was told of messages."""
        self.message: bytes | None = None
        """The message at whose end it halted, of which nobody was told yet."""
        messages.received = self._take

    @property
    def is_reached(self) -> bool:
        """Whether the message has come."""
        return self.message is not None

    def over(self) -> None:
        """Whoever was told is told again."""
        self._messages.received = self.received

    def _take(self, message: bytes) -> None:
        self.message = message
