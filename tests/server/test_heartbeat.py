"""Which workers are taken for such that hang, by looks of their supervisor a second apart."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from teduh_server.cli.heartbeat import HANGS_AFTER_SECONDS, Heartbeat

BOUND = int(HANGS_AFTER_SECONDS)


@pytest.fixture
def heartbeat() -> Iterator[Heartbeat]:
    made = Heartbeat()
    yield made
    made.close()


async def beat(heartbeat: Heartbeat) -> None:
    """Once, as a worker does."""
    beating = asyncio.create_task(heartbeat.beat_forever())
    await asyncio.sleep(0)
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)


async def test_whoever_is_silent_for_too_long_hangs(heartbeat: Heartbeat) -> None:
    await beat(heartbeat)
    assert not any(heartbeat.look(1.0) for _ in range(BOUND + 1))
    assert heartbeat.look(1.0)


async def test_whoever_is_busy_for_as_long_as_it_may_does_not(heartbeat: Heartbeat) -> None:
    for _ in range(10):
        await beat(heartbeat)
        assert not any(heartbeat.look(1.0) for _ in range(BOUND))


async def test_a_machine_that_was_suspended_takes_nobody_for_dead(heartbeat: Heartbeat) -> None:
    """The supervisor may be the first to run again, and all clocks have jumped."""
    await beat(heartbeat)
    assert not heartbeat.look(1.0)
    assert not any(heartbeat.look(100_000.0) for _ in range(BOUND // 4))
    await beat(heartbeat)
    assert not heartbeat.look(100_000.0)


async def test_a_supervisor_that_was_busy_finds_the_beats_of_meanwhile(heartbeat: Heartbeat) -> None:
    await beat(heartbeat)
    assert not any(heartbeat.look(1.0) for _ in range(BOUND))
    await beat(heartbeat)
    assert not heartbeat.look(600.0)
    assert not heartbeat.look(1.0)


def test_whoever_has_only_begun_is_waited_for(heartbeat: Heartbeat) -> None:
    """It takes no connections yet."""
    assert not any(heartbeat.look(1.0) for _ in range(10 * BOUND))


async def test_a_successor_is_not_judged_by_whom_it_follows(heartbeat: Heartbeat) -> None:
    await beat(heartbeat)
    assert any(heartbeat.look(1.0) for _ in range(2 * BOUND))
    await beat(heartbeat)
    heartbeat.begin_anew()
    assert not any(heartbeat.look(1.0) for _ in range(10 * BOUND))


async def test_nobody_is_held_up_where_nobody_looks(heartbeat: Heartbeat) -> None:
    for _ in range(70_000):
        heartbeat.beat()
    assert not heartbeat.look(1.0)
