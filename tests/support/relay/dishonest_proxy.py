"""Sits between a browser and the real relay, as a dishonest relay or a bad network would.

    browser ──HTTP, WebSocket──> proxy ──> relay <── honest staff
            <── as `meddle` and `replace` wish ──

What the browser sends goes on as it is, and `overhear` hears it. The pages come with the relay's headers,
decompressed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from teduh_signaling.relay.frames import MAX_FRAME_BYTES, SUBPROTOCOL

Meddle = Callable[[bytes], list[bytes]]
"""What the browser gets for one frame of the relay: nothing, the frame, more of them."""
Replace = Callable[[bytes], bytes]
Overhear = Callable[[bytes], None]
_OWN = ("content-encoding", "content-length", "transfer-encoding", "date", "server")


def pass_on(frame: bytes) -> list[bytes]:
    """As an honest relay does."""
    return [frame]


def hear_nothing(_: bytes) -> None:
    """As who does not listen."""


@dataclass(frozen=True, slots=True)
class DishonestProxy:
    """In front of the relay at `target`; `replace` changes bodies of answers, by path."""

    target: str
    meddle: Meddle = pass_on
    replace: Mapping[str, Replace] = field(default_factory=dict)
    overhear: Overhear = hear_nothing
    _transports: set[asyncio.Transport] = field(default_factory=set, init=False)
    _silent: set[asyncio.Transport] = field(default_factory=set, init=False)
    _whole: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _answering: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __post_init__(self) -> None:
        self.mend()

    def cut(self) -> None:
        """The network goes away: open sockets break, new ones find nothing."""
        self._whole.clear()
        for transport in self._transports:
            transport.abort()

    def fall_silent(self) -> None:
        """Whatever is sent either way is lost, and nobody is told: open sockets stay open, new ones hang."""
        self._answering.clear()
        for transport in self._transports:
            transport.pause_reading()
        self._silent.update(self._transports)

    def mend(self) -> None:
        """It is back. What had fallen silent stays so: nobody on the way remembers those sockets."""
        self._whole.set()
        self._answering.set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Whatever the browser asks for."""
        await self._answering.wait()
        if not self._whole.is_set():
            return web.Response(status=502)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request)
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method, self.target + request.path, data=await request.read(), allow_redirects=False
            ) as got,
        ):
            replace = self.replace.get(request.path)
            body = await got.read() if replace is None else replace(await got.read())
            headers = {name: value for name, value in got.headers.items() if name.lower() not in _OWN}
            return web.Response(status=got.status, body=body, headers=headers)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        hers = web.WebSocketResponse(protocols=(SUBPROTOCOL,), max_msg_size=MAX_FRAME_BYTES + 1)
        await hers.prepare(request)
        transport = request.transport
        assert transport is not None
        self._transports.add(transport)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(
                self.target + request.path, protocols=(SUBPROTOCOL,), max_msg_size=MAX_FRAME_BYTES + 1
            ) as theirs,
        ):
            there, back = (
                asyncio.create_task(self._onward(hers, theirs)),
                asyncio.create_task(self._back(theirs, hers, transport)),
            )
            await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
            for one in (there, back):
                one.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
        self._transports.discard(transport)
        self._silent.discard(transport)
        await hers.close()
        return hers

    async def _onward(self, hers: web.WebSocketResponse, theirs: aiohttp.ClientWebSocketResponse) -> None:
        async for message in hers:
            self.overhear(message.data)
            await theirs.send_bytes(message.data)

    async def _back(
        self,
        theirs: aiohttp.ClientWebSocketResponse,
        hers: web.WebSocketResponse,
        transport: asyncio.Transport,
    ) -> None:
        async for message in theirs:
            for frame in self.meddle(message.data):
                if transport not in self._silent:
                    await hers.send_bytes(frame)


@asynccontextmanager
async def dishonest(proxy: DishonestProxy) -> AsyncIterator[str]:
    """Run it; its URL."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", proxy.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
