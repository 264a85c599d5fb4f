"""How soon a request finds somebody while thousands of staff are online, and what that costs the store.

    python benchmarks/routing.py [--quick]

    time to match    from the survivor's sending OpenRequest to Claimed at whoever accepted, in milliseconds;
                     those who are offered a request accept at once, so what is left is the relay's
    scripts          what Valkey spends in Lua scripts for each request (INFO commandstats), all that belongs
                     to a request and its conversation's beginning
    core time        of the relay under measurement, which leads: it plans for all nodes

50 requests a second, as a Poisson process, to a relay with `routing.mode = "offer"`. The staff are synthetic
(`synthetic_staff.py`): five more nodes announce them, hear the offers and claim, by the relay's own code.
Survivors are real connections. Beside it an anchor of the same run: a list of Valkey, pushed to 50 times a
second by one client and popped by another that waits (BLPOP), which is the simplest queue there is. All
of it but the relay and Valkey runs on the other core, and says how much of that it used.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import secrets
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import hiredis
import uvloop
from conversations import KEY_PACKAGE_BYTES, RelayConnection
from load import cores
from relay import progress, raise_file_limit
from relays import TeduhRelay
from synthetic_staff import LANGUAGES, NEEDS, SyntheticNode, synthetic_nodes
from teduh_signaling.relay.frames import OpenRequest, RequestDetails, RequestOpened

COLUMNS = "{:<44} {:>14}"
PER_SECOND = 50.0
SETTLE_SECONDS = 3.0
LATE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Effort:
    staff: Sequence[int]
    per_second: float
    seconds: float


FULL = Effort((100, 10_000), PER_SECOND, 20)
QUICK = Effort((30, 60), 20.0, 1)
"""With thirty there is somebody of each role for each language."""


class ValkeyClient:
    """One blocking connection to Valkey."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._reader = hiredis.Reader()

    def ask(self, *command: str | bytes) -> object:
        self._socket.sendall(hiredis.pack_command(command))  # type: ignore[arg-type]  # its stub: one element
        while (reply := self._reader.gets()) is False:
            self._reader.feed(self._socket.recv(2**20))
        return reply

    def script_seconds(self) -> float:
        """Time spent in scripts since the start."""
        text = self.ask("INFO", "commandstats")
        assert isinstance(text, bytes)
        found = re.findall(rb"cmdstat_eval(?:sha)?:calls=\d+,usec=(\d+)", text)
        return sum(int(each) for each in found) / 1e6

    def close(self) -> None:
        self._socket.close()


@dataclass(slots=True)
class Matches:
    """When each request was opened, and when it had found somebody."""

    opened: dict[bytes, float] = field(default_factory=dict)
    matched: dict[bytes, float] = field(default_factory=dict)

    def note(self, conversation_id: bytes, at: float) -> None:
        if conversation_id in self.matched:
            raise RuntimeError("a request found two people")
        self.matched[conversation_id] = at

    @property
    def complete(self) -> bool:
        return self.opened.keys() <= self.matched.keys()

    def milliseconds(self) -> list[float]:
        return sorted((self.matched[each] - at) * 1e3 for each, at in self.opened.items())


@dataclass(frozen=True, slots=True)
class Result:
    """One column."""

    name: str
    milliseconds: Sequence[float]
    """How long each took, ascending."""
    script_microseconds: float
    core_microseconds: float
    generator: float
    """Share of its core that everything else used."""

    def rows(self) -> list[str]:
        place = max(0, round(len(self.milliseconds) * 0.99) - 1)
        return [
            COLUMNS.format(
                f"{self.name}: time to match, ms, p50", f"{statistics.median(self.milliseconds):,.1f}"
            ),
            COLUMNS.format(f"{self.name}: time to match, ms, p99", f"{self.milliseconds[place]:,.1f}"),
            COLUMNS.format(f"{self.name}: scripts, µs a request", f"{self.script_microseconds:,.0f}"),
            COLUMNS.format(f"{self.name}: core time, µs a request", f"{self.core_microseconds:,.0f}"),
            COLUMNS.format(f"{self.name}: load's share of its core", f"{self.generator:.0%}"),
        ]


class Survivors:
    """Who asks, one after the other, in a thread of its own; all stay connected to the end."""

    def __init__(self, port: int, effort: Effort, matches: Matches) -> None:
        self._port = port
        self._effort = effort
        self._matches = matches
        self._chance = random.Random(1)
        self._connections: list[RelayConnection] = []

    def ask_all(self) -> None:
        begin = due = time.perf_counter()
        while due < begin + self._effort.seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
            self._ask()
            due += self._chance.expovariate(self._effort.per_second)

    def _ask(self) -> None:
        connection = RelayConnection(self._port)
        details = RequestDetails(need=self._chance.choice(NEEDS), language=self._chance.choice(LANGUAGES))
        begun = time.perf_counter()
        connection.send(
            OpenRequest(1, secrets.token_bytes(32), os.urandom(KEY_PACKAGE_BYTES), details=details)
        )
        self._matches.opened[connection.expect(RequestOpened).conversation_id] = begun
        self._connections.append(connection)

    def leave(self) -> None:
        for connection in self._connections:
            connection.socket.close()


