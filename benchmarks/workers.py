"""What a second worker brings: measured with three cores, told from processor time with two.

With three cores, of which the load generator has one: the highest rate of two workers on two cores, times
that of one worker on one.

With two cores the generator needs one of them, and two workers cannot have two. So one worker and two take
turns on the *same* core, each given more than it bears, and what it bears of that is counted: the core is
busy all the time. Where one bears nearly all of it, both are given more.

    two workers on two cores  =  2 x (what two bear on one core) / (what one bears on it)

That is twice as much, less what two workers cost more for each message: they share Valkey, and what comes
together in one of them is less. It takes for granted that the kernel deals out the work evenly. Valkey is one
process: at some number of cores it would need a whole one.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from figures import Bench, Cost

TIMES = 1.5
"""So many times the higher of the two rates that were found in the same round is more than either bears, as a
rule; a search may end early."""
NEARLY_ALL = 0.9
TURNS = 3


@dataclass(slots=True)
class Workers:
    """One worker and two on one core each, and two on two cores where there are enough."""

    one: Bench
    two: Bench
    two_cores: Bench | None
    costs: list[tuple[Cost, Cost]] = field(default_factory=list)

    def measure(self) -> None:
        """After the highest rates of the round."""
        highest = max(self.one.rates["durable"][-1], self.two.rates["durable"][-1])
        too_much = TIMES * max(highest, self.one.effort.lowest_rate)
        turns: list[tuple[Cost, Cost]] = []
        while len(turns) < TURNS:
            turn = self.one.cost(too_much), self.two.cost(too_much)
            if max(each.rate for each in turn) < NEARLY_ALL * too_much:
                turns.append(turn)
            else:
                too_much *= TIMES
        self.costs += turns
        if self.two_cores is not None:
            self.two_cores.highest_rates()

    @property
    def speed_up(self) -> list[float]:
        """Of each round or turn: how many times as much two workers on two cores bear as one on one."""
        if self.two_cores is not None:
            rates = zip(self.one.rates["durable"], self.two_cores.rates["durable"], strict=True)
            return [two / one for one, two in rates if one]
        return [2 * two.rate / one.rate for one, two in self.costs]

    def rows(self) -> list[str]:
        one, two = zip(*self.costs, strict=True)
        whole, store = (_median(two, each) for each in ("microseconds", "store_microseconds"))
        how = "measured" if self.two_cores is not None else "told from that"
        bound = f"the bound at {whole / store:.1f} such cores" if store else "too quick to be measured"
        return [
            "Given more than they bear, on the one core:",
            f"    one worker bears {_told(one)};",
            f"    two bear {_told(two)}.",
            f"Two workers on two cores, {how}: {statistics.median(self.speed_up):.2f} times as much.",
            f"    Valkey, which is one process, would be {bound}.",
        ]


def _median(costs: Sequence[Cost], name: str) -> float:
    values: list[float] = [getattr(cost, name) for cost in costs]
    return statistics.median(values)


def _told(costs: Sequence[Cost]) -> str:
    rate, whole, store = (_median(costs, name) for name in ("rate", "microseconds", "store_microseconds"))
    return f"{rate:,.0f} a second, of {whole:.0f} µs each (Valkey {store:.0f})"
