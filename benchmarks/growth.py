"""How our relay's cost grows with what it carries, and drawn: a straight line is what we would expect.

    python benchmarks/growth.py [--quick] [--no-drawings]

    connections   idle ones, in open conversations: memory of relay and Valkey
    members       of a conversation: core time for one message, which goes to all others; a single one is a
                  survivor who still waits, and writes
    size          of an entry: core time for one message
    workers       processes of one relay: core time for one message, at a rate for each worker; what two bear
                  on two cores, beside the goal, is in `benchmarks/relay.py`
    backlog       entries that wait for a member who comes back: time until she has them all

Core time is that of all processes of the relay, Valkey included. Each point is taken on a fresh relay;
absolute figures are this machine's, and drift: the shape is what counts. Drawn to docs/performance/*.svg,
with the straight line that fits best.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from conversations import RelayConnection, gather
from figures import FULL, Bench
from load import LoadGenerator, compile_generator, cores
from relay import progress, raise_file_limit
from relays import TeduhRelay
from teduh_signaling.relay.frames import Entry, Subscribe, Subscribed

DRAWINGS = Path(__file__).resolve().parents[1] / "docs" / "performance"
RATE = 2000
SECONDS = 2.0
PAIRS = 50


@dataclass(frozen=True, slots=True)
class Series:
    """One drawing: what grows, what it costs, and the points."""

    name: str
    along: str
    cost: str
    points: Sequence[tuple[float, float]]

    def line(self) -> tuple[float, float]:
        """Slope and intercept of the straight line that fits best, each point weighing the same in ratio."""
        x, y = np.array(self.points, dtype=float).T
        if len(x) < 2:
            return 0.0, float(y[0])
        weights = 1 / np.maximum(np.abs(y), 1e-9)
        slope, intercept = np.polyfit(x, y, 1, w=weights)
        return float(slope), float(intercept)

    def rows(self) -> list[str]:
        slope, intercept = self.line()
        head = f"{self.name}: {self.cost} by {self.along}, about {intercept:,.4g} + {slope:,.4g} each"
        return [head, *(f"    {x:>10,.0f}  {y:>12,.2f}" for x, y in self.points)]


@dataclass(frozen=True, slots=True)
class Effort:
    connections: Sequence[int]
    members: Sequence[int]
    sizes: Sequence[int]
    workers: Sequence[int]
    backlogs: Sequence[int]
    seconds: float


def full() -> Effort:
    available = raise_file_limit(20_000)
    # As far as the limit on open files allows.
    connections = sorted({min(count, available) for count in (100, 1000, 5000, 10_000, 20_000)})
    workers = [count for count in (1, 2, 4) if count <= len(os.sched_getaffinity(0))]
    return Effort(
        connections,
        (2, 3, 4),
        (300, 1024, 4096, 16_384, 65_536),
        workers,
        (1, 100, 1000, 10_000, 100_000),
        SECONDS,
    )


QUICK = Effort((10, 20), (2, 3), (300, 1024), (1,), (1, 20), 0.2)


class GrowthBench:
    """Takes the series one after the other."""

    def __init__(self, folder: Path, program: Path, effort: Effort) -> None:
        self._folder = folder
        self._program = program
        self._effort = effort
        self._relay_core, self._generator_core = cores()
        self._relays = 0

    def series(self) -> Iterator[Series]:
        effort = self._effort
        yield self._measure("connections", "idle connections", "MiB", effort.connections, self._memory)
        yield self._measure("members", "members", "µs a message", effort.members, self._by_members)
        yield self._measure("size", "bytes of an entry", "µs a message", effort.sizes, self._by_size)
        yield self._measure("workers", "worker processes", "µs a message", effort.workers, self._by_workers)
        yield self._measure("backlog", "entries waiting", "ms until read", effort.backlogs, self._backlog)

    def _measure(
        self, name: str, along: str, cost: str, values: Sequence[int], take: Callable[[int], float]
    ) -> Series:
        points = []
        for value in values:
            progress(f"{name}: {value:,} {along}")
            points.append((float(value), take(value)))
        progress("")
        return Series(name, along, cost, points)

    @contextmanager
    def _relay(self, **settings: object) -> Iterator[TeduhRelay]:
        self._relays += 1
        folder = self._folder / f"relay-{self._relays}"
        folder.mkdir()
        pinned = None if settings.get("workers", 1) != 1 else self._relay_core
        with TeduhRelay(pinned, folder, **settings) as relay:
            yield relay

    def _memory(self, count: int) -> float:
        with self._relay() as relay:
            effort = replace(FULL, idle_connections=count)
            bench = Bench(relay, self._program, self._generator_core, effort)
            bench.memory()
            return sum(bench.memory_per_connection.values()) * count / 2**20

    def _by_members(self, members: int) -> float:
        with self._relay() as relay:
            return self._core_time(relay, 300, members)

    def _by_size(self, size: int) -> float:
        with self._relay() as relay:
            return self._core_time(relay, size, 2)

    def _by_workers(self, workers: int) -> float:
        with self._relay(workers=workers) as relay:
            return self._core_time(relay, 300, 2, RATE * workers)

    def _core_time(self, relay: TeduhRelay, size: int, members: int, rate: float = RATE) -> float:
        """Microseconds of all the relay's processes for one message that was sent."""
        rate = min(rate, 40e6 / size)
        groups = [gather(relay.port, [relay.device() for _ in range(members - 1)]) for _ in range(PAIRS)]
        connected = [member for group in groups for member in group.members]
        with LoadGenerator(self._program, "teduh", connected, self._generator_core) as generator:
            generator.run("durable", rate, self._effort.seconds / 4, size)
            before = relay.processor_seconds()
            result = generator.run("durable", rate, self._effort.seconds, size)
            spent = relay.processor_seconds() - before
        for group in groups:
            group.close()
        if result.errors or result.accepted < result.sent:
            raise RuntimeError(f"not everything was accepted: {result}")
        return spent / result.sent * 1e6

    def _backlog(self, entries: int) -> float:
        """Milliseconds from asking until the last entry is there, for a member who was away."""
        with self._relay(conversation_entries=200_000, conversation_bytes=2**30) as relay:
            group = gather(relay.port, [relay.device()], acknowledge=False)
            survivor, staff = group.connections
            staff.append_many(group.conversation_id, entries, 300)
            away = RelayConnection(relay.port)
            begun = time.perf_counter()
            away.send(Subscribe(1, group.conversation_id, 2, group.capability))
            away.expect(Subscribed)
            for _ in range(entries):
                away.expect(Entry)
            taken = time.perf_counter() - begun
            group.close()
            away.socket.close()
            del survivor
            return taken * 1e3


