"""The figures of one relay: how each is taken, and what was found, a value per round."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from conversations import Pair
from load import MESSAGE_BYTES, LoadGenerator, Mode, RunResult
from measured_relay import Relay
from relays import TeduhRelay, TeduhTwoWorkers
from staff_storm import storm_of_staff

PER_PAIR_AND_SECOND = 5
LIMIT_MS = 100.0
SETTLE_SECONDS = 1.0
PAIRS_AT_A_TIME = 8
"""Some servers answer a new connection only after a while, and do nothing meanwhile."""
PEER_CONNECTIONS = 3000
PARALLEL = 32
"""So many set-ups at a time."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure."""

    rounds: int
    light_turns: int
    """How often in a round the relays take turns at a light load: its rare latencies are noisy."""
    light_seconds: float
    light_pairs: int
    rate_seconds: float
    rate_pairs: int
    tries: int
    """How often a rate may fail before it counts as too high."""
    lowest_rate: float
    precision: float
    """The bisection ends when its bounds are this close to each other, as a ratio."""
    search_seconds: float
    """After which the search for a rate ends with what it has."""
    idle_connections: int
    set_ups: int
    staff_set_ups: int
    waking_seconds: float
    """How long a relay that was halted runs before it is measured."""

    def for_peers(self) -> Effort:
        """Fewer connections, for some take long to set up, and there are many peers."""
        return self.at_most(PEER_CONNECTIONS)

    def at_most(self, connections: int) -> Effort:
        """With no more at a time."""
        return replace(
            self,
            idle_connections=min(self.idle_connections, connections),
            set_ups=min(self.set_ups, connections),
        )


