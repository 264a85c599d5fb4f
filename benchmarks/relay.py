"""What our relay costs beside the simplest relay that the same stack allows, in one run and as ratios.

    python benchmarks/relay.py [--quick] [--rounds N] [--search-seconds S] [--goals] [--peers | --no-peers]
    python benchmarks/relay.py --light TURNS      the light load alone, of ours and of ejabberd: the six turns
                                                  of two rounds do not decide a tenth of a p99

    light load    100 pairs, 5 messages a second each, 300 bytes: intended sending to delivery, one way.
                  Three short turns in each round, each beginning with another relay, for what others do on
                  the machine makes latencies that are rare; how late the generator was stands beside it
    core time     that all processes of the relay use for one message, at a rate that it bears easily
    highest rate  of 300-byte messages, one to one, of which 99 in 100 arrive within 100 ms; by bisection
    set-ups       a second: connect, upgrade, log in as the protocol has it. Survivors open a request; staff
                  have a statement verified and prove possession of its key
    memory        per idle connection, 5,000 of them, in open conversations of a survivor and a staff device;
                  3,000 of other servers, most of which take longer to set up

Ours is durable: each message is appended to its conversation's log on Valkey (append-only file on),
accepted, delivered, acknowledged, trimmed. The bare one (`bare_relay.py`) stores and checks nothing: the
limit of the stack. Ours, Valkey included, has one core, and so has each of the others with all of its
processes (`peers.py` says what each is). The generator, a C program, has another, and its share of that core
is printed for each relay, so that one sees that it was not the bottleneck. In rows of their own Valkey is on
the generator's core, and the relay's process, or socket.io's two, alone on the other: the goals are held to
both ways. While one is measured all others are halted. The generator has the first core, on which the devices
of a machine interrupt. Where there is one core only, all share it, and the head of the table says so. The
relays take turns at each figure, for the speed of machines drifts: ratios hold, absolute figures do not. Two
workers have a row of their own, on the one core; what they bear on two is told from that (`workers.py`).
At the end the goals, and whether they are kept. With
`--goals` nothing is measured that no goal is about.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from figures import FULL, QUICK, Bench, Effort
from goals import BARE, EJABBERD, NAMED, TWO_NODES, beside_the_goals, goals, goals_apart, light_load, ratio
from goals import table as goals_table
from load import compile_generator, cores, third_core
from measured_relay import Relay
from node_peers import SocketIoTwoNodes, SocketIoTwoNodesApart
from peers import PEERS
from relays import BareRelay, TeduhApart, TeduhRelay, TeduhTwoCores, TeduhTwoWorkers
from workers import Workers

FIGURES = (Bench.highest_rates, Bench.set_ups, Bench.staff_set_ups)
COLUMNS = "{:<46} {:>12} {:>12} {:>8}"


def measure(
    benches: Sequence[Bench],
    apart: Sequence[Bench],
    workers: Workers,
    rounds: int,
    light_turns: int,
    *,
    for_goals: bool = False,
) -> None:
    """Memory first, while no process has grown; then rounds, the relays taking turns at each figure.

    Where Valkey stands matters to rates and latencies alone: of those `apart` only they are taken.
    """
    for bench in (*benches, *apart, *([workers.two_cores] if workers.two_cores is not None else ())):
        bench.relay.halt()
    for bench in benches:
        progress(f"{bench.relay.name}: memory")
        bench.memory()
    # Whose latencies are compared stand beside each other, for the speed of machines drifts within minutes.
    everybody = sorted((*benches, *apart), key=lambda bench: not is_compared(bench))
    lightly = [each for each in everybody if is_compared(each) or each.relay.name == BARE]
    nearby = sorted((*benches, *apart), key=nearness)
    for number in range(rounds):
        where = f"round {number + 1} of {rounds}"
        for turn in range(light_turns):
            # A high rate leaves much to be written to disks: no part of the latency of whoever is next.
            os.sync()
            for bench in rotated(
                lightly if for_goals else everybody, (number * light_turns + turn) / (rounds * light_turns)
            ):
                progress(f"{where}, {bench.relay.name}: light load")
                bench.light_load()
        for figure in (Bench.core_time, *FIGURES):
            # The core time of the others is in nobody's table.
            taken = {Bench.core_time: benches[:2], Bench.highest_rates: nearby}.get(figure, benches)
            for bench in taken:
                progress(f"{where}, {bench.relay.name}: {figure.__name__}")
                figure(bench)
        progress(f"{where}: one worker, and two")
        workers.measure()


def measure_light(
    folder: Path,
    bench: Callable[[Relay], Bench],
    relay_core: int | None,
    generator_core: int | None,
    turns: int,
) -> None:
    """The light load alone, in turn: ours both ways, and whom its latencies are compared with."""
    (ejabberd,) = [peer for peer in PEERS if peer.name == EJABBERD]
    ours = bench(TeduhRelay(relay_core, folder))
    apart = bench(TeduhApart(relay_core, folder, generator_core))
    benches = (ours, apart, bench(ejabberd(relay_core, folder)))
    for each in benches:
        each.relay.halt()
    for turn in range(turns):
        os.sync()
        for each in rotated(benches, turn / turns):
            each.light_load()
    print("\n".join(turn_rows(benches)))
    others = {EJABBERD: benches[-1]}
    print("\n".join(goals_table(light_load(ours, others), "relay and Valkey on one core")))
    print("\n".join(goals_table(light_load(apart, others), "Valkey on the load's core")))


def is_compared(bench: Bench) -> bool:
    """Whether a goal compares its latencies with another's."""
    return isinstance(bench.relay, TeduhRelay) or bench.relay.name == EJABBERD


