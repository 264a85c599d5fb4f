"""One WebSocket to the relay, and how long to wait before the next one.

The transport moves whole messages and knows nothing of what is in them; `relay_link` speaks the protocol over
it. Whatever breaks underneath (DNS, TCP, TLS, the relay's close) comes out as `RelayLost`.
"""

from __future__ import annotations

import asyncio
import random
import socket as sockets
import struct
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Final, Protocol
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from teduh_signaling.relay.frames import MAX_FRAME_BYTES, SUBPROTOCOL

from teduh_sdk.exceptions import RelayLost

SOCKET_PATH: Final = "/v1/socket"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_CONNECT_SECONDS: Final = 15.0
_NEXT_ATTEMPT_SECONDS: Final = (1.5, 3.0)
"""How long each attempt to connect is waited for before the next one begins beside it."""
REPLACING_SECONDS: Final = (0.75, 0.75, 0.75)
"""The same where a relay that was there is silent: a proxy may not have noticed yet that it hangs."""
_FIRST_WAIT: Final = 0.25
_LONGEST_WAIT: Final = 4.0
uniform = random.SystemRandom().uniform


class Socket(Protocol):
    """A connection that carries whole binary messages in order.

    It may also have `unsent`: bytes that were sent and have not reached the other machine, as far as that is
    known. While they become fewer the connection lives, though nothing comes back.
    """

    async def send(self, data: bytes) -> None:
        """Send one message; raises `RelayLost`."""

    async def receive(self) -> bytes:
        """The next message; raises `RelayLost` when there will be none."""

    async def close(self) -> None:
        """Close; never raises, and may be called twice."""


Dial = Callable[[], Awaitable[Socket]]
"""Opens a new connection; raises `RelayLost`."""
Sleep = Callable[[float], Awaitable[None]]
"""Waits so many seconds."""


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

    @property
    def unsent(self) -> int:
        """Bytes that the other machine's kernel has not acknowledged; 0 where that is not known."""
        return _unacknowledged(self._socket.get_extra_info("socket"))


def _unacknowledged(socket: sockets.socket | None) -> int:
    """Bytes in the kernel's send queue of a TCP socket; on Linux, where it tells (tcp(7), SIOCOUTQ)."""
    if sys.platform != "linux" or socket is None:
        return 0
    import fcntl
    import termios

    try:
        queued = fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, ValueError):
        return 0
    return int(struct.unpack("i", queued)[0])


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


class AnotherFirst(AbstractResolver):
    """Names each time another one of a host's addresses first: a connection that broke, or is not answered,
    may be the fault of the machine behind its address.
    """

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver
        self._turns = -1

    async def resolve(
        self, host: str, port: int = 0, family: sockets.AddressFamily = sockets.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = await (self._resolver or ThreadedResolver()).resolve(host, port, family)
        self._turns += 1
        first = self._turns % max(1, len(addresses))
        return [*addresses[first:], *addresses[:first]]

    async def close(self) -> None:
        """It holds nothing: a session closes its resolver, and this one outlives sessions."""


def dial_relay(relay_url: str, resolver: AbstractResolver | None = None) -> Dial:
    """How to reach the relay at `relay_url`, for example ``https://relay.example``.

    Each attempt begins with another one of the addresses that `resolver`, by default the system's, gives.
    """
    addresses = AnotherFirst(resolver)

    async def dial() -> Socket:
        # Its own connector: no attempt waits for another's, and no address is remembered.
        connector = aiohttp.TCPConnector(resolver=addresses, use_dns_cache=False)
        session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
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


_let_go: Final[set[asyncio.Future[None]]] = set()
"""What is being closed, which nobody waits for: a machine that hangs does not answer a goodbye either."""


def let_go(close: Coroutine[None, None, None]) -> None:
    """Close in the background."""
    closing = asyncio.ensure_future(close)
    _let_go.add(closing)
    closing.add_done_callback(_let_go.discard)


async def race(
    dial: Dial, sleep: Sleep = asyncio.sleep, seconds: Sequence[float] = _NEXT_ATTEMPT_SECONDS
) -> Socket:
    """The first connection that is made by several attempts: the next begins when those before it have not
    been answered in so many `seconds`, beside them. Raises `RelayLost` when all that have begun have failed.
    """
    attempts = {asyncio.create_task(_made(dial))}
    waits = iter(seconds)
    timer = _timer(sleep, next(waits))
    won: Socket | None = None
    try:
        while won is None:
            waiting: set[asyncio.Future[Socket] | asyncio.Future[None]] = {*attempts, timer}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if timer.done():
                attempts.add(asyncio.create_task(_made(dial)))
                timer = _timer(sleep, next(waits, None))
            won = _first_made(attempts)
    finally:
        timer.cancel()
        let_go(_give_up(attempts, won))
    return won


async def _made(dial: Dial) -> Socket:
    return await dial()


async def _give_up(attempts: set[asyncio.Task[Socket]], won: Socket | None) -> None:
    for attempt in attempts:
        attempt.cancel()
    for left in await asyncio.gather(*attempts, return_exceptions=True):
        if not isinstance(left, BaseException) and left is not won:
            await left.close()


def _first_made(attempts: set[asyncio.Task[Socket]]) -> Socket | None:
    """What one of them has made, if any has; takes out those that have failed and raises when all have."""
    for attempt in [each for each in attempts if each.done()]:
        error = attempt.exception()
        if error is None:
            return attempt.result()
        if len(attempts) == 1 or not isinstance(error, RelayLost):
            raise error
        attempts.remove(attempt)
    return None


def _timer(sleep: Sleep, seconds: float | None) -> asyncio.Future[None]:
    """Done after so many seconds; never, for None."""
    if seconds is None:
        return asyncio.get_running_loop().create_future()
    return asyncio.ensure_future(sleep(seconds))


class Backoff:
    """How long to wait before the next attempt: exponential up to four seconds, with full jitter.

    Full jitter, because after the restart of a relay everybody comes back at once. Four seconds, because a
    person waits: while nothing can be reached, n clients make n/2 attempts each second, and those of n come
    back within four.
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
