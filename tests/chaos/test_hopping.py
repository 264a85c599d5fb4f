"""Members who change between two nodes while they talk, and nodes that lose their connections to the store:
each node believes again and again that it is alone in the conversation, and is not. And the same with the
workers of one machine, which hand connections over to each other besides.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.chaos.trio import Trio, three_members
from support.clients.frame_client import until_believed_by_all
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess, relay_process
from support.store.valkey_server import start_valkey
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.location import parse_location

_MESSAGES = 600
_FAULTS = 60


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", range(3))
async def test_members_who_change_nodes_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    async with _two_nodes(tmp_path) as (trio, relays, store):
        talking = asyncio.create_task(trio.talk(_MESSAGES))
        await _disturb(trio, relays, store, random.Random(seed))
        await talking
        await trio.finish(_MESSAGES)
        assert all(member.connections > 5 for member in trio.members)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", range(3))
async def test_members_who_are_handed_over_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    """A survivor and two counselors come anew and anew to any of three workers, which freeze and die; she
    goes to the one where staff are as soon as she says something.
    """
    organisation = RelayOrganisation()
    chance = random.Random(seed)
    with relay_process(tmp_path / "relay", organisation.write(tmp_path), workers=3) as relay:
        await eventually(lambda: len(relay.workers()) == 3)
        await organisation.publish_revocations(relay.url)
        await until_believed_by_all(relay.url, organisation.staff())
        async with three_members(organisation, relay.url, [[relay.url]] * 3) as trio:
            talking = asyncio.create_task(trio.talk(_MESSAGES))
            for _ in range(_FAULTS):
                match chance.choice(("hop", "hop", "hop", "hop", "freeze", "kill")):
                    case "hop":
                        chance.choice(trio.members).hop()
                    case "freeze":
                        await _freeze(chance.choice(sorted(relay.workers())), chance.uniform(0.01, 0.3))
                    case "kill" if chance.random() < 0.5:
                        await _kill(relay, chance.choice(sorted(relay.workers())))
                await asyncio.sleep(chance.uniform(0, 0.2))
            await talking
            await trio.finish(_MESSAGES)
            assert all(member.connections > 5 for member in trio.members)


@asynccontextmanager
async def _two_nodes(folder: Path) -> AsyncIterator[tuple[Trio, list[RelayProcess], Store]]:
    organisation = RelayOrganisation()
    path = organisation.write(folder)
    with (
        start_valkey() as valkey,
        relay_process(folder / "a", path, valkey.url) as a,
        relay_process(folder / "b", path, valkey.url) as b,
    ):
        for relay in (a, b):
            await organisation.publish_revocations(relay.url)
        store = Store(parse_location(valkey.url))
        await store.start()
        urls = [[a.url, a.url, b.url], [a.url, b.url], [a.url, a.url, a.url, b.url, b.url]]
        async with three_members(organisation, a.url, urls) as trio:
            yield trio, [a, b], store
        await store.close()


async def _disturb(trio: Trio, relays: list[RelayProcess], store: Store, chance: random.Random) -> None:
    for _ in range(_FAULTS):
        match chance.choice(("hop", "hop", "hop", "hop", "commands", "channels", "freeze", "kill")):
            case "hop":
                chance.choice(trio.members).hop()
            case "commands":
                await store.ask((b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"yes"))
            case "channels":
                await store.ask((b"CLIENT", b"KILL", b"TYPE", b"pubsub"))
            case "freeze":
                await _freeze(chance.choice(relays).pid, chance.uniform(0.01, 0.3))
            case "kill" if chance.random() < 0.3:
                relay = chance.choice(relays)
                relay.kill()
                await asyncio.to_thread(relay.start)
        await asyncio.sleep(chance.uniform(0, 0.2))


async def _kill(relay: RelayProcess, worker: int) -> None:
    """Until it is none of the workers, whom other faults could hit."""
    os.kill(worker, signal.SIGKILL)
    await eventually(lambda: worker not in relay.workers())


async def _freeze(pid: int, seconds: float) -> None:
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    os.kill(pid, signal.SIGCONT)
