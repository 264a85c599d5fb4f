"""A connection that listens to channels, made anew whenever it is lost, or says nothing for too long.

Every channel is confirmed by the server before `add` returns, so whatever is published after that is heard.
After each new connection `on_listening` is called: messages may have been missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from teduh_server.operations.log_policy import Trouble
from teduh_server.redis_store.command_link import CONNECT_SECONDS, SILENT_SECONDS, WATCH_SECONDS, Locate
from teduh_server.redis_store.reconnecting import keep_trying
from teduh_server.redis_store.wire import ChannelWire


class ChannelLink:
    """Keeps one ChannelWire to the server that `locate` names, subscribed to a changing set of channels."""

    __slots__ = (
        "_channels",
        "_locate",
        "_on_dropped",
        "_on_listening",
        "_on_message",
        "_sharded",
        "_trouble",
        "_unconfirmed",
        "_wire",
        "up",
    )

    def __init__(
        self,
        locate: Locate,
        on_message: Callable[[bytes], None],
        on_listening: Callable[[], None],
        *,
        sharded: bool = False,
        on_dropped: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_dropped` is called when the connection or a channel is lost: there may be another owner."""
        self._locate = locate
        self._on_message = on_message
        self._on_listening = on_listening
        self._sharded = sharded
        self._on_dropped = on_dropped
        self._channels: set[bytes] = set()
        self._unconfirmed: dict[bytes, asyncio.Event] = {}
        self._wire: ChannelWire | None = None
        self._trouble = Trouble("store is not heard")
        self.up = asyncio.Event()

    @property
    def channels(self) -> frozenset[bytes]:
        return frozenset(self._channels)

    async def keep(self) -> None:
        """Keep it connected until cancelled."""
        await keep_trying(self._once, self._trouble)

    def begin(self, *channels: bytes) -> None:
        """Listen to these too, as soon as there is a connection."""
        new = [channel for channel in channels if channel not in self._channels]
        self._channels.update(new)
        for channel in new:
            self._unconfirmed.setdefault(channel, asyncio.Event())
        self._subscribe(new)

    async def add(self, channel: bytes) -> None:
        """Listen to a channel, and return when the server has confirmed it."""
        self.begin(channel)
        while (unconfirmed := self._unconfirmed.get(channel)) is not None:
            await unconfirmed.wait()

    def drop(self, channel: bytes) -> None:
        """Listen to it no more."""
        self.forget(channel)
        if self._wire is not None:
            self._wire.send([(b"SUNSUBSCRIBE" if self._sharded else b"UNSUBSCRIBE", channel)])

    def forget(self, channel: bytes) -> None:
        """The same without telling the server, whose channel it is no more."""
        self._channels.discard(channel)
        self._confirmed(channel)

    def _subscribe(self, channels: list[bytes]) -> None:
        if self._wire is None:
            return
        word = b"SSUBSCRIBE" if self._sharded else b"SUBSCRIBE"
        if self._sharded:
            # One command may only name channels of one slot.
            self._wire.send([(word, channel) for channel in channels])
        elif channels:
            self._wire.send([(word, *channels)])

    def _confirmed(self, channel: bytes) -> None:
        unconfirmed = self._unconfirmed.pop(channel, None)
        if unconfirmed is not None:
            unconfirmed.set()

    def _dropped(self, channel: bytes) -> None:
        if channel in self._channels:
            # The slot has moved; it may come back, and then the channel must be asked for again.
            self._channels.discard(channel)
            self._on_dropped()

    async def _once(self) -> None:
        lost = asyncio.Event()
        async with asyncio.timeout(CONNECT_SECONDS):
            address = await self._locate()
            wire = await address.connect(
                lambda: ChannelWire(self._on_message, self._confirmed, lost.set, self._dropped)
            )
        try:
            wire.send(address.greeting())
            for channel in self._channels:
                self._unconfirmed.setdefault(channel, asyncio.Event())
            self._wire = wire
            self._subscribe(list(self._channels))
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._all_confirmed(lost)
            if lost.is_set():
                return
            self.up.set()
            self._trouble.is_(None)
            self._on_listening()
            await self._watch(wire, lost)
        finally:
            self._wire = None
            self.up.clear()
            wire.abort()
            self._on_dropped()

    async def _all_confirmed(self, lost: asyncio.Event) -> None:
        broken = asyncio.ensure_future(lost.wait())
        try:
            for channel in list(self._channels):
                unconfirmed = self._unconfirmed.get(channel)
                if unconfirmed is not None and not lost.is_set():
                    confirmed = asyncio.ensure_future(unconfirmed.wait())
                    await asyncio.wait((confirmed, broken), return_when=asyncio.FIRST_COMPLETED)
                    confirmed.cancel()
        finally:
            broken.cancel()

    async def _watch(self, wire: ChannelWire, lost: asyncio.Event) -> None:
        silent = 0.0
        while not lost.is_set() and silent < SILENT_SECONDS:
            wire.heard = False
            wire.send([(b"PING",)])
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCH_SECONDS):
                    await lost.wait()
            silent = 0.0 if wire.heard else silent + WATCH_SECONDS
