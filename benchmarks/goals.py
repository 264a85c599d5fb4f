"""What the relay is held to, beside what was measured: a line for each goal, and whether it was kept.

The goals are ratios to other servers of the same run wherever they can be, for absolute figures are as much
the machine's as ours. Ours is *durable* in all of them but the one about typing; the others store nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from figures import Bench

TWO_NODES, ONE_NODE = "socket.io with Redis, two processes", "socket.io with Redis, one process"
"""The goal is held to two processes.

With one, no message needs the adapter; two are what an organisation runs it for. The figures from which the
goal was made have the adapter at a fifth of socket.io alone; here two processes bear about half of it.
"""
STREAMS = "socket.io with Redis Streams, two processes"
"""The one that keeps a message before it passes it on, as ours does, though it syncs nothing."""
EJABBERD = "ejabberd"
PROSODY, PROSODY_AS_IT_COMES = "Prosody", "Prosody, as it comes"
PEERJS = "PeerJS server"
BARE = "bare aiohttp relay"
NAMED = frozenset({BARE, EJABBERD, PROSODY, PROSODY_AS_IT_COMES, TWO_NODES, STREAMS, PEERJS})
"""The relays that ours is compared with."""
COLUMNS = "{:<66} {:>12} {:>12}  {}"


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure and its bound; `measured` is None where a peer was not there."""

    name: str
    measured: float | None
    bound: float
    at_least: bool = True

    @property
    def kept(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def row(self) -> str:
        verdict = {None: "not measured", True: "kept", False: "NOT KEPT"}[self.kept]
        measured = "-" if self.measured is None else f"{self.measured:,.2f}"
        sign = ">=" if self.at_least else "<="
        return COLUMNS.format(self.name, f"{sign} {self.bound:,.2f}", measured, verdict)


def ratio(ours: Sequence[float], others: Sequence[float]) -> float | None:
    """How many times theirs ours is, as the median of the rounds; None where theirs was not measured."""
    ratios = [a / b for a, b in zip(ours, others, strict=False) if b]
    return statistics.median(ratios) if ratios else None


def goals(ours: Bench, others: Mapping[str, Bench], two_workers: Sequence[float]) -> list[Goal]:
    """All of them; `others` by their names, `two_workers` as times one worker."""
    return [
        *_rates(ours, others),
        *light_load(ours, others),
        Goal(
            "memory per idle connection, everything counted, KiB",
            sum(ours.memory_per_connection.values()) / 1024,
            16,
            at_least=False,
        ),
        Goal("survivors' set-ups a second", _median(ours.set_up_rates), 1000),
        Goal("staff signed in a second", _median(ours.staff_set_up_rates), 500),
        Goal("two workers on two cores, times one worker", _median(two_workers), 1.7),
    ]


def goals_apart(apart: Bench, others: Mapping[str, Bench]) -> list[Goal]:
    """Those of rates and latencies, where the relay's process has its core to itself, and Valkey shares the
    other with the load, whoever uses it.
    """
    return [*_rates(apart, others), *light_load(apart, others)]


def _rates(ours: Bench, others: Mapping[str, Bench]) -> list[Goal]:
    durable, typing = ours.rates["durable"], ours.rates.get("ephemeral")

    def times(name: str, own: Sequence[float], bound: float) -> Goal:
        theirs = _all_rates(others[name]) if name in others else []
        what = "durable" if own is durable else "typing"
        return Goal(f"{what}, highest rate, times {name}", ratio(own, theirs), bound)

    kept = [
        times(BARE, durable, 0.35),
        times(EJABBERD, durable, 3),
        times(TWO_NODES, durable, 1.8),
        times(STREAMS, durable, 2.5),
    ]
    return kept if typing is None else [*kept, times(PEERJS, typing, 1.2)]


def beside_the_goals(ours: Bench, two_workers: Bench, others: Mapping[str, Bench]) -> list[str]:
    """Other ways to compare with socket.io's Redis adapter, and with Prosody."""

    def times(own: Bench, name: str) -> str:
        found = ratio(own.rates["durable"], _all_rates(others[name])) if name in others else None
        return "not measured" if found is None else f"{found:.2f}"

    return [
        f"No goals: durable, highest rate, times {ONE_NODE}: {times(ours, ONE_NODE)};",
        f"two workers on one core, times {TWO_NODES}: {times(two_workers, TWO_NODES)};",
        f"times {PROSODY}: {times(ours, PROSODY)}; as it comes: {times(ours, PROSODY_AS_IT_COMES)}.",
    ]


def light_load(ours: Bench, others: Mapping[str, Bench]) -> list[Goal]:
    """Those of latencies."""
    ejabberd = others.get(EJABBERD)
    return [
        Goal("light load, one way, p50 ms", _median(ours.light_p50), 0.5, at_least=False),
        Goal(
            "light load, p99, times ejabberd",
            ratio(ours.light_p99, ejabberd.light_p99 if ejabberd else ()),
            1.2,
            at_least=False,
        ),
    ]


def _all_rates(bench: Bench) -> list[float]:
    return [rate for rates in bench.rates.values() for rate in rates]


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def table(all_goals: Sequence[Goal], where: str) -> list[str]:
    return [
        COLUMNS.format(f"goals, {where}", "goal", "measured", ""),
        *(goal.row() for goal in all_goals),
    ]
