"""`make chaos`: every fault in turn on relays and stores under load, with figures.

3 relay nodes on a cluster of 3 Valkey masters with 2 replicas each, all on this machine; `durability =
"replicated"`. Each fault begins in peace, is repaired, and is followed by peace:

    kill -9     each master, each relay; started again a few seconds later
    freeze      a master, a replica, a relay: SIGSTOP for 20 seconds
    cut off     a master, by its network namespace, for 20 seconds (root only)
    roll        every relay, then every Valkey: stopped in good order and started again, one by one; a master
                hands over to a replica first

Then a second one, whose relays *offer* requests, and whose first relay is behind a link that can be cut:

    cut off     that relay, for 20 seconds (root only)
    kill -9     each relay, whichever leads, and the master of the queue, which has offers, seats and the lead

Then a third, three relays on one server with `durability = "aof"` and a small disk of its own:

    kill -9     the server, then each relay
    freeze      the server, for 20 seconds
    fill        its disk, for 20 seconds (root only); the server ends itself, and is started again and again

What stops everything counts from its end. /readyz has said 503 at every relay within three seconds of it.

It ends with an error unless everything accepted was delivered to both members, once and in one order; every
request was answered once; presence was right again within 15 seconds; and the 99th percentile of the time to
Accepted was back within 10 seconds.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp

from support.chaos.environment import PRESENCE_SECONDS, Environment, environment_under_load, relays_on
from support.chaos.failing_machine import SmallDisk, small_disk, why_no_small_disk
from support.chaos.isolated_network import IsolatedNetwork, isolated_network, why_not_isolated
from support.eventually import becomes, eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess
from support.store.valkey_cluster import valkey_cluster
from support.store.valkey_process import ValkeyProcess

FAULT_SECONDS = 20.0
RECOVERY_SECONDS = 10.0
_PEACE_SECONDS = 6.0
_DOWN_SECONDS = 5.0
_WATCHED_SECONDS = 14.0
"""How long after a fault has begun the times are looked at, at least."""
_UNREADY_SECONDS = 3.0
_SLOWEST_OF_PEACE = 4.0
"""Back is what takes at most so many times what it took in peace, between a quarter of a second and one."""

Fault = Callable[[Environment], Coroutine[None, None, None]]


@dataclass(slots=True)
class Row:
    """What one fault did."""

    name: str
    began: float
    ended: float = 0.0
    presence: float | None = None
    mended: float | None = None
    """When the fault had ended, where nothing could be accepted before that."""
    recovered: float = 0.0
    slowest: float = 0.0


@dataclass(slots=True)
class Report:
    """Prints as it goes; `failures` are what was promised and not kept."""

    environment: Environment
    limit: float = 0.25
    rows: list[Row] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    async def peace(self) -> None:
        began = time.monotonic()
        await asyncio.sleep(_PEACE_SECONDS)
        usual = self.environment.slowest(began, time.monotonic())
        self.limit = min(1.0, max(0.25, _SLOWEST_OF_PEACE * usual))
        print(f"in peace: p99 to Accepted {usual * 1000:.0f} ms; 'back' is below {self.limit * 1000:.0f} ms")
        print(f"\n{'fault':34}{'p99 back':>10}{'presence':>10}{'slowest':>10}{'said':>9}{'accepted':>10}")

    @asynccontextmanager
    async def fault(self, name: str) -> AsyncIterator[Row]:
        row = Row(name, time.monotonic())
        yield row
        since = row.mended or row.began
        await asyncio.sleep(max(_PEACE_SECONDS, since + _WATCHED_SECONDS - time.monotonic()))
        row.ended = time.monotonic()
        row.recovered = self.environment.recovered_after(row.mended or row.began, row.ended - 1, self.limit)
        took = self.environment.latencies(row.began, row.ended)
        row.slowest = max(took, default=float("inf"))
        self._print(row)

    def _print(self, row: Row) -> None:
        presence = "" if row.presence is None else f"{row.presence:.1f} s"
        print(
            f"{row.name:34}{row.recovered:8.0f} s{presence:>10}{row.slowest:8.1f} s"
            f"{self.environment.said:9}{self.environment.accepted:10}",
            flush=True,
        )
        if row.recovered > RECOVERY_SECONDS:
            self.failures.append(f"{row.name}: p99 was back only after {row.recovered:.0f} s")

    async def watch_readiness(self, row: Row) -> None:
        """Every relay says within three seconds that nothing is accepted."""
        began = time.monotonic()
        for relay in self.environment.relays:
            await becomes(partial(_readyz, relay), 503, within=_UNREADY_SECONDS * 10)
        took = time.monotonic() - began
        print(f"{'':34}/readyz said 503 after {took:.1f} s")
        if took > _UNREADY_SECONDS:
            self.failures.append(f"{row.name}: /readyz said 503 only after {took:.1f} s")

    async def watch_presence(self, row: Row, relays: list[RelayProcess]) -> None:
        try:
            row.presence = await self.environment.until_presence_is_right(relays)
        except TimeoutError:
            self.failures.append(f"{row.name}: presence was not right within {PRESENCE_SECONDS:.0f} s")


async def _kill_masters(report: Report) -> None:
    environment = report.environment
    for number, master in enumerate(environment.cluster.current_masters(), 1):
        async with report.fault(f"kill -9 master {number}") as row:
            master.kill()
            await report.watch_presence(row, list(environment.relays))
            await asyncio.sleep(_DOWN_SECONDS)
            await asyncio.to_thread(master.start)
            await asyncio.to_thread(environment.cluster.wait_until_whole)


async def _kill_relays(report: Report) -> None:
    relays = list(report.environment.relays)
    for number, relay in enumerate(relays, 1):
        async with report.environment.somebody_at(relay), report.fault(f"kill -9 relay {number}") as row:
            relay.kill()
            await report.watch_presence(row, [each for each in relays if each is not relay])
            await asyncio.to_thread(relay.start)


async def _freeze(
    report: Report,
    name: str,
    pid: int,
    watched: list[RelayProcess],
    frozen_relay: RelayProcess | None = None,
) -> None:
    async with AsyncExitStack() as stack:
        if frozen_relay is not None:
            await stack.enter_async_context(report.environment.somebody_at(frozen_relay))
        row = await stack.enter_async_context(report.fault(f"freeze {name}, {FAULT_SECONDS:.0f} s"))
        os.kill(pid, signal.SIGSTOP)
        thawed = time.monotonic() + FAULT_SECONDS
        await report.watch_presence(row, watched)
        await asyncio.sleep(max(0.0, thawed - time.monotonic()))
        os.kill(pid, signal.SIGCONT)
        await asyncio.to_thread(report.environment.cluster.wait_until_whole)


async def _freeze_each_kind(report: Report) -> None:
    environment = report.environment
    relays = list(environment.relays)
    masters = environment.cluster.current_masters()
    replica = next(node for node in environment.cluster.nodes if node not in masters)
    await _freeze(report, "a replica", replica.pid, relays)
    await _freeze(report, "the queue's master", environment.cluster.master_of(b"{queue}").pid, relays)
    await _freeze(report, "a relay", relays[0].pid, relays[1:], relays[0])


async def _cut_off(report: Report, isolated: IsolatedNetwork, there: ValkeyProcess) -> None:
    name = "master" if there in report.environment.cluster.current_masters() else "replica"
    async with report.fault(f"cut off a {name}, {FAULT_SECONDS:.0f} s") as row:
        isolated.cut()
        mended = time.monotonic() + FAULT_SECONDS
        await report.watch_presence(row, list(report.environment.relays))
        await asyncio.sleep(max(0.0, mended - time.monotonic()))
        isolated.mend()
        await asyncio.to_thread(report.environment.cluster.wait_until_whole)


async def _roll(report: Report) -> None:
    environment = report.environment
    for number, relay in enumerate(environment.relays, 1):
        async with report.fault(f"restart relay {number}") as row:
            await asyncio.to_thread(relay.stop)
            await asyncio.to_thread(relay.start)
            await report.watch_presence(row, list(environment.relays))
    for number, node in enumerate(environment.cluster.nodes, 1):
        async with report.fault(f"restart Valkey {number}") as row:
            await asyncio.to_thread(environment.cluster.hand_over, node)
            await asyncio.to_thread(node.stop)
            await asyncio.to_thread(node.start)
            await asyncio.to_thread(environment.cluster.wait_until_whole)
            await report.watch_presence(row, list(environment.relays))


async def _all_faults(folder: Path, talks: int, per_second: float) -> list[str]:
    organisation = RelayOrganisation()
    with ExitStack() as stack:
        not_isolated = why_not_isolated()
        isolated = None if not_isolated else stack.enter_context(isolated_network())
        cluster = stack.enter_context(valkey_cluster(3, 2, isolated, cluster_node_timeout="2000"))
        relays = stack.enter_context(relays_on(cluster.url, folder, organisation))
        async with environment_under_load(
            cluster, relays, organisation, talks=talks, messages_per_second=per_second, requests_per_second=4
        ) as environment:
            report = Report(environment)
            await report.peace()
            if isolated is not None:
                await _cut_off(report, isolated, cluster.nodes[0])
            await _kill_masters(report)
            await _kill_relays(report)
            await _freeze_each_kind(report)
            await _roll(report)
        return await _judge(report, not_isolated)


async def _offering_faults(folder: Path, talks: int, per_second: float) -> list[str]:
    """The second environment: relays that offer."""
    organisation = RelayOrganisation()
    routing = {"mode": "offer", "offer_seconds": 3.0, "again_after_seconds": 0.0}
    with ExitStack() as stack:
        not_isolated = why_not_isolated()
        isolated = None if not_isolated else stack.enter_context(isolated_network())
        cluster = stack.enter_context(
            valkey_cluster(3, 2, isolated, first_inside=False, cluster_node_timeout="2000")
        )
        relays = stack.enter_context(
            relays_on(cluster.url, folder, organisation, network=isolated, routing=routing)
        )
        async with environment_under_load(
            cluster,
            relays,
            organisation,
            talks=talks,
            messages_per_second=per_second,
            requests_per_second=4,
            offered=True,
        ) as environment:
            report = Report(environment)
            print("\nrequests are offered")
            await report.peace()
            if isolated is not None:
                await _cut_off_relay(report, isolated, relays)
            await _kill_relays(report)
            await _kill_master_of_queue(report)
        return await _judge(report, not_isolated)


async def _cut_off_relay(report: Report, isolated: IsolatedNetwork, relays: list[RelayProcess]) -> None:
    cut_off, *others = relays
    async with (
        report.environment.somebody_at(cut_off),
        report.fault(f"cut off a relay, {FAULT_SECONDS:.0f} s") as row,
    ):
        isolated.cut()
        mended = time.monotonic() + FAULT_SECONDS
        await report.watch_presence(row, others)
        await asyncio.sleep(max(0.0, mended - time.monotonic()))
        isolated.mend()


async def _kill_master_of_queue(report: Report) -> None:
    environment = report.environment
    async with report.fault("kill -9 the queue's master") as row:
        master = environment.cluster.master_of(b"{queue}")
        master.kill()
        await report.watch_presence(row, list(environment.relays))
        await asyncio.sleep(_DOWN_SECONDS)
        await asyncio.to_thread(master.start)
        await asyncio.to_thread(environment.cluster.wait_until_whole)


# --- one server ---


async def _one_server_faults(folder: Path, talks: int, per_second: float) -> list[str]:
    """The third environment: one Valkey with its file, on a disk of its own."""
    organisation = RelayOrganisation()
    with ExitStack() as stack:
        no_disk = why_no_small_disk()
        place = folder / "disk"
        disk = None if no_disk else stack.enter_context(small_disk(place, mib=64))
        place.mkdir(parents=True, exist_ok=True)
        settings = {"appendonly": "yes", "appendfsync": "always", "save": "", "dir": str(place)}
        prefix = () if disk is None else disk.machine.prefix
        valkey = ValkeyProcess(folder / "valkey", settings, prefix=prefix)
        valkey.start()
        stack.callback(valkey.kill)
        url = f"redis://{valkey.host}:{valkey.port}"
        relays = stack.enter_context(relays_on(url, folder, organisation, durability="aof"))
        async with environment_under_load(
            None, relays, organisation, talks=talks, messages_per_second=per_second, requests_per_second=4
        ) as environment:
            report = Report(environment)
            print("\none server, durability aof")
            await report.peace()
            await _kill_server(report, valkey)
            await _freeze_server(report, valkey)
            if disk is not None:
                await _fill_disk(report, valkey, disk)
            await _kill_relays(report)
        if no_disk:
            print(f"no disk was filled: {no_disk}")
        return await _judge(report, None)


async def _kill_server(report: Report, valkey: ValkeyProcess) -> None:
    async with report.fault("kill -9 the server") as row:
        valkey.kill()
        await report.watch_readiness(row)
        await asyncio.sleep(_DOWN_SECONDS)
        await asyncio.to_thread(valkey.start)
        row.mended = time.monotonic()


async def _freeze_server(report: Report, valkey: ValkeyProcess) -> None:
    async with report.fault(f"freeze the server, {FAULT_SECONDS:.0f} s") as row:
        valkey.freeze()
        thawed = time.monotonic() + FAULT_SECONDS
        await report.watch_readiness(row)
        await asyncio.sleep(max(0.0, thawed - time.monotonic()))
        valkey.thaw()
        row.mended = time.monotonic()


async def _fill_disk(report: Report, valkey: ValkeyProcess, disk: SmallDisk) -> None:
    async with report.fault(f"the disk is full, {FAULT_SECONDS:.0f} s") as row:
        starting = asyncio.create_task(_start_again(valkey))
        await asyncio.to_thread(disk.fill)
        freed = time.monotonic() + FAULT_SECONDS
        await report.watch_readiness(row)
        await asyncio.sleep(max(0.0, freed - time.monotonic()))
        disk.free()
        row.mended = time.monotonic()
        await eventually(lambda: valkey.running)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        if not valkey.running:
            await asyncio.to_thread(valkey.start)


async def _start_again(valkey: ValkeyProcess) -> None:
    """Whenever it has ended, as systemd does."""
    while True:
        await asyncio.sleep(1.0)
        if not valkey.running:
            with suppress(RuntimeError):
                await asyncio.to_thread(valkey.start)


async def _readyz(relay: RelayProcess) -> int:
    with suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session, session.get(f"{relay.url}/readyz") as answer:
            return answer.status
    return 0


async def _judge(report: Report, not_isolated: str | None) -> list[str]:
    environment = report.environment
    delivered = await environment.check()
    print(
        f"\nsaid {environment.said}, accepted {environment.accepted}, delivered to both members {delivered}"
    )
    requests = environment.requests
    print(f"requests opened {len(requests.opened)}, answered once {len(requests.answered)}")
    if not_isolated:
        print(f"nothing was cut off: {not_isolated}")
    if not environment.said == environment.accepted == delivered:
        report.failures.append("something was lost")
    return report.failures


def main(chosen: list[str]) -> int:
    """All of them, or those that are named: `claiming`, `offering`, `one-server`. Returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="teduh-chaos-") as folder:
        environments = {
            "claiming": _all_faults,
            "offering": _offering_faults,
            "one-server": _one_server_faults,
        }
        failures = []
        for name, faults in environments.items():
            if name in chosen or not chosen:
                failures += asyncio.run(faults(Path(folder) / name, talks=10, per_second=5.0))
    for failure in failures:
        print(f"NOT KEPT  {failure}")
    print("all kept" if not failures else "")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
