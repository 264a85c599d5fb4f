"""What those who wait and those who help are told of the queue, and nobody else."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.clients.frame_client import FrameClient, frame_client
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_crypto.credentials import Role
from teduh_server.redis_store import keys, routing_scripts
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.routing.board import SMALLEST_COUNT, board_day, suppressed, tallies
from teduh_signaling.relay.frames import (
    Availability,
    Board,
    CancelRequest,
    Done,
    Error,
    ErrorCode,
    Leave,
    OpeningTime,
    OpenRequest,
    QueueListing,
    QueuePosition,
    RequestDetails,
    RequestOpened,
    SetAvailability,
    Tally,
    Urgency,
    WatchBoard,
    WatchQueue,
)


@pytest.fixture
async def staffed_url(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> AsyncIterator[str]:
    """A relay that knows its opening hours: never within a day of now, on the day after tomorrow."""
    path = organisation.write(tmp_path)
    day = time.strftime("%A", time.gmtime(time.time() + 2 * 24 * 3600)).lower()
    path.write_text(path.read_text() + f'[opening]\ntime_zone = "UTC"\n{day} = ["12:00-13:00"]\n')
    async with relay_here(path, valkey.url) as (_, url):
        await organisation.publish_revocations(url)
        yield url


async def _available(client: FrameClient, organisation: RelayOrganisation) -> None:
    await client.authenticate(organisation.staff())
    await client.ask(SetAvailability(1, Availability.AVAILABLE, 3), Done)


async def _listing(client: FrameClient, count: int) -> QueueListing:
    while True:
        listing = await client.expect(QueueListing)
        if len(listing.requests) == count:
            return listing


async def test_listing_is_in_the_order_of_service_and_says_what_she_chose(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    details = RequestDetails("medical", "id", "female", "west", Urgency.URGENT)
    async with (
        frame_client(relay_url) as first,
        frame_client(relay_url) as second,
        frame_client(relay_url) as staff,
    ):
        await staff.authenticate(organisation.staff())
        await staff.ask(WatchQueue(6), Done)
        assert (await _listing(staff, 0)).waiting == 0
        early = await first.open_request()
        urgent = await second.ask(OpenRequest(1, second.capability, b"kp", details), RequestOpened)
        listing = await _listing(staff, 2)
        assert listing.waiting == 2
        assert [each.conversation_id for each in listing.requests] == [urgent.conversation_id, early]
        assert listing.requests[0].details == details
        await staff.claim(early)
        assert (await _listing(staff, 1)).requests[0].conversation_id == urgent.conversation_id


async def test_listing_marks_who_comes_back_for_whoever_was_with_her_alone(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with (
        frame_client(relay_url) as survivor,
        frame_client(relay_url) as again,
        frame_client(relay_url) as known,
        frame_client(relay_url) as other,
    ):
        for client in (known, other):
            await client.authenticate(organisation.staff())
        conversation = await survivor.open_request()
        await known.claim(conversation)
        await known.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
        await known.ask(Leave(4, conversation), Done)
        token = (await survivor.ask(Leave(4, conversation), Done)).continuation
        for client in (known, other):
            await client.ask(WatchQueue(6), Done)
        asking = OpenRequest(1, again.capability, b"kp", continues=survivor.capability, continuation=token)
        await again.ask(asking, RequestOpened)
        assert [each.known for each in (await _listing(known, 1)).requests] == [True]
        assert [each.known for each in (await _listing(other, 1)).requests] == [False]


async def test_listing_stops_when_it_is_watched_no_more(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with frame_client(relay_url) as survivor, frame_client(relay_url) as staff:
        await staff.authenticate(organisation.staff())
        await staff.ask(WatchQueue(6), Done)
        await _listing(staff, 0)
        await staff.ask(WatchQueue(7, False), Done)
        # One that was on its way when it was said.
        staff.seen.clear()
        async with frame_client(relay_url) as other:
            await other.authenticate(organisation.staff())
            await other.ask(WatchQueue(6), Done)
            await survivor.open_request()
            await _listing(other, 1)
        await staff.ask(SetAvailability(8, Availability.AWAY), Done)
        assert not [frame for frame in staff.seen if isinstance(frame, QueueListing)]


async def _were_taken(valkey: EmbeddedValkey, *minutes_ago: int) -> None:
    """As many requests, then."""
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()
    now = int(time.time() * 1000)
    for minutes in minutes_ago:
        await store.ask((b"LPUSH", keys.QUEUE_TAKEN, now - minutes * 60_000))
    assert len(routing_scripts.seconds(await store.ask(routing_scripts.taken_times()))) >= len(minutes_ago)
    await store.close()


async def test_estimate_comes_with_the_position_once_enough_is_known(
    relay_url: str, valkey: EmbeddedValkey, organisation: RelayOrganisation
) -> None:
    await _were_taken(valkey, *range(1, 31))
    async with frame_client(relay_url) as staff, frame_client(relay_url) as survivor:
        await _available(staff, organisation)
        await survivor.open_request()
        while (told := await survivor.expect(QueuePosition)).least_seconds is None:
            pass
        assert told.position == 1
        assert told.most_seconds is not None
        assert 0 <= told.least_seconds <= 120 < told.most_seconds


async def test_she_whom_nobody_takes_is_promised_nothing_by_the_pace_of_others(
    relay_url: str, valkey: EmbeddedValkey, organisation: RelayOrganisation
) -> None:
    """Whoever is there speaks no language of hers, say: three who came later are taken, and she waits on."""
    await _were_taken(valkey, *range(1, 31))
    async with (
        frame_client(relay_url) as staff,
        frame_client(relay_url) as survivor,
        frame_client(relay_url) as other,
    ):
        await _available(staff, organisation)
        await survivor.open_request()
        while (told := await survivor.expect(QueuePosition)).least_seconds is None:
            pass
        # In two minutes, that is.
        await _were_taken(valkey, -2, -2, -2)
        await other.open_request()
        told = await survivor.expect(QueuePosition)
        assert (told.position, told.least_seconds, told.most_seconds) == (1, None, None)


async def test_nobody_is_promised_a_time_while_nobody_takes_requests(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with frame_client(relay_url) as survivor, frame_client(relay_url) as staff:
        await survivor.open_request()
        assert (await survivor.expect(OpeningTime)).opens is None
        await _available(staff, organisation)
        assert (await survivor.expect(OpeningTime)).opens == 0
        await staff.socket.close()
        assert (await survivor.expect(OpeningTime)).opens is None


async def test_she_is_told_when_somebody_will_be_there(staffed_url: str) -> None:
    async with frame_client(staffed_url) as survivor:
        await survivor.open_request()
        opens = (await survivor.expect(OpeningTime)).opens
        assert opens is not None
        assert time.gmtime(opens)[3:5] == (12, 0)
        assert opens > time.time()


@pytest.mark.parametrize("said", [Availability.AVAILABLE, Availability.BUSY])
async def test_whoever_has_gone_home_by_the_clock_promises_nobody_anything(
    staffed_url: str, organisation: RelayOrganisation, said: Availability
) -> None:
    """She forgot to say that she is away; nothing is offered to her, so there is nothing to wait for."""
    now = int(time.time())
    async with frame_client(staffed_url) as survivor, frame_client(staffed_url) as staff:
        await staff.authenticate(organisation.staff())
        await staff.ask(SetAvailability(1, said, 3, until=now - 1), Done)
        await survivor.open_request()
        opens = (await survivor.expect(OpeningTime)).opens
        assert opens is not None
        assert opens > now
        await staff.ask(SetAvailability(2, said, 3, until=now + 3600), Done)
        assert (await survivor.expect(OpeningTime)).opens == 0


async def test_board_is_for_supervisors(relay_url: str, organisation: RelayOrganisation) -> None:
    async with frame_client(relay_url) as staff:
        await staff.authenticate(organisation.staff())
        refused = await staff.ask(WatchBoard(6), Error)
        assert (refused.code, refused.ref) == (ErrorCode.NOT_PERMITTED, 6)


async def test_board_counts_who_waits_who_is_there_and_what_became_of_requests(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with (
        frame_client(relay_url) as supervisor,
        frame_client(relay_url) as staff,
        frame_client(relay_url) as survivors,
    ):
        await _available(staff, organisation)
        for ref in range(6):
            details = RequestDetails(language="id" if ref else "en")
            asking = OpenRequest(ref, bytes([ref]) * 32, b"kp", details)
            await survivors.ask(asking, RequestOpened)
        claimed = await staff.claim()
        await staff.append(claimed.conversation_id, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
        await supervisor.authenticate(organisation.staff("Ratna", Role.SUPERVISOR))
        await supervisor.ask(WatchBoard(6), Done)
        # What became of the request is counted a moment after the commit.
        while (board := await supervisor.expect(Board)).days[0].answered == 0:
            pass
        assert (board.waiting, board.active, board.available, board.away) == (5, 1, 1, 1)
        assert (board.goal_seconds, board.load) == (60, 1)
        assert board.languages == (Tally("id", 5),)
        assert board.needs == (Tally(None, 5),)
        assert (board.days[0].opened, board.days[0].abandoned) == (6, 0)
        assert (board.days[0].answered, board.days[0].within_goal) == (None, None)


async def test_board_tells_late_answers_from_those_within_the_goal_and_from_who_gave_up(
    relay_url: str, valkey: EmbeddedValkey, organisation: RelayOrganisation
) -> None:
    """With as many of each as may be shown; the longest wait is that of who still waits."""
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()

    async def let_wait(request: bytes, seconds: int) -> None:
        opened = b"%d" % ((time.time() - seconds) * 1_000_000)
        await store.ask((b"HSET", keys.queue_request(request), b"opened", opened))

    async with (
        frame_client(relay_url) as supervisor,
        frame_client(relay_url) as staff,
        frame_client(relay_url) as prompt,
        frame_client(relay_url) as patient,
        frame_client(relay_url) as impatient,
    ):
        await staff.authenticate(organisation.staff())
        await staff.ask(SetAvailability(1, Availability.AVAILABLE, 20), Done)

        async def ask(survivors: FrameClient, first: int, count: int) -> list[bytes]:
            asking = [OpenRequest(ref, bytes([ref]) * 32, b"kp") for ref in range(first, first + count)]
            return [(await survivors.ask(each, RequestOpened)).conversation_id for each in asking]

        in_time, given_up = await ask(prompt, 0, 6), await ask(impatient, 6, 6)
        waiting, *late = await ask(patient, 12, 6)
        for request in late:
            await let_wait(request, 61)
        for request in in_time + late:
            await staff.claim(request)
            await staff.append(request, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
        for request in given_up:
            await impatient.ask(CancelRequest(99, request), Done)
        await let_wait(waiting, 300)
        await supervisor.authenticate(organisation.staff("Ratna", Role.SUPERVISOR))
        await supervisor.ask(SetAvailability(1, Availability.BUSY, 0), Done)
        await supervisor.ask(WatchBoard(6), Done)
        # What became of a request is counted a moment after the commit.
        while (board := await supervisor.expect(Board)).days[0].answered != 11:
            pass
        day = board.days[0]
        assert (day.opened, day.within_goal, day.abandoned) == (18, 6, 6)
        assert (board.available, board.busy, board.away) == (1, 1, 0)
        assert (board.seats, board.load, board.waiting) == (9, 11, 1)
        assert 300 <= board.longest_wait_seconds < 400
    await store.close()


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, None), (4, None), (5, 5), (70, 70)])
def test_count_that_could_be_a_person_is_not_shown(count: int, shown: int | None) -> None:
    assert SMALLEST_COUNT == 5
    assert suppressed(count) == shown


def test_small_tallies_come_in_no_order_of_their_size() -> None:
    names = ["b"] * 4 + ["a"] + ["c"] * 9 + [None] * 5
    assert tallies(names) == (Tally("c", 9), Tally(None, 5), Tally("a", None), Tally("b", None))


def test_day_shows_what_was_counted() -> None:
    day = board_day("2026-03-08", {"opened": 40, "answered": 3})
    assert (day.opened, day.answered, day.within_goal, day.abandoned) == (40, None, 0, 0)


async def test_whoever_subscribes_as_well_is_still_told_that_somebody_has_come(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    """Her request has told her that nobody is there; what she follows anew is not forgotten for that."""
    async with frame_client(relay_url) as survivor, frame_client(relay_url) as staff:
        conversation = await survivor.open_request()
        assert (await survivor.expect(OpeningTime)).opens is None
        await survivor.subscribe(conversation, capability=survivor.capability)
        await _available(staff, organisation)
        assert (await survivor.expect(OpeningTime)).opens == 0
