"""What is concluded about a second worker, on figures that are made up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from figures import Bench, Cost
from workers import SHARE, Workers


def bench(rate: float, cost: float, store: float = 4) -> SimpleNamespace:
    """A relay that bears so much, and what a message costs it; it remembers the rates that it was given."""
    tried: list[float] = []

    def taken(at: float) -> Cost:
        tried.append(at)
        return Cost(at, cost, store)

    effort = SimpleNamespace(lowest_rate=4000)
    return SimpleNamespace(rates={"durable": [rate]}, cost=taken, tried=tried, effort=effort)


def measured(one: SimpleNamespace, two: SimpleNamespace, two_cores: Bench | None = None) -> Workers:
    workers = Workers(cast(Bench, one), cast(Bench, two), two_cores)
    workers.measure()
    return workers


def test_each_is_loaded_near_the_highest_rate_that_it_bears_itself() -> None:
    one, two = bench(20_000, 40), bench(16_000, 50)
    measured(one, two)
    assert one.tried == [SHARE * 20_000]
    assert two.tried == [SHARE * 16_000]


@pytest.mark.parametrize(("cost", "times"), [(40, 2.0), (50, 1.6), (80, 1.0)])
def test_two_workers_bear_twice_as_much_less_what_they_cost_more(cost: float, times: float) -> None:
    workers = measured(bench(20_000, 40), bench(16_000, cost))
    assert workers.speed_up == [pytest.approx(times)]


def test_where_there_are_cores_for_it_the_rates_decide() -> None:
    spread = SimpleNamespace(rates={"durable": [34_000.0]}, highest_rates=lambda: None)
    workers = measured(bench(20_000, 40), bench(16_000, 50), cast(Bench, spread))
    assert workers.speed_up == [pytest.approx(1.7)]


def test_valkey_is_the_bound_where_it_needs_a_core_of_its_own() -> None:
    text = " ".join(measured(bench(20_000, 40, store=8), bench(16_000, 50, store=10)).rows())
    assert "one worker 40 µs (Valkey 8) with 64% of it busy" in text
    assert "the bound at 5.0 such cores" in text
