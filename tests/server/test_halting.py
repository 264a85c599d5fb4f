"""Reading is halted at the end of a message, wherever the bytes are cut; nothing is lost of what follows."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import cast

import pytest
from aiohttp import WSMessage, WSMsgType
from aiohttp._websocket.reader import WebSocketDataQueue
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_websocket import WebSocketReader
from teduh_server.halting import CAREFULLY_BYTES, MOST_BYTES, Halt
from websocket_wire import BINARY, PING, masked


class Received(WebSocketDataQueue):
    """Where a parser puts messages, as the relay has it; pings are counted."""

    def __init__(self) -> None:
        super().__init__(cast(BaseProtocol, None), 0, loop=asyncio.get_running_loop())
        self.all: list[bytes] = []
        self.pings = 0
        self.received: Callable[[bytes], None] = self.all.append

    def feed_data(self, data: WSMessage, size: int) -> None:  # type: ignore[override]  # it keeps nothing
        if data[0] is WSMsgType.BINARY:
            self.received(data[1])
        else:
            self.pings += 1


def _parser() -> tuple[Received, Callable[[bytes], object]]:
    messages = Received()
    return messages, WebSocketReader(messages, 1 << 20, False, False).feed_data


class Counted:
    """How often it was halted."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


@pytest.mark.parametrize("seed", range(40))
async def test_what_was_read_the_message_and_the_rest_are_all_that_came(seed: int) -> None:
    chance = random.Random(seed)
    said = [chance.randbytes(chance.choice((0, 1, 30, 125, 126, 300, 1500))) for _ in range(60)]
    stream = b"".join(_sent(each, chance) for each in said)
    halt_after = chance.randrange(len(stream) // 3)
    messages, parse = _parser()
    read, halted, halt = parse, Counted(), None
    at = 0
    while at < len(stream) and not halted.times:
        if halt is None and at >= halt_after:
            halt = Halt(messages, parse, halted)
            read = halt.data_received
        size = chance.choice((1, 3, 17, 200, 1400) if halt else (1, 17, 1400, 6000))
        read(stream[at : at + size])
        at += size
    assert halt is not None
    assert halted.times == 1
    assert halt.message is not None
    # What the transport had read already comes all the same.
    halt.data_received(stream[at : at + 50])
    halt.over()
    # Another parser, at another place, goes on with the rest.
    there, parse_there = _parser()
    parse_there(halt.unread)
    parse_there(stream[at + 50 :])
    assert [*messages.all, halt.message, *there.all] == said


def _sent(message: bytes, chance: random.Random) -> bytes:
    """Whole, or in two parts with a ping between them; perhaps with a ping before it."""
    before = masked(PING, b"?") if chance.random() < 0.2 else b""
    if chance.random() < 0.3 and message:
        cut = chance.randrange(len(message))
        first = masked(BINARY, message[:cut], final=False)
        return before + first + masked(PING, b"!") + masked(0, message[cut:])
    return before + masked(BINARY, message)


async def test_whoever_ends_no_message_is_not_read_byte_by_byte_for_ever() -> None:
    messages, parse = _parser()
    fed: list[int] = []

    def counting(data: bytes) -> None:
        fed.append(len(data))
        parse(data)

    halt = Halt(messages, counting, Counted())
    pings = masked(PING, b"x" * 100) * 10
    for _ in range(100):
        halt.data_received(pings)
    assert messages.pings == 1000
    assert fed.count(1) <= MOST_BYTES
    # And then it is read as ever, messages and all.
    halt.data_received(masked(BINARY, b"s" * 1100))
    halt.data_received(masked(BINARY, b"z" * CAREFULLY_BYTES * 2))
    assert [len(each) for each in messages.all] == [1100, CAREFULLY_BYTES * 2]
    assert halt.message is None
