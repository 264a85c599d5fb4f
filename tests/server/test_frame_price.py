"""Every WebSocket frame of a client costs it the same, and nothing is parsed before it is paid for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
from support.clients.plain_relay import plain_relay
from support.relay.fake_transport import Counting, FakeTransport, until_it_reads
from support.relay.websocket_wire import BINARY, CLOSE, HEADERS, PING, PONG, Wire, masked, request, wire
from teduh_server.transport.websocket import FRAMES_AT_ONCE, FramePrice, WebSocket
from teduh_signaling.relay.codec import encode
from teduh_signaling.relay.frames import CloseCode, Hello, Ping, Pong

KINDS = {
    "pings": masked(PING, b""),
    "pongs": masked(PONG, b""),
    "closes": masked(CLOSE, b""),
    "tiny messages": masked(BINARY, b"x"),
}
COMMON = ("pings", "pongs", "tiny messages")
CONTINUATION = masked(0, b"", final=False)


def _socket(price: FramePrice) -> tuple[WebSocket, FakeTransport, Counting]:
    transport, listener = FakeTransport(), Counting()
    socket = WebSocket(transport, listener, 1 << 18, price, asyncio.get_running_loop())
    socket.start(b"", b"", b"")
    return socket, transport, listener


def _read(socket: WebSocket, data: bytes) -> None:
    cast(asyncio.Protocol, socket).data_received(data)


@pytest.mark.parametrize("frame", KINDS.values(), ids=KINDS.keys())
async def test_of_one_read_only_so_many_frames_are_parsed_before_others_have_their_turn(frame: bytes) -> None:
    socket, transport, listener = _socket(FramePrice(1e9, 1e12))
    _read(socket, frame * 10_000)
    assert listener.count <= FRAMES_AT_ONCE
    assert transport.closing or not transport.reading


@pytest.mark.parametrize("frame", [KINDS[kind] for kind in COMMON], ids=COMMON)
async def test_what_waits_is_parsed_in_the_turns_that_follow_and_then_more_is_read(frame: bytes) -> None:
    socket, transport, listener = _socket(FramePrice(1e9, 1e12))
    _read(socket, frame * 1000)
    await until_it_reads(transport)
    assert listener.count == 1000


@pytest.mark.parametrize("frame", [KINDS[kind] for kind in COMMON], ids=COMMON)
async def test_beyond_what_may_be_saved_up_frames_wait_for_their_time(frame: bytes) -> None:
    """At one frame an hour two seconds are worth nothing: the first goes on credit."""
    socket, transport, listener = _socket(FramePrice(1 / 3600, 1e12))
    _read(socket, frame * 100)
    for _ in range(10):
        await asyncio.sleep(0)
    assert listener.count == 1
    assert not transport.reading


async def test_empty_continuations_cost_as_much_as_messages() -> None:
    socket, transport, listener = _socket(FramePrice(1 / 3600, 1e12))
    _read(socket, masked(BINARY, b"a", final=False))
    assert not transport.reading
    _read(socket, CONTINUATION * 1000 + masked(0, b"b"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert listener.messages == []
    assert not transport.reading


async def test_bytes_cost_whatever_frame_they_are_in() -> None:
    socket, transport, _ = _socket(FramePrice(1e9, 1 / 3600))
    _read(socket, masked(PONG, b"x" * 125))
    assert not transport.reading


async def test_what_the_listener_does_not_want_now_is_not_parsed() -> None:
    socket, transport, listener = _socket(FramePrice(1e9, 1e12))
    _read(socket, KINDS["tiny messages"] * 1000)
    socket.pause_reading()
    for _ in range(100):
        await asyncio.sleep(0)
    assert listener.count <= FRAMES_AT_ONCE
    socket.resume_reading()
    await until_it_reads(transport)
    assert listener.count == 1000


@pytest.mark.parametrize("cut", range(1, 8))
async def test_frames_are_found_wherever_the_bytes_are_cut(cut: int) -> None:
    """Also one whose head comes in pieces, of each length that a head has."""
    said = [b"", b"a", b"b" * 125, b"c" * 126, b"d" * 300, b"e" * 70_000, b"f"]
    stream = b"".join(_any_size(each) for each in said)
    socket, transport, listener = _socket(FramePrice(1e9, 1e12))
    pieces = [stream[at : at + cut] for at in range(0, 1000, cut)] + [stream[-(-1000 // cut) * cut :]]
    for piece in pieces:
        _read(socket, piece)
        await until_it_reads(transport)
    assert listener.messages == said


def _any_size(payload: bytes) -> bytes:
    if len(payload) < 65536:
        return masked(BINARY, payload)
    mask = b"\x01\x02\x03\x04"
    hidden = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes((0x80 | BINARY, 0xFF)) + len(payload).to_bytes(8, "big") + mask + hidden


# --- at a relay ---


@pytest.fixture
async def open_wire(relay_url: str) -> AsyncIterator[Wire]:
    async with wire(relay_url, request(HEADERS)) as opened:
        await opened.head()
        assert isinstance(await opened.relay_frame(), Hello)
        yield opened


@pytest.mark.parametrize(
    "frame",
    [b"\x82\x01x", b"\x89\x00", b"\x8a\x00", b"\x88\x00", b"\x82\x7e\x00\x80" + bytes(128)],
    ids=["message", "ping", "pong", "close", "longer message"],
)
async def test_an_unmasked_frame_fails_the_connection(open_wire: Wire, frame: bytes) -> None:
    """RFC 6455, 5.1: "The server MUST close the connection upon receiving a frame that is not masked." """
    open_wire.send(frame)
    opcode, payload = await open_wire.frame()
    assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, CloseCode.PROTOCOL_ERROR)
    assert await open_wire.end() == b""


async def test_what_was_masked_before_it_is_answered(open_wire: Wire) -> None:
    open_wire.send(masked(BINARY, encode(Ping(1))) + b"\x82\x01x")
    assert await open_wire.relay_frame() == Pong(1)
    opcode, payload = await open_wire.frame()
    assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, CloseCode.PROTOCOL_ERROR)


async def test_pings_are_answered_no_faster_than_messages() -> None:
    """The flood's own connection waits; another is served meanwhile."""
    async with plain_relay(frames_per_second=0.001) as relay, wire(relay.url, request(HEADERS)) as flood:
        await flood.head()
        assert isinstance(await flood.relay_frame(), Hello)
        flood.send(masked(PING, b"") * 20_000)
        async with wire(relay.url, request(HEADERS)) as other:
            await other.head()
            assert isinstance(await other.relay_frame(), Hello)
            other.send(masked(BINARY, encode(Ping(5))))
            assert await other.relay_frame() == Pong(5)
        assert await flood.frame() == (PONG, b"")
        flood.writer.close()
        assert len(await flood.end()) <= 2
