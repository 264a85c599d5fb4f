"""The bare relay on websockets, as its documentation has one write a server.

    python websockets_relay.py PORT

As `bare_relay.py` in all else. Without compression and pings, as all others here.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import uvloop
from meetings import REGISTERED, Meetings
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

meetings: Meetings[ServerConnection] = Meetings()


async def serve_member(connection: ServerConnection) -> None:
    links = meetings.partners
    try:
        pair = await connection.recv(decode=False)
        assert isinstance(pair, bytes)
        meetings.register(connection, pair)
        await connection.send(REGISTERED)
        async for message in connection:
            if (partner := links.get(connection)) is not None:
                await pass_on(partner, message)
    except ConnectionClosed:
        pass
    finally:
        meetings.leave(connection)


async def pass_on(partner: ServerConnection, message: str | bytes) -> None:
    """What comes while the other one leaves is lost."""
    with contextlib.suppress(ConnectionClosed):
        await partner.send(message)


async def run(port: int) -> None:
    protocols = [Subprotocol("bare")]
    async with serve(
        serve_member,
        "127.0.0.1",
        port,
        subprotocols=protocols,
        compression=None,
        ping_interval=None,
        open_timeout=None,
        backlog=4096,
    ):
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(run(int(sys.argv[1])))
