"""A clock that is set back in the middle of a call: neither what is due waits for it, nor do the others."""

from __future__ import annotations

import time

import pytest
from support.calls.calling_room import calling, direct, heard
from support.calls.known_media import Tone
from teduh_sdk.calls.steady_clock import SteadyClock

HOUR = 3600.0


def test_it_never_goes_back_and_goes_on_from_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, wall = SteadyClock(), iter([1000.0, 1001.5, 1001.5 - HOUR, 1002.0 - HOUR, 1000.0 + HOUR])
    monkeypatch.setattr(time, "time", lambda: next(wall))
    assert [clock.now() for _ in range(4)] == [1_000_000, 1_001_500, 1_001_500, 1_002_000]
    assert clock.now() > 1_002_000


async def test_a_caller_whose_clock_is_set_back_goes_on_saying_that_it_rings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with calling(direct(), direct()) as (room, (hers, _)):
        await hers.call([Tone(440)])
        wall = time.time
        monkeypatch.setattr(time, "time", lambda: wall() - HOUR)
        beats = room.seats[0].beats
        await heard(lambda: room.seats[0].beats >= beats + 2)
