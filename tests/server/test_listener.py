"""Both doors of the relay: what begins a WebSocket at once, what is aiohttp's, what strangers try."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Mapping
from typing import cast

import pytest
from support.clients.plain_relay import plain_relay
from support.relay.websocket_wire import BINARY, CLOSE, HEADERS, Wire, masked, request, wire
from teduh_server.transport.listener import ConnectionListener
from teduh_server.transport.listening_socket import bind
from teduh_server.transport.unused_connections import Closable, UnusedConnections
from teduh_signaling.relay.codec import encode
from teduh_signaling.relay.frames import CloseCode, Hello, Ping, Pong

UPGRADE = request(HEADERS)
PAGE = b"GET /healthz HTTP/1.1\r\nHost: relay.example\r\n\r\n"


class Transport(asyncio.Transport):
    """Knows whom it was given to."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol


class Others(asyncio.Protocol):
    """Stands for aiohttp."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.told.append(transport)

    def data_received(self, data: bytes) -> None:
        self.told.append(data)


class OthersServer:
    """Stands for aiohttp's server."""

    connections: tuple[Closable, ...] = ()

    def __call__(self) -> asyncio.Protocol:
        return Others()


class Door(ConnectionListener):
    """A listener that remembers who came in."""

    def __init__(self, *, welcome: bool = True) -> None:
        self.entered: list[tuple[str, bytes]] = []
        self._welcomes = welcome
        super().__init__("/v1/socket", self._enter_one, OthersServer(), UnusedConnections(1))

    def _enter_one(self, transport: asyncio.Transport, headers: Mapping[str, str], unread: bytes) -> bool:
        self.entered.append((headers["sec-websocket-key"], unread))
        return self._welcomes


async def test_whole_head_of_an_upgrade_enters_at_once_with_what_is_behind_it() -> None:
    door, transport = Door(), Transport()
    door.receive(transport, UPGRADE + b"frames")
    assert door.entered == [(HEADERS["Sec-WebSocket-Key"], b"frames")]
    assert not hasattr(transport, "protocol")


async def test_who_is_not_welcome_is_the_others_with_every_byte() -> None:
    door, transport = Door(welcome=False), Transport()
    door.receive(transport, UPGRADE + b"frames")
    assert cast(Others, transport.protocol).told == [transport, UPGRADE + b"frames"]


