"""Her page's way to the relay in a visit that shows what she hopefully never sees."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from playwright.async_api import Page, WebSocketRoute
from teduh_signaling.relay.codec import decode_client_frame, decode_relay_frame, encode
from teduh_signaling.relay.frames import Error, ErrorCode, OpeningTime, OpenRequest, Subscribed


@dataclass
class Wire:
    """It can be cut, and at its end may be a relay that lies or that takes no requests."""

    is_cut: bool = False
    lies: bool = False
    refuses: bool = False
    opens: int | None = None
    """When somebody is there again, instead of what the relay says of that."""
    sockets: list[WebSocketRoute] = field(default_factory=list)

    async def follow(self, page: Page) -> None:
        """Sit on every connection of the page from now on."""
        await page.route_web_socket("**/v1/socket", self._connected)

    async def cut(self) -> None:
        """Close what there is; nothing new comes through."""
        self.is_cut = True
        for socket in self.sockets:
            await socket.close(code=4000)

    async def _connected(self, socket: WebSocketRoute) -> None:
        if self.is_cut:
            await socket.close(code=4000)
            return
        relay = socket.connect_to_server()
        self.sockets.append(socket)

        def told(message: str | bytes) -> None:
            socket.send(self._changed(message) if isinstance(message, bytes) else message)

        def asked(message: str | bytes) -> None:
            frame = decode_client_frame(message) if isinstance(message, bytes) else None
            if self.refuses and isinstance(frame, OpenRequest):
                socket.send(encode(Error(ErrorCode.TOO_MANY, "", ref=frame.ref)))
            else:
                relay.send(message)

        relay.on_message(told)
        socket.on_message(asked)

    def _changed(self, message: bytes) -> bytes:
        frame = decode_relay_frame(message)
        if self.lies and isinstance(frame, Subscribed):
            # The log is shorter than what she has read of it, and holds more of hers than she has said.
            return encode(msgspec.structs.replace(frame, last_seq=1, counter=99))
        if self.opens is not None and isinstance(frame, OpeningTime):
            return encode(msgspec.structs.replace(frame, opens=self.opens))
        return message
