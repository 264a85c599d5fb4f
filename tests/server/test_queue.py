"""The queue as clients see it: order, positions, claims under a race, leases that end, survivors who
vanish.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from support.clients.frame_client import FrameClient, connect, frame_client, talking_pair
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_server.redis_store import scripts
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import (
    Append,
    Availability,
    CancelRequest,
    Claim,
    Claimed,
    Done,
    Error,
    ErrorCode,
    Leave,
    MembershipEnded,
    OpenRequest,
    QueueChanged,
    QueueListing,
    QueuePosition,
    RequestDetails,
    RequestOpened,
    SetAvailability,
    Subscribe,
    Urgency,
    WatchQueue,
)


@pytest.fixture
async def hasty_url(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> AsyncIterator[str]:
    """A relay whose leases and patience are short."""
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url, lease_seconds=0.3, absent_seconds=0.3) as (_, url):
        await organisation.publish_revocations(url)
        yield url


async def _position(client: FrameClient, wanted: int) -> None:
    while (await client.expect(QueuePosition)).position != wanted:
        pass


async def test_claimed_request_carries_what_the_survivor_gave(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    details = RequestDetails("medical", "id", None, "west", Urgency.URGENT)
    async with frame_client(relay_url) as survivor, frame_client(relay_url) as staff:
        await survivor.ask(OpenRequest(1, survivor.capability, b"her key package", details), RequestOpened)
        await staff.authenticate(organisation.staff())
        claimed = await staff.claim()
        assert (claimed.key_package, claimed.details, claimed.member) == (b"her key package", details, 1)


@pytest.mark.parametrize("said", [Urgency.NORMAL, None])
async def test_whether_she_said_that_it_is_not_urgent_is_told_to_staff_and_changes_no_place(
    relay_url: str, organisation: RelayOrganisation, said: Urgency | None
) -> None:
    """Who says nothing and who says "not urgent" are served by when they came."""
    first = RequestDetails(is_urgency_said=said is None)
    second = RequestDetails(is_urgency_said=said is not None)
    async with (
        frame_client(relay_url) as early,
        frame_client(relay_url) as late,
        frame_client(relay_url) as staff,
    ):
        await staff.authenticate(organisation.staff())
        await staff.ask(SetAvailability(5, Availability.AVAILABLE, 2), Done)
        await staff.ask(WatchQueue(6), Done)
        await early.ask(OpenRequest(1, early.capability, b"early", first), RequestOpened)
        await late.ask(OpenRequest(1, late.capability, b"late", second), RequestOpened)
        listed: list[RequestDetails] = []
        while len(listed) < 2:
            listed = [each.details for each in (await staff.expect(QueueListing)).requests]
        assert listed == [first, second]
        claimed = [await staff.claim(), await staff.claim()]
        assert [each.key_package for each in claimed] == [b"early", b"late"]
        assert claimed[1].details.urgency_said is said


async def test_positions_move_up_and_reach_zero_when_claimed(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with (
        frame_client(relay_url) as first,
        frame_client(relay_url) as second,
        frame_client(relay_url) as staff,
    ):
        await first.open_request()
        opened = await second.ask(OpenRequest(1, second.capability, b"kp"), RequestOpened)
        assert opened.position == 2
        await staff.authenticate(organisation.staff())
        await staff.claim()
        await _position(first, 0)
        await _position(second, 1)


async def test_under_a_race_every_request_goes_to_one_device(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with aiohttp.ClientSession() as session:
        survivors = [await connect(session, relay_url) for _ in range(10)]
        staff = [await connect(session, relay_url) for _ in range(15)]
        conversations = [await survivor.open_request() for survivor in survivors]
        for client in staff:
            await client.authenticate(organisation.staff())
        answers = await asyncio.gather(*(_claim_or_error(client) for client in staff))
        claimed = [answer.conversation_id for answer in answers if isinstance(answer, Claimed)]
        refused = [answer.code for answer in answers if isinstance(answer, Error)]
        assert sorted(claimed) == sorted(conversations)
        assert refused == [ErrorCode.QUEUE_EMPTY] * 5
        for client in (*survivors, *staff):
            await client.socket.close()


async def _claim_or_error(client: FrameClient) -> Claimed | Error:
    await client.send(Claim(1))
    while True:
        frame = await client.receive()
        if isinstance(frame, Claimed | Error):
            return frame


async def test_claim_of_a_request_that_is_gone_is_refused(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with frame_client(relay_url) as staff:
        await staff.authenticate(organisation.staff())
        refused = await staff.ask(Claim(7, bytes(16)), Error)
        assert (refused.code, refused.ref) == (ErrorCode.REQUEST_GONE, 7)


async def test_repeated_open_request_is_the_same_request(relay_url: str) -> None:
    async with frame_client(relay_url) as survivor, frame_client(relay_url) as again:
        conversation = await survivor.open_request()
        again.capability = survivor.capability
        assert await again.open_request(b"another key package") == conversation


async def test_nothing_is_lost_where_the_store_has_forgotten_how_members_are_made(
    relay_url: str, valkey: EmbeddedValkey, organisation: RelayOrganisation
) -> None:
    """And has not forgotten the script that looks for them, which is sent in the same write."""
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()
    await store.ask((b"SCRIPT", b"FLUSH"))
    for script in (scripts.OPEN_REQUEST, scripts.CLAIM_REQUEST, scripts.SUBSCRIBE):
        await store.ask((b"SCRIPT", b"LOAD", script.source))
    await store.close()
    async with frame_client(relay_url) as survivor, frame_client(relay_url) as staff:
        conversation = await survivor.open_request()
        await staff.authenticate(organisation.staff())
        assert (await staff.claim()).conversation_id == conversation


async def test_full_queue_lets_nobody_in_and_leaves_nobody_behind(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    async with (
        relay_here(path, valkey.url, waiting_requests=1) as (relay, url),
        frame_client(url) as first,
        frame_client(url) as second,
    ):
        conversation = await first.open_request()
        refused = await second.ask(OpenRequest(7, second.capability, b"kp"), Error)
        assert (refused.code, refused.ref) == (ErrorCode.TOO_MANY, 7)
        assert [each.id for each in relay.parts.delivery.conversations] == [conversation]
        assert await first.open_request() == conversation


async def test_lease_without_commit_ends_and_the_request_keeps_its_place(
    hasty_url: str, organisation: RelayOrganisation
) -> None:
    async with (
        frame_client(hasty_url) as first,
        frame_client(hasty_url) as second,
        frame_client(hasty_url) as staff,
        frame_client(hasty_url) as other,
    ):
        conversation = await first.open_request()
        await second.open_request()
        await staff.authenticate(organisation.staff())
        await staff.claim()
        assert (await staff.expect(MembershipEnded)).conversation_id == conversation
        await _position(first, 1)
        refused = await staff.ask(Append(conversation, 1, 1, 0, b"too late"), Error)
        assert refused.code is ErrorCode.UNKNOWN_CONVERSATION
        await other.authenticate(organisation.staff())
        assert (await other.claim()).conversation_id == conversation


async def test_lease_with_a_commit_does_not_end(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """Of two that were taken, one after the other, the one without a commit ends."""
    async with relay_here(organisation.write(tmp_path), valkey.url, lease_seconds=2) as (_, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as first, frame_client(url) as second, frame_client(url) as staff:
            conversation, other = await first.open_request(), await second.open_request()
            await staff.authenticate(organisation.staff())
            await staff.claim(conversation)
            await staff.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
            await staff.claim(other)
            assert (await staff.expect(MembershipEnded)).conversation_id == other
            assert (await staff.append(conversation, 2, b"still here")).seq == 3


async def test_survivor_who_vanishes_drops_out_and_who_stays_does_not(
    hasty_url: str, organisation: RelayOrganisation
) -> None:
    async with frame_client(hasty_url) as staying, frame_client(hasty_url) as staff:
        async with frame_client(hasty_url) as vanishing:
            await vanishing.open_request()
            opened = await staying.ask(OpenRequest(1, staying.capability, b"kp"), RequestOpened)
            assert opened.position == 2
        await _position(staying, 1)
        await staff.authenticate(organisation.staff())
        assert (await staff.claim()).conversation_id == opened.conversation_id


async def test_survivor_who_comes_back_in_time_keeps_her_place(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url, absent_seconds=30) as (_, url):
        async with frame_client(url) as gone:
            conversation = await gone.open_request()
        async with frame_client(url) as behind, frame_client(url) as back:
            await behind.open_request()
            await back.subscribe(conversation, 0, gone.capability)
            await _position(back, 1)


async def test_capability_of_a_conversation_that_was_left_opens_nothing(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
        await survivor.ask(Leave(5, conversation), Done)
        refused = await survivor.ask(OpenRequest(6, survivor.capability, b"kp"), Error)
        assert (refused.code, refused.ref) == (ErrorCode.REQUEST_GONE, 6)


async def test_cancelled_request_is_not_claimed(relay_url: str, organisation: RelayOrganisation) -> None:
    async with frame_client(relay_url) as survivor, frame_client(relay_url) as staff:
        conversation = await survivor.open_request()
        await survivor.ask(CancelRequest(4, conversation), Done)
        await staff.authenticate(organisation.staff())
        assert (await staff.ask(Claim(1), Error)).code is ErrorCode.QUEUE_EMPTY


async def test_nobody_cancels_the_request_of_another(relay_url: str) -> None:
    async with frame_client(relay_url) as survivor, frame_client(relay_url) as stranger:
        conversation = await survivor.open_request()
        refused = await stranger.ask(CancelRequest(4, conversation), Error)
        assert refused.code is ErrorCode.UNKNOWN_CONVERSATION
        refused = await stranger.ask(Subscribe(5, conversation, 0, stranger.capability), Error)
        assert refused.code is ErrorCode.UNKNOWN_CONVERSATION


async def test_available_staff_hear_how_many_wait(relay_url: str, organisation: RelayOrganisation) -> None:
    async with frame_client(relay_url) as survivor, frame_client(relay_url) as staff:
        await staff.authenticate(organisation.staff())
        await staff.ask(SetAvailability(1, Availability.AVAILABLE, 3), Done)
        assert (await staff.expect(QueueChanged)).waiting == 0
        await survivor.open_request()
        while (await staff.expect(QueueChanged)).waiting != 1:
            pass


async def test_relay_started_anew_finds_the_queue_as_it_was(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url) as (_, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as survivor:
            conversation = await survivor.open_request()
    async with relay_here(path, valkey.url) as (_, url), frame_client(url) as staff:
        await staff.authenticate(organisation.staff())
        assert (await staff.claim()).conversation_id == conversation
