"""What `teduh doctor` finds out about the store: real Valkeys, alone, watched by Sentinels, and in a
cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.store.valkey_cluster import valkey_cluster
from support.store.valkey_process import ValkeyProcess
from support.store.valkey_server import start_valkey
from support.store.watched_valkey import watched_valkey
from teduh_server.config.settings import Settings
from teduh_server.doctor.finding import Finding, Level
from teduh_server.doctor.store import check_store
from teduh_server.redis_store.durability import Durability

KEPT = {"appendonly": "yes", "appendfsync": "always", "maxmemory": "100mb", "slowlog-log-slower-than": "-1"}


def findings(url: str | None, **settings: object) -> list[Finding]:
    chosen: dict[str, object] = {"store_url": url, **settings}
    return asyncio.run(check_store(Settings(**chosen)))  # type: ignore[arg-type]  # pydantic checks them


def says(level: Level, found: list[Finding]) -> list[str]:
    return [finding.says for finding in found if finding.level is level]


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ValkeyProcess]:
    """One Valkey with the settings of the test's parameter over good ones."""
    process = ValkeyProcess(tmp_path / "valkey", {**KEPT, "save": "", **getattr(request, "param", {})})
    process.start()
    yield process
    process.kill()


def url(server: ValkeyProcess) -> str:
    return f"redis://{server.host}:{server.port}"


def test_server_that_keeps_what_it_should_is_good(server: ValkeyProcess) -> None:
    (found,) = findings(url(server))
    assert found.level is Level.GOOD


def test_embedded_valkey_needs_nothing() -> None:
    (found,) = findings(None)
    assert found.level is Level.GOOD


def test_valkey_that_the_relay_itself_starts_is_good() -> None:
    with start_valkey() as valkey:
        (found,) = findings(valkey.url)
    assert found.level is Level.GOOD


@pytest.mark.parametrize(
    ("server", "complaint"),
    [
        ({"appendonly": "no"}, "append-only"),
        ({"maxmemory-policy": "allkeys-lru"}, "noeviction"),
    ],
    indirect=["server"],
)
def test_server_that_forgets_is_a_problem(server: ValkeyProcess, complaint: str) -> None:
    (found,) = says(Level.PROBLEM, findings(url(server)))
    assert complaint in found


@pytest.mark.parametrize("server", [{"maxmemory": "0"}], indirect=True)
def test_server_that_is_killed_rather_than_full_is_told(server: ValkeyProcess) -> None:
    (found,) = says(Level.WARNING, findings(url(server)))
    assert "maxmemory" in found


@pytest.mark.parametrize("server", [{"slowlog-log-slower-than": "10000"}], indirect=True)
def test_slow_log_that_keeps_ciphertext_is_told(server: ValkeyProcess) -> None:
    (found,) = says(Level.WARNING, findings(url(server)))
    assert "slow log" in found


def test_memory_only_is_told_for_what_it_is(server: ValkeyProcess) -> None:
    (found,) = says(Level.WARNING, findings(url(server), durability=Durability.MEMORY))
    assert "lost" in found


def test_missing_replica_is_a_problem_where_accepted_means_replicated(server: ValkeyProcess) -> None:
    found = findings(url(server), durability=Durability.REPLICATED)
    assert "0 of 1 replicas" in says(Level.PROBLEM, found)[0]
    assert "min-replicas-to-write" in says(Level.WARNING, found)[0]


def test_replica_is_no_store(server: ValkeyProcess, tmp_path: Path) -> None:
    replica = ValkeyProcess(tmp_path / "replica", {**KEPT, "replicaof": f"{server.host} {server.port}"})
    replica.start()
    try:
        found = says(Level.PROBLEM, findings(url(replica)))
    finally:
        replica.kill()
    assert any("replica" in one for one in found)


def test_store_that_is_away_is_a_problem(server: ValkeyProcess) -> None:
    server.kill()
    (found,) = says(Level.PROBLEM, findings(url(server)))
    assert "does not answer" in found


def test_sentinels_are_asked_for_the_master() -> None:
    settings = {"maxmemory": "100mb", "slowlog-log-slower-than": "-1", "min-replicas-to-write": "1"}
    with watched_valkey(1, **settings) as watched:
        (good,) = findings(watched.url, durability=Durability.REPLICATED)
        unknown = findings(watched.url.replace("/teduh", "/another"))
        watched.sentinels[1].kill()
        partly = findings(watched.url)
    assert good.level is Level.GOOD
    assert "knows no master" in says(Level.PROBLEM, unknown)[0]
    assert "does not answer" in says(Level.PROBLEM, partly)[0]


def test_each_master_of_a_cluster_is_looked_at() -> None:
    with valkey_cluster(3, 0, appendfsync="always", maxmemory="100mb") as cluster:
        cluster.nodes[2].ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        found = findings(cluster.url)
    (complaint,) = (finding for finding in found if finding.level is Level.PROBLEM)
    assert complaint.about.endswith(str(cluster.nodes[2].port))
    assert len(says(Level.WARNING, found)) == 3