def nearness(bench: Bench) -> int:
    """Ours first, then those whose rates a goal compares with them."""
    if isinstance(bench.relay, TeduhRelay):
        return 0
    return 1 if bench.relay.name in NAMED or isinstance(bench.relay, SocketIoTwoNodesApart) else 2


def rotated(benches: Sequence[Bench], share: float) -> Sequence[Bench]:
    """The same, beginning after that share of them: nobody is always the one who comes first."""
    first = int(len(benches) * share)
    return [*benches[first:], *benches[:first]]


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def row(name: str, ours: Sequence[float], bare: Sequence[float], digits: int) -> str:
    """The medians, and the median of the rounds' ratios."""
    if not bare:
        return COLUMNS.format(name, f"{statistics.median(ours):,.{digits}f}", "", "")
    ratio = statistics.median(a / b if b else float("nan") for a, b in zip(ours, bare, strict=True))
    medians = (f"{statistics.median(values):,.{digits}f}" for values in (ours, bare))
    return COLUMNS.format(name, *medians, f"{ratio:.2f}")


def table(ours: Bench, bare: Bench, effort: Effort) -> list[str]:
    pairs, count = effort.light_pairs, effort.idle_connections
    memory = ours.memory_per_connection
    parts = ", ".join(f"{part} {size / 1024:,.1f}" for part, size in memory.items())
    return [
        COLUMNS.format("", ours.relay.name, "bare aiohttp", "ratio"),
        row(f"light load, {pairs} pairs: p50 ms", ours.light_p50, bare.light_p50, 2),
        row(f"light load, {pairs} pairs: p99 ms", ours.light_p99, bare.light_p99, 2),
        row("the generator itself was late by: p99 ms", ours.light_lateness, bare.light_lateness, 2),
        row("core time a message: µs", ours.core_microseconds, bare.core_microseconds, 0),
        row("highest rate, kept and acknowledged: msg/s", ours.rates["durable"], bare.rates["bare"], 0),
        row("highest rate, passed on only (typing): msg/s", ours.rates["ephemeral"], bare.rates["bare"], 0),
        row("set-ups a second (ours: a request opened)", ours.set_up_rates, bare.set_up_rates, 0),
        row("set-ups a second, staff signed in", ours.staff_set_up_rates, [], 0),
        row(
            f"memory, KiB per connection, {count:,} idle",
            [sum(memory.values()) / 1024],
            [sum(bare.memory_per_connection.values()) / 1024],
            1,
        ),
        "",
        f"Of our memory, KiB: {parts}.",
    ]


