"""A slow line to the relay: the first bytes of her page arrive, the rest when the test says so.

browser ──> HeldPage ──> relay          GET / in brotli, as many bytes as `first`, then wait for `release`
        <── first bytes ── the rest     everything else, the WebSocket too, as it is
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from support.relay.dishonest_proxy import DishonestProxy

EARLY_BYTES = 10_000
"""Of the answer, its head included, for Exit, numbers and the tap; 14,600 fit into a first flight."""
FIRST_BYTES = 19_800
"""For the whole first screen."""

_OWN = ("content-length", "transfer-encoding", "date", "server")


@dataclass(frozen=True, slots=True)
class HeldPage:
    """In front of the relay at `target`; `first` counts bytes of the answer, its head included."""

    target: str
    first: int
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The page, as far as it has come."""
        head, body = await sent_page(self.target)
        headers = {name: value for name, value in head.items() if name.lower() not in _OWN}
        response = web.StreamResponse(headers={**headers, "Content-Length": str(len(body))})
        await response.prepare(request)
        kept = self.first - head_bytes(head)
        await response.write(body[:kept])
        await self.released.wait()
        await response.write(body[kept:])
        return response


async def sent_page(url: str) -> tuple[Mapping[str, str], bytes]:
    """The head and the compressed body of the answer to who takes brotli; asked for until that is made."""
    headers = {"Accept-Encoding": "br"}
    async with aiohttp.ClientSession(headers=headers, auto_decompress=False) as session:
        while True:
            async with session.get(f"{url}/") as response:
                if response.headers.get("Content-Encoding") == "br":
                    return response.headers, await response.read()


def head_bytes(head: Mapping[str, str]) -> int:
    """What the head weighs in HTTP/1.1."""
    lines = [f"{name}: {value}\r\n" for name, value in dict(head).items()]
    return len(b"HTTP/1.1 200 OK\r\n") + sum(len(line.encode()) for line in lines) + 2


@asynccontextmanager
async def held(page: HeldPage) -> AsyncIterator[str]:
    """Run it; its URL."""
    application = web.Application()
    application.router.add_get("/", page.show)
    application.router.add_route("*", "/{path:.*}", DishonestProxy(page.target).answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        page.released.set()
        await runner.cleanup()
