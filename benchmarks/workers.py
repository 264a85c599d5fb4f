"""What a second worker brings: measured with three cores, told from processor time with two.

With three cores, of which the load generator has one: the highest rate of two workers on two cores, times
that of one worker on one.

With two cores the generator needs one of them, and two workers cannot have two. So one worker and two take
turns on the *same* core, each near the highest rate that it bears there, for the more messages are batched
the less each of them costs:

    one worker     bears   1 s / (processor time of relay and Valkey for a message)
    two workers    bear    2 s / (the same of two workers), on two cores

That is twice as much, less what two workers cost more for each message: they share Valkey, and what comes
together in one of them is less. It takes for granted that the kernel deals out the work evenly. Valkey is one
process: at some number of cores it would need a whole one.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from figures import Bench, Cost

SHARE = 0.8
"""Of the highest rate that was found in the same round."""


@dataclass(slots=True)
class Workers:
    """One worker and two on one core each, and two on two cores where there are enough."""

    one: Bench
    two: Bench
    two_cores: Bench | None
    costs: list[tuple[Cost, Cost]] = field(default_factory=list)

    def measure(self) -> None:
        """After the highest rates of the round."""
        self.costs.append((_near_the_highest(self.one), _near_the_highest(self.two)))
        if self.two_cores is not None:
            self.two_cores.highest_rates()

    @property
    def speed_up(self) -> list[float]:
        """Of each round: how many times as much two workers on two cores bear as one on one."""
        if self.two_cores is not None:
            rates = zip(self.one.rates["durable"], self.two_cores.rates["durable"], strict=True)
            return [two / one for one, two in rates if one]
        return [2 * one.microseconds / two.microseconds for one, two in self.costs if two.microseconds]

    def rows(self) -> list[str]:
        one, two = zip(*self.costs, strict=True)
        whole, store = (_median(two, each) for each in ("microseconds", "store_microseconds"))
        how = "measured" if self.two_cores is not None else "told from that"
        bound = f"the bound at {whole / store:.1f} such cores" if store else "too quick to be measured"
        return [
            "Core time a message near the highest rate of the core:",
            f"    one worker {_told(one)}, two {_told(two)}.",
            f"Two workers on two cores, {how}: {statistics.median(self.speed_up):.2f} times as much.",
            f"    Valkey, which is one process, would be {bound}.",
        ]


def _near_the_highest(bench: Bench) -> Cost:
    return bench.cost(max(SHARE * bench.rates["durable"][-1], bench.effort.lowest_rate / 16))


def _median(costs: Sequence[Cost], name: str) -> float:
    values: list[float] = [getattr(cost, name) for cost in costs]
    return statistics.median(values)


def _told(costs: Sequence[Cost]) -> str:
    whole, store, share = (_median(costs, name) for name in ("microseconds", "store_microseconds", "share"))
    return f"{whole:.0f} µs (Valkey {store:.0f}) with {share:.0%} of it busy"
