"""How soon `/readyz` says that nothing is accepted any more, and that something is again.

    python benchmarks/readiness.py [--quick]

    full memory       of the server: maxmemory below what it has
    frozen server     SIGSTOP: its connections stay, and it says nothing
    frozen replica    the same of the only replica, under `durability = "replicated"`
    full disk         of the embedded Valkey, which ends itself (root only)

Somebody says something all the time. Printed are seconds: from the last Accepted before to the first 503, and
from the end of the fault to the first 200; the median and the most of some times. The exit code is 1 when it
took longer than three seconds to say 503.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import aiohttp  # the path comes first
from support.chaos.failing_machine import small_disk, why_no_small_disk
from support.clients.frame_client import FrameClient, talking_pair
from support.eventually import eventually_here
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess, relay_process
from support.store.valkey_process import lasting_valkey
from teduh_signaling.relay.frames import Accepted, Append, Error

GOAL_SECONDS = 3.0
TIMES = 10
LONGEST = 60.0
SAID_EACH_SECONDS = 0.02
LOOKED_EACH_SECONDS = 0.01

Fault = tuple[Callable[[], object], Callable[[], object]]
"""What begins it and what ends it; both may take a moment."""
Place = Callable[[Path, Path], AbstractContextManager[tuple[RelayProcess, Fault]]]
"""A running relay, given a folder and an organisation file, and a fault of its store."""


@contextmanager
def full_memory(folder: Path, file: Path) -> Iterator[tuple[RelayProcess, Fault]]:
    with (
        lasting_valkey(folder / "valkey", maxmemory="100mb") as valkey,
        relay_process(folder, file, valkey.url, durability="aof") as relay,
    ):

        def set_to(most: str) -> Callable[[], object]:
            return lambda: valkey.ask("CONFIG", "SET", "maxmemory", most)

        yield relay, (set_to("100kb"), set_to("100mb"))


@contextmanager
def frozen_server(folder: Path, file: Path) -> Iterator[tuple[RelayProcess, Fault]]:
    with (
        lasting_valkey(folder / "valkey", maxmemory="100mb") as valkey,
        relay_process(folder, file, valkey.url, durability="aof") as relay,
    ):
        yield relay, (valkey.freeze, valkey.thaw)


@contextmanager
def frozen_replica(folder: Path, file: Path) -> Iterator[tuple[RelayProcess, Fault]]:
    at_once = {"repl-diskless-sync-delay": "0", "maxmemory": "100mb"}
    with (
        lasting_valkey(folder / "master", **at_once) as master,
        lasting_valkey(folder / "replica", replicaof=f"127.0.0.1 {master.port}") as replica,
    ):
        eventually_here(
            lambda: "state=online" in str(master.ask("INFO", "replication")), "there is no replica"
        )
        with relay_process(folder, file, master.url, durability="replicated") as relay:
            yield relay, (replica.freeze, replica.thaw)


@contextmanager
def full_disk(folder: Path, file: Path) -> Iterator[tuple[RelayProcess, Fault]]:
    with small_disk(folder / "data") as disk, relay_process(folder, file, machine=disk.machine) as relay:
        yield relay, (disk.fill, disk.free)


@dataclass(slots=True)
class Talk:
    """Somebody who says something all the time."""

    accepted_at: float = 0.0

    async def go_on(self, survivor: FrameClient, conversation: bytes) -> None:
        counter = 0
        while True:
            await survivor.send(Append(conversation, counter + 1, 0, 1, bytes(1024)))
            answer = await survivor.receive(within=LONGEST)
            while not isinstance(answer, Accepted | Error):
                answer = await survivor.receive(within=LONGEST)
            if isinstance(answer, Accepted):
                counter, self.accepted_at = answer.counter, time.monotonic()
            await asyncio.sleep(SAID_EACH_SECONDS)


@asynccontextmanager
async def _talking(relay: RelayProcess, organisation: RelayOrganisation) -> AsyncIterator[Talk]:
    talk = Talk()
    async with talking_pair(relay.url, organisation.staff()) as (survivor, _, conversation):
        going_on = asyncio.create_task(talk.go_on(survivor, conversation))
        try:
            await _comes(lambda: _is_accepted(talk))
            yield talk
        finally:
            going_on.cancel()
            await asyncio.gather(going_on, return_exceptions=True)


async def _is_accepted(talk: Talk) -> bool:
    return talk.accepted_at > 0


async def _comes(ask: Callable[[], Awaitable[bool]]) -> float:
    """When it is so, monotonic; raises TimeoutError."""
    async with asyncio.timeout(LONGEST):
        while not await ask():  # noqa: ASYNC110 -- in another process
            await asyncio.sleep(LOOKED_EACH_SECONDS)
    return time.monotonic()


async def measure(place: Place, folder: Path, times: int) -> tuple[list[float], list[float]]:
    """Seconds to 503, and back to 200."""
    organisation = RelayOrganisation()
    noticed, back = [], []
    with place(folder / "relay", organisation.write(folder)) as (relay, (begin, end)):
        await organisation.publish_revocations(relay.url)
        async with aiohttp.ClientSession() as http:

            async def says(status: int) -> bool:
                async with http.get(f"{relay.url}/readyz") as answer:
                    return answer.status == status

            for _ in range(times):
                async with _talking(relay, organisation) as talk:
                    await asyncio.to_thread(begin)
                    unready = await _comes(lambda: says(503))
                    noticed.append(unready - talk.accepted_at)
                    ended = time.monotonic()
                    await asyncio.to_thread(end)
                    back.append(await _comes(lambda: says(200)) - ended)
    return noticed, back


def main() -> int:
    arguments = argparse.ArgumentParser(description="How soon /readyz says that nothing is accepted.")
    arguments.add_argument("--quick", action="store_true", help="once each, to see that it works")
    chosen = arguments.parse_args()
    times = 1 if chosen.quick else TIMES
    places: dict[str, Place] = {
        "full memory": full_memory,
        "frozen server": frozen_server,
        "frozen replica": frozen_replica,
        "full disk": full_disk,
    }
    if why := why_no_small_disk():
        print(f"no disk is filled: {why}")
        del places["full disk"]
    print(f"{'seconds, median and most':<26} {'to 503':>8} {'':>8} {'to 200':>8}")
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, place) in enumerate(places.items()):
            own = Path(folder) / str(number)
            own.mkdir()
            noticed, back = asyncio.run(measure(place, own, times))
            figures = [statistics.median(noticed), max(noticed), statistics.median(back), max(back)]
            print(f"{name:<26}" + "".join(f" {each:>8.2f}" for each in figures), flush=True)
            slowest = max(slowest, *noticed)
    return 0 if chosen.quick or slowest <= GOAL_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
