"""The limit of the stack: the simplest relay that aiohttp allows, for our own to be measured against.

Two connections that begin with the same 16 bytes are a pair; what one sends goes to the other. No
envelope, no checks, no order across reconnections, no Redis: what is sent while one is away is lost.

    python bare_relay.py PORT
"""

from __future__ import annotations

import asyncio
import sys

import uvloop
from aiohttp import WSMsgType, web

PAIR_BYTES = 16
REGISTERED = b"ok"

waiting: web.AppKey[dict[bytes, web.WebSocketResponse]] = web.AppKey("waiting")
partners: web.AppKey[dict[web.WebSocketResponse, web.WebSocketResponse]] = web.AppKey("partners")


async def register(app: web.Application, socket: web.WebSocketResponse, pair: bytes) -> None:
    """The second of a pair finds the first; both know each other from then on."""
    first = app[waiting].pop(pair, None)
    if first is None:
        app[waiting][pair] = socket
    else:
        app[partners][socket], app[partners][first] = first, socket
    await socket.send_bytes(REGISTERED)


async def serve_socket(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=("bare",), compress=False, max_msg_size=256 * 1024)
    await socket.prepare(request)
    links = request.app[partners]
    await register(request.app, socket, await socket.receive_bytes())
    async for message in socket:
        partner = links.get(socket)
        if message.type is WSMsgType.BINARY and partner is not None and not partner.closed:
            await partner.send_bytes(message.data)
    links.pop(socket, None)
    return socket


def bare_relay() -> web.Application:
    app = web.Application()
    app[waiting] = {}
    app[partners] = {}
    app.router.add_get("/v1/socket", serve_socket)
    return app


async def serve(port: int) -> None:
    runner = web.AppRunner(bare_relay(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
