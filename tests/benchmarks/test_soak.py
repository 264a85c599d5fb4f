"""What the soak concludes: what is left over, and whether memory was flat, on readings that are made up."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def soak(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark("soak")


def reading(soak: ModuleType, minutes: float = 0.0, *, relay: float = 60.0, **more: int) -> Any:
    counts = dict.fromkeys(("connections", "conversations", "tasks", "descriptors", "keys", "accepted"), 5)
    return soak.Reading(minutes=minutes, relay=relay, valkey=20.0, **(counts | more))


def test_whatever_there_is_more_of_is_named(soak: ModuleType) -> None:
    start = reading(soak)
    assert reading(soak, accepted=900).leftovers(start) == []
    assert reading(soak, tasks=6, keys=9).leftovers(start) == ["tasks", "keys"]
    assert reading(soak, descriptors=6, connections=4).leftovers(start) == ["descriptors"]


def test_a_leak_shows_as_growth_and_what_rises_and_falls_does_not(soak: ModuleType) -> None:
    # A tenth of a mebibyte a minute of eighty: 7.5 % an hour.
    leak = [reading(soak, float(minute), relay=60 + minute / 10) for minute in range(20)]
    assert soak.growth_per_hour(leak) == pytest.approx(7.4, abs=0.2)
    assert soak.growth_per_hour(leak) > soak.FLAT_PERCENT_AN_HOUR
    waves = [reading(soak, float(minute), relay=60 + minute % 2) for minute in range(20)]
    assert abs(soak.growth_per_hour(waves)) < soak.FLAT_PERCENT_AN_HOUR
    filling_at_first = [reading(soak, float(minute), relay=60 + min(minute, 8)) for minute in range(20)]
    assert soak.growth_per_hour(filling_at_first) == 0
