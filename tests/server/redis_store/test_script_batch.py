"""Commands of one script in one tick go as one, behind the first, and nobody notices but the server."""

from __future__ import annotations

import asyncio
import os
import re
import signal

from support.eventually import eventually
from support.store.stored_conversation import CAPABILITY_HASH, NODE, OTHER_NODE, StoredConversation
from support.store.valkey_server import start_valkey
from teduh_server.cluster import node_channel
from teduh_server.redis_store import script_batch
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.exceptions import StoreRefused, StoreUnavailable
from teduh_server.redis_store.replies import as_bytes
from teduh_server.redis_store.scripts import Appended, LogLimits, NotAppended
from teduh_signaling.relay.codec import decode_relay_frame
from teduh_signaling.relay.entry import place_entry


async def _calls(store: Store) -> int:
    """How many scripts the server has run so far."""
    said = as_bytes(await store.ask((b"INFO", b"commandstats"))).decode()
    found = re.search(r"cmdstat_evalsha:calls=(\d+)", said)
    return int(found[1]) if found else 0


async def _conversations(store: Store, count: int) -> list[StoredConversation]:
    conversations = [StoredConversation(store, b"conversation%4d" % number) for number in range(count)]
    await asyncio.gather(*(stored.create() for stored in conversations))
    return conversations


async def test_appends_of_one_tick_are_one_call_and_each_has_its_own_answer(
    store: Store,
) -> None:
    one, other = await _conversations(store, 2)
    before = await _calls(store)
    results = await asyncio.gather(
        one.append(0, 1, b"a"),
        other.append(0, 1, b"b"),
        one.append(0, 2, b"c"),
        one.append(0, 1, b"a"),
        other.append(0, 5, b"d"),
        StoredConversation(store, b"no conversation!").append(0, 1),
        one.append(0, 3, b"e", epoch=7),
        other.append(0, 2, b"f"),
    )
    # The first does not wait for others.
    assert await _calls(store) == before + 2
    assert results == [
        Appended(1),
        Appended(1),
        Appended(2),
        Appended(0, repeated=True),
        NotAppended("counter_gap", 2),
        NotAppended("unknown"),
        NotAppended("wrong_epoch", 0),
        Appended(2),
    ]
    assert [entry.payload for entry in await one.log()] == [b"a", b"c"]
    assert [entry.payload for entry in await other.log()] == [b"b", b"f"]


async def test_of_what_members_say_in_turn_in_one_call_each_counter_and_place_is_kept(store: Store) -> None:
    """The state is written once for what one of them says in a row."""
    one, other = await _conversations(store, 2)
    for stored in (one, other):
        await stored.admit(b"device of staff!")
    turns = [(one, 0, 1), (one, 0, 2), (one, 1, 1), (one, 0, 3), (other, 1, 1), (other, 1, 2), (one, 0, 4)]
    results = await asyncio.gather(*(stored.append(member, counter) for stored, member, counter in turns))
    assert results == [Appended(place) for place in (1, 2, 3, 4, 1, 2, 5)]
    last = [(one, 0, 4, 5), (one, 1, 1, 3), (other, 1, 2, 2)]
    for stored, member, counter, place in last:
        assert await stored.append(member, counter) == Appended(place, repeated=True)
        assert await stored.append(member, counter + 2) == NotAppended("counter_gap", counter + 1)
    assert [entry.member for entry in await one.log()] == [0, 0, 1, 0, 0]


async def test_log_becomes_full_in_the_middle_of_a_call(store: Store) -> None:
    """Whatever was appended before in the same call counts."""
    (stored,) = await _conversations(store, 1)
    await stored.admit(b"device of staff!")
    stored.limits = LogLimits(NODE, 1_000_000, 4, 1_000_000)
    results = await asyncio.gather(*(stored.append(1, 1 + number) for number in range(6)))
    assert results[:4] == [Appended(place) for place in range(1, 5)]
    assert results[4:] == [NotAppended("full"), NotAppended("counter_gap", 5)]


async def test_acknowledgements_of_one_tick_are_one_call(store: Store) -> None:
    conversations = await _conversations(store, 5)
    await asyncio.gather(*(stored.append(0, 1) for stored in conversations))
    before = await _calls(store)
    kept = await asyncio.gather(
        *(stored.acknowledge(0, 1) for stored in conversations), conversations[0].acknowledge(9, 1)
    )
    assert kept == [2] * 5 + [0]
    # Nobody waits for the first of them.
    assert await _calls(store) == before + 1
    assert [await stored.log() for stored in conversations] == [[]] * 5