FULL = Effort(
    rounds=3,
    light_turns=3,
    light_seconds=5,
    light_pairs=100,
    rate_seconds=2,
    rate_pairs=100,
    tries=2,
    lowest_rate=4000,
    precision=1.04,
    search_seconds=40,
    idle_connections=5000,
    set_ups=4000,
    staff_set_ups=1500,
    waking_seconds=2,
)
QUICK = Effort(
    rounds=1,
    light_turns=1,
    light_seconds=0.3,
    light_pairs=3,
    rate_seconds=0.1,
    rate_pairs=3,
    tries=1,
    lowest_rate=8000,
    precision=4,
    search_seconds=10,
    idle_connections=20,
    set_ups=20,
    staff_set_ups=10,
    waking_seconds=0.2,
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor time for one message, and the part of it that the relay's store used, at so many a second."""

    rate: float
    microseconds: float
    store_microseconds: float


@dataclass(slots=True)
class Bench:
    """One relay under measurement, and its figures."""

    relay: Relay
    program: Path
    core: int | None
    effort: Effort
    light_p50: list[float] = field(default_factory=list)
    light_p99: list[float] = field(default_factory=list)
    light_lateness: list[float] = field(default_factory=list)
    """Of the generator itself, p99: the part of the latency that is not the relay's."""
    core_microseconds: list[float] = field(default_factory=list)
    rates: dict[Mode, list[float]] = field(default_factory=dict)
    set_up_rates: list[float] = field(default_factory=list)
    staff_set_up_rates: list[float] = field(default_factory=list)
    memory_per_connection: dict[str, float] = field(default_factory=dict)
    generator_cpu: dict[Mode, list[float]] = field(default_factory=dict)
    """What share of its core the generator used in the fastest run that passed, of each bisection."""
    set_up_generator_cpu: list[float] = field(default_factory=list)
    staff_generator_cpu: list[float] = field(default_factory=list)

    def light_load(self) -> None:
        rate = self.effort.light_pairs * PER_PAIR_AND_SECOND
        with self._awake(), self._talking_pairs(self.effort.light_pairs) as generator:
            generator.run(self.relay.mode, rate, self.effort.light_seconds / 5, MESSAGE_BYTES)
            result = generator.run(self.relay.mode, rate, self.effort.light_seconds, MESSAGE_BYTES)
        self._require_complete(result)
        self.light_p50.append(result.p50_ms)
        self.light_p99.append(result.p99_ms)
        self.light_lateness.append(result.late_p99_ms)

    def highest_rates(self) -> None:
        with self._awake():
            for mode in self.relay.modes:
                self.rates.setdefault(mode, []).append(self.highest_rate(mode))

    def set_ups(self) -> None:
        with self._awake(), LoadGenerator(self.program, self.relay.kind, [], self.core) as generator:
            result = self.relay.set_ups(generator, self.effort.set_ups, PARALLEL)
        if result.closed or result.errors or not result.finished:
            raise RuntimeError(f"{self.relay.name}: not all were set up: {result}")
        self.set_up_rates.append(result.per_second)
        self.set_up_generator_cpu.append(result.generator_cpu)

    def staff_set_ups(self) -> None:
        if isinstance(self.relay, TeduhRelay) and not isinstance(self.relay, TeduhTwoWorkers):
            devices = [self.relay.device() for _ in range(self.effort.staff_set_ups)]
            with self._awake():
                result = storm_of_staff(self.relay.port, devices)
            self.staff_set_up_rates.append(result.per_second)
            self.staff_generator_cpu.append(result.generator_cpu)

    def memory(self) -> None:
        """How much the proportional set size of the relay's processes grows with each connection.

        On a fresh relay: what a process has had and given back would hide the growth.
        """
        count = self.effort.idle_connections
        with self._awake():
            close_all(self._pairs(min(50, count)))  # so that everything is loaded
            time.sleep(SETTLE_SECONDS)
            before = self.relay.memory()
            pairs = self._pairs(count // 2)
            time.sleep(SETTLE_SECONDS)
            after = self.relay.memory()
            close_all(pairs)
            time.sleep(SETTLE_SECONDS)
        self.memory_per_connection = {part: (after[part] - before[part]) / count for part in after}

    def core_time(self) -> None:
        """Processor time per message at a rate that the relay bears easily."""
        self.core_microseconds.append(self.cost(self.effort.lowest_rate).microseconds)

    def cost(self, rate: float) -> Cost:
        """What the relay, with all of its processes, uses for one message when it is given so many a second,
        and how many it bears of that.
        """
        relay, seconds = self.relay, self.effort.rate_seconds
        with self._awake(), self._talking_pairs(self.effort.rate_pairs) as generator:
            generator.run(relay.mode, self.effort.lowest_rate / 4, seconds / 4, MESSAGE_BYTES)
            before, store_before = relay.processor_seconds(), relay.store_seconds()
            began = time.perf_counter()
            result = generator.run(relay.mode, rate, seconds, MESSAGE_BYTES)
            took = time.perf_counter() - began
            spent, store = relay.processor_seconds() - before, relay.store_seconds() - store_before
        received = max(1, result.received)
        return Cost(received / took, spent / received * 1e6, store / received * 1e6)

    def highest_rate(self, mode: Mode) -> float:
        """Double the rate until it is too much, then close in on the limit.

        0 if not even a sixteenth of the lowest rate passes; what passed so far if the time is up.
        """
        rate, good, bad = self.effort.lowest_rate, 0.0, 0.0
        generator_cpu, deadline = 0.0, time.monotonic() + self.effort.search_seconds
        while not self._is_found(good, bad) and time.monotonic() < deadline:
            # Each run that decides is a whole one; those on the way up need not be.
            passed = self._try_rate(mode, rate, self.effort.rate_seconds / (1 if bad else 2))
            if passed is not None:
                good, generator_cpu = rate, passed.generator_cpu
            else:
                bad = rate
            rate = (good + bad) / 2 if bad else rate * 2
        self.generator_cpu.setdefault(mode, []).append(generator_cpu)
        return good

    def _is_found(self, good: float, bad: float) -> bool:
        """Whether the bounds are close enough, or the rates too low to go on."""
        return bool(bad) and (bad <= good * self.effort.precision or bad <= self.effort.lowest_rate / 16)

    def _try_rate(self, mode: Mode, rate: float, seconds: float) -> RunResult | None:
        """A run at that rate that passed, if one of a few did: others may use the machine for a moment.

        Each on fresh connections, for an overload leaves its traces.
        """
        for _ in range(self.effort.tries):
            with self._talking_pairs(self.effort.rate_pairs) as generator:
                generator.run(mode, self.effort.lowest_rate / 4, self.effort.rate_seconds / 4, MESSAGE_BYTES)
                result = generator.run(mode, rate, seconds, MESSAGE_BYTES)
            if result.complete and result.p99_ms < LIMIT_MS:
                return result
        return None

    def _awake(self) -> AbstractContextManager[None]:
        return self.relay.awake(self.effort.waking_seconds)

    def _pairs(self, count: int) -> list[Pair]:
        with ThreadPoolExecutor(PAIRS_AT_A_TIME) as pool:
            return list(pool.map(lambda _: self.relay.pair(), range(count)))

    @contextmanager
    def _talking_pairs(self, count: int) -> Iterator[LoadGenerator]:
        """`count` pairs on the relay, in the hands of a generator."""
        pairs = self._pairs(count)
        members = [member for pair in pairs for member in pair.members]
        try:
            with LoadGenerator(self.program, self.relay.kind, members, self.core) as generator:
                yield generator
        finally:
            close_all(pairs)

    def _require_complete(self, result: RunResult) -> None:
        if not result.complete:
            raise RuntimeError(f"{self.relay.name}: not everything arrived under light load: {result}")


def close_all(pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        pair.close()
