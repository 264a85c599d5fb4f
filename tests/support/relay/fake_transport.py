"""A transport that writes nowhere, and a listener that counts: both ends of a WebSocket under test."""

from __future__ import annotations

import asyncio


class FakeTransport(asyncio.Transport):
    """Reads when it is let, and writes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = True
        self.closing = False

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Nobody reads it."""

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """It has none."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """The test calls it."""


class Counting:
    """Counts what it is told, and wants more until it says otherwise."""

    def __init__(self) -> None:
        self.count = 0
        self.messages: list[bytes] = []

    def received(self, data: bytes) -> None:
        self.count += 1
        self.messages.append(data)

    def received_text(self) -> None:
        self.count += 1

    def heard(self) -> None:
        self.count += 1

    def writable(self) -> None:
        """It never was not."""

    def lost(self) -> None:
        """It is the test's."""


async def until_it_reads(transport: FakeTransport) -> None:
    """Let the event loop turn until the transport is read again, or is closed."""
    while not transport.reading and not transport.closing:  # noqa: ASYNC110 -- what happens is in those turns
        await asyncio.sleep(0)
