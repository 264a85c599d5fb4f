"""What a second worker brings, told from processor time: where the load generator needs a core too, two
workers cannot have two cores to themselves.

    one worker    its core bears   1 s / (processor time of relay and Valkey for a message)
    two workers   two cores bear   2 s / (the same, at twice the rate)

So the second core brings `2 x` as much, less what two workers cost more for each message: half of the
conversations have members at both, and what is said there goes through a channel of Valkey.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from figures import Bench, Effort
from relays import TeduhRelay


class Workers:
    """One relay with a worker and one with two, which take turns. A context manager: leaving it ends both."""

    def __init__(self, folder: Path, program: Path, generator_core: int | None, effort: Effort) -> None:
        self._benches: list[Bench] = []
        self._places = [folder / f"workers-{count}" for count in (1, 2)]
        for count, place in enumerate(self._places, 1):
            place.mkdir()
            relay = TeduhRelay(None, place, workers=count)
            self._benches.append(Bench(relay, program, generator_core, effort))

    def measure(self) -> None:
        for count, bench in enumerate(self._benches, 1):
            bench.core_time(bench.effort.lowest_rate * count)

    @property
    def microseconds(self) -> tuple[Sequence[float], Sequence[float]]:
        """Of each round: processor time for a message, with one worker and with two."""
        one, two = (bench.core_microseconds for bench in self._benches)
        return one, two

    @property
    def speed_up(self) -> list[float]:
        """Of each round: how many times as much two workers on two cores bear as one on one."""
        return [2 * one / two for one, two in zip(*self.microseconds, strict=True)]

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for bench in self._benches:
            bench.relay.__exit__()
