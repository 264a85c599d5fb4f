"""A connection whose other end is the test: it reads what the client sends, and speaks for the relay."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from teduh_sdk.exceptions import RelayLost
from teduh_sdk.net.transport import Socket
from teduh_signaling.relay.codec import decode_client_frame, encode
from teduh_signaling.relay.frames import AnyClientFrame, AnyRelayFrame, Hello, Limits

HELLO = Hello(1, b"n" * 32, 1_800_000_000, Limits(256 * 1024, 128 * 1024, 16, 16, 20))


class ScriptedSocket:
    """One connection."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[AnyClientFrame] = asyncio.Queue()
        self.is_closed = False
        self.unsent = 0
        self._said: asyncio.Queue[bytes | None] = asyncio.Queue()

    def say(self, *frames: AnyRelayFrame) -> None:
        """What the relay says."""
        for frame in frames:
            self._said.put_nowait(encode(frame))

    def say_bytes(self, data: bytes) -> None:
        self._said.put_nowait(data)

    def break_off(self) -> None:
        """The connection breaks."""
        self._said.put_nowait(None)

    async def send(self, data: bytes) -> None:
        self.sent.put_nowait(decode_client_frame(data))

    async def receive(self) -> bytes:
        data = await self._said.get()
        if data is None:
            raise RelayLost("broken off")
        return data

    async def close(self) -> None:
        self.is_closed = True


@dataclass
class ScriptedRelay:
    """Takes connections; each is handed to the test. The first `refusals` attempts fail."""

    refusals: int = 0
    attempts: int = 0
    connections: asyncio.Queue[ScriptedSocket] = field(default_factory=asyncio.Queue)

    async def dial(self) -> Socket:
        self.attempts += 1
        if self.attempts <= self.refusals:
            raise RelayLost("nobody there")
        socket = ScriptedSocket()
        self.connections.put_nowait(socket)
        return socket
