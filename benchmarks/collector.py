"""What the relay's settings of Python's garbage collector are worth: beside the same relay without them.

    python benchmarks/collector.py [--quick] [--rounds N]

`teduh serve` freezes what exists once it has started, and looks for cycles after 20,000 new objects, not
700 (`server/teduh_server/cli/run.py`). Both relays hold many idle connections, which is what a collector
goes through, and take turns:

    core time    for one message, and for one set-up (a connection and a request), of all processes, µs
    p99          of messages, one way, ms: a pause of the collector shows here
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from conversations import Pair
from figures import FULL, PARALLEL, QUICK, Bench, close_all
from load import LoadGenerator, compile_generator, cores
from relay import progress, raise_file_limit
from relays import TeduhRelay

COLUMNS = "{:<36} {:>12} {:>12} {:>8}"
_AS_PYTHON_HAS_IT = (
    "import gc, sys; gc.freeze = gc.set_threshold = lambda *numbers: None; "
    "from teduh_server.cli.main import app; app(sys.argv[1:])"
)


class UntunedRelay(TeduhRelay):
    """Ours, whose collector stays as Python has it."""

    def _command(self) -> Sequence[str]:
        _, *arguments = super()._command()
        return [sys.executable, "-c", _AS_PYTHON_HAS_IT, *arguments]


class Measured:
    """One relay, its idle connections, and the figures of each round."""

    def __init__(self, bench: Bench, idle: int) -> None:
        self.bench = bench
        self.set_up_microseconds: list[float] = []
        self._idle: list[Pair] = [bench.relay.pair() for _ in range(idle // 2)]

    def measure(self) -> None:
        self.bench.core_time()
        self.bench.light_load()
        relay, count = self.bench.relay, self.bench.effort.set_ups
        before = relay.processor_seconds()
        with LoadGenerator(self.bench.program, relay.kind, [], self.bench.core) as generator:
            relay.set_ups(generator, count, PARALLEL)
        self.set_up_microseconds.append((relay.processor_seconds() - before) / count * 1e6)

    def leave(self) -> None:
        close_all(self._idle)


def row(name: str, tuned: Sequence[float], untuned: Sequence[float], digits: int) -> str:
    medians = [statistics.median(values) for values in (tuned, untuned)]
    ratio = f"{medians[0] / medians[1]:.2f}" if medians[1] else "-"
    return COLUMNS.format(name, *(f"{value:,.{digits}f}" for value in medians), ratio)


def table(tuned: Measured, untuned: Measured) -> list[str]:
    ours, theirs = tuned.bench, untuned.bench
    return [
        COLUMNS.format("", "tuned", "untuned", "ratio"),
        row("core time a message, µs", ours.core_microseconds, theirs.core_microseconds, 1),
        row("core time a set-up, µs", tuned.set_up_microseconds, untuned.set_up_microseconds, 0),
        row("messages, p99 ms", ours.light_p99, theirs.light_p99, 2),
    ]


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure what the settings of the collector are worth.")
    arguments.add_argument("--quick", action="store_true", help="tiny numbers, to see that it works")
    arguments.add_argument("--rounds", type=int, default=5, help="how often the two take turns")
    chosen = arguments.parse_args()
    effort = QUICK if chosen.quick else replace(FULL, set_ups=2000, idle_connections=4000)
    effort = effort.at_most(raise_file_limit(effort.idle_connections + effort.set_ups))
    core, generator_core = cores()
    if generator_core is not None:
        os.sched_setaffinity(0, {generator_core})
    with tempfile.TemporaryDirectory(prefix="teduh-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        program = compile_generator(folder)
        both = []
        for kind in (TeduhRelay, UntunedRelay):
            place = folder / kind.__name__
            place.mkdir()
            relay = stack.enter_context(kind(core, place))
            both.append(Measured(Bench(relay, program, generator_core, effort), effort.idle_connections))
            stack.callback(both[-1].leave)
        for number in range(1 if chosen.quick else chosen.rounds):
            progress(f"collector: round {number + 1}")
            for each in both:
                each.measure()
        progress("")
        print(f"The garbage collector, with {effort.idle_connections:,} idle connections; medians")
        print("\n".join(table(*both)))


if __name__ == "__main__":
    main()
