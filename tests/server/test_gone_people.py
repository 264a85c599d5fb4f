"""Nobody is offered the request of somebody who has gone."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support.clients.frame_client import frame_client
from support.eventually import becomes
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_server.redis_store import queue_scripts, routing_scripts
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import (
    CancelRequest,
    Done,
    Leave,
    Unsubscribe,
)


@pytest.mark.parametrize("goodbye", [CancelRequest, Leave])
async def test_who_gives_up_while_her_request_is_taken_does_not_wait_again(
    valkey: EmbeddedValkey,
    organisation: RelayOrganisation,
    tmp_path: Path,
    goodbye: type[CancelRequest] | type[Leave],
) -> None:
    path = organisation.write(tmp_path)
    settings = {"lease_seconds": 0.5, "absent_seconds": 1.0}
    async with relay_here(path, valkey.url, **settings) as (relay, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as staff:
            await staff.authenticate(organisation.staff())
            async with frame_client(url) as survivor:
                conversation = await survivor.open_request()
                await staff.claim(conversation)
                await survivor.ask(goodbye(7, conversation), Done)
            await becomes(lambda: relay.parts.store.ask(queue_scripts.request_state(conversation)), None)
            assert await relay.parts.store.ask(queue_scripts.queue_length()) == 0


async def test_who_unsubscribes_and_goes_drops_out(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url, absent_seconds=1.0) as (relay, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as survivor:
            conversation = await survivor.open_request()
            await survivor.send(Unsubscribe(conversation))
        await becomes(lambda: relay.parts.store.ask(queue_scripts.queue_length()), 0)


async def test_who_leaves_as_the_first_before_she_is_answered_counts_as_given_up(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """She gives up while somebody has her on a lease, who then leaves too: nobody has answered."""
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url, lease_seconds=0.5) as (relay, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as staff, frame_client(url) as survivor:
            await staff.authenticate(organisation.staff())
            conversation = await survivor.open_request()
            await staff.claim(conversation)
            await survivor.ask(Leave(7, conversation), Done)
            await staff.ask(Leave(8, conversation), Done)
            await becomes(lambda: relay.parts.store.ask(queue_scripts.request_state(conversation)), None)
        relay.parts.routing.board.flush()
        today = relay.parts.routing.board._dates(time.time())[0]
        counts = routing_scripts.day_counts(await relay.parts.store.ask(routing_scripts.read_day(today)))
        assert counts == {"opened": 1, "abandoned": 1}
