"""Hours in minutes: does anything stay behind? Half of what the relay bears, while people come and go.

    python benchmarks/soak.py [--minutes 20] [--rate 4000] [--quick]

Pairs talk all the time, and others open a conversation, say something, leave, and hang up. Every tenth of
the time one row: what the relay and its Valkey take, what is connected, running and stored. At the end
everybody leaves: of connections, conversations, tasks and keys no more may be left than there were at the
start, once the retention time is over, which is short here. The last line says whether memory was flat: the
slope over the second half, in percent of its mean for an hour.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import hiredis
import numpy as np
from conversations import Group, gather
from load import LoadGenerator, compile_generator, cores
from measured_relay import free_port
from relay import raise_file_limit
from relays import TeduhRelay
from teduh_signaling.relay.frames import Done, Leave

PAIRS = 100
RETENTION_SECONDS = 150
"""Expiries are renewed once a minute, so it cannot be much shorter."""
EXPIRED_SECONDS = RETENTION_SECONDS + 120
MESSAGE_BYTES = 300
GAUGES = ("teduh_connections", "teduh_conversations", "teduh_tasks", "teduh_appends_accepted_total")
HEADS = ("minutes", "relay MiB", "Valkey MiB", "connections", "conversations", "tasks", "keys", "accepted")
COLUMNS = "{:>7} {:>10} {:>10} {:>12} {:>14} {:>8} {:>8} {:>12}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What there is at one moment. Memory in MiB."""

    minutes: float
    relay: float
    valkey: float
    connections: int
    conversations: int
    tasks: int
    keys: int
    accepted: int

    def row(self) -> str:
        return COLUMNS.format(
            f"{self.minutes:.1f}",
            f"{self.relay:.1f}",
            f"{self.valkey:.1f}",
            self.connections,
            self.conversations,
            self.tasks,
            self.keys,
            f"{self.accepted:,}",
        )

    def leftovers(self, start: Reading) -> list[str]:
        """What there is more of than at the start."""
        names = ("connections", "conversations", "tasks", "keys")
        return [name for name in names if getattr(self, name) > getattr(start, name)]


class Soak:
    """One relay, those who talk, and those who come and go."""

    def __init__(self, relay: SoakedRelay, metrics_port: int) -> None:
        self._relay = relay
        self._metrics = f"http://127.0.0.1:{metrics_port}/metrics"
        self._begun = time.monotonic()
        self._stopping = threading.Event()
        self.visits = 0

    def read(self) -> Reading:
        with urllib.request.urlopen(self._metrics) as answer:
            text = answer.read().decode()
        gauges = dict(re.findall(r"^(teduh_\w+) (\S+)$", text, re.MULTILINE))
        counts = (int(float(gauges[name])) for name in GAUGES)
        memory = self._relay.memory()
        minutes = (time.monotonic() - self._begun) / 60
        relay, valkey = memory["relay"] / 2**20, memory["valkey"] / 2**20
        connections, conversations, tasks, accepted = counts
        return Reading(
            minutes, relay, valkey, connections, conversations, tasks, self._relay.keys(), accepted
        )

    def come_and_go(self) -> None:
        """Until it is over: a conversation of three, a few words, and everybody leaves."""
        while not self._stopping.is_set():
            devices = [self._relay.device() for _ in range(2)]
            group = gather(self._relay.port, devices)
            group.connections[1].append_many(group.conversation_id, 5, MESSAGE_BYTES)
            leave(group)
            self.visits += 1
            self._stopping.wait(0.05)

    def stop(self) -> None:
        self._stopping.set()


def leave(group: Group) -> None:
    for each in group.connections:
        each.send(Leave(1, group.conversation_id))
        each.expect(Done)
    group.close()


class SoakedRelay(TeduhRelay):
    """Tells also how many keys its store holds."""

    def keys(self) -> int:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.folder / "data" / "valkey" / "valkey.sock"))
            client.sendall(hiredis.pack_command(("DBSIZE",)))
            return int(client.recv(64)[1:])


def slope_per_hour(readings: Sequence[Reading]) -> float:
    """How much the memory of relay and Valkey grew, in percent of its mean, if it went on for an hour."""
    half = readings[len(readings) // 2 :]
    hours = np.array([each.minutes / 60 for each in half])
    sizes = np.array([each.relay + each.valkey for each in half])
    return float(np.polyfit(hours, sizes, 1)[0] / sizes.mean() * 100) if len(half) > 1 else 0.0


def soak(folder: Path, minutes: float, rate: float, patience: float) -> bool:
    """Prints the rows; whether nothing was left behind."""
    core, generator_core = cores()
    program, metrics_port = compile_generator(folder), free_port()
    settings = {"metrics_port": metrics_port, "retention_hours": RETENTION_SECONDS / 3600}
    with SoakedRelay(core, folder, **settings) as relay:
        here = Soak(relay, metrics_port)
        leave(gather(relay.port, [relay.device()]))  # so that everything is loaded
        time.sleep(1)
        start = here.read()
        print(
            COLUMNS.format(
                "minutes",
                "relay MiB",
                "Valkey MiB",
                "connections",
                "conversations",
                "tasks",
                "keys",
                "accepted",
            )
        )
        print(start.row(), flush=True)
        groups = [gather(relay.port, [relay.device()]) for _ in range(PAIRS)]
        visitors = threading.Thread(target=here.come_and_go)
        visitors.start()
        connected = [member for group in groups for member in group.members]
        readings: list[Reading] = []
        with LoadGenerator(program, "teduh", connected, generator_core) as generator:
            for _ in range(10):
                result = generator.run("durable", rate, minutes * 6, MESSAGE_BYTES)
                if not result.complete:
                    raise RuntimeError(f"not everything arrived: {result}")
                readings.append(here.read())
                print(readings[-1].row(), flush=True)
        here.stop()
        visitors.join()
        for group in groups:
            group.close()
        return conclude(here, start, readings, patience)


def conclude(here: Soak, start: Reading, readings: Sequence[Reading], patience: float) -> bool:
    """Wait until all have gone and, for so many seconds, until what they left has expired. Whether it has."""
    deadline = time.monotonic() + patience
    end = here.read()
    while end.leftovers(start) and time.monotonic() < deadline:
        time.sleep(1)
        end = here.read()
    print(end.row())
    left = end.leftovers(start)
    print(f"{here.visits:,} conversations came and went. Left over: {', '.join(left) or 'nothing'}.")
    print(f"Memory over the second half: {slope_per_hour(readings):+.1f} % an hour.")
    return not left


def main() -> None:
    arguments = argparse.ArgumentParser(description="Load the relay for long, and look at what stays behind.")
    arguments.add_argument("--minutes", type=float, default=20)
    arguments.add_argument("--rate", type=float, default=4000, help="messages a second")
    arguments.add_argument("--quick", action="store_true", help="a few seconds, to see that it works")
    chosen = arguments.parse_args()
    raise_file_limit(1000)
    _, generator_core = cores()
    if generator_core is not None:
        os.sched_setaffinity(0, {generator_core})
    minutes, rate = (0.05, 200.0) if chosen.quick else (chosen.minutes, chosen.rate)
    patience = 0.0 if chosen.quick else EXPIRED_SECONDS
    with tempfile.TemporaryDirectory(prefix="teduh-bench-") as folder:
        clean = soak(Path(folder), minutes, rate, patience)
    sys.exit(0 if clean or chosen.quick else 1)


if __name__ == "__main__":
    main()
