"""Accepted means kept, also where the disk, the clock or the descriptors of the machine fail: whatever could
not be written and synced is answered `unavailable`, and the relay goes on by itself when the fault has ended.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from support.chaos.failing_machine import (
    FailingCalls,
    SmallDisk,
    failing_calls,
    give_descriptors,
    small_disk,
    take_descriptors,
    why_no_small_disk,
)
from support.clients.frame_client import FrameClient, frame_client, talking_pair
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess, relay_process
from support.store.valkey_process import ValkeyProcess
from teduh_signaling.relay.frames import Accepted, AnyRelayFrame, Append, Error, ErrorCode

Talk = tuple[FrameClient, bytes]
"""Her connection, and the conversation."""


@pytest.fixture
def calls(tmp_path: Path) -> FailingCalls:
    return failing_calls(tmp_path / "failing")


@pytest.fixture
def relay(tmp_path: Path, organisation: RelayOrganisation, calls: FailingCalls) -> Iterator[RelayProcess]:
    """With its embedded Valkey and the default durability, on a machine where calls can fail."""
    file = organisation.write(tmp_path)
    with relay_process(tmp_path / "relay", file, machine=calls.machine) as relay:
        yield relay


@asynccontextmanager
async def talks(
    relay: RelayProcess, organisation: RelayOrganisation, count: int
) -> AsyncIterator[list[Talk]]:
    """So many conversations in epoch 1, in which she has said something: where nothing fails."""
    await organisation.publish_revocations(relay.url)
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(count):
            pair = talking_pair(relay.url, organisation.staff())
            survivor, _, conversation = await stack.enter_async_context(pair)
            await survivor.append(conversation, 1, b"before")
            made.append((survivor, conversation))
        yield made


async def say(talks: Sequence[Talk], counter: int) -> list[Accepted | Error]:
    """In all of them at once; the answers."""
    for survivor, conversation in talks:
        await survivor.send(Append(conversation, counter, 0, 1, bytes(1000)))
    return [await _answer(survivor) for survivor, _ in talks]


async def _answer(survivor: FrameClient) -> Accepted | Error:
    answer: AnyRelayFrame
    while not isinstance(answer := await survivor.receive(within=30), Accepted | Error):
        pass
    return answer


def is_unavailable(answer: Accepted | Error) -> bool:
    return isinstance(answer, Error) and answer.code is ErrorCode.UNAVAILABLE


async def kept(relay: RelayProcess, talk: Talk) -> int:
    """How many of her appends are in the log, as who connects anew is told."""
    survivor, conversation = talk
    async with frame_client(relay.url) as again:
        return (await again.subscribe(conversation, 0, survivor.capability)).counter


async def until_said(talks: Sequence[Talk], counter: int) -> None:
    """Say it again and again until it is accepted."""
    async with asyncio.timeout(30):
        for talk in talks:
            while not isinstance((await say([talk], counter))[0], Accepted):  # noqa: ASYNC110 -- as RetryingClient
                await asyncio.sleep(0.05)


async def kill_valkey(relay: RelayProcess) -> None:
    """SIGKILL, if it has not ended by itself; whoever tends it begins it anew."""
    for pid in valkeys(relay):
        os.kill(pid, signal.SIGKILL)


def valkeys(relay: RelayProcess) -> list[int]:
    """The embedded Valkey's process; none while it has ended."""
    # Begun by a thread, of which it is the child.
    tasks = Path(f"/proc/{relay.pid}/task").glob("*/children")
    children = [pid for task in tasks for pid in task.read_text().split()]
    return [int(pid) for pid in children if b"valkey" in Path(f"/proc/{pid}/cmdline").read_bytes()]


# --- the disk is full ---


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """That of the data folder of a relay in the folder `relay`."""
    if why := why_no_small_disk():
        pytest.skip(why)
    with small_disk(tmp_path / "relay" / "data") as disk:
        yield disk


@pytest.fixture
def full_soon(tmp_path: Path, organisation: RelayOrganisation, disk: SmallDisk) -> Iterator[RelayProcess]:
    file = organisation.write(tmp_path)
    with relay_process(tmp_path / "relay", file, machine=disk.machine) as relay:
        yield relay