async def test_no_more_than_so_many_go_at_once(store: Store) -> None:
    (stored,) = await _conversations(store, 1)
    await stored.admit(b"device of staff!")
    before = await _calls(store)
    results = await asyncio.gather(
        *(stored.append(1, number + 1) for number in range(2 * script_batch.MOST + 1))
    )
    assert results == [Appended(number + 1) for number in range(2 * script_batch.MOST + 1)]
    assert await _calls(store) == before + 3


async def test_what_else_is_asked_keeps_its_place(store: Store) -> None:
    (stored,) = await _conversations(store, 1)

    async def vanish() -> object:
        return await store.ask((b"DEL", stored.keys.state))

    results = await asyncio.gather(
        stored.append(0, 1), vanish(), stored.append(0, 2), stored.acknowledge(0, 1)
    )
    assert list(results) == [Appended(1), 1, NotAppended("unknown"), 0]


async def test_a_key_that_holds_something_else_spoils_only_its_own(store: Store) -> None:
    conversations = await _conversations(store, 3)
    await store.ask((b"SET", conversations[1].keys.log, b"no stream"))
    results = await asyncio.gather(*(stored.append(0, 1) for stored in conversations), return_exceptions=True)
    assert (results[0], results[2]) == (Appended(1), Appended(1)), results
    assert isinstance(results[1], StoreRefused), results


async def test_a_server_that_takes_no_writes_is_left() -> None:
    """READONLY, which the script meets at its first write, is still known for what it is."""
    with start_valkey() as valkey:
        store = Store(StoreAddress.parse(valkey.url))
        await store.start()
        conversations = await _conversations(store, 3)
        await store.ask((b"REPLICAOF", b"127.0.0.1", b"1"))
        results = await asyncio.gather(
            *(stored.append(0, 1) for stored in conversations), return_exceptions=True
        )
        assert [type(result) for result in results] == [StoreUnavailable] * 3, results
        await store.close()


async def test_all_are_told_when_the_server_dies() -> None:
    with start_valkey() as valkey:
        store = Store(StoreAddress.parse(valkey.url))
        await store.start()
        conversations = await _conversations(store, 3)
        assert valkey.pid is not None
        os.kill(valkey.pid, signal.SIGSTOP)
        appending = asyncio.gather(*(stored.append(0, 1) for stored in conversations), return_exceptions=True)
        await asyncio.sleep(0)
        await asyncio.to_thread(valkey.kill)
        assert [type(result) for result in await appending] == [StoreUnavailable] * 3
        await store.close()


async def test_what_one_call_appends_is_told_to_another_node_in_one_message(
    store: Store, valkey: EmbeddedValkey
) -> None:
    """In the order of each conversation; of one that the node does not hold it hears nothing."""
    heard: list[bytes] = []
    channel = f"node:{OTHER_NODE}".encode()
    other_node = Store(StoreAddress.parse(valkey.url), (channel,), heard.append)
    await other_node.start()
    one, two, only_here = await _conversations(store, 3)
    for stored in (one, two):
        await stored.subscribe(capability_hash=CAPABILITY_HASH, node=OTHER_NODE)
    await asyncio.gather(
        only_here.append(0, 1, b"first"),
        one.append(0, 1, b"a"),
        two.append(0, 1, b"b"),
        only_here.append(0, 2, b"c"),
        one.append(0, 2, b"d"),
    )
    await eventually(lambda: len(heard) > 0)
    (message,) = heard
    assert message[0] == node_channel.ENTRIES
    told = [place_entry(entry, seq) for seq, entry in node_channel.published_entries(message[1:])]
    assert [decode_relay_frame(entry) for entry in told] == [
        entry for number in (0, 1) for stored in (one, two) for entry in (await stored.log())[number:][:1]
    ]
    await other_node.close()


async def test_node_that_hears_nothing_is_forgotten_in_each_conversation_it_was_to_hear_of(
    store: Store,
) -> None:
    conversations = await _conversations(store, 3)
    for stored in conversations:
        await stored.subscribe(capability_hash=CAPABILITY_HASH, node=OTHER_NODE)
    await asyncio.gather(*(stored.append(0, 1) for stored in conversations))
    assert [await stored.nodes() for stored in conversations] == [NODE.encode()] * 3
