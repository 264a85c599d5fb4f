"""What a node misses while its channel is broken it finds in the log and in the inboxes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from struct import pack

import pytest
from support.clients.frame_client import frame_client, talking_pair
from support.eventually import becomes
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.stored_conversation import NOW_MS
from teduh_server.cluster.node_channel import ENTRIES, NODE_JOINED
from teduh_server.redis_store import scripts
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL, ConversationKeys, InboxKeys
from teduh_server.redis_store.replies import as_bytes, as_list
from teduh_server.redis_store.scripts import LogLimits
from teduh_signaling.relay.entry import entry_template
from teduh_signaling.relay.frames import EntryKind, InboxItem, MembershipEnded

_LIMITS = LogLimits("x" * 16, 1_000_000, 1000, 1_000_000)
_BREAK = (b"CLIENT", b"KILL", b"TYPE", b"pubsub")


@pytest.fixture
async def outside(valkey: EmbeddedValkey) -> AsyncIterator[Store]:
    """What another node does while this one does not listen: the same scripts, nothing published."""
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()
    yield store
    await store.close()


async def _append_unheard(store: Store, conversation: bytes, counter: int, payload: bytes) -> None:
    keys = ConversationKeys.of(conversation)
    await store.ask((b"HSET", keys.state, b"o", b""))
    entry = entry_template(conversation, 1, counter, EntryKind.MESSAGE, 1, payload)
    appended = await store.ask(scripts.append(keys, 1, counter, 0, 1, entry, NOW_MS, _LIMITS))
    assert isinstance(as_list(appended)[0], int)


async def _channels_stand(store: Store) -> None:
    """All nodes hear what is published for all."""

    async def listeners() -> object:
        return as_list(await store.ask((b"PUBSUB", b"NUMSUB", ALL_NODES_CHANNEL)))[1]

    await becomes(listeners, 1)


async def test_missed_entry_is_read_from_the_log_when_the_next_one_comes(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await _append_unheard(outside, conversation, 2, b"missed")
        await staff.append(conversation, 3, b"heard")
        entries = await survivor.entries(2)
        assert [(entry.seq, entry.payload) for entry in entries] == [(3, b"missed"), (4, b"heard")]


async def _node_of(store: Store, conversation: bytes) -> bytes:
    """The channel of the only node that holds it, which believes from now on that another does, too."""
    node = as_bytes(await store.ask((b"HGET", ConversationKeys.of(conversation).state, b"o")))
    store.publish(b"node:" + node, bytes((NODE_JOINED,)) + conversation)
    return b"node:" + node


async def test_missed_entry_of_another_node_is_read_from_the_log_though_it_is_waited_for(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await _node_of(outside, conversation)
        await _append_unheard(outside, conversation, 2, b"missed")
        for counter in (3, 4):
            await staff.append(conversation, counter, b"heard")
        entries = await survivor.entries(3)
        assert [(entry.seq, entry.payload) for entry in entries] == [
            (3, b"missed"),
            (4, b"heard"),
            (5, b"heard"),
        ]
        # Where somebody reads the log, what she appended herself is passed over, and nothing else.
        await survivor.append(conversation, 1, b"hers", epoch=1)
        await staff.append(conversation, 5, b"last")
        assert [entry.payload for entry in await survivor.entries(1)] == [b"last"]
        # This one bears her number, but her connection did not append it.
        assert [entry.payload for entry in await staff.entries(2)] == [b"missed", b"hers"]


async def test_entry_that_comes_before_an_earlier_one_waits_for_it(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    """They are not in the log, so from there they could not have come."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
        channel = await _node_of(outside, conversation)
        for seq in (5, 3, 4):
            entry = entry_template(conversation, 1, seq, EntryKind.MESSAGE, 1, b"entry")
            outside.publish(channel, bytes((ENTRIES,)) + pack(">QI", seq, len(entry)) + entry)
        assert [entry.seq for entry in await survivor.entries(3)] == [3, 4, 5]


async def test_missed_entry_is_found_when_the_channel_stands_again(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
        await _append_unheard(outside, conversation, 2, b"missed")
        await outside.ask(_BREAK)
        (entry,) = await survivor.entries(1)
        assert entry.payload == b"missed"


async def test_missed_entry_is_found_though_the_store_was_full_when_the_channel_stood_again(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
        await _append_unheard(outside, conversation, 2, b"missed")
        await outside.ask((b"CONFIG", b"SET", b"maxmemory", 1000))
        try:
            await outside.ask(_BREAK)
            # It is heard of again over the channel: where it stands, it was tried.
            await _channels_stand(outside)
            await asyncio.sleep(0.3)
        finally:
            await outside.ask((b"CONFIG", b"SET", b"maxmemory", 0))
        (entry,) = await survivor.entries(1)
        assert entry.payload == b"missed"


async def test_missed_end_of_membership_is_told_when_the_channel_stands_again(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (_, staff, conversation):
        await outside.ask((b"HDEL", ConversationKeys.of(conversation).state, b"m1"))
        await outside.ask(_BREAK)
        assert (await staff.expect(MembershipEnded)).conversation_id == conversation


async def test_expired_conversation_ends_the_membership_when_the_channel_stands_again(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await outside.ask((b"DEL", ConversationKeys.of(conversation).state))
        await outside.ask(_BREAK)
        for client in (survivor, staff):
            assert (await client.expect(MembershipEnded)).conversation_id == conversation


async def test_missed_invitation_is_found_when_the_channel_stands_again(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    device = organisation.staff()
    async with frame_client(relay_url) as client:
        await client.authenticate(device)
        inbox = InboxKeys.of(device.id)
        await outside.ask((b"HSET", inbox.state, b"s", b"1"))
        await outside.ask((b"XADD", inbox.items, b"1-0", b"c", b"c" * 16, b"after", b"7"))
        await outside.ask(_BREAK)
        item = await client.expect(InboxItem)
        assert (item.conversation_id, item.after) == (b"c" * 16, 7)


async def test_subscriber_on_a_node_that_was_forgotten_is_heard_again(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, outside: Store, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url) as (_, one), relay_here(path, valkey.url) as (_, two):
        for url in (one, two):
            await organisation.publish_revocations(url)
        async with (
            talking_pair(one, organisation.staff()) as (survivor, _, conversation),
            frame_client(two) as elsewhere,
        ):
            await elsewhere.subscribe(conversation, 2, survivor.capability)
            await outside.ask((b"HSET", ConversationKeys.of(conversation).state, b"o", b""))
            await outside.ask(_BREAK)
            await survivor.append(conversation, 1, b"hello")
            (entry,) = await elsewhere.entries(1)
            assert entry.payload == b"hello"
