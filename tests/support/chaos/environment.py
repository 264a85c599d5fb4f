"""Three relay nodes on a cluster of Valkeys, under load, for tests that break one thing after the other.

::

    conversations (a survivor and a counselor each, who never stop talking)
    requests, and counselors who claim them                                  --->  relays  --->  masters and
    who asks which colleagues are connected                                                      replicas

`Environment.settle` and `Environment.check` say what must be true afterwards: everything said is accepted
and delivered to both, once, in one order; every request is answered once; presence is right.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
from teduh_crypto.credentials import Role
from teduh_signaling.relay.frames import Colleagues, ListColleagues

from support.chaos.isolated_network import IsolatedNetwork
from support.chaos.request_load import RequestLoad
from support.chaos.retrying_client import RetryingClient
from support.clients.frame_client import frame_client, talking_pair
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation, StaffDevice
from support.relay.relay_process import RelayProcess, relay_process
from support.store.valkey_cluster import ValkeyCluster

FIRST_SEQ = 3
"""After the first commit and its Welcome a pair begins to talk."""
PRESENCE_SECONDS = 15.0
_DRAIN_SECONDS = 90.0
_WINDOW_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation; both talk."""

    survivor: RetryingClient
    staff: RetryingClient
    device: StaffDevice

    @property
    def members(self) -> tuple[RetryingClient, RetryingClient]:
        return self.survivor, self.staff

    def has_all(self, last: int) -> bool:
        return all(member.cursor >= last for member in self.members)

    def check(self) -> int:
        """How many messages both have, each once, in one order; raises AssertionError otherwise."""
        logs = [{seq: each.log[seq] for seq in each.log if seq >= FIRST_SEQ} for each in self.members]
        assert logs[0] == logs[1], "the members have different logs"
        entries = [logs[0][seq] for seq in sorted(logs[0])]
        for index, member in enumerate(self.members):
            said = [payload for payload in entries if payload.startswith(b"%d:" % index)]
            assert said == [b"%d:%d" % (index, number) for number in range(member.said)]
        return len(entries)


@dataclass(frozen=True, slots=True)
class Environment:
    """Everything that runs."""

    organisation: RelayOrganisation
    store: ValkeyCluster | None
    """None where it is one server."""
    relays: Sequence[RelayProcess]
    talks: Sequence[Talk]
    requests: RequestLoad

    @property
    def cluster(self) -> ValkeyCluster:
        assert self.store is not None
        return self.store

    @property
    def members(self) -> list[RetryingClient]:
        return [member for talk in self.talks for member in talk.members]

    @property
    def said(self) -> int:
        return sum(member.said for member in self.members)

    @property
    def accepted(self) -> int:
        return sum(len(member.latencies) for member in self.members)

    async def until_presence_is_right(self, relays: Sequence[RelayProcess]) -> float:
        """Wait until each of these relays names exactly those who are connected; returns how long it took.

        Raises TimeoutError after the fifteen seconds that are promised.
        """
        began = time.monotonic()
        observer = self.organisation.staff("Observer")
        talking = {talk.device.id for talk in self.talks}
        others = {device.id for device in self.requests.devices}
        async with asyncio.timeout(PRESENCE_SECONDS):
            for relay in relays:
                # Who claims requests may be between two connections at the moment.
                while (await _named_by(relay.url, observer)) - others != talking:  # noqa: ASYNC110 -- far away
                    await asyncio.sleep(0.1)
        return time.monotonic() - began

    @asynccontextmanager
    async def somebody_at(self, relay: RelayProcess) -> AsyncIterator[None]:
        """A counselor who is connected to this relay and comes back to no other; all know her."""
        device = self.organisation.staff("Loyal")
        observer = self.organisation.staff("Observer")
        async with frame_client(relay.url) as client:
            await client.authenticate(device)
            async with asyncio.timeout(PRESENCE_SECONDS):
                for each in self.relays:
                    while device.id not in await _named_by(each.url, observer):  # noqa: ASYNC110 -- far away
                        await asyncio.sleep(0.1)
            yield

    def latencies(self, since: float, until: float) -> list[float]:
        """The times to Accepted, in seconds, of what was said in this time; ascending."""
        return sorted(took for each in self.members for at, took in each.latencies if since <= at < until)

    def slowest(self, since: float, until: float) -> float:
        """The 99th percentile of the time to Accepted, in seconds, of what was said in this time."""
        took = self.latencies(since, until)
        return took[math.ceil(len(took) * 0.99) - 1] if took else float("inf")

    def recovered_after(self, fault: float, until: float, limit: float) -> float:
        """After how many seconds from `fault` on the 99th percentile of each second stayed below `limit`."""
        last_slow = fault
        for start in itertools.takewhile(
            lambda start: start + _WINDOW_SECONDS <= until, itertools.count(fault, _WINDOW_SECONDS)
        ):
            if self.slowest(start, start + _WINDOW_SECONDS) > limit:
                last_slow = start + _WINDOW_SECONDS
        return last_slow - fault

    async def drain(self) -> None:
        """Everybody has stopped talking: wait until everything is accepted and everything has arrived."""
        await eventually(lambda: all(member.done for member in self.members), within=_DRAIN_SECONDS)
        for talk in self.talks:
            last = FIRST_SEQ - 1 + sum(member.said for member in talk.members)
            await eventually(partial(talk.has_all, last), within=_DRAIN_SECONDS)
        await self.requests.drain(_DRAIN_SECONDS)

    async def check(self) -> int:
        """How many messages were delivered; raises AssertionError if any was lost or doubled."""
        delivered = sum(talk.check() for talk in self.talks)
        await self.requests.check()
        return delivered


