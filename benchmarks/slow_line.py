"""A line that takes its time: every byte arrives later by as much, in both directions.

    browser ──> listener ──delay──> target
            <──delay──

DevTools' protocol delays the answer to a request, but no message on a WebSocket; this delays both alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from yarl import URL


@asynccontextmanager
async def slow_line(target: str, one_way_seconds: float) -> AsyncIterator[str]:
    """A URL by which `target` is reached later by `one_way_seconds` each way."""
    url = URL(target)

    async def connected(near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, onward = await asyncio.open_connection(url.host, url.port)
        await asyncio.gather(
            _carry(near, onward, one_way_seconds),
            _carry(far, back, one_way_seconds),
        )

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield str(url.with_port(server.sockets[0].getsockname()[1])).rstrip("/")
    finally:
        server.close()


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter, seconds: float) -> None:
    """Hand on what comes, each piece so much later, until there is nothing more."""
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    now = asyncio.get_running_loop().time

    async def arrive() -> None:
        while (piece := await under_way.get())[1]:
            await asyncio.sleep(max(0.0, piece[0] - now()))
            sink.write(piece[1])
            await sink.drain()
        sink.close()

    arriving = asyncio.ensure_future(arrive())
    data = b" "
    with suppress(ConnectionError):
        while data:
            data = await source.read(65536)
            under_way.put_nowait((now() + seconds, data))
    under_way.put_nowait((now(), b""))
    with suppress(ConnectionError):
        await arriving
