"""A client that speaks single frames, for tests of the relay: no SDK, no encryption, no retries."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import aiohttp
from teduh_signaling.relay.codec import decode_relay_frame, encode
from teduh_signaling.relay.frames import (
    MAX_FRAME_BYTES,
    SUBPROTOCOL,
    Accepted,
    AnyClientFrame,
    AnyRelayFrame,
    Append,
    Authenticate,
    Authenticated,
    Claim,
    Claimed,
    Colleague,
    Colleagues,
    Entry,
    Error,
    Hello,
    ListColleagues,
    OpenRequest,
    RequestOpened,
    Subscribe,
    Subscribed,
)

from support.organisation.relay_organisation import StaffDevice

_F = TypeVar("_F", bound=AnyRelayFrame)
_SECONDS = 15.0


class FrameClient:
    """One connection. Frames that nobody waited for stay in `seen`, in order."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, url: str) -> None:
        self.socket = socket
        self.url = url
        self.capability = secrets.token_bytes(32)
        self.seen: list[AnyRelayFrame] = []
        self.hello: Hello
        self.close_code: int | None = None

    async def send(self, frame: AnyClientFrame) -> None:
        await self.socket.send_bytes(encode(frame))

    async def receive(self, within: float = _SECONDS) -> AnyRelayFrame:
        """The next frame; raises ConnectionError when the connection has ended."""
        async with asyncio.timeout(within):
            message = await self.socket.receive()
        if message.type is not aiohttp.WSMsgType.BINARY:
            self.close_code = self.socket.close_code
            raise ConnectionError(f"closed with {self.close_code}")
        return decode_relay_frame(message.data)

    async def expect(self, wanted: type[_F]) -> _F:
        """The first frame of this type, seen or to come."""
        for index, frame in enumerate(self.seen):
            if isinstance(frame, wanted):
                del self.seen[index]
                return frame
        while True:
            frame = await self.receive()
            if isinstance(frame, wanted):
                return frame
            self.seen.append(frame)

    async def ask(self, frame: AnyClientFrame, wanted: type[_F]) -> _F:
        """Send, and wait for the answer; an Error instead of it raises AssertionError."""
        await self.send(frame)
        while True:
            received = await self.receive()
            if isinstance(received, wanted):
                return received
            assert not isinstance(received, Error) or wanted is Error, f"{received.code}: {received.detail}"
            self.seen.append(received)

    async def closed(self) -> int | None:
        """Wait for the close; returns its code."""
        try:
            while True:
                self.seen.append(await self.receive())
        except ConnectionError:
            return self.close_code

    # --- common exchanges ---

    async def authenticate(self, device: StaffDevice) -> Authenticated:
        signature = device.sign(self.url, self.hello.nonce)
        return await self.ask(Authenticate(device.statement, signature), Authenticated)

    async def open_request(self, key_package: bytes = b"key package") -> bytes:
        """Open a request; returns the conversation id."""
        opened = await self.ask(OpenRequest(1, self.capability, key_package), RequestOpened)
        return opened.conversation_id

    async def claim(self, conversation_id: bytes | None = None) -> Claimed:
        return await self.ask(Claim(2, conversation_id), Claimed)

    async def subscribe(
        self, conversation_id: bytes, after: int = 0, capability: bytes | None = None
    ) -> Subscribed:
        return await self.ask(Subscribe(3, conversation_id, after, capability), Subscribed)

    async def append(
        self,
        conversation_id: bytes,
        counter: int,
        payload: bytes,
        *,
        epoch: int = 1,
        kind: int = 0,
        welcome: bytes | None = None,
        added: tuple[bytes, ...] = (),
        removed: tuple[bytes, ...] = (),
    ) -> Accepted:
        frame = Append(conversation_id, counter, kind, epoch, payload, welcome, added, removed)  # type: ignore[arg-type]  # an int is its kind
        return await self.ask(frame, Accepted)

    async def colleagues(self, count: int) -> tuple[Colleague, ...]:
        """Ask until so many colleagues are connected."""
        async with asyncio.timeout(_SECONDS):
            while True:
                found = (await self.ask(ListColleagues(4), Colleagues)).colleagues
                if len(found) == count:
                    return found
                await asyncio.sleep(0.01)

    async def entries(self, count: int) -> list[Entry]:
        return [await self.expect(Entry) for _ in range(count)]


@asynccontextmanager
async def frame_client(url: str, address: str | None = None) -> AsyncIterator[FrameClient]:
    """A connection to the relay at `url` that has received its Hello; from this `address` of loopback."""
    connector = aiohttp.TCPConnector(local_addr=None if address is None else (address, 0))
    async with aiohttp.ClientSession(connector=connector) as session:
        client = await connect(session, url)
        try:
            yield client
        finally:
            await client.socket.close()


async def connect(session: aiohttp.ClientSession, url: str) -> FrameClient:
    """Connect and wait for Hello; the caller closes `.socket`."""
    socket = await session.ws_connect(
        f"{url}/v1/socket", protocols=(SUBPROTOCOL,), max_msg_size=MAX_FRAME_BYTES + 1
    )
    client = FrameClient(socket, url)
    client.hello = await client.expect(Hello)
    return client


@asynccontextmanager
async def talking_pair(
    url: str, device: StaffDevice
) -> AsyncIterator[tuple[FrameClient, FrameClient, bytes]]:
    """A survivor and a staff device in epoch 1 of a conversation, with empty hands: survivor, staff,
    conversation.

    The log holds the commit (seq 1) and its Welcome (seq 2); the staff device's next counter is 2.
    """
    async with frame_client(url) as survivor, frame_client(url) as staff:
        await staff.authenticate(device)
        conversation_id = await survivor.open_request()
        await staff.claim(conversation_id)
        await staff.append(conversation_id, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
        await survivor.entries(2)
        yield survivor, staff, conversation_id


async def until_believed_by_all(url: str, device: StaffDevice) -> None:
    """Wait until all workers behind `url` have the revocations: as many connections as make it sure are
    believed.
    """
    async with asyncio.timeout(20):
        believed = 0
        while believed < 20:
            believed = believed + 1 if await _is_believed(url, device) else 0


async def _is_believed(url: str, device: StaffDevice) -> bool:
    with suppress(AssertionError, ConnectionError, aiohttp.ClientError):
        async with frame_client(url) as client:
            await client.authenticate(device)
            return True
    return False
