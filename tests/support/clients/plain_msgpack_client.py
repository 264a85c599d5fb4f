"""A client of the relay written from PROTOCOL.md alone: aiohttp, msgpack and cryptography, nothing of Teduh.

What it can do, any implementation in any language can. Frames are plain lists; the tags are the document's.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from support.clients import plain_msgpack

DEADLINE = 20.0
"""Seconds after which a frame that should have come counts as missing."""

PlainFrame = list[Any]


class Tag(IntEnum):
    AUTHENTICATE = 0x01
    OPEN_REQUEST = 0x02
    CANCEL_REQUEST = 0x03
    CLAIM = 0x04
    SUBSCRIBE = 0x05
    UNSUBSCRIBE = 0x06
    APPEND = 0x07
    EPHEMERAL = 0x08
    ACKNOWLEDGE = 0x09
    LEAVE = 0x0A
    PUBLISH_KEY_PACKAGES = 0x0B
    FETCH_KEY_PACKAGE = 0x0C
    SET_AVAILABILITY = 0x0D
    LIST_COLLEAGUES = 0x0E
    ACKNOWLEDGE_INBOX = 0x0F
    PING = 0x10
    FETCH_ICE_SERVERS = 0x11
    WATCH_QUEUE = 0x12
    ANSWER_OFFER = 0x13
    WATCH_BOARD = 0x14
    FETCH_PUSH_KEY = 0x15
    SUBSCRIBE_PUSH = 0x16
    UNSUBSCRIBE_PUSH = 0x17
    REPORT_ABUSE = 0x18
    REQUEST_REASSIGNMENT = 0x1E
    ASK_TO_JOIN = 0x1F
    HELLO = 0x40
    AUTHENTICATED = 0x41
    REQUEST_OPENED = 0x42
    QUEUE_POSITION = 0x43
    CLAIMED = 0x44
    SUBSCRIBED = 0x45
    ACCEPTED = 0x46
    ENTRY = 0x47
    EPHEMERAL_ENTRY = 0x48
    ERROR = 0x49
    INBOX_ITEM = 0x4A
    KEY_PACKAGE = 0x4B
    COLLEAGUES = 0x4C
    DONE = 0x4D
    MOVING = 0x4E
    PONG = 0x4F
    QUEUE_CHANGED = 0x50
    MEMBERSHIP_ENDED = 0x51
    ICE_SERVERS = 0x52
    QUEUE_LISTING = 0x54
    OFFER = 0x55
    OFFER_ENDED = 0x56
    PREFERENCES_RELAXED = 0x57
    OPENING_TIME = 0x58
    BOARD = 0x59
    QUEUE_ALERT = 0x5A
    PUSH_KEY = 0x5B
    STAFF_REACHABLE = 0x5E
    JOIN_ASKED = 0x5F


class ConnectionEnded(Exception):
    """The relay closed the connection; `code` is the close code, None if there was no closing handshake."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


@dataclass(eq=False)
class PlainClient:
    """One connection. Frames that nobody has asked for yet wait in order."""

    websocket: aiohttp.ClientWebSocketResponse
    origin: str
    hello: PlainFrame = field(default_factory=list)
    key: Ed25519PrivateKey | None = None
    """Of a staff device."""
    _waiting: deque[PlainFrame] = field(default_factory=deque)

    async def send(self, *frame: Any) -> None:
        """Send one frame: its tag and its fields."""
        await self.send_bytes(plain_msgpack.pack([int(frame[0]), *frame[1:]]))

    async def send_bytes(self, data: bytes) -> None:
        """Send anything at all as one binary message."""
        await self.websocket.send_bytes(data)

    async def expect(self, tag: Tag) -> PlainFrame:
        """The fields of the next frame with this tag, without the tag; others are kept for later."""
        return (await self.expect_either(tag))[1]

    async def expect_either(self, *tags: Tag) -> tuple[Tag, PlainFrame]:
        """The next frame with one of these tags: the tag, and the fields."""
        for frame in self._waiting:
            if frame[0] in tags:
                self._waiting.remove(frame)
                return Tag(frame[0]), frame[1:]
        async with asyncio.timeout(DEADLINE):
            while (frame := await self._read())[0] not in tags:
                self._waiting.append(frame)
        return Tag(frame[0]), frame[1:]

    async def ask(self, answer: Tag, *frame: Any) -> PlainFrame:
        """Send a frame and take its answer."""
        await self.send(*frame)
        return await self.expect(answer)

    def drop(self) -> None:
        """Vanish without a closing handshake."""
        own: socket.socket = self.websocket.get_extra_info("socket")
        own.shutdown(socket.SHUT_RDWR)

    async def ended(self) -> int | None:
        """Read until the relay closes, and return the close code."""
        try:
            async with asyncio.timeout(DEADLINE):
                while True:
                    self._waiting.append(await self._read())
        except ConnectionEnded as end:
            return end.code

    async def authenticate(self, statement: str, key: Ed25519PrivateKey) -> PlainFrame:
        """Sign in as staff."""
        return await self.ask(Tag.AUTHENTICATED, Tag.AUTHENTICATE, *self.proof(statement, key))

    def proof(self, statement: str, key: Ed25519PrivateKey) -> PlainFrame:
        """The fields of Authenticate, signed as the chapter on authentication says."""
        origin = self.origin.encode()
        tag = b"Teduh 1 relay authentication\x00"
        return [statement, key.sign(tag + len(origin).to_bytes(4, "big") + origin + self.hello[1])]

    @property
    def device_id(self) -> bytes:
        """SHA-256 of the device's raw public key."""
        assert self.key is not None
        return hashlib.sha256(self.key.public_key().public_bytes_raw()).digest()

    async def _read(self) -> PlainFrame:
        message = await self.websocket.receive()
        if message.type is not aiohttp.WSMsgType.BINARY:
            raise ConnectionEnded(self.websocket.close_code)
        frame: PlainFrame = plain_msgpack.unpack(message.data)
        return frame


