"""The relay's way to Valkey or Redis, whatever it consists of; kept alive.

    Store.call / ask  --->  OneServer  one Wire (commands of a tick in one write)    --->  server or master
                      or    Cluster    one Wire for each master, by the key's slot   --->  masters
    on_message        <---  channels: this node's, all nodes', in a cluster also one for each conversation

A command is sent at most once. When the connection breaks, whatever waited for an answer gets
StoreUnavailable, for nobody knows whether it took effect; callers repeat only what may be repeated. A new
connection is tried at once, then ever more slowly up to a second apart. After each reconnect of the
listening side `on_listening` is called: messages may have been missed, and subscribers must look at the
log.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from teduh_server.redis_store.cluster import Cluster
from teduh_server.redis_store.commands import Answer, Command, OnAnswer, Reply
from teduh_server.redis_store.durability import Durability, seal_of
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.redis_store.keys import QUEUE_SEEN, conversation_channel
from teduh_server.redis_store.location import ClusterLocation, Location
from teduh_server.redis_store.one_server import OneServer
from teduh_server.redis_store.store_fill import StoreFill
from teduh_server.redis_store.wire import resolving

_LISTEN_SECONDS = 2.0
_TRUSTED_SECONDS = 1.0
"""What the server said of its clock counts if it took no longer."""


class Store:
    """A store that reconnects. Start it before use; used by one event loop."""

    __slots__ = ("_loop", "_servers", "_task", "clock_ahead", "held_back", "sharded")

    def __init__(
        self,
        location: Location,
        channels: tuple[bytes, ...] = (),
        on_message: Callable[[bytes], None] | None = None,
        on_listening: Callable[[], None] | None = None,
        *,
        durability: Durability = Durability.MEMORY,
        replicas: int = 0,
    ) -> None:
        """Make it in its event loop. `durability` is what the servers are held to; `replicas` how many must
        have what is accepted.
        """
        seal = seal_of(durability, replicas)
        listener = (on_message or (lambda message: None), on_listening or (lambda: None))
        # Whether commands of different slots go to different servers, and so in no order.
        self.sharded = isinstance(location, ClusterLocation)
        servers = Cluster if self.sharded else OneServer
        self._servers = servers(location, channels, *listener, durability, seal)  # type: ignore[arg-type]  # as above
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        # Whether answers are held until they are kept. Messages of channels are not: they are hints only.
        self.held_back = seal is not None
        self.clock_ahead = 0.0
        """How many seconds the clock of the store is ahead of this node's, as far as known. What one node
        writes and another judges goes by the store's: by their own, a node that goes a minute before would
        take everybody for absent who waits at the others.
        """

    def now_ms(self) -> int:
        """The store's time, milliseconds since 1970."""
        return time.time_ns() // 1_000_000 + int(self.clock_ahead * 1000)

    async def look_at_clock(self) -> None:
        """Compare the two clocks; in a cluster it is the queue's master whose counts. Raises StoreError."""
        began, since = time.time(), time.monotonic()
        reply = await self.ask((b"EVAL", b"return redis.call('TIME')", 1, QUEUE_SEEN))
        took = time.monotonic() - since
        if isinstance(reply, list) and took <= _TRUSTED_SECONDS:
            seconds, microseconds = (int(part) for part in reply if isinstance(part, bytes))
            self.clock_ahead = seconds + microseconds / 1e6 - (began + took / 2)

    @property
    def available(self) -> bool:
        """Whether commands are answered and channels heard; of a cluster, by most masters."""
        return self._servers.available

    @property
    def trouble(self) -> str | None:
        """Why an append would not succeed now, in a word; of a cluster, at most masters. None if it would."""
        return self._servers.trouble

    @property
    def fill(self) -> StoreFill:
        """How full the store was a second ago; of a cluster, its fullest master."""
        return self._servers.fill

    def hears(self, channel: bytes) -> bool:
        """Whether what is published on it reaches this node; in a cluster, where its master is there."""
        return self._servers.hears(channel)

    def begin(self) -> None:
        """Connect, now or as soon as it can be done."""
        self._task = self._loop.create_task(self._servers.keep())

    async def start(self, within: float = 30.0) -> None:
        """The same, and wait for it; raises TimeoutError if that does not succeed within so many seconds."""
        self.begin()
        try:
            async with asyncio.timeout(within):
                await self.ready()
        except BaseException:
            await self.close()
            raise

    async def ready(self) -> None:
        """Return when all its servers are connected and all channels heard."""
        await self._servers.ready()

    async def close(self) -> None:
        """Close all connections; what waits gets StoreUnavailable."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def call(self, command: Command, on_answer: OnAnswer) -> None:
        """Send `command` with this tick's batch; `on_answer` is called once, later, with the reply or a
        StoreError.
        """
        wire = self._servers.wire_for(command)
        if wire is None:
            answer = StoreUnavailable("there is no connection to the store")
            self._loop.call_soon(on_answer, answer)
            return
        wire.call(command, on_answer)

    def call_joined(
        self, command: Command, shared: int, on_answer: OnAnswer, *, at_once: bool = True
    ) -> None:
        """The same for a script that takes many at once; see `Wire.call_joined`."""
        wire = self._servers.wire_for(command)
        if wire is None:
            self.call(command, on_answer)
            return
        wire.call_joined(command, shared, on_answer, at_once=at_once)

    def ask(self, command: Command) -> asyncio.Future[Reply]:
        """The same as a future; raises StoreUnavailable or StoreRefused."""
        future: asyncio.Future[Reply] = self._loop.create_future()
        self.call(command, resolving(future))
        return future

    def send(self, command: Command) -> None:
        """Send a command whose answer matters to nobody."""
        self.call(command, _ignore)

    def publish(self, channel: bytes, message: bytes) -> None:
        """Tell whoever listens to `channel`; nobody may."""
        self.send((self._servers.publish_word, channel, message))

    def publish_confirmed(self, channel: bytes, message: bytes) -> asyncio.Future[Reply]:
        """The same, for what must not be missed: raises StoreUnavailable or StoreRefused."""
        return self.ask((self._servers.publish_word, channel, message))

    def own_channel(self, node_id: str, conversation_id: bytes) -> bytes | None:
        """Where in a cluster a node hears of one conversation; None: where it hears of all."""
        return conversation_channel(node_id, conversation_id) if self.sharded else None

    async def listen(self, channel: bytes) -> None:
        """In a cluster, hear a conversation's own channel from now on; raises StoreUnavailable."""
        try:
            async with asyncio.timeout(_LISTEN_SECONDS):
                await self._servers.listen(channel)
        except TimeoutError:
            raise StoreUnavailable("the channel cannot be heard") from None

    def unlisten(self, channel: bytes) -> None:
        """Hear it no more."""
        self._servers.unlisten(channel)


def _ignore(answer: Answer) -> None:
    """Nobody waits for it."""
