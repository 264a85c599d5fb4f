"""Hours in minutes: does anything stay behind? Half of what the relay bears, while people come and go.

    python benchmarks/soak.py [--minutes 20] [--rate N] [--quick]

First a short bisection on a relay of its own finds the highest rate; half of it is the load, unless one is
given. Then pairs talk all the time, and others open a conversation, say something, leave, and hang up. At the
beginning they talk for some seconds more than the relay bears: an allocator keeps what one such moment took,
whenever that comes, and a machine that is not ours alone brings several. Every twentieth of the time one row:
what the relay and its Valkey take, what is connected, running and stored, how many files and sockets the
processes hold, what Valkey itself says it holds. At the end everybody leaves. It ends with an error unless

    left over     of connections, conversations, tasks and descriptors there are no more than at the start,
                  and of keys once the retention time is over, which is short here (`--quick`: not awaited)
    memory        of the second half grew by at most 6 % an hour: the median of the slopes between any two
                  rows, which a fork of Valkey's, or a cache that fills, does not move (`--quick`: not judged)
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import socket
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hiredis
import psutil
from conversations import Group, gather
from figures import FULL, Bench
from load import LoadGenerator, RunResult, compile_generator, cores
from measured_relay import free_port
from relay import progress, raise_file_limit
from relays import TeduhRelay
from teduh_signaling.relay.frames import Done, Leave

PAIRS = 100
ROWS = 20
RETENTION_SECONDS = 150
"""Expiries are renewed once a minute, so it cannot be much shorter."""
EXPIRED_SECONDS = RETENTION_SECONDS + 120
LEAVING_SECONDS = 15
VISITS_A_SECOND = 4.0
"""Paced: what is stored for a while after each would otherwise follow the speed of the machine's hour, and
look like growth."""
MESSAGE_BYTES = 300
FLAT_PERCENT_AN_HOUR = 6.0
GAUGES = ("teduh_connections", "teduh_conversations", "teduh_tasks", "teduh_appends_accepted_total")
DESCRIPTOR_LOOKS = 15
DESCRIPTOR_PAUSE_SECONDS = 0.02
LEFTOVERS = ("connections", "conversations", "tasks", "descriptors", "keys")
HEADS = ("minutes", "relay MiB", "Valkey MiB", *LEFTOVERS, "accepted", "it holds")
COLUMNS = "{:>7} {:>10} {:>10} {:>12} {:>14} {:>8} {:>12} {:>8} {:>14} {:>8}"
TOO_MUCH = 4.0
"""Times the load, at the beginning: twice what the relay bears."""
TOO_MUCH_TURNS = 10
SETTLING_RUNS, SETTLING_SECONDS = 10, 1.0
"""After so many runs of a light load, of so many seconds, all that was said before must have arrived."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What there is at one moment. Memory in MiB."""

    minutes: float
    relay: float
    valkey: float
    connections: int
    conversations: int
    tasks: int
    descriptors: int
    """Files and sockets of the relay's processes and of Valkey."""
    keys: int
    accepted: int
    held: float
    """What Valkey has asked its allocator for and not given back."""

    def row(self) -> str:
        sizes = (f"{value:.1f}" for value in (self.minutes, self.relay, self.valkey))
        counts = (getattr(self, name) for name in LEFTOVERS)
        return COLUMNS.format(*sizes, *counts, f"{self.accepted:,}", f"{self.held:.1f}")

    def leftovers(self, start: Reading) -> list[str]:
        """What there is more of than at the start."""
        return [name for name in LEFTOVERS if getattr(self, name) > getattr(start, name)]


class SoakedRelay(TeduhRelay):
    """Tells also how many keys its store holds, and how many descriptors its processes."""

    def keys(self) -> int:
        return int(self._ask("DBSIZE"))

    def held(self) -> int:
        """In bytes."""
        found = re.search(rb"^used_memory:(\d+)", self._ask("INFO"), re.MULTILINE)
        assert found is not None
        return int(found[1])

    def _ask(self, word: str) -> Any:
        reader = hiredis.Reader()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.folder / "data" / "valkey" / "valkey.sock"))
            client.sendall(hiredis.pack_command((word,)))
            while (answer := reader.gets()) is False:
                reader.feed(client.recv(65536))
        return answer

    def descriptors(self) -> int:
        """Those that stay: the relay opens its store's files and socket for a moment each second."""
        processes = [psutil.Process(pid) for pid in (self._process.pid, self._valkey_pid())]
        looks = []
        for _ in range(DESCRIPTOR_LOOKS):
            looks.append(sum(process.num_fds() for process in processes))
            time.sleep(DESCRIPTOR_PAUSE_SECONDS)
        return min(looks)


