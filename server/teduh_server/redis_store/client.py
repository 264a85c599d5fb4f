"""The relay's way to Valkey or Redis: one connection for commands, one that listens, both kept alive.

    Store.call / ask  --->  Wire (commands of a tick in one write)        --->  server
    on_message        <---  ChannelWire (this node's channel, and all nodes')  <---

A command is sent at most once. When the connection breaks, whatever waited for an answer gets
StoreUnavailable, for nobody knows whether it took effect; callers repeat only what may be repeated. A new
connection is tried at once, then ever more slowly up to a second apart. After each reconnect of the
listening side `on_listening` is called: messages may have been missed, and subscribers must look at the
log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from teduh_server.log_policy import fault, log
from teduh_server.redis_store import scripts
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.exceptions import StoreRefused, StoreUnavailable
from teduh_server.redis_store.wire import Answer, ChannelWire, Command, OnAnswer, Reply, Wire, settling

_LONGEST_WAIT = 1.0
_FIRST_WAIT = 0.02
_CONNECT_SECONDS = 5.0


class Store:
    """A store that reconnects. Start it before use; used by one event loop."""

    __slots__ = (
        "_address",
        "_channels",
        "_keeper",
        "_listener",
        "_listening",
        "_on_listening",
        "_on_message",
        "_tasks",
        "_wire",
        "_working",
    )

    def __init__(
        self,
        address: StoreAddress,
        channels: tuple[bytes, ...] = (),
        on_message: Callable[[bytes], None] | None = None,
        on_listening: Callable[[], None] | None = None,
    ) -> None:
        self._address = address
        self._channels = channels
        self._on_message = on_message or (lambda message: None)
        self._on_listening = on_listening or (lambda: None)
        self._wire: Wire | None = None
        self._listener: ChannelWire | None = None
        self._working = asyncio.Event()
        self._listening = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def available(self) -> bool:
        """Whether both connections stand."""
        return self._working.is_set() and (not self._channels or self._listening.is_set())

    async def start(self, within: float = 30.0) -> None:
        """Connect and load the scripts; raises TimeoutError if that does not succeed within so many
        seconds.
        """
        self._tasks.append(asyncio.create_task(self._keep(self._work)))
        if self._channels:
            self._tasks.append(asyncio.create_task(self._keep(self._listen)))
        try:
            async with asyncio.timeout(within):
                await self._working.wait()
                if self._channels:
                    await self._listening.wait()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close both connections; what waits gets StoreUnavailable."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def call(self, command: Command, on_answer: OnAnswer) -> None:
        """Send `command` with this tick's batch; `on_answer` is called once, later, with the reply or a
        StoreError.
        """
        wire = self._wire
        if wire is None:
            answer = StoreUnavailable("there is no connection to the store")
            asyncio.get_running_loop().call_soon(on_answer, answer)
            return
        wire.call(command, on_answer)

    def ask(self, command: Command) -> asyncio.Future[Reply]:
        """The same as a future; raises StoreUnavailable or StoreRefused."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.call(command, settling(future))
        return future

    def send(self, command: Command) -> None:
        """Send a command whose answer matters to nobody."""
        self.call(command, _ignore)

    async def _keep(self, once: Callable[[], Coroutine[None, None, None]]) -> None:
        wait = _FIRST_WAIT
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await once()
                log().info("connection to the store lost")
            except (OSError, StoreRefused, StoreUnavailable) as error:
                log().info("no connection to the store", error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 -- whatever it was, the relay needs its store
                fault("connection_to_store_failed", error)
            if asyncio.get_running_loop().time() - began > _CONNECT_SECONDS:
                wait = _FIRST_WAIT
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    async def _work(self) -> None:
        """Connect the commands' side, and return when it is lost."""
        lost = asyncio.Event()
        async with asyncio.timeout(_CONNECT_SECONDS):
            wire = await self._address.connect(lambda: Wire(lost.set, scripts.SOURCES))
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._greet(wire)
            self._wire = wire
            self._working.set()
            await lost.wait()
        finally:
            self._wire = None
            self._working.clear()
            wire.abort()

    async def _greet(self, wire: Wire) -> None:
        for command in self._address.greeting():
            await wire.ask(command)
        # A server that is still reading its AOF answers every command with an error.
        for source in scripts.SOURCES.values():
            await wire.ask((b"SCRIPT", b"LOAD", source))

    async def _listen(self) -> None:
        lost, settled = asyncio.Event(), asyncio.Event()

        def gone() -> None:
            lost.set()
            settled.set()

        async with asyncio.timeout(_CONNECT_SECONDS):
            listener = await self._address.connect(lambda: ChannelWire(self._on_message, settled.set, gone))
        try:
            listener.send([*self._address.greeting(), (b"SUBSCRIBE", *self._channels)])
            async with asyncio.timeout(_CONNECT_SECONDS):
                await settled.wait()
            if lost.is_set():
                return
            self._listening.set()
            self._on_listening()
            await lost.wait()
        finally:
            self._listening.clear()
            listener.abort()


def _ignore(answer: Answer) -> None:
    """Nobody waits for it."""
