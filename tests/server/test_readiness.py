"""`/readyz` is 200 exactly when an append would succeed now, and a relay never ends because of its store."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import redis
from support.chaos.failing_machine import SmallDisk, small_disk, why_no_small_disk
from support.clients.frame_client import talking_pair
from support.eventually import becomes, eventually_here
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess, relay_process
from support.store.valkey_cluster import valkey_cluster
from support.store.valkey_process import LASTING, ValkeyProcess, free_port, lasting_valkey
from teduh_server.config.settings import Settings
from teduh_server.doctor.finding import Level
from teduh_server.doctor.store import check_store
from teduh_server.operations.log_policy import MOST_LINES_A_MINUTE
from teduh_signaling.relay.frames import Append, Error, ErrorCode

METRICS_PORT = free_port()


async def readyz(relay: RelayProcess) -> int:
    return await _status(f"{relay.url}/readyz")


async def _status(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status


async def is_noticed(relay: RelayProcess) -> None:
    """`/readyz` comes to say 503: how soon, `make chaos` measures."""
    await becomes(lambda: readyz(relay), 503)


def causes(relay: RelayProcess) -> list[str | None]:
    """Of each line about a store that takes nothing; None where it does again."""
    records = [json.loads(line) for line in relay.log.read_text().splitlines() if line.startswith("{")]
    return [record.get("cause") for record in records if record["event"] == "store takes nothing"]


async def problems(**settings: object) -> str:
    """What `teduh doctor` finds wrong with the store, in one text."""
    chosen = Settings(**settings)  # type: ignore[arg-type]  # pydantic checks them
    return " ".join(each.says for each in await check_store(chosen) if each.level is Level.PROBLEM)


def doctor_on(disk: SmallDisk, data_folder: Path, organisation_file: Path) -> str:
    """What `teduh doctor` prints on the machine that has this disk."""
    settings = {"TEDUH_DATA_FOLDER": str(data_folder), "TEDUH_ORGANISATION_FILE": str(organisation_file)}
    command = [*disk.machine.prefix, sys.executable, "-m", "teduh_server", "doctor"]
    finished = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
    return finished.stdout


async def measured(relay: RelayProcess) -> dict[str, float]:
    """What /metrics says, by name and labels."""
    url = f"http://127.0.0.1:{METRICS_PORT}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        lines = [line for line in (await answer.text()).splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def on_own(
    tmp_path: Path, organisation: RelayOrganisation, valkey: ValkeyProcess, workers: int = 1
) -> RelayProcess:
    """A relay on this server, not started."""
    file = organisation.write(tmp_path)
    return RelayProcess(tmp_path / "relay", file, valkey.url, durability="aof", workers=workers)


@pytest.fixture
def valkey_process(tmp_path: Path) -> Iterator[ValkeyProcess]:
    with lasting_valkey(tmp_path / "own", maxmemory="100mb") as valkey:
        yield valkey


@pytest.fixture
def relay(
    tmp_path: Path, organisation: RelayOrganisation, valkey_process: ValkeyProcess
) -> Iterator[RelayProcess]:
    file, url = organisation.write(tmp_path), valkey_process.url
    measures = {"metrics_port": METRICS_PORT}
    with relay_process(tmp_path / "relay", file, url, None, None, durability="aof", **measures) as relay:
        yield relay


async def test_full_memory_is_not_ready(relay: RelayProcess, valkey_process: ValkeyProcess) -> None:
    valkey_process.ask("CONFIG", "SET", "maxmemory", "100kb")
    await is_noticed(relay)
    assert "maxmemory" in await problems(store_url=valkey_process.url)
    valkey_process.ask("CONFIG", "SET", "maxmemory", "100mb")
    await becomes(lambda: readyz(relay), 200)
    assert causes(relay) == ["OOM", None]


async def test_metrics_say_how_full_the_store_is_and_what_it_refused(
    relay: RelayProcess, valkey_process: ValkeyProcess, organisation: RelayOrganisation
) -> None:
    """What is refused is counted, and not logged."""
    await organisation.publish_revocations(relay.url)
    async with talking_pair(relay.url, organisation.staff()) as (survivor, _, conversation):
        before = await measured(relay)
        assert before["teduh_store_ready"] == 1
        assert 0 < before["teduh_store_fill"] < 0.5
        assert 0 <= before["teduh_revocation_list_age_seconds"] < 600
        assert before["teduh_event_loop_lag_seconds"] >= 0
        valkey_process.ask("CONFIG", "SET", "maxmemory", "100kb")
        lines = len(relay.log.read_text().splitlines())
        for _ in range(50):
            await survivor.ask(Append(conversation, 1, 0, 1, b"refused"), Error)
        await becomes(lambda: readyz(relay), 503)

        async def is_full() -> bool:
            return (await measured(relay))["teduh_store_fill"] > 1

        await becomes(is_full, wanted=True)
        after = await measured(relay)
        assert after['teduh_store_refused_total{cause="OOM"}'] >= 50
        assert after["teduh_store_ready"] == 0
        assert len(relay.log.read_text().splitlines()) - lines == 1


async def test_store_that_somebody_sets_to_sync_later_is_not_ready(
    relay: RelayProcess, valkey_process: ValkeyProcess
) -> None:
    valkey_process.ask("CONFIG", "SET", "appendfsync", "everysec")
    await becomes(lambda: readyz(relay), 503)
    assert "appendfsync" in await problems(store_url=valkey_process.url)
    valkey_process.ask("CONFIG", "SET", "appendfsync", "always")
    await becomes(lambda: readyz(relay), 200)
    assert causes(relay) == ["StoreNotDurable", None]


async def test_nearly_full_memory_is_told_by_the_doctor(
    relay: RelayProcess, valkey_process: ValkeyProcess
) -> None:
    """Before it takes nothing."""
    info = valkey_process.ask("INFO", "memory")
    assert isinstance(info, bytes)
    (used,) = (int(line[12:]) for line in info.split(b"\r\n") if line.startswith(b"used_memory:"))
    valkey_process.ask("CONFIG", "SET", "maxmemory", str(used * 105 // 100))
    assert "maxmemory" in await problems(store_url=valkey_process.url)


async def test_frozen_store_is_not_ready(relay: RelayProcess, valkey_process: ValkeyProcess) -> None:
    valkey_process.freeze()
    await is_noticed(relay)
    assert await _status(f"{relay.url}/healthz") == 200
    assert "does not answer" in await problems(store_url=valkey_process.url)
    valkey_process.thaw()
    await becomes(lambda: readyz(relay), 200)
    assert causes(relay)[0] == "silent"
    assert causes(relay)[-1] is None


async def test_store_that_comes_and_goes_does_not_fill_the_log(
    relay: RelayProcess, valkey_process: ValkeyProcess
) -> None:
    """As one that ends with its first write, and is started again each time."""
    for _ in range(MOST_LINES_A_MINUTE + 3):
        valkey_process.kill()
        await becomes(lambda: readyz(relay), 503)
        await asyncio.to_thread(valkey_process.start)
        await becomes(lambda: readyz(relay), 200)
    records = [json.loads(line) for line in relay.log.read_text().splitlines() if line.startswith("{")]
    told = Counter(record["event"] for record in records)
    assert max(told.values()) <= MOST_LINES_A_MINUTE, told
    assert set(told) == {"relay started", "store takes nothing", "store is not heard"}


async def test_store_that_cannot_write_its_file_is_not_ready(
    relay: RelayProcess, valkey_process: ValkeyProcess
) -> None:
    """As MISCONF, which a server says that lives on where its disk takes nothing."""
    (valkey_process.folder / "dump.rdb" / "in the way").mkdir(parents=True)
    valkey_process.ask("CONFIG", "SET", "save", "3600 1")
    valkey_process.ask("BGSAVE")
    await becomes(lambda: readyz(relay), 503)
    assert "takes nothing" in await problems(store_url=valkey_process.url)
    valkey_process.ask("CONFIG", "SET", "save", "")
    valkey_process.ask("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
    await becomes(lambda: readyz(relay), 200)
    assert causes(relay) == ["MISCONF", None]


async def test_frozen_replica_is_not_ready_where_accepted_means_replicated(
    tmp_path: Path, organisation: RelayOrganisation
) -> None:
    common = {"repl-diskless-sync-delay": "0", "maxmemory": "100mb"}
    with (
        lasting_valkey(tmp_path / "master", **common) as master,
        lasting_valkey(tmp_path / "replica", replicaof=f"127.0.0.1 {master.port}", **common) as replica,
    ):
        await asyncio.to_thread(
            eventually_here, lambda: "state=online" in str(master.ask("INFO", "replication")), "no replica"
        )
        url, file = master.url, organisation.write(tmp_path)
        with relay_process(
            tmp_path / "relay", file, url, durability="replicated", metrics_port=METRICS_PORT
        ) as relay:
            replica.freeze()
            await is_noticed(relay)
            assert (await measured(relay))["teduh_store_sync_failures_total"] >= 1

            async def is_told() -> bool:
                return "replicas" in await problems(store_url=url, durability="replicated")

            await becomes(is_told, wanted=True)
            replica.thaw()
            await becomes(lambda: readyz(relay), 200)


async def test_cluster_whose_masters_are_frozen_is_not_ready_and_the_doctor_names_them(
    tmp_path: Path, organisation: RelayOrganisation
) -> None:
    with valkey_cluster(3, 0, appendfsync="always", maxmemory="100mb") as cluster:
        file = organisation.write(tmp_path)
        with relay_process(tmp_path / "relay", file, cluster.url, durability="aof") as relay:
            # As doctor's first seed, a silent one must not hide the others.
            silent = cluster.nodes[:2]
            for node in silent:
                node.freeze()
            try:
                await is_noticed(relay)
                told = await problems(store_url=cluster.url)
                assert all(f":{node.port}" in told for node in silent)
            finally:
                for node in silent:
                    node.thaw()
            await becomes(lambda: readyz(relay), 200, within=40)


async def test_full_disk_is_not_ready_until_it_has_room_and_does_not_fill_the_log(
    tmp_path: Path, organisation: RelayOrganisation
) -> None:
    if why := why_no_small_disk():
        pytest.skip(why)
    folder, file = tmp_path / "relay", organisation.write(tmp_path)
    with (
        small_disk(folder / "data") as disk,
        relay_process(folder, file, machine=disk.machine, metrics_port=METRICS_PORT) as relay,
    ):
        await organisation.publish_revocations(relay.url)
        async with talking_pair(relay.url, organisation.staff()) as (survivor, _, conversation):
            await asyncio.to_thread(disk.fill)
            counter, refused = 0, 0
            before = len(relay.log.read_text().splitlines())
            while refused < 100:
                await survivor.send(Append(conversation, counter + 1, 0, 1, bytes(1000)))
                answer = await survivor.receive()
                counter += not isinstance(answer, Error)
                refused += isinstance(answer, Error)
                assert not isinstance(answer, Error) or answer.code is ErrorCode.UNAVAILABLE
            assert await readyz(relay) == 503
            # Its probe and each of these would be a line, if each were told.
            assert len(relay.log.read_text().splitlines()) - before <= 3 * MOST_LINES_A_MINUTE
            assert "disk: 0 MiB are free" in await asyncio.to_thread(doctor_on, disk, folder / "data", file)
            disk.free()
            await becomes(lambda: readyz(relay), 200)
            await survivor.append(conversation, counter + 1, b"there is room")
            assert (await measured(relay))["teduh_store_sync_failures_total"] >= 1


# --- while the store reads its file, or keeps none ---


async def test_relay_waits_for_a_store_that_reads_its_file(
    tmp_path: Path, organisation: RelayOrganisation
) -> None:
    with lasting_valkey(tmp_path / "own") as valkey:
        with redis.Redis(port=valkey.port) as client, client.pipeline() as many:
            for number in range(6000):
                many.set(f"key{number}", number, ex=600)
            many.execute()
        valkey.kill()
        # A millisecond for each key that is read, and it looks up every 1024 keys.
        valkey.settings |= {"key-load-delay": "1000"}
        slow = asyncio.create_task(asyncio.to_thread(valkey.start))
        relay = RelayProcess(tmp_path / "relay", organisation.write(tmp_path), valkey.url, durability="aof")
        started = asyncio.create_task(asyncio.to_thread(relay.start))
        try:
            await becomes(lambda: _known(relay, "/healthz"), 200)
            assert await _known(relay, "/readyz") == 503
            await slow
            await started
            assert await readyz(relay) == 200
            assert "LOADING" in causes(relay)
            assert "set `appendonly" not in relay.log.read_text()
        finally:
            await asyncio.gather(slow, started, return_exceptions=True)
            if relay.running:
                relay.stop()
            relay.release()


async def _known(relay: RelayProcess, path: str) -> int:
    """The status, once it listens."""
    try:
        return await _status(relay.url + path)
    except aiohttp.ClientError:
        return 0


@asynccontextmanager
async def starting(relay: RelayProcess) -> AsyncIterator[tuple[RelayProcess, asyncio.Task[None]]]:
    """A relay that is not ready yet, and what waits until it is."""
    started = asyncio.create_task(asyncio.to_thread(relay.start))
    try:
        await becomes(lambda: _known(relay, "/healthz"), 200)
        yield relay, started
    except BaseException:
        # What waits until it is ready ends with it.
        relay.kill()
        raise
    finally:
        await asyncio.gather(started, return_exceptions=True)
        if relay.running:
            relay.stop()
        relay.release()


async def test_relay_outlives_a_store_that_keeps_no_file(
    tmp_path: Path, organisation: RelayOrganisation
) -> None:
    with lasting_valkey(tmp_path / "own", appendonly="no") as valkey:
        relay = RelayProcess(tmp_path / "relay", organisation.write(tmp_path), valkey.url, durability="aof")
        started = asyncio.create_task(asyncio.to_thread(relay.start))
        try:
            await becomes(lambda: _known(relay, "/readyz"), 503)
            await becomes(lambda: asyncio.to_thread(lambda: "StoreNotDurable" in causes(relay)), wanted=True)
            assert relay.running
            valkey.ask("CONFIG", "SET", "appendonly", "yes")
            await started
        finally:
            await asyncio.gather(started, return_exceptions=True)
            if relay.running:
                relay.stop()
            relay.release()


@pytest.mark.parametrize("workers", [1, 2])
async def test_relay_waits_for_a_store_that_is_not_there_yet(
    tmp_path: Path, organisation: RelayOrganisation, workers: int
) -> None:
    valkey = ValkeyProcess(tmp_path / "own", LASTING)
    relay = on_own(tmp_path, organisation, valkey, workers)
    started = asyncio.create_task(asyncio.to_thread(relay.start))
    try:
        await becomes(lambda: _known(relay, "/healthz"), 200)
        assert await _known(relay, "/readyz") == 503
        await asyncio.to_thread(valkey.start)
        await started
        # Each worker tells of its own connection; the others are begun when the first serves.
        assert causes(relay)[0] == "ECONNREFUSED"
        await becomes(lambda: asyncio.to_thread(lambda: causes(relay)[-1]), None)
        assert set(causes(relay)) == {"ECONNREFUSED", None}
    finally:
        await asyncio.gather(started, return_exceptions=True)
        if relay.running:
            relay.stop()
        relay.release()
        valkey.kill()


async def test_relay_outlives_a_store_that_does_not_let_it_in(
    tmp_path: Path, organisation: RelayOrganisation
) -> None:
    with lasting_valkey(tmp_path / "own") as valkey:
        valkey.ask("CONFIG", "SET", "requirepass", "another")
        async with starting(on_own(tmp_path, organisation, valkey)) as (relay, started):
            await becomes(lambda: asyncio.to_thread(lambda: "NOAUTH" in causes(relay)), wanted=True)
            assert (await _known(relay, "/healthz"), await _known(relay, "/readyz")) == (200, 503)
            assert "AUTH" in await problems(store_url=valkey.url)
            with redis.Redis(port=valkey.port, password="another") as client:
                client.config_set("requirepass", "")
            await started


async def test_relay_outlives_a_store_whose_file_is_damaged(
    tmp_path: Path, organisation: RelayOrganisation
) -> None:
    file = organisation.write(tmp_path)
    with relay_process(tmp_path / "relay", file):
        pass
    (kept,) = (tmp_path / "relay/data/valkey/appendonlydir").glob("*.incr.aof")
    whole = kept.read_bytes()
    kept.write_bytes(b"damaged\r\n" + whole)
    async with starting(RelayProcess(tmp_path / "relay", file)) as (relay, started):
        await becomes(lambda: asyncio.to_thread(lambda: '"ended"' in relay.log.read_text()), wanted=True)
        assert (await _known(relay, "/healthz"), await _known(relay, "/readyz")) == (200, 503)
        kept.write_bytes(whole)
        await started


async def test_relay_begins_on_a_full_disk_and_goes_on_when_it_has_room(
    tmp_path: Path, organisation: RelayOrganisation
) -> None:
    if why := why_no_small_disk():
        pytest.skip(why)
    folder = tmp_path / "relay"
    with small_disk(folder / "data") as disk:
        await asyncio.to_thread(disk.fill)
        relay = RelayProcess(folder, organisation.write(tmp_path), machine=disk.machine)
        started = asyncio.create_task(asyncio.to_thread(relay.start))
        try:
            await becomes(lambda: _known(relay, "/healthz"), 200)
            assert await _known(relay, "/readyz") == 503
            await becomes(lambda: asyncio.to_thread(lambda: "ENOSPC" in relay.log.read_text()), wanted=True)
            disk.free()
            await started
        finally:
            await asyncio.gather(started, return_exceptions=True)
            if relay.running:
                relay.stop()
            relay.release()
