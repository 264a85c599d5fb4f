"""What makes every answer unavailable is a problem to the doctor."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.eventually import eventually, eventually_here
from support.store.stored_conversation import StoredConversation
from support.store.valkey_process import ValkeyProcess
from teduh_server.config.settings import Settings
from teduh_server.doctor.finding import Level
from teduh_server.doctor.store import check_store
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.redis_store.location import parse_location


async def test_server_that_never_syncs_cannot_keep_anything(tmp_path: Path) -> None:
    """A relay on it accepts nothing, and says so."""
    valkey = ValkeyProcess(
        tmp_path / "v",
        {"appendonly": "yes", "appendfsync": "no", "save": "", "slowlog-log-slower-than": "-1"},
    )
    valkey.start()
    url = f"redis://127.0.0.1:{valkey.port}"
    try:
        store = Store(parse_location(url), (b"node:x",), durability=Durability.AOF)
        store.begin()
        await eventually(lambda: store.trouble == "StoreNotDurable")
        with pytest.raises(StoreUnavailable):
            await StoredConversation(store).create()
        await store.close()
        found = await check_store(Settings(store_url=url, durability=Durability.AOF))
        assert [each for each in found if each.level is Level.PROBLEM], found
    finally:
        valkey.kill()


async def test_frozen_replica_is_no_replica(tmp_path: Path) -> None:
    common = {
        "appendonly": "yes",
        "save": "",
        "slowlog-log-slower-than": "-1",
        "repl-diskless-sync-delay": "0",
    }
    master = ValkeyProcess(tmp_path / "m", {**common, "min-replicas-to-write": "1"})
    master.start()
    replica = ValkeyProcess(tmp_path / "r", {**common, "replicaof": f"127.0.0.1 {master.port}"})
    replica.start()
    url = f"redis://127.0.0.1:{master.port}"
    settings = Settings(store_url=url, durability=Durability.REPLICATED, replicas=1)
    try:
        await asyncio.to_thread(
            eventually_here, lambda: "state=online" in str(master.ask("INFO", "replication")), "no replica"
        )
        await asyncio.sleep(1.5)
        assert not [each for each in await check_store(settings) if each.level is Level.PROBLEM]
        replica.freeze()
        await asyncio.sleep(14)
        found = await check_store(settings)
        assert [each for each in found if each.level is Level.PROBLEM], found
    finally:
        replica.thaw()
        replica.kill()
        master.kill()


def test_server_that_a_killed_relay_left_keeps_what_is_promised_now(tmp_path: Path) -> None:
    before = EmbeddedValkey(tmp_path / "e", Durability.MEMORY)
    before.start()
    before.revive()
    before._release_lock()  # As the kernel does when the relay is killed.
    now = EmbeddedValkey(tmp_path / "e", Durability.AOF)
    now.start()
    try:
        import redis

        with redis.Redis(unix_socket_path=str(now.socket_path)) as client:
            assert client.config_get("appendonly") == {"appendonly": "yes"}
    finally:
        now.stop()
        assert before._process is not None
        before._process.wait()
