"""Where aiohttp's parser of WebSocket frames puts what it has read: it goes on to the listener at once.

The one module that imports what aiohttp does not make public.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from aiohttp import WSMessage

# Not among aiohttp's public names, but what its WebSocketReader takes; its version is locked.
from aiohttp._websocket.reader import WebSocketDataQueue

if TYPE_CHECKING:
    from aiohttp.base_protocol import BaseProtocol


class FrameSink(WebSocketDataQueue):
    """Of one socket."""

    __slots__ = ("_not_parsed", "feed_data")

    def __init__(
        self,
        parsed: Callable[[WSMessage, int], None],
        not_parsed: Callable[[BaseException], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """`parsed` takes each message and its size, `not_parsed` why there will be none any more."""
        # A queue slows its protocol down when it is full; this one never holds anything, and needs none.
        super().__init__(cast("BaseProtocol", None), 0, loop=loop)
        # The parser calls what it finds here, with no step in between, which every message would feel.
        self.feed_data = parsed  # type: ignore[method-assign, assignment]  # a slot of that name
        self._not_parsed = not_parsed

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        self._not_parsed(exc)
