"""Whoever is available is offered requests, whatever the store has lost or forgotten meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from support.clients.frame_client import FrameClient, frame_client
from support.eventually import becomes, eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_server.redis_store import queue_scripts
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import (
    AnswerOffer,
    Availability,
    Claimed,
    Done,
    Offer,
    OpenRequest,
    RequestDetails,
    RequestOpened,
    SetAvailability,
)


async def _ask(survivor: FrameClient) -> bytes:
    asking = OpenRequest(1, survivor.capability, b"key package", RequestDetails())
    return (await survivor.ask(asking, RequestOpened)).conversation_id


async def _is_offered(staff: FrameClient, request: bytes, within: float = 8.0) -> None:
    async with asyncio.timeout(within):
        assert (await staff.expect(Offer)).conversation_id == request


async def test_who_has_waited_longer_than_the_retention_is_offered_requests(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url, routing={"mode": "offer"}, retention_hours=2 / 3600) as (_, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as staff, frame_client(url) as survivor:
            await staff.authenticate(organisation.staff())
            await staff.ask(SetAvailability(1, Availability.AVAILABLE, 2), Done)
            await asyncio.sleep(3)
            # Those who wait are kept for two seconds likewise, and asked for anew.
            await _is_offered(staff, await _ask(survivor), 1.8)


async def test_who_was_available_before_the_store_began_anew_is_offered_requests(
    organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    with start_valkey(durability=Durability.MEMORY) as valkey:
        async with relay_here(path, valkey.url, routing={"mode": "offer"}) as (relay, url):
            await organisation.publish_revocations(url)
            async with frame_client(url) as staff, frame_client(url) as survivor:
                await staff.authenticate(organisation.staff())
                await staff.ask(SetAvailability(1, Availability.AVAILABLE, 2), Done)
                valkey.kill()
                await eventually(lambda: not relay.parts.store.available)
                valkey.revive()
                await eventually(lambda: relay.parts.store.available)
                await _is_offered(staff, await _ask(survivor))


async def test_who_says_that_she_is_available_while_the_store_is_away_is_offered_requests(
    organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    with start_valkey(durability=Durability.AOF) as valkey:
        async with relay_here(path, valkey.url, routing={"mode": "offer"}) as (relay, url):
            await organisation.publish_revocations(url)
            async with frame_client(url) as staff, frame_client(url) as survivor:
                await staff.authenticate(organisation.staff())
                valkey.kill()
                await eventually(lambda: not relay.parts.store.available)
                await staff.ask(SetAvailability(1, Availability.AVAILABLE, 2), Done)
                valkey.revive()
                await eventually(lambda: relay.parts.store.available)
                await _is_offered(staff, await _ask(survivor))


async def test_lease_that_ends_gives_the_only_seat_back(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """As test_lease_that_ends_gives_the_seat_back, which has a second seat."""
    path = organisation.write(tmp_path)
    async with (
        relay_here(path, valkey.url, routing={"mode": "offer"}, lease_seconds=0.3) as (_, url),
        AsyncExitStack() as stack,
    ):
        await organisation.publish_revocations(url)
        staff = await stack.enter_async_context(frame_client(url))
        survivor = await stack.enter_async_context(frame_client(url))
        await staff.authenticate(organisation.staff())
        await staff.ask(SetAvailability(1, Availability.AVAILABLE, 1), Done)
        request = await _ask(survivor)
        for ref in (5, 6):
            await _is_offered(staff, request)
            await staff.ask(AnswerOffer(ref, request, True), Claimed)


async def test_who_says_anew_how_many_she_takes_while_the_store_is_away_is_offered_requests(
    organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """The store still knows what she had said before, and that all of it is taken."""
    path = organisation.write(tmp_path)
    with start_valkey(durability=Durability.AOF) as valkey:
        async with relay_here(path, valkey.url, routing={"mode": "offer"}) as (relay, url):
            await organisation.publish_revocations(url)
            async with frame_client(url) as staff, frame_client(url) as first, frame_client(url) as second:
                await staff.authenticate(organisation.staff())
                await staff.ask(SetAvailability(1, Availability.AVAILABLE, 1), Done)
                request = await _ask(first)
                await _is_offered(staff, request)
                await staff.ask(AnswerOffer(5, request, True), Claimed)
                await staff.append(request, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
                await becomes(lambda: relay.parts.store.ask(queue_scripts.request_state(request)), b"taken")
                valkey.kill()
                await eventually(lambda: not relay.parts.store.available)
                await staff.ask(SetAvailability(6, Availability.AVAILABLE, 1), Done)
                valkey.revive()
                await eventually(lambda: relay.parts.store.available)
                await _is_offered(staff, await _ask(second))
