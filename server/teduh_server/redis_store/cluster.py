"""Keys spread over the masters of a cluster by their slot, through resharding and failover.

    command --> key --> slot --> master's CommandLink            channel --> slot --> master's ChannelLink
                                     |                                                   |
                          MOVED / ASK: sent on to the other          SUNSUBSCRIBE by the server, or lost
                                     |                                                   |
                                     +-------> look at the cluster's map anew <----------+

Nodes disagree while a failover goes on, and one that was cut off believes in an old map; so several are
asked, and the one that sees a working cluster and the highest epoch is believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from teduh_server.operations.log_policy import Trouble, fault, note
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.channel_link import ChannelLink
from teduh_server.redis_store.cluster_map import MAP_QUESTIONS, ClusterMap, best_map
from teduh_server.redis_store.command_link import CommandLink
from teduh_server.redis_store.commands import Answer, Command, OnAnswer
from teduh_server.redis_store.durability import Durability, Seal
from teduh_server.redis_store.exceptions import StoreError, StoreUnavailable, cause_of
from teduh_server.redis_store.keys import probe_key
from teduh_server.redis_store.location import ClusterLocation
from teduh_server.redis_store.questions import ask_all
from teduh_server.redis_store.slots import key_of, slot_of
from teduh_server.redis_store.store_fill import StoreFill
from teduh_server.redis_store.wire import Wire

_LOOK_SECONDS = 5.0
"""How often the map is looked at without cause."""
_PAUSE_SECONDS = 0.1
_ASKED = 12
"""Nodes asked at once."""
_MOST_PROBES = 1000


class Cluster:
    """One connection for commands to each master, and one that listens to those that have channels."""

    publish_word = b"SPUBLISH"

    def __init__(
        self,
        location: ClusterLocation,
        channels: tuple[bytes, ...],
        on_message: Callable[[bytes], None],
        on_listening: Callable[[], None],
        durability: Durability,
        seal: Seal | None,
    ) -> None:
        self._seeds = location.seeds
        self._on_message = on_message
        self._on_listening = on_listening
        self._durability = durability
        self._seal = seal
        self._channels = set(channels)
        self._map = ClusterMap((), (), (), 0)
        self._links: dict[StoreAddress, CommandLink] = {}
        self._listeners: dict[StoreAddress, ChannelLink] = {}
        self._keeping: dict[CommandLink | ChannelLink, asyncio.Task[None]] = {}
        self._rejoining: set[asyncio.Task[None]] = set()
        self._stale = asyncio.Event()
        self._mapped = asyncio.Event()
        self._unmapped = Trouble("no map of the cluster")

    @property
    def available(self) -> bool:
        """Whether most masters answer: one that fails over takes its conversations along, not the others."""
        up = sum(link.up.is_set() for link in self._links.values())
        return up * 2 > len(self._links) > 0

    @property
    def trouble(self) -> str | None:
        """The cause where most masters take no writes."""
        causes = [link.trouble.cause for link in self._links.values()]
        failing = [cause for cause in causes if cause is not None]
        if len(causes) - len(failing) > len(failing):
            return None
        return failing[0] if failing else "unknown"

    @property
    def fill(self) -> StoreFill:
        """That of the fullest master."""
        return max(
            (link.fill for link in self._links.values()), key=lambda each: each.share, default=StoreFill()
        )

    def wire_for(self, command: Command) -> Wire | None:
        key = key_of(command)
        if key is None:
            return next((link.wire for link in self._links.values() if link.wire is not None), None)
        owner = self._map.owner(slot_of(key))
        link = None if owner is None else self._links.get(owner)
        return None if link is None else link.wire

    async def keep(self) -> None:
        """Keep the map right and the connections standing until cancelled."""
        try:
            while True:
                await self._look_as_well_as_possible()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS if self._map.masters else _PAUSE_SECONDS):
                        await self._stale.wait()
                self._stale.clear()
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            tasks = [*self._keeping.values(), *self._rejoining]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def ready(self) -> None:
        """Return when all masters are connected and all channels heard."""
        await self._mapped.wait()
        while not self._all_up():  # noqa: ASYNC110 -- masters may be replaced while we wait for them
            await asyncio.sleep(_PAUSE_SECONDS)

    def _all_up(self) -> bool:
        listening = all(listener.up.is_set() for listener in self._listeners.values())
        return listening and all(link.up.is_set() for link in self._links.values())

    # --- channels ---

    async def listen(self, channel: bytes) -> None:
        """Hear a channel; returns when its master has confirmed it. Raises StoreUnavailable."""
        self._channels.add(channel)
        owner = self._map.owner(slot_of(channel))
        if owner is None:
            raise StoreUnavailable("no master has the channel's slot")
        await self._listener(owner).add(channel)

    def hears(self, channel: bytes) -> bool:
        """Whether what is published on it reaches this node."""
        owner = self._map.owner(slot_of(channel))
        return owner is not None and owner in self._listeners and self._listeners[owner].up.is_set()

    def unlisten(self, channel: bytes) -> None:
        self._channels.discard(channel)
        owner = self._map.owner(slot_of(channel))
        if owner is not None and owner in self._listeners:
            self._listeners[owner].drop(channel)

    def _listener(self, owner: StoreAddress) -> ChannelLink:
        if owner not in self._listeners:
            link = ChannelLink(
                lambda: _resolved(owner),
                self._on_message,
                self._on_listening,
                sharded=True,
                on_dropped=self._stale.set,
            )
            self._listeners[owner] = link
            self._keeping[link] = asyncio.create_task(link.keep())
        return self._listeners[owner]

    # --- redirections ---

    def _redirected(self, text: str, command: Command, on_answer: OnAnswer) -> None:
        """`MOVED 3999 127.0.0.1:6381` or `ASK ...`: the command was not done, the other node may do it."""
        kind, slot, place = text.split()[:3]
        self._stale.set()
        link = self._links.get(self._place(place))
        wire = None if link is None else link.wire
        if wire is None:
            on_answer(StoreUnavailable("the slot has moved to a node that is not connected yet"))
            return
        if kind == "ASK":
            Wire.call(wire, (b"ASKING",), _ignore)
        else:
            self._map = self._map.moved(int(slot), self._place(place))
        wire.call(command, on_answer)

    def _place(self, place: str) -> StoreAddress:
        host, _, port = place.rpartition(":")
        return self._seeds[0].at(host, int(port))

    # --- the map ---

    async def _look_as_well_as_possible(self) -> None:
        try:
            await self._look()
            self._unmapped.is_(None)
        except StoreError as error:
            self._unmapped.is_(cause_of(error))
        except Exception as error:  # noqa: BLE001 -- whatever it was, the relay needs the next map
            fault("cluster_map_not_read", error)

    async def _look(self) -> None:
        known = dict.fromkeys((*self._map.masters, *self._map.replicas, *self._seeds))
        answers = await ask_all(list(known)[:_ASKED], *MAP_QUESTIONS)
        self._adopt(best_map(answers))

    def _adopt(self, new: ClusterMap) -> None:
        if new.masters != self._map.masters:
            note("the cluster has other masters", masters=len(new.masters))
        self._map = new
        for address in new.masters:
            if address not in self._links:
                self._connect(address)
        for address in [each for each in self._links if each not in new.masters]:
            self._end(self._links.pop(address))
        self._place_channels()
        for address in [each for each in self._listeners if not self._listeners[each].channels]:
            self._end(self._listeners.pop(address))
        self._mapped.set()

    def _connect(self, address: StoreAddress) -> None:
        link = CommandLink(
            lambda: _resolved(address),
            self._durability,
            self._seal,
            self._redirected,
            self._stale.set,
            lambda: self._probe(address),
        )
        self._links[address] = link
        self._keeping[link] = asyncio.create_task(link.keep())

    def _probe(self, address: StoreAddress) -> bytes:
        """A key of this master's; the last if it has hardly any slot."""
        for number in range(_MOST_PROBES):
            key = probe_key(number)
            if self._map.owner(slot_of(key)) == address:
                break
        return key

    def _end(self, link: CommandLink | ChannelLink) -> None:
        self._keeping.pop(link).cancel()

    def _place_channels(self) -> None:
        """Listen to every channel where its slot is now."""
        moved = []
        for channel in self._channels:
            owner = self._map.owner(slot_of(channel))
            if owner is None or (owner in self._listeners and channel in self._listeners[owner].channels):
                continue
            for link in self._listeners.values():
                link.forget(channel)
            self._listener(owner).begin(channel)
            moved.append((owner, channel))
        if moved:
            task = asyncio.create_task(self._heard_again(moved))
            self._rejoining.add(task)
            task.add_done_callback(self._rejoining.discard)

    async def _heard_again(self, moved: list[tuple[StoreAddress, bytes]]) -> None:
        """What was published while a channel had no listener is looked for."""
        for owner, channel in moved:
            if owner in self._listeners:
                await self._listeners[owner].add(channel)
        self._on_listening()


async def _resolved(address: StoreAddress) -> StoreAddress:
    return address


def _ignore(answer: Answer) -> None:
    """The next answer tells."""
