"""Each durability keeps what it promises, and no answer is believed before it does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.eventually import eventually, eventually_here
from support.store.stored_conversation import StoredConversation
from support.store.valkey_process import ValkeyProcess
from support.store.valkey_server import start_valkey
from support.store.watched_valkey import watched_valkey
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.embedded import REWRITE_SECONDS, EmbeddedValkey
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.redis_store.location import parse_location
from teduh_server.redis_store.scripts import Appended


@asynccontextmanager
async def store_at(url: str, durability: Durability) -> AsyncIterator[Store]:
    store = Store(parse_location(url), durability=durability, replicas=1)
    await store.start()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def valkey_at(folder: Path, **settings: str) -> AsyncIterator[ValkeyProcess]:
    valkey = ValkeyProcess(folder, {"save": "", **settings})
    await asyncio.to_thread(valkey.start)
    try:
        yield valkey
    finally:
        valkey.kill()


async def _append(stored: StoredConversation, first: int, last: int) -> None:
    answers = await asyncio.gather(*(stored.append(1, counter) for counter in range(first, last + 1)))
    assert answers == [Appended(seq) for seq in range(first, last + 1)]


async def test_embedded_server_loses_nothing_that_was_answered_when_it_is_killed() -> None:
    with start_valkey() as valkey:
        async with store_at(valkey.url, Durability.MEMORY) as store:
            stored = StoredConversation(store)
            await stored.create_taken()
            await _append(stored, 1, 300)
            await asyncio.to_thread(valkey.kill)
            await asyncio.to_thread(valkey.revive)
            await eventually(lambda: store.available)
            assert [entry.seq for entry in await stored.log()] == list(range(1, 301))


async def test_what_is_gone_leaves_the_disk_within_an_hour() -> None:
    """Also where so little is said that the file never becomes large."""
    with start_valkey() as valkey:

        def on_disk(word: bytes) -> bool:
            folder = valkey.folder / "appendonlydir"
            # A file may go while one looks.
            return any(word in _contents(path) for path in folder.iterdir())

        async with store_at(valkey.url, Durability.MEMORY) as store:

            async def say(word: bytes) -> None:
                await store.ask((b"SET", b"key", word))
                await store.ask((b"SET", b"key", b"another"))
                assert on_disk(word)

            await say(b"said before")
            await asyncio.to_thread(valkey.tend)
            await eventually(lambda: not on_disk(b"said before"))
            await say(b"said later")
            rewritten = valkey.rewrite_at
            await asyncio.to_thread(valkey.tend)
            assert valkey.rewrite_at == rewritten
            assert time.monotonic() < rewritten <= time.monotonic() + REWRITE_SECONDS
            valkey.rewrite_at = time.monotonic()
            await asyncio.to_thread(valkey.tend)
            await eventually(lambda: not on_disk(b"said later"))
            await asyncio.to_thread(valkey.kill)
            await asyncio.to_thread(valkey.revive)
            await eventually(lambda: store.available)
            assert await store.ask((b"GET", b"key")) == b"another"


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


async def test_what_was_half_written_when_it_was_killed_leaves_the_disk_with_its_next_start() -> None:
    """It looks at none of it again: what its file was written anew from, or what a master has sent."""
    with start_valkey() as valkey:
        await asyncio.to_thread(valkey.kill)
        half = valkey.folder / "temp-rewriteaof-7.aof"
        half.write_text("said long ago")
        await asyncio.to_thread(valkey.revive)
        assert not half.exists()


async def test_memory_promises_nothing_beyond_the_servers_life() -> None:
    """It is there for tests and demonstrations: a killed server has forgotten everything."""
    with start_valkey(durability=Durability.MEMORY) as valkey:
        async with store_at(valkey.url, Durability.MEMORY) as store:
            stored = StoredConversation(store)
            await stored.create_taken()
            await _append(stored, 1, 3)
            await asyncio.to_thread(valkey.kill)
            await asyncio.to_thread(valkey.revive)
            await eventually(lambda: store.available)
            assert await stored.log() == []


async def test_server_without_append_only_file_is_not_used(tmp_path: Path) -> None:
    """Nor given up: it is used as soon as it keeps one."""
    async with valkey_at(tmp_path / "valkey", appendonly="no") as valkey:
        store = Store(parse_location(f"redis://127.0.0.1:{valkey.port}"), durability=Durability.AOF)
        store.begin()
        await eventually(lambda: store.trouble == "StoreNotDurable")
        with pytest.raises(StoreUnavailable):
            await StoredConversation(store).create()
        valkey.ask("CONFIG", "SET", "appendfsync", "always", "appendonly", "yes")
        await eventually(lambda: store.trouble is None)
        await StoredConversation(store).create()
        await store.close()


async def test_embedded_server_is_not_replicated(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="store_url"):
        EmbeddedValkey(tmp_path, Durability.REPLICATED)


@pytest.mark.parametrize(
    "setting", [("appendfsync", "everysec"), ("appendfsync", "no"), ("no-appendfsync-on-rewrite", "yes")]
)
async def test_server_that_answers_before_it_syncs_is_not_used(
    tmp_path: Path, setting: tuple[str, str]
) -> None:
    """Neither from the start, nor when somebody sets it so; and it is used again when it is set right."""
    right = {"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no"}
    async with valkey_at(tmp_path / "valkey", **right | dict([setting])) as valkey:
        store = Store(parse_location(f"redis://127.0.0.1:{valkey.port}"), durability=Durability.AOF)
        store.begin()
        used = asyncio.create_task(store.ready())
        stored = StoredConversation(store)
        try:
            await eventually(lambda: store.trouble == "StoreNotDurable")
            # Not even until somebody has looked.
            assert not used.done()
            for _ in range(2):
                await eventually(lambda: store.trouble == "StoreNotDurable")
                with pytest.raises(StoreUnavailable):
                    await stored.log()
                valkey.ask("CONFIG", "SET", setting[0], right[setting[0]])
                await eventually(lambda: store.trouble is None)
                await stored.log()
                valkey.ask("CONFIG", "SET", *setting)
        finally:
            used.cancel()
            await store.close()


async def test_nothing_is_answered_that_no_replica_has(tmp_path: Path) -> None:
    """Neither an append nor a read of what another connection appended: both could be gone tomorrow."""
    replica_of = {"repl-diskless-sync-delay": "0"}
    async with (
        valkey_at(tmp_path / "master", **replica_of) as master,
        valkey_at(tmp_path / "replica", replicaof=f"127.0.0.1 {master.port}") as replica,
    ):
        await asyncio.to_thread(_until_connected, master)
        url = f"redis://127.0.0.1:{master.port}"
        async with (
            store_at(url, Durability.REPLICATED) as sealed,
            store_at(url, Durability.MEMORY) as believing,
        ):
            stored = StoredConversation(sealed)
            await stored.create_taken()
            await _append(stored, 1, 5)
            replica.freeze()
            with pytest.raises(StoreUnavailable):
                await stored.append(1, 6)
            assert await StoredConversation(believing).append(1, 6) == Appended(6, repeated=True)
            with pytest.raises(StoreUnavailable):
                await stored.log()
            replica.thaw()
            assert await stored.append(1, 6) == Appended(6, repeated=True)
            assert len(await stored.log()) == 6


def _until_connected(master: ValkeyProcess) -> None:
    eventually_here(lambda: b"state=online" in _info(master), "the replica is not connected", within=20)


def _info(valkey: ValkeyProcess) -> bytes:
    info = valkey.ask("INFO", "replication")
    assert isinstance(info, bytes)
    return info


async def test_batches_follow_each_other_and_keep_their_order(tmp_path: Path) -> None:
    """A thousand appends through one seal at a time: all answered, in order."""
    async with (
        valkey_at(tmp_path / "master", **{"repl-diskless-sync-delay": "0"}) as master,
        valkey_at(tmp_path / "replica", replicaof=f"127.0.0.1 {master.port}"),
    ):
        await asyncio.to_thread(_until_connected, master)
        async with store_at(f"redis://127.0.0.1:{master.port}", Durability.REPLICATED) as store:
            stored = StoredConversation(store)
            await stored.create_taken()
            await stored.store.ask((b"SCRIPT", b"FLUSH"))
            for first in range(1, 1001, 100):
                await _append(stored, first, first + 99)


@pytest.mark.parametrize("fault", ["kill", "freeze"])
async def test_sentinels_new_master_has_everything_that_was_answered(fault: str) -> None:
    with watched_valkey(replicas=2) as watched:
        async with store_at(watched.url, Durability.REPLICATED) as store:
            stored = StoredConversation(store)
            await stored.create_taken()
            await _append(stored, 1, 100)
            old = watched.master
            old.kill() if fault == "kill" else old.freeze()
            answered = await _append_until_answered(stored, 101)
            assert answered == Appended(101, repeated=answered.repeated)
            assert [entry.seq for entry in await stored.log()] == list(range(1, 102))
            assert watched.master is not old


async def _append_until_answered(stored: StoredConversation, counter: int) -> Appended:
    async with asyncio.timeout(30):
        while True:
            try:
                answer = await stored.append(1, counter)
            except StoreUnavailable:
                await asyncio.sleep(0.05)
                continue
            assert isinstance(answer, Appended)
            return answer
