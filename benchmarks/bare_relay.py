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
from meetings import REGISTERED, Meetings

meetings: web.AppKey[Meetings[web.WebSocketResponse]] = web.AppKey("meetings")


async def serve_socket(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=("bare",), compress=False, max_msg_size=256 * 1024)
    await socket.prepare(request)
    links = request.app[meetings].partners
    request.app[meetings].register(socket, await socket.receive_bytes())
    await socket.send_bytes(REGISTERED)
    async for message in socket:
        partner = links.get(socket)
        if message.type is WSMsgType.BINARY and partner is not None and not partner.closed:
            await partner.send_bytes(message.data)
    request.app[meetings].leave(socket)
    return socket


def bare_relay() -> web.Application:
    app = web.Application()
    app[meetings] = Meetings()
    app.router.add_get("/v1/socket", serve_socket)
    return app


async def serve(port: int) -> None:
    runner = web.AppRunner(bare_relay(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
