"""A survivor who looks for somebody else keeps her conversation, and can add nobody but who has taken it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from support.clients.frame_client import FrameClient, frame_client, talking_pair
from support.organisation.relay_organisation import RelayOrganisation, StaffDevice
from support.relay.relay_process import relay_here
from teduh_crypto.credentials import Role
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.keys import QUEUE_LEASES, ConversationKeys, queue_request
from teduh_server.routing.queue_news import AGAIN_SECONDS
from teduh_signaling.relay.frames import (
    AnswerOffer,
    AnyClientFrame,
    Append,
    Availability,
    Board,
    BoardDay,
    CancelRequest,
    Claim,
    Claimed,
    Done,
    Error,
    ErrorCode,
    InboxItem,
    KeyPackage,
    Leave,
    MembershipEnded,
    Offer,
    OpenRequest,
    PublishKeyPackages,
    QueuePosition,
    RequestDetails,
    RequestOpened,
    RequestReassignment,
    SetAvailability,
    StaffReachable,
    Urgency,
    WatchBoard,
)

DETAILS = RequestDetails("medical", "id", None, None, Urgency.NORMAL, is_urgency_said=True)


@asynccontextmanager
async def _colleague(url: str, device: StaffDevice) -> AsyncIterator[FrameClient]:
    async with frame_client(url) as colleague:
        await colleague.authenticate(device)
        await colleague.ask(PublishKeyPackages(1, (b"package 1", b"package 2")), Done)
        yield colleague


async def _position(client: FrameClient, wanted: int) -> None:
    while (await client.expect(QueuePosition)).position != wanted:
        pass


async def _nothing_waits_for(staff: FrameClient) -> None:
    await _refused(staff, Claim(99), ErrorCode.QUEUE_EMPTY)


async def _refused(client: FrameClient, frame: AnyClientFrame, code: ErrorCode) -> None:
    assert (await client.ask(frame, Error)).code is code


@asynccontextmanager
async def _beside(
    url: str,
    organisation: RelayOrganisation,
    other: StaffDevice | None = None,
    *,
    own: StaffDevice | None = None,
    at: str | None = None,
) -> AsyncIterator[tuple[FrameClient, FrameClient, FrameClient, bytes]]:
    """A survivor and her counselor in a conversation, a colleague who is not in it (perhaps at another node),
    and the conversation.
    """
    async with (
        talking_pair(url, own or organisation.staff()) as (survivor, staff, conversation),
        _colleague(at or url, other or organisation.staff("Budi")) as colleague,
    ):
        yield survivor, staff, colleague, conversation


async def _found(
    seeker: FrameClient, conversation: bytes, colleague: FrameClient, device: StaffDevice
) -> None:
    """The colleague takes it, is no member yet, and can be added."""
    claimed = await colleague.claim()
    assert (claimed.conversation_id, claimed.details) == (conversation, DETAILS)
    assert (claimed.key_package, claimed.member, claimed.epoch) == (b"", 0, 1)
    await _position(seeker, 0)
    found = await seeker.ask(RequestReassignment(6, conversation, DETAILS), KeyPackage)
    assert (found.device_id, found.key_package) == (device.id, b"package 1")


async def _goes_on(survivor: FrameClient, staff: FrameClient, conversation: bytes) -> None:
    await staff.append(conversation, 2, b"I am back")
    assert (await survivor.entries(1))[0].payload == b"I am back"


def _commit(
    conversation: bytes, added: tuple[bytes, ...], removed: tuple[bytes, ...] = (), counter: int = 1
) -> Append:
    return Append(conversation, counter, 1, 1, b"commit", b"welcome", added, removed)


async def test_she_keeps_her_conversation_and_adds_who_has_taken_it(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    dead, device = organisation.staff(), organisation.staff()
    async with _beside(relay_url, organisation, device, own=dead) as (
        survivor,
        staff,
        colleague,
        conversation,
    ):
        await survivor.ask(RequestReassignment(5, conversation, DETAILS), Done)
        await _found(survivor, conversation, colleague, device)
        # Asking again uses up none of the colleague's key packages.
        assert (
            await survivor.ask(RequestReassignment(7, conversation), KeyPackage)
        ).key_package == b"package 1"
        added, removed = (device.id,), (dead.id,)
        await survivor.append(
            conversation, 1, b"commit", kind=1, welcome=b"welcome", added=added, removed=removed
        )
        assert (await colleague.expect(InboxItem)).conversation_id == conversation
        await staff.expect(MembershipEnded)
        await colleague.subscribe(conversation, 3)
        assert (await colleague.entries(1))[0].payload == b"welcome"
        # It waits no more.
        await _nothing_waits_for(colleague)


async def test_who_has_been_told_who_has_taken_it_is_not_told_again_that_it_is_taken(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    """Her device asks again whenever it is told; answered by the same news it would never stop."""
    device = organisation.staff()
    async with _beside(relay_url, organisation, device) as (survivor, _, colleague, conversation):
        await survivor.ask(RequestReassignment(5, conversation, DETAILS), Done)
        await _found(survivor, conversation, colleague, device)
        await survivor.ask(RequestReassignment(7, conversation), KeyPackage)
        with pytest.raises(TimeoutError):
            await survivor.receive(within=1)


async def test_a_device_without_a_key_package_is_asked_for_again_until_it_has_one(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    device = organisation.staff()
    async with (
        _beside(relay_url, organisation) as (survivor, _, _, conversation),
        frame_client(relay_url) as hasty,
    ):
        await hasty.authenticate(device)
        await survivor.ask(RequestReassignment(5, conversation), Done)
        await hasty.claim()
        await _position(survivor, 0)
        await survivor.ask(RequestReassignment(6, conversation), Done)
        await hasty.ask(PublishKeyPackages(1, (b"package 1",)), Done)
        await _position(survivor, 0)
        found = await survivor.ask(RequestReassignment(7, conversation), KeyPackage)
        assert (found.device_id, found.key_package) == (device.id, b"package 1")


async def test_until_then_she_asks_once_a_second_and_no_more_often(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    """Also where the queue changes all the time, as others ask for help."""
    async with (
        _beside(relay_url, organisation) as (survivor, _, _, conversation),
        frame_client(relay_url) as hasty,
        frame_client(relay_url) as other,
    ):
        await hasty.authenticate(organisation.staff())
        await survivor.ask(RequestReassignment(5, conversation), Done)
        await hasty.claim()
        began, asked = time.monotonic(), 0
        for ref in range(10, 13):
            await _position(survivor, 0)
            await survivor.ask(RequestReassignment(ref, conversation), Done)
            asked += 1
            request = await other.ask(OpenRequest(ref, other.capability, b"key package"), RequestOpened)
            await other.ask(CancelRequest(ref, request.conversation_id), Done)
        # The first time she is told at once.
        assert asked - 1 <= (time.monotonic() - began) / AGAIN_SECONDS


async def test_she_adds_nobody_who_has_not_taken_her_conversation(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    dead, device, stranger = organisation.staff(), organisation.staff(), organisation.staff()
    async with _beside(relay_url, organisation, device, own=dead) as (survivor, _, colleague, conversation):
        one, other, gone = (device.id,), (stranger.id,), (dead.id,)
        for commit in (_commit(conversation, one), _commit(conversation, (), gone)):
            await _refused(survivor, commit, ErrorCode.NOT_PERMITTED)
        await survivor.ask(RequestReassignment(5, conversation), Done)
        await _refused(survivor, _commit(conversation, one), ErrorCode.NOT_PERMITTED)
        await colleague.claim()
        for added in (other, one + other, ()):
            refused = await survivor.ask(_commit(conversation, added, gone), Error)
            assert (refused.code, refused.counter) == (ErrorCode.NOT_PERMITTED, 1)
        await survivor.append(conversation, 1, b"commit", kind=1, welcome=b"welcome", added=one)
        # It served once.
        again = Append(conversation, 2, 1, 2, b"commit", b"welcome", one, gone)
        await _refused(survivor, again, ErrorCode.NOT_PERMITTED)


async def test_whoever_takes_it_is_no_member_before_she_says_so(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with _beside(relay_url, organisation) as (survivor, _, colleague, conversation):
        await survivor.ask(RequestReassignment(5, conversation), Done)
        await colleague.claim()
        await _refused(colleague, Append(conversation, 1, 0, 1, b"message"), ErrorCode.UNKNOWN_CONVERSATION)


async def test_without_her_commit_it_waits_again_and_the_right_is_gone(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    device = organisation.staff()
    async with relay_here(organisation.write(tmp_path), valkey.url, consent_seconds=1) as (_, url):
        await organisation.publish_revocations(url)
        async with _beside(url, organisation, device) as (survivor, _, colleague, conversation):
            await survivor.ask(RequestReassignment(5, conversation), Done)
            await colleague.claim()
            await _position(survivor, 0)
            await _position(survivor, 1)
            assert (await colleague.expect(MembershipEnded)).conversation_id == conversation
            await _refused(survivor, _commit(conversation, (device.id,)), ErrorCode.NOT_PERMITTED)


async def test_she_can_cancel_while_it_waits_and_while_it_is_taken(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with _beside(relay_url, organisation) as (survivor, staff, colleague, conversation):
        await survivor.ask(RequestReassignment(5, conversation), Done)
        await survivor.ask(CancelRequest(6, conversation), Done)
        await _nothing_waits_for(colleague)
        await survivor.ask(RequestReassignment(8, conversation), Done)
        await colleague.claim()
        await survivor.ask(CancelRequest(9, conversation), Done)
        await _nothing_waits_for(colleague)
        # The conversation itself goes on.
        await _goes_on(survivor, staff, conversation)


async def test_the_device_that_comes_back_takes_its_own_conversation_and_nobody_is_sought(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await survivor.ask(RequestReassignment(5, conversation), Done)
        claimed = await staff.claim()
        assert (claimed.conversation_id, claimed.member, claimed.epoch) == (conversation, 1, 1)
        await _nothing_waits_for(staff)
        await _goes_on(survivor, staff, conversation)


async def test_a_conversation_that_goes_on_is_not_counted_again(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    """The day's numbers are of people who asked for help, not of their counselors' devices."""
    device = organisation.staff()
    async with (
        _beside(relay_url, organisation, device) as (survivor, staff, colleague, conversation),
        frame_client(relay_url) as supervisor,
    ):
        await supervisor.authenticate(organisation.staff("Ibu", role=Role.SUPERVISOR))

        async def board() -> Board:
            await supervisor.ask(WatchBoard(1), Done)
            shown = await supervisor.expect(Board)
            await supervisor.ask(WatchBoard(2, watching=False), Done)
            supervisor.seen.clear()
            return shown

        async def today() -> BoardDay:
            return (await board()).days[0]

        before = await today()
        # Whose counselor looks for a colleague has somebody, and does not wait; who looks herself does.
        for seeker, waiting in ((staff, 0), (survivor, 1)):
            await seeker.ask(RequestReassignment(7, conversation, DETAILS), Done)
            shown = await board()
            assert (shown.waiting, len(shown.needs), shown.sought) == (waiting, waiting, 1 - waiting)
            assert shown.days == (before,)
            await seeker.ask(CancelRequest(8, conversation), Done)
        for ref in range(10, 30, 2):
            await survivor.ask(RequestReassignment(ref, conversation), Done)
            await survivor.ask(CancelRequest(ref + 1, conversation), Done)
        await survivor.ask(RequestReassignment(5, conversation), Done)
        await colleague.claim()
        await survivor.append(conversation, 1, b"c", kind=1, welcome=b"w", added=(device.id,))
        await colleague.expect(InboxItem)
        assert await today() == before


async def test_she_is_told_when_nobody_is_connected_and_when_somebody_is_again(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """Her counselor's socket just drops; the device comes back at another node."""
    path, device = organisation.write(tmp_path), organisation.staff()
    async with (
        relay_here(path, valkey.url, unreachable_seconds=0.6) as (_, one),
        relay_here(path, valkey.url) as (_, two),
    ):
        await asyncio.gather(organisation.publish_revocations(one), organisation.publish_revocations(two))
        async with talking_pair(one, device) as (survivor, staff, conversation):
            assert await survivor.expect(StaffReachable) == StaffReachable(conversation, True)
            staff.socket._response.close()  # No Leave, no close frame.
            assert await survivor.expect(StaffReachable) == StaffReachable(conversation, False)
            async with frame_client(two) as back:
                await back.authenticate(device)
                await back.subscribe(conversation, 2)
                assert await survivor.expect(StaffReachable) == StaffReachable(conversation, True)
            assert await survivor.expect(StaffReachable) == StaffReachable(conversation, False)


