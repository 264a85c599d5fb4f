"""A node that hangs, its port open and its connections standing, with a healthy one beside it: the clients
of both SDKs go to the other one, and lose nothing. Nothing wakes the first one before that.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from support.chaos.environment import eventually_believed
from support.clients.sdk_people import new_staff, until
from support.clients.web_peer import organisation_json, web_peer
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.balancer import Balancer, balancer
from support.relay.relay_process import RelayProcess, relay_process
from support.store.valkey_server import start_valkey
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor

ORGANISATION = RelayOrganisation()
_PATIENCE = 25.0
"""Less than the two heartbeats of 20 s after which a silent relay used to be taken for gone."""


@asynccontextmanager
async def two_nodes(folder: Path) -> AsyncIterator[tuple[RelayProcess, RelayProcess, Balancer, Staff]]:
    """Two relays; a balancer that leads to the first; a counselor at the second."""
    file = ORGANISATION.write(folder)
    with (
        start_valkey() as valkey,
        relay_process(folder / "a", file, valkey.url) as first,
        relay_process(folder / "b", file, valkey.url) as second,
    ):
        await ORGANISATION.publish_revocations(first.url)
        for each in (first, second):
            await eventually_believed(each.url, ORGANISATION)
        keys = new_staff(ORGANISATION, "Sari")
        async with balancer([first]) as way, Staff(second.url, ORGANISATION.public, keys) as staff:
            yield first, second, way, staff


@contextmanager
def hung(relay: RelayProcess) -> Iterator[None]:
    """It hangs for as long as the block lasts."""
    os.kill(relay.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(relay.pid, signal.SIGCONT)


async def heard(conversation: Conversation) -> str:
    async with asyncio.timeout(_PATIENCE):
        return (await until(conversation, events.TextReceived)).text


async def test_a_python_client_goes_to_the_healthy_node(tmp_path: Path) -> None:
    async with (
        two_nodes(tmp_path) as (first, second, way, staff),
        Survivor(way.url, ORGANISATION.public) as survivor,
    ):
        hers = await survivor.ask()
        his = await (await anext(staff.requests())).accept()
        await hers.joined()
        # The next attempt is accepted by the one that hangs, too.
        way.relays = [first, second]
        with hung(first):
            await hers.send("Are you there?")
            assert await heard(his) == "Are you there?"


async def test_a_web_client_goes_to_the_healthy_node(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as (first, second, way, staff), web_peer() as her:
        await her.call("openSurvivor", url=way.url, organisation=organisation_json(ORGANISATION.public))
        await her.call("ask")
        his = await (await anext(staff.requests())).accept()
        await her.until("joined")
        way.relays = [first, second]
        with hung(first):
            await her.call("send", text="Are you there?")
            assert await heard(his) == "Are you there?"
