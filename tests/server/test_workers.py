"""`teduh serve --workers N`: one port, several nodes, one embedded Valkey, and nobody notices a death."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.chaos.retrying_client import RetryingClient
from support.clients.frame_client import frame_client, talking_pair, until_believed_by_all
from support.core_dumps import allowed_core_dumps, core_dump_limit
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess, relay_process
from teduh_server.cli.workers import worker_count
from teduh_server.config.settings import Settings
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import Accepted, Append, Moving


@pytest.fixture
def relay(tmp_path: Path, organisation: RelayOrganisation) -> Iterator[RelayProcess]:
    """Two workers."""
    with relay_process(tmp_path / "relay", organisation.write(tmp_path), workers=2) as relay:
        yield relay


async def test_crash_of_any_process_leaves_no_memory_on_the_disk(
    tmp_path: Path, organisation: RelayOrganisation
) -> None:
    """Network addresses are in the memory of one, and in the other's what was acknowledged long ago."""
    with (
        allowed_core_dumps(),
        relay_process(tmp_path / "relay", organisation.write(tmp_path), workers=2) as relay,
    ):
        await eventually(lambda: len(relay.workers()) == 2)
        store = EmbeddedValkey(relay.folder / "data" / "valkey").pid
        assert store is not None
        assert {pid: core_dump_limit(pid) for pid in (relay.pid, store, *relay.workers())} == dict.fromkeys(
            (relay.pid, store, *relay.workers()), 0
        )


async def test_members_at_different_workers_talk(
    relay: RelayProcess, organisation: RelayOrganisation
) -> None:
    """So many conversations that not all their members can be at one worker."""
    await eventually(lambda: len(relay.workers()) == 2)
    await organisation.publish_revocations(relay.url)
    await until_believed_by_all(relay.url, organisation.staff())
    for _ in range(6):
        async with talking_pair(relay.url, organisation.staff()) as (survivor, staff, conversation):
            await survivor.append(conversation, 1, b"hello")
            assert [entry.payload for entry in await staff.entries(1)] == [b"hello"]


async def test_killed_worker_is_replaced_and_nothing_is_lost(
    relay: RelayProcess, organisation: RelayOrganisation
) -> None:
    await eventually(lambda: len(relay.workers()) == 2)
    await organisation.publish_revocations(relay.url)
    await until_believed_by_all(relay.url, organisation.staff())
    device = organisation.staff()
    async with talking_pair(relay.url, device) as (survivor, _, conversation):
        capability = survivor.capability
    hers = RetryingClient([relay.url], conversation, epoch=1, after=2, capability=capability)
    theirs = RetryingClient([relay.url], conversation, epoch=1, after=2, counter=1, device=device)
    tasks = [asyncio.create_task(member.run()) for member in (hers, theirs)]
    before = relay.workers()
    for number, pid in enumerate(before):
        hers.say(b"before %d" % number)
        await eventually(lambda: hers.done)
        os.kill(pid, signal.SIGKILL)
        hers.say(b"after %d" % number)
        await eventually(lambda: hers.done)
    await eventually(lambda: theirs.cursor == 6)
    said = [word % number for number in range(2) for word in (b"before %d", b"after %d")]
    assert [theirs.log[seq] for seq in range(3, 7)] == said
    await eventually(lambda: len(relay.workers()) == 2 and not relay.workers() & before)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_worker_that_hangs_is_replaced(relay: RelayProcess) -> None:
    """It keeps its port: without this, part of all who come would be dealt out to it, and hear nothing."""
    await eventually(lambda: len(relay.workers()) == 2)
    before = relay.workers()
    os.kill(min(before), signal.SIGSTOP)
    await eventually(lambda: len(relay.workers() - {min(before)}) == 2, within=90)
    # And nobody else was.
    assert relay.workers() & before == {max(before)}


async def test_worker_that_cannot_be_replaced_yet_costs_none_of_the_others(
    tmp_path: Path, organisation: RelayOrganisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where memory is short for a while, which may be why it died."""
    (tmp_path / "sitecustomize.py").write_text(_NO_FORK.format(sign=str(tmp_path / "sign")))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with relay_process(tmp_path / "relay", organisation.write(tmp_path), workers=2) as relay:
        await eventually(lambda: len(relay.workers()) == 2)
        (tmp_path / "sign").touch()
        os.kill(min(relay.workers()), signal.SIGKILL)
        await eventually(lambda: b"worker_not_started" in relay.log.read_bytes() or not relay.running)
        (tmp_path / "sign").unlink()
        assert relay.running
        await eventually(lambda: len(relay.workers()) == 2)


_NO_FORK = """
import os
_fork = os.fork

def fork():
    if os.path.exists({sign!r}):
        raise BlockingIOError(11, "Resource temporarily unavailable")
    return _fork()

os.fork = fork
"""


async def test_killed_valkey_is_revived(relay: RelayProcess, organisation: RelayOrganisation) -> None:
    await organisation.publish_revocations(relay.url)
    await until_believed_by_all(relay.url, organisation.staff())
    async with talking_pair(relay.url, organisation.staff()) as (survivor, staff, conversation):
        await survivor.append(conversation, 1, b"kept")
        EmbeddedValkey(relay.folder / "data" / "valkey").kill()
        async with asyncio.timeout(20):
            while True:
                await survivor.send(Append(conversation, 2, 0, 1, b"goes on"))
                if isinstance(await survivor.receive(), Accepted):
                    break
                await asyncio.sleep(0.1)
        assert [entry.payload for entry in await staff.entries(2)] == [b"kept", b"goes on"]


async def test_stop_moves_the_clients_of_all_workers_and_ends_everything(relay: RelayProcess) -> None:
    await eventually(lambda: len(relay.workers()) == 2)
    workers = relay.workers()
    async with frame_client(relay.url) as one, frame_client(relay.url) as two:
        os.kill(relay.pid, signal.SIGTERM)
        assert (await one.expect(Moving)).within_ms == 1000
        assert (await two.expect(Moving)).within_ms == 1000
    assert await asyncio.to_thread(relay.wait) == 0
    assert not any(_exists(pid) for pid in workers)
    assert not (relay.folder / "data" / "valkey" / "valkey.pid").exists()


async def test_workers_do_not_outlive_their_supervisor(relay: RelayProcess) -> None:
    await eventually(lambda: len(relay.workers()) == 2)
    workers = relay.workers()
    relay.kill()
    await eventually(lambda: not any(_exists(pid) for pid in workers))


def test_second_supervisor_does_not_share_the_port(
    relay: RelayProcess, tmp_path: Path, organisation: RelayOrganisation
) -> None:
    two = RelayProcess(tmp_path / "two", organisation.write(tmp_path), workers=2)
    two.port = relay.port
    with pytest.raises(RuntimeError, match="cannot be listened on"):
        two.start()


def test_what_no_worker_can_start_with_is_said_once(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TEDUH_")}
    ended = subprocess.run(
        [sys.executable, "-m", "teduh_server", "serve", "--workers", "3", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert ended.stderr.count(b"There is no file") == 1


def test_no_number_is_one_worker_for_each_core() -> None:
    assert worker_count(Settings(workers=0)) == len(os.sched_getaffinity(0))
    assert worker_count(Settings(workers=5)) == 5


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