async def _named_by(url: str, observer: StaffDevice) -> set[bytes]:
    with suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
        async with frame_client(url) as client:
            await client.authenticate(observer)
            colleagues = (await client.ask(ListColleagues(1), Colleagues)).colleagues
            return {each.device_id for each in colleagues}
    return set()


@contextmanager
def relays_on(
    store_url: str,
    folder: Path,
    organisation: RelayOrganisation,
    count: int = 3,
    network: IsolatedNetwork | None = None,
    durability: str = "replicated",
    **settings: object,
) -> Iterator[list[RelayProcess]]:
    """Relay processes on one store; the first lives in the isolated network, if there is one."""
    file = organisation.write(folder)
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                relay_process(
                    folder / f"relay{number}",
                    file,
                    store_url,
                    None if number else network,
                    None,
                    durability=durability,
                    lease_seconds=5,
                    absent_seconds=55,
                    **settings,
                )
            )
            for number in range(count)
        ]


@asynccontextmanager
async def environment_under_load(
    store: ValkeyCluster | None,
    relays: Sequence[RelayProcess],
    organisation: RelayOrganisation,
    *,
    talks: int,
    messages_per_second: float,
    requests_per_second: float,
    offered: bool = False,
) -> AsyncIterator[Environment]:
    """Conversations that talk (each member so often), and requests, claimed or offered, until the end."""
    urls = [relay.url for relay in relays]
    await organisation.publish_revocations(urls[0])
    for url in urls:
        await eventually_believed(url, organisation)
    # Where requests are offered, only supervisors may claim.
    role = Role.SUPERVISOR if offered else Role.COUNSELOR
    made = [await _talk(organisation, urls, number, role) for number in range(talks)]
    claimers = [organisation.staff(f"Claimer {number}") for number in range(3)]
    requests = RequestLoad(urls, claimers, requests_per_second, offered=offered)
    environment = Environment(organisation, store, relays, made, requests)
    running = [asyncio.create_task(member.run()) for member in environment.members]
    try:
        requests.start()
        speaking = asyncio.create_task(_speak(environment, messages_per_second))
        try:
            yield environment
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
        await _unless_failed(environment.drain(), running)
    finally:
        await requests.stop()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _unless_failed(
    settling: Coroutine[None, None, None], running: Sequence[asyncio.Task[None]]
) -> None:
    """Wait for the end, or for a member that has found a contradiction."""
    waiting = asyncio.ensure_future(settling)
    await asyncio.wait((waiting, *running), return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        if task.done():
            task.result()
    await waiting


async def eventually_believed(url: str, organisation: RelayOrganisation) -> None:
    """Wait until a relay has the revocation list, without which it believes nobody."""
    device = organisation.staff("Early")
    async with asyncio.timeout(20):
        while True:
            with suppress(AssertionError):
                async with frame_client(url) as client:
                    await client.authenticate(device)
                    return
            await asyncio.sleep(0.05)


async def _talk(organisation: RelayOrganisation, urls: Sequence[str], number: int, role: Role) -> Talk:
    """A pair whose members prefer different relays."""
    device = organisation.staff(f"Counselor {number}", role)
    async with talking_pair(urls[number % len(urls)], device) as (survivor, _, conversation):
        capability = survivor.capability
    hers, theirs = ([urls[(number + each) % len(urls)] for each in order] for order in ((0, 1, 2), (1, 2, 0)))
    after = FIRST_SEQ - 1
    return Talk(
        RetryingClient(hers, conversation, epoch=1, after=after, capability=capability),
        RetryingClient(theirs, conversation, epoch=1, after=after, counter=1, device=device),
        device,
    )


async def _speak(environment: Environment, per_second: float) -> None:
    """Every member says something so often, spread over time."""
    pause = 1 / per_second / len(environment.members)
    begin = time.monotonic()
    for number in itertools.count():
        member, index = environment.members[number % len(environment.members)], number % 2
        member.say(b"%d:%d" % (index, member.said))
        await asyncio.sleep(max(0.0, begin + (number + 1) * pause - time.monotonic()))
