"""A supervisor hears of those who wait in vain also when the store, or its channels, were away just then."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.clients.frame_client import frame_client
from support.eventually import becomes, eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import Role
from teduh_server.app import Relay
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.routing.waiting_list import read_waiting
from teduh_signaling.relay.frames import Done, QueueAlert, WatchBoard

ROUTING = {"alert_after_seconds": 1.0}


async def until_noted(relay: Relay, conversation_id: bytes) -> None:
    """Until then whoever leads would tell it again by itself."""

    async def is_noted() -> bool:
        waiting = await read_waiting(relay.parts.store, [conversation_id])
        return all(request.is_known for request in waiting)

    await becomes(is_noted, True)


async def test_whoever_begins_to_watch_while_the_store_is_away_is_told_when_it_is_back(
    organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    with start_valkey() as valkey:
        async with relay_here(path, valkey.url, routing=ROUTING) as (relay, url):
            await organisation.publish_revocations(url)
            async with frame_client(url) as first, frame_client(url) as later, frame_client(url) as survivor:
                await first.authenticate(organisation.staff("Ibu Ratna", Role.SUPERVISOR))
                await later.authenticate(organisation.staff("Ibu Wati", Role.SUPERVISOR))
                conversation = await survivor.open_request()
                await first.expect(QueueAlert)
                await later.expect(QueueAlert)
                await until_noted(relay, conversation)
                valkey.kill()
                await eventually(lambda: not relay.parts.store.available)
                await later.ask(WatchBoard(1), Done)
                await asyncio.to_thread(valkey.revive)
                async with asyncio.timeout(15):
                    assert (await later.expect(QueueAlert)).conversation_id == conversation


async def test_a_node_that_was_deaf_for_a_moment_tells_what_it_may_have_missed(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """Who waits in vain is told by the node that leads, once, over a channel."""
    async with relay_here(organisation.write(tmp_path), valkey.url, routing=ROUTING) as (relay, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as supervisor, frame_client(url) as survivor:
            await supervisor.authenticate(organisation.staff("Ibu Ratna", Role.SUPERVISOR))
            conversation = await survivor.open_request()
            await supervisor.expect(QueueAlert)
            await until_noted(relay, conversation)
            await relay.parts.store.ask((b"CLIENT", b"KILL", b"TYPE", b"PUBSUB"))
            async with asyncio.timeout(15):
                assert (await supervisor.expect(QueueAlert)).conversation_id == conversation


async def test_whoever_watches_no_more_before_it_is_back_is_not_waited_for(
    organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    with start_valkey() as valkey:
        async with relay_here(path, valkey.url, routing=ROUTING) as (relay, url):
            await organisation.publish_revocations(url)
            async with frame_client(url) as gone:
                await gone.authenticate(organisation.staff("Ibu Wati", Role.SUPERVISOR))
                valkey.kill()
                await eventually(lambda: not relay.parts.store.available)
                await gone.ask(WatchBoard(1), Done)
                await eventually(lambda: relay.parts.routing.alerts.owed == 1)
            await eventually(lambda: relay.parts.routing.alerts.owed == 0)
            await asyncio.to_thread(valkey.revive)