@asynccontextmanager
async def plain_client(url: str) -> AsyncIterator[PlainClient]:
    """A client that the relay at `url` (``http://host:port``) has said hello to."""
    parts = urlsplit(url)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"{url}/v1/socket", protocols=["teduh.1"], compress=0, max_msg_size=0
        ) as websocket,
    ):
        client = PlainClient(websocket, f"{parts.scheme}://{parts.netloc}")
        client.hello = await client.expect(Tag.HELLO)
        yield client


@dataclass(eq=False)
class PlainMember:
    """A client's part in one conversation. Its ciphertexts are made up: the relay could not tell."""

    client: PlainClient
    conversation_id: bytes
    counter: int = 0
    epoch: int = 0
    seen: int = 0

    async def append(self, payload: bytes, *, kind: int = 0, welcome: bytes | None = None) -> int:
        """Append under the next counter; returns the place, once it is accepted."""
        self.counter += 1
        frame = [Tag.APPEND, self.conversation_id, self.counter, kind, self.epoch, payload, welcome]
        accepted = await self.client.ask(Tag.ACCEPTED, *frame)
        assert accepted[:2] == [self.conversation_id, self.counter]
        self.epoch += kind
        seq: int = accepted[2]
        return seq

    async def next_entry(self) -> PlainFrame:
        """The next entry, without the conversation id; acknowledged at once."""
        entry = await self.client.expect(Tag.ENTRY)
        assert entry[0] == self.conversation_id
        self.seen = entry[1]
        await self.client.send(Tag.ACKNOWLEDGE, self.conversation_id, self.seen)
        return entry[1:]


@dataclass(eq=False)
class PlainPair:
    """A survivor and a counselor in one conversation."""

    survivor: PlainMember
    counselor: PlainMember
    capability: bytes
    _said: int = 0

    async def talk(self, turns: int = 3) -> None:
        """Each says something, the other hears exactly that: nothing is lost, doubled or out of order."""
        for _ in range(turns):
            await self._turn(self.survivor, self.counselor)
            await self._turn(self.counselor, self.survivor)

    async def _turn(self, speaker: PlainMember, listener: PlainMember) -> None:
        self._said += 1
        payload = b"said %d" % self._said
        seq = await speaker.append(payload)
        assert (await listener.next_entry())[0::5] == [seq, payload]


async def open_pair(survivor: PlainClient, counselor: PlainClient) -> PlainPair:
    """Request, claim, first commit and Welcome; `counselor` has authenticated already."""
    capability = secrets.token_bytes(32)
    opened = await survivor.ask(Tag.REQUEST_OPENED, Tag.OPEN_REQUEST, 1, capability, b"key package")
    conversation_id: bytes = opened[1]
    claimed = await counselor.ask(Tag.CLAIMED, Tag.CLAIM, 2, conversation_id)
    assert claimed[1:3] == [conversation_id, b"key package"]
    pair = PlainPair(
        PlainMember(survivor, conversation_id), PlainMember(counselor, conversation_id), capability
    )
    await pair.counselor.append(b"first commit", kind=1, welcome=b"welcome")
    assert [(await pair.survivor.next_entry())[-1] for _ in range(2)] == [b"first commit", b"welcome"]
    pair.survivor.epoch = 1
    return pair
