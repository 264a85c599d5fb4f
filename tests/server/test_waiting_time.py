"""The estimate keeps its word: four of five waits lie within it, and it never promises more than is known."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teduh_server.matching.waiting_time import (
    ANSWERED_SECONDS,
    LEAST_OBSERVATIONS,
    LONGEST_SECONDS,
    WINDOW_SECONDS,
    estimate,
    fisher_percentile,
    is_passed_over,
)

NOW = 1_000_000.0
counts = st.integers(LEAST_OBSERVATIONS, 200)
positions = st.integers(1, 60)


def _taken(count: int, before: float = 60.0) -> list[float]:
    return [NOW - before] * count


def test_too_little_is_known_from_two_claims_or_from_old_ones() -> None:
    assert estimate(_taken(LEAST_OBSERVATIONS - 1), 1, NOW) is None
    assert estimate(_taken(50, before=WINDOW_SECONDS + 1), 1, NOW) is None


def test_who_is_being_taken_already_waits_for_nothing() -> None:
    assert estimate(_taken(50), 0, NOW) is None


@given(counts, positions)
def test_bounds_are_whole_minutes_in_order(count: int, position: int) -> None:
    found = estimate(_taken(count), position, NOW)
    if found is not None:
        assert 0 <= found.least < found.most <= LONGEST_SECONDS + 60
        assert found.least % 60 == found.most % 60 == 0


@given(counts, positions)
def test_steady_pace_lies_between_the_bounds(count: int, position: int) -> None:
    """Never less is promised as the most than what the window itself has shown."""
    found = estimate(_taken(count), position, NOW)
    if found is not None:
        pace = WINDOW_SECONDS / count * position
        assert found.least <= pace <= found.most


@given(counts, positions)
def test_whoever_is_further_behind_is_never_told_less(count: int, position: int) -> None:
    one, next_one = (estimate(_taken(count), place, NOW) for place in (position, position + 1))
    if next_one is not None:
        assert one is not None
        assert one.least <= next_one.least
        assert one.most <= next_one.most


@given(counts, positions, st.floats(0, 1000))
def test_estimate_never_shrinks_while_nobody_is_taken(count: int, position: int, later: float) -> None:
    times = [NOW - WINDOW_SECONDS * place / count for place in range(count)]
    before, after = estimate(times, position, NOW), estimate(times, position, NOW + later)
    if after is not None:
        assert before is not None
        assert before.least <= after.least
        assert before.most <= after.most


@pytest.mark.parametrize("position", [1, 4])
@pytest.mark.parametrize("per_hour", [6, 40])
def test_four_of_five_waits_lie_within(per_hour: int, position: int) -> None:
    """Claims at random moments; the bounds are rounded outwards, so that it may be more than four of five."""
    chance = random.Random(per_hour * 100 + position)
    told = kept = 0
    for _ in range(1500):
        times, clock = [], 0.0
        while (clock := clock + chance.expovariate(per_hour / 3600)) < WINDOW_SECONDS:
            times.append(clock)
        found = estimate(times, position, WINDOW_SECONDS)
        wait = sum(chance.expovariate(per_hour / 3600) for _ in range(position))
        if found is not None:
            told += 1
            kept += found.least <= wait <= found.most
    assert kept / told > 0.75


@pytest.mark.parametrize("above", [2, 6, 20])
@pytest.mark.parametrize("below", [6, 20, 200])
def test_percentiles_are_those_of_the_distribution(above: int, below: int) -> None:
    chance = random.Random(above * 1000 + below)
    drawn = sorted(
        (chance.gammavariate(above / 2, 1) / above) / (chance.gammavariate(below / 2, 1) / below)
        for _ in range(20_000)
    )
    assert fisher_percentile(-1.28155, above, below) == pytest.approx(drawn[2_000], rel=0.12)
    assert fisher_percentile(1.28155, above, below) == pytest.approx(drawn[18_000], rel=0.06)


def test_who_keeps_her_place_while_others_are_taken_is_passed_over() -> None:
    """But not by those who were before her, and are answered now."""
    later, just_before = NOW + ANSWERED_SECONDS + 1, NOW + ANSWERED_SECONDS
    assert is_passed_over([later] * LEAST_OBSERVATIONS + [NOW], NOW)
    assert not is_passed_over([later] * (LEAST_OBSERVATIONS - 1) + [just_before] * 50, NOW)
    assert not is_passed_over([], NOW)
