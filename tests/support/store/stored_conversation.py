"""One conversation in a store, worked by the scripts alone."""

from __future__ import annotations

import asyncio

from teduh_server.redis_store import scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Command, Reply
from teduh_server.redis_store.keys import ConversationKeys
from teduh_server.redis_store.replies import as_list
from teduh_server.redis_store.scripts import Appended, LogLimits, MemberState, NotAppended, Rejoined
from teduh_server.redis_store.wire import resolving
from teduh_signaling.relay.codec import decode_relay_frame
from teduh_signaling.relay.entry import entry_template
from teduh_signaling.relay.frames import Entry, EntryKind

NODE, OTHER_NODE = "a" * 16, "b" * 16
RETENTION_MS = 1_000_000
CAPABILITY_HASH = b"h" * 32
NOW_MS = 1_800_000_000_000


class StoredConversation:
    """The conversation `id`."""

    def __init__(self, store: Store, conversation_id: bytes = b"conversation id!") -> None:
        self.store = store
        self.id = conversation_id
        self.keys = ConversationKeys.of(conversation_id)
        self.limits = LogLimits(NODE, RETENTION_MS, 1000, 1_000_000)

    async def create(self) -> object:
        command = scripts.create_conversation(self.keys, CAPABILITY_HASH, NODE, NOW_MS, RETENTION_MS)
        return await self.store.ask(command)

    async def create_taken(self) -> object:
        """Create it with a staff device as member 1, which may append as much as the log takes."""
        created = await self.create()
        await self.admit(b"device of staff!")
        return created

    async def append(
        self, member: int, counter: int, payload: bytes = b"payload", *, epoch: int = 0, now_ms: int = NOW_MS
    ) -> Appended | NotAppended:
        entry = entry_template(self.id, member, counter, EntryKind.MESSAGE, epoch, payload)
        command = scripts.append(self.keys, member, counter, 0, epoch, entry, now_ms, self.limits)
        return scripts.append_result(await ask_joined(self.store, command, scripts.SHARED))

    async def commit(
        self,
        member: int,
        counter: int,
        *,
        epoch: int,
        welcome: bytes | None = None,
        added: tuple[bytes, ...] = (),
        removed: tuple[bytes, ...] = (),
    ) -> Appended | NotAppended:
        entry = entry_template(self.id, member, counter, EntryKind.COMMIT, epoch, b"commit")
        opened = b""
        if welcome is not None:
            opened = entry_template(self.id, member, 0, EntryKind.WELCOME, epoch + 1, welcome)
        command = scripts.append_commit(
            self.keys, member, counter, epoch, entry, NOW_MS, self.limits, opened, added, removed
        )
        return scripts.append_result(as_list(await self.store.ask(command))[0])

    async def admit(self, device_id: bytes) -> object:
        return await self.store.ask(scripts.admit_claimant(self.keys, device_id))

    async def acknowledge(self, member: int, seq: int) -> object:
        command = scripts.acknowledge(self.keys, member, seq)
        return await ask_joined(self.store, command, 0, at_once=False)

    async def subscribe(
        self, *, capability_hash: bytes | None = None, device_id: bytes | None = None, node: str = NODE
    ) -> MemberState | None:
        command = scripts.subscribe(
            self.keys,
            self.id,
            node,
            NOW_MS,
            RETENTION_MS,
            capability_hash=capability_hash,
            device_id=device_id,
        )
        return scripts.member_state(await self.store.ask(command))

    async def rejoin(self, *members: int, node: str = NODE) -> Rejoined | None:
        return scripts.rejoined(await self.store.ask(scripts.rejoin(self.keys, self.id, node, members)))

    async def log(self, after: int = 0) -> list[Entry]:
        found = scripts.log_entries(await self.store.ask(scripts.read_log(self.keys, after, 1000)))
        return [_entry(data) for data in found]

    async def nodes(self) -> bytes:
        value = await self.store.ask((b"HGET", self.keys.state, b"o"))
        return value if isinstance(value, bytes) else b""


def ask_joined(store: Store, command: Command, shared: int, *, at_once: bool = True) -> asyncio.Future[Reply]:
    """What `Store.call_joined` gives, as a future."""
    future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    store.call_joined(command, shared, resolving(future), at_once=at_once)
    return future


def _entry(data: bytes) -> Entry:
    frame = decode_relay_frame(data)
    assert isinstance(frame, Entry)
    return frame
