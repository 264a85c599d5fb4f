"""The leave beacon of a page that is being closed, for there may be no time left for the socket.

    POST /    up to four times: conversation id (16 bytes) || capability (32 bytes)    204

The path is the page's own, so that nothing stands in a browser's files or a proxy's that the page's address
does not say as well.

Whoever holds the capability of a conversation may leave it; there is nothing else in it that could tell
who she is or what was said. The answer is the same whether or not there was such a conversation, and empties
nothing in the browser: this is the way of a tab that is closed calmly, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from teduh_server.conversation_log.refused_append import RETRY_AFTER_MS
from teduh_server.http.served_pages import NO_STORE
from teduh_server.redis_store.exceptions import StoreError

BEACON_PATH: Final = "/"
_ID, _CAPABILITY = 16, 32
_ONE = _ID + _CAPABILITY
_MOST = 4 * _ONE

Leave = Callable[[bytes, bytes], Awaitable[None]]
"""Ends the survivor's membership: conversation id, SHA-256 of the capability. Raises StoreError."""


def leave_beacon_routes(leave: Leave, allow: Callable[[web.Request], bool]) -> list[web.RouteDef]:
    """The route; `allow` says no to a source that asks too often."""

    async def take(request: web.Request) -> web.Response:
        if not allow(request):
            raise web.HTTPTooManyRequests(headers={"Retry-After": "1"})
        content = await _content(request)
        try:
            for at in range(0, len(content), _ONE):
                conversation_id, capability = content[at : at + _ID], content[at + _ID : at + _ONE]
                await leave(conversation_id, hashlib.sha256(capability).digest())
        except StoreError:
            retry = {"Retry-After": str(-(-RETRY_AFTER_MS // 1000))}
            raise web.HTTPServiceUnavailable(headers=retry) from None
        return web.Response(status=204, headers={"Cache-Control": NO_STORE})

    return [web.post(BEACON_PATH, take)]


async def _content(request: web.Request) -> bytes:
    """The body; raises HTTPBadRequest for what is no row of conversations and capabilities."""
    length = request.content_length or 0
    if not 0 < length <= _MOST or length % _ONE:
        raise web.HTTPBadRequest(
            text=f"a leave beacon has {_ONE} bytes, and {_MOST // _ONE} may go together\n"
        )
    return await request.content.readexactly(length)
