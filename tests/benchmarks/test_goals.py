"""What is printed as kept was kept: the goals of the relay benchmark, on figures that are made up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import cast

from figures import Bench
from goals import (
    NAMED,
    ONE_NODE,
    PROSODY,
    PROSODY_AS_IT_COMES,
    STREAMS,
    TWO_NODES,
    Goal,
    beside_the_goals,
    goals,
    goals_apart,
    table,
)
from peers import PEERS
from relays import BareRelay


def bench(
    durable: float, typing: float = 0.0, *, p50: float = 0.3, p99: float = 1.0, set_ups: float = 3000
) -> SimpleNamespace:
    """A relay's figures, of two rounds."""
    return SimpleNamespace(
        rates={"durable": [durable, durable], "ephemeral": [typing, typing]},
        light_p50=[p50, p50],
        light_p99=[p99, p99],
        memory_per_connection={"relay": 5 * 1024.0, "valkey": 4 * 1024.0},
        set_up_rates=[set_ups, set_ups],
        staff_set_up_rates=[900.0, 900.0],
    )


def peer(rate: float, p50: float = 0.4) -> SimpleNamespace:
    return SimpleNamespace(rates={"text": [rate, rate]}, light_p50=[p50, p50], light_p99=[2.0, 2.0])


def verdicts(ours: SimpleNamespace, others: dict[str, SimpleNamespace]) -> dict[str, str]:
    return read(goals(cast(Bench, ours), cast(Mapping[str, Bench], others), [1.8, 1.8]))


def read(found: list[Goal]) -> dict[str, str]:
    rows = table(found, "somewhere")[1:]
    parts = (re.split("[<>]=", row) for row in rows)
    return {name.strip(): rest.split(maxsplit=2)[2] for name, rest in parts}


def test_a_goal_is_kept_only_on_its_side_of_the_bound() -> None:
    peers = {"bare aiohttp relay": peer(10_000), "ejabberd": peer(1000), "PeerJS server": peer(9000)}
    found = verdicts(bench(3500, 9000, set_ups=999), peers)
    assert found["durable, highest rate, times bare aiohttp relay"] == "kept"
    assert found["durable, highest rate, times ejabberd"] == "kept"
    assert found["typing, highest rate, times PeerJS server"] == "NOT KEPT"
    assert found["light load, p99, times ejabberd"] == "kept"
    assert found["survivors' set-ups a second"] == "NOT KEPT"
    assert found["memory per idle connection, everything counted, KiB"] == "kept"
    slower = verdicts(bench(3499, p50=0.6, p99=2.5), peers)
    assert slower["durable, highest rate, times bare aiohttp relay"] == "NOT KEPT"
    assert slower["light load, one way, p50 ms"] == "NOT KEPT"
    assert slower["light load, p99, times ejabberd"] == "NOT KEPT"


def test_the_redis_adapter_is_held_to_two_processes() -> None:
    """One process is another matter, and stands beside the goals, as Prosody does."""
    peers = {TWO_NODES: peer(1000), ONE_NODE: peer(2000), STREAMS: peer(720)}
    assert verdicts(bench(1800), peers)[f"durable, highest rate, times {TWO_NODES}"] == "kept"
    assert verdicts(bench(1800), peers)[f"durable, highest rate, times {STREAMS}"] == "kept"
    assert verdicts(bench(1799), peers)[f"durable, highest rate, times {TWO_NODES}"] == "NOT KEPT"
    assert verdicts(bench(1799), peers)[f"durable, highest rate, times {STREAMS}"] == "NOT KEPT"
    peers |= {PROSODY: peer(500), PROSODY_AS_IT_COMES: peer(250)}
    own = (cast(Bench, bench(4000)), cast(Bench, bench(3000)))
    beside = beside_the_goals(*own, cast(Mapping[str, Bench], peers))
    assert [float(line.rstrip(";.").split()[-1]) for line in beside] == [2, 3, 16]
    missing = beside_the_goals(*own, {})
    assert all("not measured" in line for line in missing)


def test_where_valkey_stands_matters_to_rates_and_latencies_alone() -> None:
    apart = bench(3500)
    del apart.rates["ephemeral"]
    peers = {"bare aiohttp relay": peer(10_000), TWO_NODES: peer(2000)}
    found = read(goals_apart(cast(Bench, apart), cast(Mapping[str, Bench], peers)))
    assert len(found) == 6
    assert found["durable, highest rate, times bare aiohttp relay"] == "kept"
    assert found[f"durable, highest rate, times {TWO_NODES}"] == "NOT KEPT"
    assert found["light load, one way, p50 ms"] == "kept"


def test_what_was_not_there_is_not_called_kept() -> None:
    found = verdicts(bench(6000), {})
    assert found["durable, highest rate, times ejabberd"] == "not measured"
    assert found[f"durable, highest rate, times {STREAMS}"] == "not measured"
    assert found["light load, p99, times ejabberd"] == "not measured"


def test_whoever_a_goal_names_is_measured() -> None:
    assert {*(each.name for each in PEERS), BareRelay.name} >= NAMED
    found = verdicts(bench(10_000, 10_000), {name: peer(1000) for name in NAMED})
    assert "not measured" not in found.values()
