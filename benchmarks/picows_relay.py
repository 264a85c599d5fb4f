"""The bare relay on picows: what a leaner WebSocket layer of the same language allows.

    python picows_relay.py PORT

As `bare_relay.py` in all else. Its read buffer is small, as for many connections that are idle mostly.
"""

from __future__ import annotations

import sys

import uvloop
from meetings import REGISTERED, Meetings
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

READ_BUFFER_BYTES = 2048

meetings: Meetings[WSTransport] = Meetings()


class Member(WSListener):
    """One connection: its first message names the pair, all others go to the other one."""

    __slots__ = ("_is_registered",)

    def __init__(self) -> None:
        super().__init__()
        self._is_registered = False

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
        elif not self._is_registered:
            self._is_registered = True
            meetings.register(transport, frame.get_payload_as_bytes())
            transport.send(WSMsgType.BINARY, REGISTERED)
        elif (partner := meetings.partners.get(transport)) is not None and not partner.is_disconnected:
            partner.send(WSMsgType.BINARY, frame.get_payload_as_bytes())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        meetings.leave(transport)


def member(_: WSUpgradeRequest) -> Member:
    return Member()


async def serve(port: int) -> None:
    server = await ws_create_server(
        member,
        "127.0.0.1",
        port,
        backlog=4096,
        websocket_handshake_timeout=None,
        read_buffer_init_size=READ_BUFFER_BYTES,
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
