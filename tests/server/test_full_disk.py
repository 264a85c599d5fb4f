"""The disk under the embedded Valkey is full: nothing more is accepted, and everything else goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess, relay_process
from support.store.valkey_process import ValkeyProcess
from teduh_server.config.settings import Settings
from teduh_server.doctor.finding import Level
from teduh_server.doctor.store import check_store
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.location import parse_location
from teduh_server.redis_store.server_program import bundled


@pytest.fixture(autouse=True)
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `valkey-server` on PATH whose files cannot become larger than 512 KiB."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "valkey-server"
    script.write_text(f"#!/bin/sh\ntrap '' XFSZ\nulimit -f 1024\nexec {bundled()} \"$@\"\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def _fill(socket_path: Path) -> None:
    """Until it ends, for it cannot write what it is to answer."""

    def write() -> None:
        for number in range(1000):
            client.set(f"filling{number}", bytes(4096), ex=600)

    never = Retry(NoBackoff(), 0)
    with (
        redis.Redis(unix_socket_path=str(socket_path), retry=never) as client,
        pytest.raises(redis.ConnectionError),
    ):
        write()


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_it_is_tended_and_stopped_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begun anew, ever later, for it has ended by itself each time that it was to write."""
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    valkey = EmbeddedValkey(tmp_path / "v")
    valkey.start()
    waited = []
    try:
        for _ in range(5):
            valkey.revive()
            before = now
            _fill(valkey.socket_path)
            process = valkey._process
            assert process is not None
            process.wait()
            while valkey._process is process:
                now += 0.5
                valkey.tend()
            waited.append(now - before)
    finally:
        monkeypatch.undo()
        valkey.stop()
    assert waited == sorted(waited)
    assert waited[0] <= 2 < waited[-1] <= 10
    assert valkey._process is not None
    assert valkey._process.poll() is not None


async def test_channels_of_one_that_refuses_writes_stay_heard(tmp_path: Path) -> None:
    """A server of one's own lives on, and refuses even a PING."""
    script = tmp_path / "bin" / "valkey-server"
    valkey = ValkeyProcess(
        tmp_path / "own", {"appendonly": "yes", "appendfsync": "everysec", "save": ""}, program=script
    )
    valkey.start()
    heard = 0

    def listening() -> None:
        nonlocal heard
        heard += 1

    store = Store(parse_location(f"redis://127.0.0.1:{valkey.port}"), (b"node:a",), None, listening)
    await store.start()
    try:
        with suppress(redis.ResponseError):
            for number in range(1000):
                valkey.ask("SET", f"filling{number}", "x" * 4096, "EX", 600)
        await eventually(lambda: store.trouble == "MISCONF")
        # As long as it takes to give up a channel that is not heard.
        await asyncio.sleep(5)
        assert (heard, store.trouble) == (1, "MISCONF")
        settings = Settings(store_url=f"redis://127.0.0.1:{valkey.port}", durability=Durability.MEMORY)
        problems = [each.says for each in await check_store(settings) if each.level is Level.PROBLEM]
        assert any("append-only file" in says for says in problems)
    finally:
        await store.close()
        valkey.kill()


@pytest.fixture
def relay(tmp_path: Path, organisation: RelayOrganisation) -> Iterator[RelayProcess]:
    with relay_process(tmp_path / "relay", organisation.write(tmp_path), workers=2) as relay:
        yield relay


async def test_a_dead_worker_is_replaced_and_the_supervisor_stops_when_told(relay: RelayProcess) -> None:
    await eventually(lambda: len(relay.workers()) == 2)
    valkey = EmbeddedValkey(relay.folder / "data" / "valkey")
    await asyncio.to_thread(_fill, valkey.socket_path)
    lost = min(relay.workers())
    os.kill(lost, signal.SIGKILL)
    await eventually(lambda: len(relay.workers() - {lost}) == 2, within=10)
    os.kill(relay.pid, signal.SIGTERM)
    await eventually(lambda: not relay.running, within=20)
    pid = valkey.pid
    assert pid is None or _gone(pid)
