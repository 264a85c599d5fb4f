"""A connection for commands that is made anew whenever it is lost, or says nothing for too long.

    locate --> connect --> AUTH, is it a master, does it keep what is promised, SCRIPT LOAD --> `wire`
       ^                                                                                          |
       +---- broken, a PING without answer, or the place has moved <------------------------------+

A server that hangs keeps its connections open, and what waits for it would wait as long; so it is asked for
a sign of life every second, and given up after some. Whatever waited is then StoreUnavailable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from teduh_server.redis_store import durability, scripts
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.durability import Durability, Seal
from teduh_server.redis_store.exceptions import StoreNotDurable, StoreUnavailable
from teduh_server.redis_store.reconnecting import keep_trying
from teduh_server.redis_store.sealed_wire import SealedWire
from teduh_server.redis_store.wire import OnRedirect, Reply, Wire

CONNECT_SECONDS = 5.0
WATCH_SECONDS = 1.0
SILENT_SECONDS = 4

Locate = Callable[[], Awaitable[StoreAddress]]


class CommandLink:
    """Keeps one Wire to the master that `locate` names."""

    __slots__ = ("_durability", "_locate", "_on_doubt", "_on_redirect", "_seal", "not_durable", "up", "wire")

    def __init__(
        self,
        locate: Locate,
        promised: Durability = Durability.MEMORY,
        seal: Seal | None = None,
        on_redirect: OnRedirect | None = None,
        on_doubt: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_doubt` is called when it is lost, silent, or cannot be made."""
        self._locate = locate
        self._durability = promised
        self._seal = seal
        self._on_redirect = on_redirect
        self._on_doubt = on_doubt
        self.wire: Wire | None = None
        self.up = asyncio.Event()
        self.not_durable: StoreNotDurable | None = None

    async def keep(self) -> None:
        """Keep it connected until cancelled."""
        await keep_trying(self._once)

    async def _once(self) -> None:
        lost = asyncio.Event()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                address = await self._locate()
                wire = await address.connect(lambda: self._make(lost.set))
        except BaseException:
            self._on_doubt()
            raise
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._greet(wire, address)
            self.not_durable = None
            self.wire = wire
            self.up.set()
            await self._watch(wire, address, lost)
        finally:
            self.wire = None
            self.up.clear()
            wire.abort()
            self._on_doubt()

    def _make(self, on_lost: Callable[[], None]) -> Wire:
        if self._seal is None:
            return Wire(on_lost, scripts.SOURCES, self._on_redirect)
        return SealedWire(on_lost, scripts.SOURCES, self._on_redirect, self._seal)

    async def _greet(self, wire: Wire, address: StoreAddress) -> None:
        for command in address.greeting():
            await wire.ask(command)
        if not _is_master(await wire.ask((b"ROLE",))):
            raise StoreUnavailable("the server is a replica")
        try:
            await durability.verify(wire, self._durability)
        except StoreNotDurable as error:
            self.not_durable = error
            self.up.set()
            raise
        # A server that is still reading its AOF answers every command with an error.
        for source in scripts.SOURCES.values():
            await wire.ask((b"SCRIPT", b"LOAD", source))

    async def _watch(self, wire: Wire, address: StoreAddress, lost: asyncio.Event) -> None:
        """Return when the connection is lost, silent, or to the wrong server."""
        while not lost.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCH_SECONDS):
                    await lost.wait()
                    return
            if not await self._answers(wire, address) or await self._moved(address):
                return

    async def _answers(self, wire: Wire, address: StoreAddress) -> bool:
        """Whether a PING is answered in time, and meanwhile no other server takes the place."""
        ping = wire.ask((b"PING",))
        try:
            for _ in range(SILENT_SECONDS):
                await asyncio.wait((ping,), timeout=1.0)
                if ping.done():
                    # An answer that is not kept as promised yet is a sign of life, too.
                    ping.exception()
                    return True
                self._on_doubt()
                if await self._moved(address):
                    return False
            return False
        finally:
            ping.cancel()

    async def _moved(self, address: StoreAddress) -> bool:
        """Whether there is another master now; False if nobody can say."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._locate() != address
        except (OSError, StoreUnavailable):
            return False


def _is_master(role: Reply) -> bool:
    return isinstance(role, list) and role[0] == b"master"