async def test_full_disk_loses_nothing_that_was_accepted(
    full_soon: RelayProcess, organisation: RelayOrganisation, disk: SmallDisk
) -> None:
    relay = full_soon
    async with talks(relay, organisation, 8) as eight:
        await asyncio.to_thread(disk.fill)
        # Until the last block of the file is full, too.
        accepted = [1] * 8
        for counter in range(2, 12):
            answers = await say(eight, counter)
            assert all(isinstance(each, Accepted) or is_unavailable(each) for each in answers)
            if any(map(is_unavailable, answers)):
                break
            accepted = [counter] * 8
        accepted = [
            counter if isinstance(answer, Accepted) else before
            for answer, before in zip(answers, accepted, strict=True)
        ]
        assert accepted != [11] * 8
        await kill_valkey(relay)
        disk.free()
        # It goes on without help, ...
        for talk, before in zip(eight, accepted, strict=True):
            await until_said([talk], before + 1)
            # ... and what was accepted is there, for else there would be a gap.
            assert await kept(relay, talk) == before + 1


# --- the disk is broken ---


@pytest.mark.parametrize("call", ["write", "sync"])
async def test_nothing_is_accepted_that_the_disk_does_not_take(
    relay: RelayProcess, organisation: RelayOrganisation, calls: FailingCalls, call: str
) -> None:
    async with talks(relay, organisation, 4) as four:
        calls.begin(call)
        for _ in range(3):
            assert all(is_unavailable(each) for each in await say(four, 2))
        await kill_valkey(relay)
        calls.end(call)
        await until_said(four, 2)
        assert [await kept(relay, talk) for talk in four] == [2] * 4


# --- no descriptors ---


async def test_valkey_without_descriptors_keeps_what_is_accepted(
    relay: RelayProcess, organisation: RelayOrganisation
) -> None:
    """Nor can it write its file anew, and the old one is the one that counts."""
    async with talks(relay, organisation, 4) as four:
        (pid,) = valkeys(relay)
        take_descriptors(pid)
        counters = [2 if isinstance(each, Accepted) else 1 for each in await say(four, 2)]
        assert counters == [2] * 4
        await kill_valkey(relay)
        await until_said(four, 3)
        assert [await kept(relay, talk) for talk in four] == [3] * 4


async def test_relay_without_descriptors_accepts_nothing_that_is_not_synced(
    relay: RelayProcess, organisation: RelayOrganisation, calls: FailingCalls
) -> None:
    """Nobody else may be needed to sync what Valkey has written."""
    async with talks(relay, organisation, 4) as four:
        take_descriptors(relay.pid)
        calls.begin("sync")
        assert all(is_unavailable(each) for each in await say(four, 2))
        calls.end("sync")
        give_descriptors(relay.pid)
        await until_said(four, 2)


# --- the clock stands ---


async def test_clock_that_stands_keeps_nothing_from_the_disk(
    relay: RelayProcess, organisation: RelayOrganisation, calls: FailingCalls
) -> None:
    """Valkey syncs before it answers, and not when its clock says so."""
    async with talks(relay, organisation, 4) as four:
        calls.begin("clock")
        assert all(isinstance(each, Accepted) for each in await say(four, 2))
        calls.begin("sync")
        assert all(is_unavailable(each) for each in await say(four, 3))
        calls.end("sync")
        calls.end("clock")
        await until_said(four, 3)
        assert [await kept(relay, talk) for talk in four] == [3] * 4


# --- a server of one's own ---


@pytest.mark.parametrize("call", ["write", "sync"])
async def test_nothing_is_accepted_that_the_disk_of_ones_own_server_does_not_take(
    tmp_path: Path, organisation: RelayOrganisation, calls: FailingCalls, call: str
) -> None:
    """It ends rather than answer; somebody starts it again, as systemd does."""
    settings = {"appendonly": "yes", "appendfsync": "always", "save": ""}
    valkey = ValkeyProcess(tmp_path / "own", settings, environment=calls.machine.environment)
    valkey.start()
    try:
        file, url = organisation.write(tmp_path), f"redis://{valkey.host}:{valkey.port}"
        with relay_process(tmp_path / "relay", file, url, durability="aof") as relay:
            async with talks(relay, organisation, 4) as four:
                calls.begin(call)
                assert all(is_unavailable(each) for each in await say(four, 2))
                await eventually(lambda: not valkey.running)
                calls.end(call)
                await asyncio.to_thread(valkey.start)
                await until_said(four, 2)
                assert [await kept(relay, talk) for talk in four] == [2] * 4
    finally:
        valkey.kill()
