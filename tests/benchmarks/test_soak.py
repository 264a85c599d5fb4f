"""What the soak concludes: what is left over, and whether memory was flat, on readings that are made up."""

from __future__ import annotations

import time
from typing import cast

import pytest
from load import LoadGenerator, Mode, RunResult
from soak import FLAT_PERCENT_AN_HOUR, Reading, Soak, SoakedRelay, growth_per_hour


def reading(minutes: float = 0.0, *, relay: float = 60.0, **more: int) -> Reading:
    counts = dict.fromkeys(("connections", "conversations", "tasks", "descriptors", "keys", "accepted"), 5)
    return Reading(minutes=minutes, relay=relay, valkey=20.0, held=5.0, **(counts | more))


def test_whatever_there_is_more_of_is_named() -> None:
    start = reading()
    assert reading(accepted=900).leftovers(start) == []
    assert reading(tasks=6, keys=9).leftovers(start) == ["tasks", "keys"]
    assert reading(descriptors=6, connections=4).leftovers(start) == ["descriptors"]


def test_a_leak_shows_as_growth_and_what_rises_and_falls_does_not() -> None:
    # A tenth of a mebibyte a minute of eighty: 7.5 % an hour.
    leak = [reading(float(minute), relay=60 + minute / 10) for minute in range(20)]
    assert growth_per_hour(leak) == pytest.approx(7.4, abs=0.2)
    assert growth_per_hour(leak) > FLAT_PERCENT_AN_HOUR
    waves = [reading(float(minute), relay=60 + minute % 2) for minute in range(20)]
    assert abs(growth_per_hour(waves)) < FLAT_PERCENT_AN_HOUR
    filling_at_first = [reading(float(minute), relay=60 + min(minute, 8)) for minute in range(20)]
    assert growth_per_hour(filling_at_first) == 0


class MadeUpGenerator:
    """Its runs, one after the other: how many were sent, arrived, and arrived of what was sent before."""

    def __init__(self, *runs: tuple[int, int, int]) -> None:
        self._runs = list(runs)

    def run(self, mode: Mode, rate: float, seconds: float, length: int) -> RunResult:
        sent, received, from_before = self._runs.pop(0) if len(self._runs) > 1 else self._runs[0]
        time.sleep(seconds)
        return RunResult(
            sent, received, from_before, sent, 0, 0, "", 1.0, 1.0, 1.0, 1.0, 0.5, sent > received
        )


def talk(*runs: tuple[int, int, int]) -> Soak:
    soak = Soak(cast(SoakedRelay, None), 1)
    soak.talk(cast(LoadGenerator, MadeUpGenerator(*runs)), 1000, 0.05)
    return soak


def test_what_comes_late_has_arrived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soak.SETTLING_SECONDS", 0.01)
    assert talk((900, 700, 0), (10, 10, 150), (10, 10, 50), (10, 10, 0)).hiccups == 1


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param([(900, 899, 0), (10, 10, 0)], id="lost"),
        pytest.param([(900, 700, 0), (10, 10, 201), (10, 10, 0)], id="twice"),
    ],
)
def test_what_never_comes_or_comes_twice_is_an_error(
    runs: list[tuple[int, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soak.SETTLING_SECONDS", 0.01)
    with pytest.raises(RuntimeError, match="have not arrived"):
        talk(*runs)
