"""The disk under the embedded Valkey is full: nothing more is accepted, and everything else goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from relay_organisation import RelayOrganisation
from relay_process import RelayProcess, eventually, relay_process
from teduh_server.redis_store.client import Store
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
    def write() -> None:
        for number in range(1000):
            client.set(f"filling{number}", bytes(4096), ex=600)

    with redis.Redis(unix_socket_path=str(socket_path)) as client, pytest.raises(redis.ResponseError) as no:
        write()
    assert "MISCONF" in str(no.value)


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_it_is_tended_and_stopped_all_the_same(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path / "v")
    valkey.start()
    pid = valkey.pid
    assert pid is not None
    try:
        _fill(valkey.socket_path)
        began = time.monotonic()
        import teduh_server.redis_store.embedded as module

        module._START_SECONDS = 8.0  # Not two minutes for a test.
        valkey.tend()
        assert time.monotonic() - began < 5
        valkey.stop()
        assert _gone(pid)
    finally:
        if not _gone(pid):
            os.kill(pid, signal.SIGKILL)


async def test_its_channels_stay_heard(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path / "v")
    await asyncio.to_thread(valkey.start)
    heard = 0

    def listening() -> None:
        nonlocal heard
        heard += 1

    store = Store(parse_location(valkey.url), (b"node:a",), None, listening)
    await store.start()
    try:
        await asyncio.to_thread(_fill, valkey.socket_path)
        await asyncio.sleep(5)
        assert heard == 1
    finally:
        await store.close()
        valkey.kill()


@pytest.fixture
def relay(tmp_path: Path, organisation: RelayOrganisation) -> Iterator[RelayProcess]:
    with relay_process(tmp_path / "relay", organisation.write(tmp_path), workers=2) as relay:
        yield relay


async def test_a_dead_worker_is_replaced_and_the_supervisor_stops_when_told(relay: RelayProcess) -> None:
    await eventually(lambda: len(relay.workers()) == 2)
    folder = relay.folder / "data" / "valkey"
    valkey = int((folder / "valkey.pid").read_text())
    try:
        await asyncio.to_thread(_fill, EmbeddedValkey(folder).socket_path)
        await asyncio.sleep(2)
        lost = min(relay.workers())
        os.kill(lost, signal.SIGKILL)
        try:
            await eventually(lambda: len(relay.workers() - {lost}) == 2, within=10)
        finally:
            began = time.monotonic()
            os.kill(relay.pid, signal.SIGTERM)
            await eventually(lambda: not relay.running, within=20)
            print("stopped after", time.monotonic() - began)
        assert _gone(valkey)
    finally:
        os.kill(relay.pid, signal.SIGKILL) if relay.running else None
        if not _gone(valkey):
            os.kill(valkey, signal.SIGKILL)
