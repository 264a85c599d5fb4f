"""Whoever was reported does not come back into the queue without asking anew: neither by looking for somebody
else, which costs no proof of work and has no turn, nor where nobody has committed before the report.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from support.clients.frame_client import FrameClient, frame_client
from support.eventually import becomes, eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_server.redis_store import queue_scripts
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import (
    Availability,
    CloseCode,
    Done,
    Error,
    ErrorCode,
    Leave,
    ReportAbuse,
    RequestDetails,
    RequestReassignment,
    SetAvailability,
    Urgency,
)

EMERGENCY = RequestDetails(urgency=Urgency.EMERGENCY)


async def _taken(staff: FrameClient, survivor: FrameClient) -> bytes:
    conversation = await survivor.open_request()
    await staff.claim(conversation)
    await staff.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
    await survivor.entries(2)
    return conversation


async def test_reported_conversation_does_not_come_back_into_the_queue(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """At whichever node; and who was not reported looks for somebody else as before."""
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url) as (one, url), relay_here(path, valkey.url) as (other, others):
        revocations = organisation.revoking()
        for each in (url, others):
            await organisation.publish_revocations(each, revocations)
        async with frame_client(url) as staff, frame_client(url) as fake, frame_client(url) as honest:
            await staff.authenticate(organisation.staff())
            await staff.ask(SetAvailability(1, Availability.AVAILABLE, 5), Done)
            reported, hers = await _taken(staff, fake), await _taken(staff, honest)
            await staff.ask(ReportAbuse(2, reported), Done)
            await staff.ask(Leave(3, reported), Done)
            for relay in (one, other):
                await eventually(partial(relay.parts.routing.abuse.reported.__contains__, reported))
            async with frame_client(others) as again:
                await again.subscribe(reported, 0, fake.capability)
                for client in (fake, again):
                    refused = await client.ask(RequestReassignment(4, reported, EMERGENCY), Error)
                    assert refused.code is ErrorCode.REQUEST_GONE
            await honest.ask(RequestReassignment(5, hers, EMERGENCY), Done)


async def test_search_that_waits_leaves_the_queue_with_a_report(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    async with relay_here(organisation.write(tmp_path), valkey.url) as (relay, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as staff, frame_client(url) as fake:
            await staff.authenticate(organisation.staff())
            reported = await _taken(staff, fake)
            await fake.ask(RequestReassignment(4, reported, EMERGENCY), Done)
            await eventually(lambda: relay.parts.queue.length == 1)
            await staff.ask(ReportAbuse(2, reported), Done)
            await eventually(lambda: relay.parts.queue.length == 0)


async def test_request_that_was_reported_before_its_first_commit_does_not_wait_again(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    async with relay_here(organisation.write(tmp_path), valkey.url, lease_seconds=1.0) as (relay, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as staff, frame_client(url) as fake:
            await staff.authenticate(organisation.staff())
            reported = await fake.open_request()
            await staff.claim(reported)
            await staff.subscribe(reported)
            await staff.ask(ReportAbuse(2, reported), Done)
            assert await fake.closed() == CloseCode.TRY_AGAIN_LATER
            await becomes(lambda: relay.parts.store.ask(queue_scripts.request_state(reported)), None)
