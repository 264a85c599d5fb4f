"""What nobody waits for goes along with what is written a little later; in order, and never too late."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import cast

import pytest
from teduh_server import websocket
from teduh_server.websocket import FramePrice, Listener, Post, WebSocket

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
    """A listener to whom nothing is said."""

    received: Callable[[bytes], None] = staticmethod(lambda data: None)

    def lost(self) -> None:
        pass


def _socket() -> tuple[WebSocket, Transport]:
    transport = Transport()
    loop = asyncio.get_running_loop()
    price = FramePrice(frames_per_second=1000, bytes_per_second=1_000_000)
    socket = WebSocket(
        cast(asyncio.Transport, transport),
        cast(Listener, Nobody()),
        max_message_bytes=1000,
        price=price,
        loop=loop,
    )
    return socket, transport


async def _end_of_tick() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def _until(written: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not written():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than a test takes."""
    monkeypatch.setattr(websocket, "HOLD_SECONDS", 3600)


async def test_it_goes_by_itself_where_nothing_else_comes() -> None:
    socket, transport = _socket()
    socket.write_later(b"a")
    await _until(lambda: transport.writes)
    assert transport.writes == [_FRAME + b"a"]


@pytest.mark.usefixtures("held")
async def test_it_goes_before_what_is_written_next_and_together_with_it() -> None:
    socket, transport = _socket()
    socket.write_later(b"a")
    await _end_of_tick()
    assert transport.writes == []
    assert socket.unsent_bytes == len(_FRAME + b"a")
    socket.write_later(b"b")
    await _end_of_tick()
    socket.write(b"c")
    socket.write_later(b"d")
    await _end_of_tick()
    assert transport.writes == [b"".join(_FRAME + each for each in (b"a", b"b", b"c", b"d"))]


@pytest.mark.usefixtures("held")
async def test_a_ping_takes_it_along() -> None:
    socket, transport = _socket()
    socket.write_later(b"a")
    socket.ping()
    await _end_of_tick()
    assert transport.writes == [_FRAME + b"a" + b"\x89\x00"]


@pytest.mark.usefixtures("held")
async def test_a_close_comes_after_it() -> None:
    socket, transport = _socket()
    socket.write_later(b"a")
    socket.close(1000)
    assert transport.writes == [_FRAME + b"a", b"\x88\x02\x03\xe8"]
    socket.write_later(b"b")
    assert socket.unsent_bytes == 0


@pytest.mark.usefixtures("held")
async def test_much_of_it_is_not_kept() -> None:
    socket, transport = _socket()
    for _ in range(16):
        socket.write_later(bytes(1024))
    assert [len(each) for each in transport.writes] == [16 * (4 + 1024)]


async def test_a_socket_that_holds_again_is_not_forgotten() -> None:
    socket, transport = _socket()
    for number in range(5):
        socket.write_later(b"a")
        socket.flush()
        socket.write_later(b"b")
        await _until(lambda: len(transport.writes) == 2 * number + 2)  # noqa: B023 -- awaited at once
    assert transport.writes == [_FRAME + b"a", _FRAME + b"b"] * 5


@pytest.mark.parametrize(("many", "at_once"), [(1, True), (4, True), (5, False), (50, False)])
async def test_where_little_is_said_nothing_is_held(many: int, at_once: bool) -> None:
    post = Post.of(asyncio.get_running_loop())
    sockets = [_socket() for _ in range(many)]
    for socket, _ in sockets:
        socket.write_later(b"a")
    post.flush_now()
    assert [transport.writes == [_FRAME + b"a"] for _, transport in sockets] == [at_once] * many
    await _until(lambda: all(transport.writes for _, transport in sockets))
    await asyncio.sleep(0.02)
    assert all(transport.writes == [_FRAME + b"a"] for _, transport in sockets)


def _write(sockets: list[tuple[WebSocket, Transport]], message: bytes) -> None:
    for socket, _ in sockets:
        socket.write(message)


def _writes(sockets: list[tuple[WebSocket, Transport]]) -> list[list[bytes]]:
    return [transport.writes for _, transport in sockets]


async def test_where_many_are_written_to_what_comes_to_one_goes_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sockets = [_socket() for _ in range(100)]
    monkeypatch.setattr(websocket, "PACE_SECONDS", 1.0)
    _write(sockets, b"a")
    await _end_of_tick()
    # Nobody knew yet that they are many.
    assert _writes(sockets) == [[_FRAME + b"a"]] * 100
    for message in (b"b", b"c"):
        _write(sockets, message)
        await _end_of_tick()
    assert _writes(sockets) == [[_FRAME + b"a"]] * 100
    await _until(lambda: all(len(writes) == 2 for writes in _writes(sockets)))
    assert _writes(sockets) == [[_FRAME + b"a", _FRAME + b"b" + _FRAME + b"c"]] * 100


async def test_where_many_were_written_to_and_few_are_now_it_goes_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once the first of the few has waited."""
    sockets = [_socket() for _ in range(100)]
    few = sockets[:40]
    monkeypatch.setattr(websocket, "PACE_SECONDS", 0.01)
    _write(sockets, b"a")
    await _end_of_tick()
    _write(few, b"b")
    await _until(lambda: all(len(writes) == 2 for writes in _writes(few)))
    monkeypatch.setattr(websocket, "PACE_SECONDS", 3600)
    _write(few, b"c")
    await _end_of_tick()
    assert _writes(few) == [[_FRAME + b"a", _FRAME + b"b", _FRAME + b"c"]] * 40


async def test_paced_or_not_nobody_waits_where_nothing_more_is_to_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sockets = [_socket() for _ in range(100)]
    monkeypatch.setattr(websocket, "PACE_SECONDS", 3600)
    _write(sockets, b"a")
    await _end_of_tick()
    _write(sockets, b"b")
    Post.of(asyncio.get_running_loop()).flush_now()
    assert _writes(sockets) == [[_FRAME + b"a", _FRAME + b"b"]] * 100


async def test_one_that_cannot_be_written_keeps_nobody_else() -> None:
    (broken, broken_transport), (socket, transport) = _socket(), _socket()

    def fails(data: bytes) -> None:
        raise OSError("no")

    broken_transport.write = fails  # type: ignore[method-assign]  # it breaks
    broken.write_later(b"a")
    socket.write_later(b"a")
    await _until(lambda: transport.writes)
    assert transport.writes == [_FRAME + b"a"]
