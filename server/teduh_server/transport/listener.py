"""Where every connection arrives: a WebSocket begins here at once, and anything else is aiohttp's.

aiohttp makes a task, a timer, a request, a route and a response for each connection, before the WebSocket
takes all that away again; that was a third of what it cost to let somebody in. So the first bytes are looked
at here, once a head is whole:

::

    listening socket --> _Visitor --> the whole head of GET /v1/socket, and welcome? -- yes --> WebSocket
                                                                  |
                                                                  no --> aiohttp's protocol, with all bytes

This is a short cut and no second set of rules. It refuses only whoever comes too fast: whatever else is not
surely welcome (another path, a head without end, a wrong header) is aiohttp's from its first byte
on, and the route of the socket there asks the same questions and says why not. So does what comes later
on a connection, for proxies use theirs again. The head is read by aiohttp's own parser, under aiohttp's
limits, so that both ways read the same bytes alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Protocol, cast

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser
from aiohttp.streams import EMPTY_PAYLOAD

from teduh_server.transport.unused_connections import Closable, UnusedConnections

_BODY_BYTES = 2**16
_HEAD_END = b"\r\n\r\n"
_HEAD_BYTES = 8192
"""So much of a head is waited for here; what is longer aiohttp judges."""


class Enter(Protocol):
    """Begin the WebSocket of a request with these headers, if it is welcome, or send away who comes too fast;
    whether either was done.
    """

    def __call__(
        self, transport: asyncio.Transport, headers: Mapping[str, str], unread: bytes, /
    ) -> bool: ...


class Others(Protocol):
    """aiohttp's server, as far as it matters here."""

    @property
    def connections(self) -> Collection[Closable]:
        """Those that are open, in the order in which they came."""

    def __call__(self) -> asyncio.Protocol: ...


class ConnectionListener:
    """The protocol factory of one listening socket."""

    __slots__ = ("_enter", "_loop", "_nobody", "_others", "_request_line", "_unused", "silent")

    def __init__(
        self,
        path: str | None,
        enter: Enter,
        others: Others,
        unused: UnusedConnections,
    ) -> None:
        """`others` makes the protocol of whatever is no WebSocket for `path`; None: nothing is one. `unused`
        bounds how many there are of them, and of those who say nothing.
        """
        self._request_line = b"" if path is None else f"GET {path} HTTP/1.1\r\n".encode("ascii")
        self._enter = enter
        self._others = others
        self._unused = unused
        self._loop = asyncio.get_running_loop()
        # The parser wants somebody whose reading it may pause; it never does where no body is read.
        self._nobody = BaseProtocol(self._loop)
        # In the order in which they came.
        self.silent: dict[_Visitor, None] = {}
        """Who is connected and has not asked for anything yet; see `unused_connections`."""

    def __call__(self) -> asyncio.Protocol:
        return _Visitor(self)

    def came(self, visitor: _Visitor) -> None:
        """Somebody is connected."""
        self._unused.make_room(self.silent)
        self.silent[visitor] = None

    async def sweep_forever(self) -> None:
        """Drop whoever is unused for too long, silent or aiohttp's."""
        await self._unused.sweep_forever(lambda: (*self.silent, *self._others.connections))

    def close(self) -> None:
        """Drop who has said nothing."""
        for visitor in list(self.silent):
            visitor.force_close()

    def receive(self, transport: asyncio.Transport, data: bytes) -> None:
        """The first bytes of a connection."""
        if self._request_line and data.startswith(self._request_line) and (end := data.find(_HEAD_END)) > 0:
            headers = self._headers(data[: end + len(_HEAD_END)])
            if headers is not None and self._enter(transport, headers, data[end + len(_HEAD_END) :]):
                return
        self._unused.make_room(self._others.connections)
        protocol = self._others()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)

    def _headers(self, head: bytes) -> Mapping[str, str] | None:
        """The headers of one request that asks for an upgrade and has no body; None if it is none."""
        parser = HttpRequestParser(self._nobody, self._loop, _BODY_BYTES)
        try:
            messages, upgraded, _ = parser.feed_data(head)
        except HttpProcessingError:
            return None
        if not upgraded or len(messages) != 1 or messages[0][1] is not EMPTY_PAYLOAD:
            return None
        return messages[0][0].headers


def _may_be_half_a_head(data: bytes) -> bool:
    """Whether more is to come before anybody needs to look: of HTTP, and within any limit."""
    return _HEAD_END not in data and len(data) < _HEAD_BYTES and data[:1].isupper()


class _Visitor(asyncio.Protocol):
    """A connection until its first head is whole, which costs next to nothing until then."""

    __slots__ = ("_head", "_listener", "_transport")

    def __init__(self, listener: ConnectionListener) -> None:
        self._listener = listener
        self._head = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by inheritance.
        self._transport = cast(asyncio.Transport, transport)
        self._listener.came(self)

    def data_received(self, data: bytes) -> None:
        head = self._head + data if self._head else data
        if _may_be_half_a_head(head):
            self._head = head
            return
        self._listener.silent.pop(self, None)
        assert self._transport is not None
        self._listener.receive(self._transport, head)

    def connection_lost(self, exc: Exception | None) -> None:
        self._listener.silent.pop(self, None)

    def force_close(self) -> None:
        """As aiohttp's protocols have it."""
        if self._transport is not None:
            self._transport.abort()