def generator_rows(benches: Sequence[Bench]) -> list[str]:
    """How much of its core the generator used: near 100 % it would have been the bottleneck."""
    rows = []
    for bench in benches:
        shares: dict[str, float] = {mode: max(values) for mode, values in bench.generator_cpu.items()}
        shares |= {"set-ups": max(bench.set_up_generator_cpu)} if bench.set_up_generator_cpu else {}
        shares |= {"staff": max(bench.staff_generator_cpu)} if bench.staff_generator_cpu else {}
        text = ", ".join(f"{what} {share:.0%}" for what, share in shares.items())
        rows.append(f"    {bench.relay.name:<36} {text}")
    return ["The generator's share of its core, at most:", *rows]


def apart_rows(apart: Sequence[Bench]) -> list[str]:
    """What becomes of rates and latencies where Valkey is on the load's core."""
    columns = "{:<46} {:>8} {:>8} {:>10}"
    rows = [
        columns.format(
            bench.relay.name,
            median(bench.light_p50, 2),
            median(bench.light_p99, 2),
            median(bench.rates[bench.relay.mode], 0),
        )
        for bench in apart
    ]
    return [columns.format("", "p50 ms", "p99 ms", "msg/s"), *rows]


PEER_COLUMNS = "{:<36} {:>8} {:>8} {:>8} {:>8} {:>10} {:>9} {:>9} {:>9} {:>9}"


def median(values: Sequence[float], digits: int) -> str:
    return f"{statistics.median(values):,.{digits}f}" if values else "-"


def times(ours: Sequence[float], others: Sequence[float]) -> str:
    found = ratio(ours, others)
    return "-" if found is None else f"{found:.2f}"


def peer_rows(bench: Bench, ours: Bench) -> list[str]:
    """One row for each way in which a relay passes messages on."""
    rows = []
    for mode in bench.relay.modes:
        kept = mode == "durable"
        rows.append(
            PEER_COLUMNS.format(
                bench.relay.name if len(bench.relay.modes) == 1 else f"teduh, {mode}",
                "yes" if kept else "no",
                median(bench.light_p50, 2) if mode == bench.relay.mode else "-",
                median(bench.light_p99, 2) if mode == bench.relay.mode else "-",
                median(bench.light_lateness, 2) if mode == bench.relay.mode else "-",
                median(bench.rates[mode], 0),
                times(ours.rates["durable"], bench.rates[mode]),
                times(ours.rates["ephemeral"], bench.rates[mode]),
                f"{sum(bench.memory_per_connection.values()) / 1024:.1f}",
                median(bench.set_up_rates, 0),
            )
        )
    return rows


def turn_rows(benches: Sequence[Bench]) -> list[str]:
    """Each turn's p99, for a median hides how far they are apart."""
    columns = "    {:<36} {}"
    return [
        "Light load, p99 ms, turn by turn:",
        *(
            columns.format(bench.relay.name, " ".join(f"{value:5.2f}" for value in bench.light_p99))
            for bench in benches
        ),
    ]


def peer_table(benches: Sequence[Bench], left_out: Sequence[type[Relay]]) -> list[str]:
    heads = (
        "durable",
        "p50 ms",
        "p99 ms",
        "late ms",
        "msg/s",
        "durable/",
        "typing/",
        "KiB/conn",
        "set-ups/s",
    )
    rows = [row for bench in benches for row in peer_rows(bench, benches[0])]
    missing = [f"Left out: {each.name} ({each.missing()} is not installed)." for each in left_out]
    notes = (
        "durable/ and typing/: how many times as many messages a second ours bears, kept or passed on only.",
        "late: of that the generator itself, p99. Where there are two processes, one had all of the set-ups.",
    )
    return [PEER_COLUMNS.format("beside other servers", *heads), *rows, *notes, *missing]


