"""From an HTTP request of aiohttp to a bare transport that speaks WebSocket (RFC 6455, 4.2)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import cast

from aiohttp import web
from aiohttp.http_websocket import WS_KEY, WebSocketReader


class TakenOver(web.StreamResponse):
    """What a handler returns whose connection is aiohttp's no more: there is nothing to send."""

    async def prepare(self, request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


def handshake(headers: Mapping[str, str], subprotocol: str) -> bytes:
    """The answer that accepts the upgrade (RFC 6455, 4.2.2). Raises HTTPBadRequest, HTTPUpgradeRequired."""
    upgrade = {each.strip().lower() for each in headers.get("Upgrade", "").split(",")}
    connection = {each.strip().lower() for each in headers.get("Connection", "").split(",")}
    if "websocket" not in upgrade or "upgrade" not in connection:
        raise web.HTTPBadRequest(text="a WebSocket is required\n")
    if headers.get("Sec-WebSocket-Version", "").strip() != "13":
        raise web.HTTPUpgradeRequired(headers={"Sec-WebSocket-Version": "13"})
    offered = {each.strip() for each in headers.get("Sec-WebSocket-Protocol", "").split(",")}
    if subprotocol not in offered:
        raise web.HTTPBadRequest(text=f"the WebSocket subprotocol {subprotocol} is required\n")
    accept = _accept(headers.get("Sec-WebSocket-Key", "").strip())
    lines = (
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept}",
        f"Sec-WebSocket-Protocol: {subprotocol}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _accept(key: str) -> str:
    try:
        if len(base64.b64decode(key, validate=True)) != 16:
            raise web.HTTPBadRequest(text="Sec-WebSocket-Key is not 16 bytes in base64\n")
    except (binascii.Error, ValueError):
        raise web.HTTPBadRequest(text="Sec-WebSocket-Key is not 16 bytes in base64\n") from None
    digest = hashlib.sha1(key.encode("ascii") + WS_KEY, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


def take_over(request: web.Request) -> tuple[asyncio.Transport, bytes] | None:
    """Take the transport from aiohttp, with what came behind the request; None if it is lost already.

    aiohttp's protocol of this connection is told that the connection has ended, so it forgets it; the handler
    then returns `TakenOver`.
    """
    transport, protocol = request.transport, request.protocol
    if transport is None or transport.is_closing():
        return None
    unread = _Unread()
    protocol.set_parser(cast(WebSocketReader, unread))
    # Without a transport it has none to close.
    protocol.transport = None
    protocol.connection_lost(None)
    return transport, unread.data


class _Unread:
    """Takes what aiohttp has received behind the request."""

    __slots__ = ("data",)

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> None:
        self.data += data

    def feed_eof(self) -> None:
        """Nothing more comes from there."""
