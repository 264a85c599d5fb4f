"""Reading is halted at the end of a message, wherever the bytes are cut; nothing is lost of what follows."""

from __future__ import annotations

import asyncio
import random
from typing import cast

import pytest
from fake_transport import Counting, FakeTransport, until_it_reads
from teduh_server.websocket import FramePrice, WebSocket
from websocket_wire import BINARY, PING, masked


def _socket() -> tuple[WebSocket, FakeTransport, Counting]:
    transport, listener = FakeTransport(), Counting()
    price = FramePrice(frames_per_second=1e9, bytes_per_second=1e12)
    socket = WebSocket(transport, listener, 1 << 20, price, asyncio.get_running_loop())
    return socket, transport, listener


class Counted:
    """How often it was halted."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


async def _read(socket: WebSocket, data: bytes, transport: FakeTransport, halted: Counted) -> None:
    """As a transport hands it over, and with the turns of the event loop that it takes."""
    cast(asyncio.Protocol, socket).data_received(data)
    while not transport.reading and not halted.times:  # noqa: ASYNC110 -- what happens is in those turns
        await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(40))
async def test_what_was_read_the_message_and_the_rest_are_all_that_came(seed: int) -> None:
    chance = random.Random(seed)
    said = [chance.randbytes(chance.choice((0, 1, 30, 125, 126, 300, 1500))) for _ in range(60)]
    stream = b"".join(_sent(each, chance) for each in said)
    halt_after = chance.randrange(len(stream) // 3)
    (socket, transport, here), halted, halt = _socket(), Counted(), None
    socket.start(b"", b"", b"")
    at = 0
    while at < len(stream) and not halted.times:
        if halt is None and at >= halt_after:
            halt = socket.halt(halted)
        size = chance.choice((1, 3, 17, 200, 1400) if halt else (1, 17, 1400, 6000))
        await _read(socket, stream[at : at + size], transport, halted)
        at += size
    assert halt is not None
    assert halted.times == 1
    assert halt.message is not None
    # What the transport had read already comes all the same.
    await _read(socket, stream[at : at + 50], transport, halted)
    assert not transport.reading
    # Another parser, at another place, goes on with the rest.
    there, reads, listener = _socket()
    there.go_on(halt.message, socket.unread + stream[at + 50 :])
    await until_it_reads(reads)
    assert [*here.messages, *listener.messages] == said


@pytest.mark.parametrize("seed", range(5))
async def test_who_stays_is_read_on(seed: int) -> None:
    chance = random.Random(seed)
    said = [chance.randbytes(20) for _ in range(30)]
    stream = b"".join(_sent(each, chance) for each in said)
    (socket, transport, listener), halted = _socket(), Counted()
    socket.start(b"", b"", b"")
    halt = socket.halt(halted)
    await _read(socket, stream, transport, halted)
    assert len(listener.messages) == 0
    socket.resume(halt)
    await until_it_reads(transport)
    assert listener.messages == said


async def test_pings_do_not_halt_whoever_ends_no_message() -> None:
    (socket, transport, listener), halted = _socket(), Counted()
    socket.start(b"", b"", b"")
    socket.halt(halted)
    await _read(socket, masked(PING, b"x" * 100) * 1000, transport, halted)
    assert (listener.count, halted.times) == (1000, 0)


def _sent(message: bytes, chance: random.Random) -> bytes:
    """Whole, or in two parts with a ping between them; perhaps with a ping before it."""
    before = masked(PING, b"?") if chance.random() < 0.2 else b""
    if chance.random() < 0.3 and message:
        cut = chance.randrange(len(message))
        first = masked(BINARY, message[:cut], final=False)
        return before + first + masked(PING, b"!") + masked(0, message[cut:])
    return before + masked(BINARY, message)
