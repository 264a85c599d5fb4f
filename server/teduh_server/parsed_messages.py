"""Where aiohttp's parser of WebSocket frames puts what it has read: it goes on to the listener at once.

Apart from `websocket`, which is compiled where that is possible: what inherits of another library cannot be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, cast

from aiohttp import WSMessage, WSMsgType

# Not among aiohttp's public names, but what its WebSocketReader takes; its version is locked.
from aiohttp._websocket.reader import WebSocketDataQueue

if TYPE_CHECKING:
    from aiohttp.base_protocol import BaseProtocol

_BINARY_MESSAGE = WSMsgType.BINARY
"""Asking an enumeration for its member takes as long as a call."""


class Socket(Protocol):
    """Takes what is no binary message."""

    def parsed(self, message: WSMessage) -> None:
        """Text, or a control frame."""

    def not_parsed(self, error: BaseException) -> None:
        """What was read is no WebSocket; nothing more can be."""


class ParsedMessages(WebSocketDataQueue):
    """Of one socket."""

    __slots__ = ("_socket", "received")

    def __init__(
        self, socket: Socket, received: Callable[[bytes], None], loop: asyncio.AbstractEventLoop
    ) -> None:
        # A queue slows its protocol down when it is full; this one never holds anything, and needs none.
        super().__init__(cast("BaseProtocol", None), 0, loop=loop)
        self._socket = socket
        self.received = received

    def feed_data(self, data: WSMessage, size: int) -> None:  # type: ignore[override]  # it keeps nothing
        # Nearly all are of this kind, and what is called for each is felt.
        if data[0] is _BINARY_MESSAGE:
            self.received(data[1])
        else:
            self._socket.parsed(data)

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        self._socket.not_parsed(exc)
