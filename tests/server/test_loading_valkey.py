"""The embedded Valkey has a long file to read when it is revived, or hangs: nobody else waits for that."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess, relay_process
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.server_program import bundled

KEYS = 6000
LONG = "--key-load-delay 1000"
"""A millisecond for each key that is read, six seconds for all of them; it looks up every 1024 keys."""


@pytest.fixture(autouse=True)
def slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `valkey-server` on PATH that reads its file as if that were long."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "valkey-server"
    program = bundled()
    script.write_text(f'#!/bin/sh\nexec {program} "$@" {LONG}\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def _fill(valkey: EmbeddedValkey) -> None:
    with redis.Redis(unix_socket_path=str(valkey.socket_path)) as client, client.pipeline() as many:
        for number in range(KEYS):
            many.set(f"key{number}", number, ex=600)
        many.execute()


def _answers(valkey: EmbeddedValkey) -> bool:
    never = Retry(NoBackoff(), 0)
    with redis.Redis(unix_socket_path=str(valkey.socket_path), retry=never, socket_timeout=5) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """One that was killed, and has much to read."""
    valkey = EmbeddedValkey(tmp_path / "v")
    valkey.start()
    valkey.revive()
    _fill(valkey)
    valkey.kill()
    try:
        yield valkey
    finally:
        pid = valkey.pid
        if pid is not None and _exists(pid):
            valkey.kill()


async def test_whoever_tends_it_does_not_wait_until_it_has_read_its_file(killed: EmbeddedValkey) -> None:
    await asyncio.to_thread(killed.tend)
    assert not _answers(killed)
    # Nor is another one begun beside it.
    for _ in range(3):
        await asyncio.to_thread(killed.tend)
    await eventually(lambda: killed.pid is not None and _answers(killed))
    with redis.Redis(unix_socket_path=str(killed.socket_path)) as client:
        assert client.dbsize() == KEYS
    killed.stop()


async def test_it_is_stopped_while_it_reads_its_file(killed: EmbeddedValkey) -> None:
    """Nobody would be left to end it."""
    await asyncio.to_thread(killed.tend)
    await eventually(lambda: killed.socket_path.exists())
    pid = killed.pid
    assert pid is not None
    assert not _answers(killed)
    await asyncio.to_thread(killed.stop)
    assert not _exists(pid)


async def test_it_is_stopped_before_it_has_even_a_socket(killed: EmbeddedValkey, tmp_path: Path) -> None:
    program, begun = tmp_path / "bin" / "valkey-server", tmp_path / "begun"
    slowly = f"echo $$ > {begun}.new; mv {begun}.new {begun}; sleep 5\nexec"
    program.write_text(program.read_text().replace("exec", slowly))
    await asyncio.to_thread(killed.tend)
    await eventually(begun.exists)
    await asyncio.to_thread(killed.stop)
    assert not _exists(int(begun.read_text()))


async def test_one_that_does_not_start_is_told_of_and_tried_again(
    killed: EmbeddedValkey, tmp_path: Path
) -> None:
    program = tmp_path / "bin" / "valkey-server"
    works = program.read_text()
    program.write_text("#!/bin/sh\nexit 1\n")
    await asyncio.to_thread(killed.tend)

    async with asyncio.timeout(10):
        while await asyncio.to_thread(killed.tend):  # noqa: ASYNC110 -- the condition is in another process
            await asyncio.sleep(0.05)
    program.write_text(works)
    async with asyncio.timeout(30):
        while not _answers(killed):
            await asyncio.to_thread(killed.tend)
            await asyncio.sleep(0.05)
    killed.stop()


@pytest.fixture
def relay(tmp_path: Path, organisation: RelayOrganisation) -> Iterator[RelayProcess]:
    with relay_process(tmp_path / "relay", organisation.write(tmp_path), workers=2) as relay:
        yield relay


async def test_a_worker_that_dies_meanwhile_is_replaced_at_once(relay: RelayProcess) -> None:
    await eventually(lambda: len(relay.workers()) == 2)
    valkey = EmbeddedValkey(relay.folder / "data" / "valkey")
    await asyncio.to_thread(_fill, valkey)
    before = valkey.pid
    await asyncio.to_thread(valkey.kill)
    await eventually(lambda: valkey.pid not in (None, before))
    lost = min(relay.workers())
    os.kill(lost, signal.SIGKILL)
    # What is asked first is seen first: it is replaced before Valkey answers.
    answered = threading.Event()

    def is_replaced() -> bool:
        if _answers(valkey):
            answered.set()
        return len(relay.workers() - {lost}) == 2

    await eventually(is_replaced)
    assert not answered.is_set()
    await eventually(lambda: _answers(valkey))


@pytest.mark.timeout(30)
def test_one_that_a_killed_relay_has_left_and_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    """As many wait at its socket as it lets wait: whoever looks after it is not the next."""
    valkey = EmbeddedValkey(tmp_path / "valkey")
    valkey.socket_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with socket.socket(socket.AF_UNIX) as hung, socket.socket(socket.AF_UNIX) as waiting:
        hung.bind(os.fspath(valkey.socket_path))
        hung.listen(0)
        waiting.connect(os.fspath(valkey.socket_path))
        try:
            valkey.tend()
            # It lives, so no other is begun beside it.
            assert valkey.pid is None
        finally:
            valkey.socket_path.unlink()
