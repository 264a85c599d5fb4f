"""A store that is a cluster: every slot is reached, through resharding, failover, and masters that hang."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress

import pytest
import structlog
from structlog.testing import capture_logs
from support.eventually import eventually
from support.store.stored_conversation import NODE, StoredConversation
from support.store.valkey_cluster import ValkeyCluster, valkey_cluster
from support.store.valkey_process import free_port
from teduh_server.operations import log_policy
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.cluster import Cluster
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.redis_store.keys import ConversationKeys, conversation_channel
from teduh_server.redis_store.location import parse_location
from teduh_server.redis_store.scripts import Appended, NotAppended
from teduh_server.redis_store.slots import slot_of

SHARDED_NODE = "s" + NODE[1:]


@pytest.fixture(scope="module")
def cluster() -> Iterator[ValkeyCluster]:
    """Three masters without replicas, that nobody kills."""
    with valkey_cluster(3, 0) as cluster:
        yield cluster


@asynccontextmanager
async def store_on(
    cluster: ValkeyCluster,
    heard: list[bytes] | None = None,
    on_listening: Callable[[], None] | None = None,
    durability: Durability = Durability.MEMORY,
) -> AsyncIterator[Store]:
    store = Store(
        parse_location(cluster.url),
        (b"node:" + SHARDED_NODE.encode(), b"nodes"),
        None if heard is None else heard.append,
        on_listening,
        durability=durability,
        replicas=1,
    )
    await store.start()
    try:
        yield store
    finally:
        await store.close()


def _conversation(number: int) -> bytes:
    return number.to_bytes(16, "big")


async def test_conversations_live_on_all_masters(cluster: ValkeyCluster) -> None:
    async with store_on(cluster) as store:
        conversations = [StoredConversation(store, _conversation(number)) for number in range(30)]
        await asyncio.gather(*(stored.create() for stored in conversations))
        assert await asyncio.gather(*(stored.append(0, 1) for stored in conversations)) == [Appended(1)] * 30
        owners = {cluster.master_of(stored.keys.state) for stored in conversations}
        assert len(owners) == 3


async def test_masters_without_append_only_file_are_not_used(cluster: ValkeyCluster) -> None:
    for node in cluster.nodes[:2]:
        node.ask("CONFIG", "SET", "appendonly", "no")
    store = Store(parse_location(cluster.url), durability=Durability.AOF)
    store.begin()
    try:
        await eventually(lambda: store.trouble == "StoreNotDurable")
        assert not store.available
    finally:
        for node in cluster.nodes[:2]:
            node.ask("CONFIG", "SET", "appendfsync", "always", "appendonly", "yes")
    await eventually(lambda: store.trouble is None)
    await store.close()


async def test_nodes_that_are_away_are_waited_for(cluster: ValkeyCluster) -> None:
    """Only the last of the hosts in the URL answers."""
    answers = cluster.nodes[2]
    url = f"redis+cluster://127.0.0.1:1,127.0.0.1:2,127.0.0.1:{answers.port}"
    store = Store(parse_location(url))
    await store.start()
    assert store.available
    await store.close()
    nobody = Store(parse_location("redis+cluster://127.0.0.1:1"))
    with pytest.raises(TimeoutError):
        await nobody.start(within=0.5)
    assert not nobody.available


async def test_message_to_all_nodes_is_heard_through_its_slot(cluster: ValkeyCluster) -> None:
    heard: list[bytes] = []
    async with store_on(cluster, heard) as store:
        await store.publish_confirmed(b"nodes", b"to all")
        await store.publish_confirmed(b"node:" + SHARDED_NODE.encode(), b"to one")
        await eventually(lambda: sorted(heard) == [b"to all", b"to one"])


async def test_entry_reaches_the_channel_that_a_node_has_for_the_conversation(
    cluster: ValkeyCluster,
) -> None:
    heard: list[bytes] = []
    async with store_on(cluster, heard) as store, store_on(cluster) as other:
        for number in range(100, 106):
            stored = StoredConversation(other, _conversation(number))
            await stored.create()
            await store.listen(conversation_channel(SHARDED_NODE, stored.id))
            await stored.subscribe(capability_hash=b"h" * 32, node=SHARDED_NODE)
            await stored.append(0, 1, b"said in %d" % number)
        await eventually(lambda: len(heard) == 6)
        assert all(b"said in 10%d" % each in message for each, message in enumerate(heard))


async def test_channel_that_is_given_up_is_heard_no_more(cluster: ValkeyCluster) -> None:
    heard: list[bytes] = []
    channel = conversation_channel(SHARDED_NODE, _conversation(7))
    async with store_on(cluster, heard) as store:
        await store.listen(channel)
        assert await store.publish_confirmed(channel, b"first") == 1
        store.unlisten(channel)
        async with asyncio.timeout(10):
            while await store.publish_confirmed(channel, b"") != 0:
                pass
        await store.listen(channel)
        assert await store.publish_confirmed(channel, b"last") == 1
        await eventually(lambda: heard[-1:] == [b"last"])


async def test_moved_slot_takes_appends_and_channels_along(cluster: ValkeyCluster) -> None:
    """Resharding under way: every append is answered, in order, and the channel is heard at its new
    master.
    """
    heard: list[bytes] = []
    again = asyncio.Event()
    async with store_on(cluster, heard, again.set) as store, store_on(cluster) as other:
        stored = StoredConversation(other, _conversation(1000))
        await stored.create_taken()
        channel = conversation_channel(SHARDED_NODE, stored.id)
        await store.listen(channel)
        again.clear()
        await stored.subscribe(capability_hash=b"h" * 32, node=SHARDED_NODE)
        appending = asyncio.create_task(_append_steadily(stored, 300))
        await asyncio.to_thread(_move_slot, cluster, stored.keys)
        places = await appending
        assert places == list(range(1, 301))
        await eventually(again.is_set)
        assert await other.publish_confirmed(channel, b"still there") == 1
        await eventually(lambda: heard[-1:] == [b"still there"])


async def test_command_follows_its_slot_without_being_repeated_by_the_caller(cluster: ValkeyCluster) -> None:
    """ASK while the slot moves, MOVED once it has, both before the map is looked at again."""
    async with store_on(cluster) as store:
        stored = StoredConversation(store, _conversation(2000))
        slot = slot_of(stored.keys.state)
        source = cluster.master_of(stored.keys.state)
        target = next(node for node in cluster.current_masters() if node is not source)
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.id_of(source))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.id_of(target))
        assert await stored.create() == 1
        # A script on two keys of which one is not there yet has to wait for the end of the move.
        with pytest.raises(StoreUnavailable, match="TRYAGAIN"):
            await stored.append(0, 1)
        for node in (target, source):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", cluster.id_of(target))
        assert await stored.append(0, 1) == Appended(1)
        assert target.ask("XLEN", stored.keys.log.decode()) == 1


async def _append_steadily(stored: StoredConversation, count: int) -> list[int]:
    """As a client does: again under the same counter as long as the answer is `unavailable`."""
    places = []
    for counter in range(1, count + 1):
        async with asyncio.timeout(30):
            places.append(await _append_until_answered(stored, counter))
        await asyncio.sleep(0)
    return places


async def _append_until_answered(stored: StoredConversation, counter: int) -> int:
    while True:
        with suppress(StoreUnavailable):
            answer: Appended | NotAppended = await stored.append(1, counter)
            assert isinstance(answer, Appended)
            return answer.seq
        await asyncio.sleep(0.02)


def _move_slot(cluster: ValkeyCluster, keys: ConversationKeys) -> None:
    """As `valkey-cli --cluster reshard` does it."""
    slot = slot_of(keys.state)
    source = cluster.master_of(keys.state)
    target = next(node for node in cluster.current_masters() if node is not source)
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.id_of(source))
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.id_of(target))
    for key in (keys.log.decode(), keys.state.decode()):
        source.ask("MIGRATE", target.host, target.port, key, 0, 2000)
    for node in (target, source):
        node.ask("CLUSTER", "SETSLOT", slot, "NODE", cluster.id_of(target))


@pytest.mark.parametrize("fault", ["kill", "freeze"])
async def test_lost_master_is_replaced_and_nothing_sealed_is_lost(fault: str) -> None:
    """With `replicated`, what was answered before the master was lost is at its replica, and what is said
    next finds the replica.
    """
    with valkey_cluster(3, 1) as cluster:
        async with store_on(cluster, durability=Durability.REPLICATED) as store:
            stored = StoredConversation(store)
            await stored.create_taken()
            master = cluster.master_of(stored.keys.state)
            appending = asyncio.create_task(_append_steadily(stored, 500))
            while len(await stored.log()) < 50:
                pass
            master.kill() if fault == "kill" else master.freeze()
            assert not appending.done()
            await asyncio.to_thread(cluster.wait_until_replaced, stored.keys.state, master)
            # There is no other replica, so nothing is promised until the lost one is back as one.
            master.thaw() if fault == "freeze" else await asyncio.to_thread(master.start)
            assert await appending == list(range(1, 501))
            assert [entry.seq for entry in await stored.log()] == list(range(1, 501))


async def test_cluster_of_which_no_node_answers_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked for ten times a second."""
    looks, looked = 0, asyncio.Event()
    look = Cluster._look

    async def counting(cluster: Cluster) -> None:
        nonlocal looks
        looks += 1
        if looks == 5:
            looked.set()
        await look(cluster)

    monkeypatch.setattr(Cluster, "_look", counting)
    monkeypatch.setattr(log_policy, "_shares", {})
    structlog.reset_defaults()
    store = Store(parse_location(f"redis+cluster://127.0.0.1:{free_port()}"))
    with capture_logs() as lines:
        store.begin()
        await looked.wait()
        await store.close()
    assert [(line["event"], line.get("cause")) for line in lines] == [
        ("no map of the cluster", "StoreUnavailable")
    ]
