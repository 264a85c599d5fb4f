"""A WebSocket byte by byte, from the client's side: no library between a test and the relay."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from teduh_signaling.relay.codec import decode_relay_frame
from teduh_signaling.relay.frames import AnyRelayFrame

SECONDS = 15
# RFC 6455, 1.3: the key and the answer to it.
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
HEADERS = {
    "Host": "relay.example",
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Protocol": "other, teduh.1",
}
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


def request(headers: Mapping[str, str]) -> bytes:
    lines = ["GET /v1/socket HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def masked(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A frame as clients send them (RFC 6455, 5.3)."""
    mask = secrets.token_bytes(4)
    length = len(payload)
    size = bytes((0x80 | length,)) if length < 126 else bytes((0x80 | 126,)) + length.to_bytes(2, "big")
    hidden = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes((0x80 * final | opcode,)) + size + mask + hidden


@dataclass(frozen=True)
class Wire:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> tuple[str, dict[str, str]]:
        """Status line and headers of an HTTP answer."""
        async with asyncio.timeout(SECONDS):
            status, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        return status, {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    async def frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame; none from the relay is masked or in fragments."""
        async with asyncio.timeout(SECONDS):
            first, length = await self.reader.readexactly(2)
            assert first & 0x80, "in fragments"
            if length > 125:
                length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8), "big")
            return first & 0x0F, await self.reader.readexactly(length)

    async def relay_frame(self) -> AnyRelayFrame:
        opcode, payload = await self.frame()
        assert opcode == BINARY
        return decode_relay_frame(payload)

    async def end(self) -> bytes:
        """What is left until the relay closes the connection."""
        try:
            async with asyncio.timeout(SECONDS):
                return await self.reader.read()
        except ConnectionResetError:
            # What was sent to a connection that was closed just then.
            return b""


@asynccontextmanager
async def wire(url: str, first: bytes) -> AsyncIterator[Wire]:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(first)
        yield Wire(reader, writer)
    finally:
        writer.close()