class Soak:
    """One relay, those who talk, and those who come and go."""

    def __init__(self, relay: SoakedRelay, metrics_port: int) -> None:
        self._relay = relay
        self._metrics = f"http://127.0.0.1:{metrics_port}/metrics"
        self._begun = time.monotonic()
        self._stopping = threading.Event()
        self.visits = 0
        self.hiccups = 0
        """How often the relay was half a second behind, and that part of the load was cut short."""
        self.under_way = 0
        """Messages that were sent and have not arrived yet."""

    def read(self) -> Reading:
        # First, for the questions below are connections, too, and may not be over when they are answered.
        descriptors = self._relay.descriptors()
        with urllib.request.urlopen(self._metrics) as answer:
            text = answer.read().decode()
        gauges = dict(re.findall(r"^(teduh_\w+) (\S+)$", text, re.MULTILINE))
        connections, conversations, tasks, accepted = (int(float(gauges[name])) for name in GAUGES)
        memory = self._relay.memory()
        return Reading(
            minutes=(time.monotonic() - self._begun) / 60,
            relay=memory["relay"] / 2**20,
            valkey=memory["valkey"] / 2**20,
            connections=connections,
            conversations=conversations,
            tasks=tasks,
            descriptors=descriptors,
            keys=self._relay.keys(),
            accepted=accepted,
            held=self._relay.held() / 2**20,
        )

    def come_and_go(self) -> None:
        """Until it is over: a conversation of three, a few words, and everybody leaves."""
        begun = time.monotonic()
        while not self._stopping.is_set():
            devices = [self._relay.device() for _ in range(2)]
            group = gather(self._relay.port, devices)
            group.connections[1].append_many(group.conversation_id, 5, MESSAGE_BYTES)
            leave(group)
            self.visits += 1
            self._stopping.wait(begun + self.visits / VISITS_A_SECOND - time.monotonic())

    def talk(self, generator: LoadGenerator, rate: float, seconds: float) -> None:
        """Raises RuntimeError if anything was refused or closed, or has not arrived at the end."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0.01:
            self.hiccups += self._run(generator, rate, left).overloaded
        for _ in range(SETTLING_RUNS):
            if not self.under_way:
                return
            self._run(generator, rate / 100, SETTLING_SECONDS)
        raise RuntimeError(f"{self.under_way:+} messages have not arrived")

    def talk_too_much(self, generator: LoadGenerator, rate: float, seconds: float) -> None:
        """`seconds` a turn; each ends when the relay is half a second behind. At the end all is well again.
        Raises RuntimeError as `talk` does.
        """
        for _ in range(TOO_MUCH_TURNS):
            self._run(generator, TOO_MUCH * rate, seconds)
        self.talk(generator, rate / 100, 1.0)

    def _run(self, generator: LoadGenerator, rate: float, seconds: float) -> RunResult:
        result = generator.run("durable", rate, seconds, MESSAGE_BYTES)
        if result.errors or result.closed:
            raise RuntimeError(f"refused: {result}")
        # What one that was cut short did not wait for comes while the next is on.
        self.under_way += result.sent - result.received - result.from_before
        return result

    def stop(self) -> None:
        self._stopping.set()


def leave(group: Group) -> None:
    for each in group.connections:
        each.send(Leave(1, group.conversation_id))
        each.expect(Done)
    group.close()


def growth_per_hour(readings: Sequence[Reading]) -> float:
    """By how many percent of its median the memory grew in the second half, for an hour."""
    half = [(each.minutes / 60, each.relay + each.valkey) for each in readings[len(readings) // 2 :]]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.combinations(half, 2)]
    return statistics.median(slopes) / statistics.median(size for _, size in half) * 100 if slopes else 0.0


def find_rate(folder: Path, program: Path) -> float:
    """Half of the highest rate, by a short bisection on a relay of its own."""
    core, generator_core = cores()
    effort = replace(FULL, search_seconds=40, precision=1.15)
    place = folder / "search"
    place.mkdir()
    with TeduhRelay(core, place) as relay:
        return Bench(relay, program, generator_core, effort).highest_rate("durable") / 2


@dataclass(frozen=True, slots=True)
class Plan:
    minutes: float
    rate: float
    patience: float
    """So many seconds what is left over may take to go."""
    quick: bool = False


def soak(folder: Path, program: Path, plan: Plan) -> bool:
    """Prints the rows; whether nothing was left behind and memory was flat."""
    core, generator_core = cores()
    metrics_port = free_port()
    settings = {"metrics_port": metrics_port, "retention_hours": RETENTION_SECONDS / 3600}
    with SoakedRelay(core, folder, **settings) as relay:
        here = Soak(relay, metrics_port)
        leave(gather(relay.port, [relay.device()]))  # so that everything is loaded
        time.sleep(1)
        start = here.read()
        print(f"{plan.rate:,.0f} messages a second for {plan.minutes:g} minutes, while people come and go")
        print("\n".join((COLUMNS.format(*HEADS), start.row())), flush=True)
        groups = [gather(relay.port, [relay.device()]) for _ in range(PAIRS)]
        visitors = threading.Thread(target=here.come_and_go)
        visitors.start()
        connected = [member for group in groups for member in group.members]
        readings: list[Reading] = []
        try:
            with LoadGenerator(program, "teduh", connected, generator_core) as generator:
                here.talk_too_much(generator, plan.rate, 0.1 if plan.quick else 1.0)
                for _ in range(ROWS):
                    here.talk(generator, plan.rate, plan.minutes * 60 / ROWS)
                    readings.append(here.read())
                    print(readings[-1].row(), flush=True)
        finally:
            here.stop()
            visitors.join()
            for group in groups:
                group.close()
        return conclude(here, start, readings, plan)


def conclude(here: Soak, start: Reading, readings: Sequence[Reading], plan: Plan) -> bool:
    """Wait until all have gone, and what they left has expired. Whether it has, and memory was flat."""
    deadline = time.monotonic() + plan.patience
    waits_for_keys = not plan.quick

    def left() -> list[str]:
        return [name for name in end.leftovers(start) if waits_for_keys or name != "keys"]

    end = here.read()
    while left() and time.monotonic() < deadline:
        time.sleep(1)
        end = here.read()
    grew = growth_per_hour(readings)
    is_flat = plan.quick or grew <= FLAT_PERCENT_AN_HOUR
    print(end.row())
    print(f"{here.visits:,} conversations came and went, {here.hiccups} hiccups.")
    print(f"Left over: {', '.join(left()) or 'nothing'}.")
    if not waits_for_keys:
        print(f"Keys were not waited for: {end.keys - start.keys} have yet to expire.")
    verdict = "" if plan.quick else " That is flat." if is_flat else " That is NOT FLAT."
    print(f"Memory over the second half: {grew:+.1f} % an hour.{verdict}")
    return is_flat and not left()


def main() -> None:
    arguments = argparse.ArgumentParser(description="Load the relay for long, and look at what stays behind.")
    arguments.add_argument("--minutes", type=float, default=20)
    arguments.add_argument("--rate", type=float, help="messages a second; usually half of the highest rate")
    arguments.add_argument("--quick", action="store_true", help="a few seconds, to see that it works")
    chosen = arguments.parse_args()
    raise_file_limit(1000)
    _, generator_core = cores()
    if generator_core is not None:
        os.sched_setaffinity(0, {generator_core})
    with tempfile.TemporaryDirectory(prefix="teduh-bench-") as name:
        folder = Path(name)
        program = compile_generator(folder)
        if chosen.quick:
            plan = Plan(0.05, 200.0, LEAVING_SECONDS, quick=True)
        else:
            progress("looking for the highest rate")
            rate = chosen.rate or find_rate(folder, program)
            progress("")
            plan = Plan(chosen.minutes, rate, EXPIRED_SECONDS)
        sys.exit(0 if soak(folder, program, plan) else 1)


if __name__ == "__main__":
    main()
