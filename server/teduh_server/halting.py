"""Where one message ends and the next begins, for a connection that goes on elsewhere.

The parser does not say how much of what it was given it has used. So for once it is given one byte after the
other, until a whole message has come:

::

    transport ──> Halt ── byte by byte ──> WebSocketReader ──> the message  \\__ kept; nothing more is read
                     └── what was read behind it ──────────────────────────/

Who sends a message in fragments with a ping between them (RFC 6455, 5.4) is not halted by the ping.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

CAREFULLY_BYTES = 4096
"""What comes in larger pieces is read as ever: byte by byte it would take too long."""
MOST_BYTES = 4 * CAREFULLY_BYTES
"""So much is read so at most, for it costs a hundred times as much: who ends no message is not halted."""


class Messages(Protocol):
    """Where a parser puts what it has read."""

    received: Callable[[bytes], None]


class Halt:
    """Reads for a socket in place of its parser."""

    __slots__ = ("_left", "_messages", "_on_halted", "message", "parse", "received", "unread")

    def __init__(
        self, messages: Messages, parse: Callable[[bytes], object], on_halted: Callable[[], None]
    ) -> None:
        """`on_halted` is called once."""
        self._messages = messages
        self._on_halted = on_halted
        self._left = MOST_BYTES
        self.parse = parse
        """The parser's own method."""
        self.received = messages.received
        """Who was told of messages."""
        self.message: bytes | None = None
        """The message at whose end it halted, of which nobody was told yet."""
        self.unread = b""
        """What came behind it."""
        messages.received = self._take

    def data_received(self, data: bytes) -> None:
        """In place of the parser's."""
        if self.message is not None:
            self.unread += data
        elif len(data) > min(CAREFULLY_BYTES, self._left):
            self._messages.received = self.received
            self.parse(data)
            self._messages.received = self._take
        else:
            self._read_to_the_end(data)

    def over(self) -> None:
        """Whoever was told is told again."""
        self._messages.received = self.received

    def _read_to_the_end(self, data: bytes) -> None:
        self._left -= len(data)
        for at in range(len(data)):
            self.parse(data[at : at + 1])
            if self.message is not None:
                self.unread = data[at + 1 :]
                self._on_halted()
                return

    def _take(self, message: bytes) -> None:
        self.message = message
