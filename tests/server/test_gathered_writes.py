"""What one tick writes to a socket is one write, in order, and what fails for one fails for nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from teduh_server.transport.websocket import FramePrice, SocketObserver, WebSocket, WriteScheduler

_FRAME = b"\x82\x01"


class Transport:
    """Keeps each write by itself."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def abort(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0


class Nobody:
    """An observer to whom nothing is said."""

    received: Callable[[bytes], None] = staticmethod(lambda data: None)

    def lost(self) -> None:
        pass


def _socket() -> tuple[WebSocket, Transport]:
    transport = Transport()
    loop = asyncio.get_running_loop()
    price = FramePrice(frames_per_second=1000, bytes_per_second=1_000_000)
    socket = WebSocket(
        cast(asyncio.Transport, transport),
        cast(SocketObserver, Nobody()),
        max_message_bytes=1000,
        price=price,
        loop=loop,
    )
    return socket, transport


async def _end_of_tick() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_what_one_tick_writes_is_one_write_in_order() -> None:
    socket, transport = _socket()
    socket.write(b"a")
    socket.write(b"b")
    socket.ping()
    assert transport.writes == []
    assert socket.unsent_bytes == len(_FRAME + b"a" + _FRAME + b"b") + 2
    await _end_of_tick()
    assert transport.writes == [_FRAME + b"a" + _FRAME + b"b" + b"\x89\x00"]
    socket.write(b"c")
    await _end_of_tick()
    assert transport.writes[1:] == [_FRAME + b"c"]


async def test_it_is_written_at_once_where_nothing_more_is_to_come() -> None:
    (first, one), (second, other) = _socket(), _socket()
    first.write(b"a")
    second.write(b"b")
    WriteScheduler.of(asyncio.get_running_loop()).flush()
    assert (one.writes, other.writes) == ([_FRAME + b"a"], [_FRAME + b"b"])
    await _end_of_tick()
    assert (len(one.writes), len(other.writes)) == (1, 1)


async def test_a_close_comes_after_it() -> None:
    socket, transport = _socket()
    socket.write(b"a")
    socket.close(1000)
    assert transport.writes == [_FRAME + b"a", b"\x88\x02\x03\xe8"]
    socket.write(b"b")
    assert socket.unsent_bytes == 0


async def test_much_of_it_does_not_wait_for_the_end_of_the_tick() -> None:
    socket, transport = _socket()
    for _ in range(16):
        socket.write(bytes(1024))
    assert [len(each) for each in transport.writes] == [16 * (4 + 1024)]


async def test_one_that_cannot_be_written_keeps_nobody_else() -> None:
    (broken, broken_transport), (socket, transport) = _socket(), _socket()

    def fails(data: bytes) -> None:
        raise OSError("no")

    broken_transport.write = fails  # type: ignore[method-assign]  # it breaks
    broken.write(b"a")
    socket.write(b"a")
    await _end_of_tick()
    assert transport.writes == [_FRAME + b"a"]
