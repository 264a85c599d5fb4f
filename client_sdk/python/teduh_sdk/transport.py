"""One WebSocket to the relay, and how long to wait before the next one.

The transport moves whole messages and knows nothing of what is in them; `relay_link` speaks the protocol over
it. Whatever breaks underneath (DNS, TCP, TLS, the relay's close) comes out as `RelayLost`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, Protocol
from urllib.parse import urlsplit

import aiohttp
from teduh_signaling.relay.frames import MAX_FRAME_BYTES, SUBPROTOCOL

from teduh_sdk.exceptions import RelayLost

SOCKET_PATH: Final = "/v1/socket"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_CONNECT_SECONDS: Final = 15.0
_FIRST_WAIT: Final = 0.25
_LONGEST_WAIT: Final = 20.0
uniform = random.SystemRandom().uniform


class Socket(Protocol):
    """A connection that carries whole binary messages in order."""

    async def send(self, data: bytes) -> None:
        """Send one message; raises `RelayLost`."""

    async def receive(self) -> bytes:
        """The next message; raises `RelayLost` when there will be none."""

    async def close(self) -> None:
        """Close; never raises, and may be called twice."""


Dial = Callable[[], Awaitable[Socket]]
"""Opens a new connection; raises `RelayLost`."""


class WebSocket:
    """A `Socket` over aiohttp."""

    __slots__ = ("_session", "_socket")

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._session = session
        self._socket = socket

    async def send(self, data: bytes) -> None:
        try:
            await self._socket.send_bytes(data)
        except (aiohttp.ClientError, ConnectionError, RuntimeError) as error:
            raise RelayLost("the connection to the relay broke") from error

    async def receive(self) -> bytes:
        message = await self._socket.receive()
        if message.type is not aiohttp.WSMsgType.BINARY:
            raise RelayLost("the relay closed the connection")
        data: bytes = message.data
        return data

    async def close(self) -> None:
        try:
            await self._socket.close()
        finally:
            await self._session.close()


def relay_origin(relay_url: str) -> str:
    """The origin of a relay's address as browsers write it: in lower case, without a path or the scheme's own
    port. The relay knows itself by that, and staff devices sign it.

    Raises ValueError for what is no address of a relay: nothing would ever answer there.
    """
    parts = urlsplit(relay_url)
    host = parts.hostname
    if parts.scheme not in _DEFAULT_PORTS or not host:
        raise ValueError(f"{relay_url!r} is no address of a relay, such as https://relay.example")
    host = f"[{host}]" if ":" in host else host.encode("idna").decode()
    is_default = parts.port in (None, _DEFAULT_PORTS[parts.scheme])
    return f"{parts.scheme}://{host}" + ("" if is_default else f":{parts.port}")


def dial_relay(relay_url: str) -> Dial:
    """How to reach the relay at `relay_url`, for example ``https://relay.example``."""

    async def dial() -> Socket:
        session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        try:
            # aiohttp itself waits five minutes for somebody who accepts the connection and says nothing.
            async with asyncio.timeout(_CONNECT_SECONDS):
                socket = await session.ws_connect(
                    relay_url.rstrip("/") + SOCKET_PATH,
                    protocols=(SUBPROTOCOL,),
                    # Compression would leak what is padded away.
                    compress=0,
                    max_msg_size=MAX_FRAME_BYTES,
                    headers={"User-Agent": "teduh"},
                    timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
                    receive_timeout=None,
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            await session.close()
            raise RelayLost("the relay cannot be reached") from error
        except BaseException:
            await session.close()
            raise
        if socket.protocol != SUBPROTOCOL:
            await WebSocket(session, socket).close()
            raise RelayLost("whoever answered does not speak this protocol")
        return WebSocket(session, socket)

    return dial


class Backoff:
    """How long to wait before the next attempt: exponential, with full jitter.

    Full jitter, because after the restart of a relay everybody comes back at once.
    """

    __slots__ = ("_at_least", "_attempts", "_jitter", "_within")

    def __init__(self, jitter: Callable[[float, float], float] = uniform) -> None:
        self._jitter = jitter
        self._attempts = 0
        self._at_least = 0.0
        self._within: float | None = None

    def succeeded(self) -> None:
        """The relay answered, and stayed: begin anew with short waits."""
        self._attempts = 0

    def asked_to_wait(self, seconds: float) -> None:
        """The relay asked not to be tried again before."""
        self._at_least = seconds

    def asked_to_move(self, within: float) -> None:
        """The node is about to stop and asks its clients to spread over this time, in seconds."""
        self._within = within

    def next_wait(self) -> float:
        """Seconds to wait now."""
        longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(self._attempts, 16))
        if self._within is not None:
            longest = self._within
        else:
            self._attempts += 1
        wait = self._at_least + self._jitter(0.0, longest)
        self._at_least, self._within = 0.0, None
        return wait
