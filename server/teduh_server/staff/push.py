"""Waking staff devices that are not connected: "somebody is waiting", and not a word more.

::

    SubscribePush --> allowed endpoint? --> {push} hash: device -> address, until the statement ends
    a request waits, nobody who is there can be asked
        --> once in a while: every subscribed device that is not connected
        --> encrypted for the browser (RFC 8291), signed by the relay's key (RFC 8292) --> push service

A push service learns that this browser was woken by this relay, and when; the message itself is the same
every time. The relay talks to known services only, over HTTPS, and follows no redirect: an endpoint is an
address that a client chose, and must not lead the relay into its own network.

    key                   type    holds                                      expires
    push:{push}:devices   hash    <device id> -> `Address`, in MessagePack   with its last entry
    push:{push}:woken     string  it is not time yet                         after `every_seconds`
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import aiohttp
from msgspec import Struct, msgpack
from teduh_signaling.relay.frames import SubscribePush
from yarl import URL

from teduh_server.operations.log_policy import note
from teduh_server.organisation.staff_authentication import StaffDevice
from teduh_server.redis_store import routing_scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.exceptions import StoreError

if TYPE_CHECKING:
    from teduh_server.staff.push_message import PushKey, PushMessage

_SEND_SECONDS: Final = 10.0
_AT_ONCE: Final = 16
"""To each service: one that hangs holds up none of the others."""
_GONE: Final = frozenset({404, 410})
"""RFC 8030, 7.3: the subscription is no more."""
_REFUSED: Final = 400
Slots = defaultdict[URL, asyncio.Semaphore]
"""By service."""


class EndpointNotAllowed(Exception):
    """The endpoint belongs to no push service that this relay talks to."""


class Address(Struct, frozen=True, array_like=True):
    """Where and how one device is woken; `ends` with its statement, in seconds since 1970."""

    statement_id: str
    subject: str

    endpoint: str
    public_key: bytes
    secret: bytes
    ends: int


_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(Address).decode


class PushServices:
    """The services that may be talked to."""

    def __init__(self, hosts: tuple[str, ...], *, unsafe_loopback: bool = False) -> None:
        """`unsafe_loopback` is for tests: plain HTTP to this machine, on whatever port."""
        self._hosts = hosts
        self._unsafe_loopback = unsafe_loopback

    def check(self, endpoint: str) -> URL:
        """The endpoint's address; raises `EndpointNotAllowed`."""
        try:
            url = URL(endpoint)
        except ValueError as error:
            raise EndpointNotAllowed("not an address") from error
        host = (url.host or "").lower()
        if self._unsafe_loopback and host == "127.0.0.1":
            return url
        if url.scheme != "https" or url.explicit_port not in (None, 443) or url.user is not None:
            raise EndpointNotAllowed("not a plain https address")
        if not any(_matches(host, pattern) for pattern in self._hosts):
            raise EndpointNotAllowed("not one of the push services")
        return url


def _matches(host: str, pattern: str) -> bool:
    if not pattern.startswith("*."):
        return host == pattern
    name, _, domain = host.partition(".")
    return bool(name) and domain == pattern[2:]


class Push:
    """Who wants to be woken, and the waking."""

    def __init__(
        self,
        store: Store,
        services: PushServices,
        key: PushKey,
        connected: Callable[[], set[bytes]],
        is_believed: Callable[[bytes, str, str], bool],
        spawn: Callable[[Coroutine[None, None, None]], None],
        *,
        every_seconds: float,
    ) -> None:
        """`connected` are the device ids that need not be woken; `is_believed` tells whether nothing of a
        device, statement id and pseudonymous id is revoked.
        """
        self._store = store
        self._services = services
        self._key = key
        self._connected = connected
        self._is_believed = is_believed
        self._spawn = spawn
        self._every_ms = int(every_seconds * 1000)

    @property
    def public_key(self) -> bytes:
        """65 bytes, for the browser's subscription."""
        return self._key.public

    async def subscribe(self, staff: StaffDevice, frame: SubscribePush) -> None:
        """Wake this device until its statement ends. Raises `EndpointNotAllowed`, StoreError."""
        self._services.check(frame.endpoint)
        address = Address(
            staff.statement_id, staff.subject, frame.endpoint, frame.public_key, frame.secret, staff.expires
        )
        kept_ms = max(1, staff.expires - int(time.time())) * 1000
        await self._store.ask(routing_scripts.put_push(staff.device_id, _encode(address), kept_ms))

    async def unsubscribe(self, device_id: bytes) -> None:
        """Wake it no more. Raises StoreError."""
        await self._store.ask(routing_scripts.drop_push(device_id))

    async def _forget(self, device_id: bytes, address: Address) -> None:
        """It cannot be woken by this address; it may have given another meanwhile. Raises StoreError."""
        await self._store.ask(routing_scripts.drop_push(device_id, _encode(address)))

    async def wake(self) -> None:
        """Somebody waits: wake whoever is not connected, unless that was done a moment ago. Raises
        StoreError.
        """
        if await self._store.ask(routing_scripts.begin_waking(self._every_ms)) is None:
            return
        packed = routing_scripts.push_addresses(await self._store.ask(routing_scripts.read_push()))
        addresses = {device: _decode(address) for device, address in packed.items()}
        for device, address in addresses.items():
            if not self._is_still_staff(device, address):
                await self._forget(device, address)
        connected = self._connected()
        self._spawn(
            self._wake_all(
                {
                    device: address
                    for device, address in addresses.items()
                    if device not in connected and self._is_still_staff(device, address)
                }
            )
        )

    def _is_still_staff(self, device_id: bytes, address: Address) -> bool:
        believed = self._is_believed(device_id, address.statement_id, address.subject)
        return believed and address.ends > time.time()

    async def _wake_all(self, due: dict[bytes, Address]) -> None:
        if not due:
            return
        slots: Slots = defaultdict(lambda: asyncio.Semaphore(_AT_ONCE))
        timeout = aiohttp.ClientTimeout(total=_SEND_SECONDS)
        # No cookie is kept from one service to the next, and no proxy taken from the environment.
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            await asyncio.gather(*(self._wake_one(session, slots, *each) for each in due.items()))

    async def _wake_one(
        self, session: aiohttp.ClientSession, slots: Slots, device_id: bytes, address: Address
    ) -> None:
        try:
            url = self._services.check(address.endpoint)
            async with slots[url.origin()]:
                message = self._key.message(address.endpoint, address.public_key, address.secret)
                status = await _post(session, url, message)
        except (EndpointNotAllowed, ValueError):
            status = 410
        except (aiohttp.ClientError, TimeoutError) as error:
            note("a push service did not answer", error=type(error).__name__)
            return
        if status in _GONE:
            with suppress(StoreError):
                await self._forget(device_id, address)
        elif status >= _REFUSED:
            # Nobody else would notice that the relay's key, contact or clock is wrong.
            note("a push service refused", logging.WARNING, status=status)


async def _post(session: aiohttp.ClientSession, url: URL, message: PushMessage) -> int:
    # What a redirect leads to was checked by nobody.
    async with session.post(url, data=message.body, headers=message.headers, allow_redirects=False) as answer:
        return answer.status
