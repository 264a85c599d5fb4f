"""What the soak concludes: what is left over, and whether memory was flat, on readings that are made up."""

from __future__ import annotations

import pytest
from soak import FLAT_PERCENT_AN_HOUR, Reading, growth_per_hour


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
