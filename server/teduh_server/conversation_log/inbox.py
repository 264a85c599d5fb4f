"""A staff device's invitations into conversations, kept until it has dealt with them.

Invitations live in the store, so that a device finds them when it comes back; all nodes hear of a new one,
and whichever node the device is connected to reads its inbox on from where it stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from teduh_signaling.relay.frames import InboxItem

from teduh_server.cluster import node_channel
from teduh_server.cluster.node_channel import NodeChannel
from teduh_server.redis_store import inbox_scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL, InboxKeys
from teduh_server.session.connection import Connection

_PAGE_ITEMS = 64
_STORE_PAUSE_SECONDS = 0.1


class Inbox:
    """All inboxes, and the connections on this node that read them."""

    def __init__(
        self,
        store: Store,
        channel: NodeChannel,
        retention_ms: int,
        spawn: Callable[[Coroutine[None, None, None]], None],
    ) -> None:
        self._store = store
        self._retention_ms = retention_ms
        self._spawn = spawn
        self._readers: dict[bytes, list[Connection]] = {}
        channel.on(node_channel.INBOX_ITEM, self._notice)

    async def add(self, device_id: bytes, conversation_id: bytes, after: int) -> None:
        """Invite a device; repeating it changes nothing. Raises StoreError."""
        inbox = InboxKeys.of(device_id)
        await self._store.ask(inbox_scripts.add_inbox_item(inbox, conversation_id, after, self._retention_ms))
        await self._store.publish_confirmed(ALL_NODES_CHANNEL, bytes((node_channel.INBOX_ITEM,)) + device_id)

    def attach(self, connection: Connection, device_id: bytes) -> None:
        """Deliver everything not yet acknowledged, and whatever comes."""
        self._readers.setdefault(device_id, []).append(connection)
        self._notice_one(connection, device_id)

    def detach(self, connection: Connection, device_id: bytes) -> None:
        readers = self._readers.get(device_id, [])
        if connection in readers:
            readers.remove(connection)
        if not readers:
            self._readers.pop(device_id, None)

    def acknowledge(self, device_id: bytes, seq: int) -> None:
        """Everything up to `seq` is dealt with."""
        self._store.send(inbox_scripts.acknowledge_inbox(InboxKeys.of(device_id), seq))

    async def forget(self, device_id: bytes, conversation_id: bytes, before: int) -> None:
        """The device leaves this conversation, or was removed: its inbox names it no more, unless a commit at
        the seq `before` or later has invited it again. Raises StoreError.
        """
        inbox = InboxKeys.of(device_id)
        await self._store.ask(inbox_scripts.forget_inbox_item(inbox, conversation_id, before))

    def look_again(self) -> None:
        """Notices may have been missed: look into every inbox that somebody reads here."""
        for device_id in self._readers:
            self._notice(device_id)

    def _notice(self, device_id: bytes) -> None:
        for connection in self._readers.get(device_id, ()):
            self._notice_one(connection, device_id)

    def _notice_one(self, connection: Connection, device_id: bytes) -> None:
        if not connection.inbox_dirty:
            connection.inbox_dirty = True
            self._spawn(self._deliver(connection, device_id))

    async def _deliver(self, connection: Connection, device_id: bytes) -> None:
        while not connection.closed:
            connection.inbox_dirty = True
            try:
                reply = await self._store.ask(
                    inbox_scripts.read_inbox(InboxKeys.of(device_id), connection.inbox_seq, _PAGE_ITEMS)
                )
            except StoreUnavailable:
                await asyncio.sleep(_STORE_PAUSE_SECONDS)
                continue
            # From here to the end of the page nothing waits, so a notice that comes later starts anew.
            connection.inbox_dirty = False
            items = inbox_scripts.invitations(reply)
            for item in items:
                connection.send(InboxItem(item.seq, item.conversation_id, item.after))
                connection.inbox_seq = item.seq
            if len(items) < _PAGE_ITEMS:
                return
            if connection.congested:
                await connection.drain()