async def with_staff(folder: Path, count: int, effort: Effort, core: int | None) -> Result:
    """The figures with so many staff online, on a relay of its own."""
    with TeduhRelay(core, folder, **{"routing.mode": "offer"}) as relay:
        valkey = folder / "data" / "valkey" / "valkey.sock"
        matches = Matches()
        nodes = list(synthetic_nodes(folder / "organisation.toml", f"unix://{valkey}", matches.note))
        for number, node in enumerate(nodes):
            await node.start(range(number, count, len(nodes)))
        await asyncio.sleep(SETTLE_SECONDS)
        try:
            return await _take(relay, ValkeyClient(valkey), matches, effort, f"{count:,} staff")
        finally:
            await _stop(nodes)


async def _take(
    relay: TeduhRelay, valkey: ValkeyClient, matches: Matches, effort: Effort, name: str
) -> Result:
    survivors = Survivors(relay.port, effort, matches)
    scripts, core, own, begun = (
        valkey.script_seconds(),
        relay.processor_seconds(),
        time.process_time(),
        time.perf_counter(),
    )
    await asyncio.to_thread(survivors.ask_all)
    late = time.perf_counter() + LATE_SECONDS
    while not matches.complete and time.perf_counter() < late:  # noqa: ASYNC110 -- set from a thread, too
        await asyncio.sleep(0.05)
    requests, lasted = len(matches.opened), time.perf_counter() - begun
    if not matches.complete:
        raise RuntimeError(f"{requests - len(matches.matched)} of {requests} requests found nobody")
    result = Result(
        name,
        matches.milliseconds(),
        (valkey.script_seconds() - scripts) / requests * 1e6,
        (relay.processor_seconds() - core) / requests * 1e6,
        (time.process_time() - own) / lasted,
    )
    survivors.leave()
    valkey.close()
    return result


async def _stop(nodes: Sequence[SyntheticNode]) -> None:
    for node in nodes:
        await node.stop()


def anchor(folder: Path, effort: Effort, core: int | None) -> list[float]:
    """Milliseconds from a push to the return of the pop that waited, ascending, at the same pace."""
    folder.mkdir()
    with TeduhRelay(core, folder):
        path = folder / "data" / "valkey" / "valkey.sock"
        pusher, popper = ValkeyClient(path), ValkeyClient(path)
        count = max(1, int(effort.per_second * effort.seconds))
        took: list[float] = []

        def pop() -> None:
            for _ in range(count):
                popped = popper.ask("BLPOP", "anchor", "0")
                assert isinstance(popped, list)
                took.append((time.perf_counter() - float(popped[1])) * 1e3)

        popping = threading.Thread(target=pop)
        popping.start()
        chance = random.Random(1)
        for _ in range(count):
            time.sleep(chance.expovariate(effort.per_second))
            pusher.ask("RPUSH", "anchor", repr(time.perf_counter()))
        popping.join()
        pusher.close()
        popper.close()
        return sorted(took)


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure how soon requests find somebody.")
    arguments.add_argument("--quick", action="store_true", help="tiny numbers, to see that it works")
    effort = QUICK if arguments.parse_args().quick else FULL
    raise_file_limit(int(effort.per_second * effort.seconds * 2))
    core, generator_core = cores()
    if generator_core is not None:
        os.sched_setaffinity(0, {generator_core})
    pace = f"{effort.per_second:.0f} a second for {effort.seconds:.0f} s"
    print(f"Requests, {pace}: offered, and accepted at once")
    with tempfile.TemporaryDirectory(prefix="teduh-bench-") as name:
        folder = Path(name)
        for count in effort.staff:
            progress(f"routing: {count:,} staff")
            place = folder / f"staff-{count}"
            place.mkdir()
            result = uvloop.run(with_staff(place, count, effort, core))
            progress("")
            print("\n".join(result.rows()), flush=True)
        took = anchor(folder / "anchor", effort, core)
        print(COLUMNS.format("anchor, a list of Valkey: ms, p50", f"{statistics.median(took):,.1f}"))
        print(
            COLUMNS.format(
                "anchor, a list of Valkey: ms, p99", f"{took[max(0, round(len(took) * 0.99) - 1)]:,.1f}"
            )
        )


if __name__ == "__main__":
    main()