def raise_file_limit(connections: int) -> int:
    """Each connection takes a descriptor here and one in the relay. Returns how many may be had."""
    wanted = connections + 500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            # Root may go beyond the hard limit.
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
        except (ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return connections if soft == resource.RLIM_INFINITY else min(connections, soft - 500)


def main() -> None:
    arguments = argparse.ArgumentParser(
        description="Measure the relay beside a bare aiohttp relay and others."
    )
    arguments.add_argument("--quick", action="store_true", help="tiny numbers, to see that it works")
    arguments.add_argument("--rounds", type=int, help="how often the relays take turns")
    arguments.add_argument(
        "--peers", action=argparse.BooleanOptionalAction, help="other servers too; usually, but not if quick"
    )
    arguments.add_argument("--goals", action="store_true", help="of others only what the goals are about")
    arguments.add_argument("--search-seconds", type=float, help="how long to look for a highest rate")
    arguments.add_argument(
        "--light", type=int, metavar="TURNS", help="only the light load, ours and ejabberd"
    )
    chosen = arguments.parse_args()
    effort: Effort = QUICK if chosen.quick else FULL
    if chosen.search_seconds is not None:
        effort = replace(effort, search_seconds=chosen.search_seconds)
    rounds = chosen.rounds or effort.rounds
    with_peers = not chosen.quick if chosen.peers is None else chosen.peers
    available = raise_file_limit(max(effort.idle_connections, effort.set_ups))
    effort = effort.at_most(available)
    (relay_core, generator_core), third = cores(), third_core()
    if generator_core is not None:
        os.sched_setaffinity(0, {generator_core})
    named = [peer for peer in PEERS if not chosen.goals or peer.name in NAMED]
    peers = [peer for peer in named if peer.missing() is None] if with_peers else []
    with tempfile.TemporaryDirectory(prefix="teduh-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        program = compile_generator(folder)

        def bench(relay: Relay, effort: Effort = effort) -> Bench:
            return Bench(stack.enter_context(relay), program, generator_core, effort)

        if chosen.light:
            measure_light(folder, bench, relay_core, generator_core, chosen.light)
            return
        ours, bare = bench(TeduhRelay(relay_core, folder)), bench(BareRelay(relay_core))
        two_workers = bench(TeduhTwoWorkers(relay_core, folder))
        two_cores = bench(TeduhTwoCores(relay_core, folder, third)) if third is not None else None
        apart = bench(TeduhApart(relay_core, folder, generator_core))
        workers = Workers(ours, two_workers, two_cores)
        others = [bench(peer(relay_core, folder), effort.for_peers()) for peer in peers]
        all_benches = (ours, bare, two_workers, *others)
        socket_io_apart = (
            [bench(SocketIoTwoNodesApart(relay_core, folder, generator_core), effort.for_peers())]
            if SocketIoTwoNodes in peers
            else []
        )
        all_apart = (apart, *socket_io_apart)
        measure(all_benches, all_apart, workers, rounds, effort.light_turns, for_goals=chosen.goals)
        progress("")
        where = "one core each" if generator_core is not None else "ONE CORE FOR RELAY AND GENERATOR"
        print(f"Relay and load generator: {where}; medians of {rounds} rounds")
        print(f"Python {sys.version}")
        print("\n".join((*table(ours, bare, effort), *workers.rows())))
        if with_peers:
            left_out = [peer for peer in named if peer not in peers]
            print("\n" + "\n".join(peer_table(all_benches, left_out)))
        print("\n" + "\n".join(apart_rows(all_apart)))
        print("\n" + "\n".join(turn_rows([bare, *filter(is_compared, (*all_benches, *all_apart))])))
        more = (*all_apart, *([two_cores] if two_cores else ()))
        print("\n" + "\n".join(generator_rows((*all_benches, *more))))
        by_name = {each.relay.name: each for each in (bare, *others)}
        print("\nIn all goals ours is durable, and the others are not.")
        print("\n".join(goals_table(goals(ours, by_name, workers.speed_up), "relay and Valkey on one core")))
        by_name_apart = by_name | dict(zip((TWO_NODES,), socket_io_apart, strict=False))
        where = "the relay's process on one core, Valkey on the load's"
        print("\n" + "\n".join(goals_table(goals_apart(apart, by_name_apart), where)))
        print("\n".join(beside_the_goals(ours, two_workers, by_name)))


if __name__ == "__main__":
    main()
