"""All keys on one server: a certain one, or the one that Sentinels call the master at the moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.channel_link import ChannelLink
from teduh_server.redis_store.command_link import CommandLink, Locate
from teduh_server.redis_store.commands import Command
from teduh_server.redis_store.durability import Durability, Seal
from teduh_server.redis_store.location import SentinelLocation
from teduh_server.redis_store.questions import current_master
from teduh_server.redis_store.store_fill import StoreFill
from teduh_server.redis_store.wire import Wire


class OneServer:
    """One connection for commands, and one that listens if there are channels."""

    publish_word = b"PUBLISH"

    def __init__(
        self,
        location: StoreAddress | SentinelLocation,
        channels: tuple[bytes, ...],
        on_message: Callable[[bytes], None],
        on_listening: Callable[[], None],
        durability: Durability,
        seal: Seal | None,
    ) -> None:
        locate = _locate(location)
        self._commands = CommandLink(locate, durability, seal)
        self._listener: ChannelLink | None = None
        if channels:
            self._listener = ChannelLink(locate, on_message, on_listening)
            self._listener.begin(*channels)

    @property
    def available(self) -> bool:
        return self._commands.up.is_set() and (self._listener is None or self._listener.up.is_set())

    @property
    def trouble(self) -> str | None:
        return self._commands.trouble.cause

    @property
    def fill(self) -> StoreFill:
        return self._commands.fill

    def hears(self, _: bytes) -> bool:
        """Whether what is published on a channel reaches this node."""
        return self._listener is None or self._listener.up.is_set()

    def wire_for(self, command: Command) -> Wire | None:
        return self._commands.wire

    async def keep(self) -> None:
        """Keep both connected until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._commands.keep())
            if self._listener is not None:
                tasks.create_task(self._listener.keep())

    async def ready(self) -> None:
        """Return when both are connected."""
        await self._commands.up.wait()
        if self._listener is not None:
            await self._listener.up.wait()

    async def listen(self, channel: bytes) -> None:
        """The node's own channel carries everything."""

    def unlisten(self, channel: bytes) -> None:
        """There is nothing to end."""


def _locate(location: StoreAddress | SentinelLocation) -> Locate:
    async def locate() -> StoreAddress:
        if isinstance(location, SentinelLocation):
            return await current_master(location)
        return location

    return locate