@pytest.mark.parametrize(
    "data",
    [
        PAGE,
        UPGRADE[:-1],
        UPGRADE[:10],
        UPGRADE.replace(b"HTTP/1.1", b"HTTP/1.0"),
        UPGRADE.replace(b"GET", b"POST"),
        UPGRADE.replace(b"/v1/socket", b"/v1/socket2"),
        UPGRADE.replace(b"Upgrade: websocket\r\n", b""),
        request({**HEADERS, "Content-Length": "6"}) + b"frames",
        request({**HEADERS, "Transfer-Encoding": "chunked"}) + b"0\r\n\r\n",
        request({**HEADERS, "Content-Length": "1", "content-length": "2"}),
        request({**HEADERS, "Long": "x" * 9000}),
        request({**HEADERS, **{f"Header-{number}": "x" for number in range(200)}}),
        request({**HEADERS, "Null": "\0"}),
        request({**HEADERS, "Folded": "a\r\n b"}).replace(b"Host:", b"Host :"),
        UPGRADE.replace(b"\r\n", b"\n") + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
    ids=lambda data: data[:24].decode("ascii", "replace"),
)
async def test_whatever_is_not_surely_an_upgrade_is_the_others(data: bytes) -> None:
    door, transport = Door(), Transport()
    door.receive(transport, data)
    assert door.entered == []
    assert cast(Others, transport.protocol).told == [transport, data]


@pytest.fixture
async def quick_url() -> AsyncIterator[str]:
    """A relay that gives up on the silent after two seconds."""
    async with plain_relay(heartbeat_seconds=1) as relay:
        yield relay.url


async def greeted(client: Wire) -> None:
    """Fails unless the client was let in."""
    assert (await client.head())[0] == "HTTP/1.1 101 Switching Protocols"
    assert isinstance(await client.relay_frame(), Hello)


async def plain_answer(client: Wire) -> str:
    status, headers = await client.head()
    await client.reader.readexactly(int(headers["content-length"]))
    return status


async def test_head_in_pieces_is_let_in_by_the_other_door(relay_url: str) -> None:
    """Byte by byte, with a frame behind it that has come in the last packet."""
    async with wire(relay_url, b"") as client:
        client.writer.get_extra_info("socket").setsockopt(6, 1, 1)
        for at in range(len(UPGRADE) - 1):
            client.send(UPGRADE[at : at + 1])
            await client.writer.drain()
            await asyncio.sleep(0)
        client.send(UPGRADE[-1:] + masked(BINARY, encode(Ping(1))))
        await greeted(client)
        assert await client.relay_frame() == Pong(1)


async def test_upgrade_on_a_connection_that_has_served_pages_is_let_in(relay_url: str) -> None:
    """Proxies keep connections and use them again."""
    async with wire(relay_url, PAGE) as client:
        for _ in range(2):
            assert await plain_answer(client) == "HTTP/1.1 200 OK"
            client.send(PAGE)
        assert await plain_answer(client) == "HTTP/1.1 200 OK"
        client.send(UPGRADE + masked(BINARY, encode(Ping(1))))
        await greeted(client)
        assert await client.relay_frame() == Pong(1)


async def test_page_and_upgrade_in_one_packet_are_answered_in_order(relay_url: str) -> None:
    async with wire(relay_url, PAGE + UPGRADE) as client:
        assert await plain_answer(client) == "HTTP/1.1 200 OK"
        await greeted(client)


async def test_second_request_behind_an_upgrade_is_no_request(relay_url: str) -> None:
    """What is behind the head are frames, and nothing there is answered as HTTP."""
    async with wire(relay_url, UPGRADE + PAGE) as client:
        await greeted(client)
        opcode, payload = await client.frame()
        assert (opcode, int.from_bytes(payload, "big")) == (CLOSE, CloseCode.PROTOCOL_ERROR)
        assert await client.end() == b""


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), 400),
        (b"hello\r\n\r\n", 400),
        (UPGRADE.replace(b"GET", b"POST"), 405),
        (UPGRADE.replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
        (request({**HEADERS, "Origin": "https://stranger.example"}), 403),
        (request({**HEADERS, "Content-Length": "6"}) + b"frames", 400),
        (request({**HEADERS, "Long": "x" * 9000}), 400),
        (b"GET /v1/socket HTTP/1.1\r\n" + b"Header: x\r\n" * 100_000, 400),
        (b"GET /" + b"x" * 1_000_000, 400),
    ],
    ids=lambda value: value[:24].decode("ascii", "replace") if isinstance(value, bytes) else str(value),
)
async def test_what_is_no_upgrade_is_refused_by_the_other_door(
    relay_url: str, data: bytes, status: int
) -> None:
    async with wire(relay_url, data) as client:
        assert (await client.head())[0].split()[1] == str(status)
    async with wire(relay_url, UPGRADE) as another:
        await greeted(another)


async def test_who_says_nothing_or_never_ends_a_head_is_dropped_in_time(quick_url: str) -> None:
    begin = time.monotonic()
    async with (
        wire(quick_url, b"") as silent,
        wire(quick_url, UPGRADE[:20]) as half,
        wire(quick_url, UPGRADE[:-2]) as dripping,
    ):

        async def drip() -> None:
            while True:
                dripping.send(b"More: x\r\n")
                await asyncio.sleep(0.1)

        drops = asyncio.create_task(drip())
        for client in (silent, half, dripping):
            assert await client.end() == b""
        drops.cancel()
        assert time.monotonic() - begin > 1.5, "dropped for another reason"
    async with wire(quick_url, UPGRADE) as welcome:
        await greeted(welcome)


async def test_stop_drops_who_says_nothing() -> None:
    async with plain_relay() as relay, wire(relay.url, b"") as silent, wire(relay.url, UPGRADE) as second:
        # Connections are accepted in their order.
        await greeted(second)
        await relay.relay.stop()
        assert await silent.end() == b""


async def test_what_is_sent_waits_for_no_acknowledgement_of_what_went_before() -> None:
    """Nagle's algorithm (RFC 896) holds small frames back for up to 40 ms; asyncio turns it off where the
    socket says that it is TCP.
    """
    loop = asyncio.get_running_loop()
    bound = bind("127.0.0.1", 0)
    bound.listen()
    with bound, socket.create_connection(bound.getsockname()):
        accepted, _ = await loop.sock_accept(bound)
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP
            transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, accepted)
            own = transport.get_extra_info("socket")
            assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
            transport.close()