def draw(series: Series, folder: Path) -> None:
    """One SVG: the points, and the straight line that we would expect."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "teduh"
    from matplotlib import pyplot

    slope, intercept = series.line()
    x, y = np.array(series.points, dtype=float).T
    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    dense = np.linspace(x.min(), x.max(), 200)
    axes.plot(dense, intercept + slope * dense, color="#9aa5a0", linestyle="--", label="straight line")
    axes.plot(x, y, "o", color="#2c6455", label="measured")
    if x.max() > 50 * max(x.min(), 1):
        axes.set_xscale("log")
        axes.set_yscale("log")
    axes.set_xlabel(series.along)
    axes.set_ylabel(series.cost)
    axes.legend()
    axes.grid(alpha=0.3)
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{series.name}.svg", metadata={"Date": None})
    pyplot.close(figure)


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure how the relay's cost grows.")
    arguments.add_argument("--quick", action="store_true", help="tiny numbers, to see that it works")
    arguments.add_argument(
        "--drawings", type=Path, help="where to; docs/performance usually, nowhere if quick"
    )
    chosen = arguments.parse_args()
    effort = QUICK if chosen.quick else full()
    drawings = chosen.drawings or (None if chosen.quick else DRAWINGS)
    with tempfile.TemporaryDirectory(prefix="teduh-bench-") as folder:
        bench = GrowthBench(Path(folder), compile_generator(Path(folder)), effort)
        for series in bench.series():
            print("\n".join(series.rows()), flush=True)
            if drawings is not None:
                draw(series, drawings)


if __name__ == "__main__":
    main()