async def test_how_long_staff_have_been_gone_goes_with_her_to_another_node(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """Else whoever loses her connection every half minute would never be told that nobody answers."""
    path, device = organisation.write(tmp_path), organisation.staff()
    async with (
        relay_here(path, valkey.url, unreachable_seconds=6) as (_, one),
        relay_here(path, valkey.url) as (node, two),
        Redis(unix_socket_path=str(valkey.socket_path)) as store,
    ):
        revocations = organisation.revoking()
        for url in (one, two):
            await organisation.publish_revocations(url, revocations)
        async with talking_pair(one, device) as (survivor, staff, conversation):
            state = ConversationKeys.of(conversation).state

            async def noted(*, is_noted: bool = True) -> float:
                async with asyncio.timeout(15):
                    while True:
                        seen = await store.hget(state, "s")
                        if (seen is not None) is is_noted:
                            return int(seen or 0) / 1000
                        await asyncio.sleep(0.01)

            await survivor.expect(StaffReachable)
            await noted(is_noted=False)
            staff.socket._response.close()  # No Leave, no close frame.
            gone = await noted()
            # Where the node of the staff has died with them, hers knows as well, and says so when she goes.
            await store.hdel(state, "s")
            await survivor.socket.close()
            assert gone - 60 < await noted() <= gone + 0.1
            gone = await noted()
            async with frame_client(two) as elsewhere, frame_client(one) as back:
                await elsewhere.subscribe(conversation, 2, survivor.capability)
                known = node.parts.delivery.conversation(conversation)
                assert known is not None
                assert time.time() - gone == pytest.approx(time.monotonic() - known.silent_since, abs=0.1)
                await back.authenticate(device)
                await back.subscribe(conversation, 2)
                await noted(is_noted=False)


async def test_only_a_member_of_a_conversation_that_began_may_seek(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with (
        talking_pair(relay_url, organisation.staff()) as (_, _, conversation),
        frame_client(relay_url) as waiting,
    ):
        own = await waiting.open_request()
        for wanted in (own, conversation):
            await _refused(waiting, RequestReassignment(5, wanted), ErrorCode.UNKNOWN_CONVERSATION)


async def test_staff_bring_in_whoever_takes_it_from_the_queue_and_it_waits_no_more(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    device = organisation.staff("Budi")
    async with _beside(relay_url, organisation, device) as (survivor, staff, colleague, conversation):
        await staff.ask(RequestReassignment(5, conversation, DETAILS), Done)
        # What she looks for is for others.
        await _nothing_waits_for(staff)
        await _found(staff, conversation, colleague, device)
        await staff.append(conversation, 2, b"commit", kind=1, welcome=b"welcome", added=(device.id,))
        assert (await colleague.expect(InboxItem)).conversation_id == conversation
        await staff.ask(CancelRequest(8, conversation), Done)
        await _nothing_waits_for(colleague)
        # The survivor's device heard of all that only what is in the log.
        assert (await survivor.entries(1))[0].payload == b"commit"


async def test_her_own_search_goes_before_that_of_staff(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with _beside(relay_url, organisation) as (survivor, staff, colleague, conversation):
        await staff.ask(RequestReassignment(5, conversation), Done)
        await survivor.ask(RequestReassignment(6, conversation, DETAILS), Done)
        # It is hers now: staff can neither look on nor end it.
        await _refused(staff, RequestReassignment(7, conversation), ErrorCode.NOT_PERMITTED)
        await staff.ask(CancelRequest(8, conversation), Done)
        await staff.ask(Leave(9, conversation), Done)
        assert (await colleague.claim()).details == DETAILS
        await survivor.ask(RequestReassignment(10, conversation, DETAILS), KeyPackage)


@asynccontextmanager
async def _both_inside(
    url: str, organisation: RelayOrganisation
) -> AsyncIterator[tuple[FrameClient, FrameClient, FrameClient, bytes]]:
    """A survivor, her counselor, a colleague who has been brought in, and their conversation."""
    device = organisation.staff("Budi")
    async with _beside(url, organisation, device) as (survivor, staff, colleague, conversation):
        await staff.append(conversation, 2, b"commit", kind=1, welcome=b"welcome", added=(device.id,))
        await colleague.subscribe(conversation, (await colleague.expect(InboxItem)).after)
        yield survivor, staff, colleague, conversation


async def test_who_is_in_it_already_takes_whoever_waits_behind_it(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    """Or she would end her colleague's search by a tap, and help nobody."""
    async with (
        _both_inside(relay_url, organisation) as (_, staff, colleague, conversation),
        frame_client(relay_url) as other,
        _colleague(relay_url, organisation.staff("Maya")) as third,
    ):
        await staff.ask(RequestReassignment(5, conversation, DETAILS), Done)
        waiting = await other.open_request()
        assert (await colleague.claim()).conversation_id == waiting
        await _refused(colleague, Claim(6, conversation), ErrorCode.REQUEST_GONE)
        assert (await third.claim()).conversation_id == conversation


async def test_who_is_in_it_already_is_not_offered_it(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path, own = organisation.write(tmp_path), organisation.staff(role=Role.SUPERVISOR)
    async with relay_here(path, valkey.url, routing={"mode": "offer"}) as (_, url):
        await organisation.publish_revocations(url)
        device = organisation.staff("Budi")
        async with (
            _beside(url, organisation, device, own=own) as (_, staff, colleague, conversation),
            _colleague(url, organisation.staff("Maya")) as third,
        ):
            await staff.append(conversation, 2, b"commit", kind=1, welcome=b"welcome", added=(device.id,))
            await colleague.expect(InboxItem)
            await colleague.ask(SetAvailability(3, Availability.AVAILABLE, 3), Done)
            await staff.ask(RequestReassignment(5, conversation), Done)
            await third.ask(SetAvailability(3, Availability.AVAILABLE, 3), Done)
            assert (await third.expect(Offer)).conversation_id == conversation
            await colleague.ask(SetAvailability(4, Availability.AWAY), Done)
            assert not [frame for frame in colleague.seen if isinstance(frame, Offer)]


async def test_who_looks_for_a_colleague_is_told_that_it_is_over_without_her(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    """By the survivor, to whom the search went over, or by who came in meanwhile: she asks again."""
    device = organisation.staff("Budi")
    async with _beside(relay_url, organisation, device) as (survivor, staff, colleague, conversation):
        await staff.ask(RequestReassignment(5, conversation), Done)
        await _position(staff, 1)
        await survivor.ask(RequestReassignment(6, conversation), Done)
        await survivor.ask(CancelRequest(7, conversation), Done)
        await _position(staff, 0)
        await staff.ask(RequestReassignment(8, conversation), Done)
        await _position(staff, 1)
        await staff.append(conversation, 2, b"commit", kind=1, welcome=b"welcome", added=(device.id,))
        await colleague.expect(InboxItem)
        assert (await colleague.claim()).member
        await _position(staff, 0)
        await staff.ask(RequestReassignment(9, conversation), Done)
        await _nothing_waits_for(colleague)


async def test_for_whom_has_left_no_colleague_is_sought(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with _beside(relay_url, organisation) as (survivor, staff, colleague, conversation):
        await staff.ask(RequestReassignment(5, conversation), Done)
        await _position(staff, 1)
        await survivor.ask(Leave(6, conversation), Done)
        await _position(staff, 0)
        await _refused(staff, RequestReassignment(7, conversation), ErrorCode.REQUEST_GONE)
        await _nothing_waits_for(colleague)


async def test_a_colleague_is_sought_no_longer_than_by_who_began(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with _beside(relay_url, organisation) as (_, staff, colleague, conversation):
        await staff.ask(RequestReassignment(5, conversation), Done)
        await staff.ask(CancelRequest(6, conversation), Done)
        await _nothing_waits_for(colleague)
        await staff.ask(RequestReassignment(8, conversation), Done)
        await staff.ask(Leave(9, conversation), Done)
        await _nothing_waits_for(colleague)


async def test_who_is_not_let_in_is_told_at_once_and_has_her_seat_back(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """At another node than the one where it is cancelled; by her own search, and by that of staff."""
    path, device = organisation.write(tmp_path), organisation.staff("Budi")
    async with (
        relay_here(path, valkey.url, routing={"mode": "offer"}) as (_, one),
        relay_here(path, valkey.url, routing={"mode": "offer"}) as (_, two),
    ):
        revocations = organisation.revoking()
        for url in (one, two):
            await organisation.publish_revocations(url, revocations)
        async with _beside(
            one, organisation, device, own=organisation.staff(role=Role.SUPERVISOR), at=two
        ) as (survivor, staff, colleague, conversation):
            await colleague.ask(SetAvailability(3, Availability.AVAILABLE, 1), Done)
            for seeker in (survivor, staff):
                # One seat, which must be free again for the second.
                await seeker.ask(RequestReassignment(5, conversation, RequestDetails()), Done)
                await colleague.expect(Offer)
                claimed = await colleague.ask(AnswerOffer(6, conversation, True), Claimed)
                assert (claimed.conversation_id, claimed.epoch) == (conversation, 1)
                await seeker.ask(RequestReassignment(7, conversation, RequestDetails()), KeyPackage)
                await seeker.ask(CancelRequest(8, conversation), Done)
                assert (await colleague.expect(MembershipEnded)).conversation_id == conversation
                # The right to be added is gone with it, and there is nothing left to confirm.
                async with Redis(unix_socket_path=str(valkey.socket_path)) as store:
                    assert not await store.hexists(ConversationKeys.of(conversation).state, "c")
                    assert await store.hget(queue_request(conversation), "state") == b"taken"
                    assert await store.zcard(QUEUE_LEASES) == 0
