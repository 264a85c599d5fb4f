"""The WebSocket that the relay speaks, byte by byte (RFC 6455), on a bare transport."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from support.clients.plain_relay import plain_relay
from support.relay.websocket_wire import (
    ACCEPT,
    BINARY,
    CLOSE,
    HEADERS,
    PING,
    PONG,
    TEXT,
    Wire,
    masked,
    request,
    wire,
)
from teduh_signaling.relay.codec import encode
from teduh_signaling.relay.frames import CloseCode, Hello, Ping, Pong


@pytest.fixture
async def open_wire(relay_url: str) -> AsyncIterator[Wire]:
    """Upgraded, and greeted."""
    async with wire(relay_url, request(HEADERS)) as opened:
        await opened.head()
        assert isinstance(await opened.relay_frame(), Hello)
        yield opened


async def test_the_upgrade_is_accepted_as_the_rfc_says(relay_url: str) -> None:
    async with wire(relay_url, request(HEADERS)) as client:
        status, headers = await client.head()
    assert status == "HTTP/1.1 101 Switching Protocols"
    assert headers == {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-accept": ACCEPT,
        "sec-websocket-protocol": "teduh.1",
    }


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Upgrade": "h2c"}, 400),
        ({"Connection": "close"}, 400),
        ({"Sec-WebSocket-Version": "8"}, 426),
        ({"Sec-WebSocket-Key": "c2hvcnQ="}, 400),
        ({"Sec-WebSocket-Key": "no base64!"}, 400),
        ({"Sec-WebSocket-Protocol": "teduh.10"}, 400),
    ],
    ids=lambda value: str(next(iter(value.items()))) if isinstance(value, dict) else "",
)
async def test_what_is_no_upgrade_is_refused(relay_url: str, changed: dict[str, str], status: int) -> None:
    async with wire(relay_url, request({**HEADERS, **changed})) as client:
        answer, headers = await client.head()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert status != 426 or headers["sec-websocket-version"] == "13"


async def test_nothing_is_lost_of_what_comes_together_with_the_request(relay_url: str) -> None:
    """A client that does not wait."""
    frames = masked(BINARY, encode(Ping(1))) + masked(BINARY, encode(Ping(2)))
    async with wire(relay_url, request(HEADERS) + frames[:-3]) as client:
        await client.head()
        assert isinstance(await client.relay_frame(), Hello)
        assert await client.relay_frame() == Pong(1)
        client.send(frames[-3:])
        assert await client.relay_frame() == Pong(2)


async def test_a_message_in_fragments_is_one_message(open_wire: Wire) -> None:
    """And a ping may come between them (RFC 6455, 5.4)."""
    data = encode(Ping(7))
    open_wire.send(masked(BINARY, data[:1], final=False))
    open_wire.send(masked(PING, b"there?"))
    open_wire.send(masked(0, data[1:]))
    assert await open_wire.frame() == (PONG, b"there?")
    assert await open_wire.relay_frame() == Pong(7)


async def test_frames_are_answered_in_order_however_they_arrive(open_wire: Wire) -> None:
    stream = b"".join(masked(BINARY, encode(Ping(number))) for number in range(50))
    for at in range(0, len(stream), 7):
        open_wire.send(stream[at : at + 7])
        await asyncio.sleep(0)
    assert [await open_wire.relay_frame() for _ in range(50)] == [Pong(number) for number in range(50)]


async def test_a_close_is_answered_and_the_connection_ends(open_wire: Wire) -> None:
    open_wire.send(masked(CLOSE, (1000).to_bytes(2, "big")))
    assert (await open_wire.frame())[0] == CLOSE
    assert await open_wire.end() == b""


async def test_what_comes_behind_a_close_is_not_taken(open_wire: Wire) -> None:
    open_wire.send(masked(CLOSE, b"") + masked(BINARY, encode(Ping(1))))
    assert (await open_wire.frame())[0] == CLOSE
    assert await open_wire.end() == b""


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (masked(TEXT, b"hello"), CloseCode.UNSUPPORTED_DATA),
        (masked(0x3, b""), CloseCode.PROTOCOL_ERROR),
        (masked(PING, b"", final=False), CloseCode.PROTOCOL_ERROR),
        (bytes((0x82, 0x80 | 127)) + (2**40).to_bytes(8, "big"), CloseCode.MESSAGE_TOO_BIG),
        (bytes((0xC2, 0x81)) + bytes(4) + b"a", CloseCode.PROTOCOL_ERROR),
    ],
    ids=["text", "reserved opcode", "ping in fragments", "a terabyte", "compressed"],
)
async def test_what_is_no_binary_message_is_closed_with_the_reason(
    open_wire: Wire, data: bytes, code: CloseCode
) -> None:
    open_wire.send(data)
    opcode, payload = await open_wire.frame()
    assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, code)
    open_wire.send(masked(CLOSE, payload[:2]))
    assert await open_wire.end() == b""


async def test_who_does_not_answer_a_close_is_dropped(open_wire: Wire) -> None:
    open_wire.send(masked(TEXT, b"hello"))
    assert (await open_wire.frame())[0] == CLOSE
    assert await open_wire.end() == b""


async def test_many_frames_in_one_go_are_all_answered() -> None:
    """More than the rate allows at once: the rest waits its turn, and none is forgotten."""
    async with plain_relay(frames_per_second=400.0) as relay, wire(relay.url, request(HEADERS)) as client:
        await client.head()
        assert isinstance(await client.relay_frame(), Hello)
        client.send(b"".join(masked(BINARY, encode(Ping(number))) for number in range(1000)))
        for number in range(1000):
            assert await client.relay_frame() == Pong(number)
