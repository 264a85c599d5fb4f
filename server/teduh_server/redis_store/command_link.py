"""A connection for commands that is made anew whenever it is lost, or says nothing for too long.

    locate --> connect --> AUTH, is it a master, does it keep what is promised, SCRIPT LOAD --> `wire`
       ^                                                                                          |
       +---- broken, a probe without answer, or the place has moved <-----------------------------+

Every second a probe is written, in the way of whatever is accepted (`probe_key`, sealed like the rest). Its
answer says whether an append would succeed now: `trouble` has the cause where it would not, and an append
that the server refuses says so sooner. A server that hangs keeps its connections open, and what waits for
it would wait as long: a probe without an answer is trouble after a second, and after some the connection is
given up. Whatever waited is then StoreUnavailable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from teduh_server.operations import metrics
from teduh_server.operations.log_policy import Trouble
from teduh_server.redis_store import durability, scripts
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.commands import OnRedirect, Reply
from teduh_server.redis_store.durability import SETTINGS_QUESTION, Durability, Seal
from teduh_server.redis_store.exceptions import StoreUnavailable, cause_of
from teduh_server.redis_store.keys import probe_key
from teduh_server.redis_store.reconnecting import keep_trying
from teduh_server.redis_store.sealed_wire import SealedWire
from teduh_server.redis_store.store_fill import FILL_QUESTION, StoreFill, read_fill
from teduh_server.redis_store.wire import Wire

CONNECT_SECONDS = 5.0
WATCH_SECONDS = 1.0
SILENT_SECONDS = 4
_PROBE_MILLISECONDS = 10_000

Locate = Callable[[], Awaitable[StoreAddress]]


class CommandLink:
    """Keeps one Wire to the master that `locate` names."""

    __slots__ = (
        "_durability",
        "_locate",
        "_on_doubt",
        "_on_redirect",
        "_probe",
        "_seal",
        "fill",
        "trouble",
        "up",
        "wire",
    )

    def __init__(
        self,
        locate: Locate,
        promised: Durability = Durability.MEMORY,
        seal: Seal | None = None,
        on_redirect: OnRedirect | None = None,
        on_doubt: Callable[[], None] = lambda: None,
        probe: Callable[[], bytes] = probe_key,
    ) -> None:
        """`on_doubt` is called when it is lost, silent, or cannot be made; `probe` names a key of this server
        that may be written.
        """
        self._locate = locate
        self._durability = promised
        self._seal = seal
        self._on_redirect = on_redirect
        self._on_doubt = on_doubt
        self._probe = probe
        self.wire: Wire | None = None
        self.up = asyncio.Event()
        self.trouble = Trouble("store takes nothing")
        """Why an append would not succeed now; nobody knows before the first probe."""
        self.trouble.cause = "starting"
        self.fill = StoreFill()
        """As it was at the last probe."""

    async def keep(self) -> None:
        """Keep it connected until cancelled."""
        await keep_trying(self._once, self.trouble)

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
            return Wire(on_lost, scripts.SOURCES, self._on_redirect, self._refused)
        return SealedWire(on_lost, scripts.SOURCES, self._on_redirect, self._refused, self._seal)

    def _refused(self, cause: str) -> None:
        """The server has refused something that was to be written."""
        if self._seal is not None and cause == self._seal.cause:
            metrics.NOT_KEPT.inc()
        self.trouble.is_(cause)

    async def _greet(self, wire: Wire, address: StoreAddress) -> None:
        for command in address.greeting():
            await wire.ask(command)
        if not _is_master(await wire.ask((b"ROLE",))):
            raise StoreUnavailable("the server is a replica")
        await durability.verify(wire, self._durability, self._probe())
        # A server that is still reading its AOF answers every command with an error.
        for source in scripts.SOURCES.values():
            await wire.ask((b"SCRIPT", b"LOAD", source))

    async def _watch(self, wire: Wire, address: StoreAddress, lost: asyncio.Event) -> None:
        """Return when the connection is lost, silent, or to the wrong server. Raises StoreNotDurable when it
        does not keep any more what it is to keep.
        """
        while await self._answers(wire, address) and not await self._moved(address):
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCH_SECONDS):
                    await lost.wait()
                    return

    async def _answers(self, wire: Wire, address: StoreAddress) -> bool:
        """Whether a probe is answered in time, and meanwhile no other server takes the place."""
        probe = wire.ask((b"SET", self._probe(), b"", b"PX", _PROBE_MILLISECONDS))
        asked = [probe, wire.ask(FILL_QUESTION)]
        if self._durability is Durability.AOF:
            asked.append(wire.ask(SETTINGS_QUESTION))
        try:
            for _ in range(SILENT_SECONDS):
                await asyncio.wait(asked, timeout=WATCH_SECONDS)
                if all(each.done() for each in asked):
                    self._note(*asked)
                    return True
                self.trouble.is_("silent")
                self._on_doubt()
                if await self._moved(address):
                    return False
            return False
        finally:
            for each in asked:
                each.cancel()

    def _note(
        self,
        probe: asyncio.Future[Reply],
        fill: asyncio.Future[Reply],
        settings: asyncio.Future[Reply] | None = None,
    ) -> None:
        if fill.exception() is None:
            self.fill = read_fill(fill.result())
        if settings is not None and settings.exception() is None:
            durability.check_settings(settings.result())
        # An answer that is not kept as promised yet is a sign of life, too.
        error = probe.exception()
        self.trouble.is_(None if error is None else cause_of(error))

    async def _moved(self, address: StoreAddress) -> bool:
        """Whether there is another master now; False if nobody can say."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._locate() != address
        except (OSError, StoreUnavailable):
            return False


def _is_master(role: Reply) -> bool:
    return isinstance(role, list) and role[0] == b"master"
