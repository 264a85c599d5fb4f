"""What is concluded about a second worker, on figures that are made up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from figures import Bench, Cost
from workers import TIMES, TURNS, Workers


def bench(highest: float, borne: float, cost: float = 40, store: float = 4) -> SimpleNamespace:
    """A relay whose highest rate was found, and what it bears of too much; it remembers what it was given."""
    given: list[float] = []

    def taken(rate: float) -> Cost:
        given.append(rate)
        return Cost(min(borne, rate), cost, store)

    effort = SimpleNamespace(lowest_rate=4000)
    return SimpleNamespace(rates={"durable": [highest]}, cost=taken, given=given, effort=effort)


def measured(one: SimpleNamespace, two: SimpleNamespace, two_cores: Bench | None = None) -> Workers:
    workers = Workers(cast(Bench, one), cast(Bench, two), two_cores)
    workers.measure()
    return workers


def test_both_are_given_more_than_either_bears_in_turn() -> None:
    one, two = bench(20_000, 21_000), bench(24_000, 19_000)
    measured(one, two)
    assert one.given == two.given == [TIMES * 24_000] * TURNS


def test_where_no_rate_was_found_it_is_more_than_the_lowest() -> None:
    one, two = bench(0, 2000), bench(0, 2000)
    measured(one, two)
    assert one.given == two.given == [TIMES * 4000] * TURNS


def test_what_one_bears_nearly_whole_was_not_too_much() -> None:
    """A search that ended early would make any two alike."""
    one, two = bench(8000, 21_000), bench(8000, 11_500)
    workers = measured(one, two)
    assert one.given == two.given == [12_000, 18_000, *[27_000] * TURNS]
    assert workers.speed_up == [pytest.approx(2 * 11_500 / 21_000)] * TURNS


@pytest.mark.parametrize(("borne", "times"), [(21_000, 2.0), (16_800, 1.6), (10_500, 1.0)])
def test_two_workers_bear_twice_as_much_less_what_they_bear_less_on_one_core(
    borne: float, times: float
) -> None:
    workers = measured(bench(20_000, 21_000), bench(16_000, borne))
    assert workers.speed_up == [pytest.approx(times)] * TURNS


def test_where_there_are_cores_for_it_the_rates_decide() -> None:
    spread = SimpleNamespace(rates={"durable": [34_000.0]}, highest_rates=lambda: None)
    workers = measured(bench(20_000, 21_000), bench(16_000, 16_000), cast(Bench, spread))
    assert workers.speed_up == [pytest.approx(1.7)]


def test_valkey_is_the_bound_where_it_needs_a_core_of_its_own() -> None:
    one, two = bench(20_000, 25_000, 40, store=8), bench(16_000, 20_000, 50, store=10)
    text = " ".join(measured(one, two).rows())
    assert "one worker bears 25,000 a second, of 40 µs each (Valkey 8)" in text
    assert "the bound at 5.0 such cores" in text
