"""A call that is over while addresses are still looked for leaves no socket open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aioice import ice
from aiortc import RTCIceGatherer
from support.calls.calling_room import QUICK, calling, direct, heard
from support.calls.known_media import Tone
from teduh_sdk.calls.gathering import Gathering
from teduh_sdk.calls.route import check_routes
from teduh_sdk.net.ice_servers import IceServers
from teduh_signaling.relay.frames import CallPolicy


class Sockets:
    """Those that were opened from now on, each of them slowly, as a busy machine does."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._open = loop.create_datagram_endpoint
        self.transports: list[asyncio.DatagramTransport] = []
        self.opened = asyncio.Event()

    async def open(self, *arguments: Any, **named: Any) -> tuple[asyncio.DatagramTransport, Any]:
        transport, protocol = await self._open(*arguments, **named)
        self.transports.append(transport)
        self.opened.set()
        await asyncio.sleep(0.3)
        return transport, protocol

    @property
    def left(self) -> list[asyncio.DatagramTransport]:
        return [one for one in self.transports if not one.is_closing()]


@pytest.fixture
async def sockets(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sockets]:
    # Two addresses: the second socket is not open yet when the first is.
    monkeypatch.setattr(ice, "get_host_addresses", lambda **_: ["127.0.0.1", "127.0.0.2"])
    loop = asyncio.get_running_loop()
    slow = Sockets(loop)
    monkeypatch.setattr(loop, "create_datagram_endpoint", slow.open)
    yield slow
    assert slow.transports
    await heard(lambda: not slow.left)


async def test_whoever_hangs_up_at_once(sockets: Sockets) -> None:
    async with calling(direct(), direct(), settings=QUICK) as (_, (hers, counselors)):
        call = await hers.call([Tone(440)])
        answered = await anext(counselors)
        await answered.accept([Tone(1000)])
        await sockets.opened.wait()
        await call.hang_up()


async def test_whoever_does_not_wait_for_the_test_of_a_route(sockets: Sockets) -> None:
    servers = IceServers(CallPolicy.RELAY, ("turn:127.0.0.1:9?transport=udp",), "user", "credential", 0)
    testing = asyncio.create_task(check_routes(servers, 10.0))
    await sockets.opened.wait()
    testing.cancel()
    await asyncio.gather(testing, return_exceptions=True)


async def test_whoever_waits_is_told_why_it_failed_and_whoever_does_not_is_not_disturbed() -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        await Gathering(fail()).wait(5)
    unheard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    closed = asyncio.Event()

    async def close() -> None:
        closed.set()

    assert not await Gathering(asyncio.sleep(0.1)).wait(0.01)
    await Gathering(fail()).and_then(close)
    assert closed.is_set()
    assert unheard == []


async def test_what_is_broken_off_is_forgotten(sockets: Sockets) -> None:
    """Of aioice 0.13: if this fails, `calls.gathering` can go."""
    gatherer = RTCIceGatherer([])
    gathering = asyncio.create_task(gatherer.gather())
    await sockets.opened.wait()
    gathering.cancel()
    await asyncio.gather(gathering, return_exceptions=True)
    await gatherer._connection.close()
    (forgotten,) = sockets.left
    forgotten.close()
