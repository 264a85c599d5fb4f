"""In a cluster, too, nothing is answered to a read that no replica has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.store.stored_conversation import NODE, StoredConversation
from support.store.valkey_cluster import ValkeyCluster, valkey_cluster
from support.store.valkey_process import ValkeyProcess
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.redis_store.location import parse_location
from teduh_server.redis_store.scripts import Appended


@asynccontextmanager
async def _store(url: str, durability: Durability) -> AsyncIterator[Store]:
    store = Store(
        parse_location(url), (b"node:s" + NODE[1:].encode(), b"nodes"), durability=durability, replicas=1
    )
    await store.start()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def _two_relays() -> AsyncIterator[
    tuple[StoredConversation, StoredConversation, ValkeyCluster, ValkeyProcess, ValkeyProcess]
]:
    """A conversation at two relays, with one entry; its master, and the one replica of that, which hangs."""
    with valkey_cluster(3, 1) as cluster:
        async with (
            _store(cluster.url, Durability.REPLICATED) as one,
            _store(cluster.url, Durability.REPLICATED) as other,
        ):
            stored, elsewhere = StoredConversation(one), StoredConversation(other)
            await stored.create()
            assert await stored.append(0, 1) == Appended(1)
            assert len(await elsewhere.log()) == 1
            master = cluster.master_of(stored.keys.state)
            replica = _replica_of(cluster, master)
            replica.freeze()
            yield stored, elsewhere, cluster, master, replica


async def test_read_of_what_another_connection_wrote_is_held_in_a_cluster() -> None:
    """As test_nothing_is_answered_that_no_replica_has, which has one server."""
    with valkey_cluster(3, 1) as cluster:
        async with (
            _store(cluster.url, Durability.REPLICATED) as sealed,
            _store(cluster.url, Durability.MEMORY) as believing,
        ):
            stored = StoredConversation(sealed)
            await stored.create()
            for counter in range(1, 6):
                assert await stored.append(0, counter) == Appended(counter)
            master = cluster.master_of(stored.keys.state)
            replica = _replica_of(cluster, master)
            replica.freeze()
            # Another node's append, which the frozen replica cannot have.
            assert await StoredConversation(believing).append(0, 6) == Appended(6)
            try:
                with pytest.raises(StoreUnavailable):
                    await stored.log()
            finally:
                replica.thaw()
            assert len(await stored.log()) == 6


async def test_repetition_at_another_node_is_accepted_only_when_a_replica_has_it() -> None:
    """She was told `unavailable`, connects to another relay, and says it again under the same number."""
    async with _two_relays() as (stored, elsewhere, _, _, replica):
        try:
            with pytest.raises(StoreUnavailable):
                await stored.append(0, 2)
            with pytest.raises(StoreUnavailable):
                await elsewhere.append(0, 2)
        finally:
            replica.thaw()
        assert await elsewhere.append(0, 2) == Appended(2, repeated=True)


def _replica_of(cluster: ValkeyCluster, master: ValkeyProcess) -> ValkeyProcess:
    own = cluster.id_of(master).encode()
    return next(
        node
        for node in cluster.nodes
        if node is not master and any(b"myself" in line and own in line for line in cluster.known(node))
    )


async def test_what_was_accepted_by_a_repetition_outlives_the_master() -> None:
    """The replica hangs while much is written, she says the same again at another relay, the master dies."""
    async with _two_relays() as (stored, elsewhere, cluster, master, replica):
        tag = stored.keys.state.partition(b"{")[2].partition(b"}")[0].decode()
        for number in range(32):
            master.ask("SET", f"{{{tag}}}filling{number}", "x" * 1024 * 1024)
        with pytest.raises(StoreUnavailable):
            await stored.append(0, 2)
        try:
            accepted = await elsewhere.append(0, 2) == Appended(2, repeated=True)
        except StoreUnavailable:
            accepted = False
        master.kill()
        replica.thaw()
        await asyncio.to_thread(cluster.wait_until_replaced, stored.keys.state, master)
        entries = replica.ask("XLEN", stored.keys.log.decode())
        assert not accepted or entries == 2, f"accepted, and gone: {entries} entry is left"
