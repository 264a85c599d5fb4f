"""How long MLS operations take in ours and in every other library that is installed here.

    python benchmarks/mls.py [--quick]

Prints one table per group size: microseconds per operation (the median over interleaved rounds) and, in
brackets, how many times ours that is. The first table sets protect and unprotect of a 300-byte message
against what no implementation can avoid: one Ed25519 signature and one verification.

All rounds of all libraries alternate within one run, because the machine's speed drifts: ratios hold,
microseconds do not. ts-mls keeps its clock inside Node, so talking to it costs it nothing.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mls_peers.ours import Ours
from mls_peers.peer import MESSAGE, Operation, Peer, PeerMissing

OTHERS = (("ts_mls", "TsMls"), ("mls_rs", "MlsRs"), ("rfc9420_library", "Rfc9420"))
SIZES = (2, 8, 64, 1000)
FLOOR = "Ed25519 sign + verify"


@dataclass(frozen=True)
class Effort:
    """How much to measure: seconds that one cell may take in one round, rounds, and the largest group."""

    cell_seconds: float
    rounds: int
    sizes: tuple[int, ...]
    largest_for_others: int


FULL = Effort(cell_seconds=0.15, rounds=5, sizes=SIZES, largest_for_others=1000)
QUICK = Effort(cell_seconds=0.01, rounds=1, sizes=(2,), largest_for_others=2)


@dataclass
class Column:
    """One library's figures for one group size: samples by operation, or why there are none."""

    peer: Peer
    samples: dict[Operation, list[float]] = field(default_factory=dict)
    failures: dict[Operation, str] = field(default_factory=dict)

    def measure(self, operation: Operation, effort: Effort) -> None:
        """Add one sample: as many repetitions as fit the cell's time, at least one."""
        if operation in self.failures:
            return
        try:
            first = self.peer.time(operation, 1)
            count = max(1, min(500, int(effort.cell_seconds * 1e6 / max(first, 1.0))))
            sample = self.peer.time(operation, count) if count > 1 else first
        except Exception as error:  # noqa: BLE001 - a peer that fails is reported in its cell
            self.failures[operation] = f"failed: {type(error).__name__}"
            return
        self.samples.setdefault(operation, []).append(sample)

    def median(self, operation: Operation) -> float | None:
        """The median over the rounds, in microseconds."""
        samples = self.samples.get(operation)
        return statistics.median(samples) if samples else None


@contextmanager
def installed_peers(quick: bool) -> Iterator[list[Peer]]:
    """Ours first, then whatever else is here; says what is missing."""
    peers: list[Peer] = [Ours()]
    for module, name in () if quick else OTHERS:
        try:
            peers.append(getattr(importlib.import_module(f"mls_peers.{module}"), name)())
        except PeerMissing as missing:
            print(f"not measured: {module} (install {missing})")
    try:
        yield peers
    finally:
        for peer in peers:
            peer.close()


def prepared(peers: list[Peer], members: int) -> list[Column]:
    """A column for every library that can make the group at all."""
    columns = []
    for peer in peers:
        column = Column(peer)
        try:
            peer.prepare(members)
        except Exception as error:  # noqa: BLE001 - a peer that fails is reported in its column
            print(f"{peer.name} cannot make a warm group of {members}: {type(error).__name__}: {error}")
            column.failures = dict.fromkeys(Operation, "no group")
        columns.append(column)
    return columns


def measure(peers: list[Peer], members: int, effort: Effort) -> list[Column]:
    """Let the libraries take turns, operation by operation and round by round."""
    columns = prepared(peers, members)
    for _ in range(effort.rounds):
        for operation in Operation:
            for column in columns:
                column.measure(operation, effort)
    return columns


def print_table(title: str, columns: list[Column]) -> None:
    """Microseconds, and in brackets the multiple of ours."""
    print(f"\n{title}")
    print("  µs per operation".ljust(20) + "".join(column.peer.name.rjust(26) for column in columns))
    for operation in Operation:
        ours = columns[0].median(operation)
        print(f"  {operation:<18}" + "".join(_cell(column, operation, ours).rjust(26) for column in columns))


def _cell(column: Column, operation: Operation, ours: float | None) -> str:
    median = column.median(operation)
    if median is None:
        return column.failures.get(operation, "-")
    ratio = f"{median / ours:8.2f}x" if ours else ""
    return f"{median:12,.0f} ({ratio})"


def compare_with_floor(ours: Ours, effort: Effort) -> None:
    """Protect and unprotect against the signature and verification inside them, in alternation."""
    ours.prepare(2)
    key = Ed25519PrivateKey.generate()
    public, signature = key.public_key(), key.sign(MESSAGE)
    repetitions = max(20, int(effort.cell_seconds * 2000))
    floor, both = [], []
    for _ in range(effort.rounds * 4):
        floor.append(_timed(lambda: (key.sign(MESSAGE), public.verify(signature, MESSAGE)), repetitions))
        both.append(ours.time(Operation.PROTECT, repetitions) + ours.time(Operation.UNPROTECT, repetitions))
    ratio = statistics.median(a / b for a, b in zip(both, floor, strict=True))
    print(f"\nA 300-byte message, suite 1 (goal: at most 1.50 times {FLOOR})")
    print(f"  {FLOOR:<24}{statistics.median(floor):10.1f} µs")
    print(f"  {'protect + unprotect':<24}{statistics.median(both):10.1f} µs   {ratio:.2f} times that")


def _timed(call: Callable[[], object], repetitions: int) -> float:
    started = time.perf_counter()
    for _ in range(repetitions):
        call()
    return (time.perf_counter() - started) / repetitions * 1e6


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one tiny round of ours, to see it work")
    quick: bool = arguments.parse_args().quick
    effort = QUICK if quick else FULL
    compare_with_floor(Ours(), effort)
    with installed_peers(quick) as peers:
        for members in effort.sizes:
            columns = measure(peers, members, effort)
            print_table(f"A group of {members:,}, cipher suite 1", columns)


if __name__ == "__main__":
    main()
