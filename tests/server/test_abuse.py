"""A request that staff report takes along all that waits from its source, and makes the next ones dearer."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from support.clients.frame_client import FrameClient, frame_client
from support.clients.sdk_people import until
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here, worker_here
from teduh_sdk import Survivor, events
from teduh_server.app import Relay
from teduh_server.cluster.sibling_workers import WorkerMailboxes
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.routing.abuse import _BURST
from teduh_signaling.relay import proof_of_work
from teduh_signaling.relay.frames import (
    CloseCode,
    Done,
    Error,
    ErrorCode,
    OpenRequest,
    ReportAbuse,
    RequestDetails,
    RequestOpened,
)

FAKES, HERS = "127.0.7.1", "127.0.7.2"
REPORTED_ATTEMPTS = 128


async def _price(url: str, address: str = FAKES) -> int:
    """How many attempts a request from there takes; it is not opened."""
    async with frame_client(url, address) as client:
        await client.send(OpenRequest(1, client.capability, b"kp"))
        answer = await client.receive()
        if isinstance(answer, RequestOpened):
            return 0
        assert isinstance(answer, Error)
        assert answer.price is not None
        return answer.price.puzzles << answer.price.bits


async def _taken(staff: FrameClient, survivor: FrameClient) -> bytes:
    conversation = await survivor.open_request()
    await staff.claim(conversation)
    await staff.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
    await survivor.entries(2)
    return conversation


async def _report(staff: FrameClient, conversation: bytes) -> None:
    await staff.ask(ReportAbuse(8, conversation), Done)


def _waiting(relay: Relay) -> int:
    return len(relay.parts.routing.news.waiting_here)


async def test_all_that_waits_from_the_same_source_leaves_the_queue_and_nobody_else(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """Reported at another node than the one that took it in."""
    path = organisation.write(tmp_path)
    async with (
        relay_here(path, valkey.url) as (relay, url),
        relay_here(path, valkey.url) as (_, staffs),
        AsyncExitStack() as stack,
    ):
        revocations = organisation.revoking()
        for each in (url, staffs):
            await organisation.publish_revocations(each, revocations)
        first = await stack.enter_async_context(frame_client(url, FAKES))
        staff = await stack.enter_async_context(frame_client(staffs))
        await staff.authenticate(organisation.staff())
        conversation = await _taken(staff, first)
        fakes = [await stack.enter_async_context(frame_client(url, FAKES)) for _ in range(100)]
        for fake in fakes:
            await fake.open_request()
        honest = await stack.enter_async_context(frame_client(url, HERS))
        hers = await honest.open_request()
        await _report(staff, conversation)
        assert {await fake.closed() for fake in fakes} == {CloseCode.TRY_AGAIN_LATER}
        await eventually(lambda: _waiting(relay) == 1)
        assert (await staff.claim()).conversation_id == hers
        assert await _price(url) == REPORTED_ATTEMPTS
        assert await _price(url, HERS) == 0


async def test_it_holds_at_all_workers_of_a_machine(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """The kernel deals out connections among them, so a flood comes to all."""
    mailboxes = WorkerMailboxes.of(2)
    assert mailboxes is not None
    path = organisation.write(tmp_path)
    async with (
        worker_here(path, valkey.url, mailboxes.siblings_of(0)) as one,
        worker_here(path, valkey.url, mailboxes.siblings_of(1)) as other,
        frame_client(one.origin) as staff,
        frame_client(one.origin, FAKES) as first,
        frame_client(other.origin, FAKES) as second,
        frame_client(other.origin, HERS) as honest,
    ):
        revocations = organisation.revoking()
        for each in (one, other):
            await organisation.publish_revocations(each.origin, revocations)
        await staff.authenticate(organisation.staff())
        conversation = await _taken(staff, first)
        await second.open_request()
        await honest.open_request()
        await _report(staff, conversation)
        assert await second.closed() == CloseCode.TRY_AGAIN_LATER
        await eventually(lambda: _waiting(other) == 1)
        assert await _price(other.origin) == REPORTED_ATTEMPTS
    mailboxes.close()


async def test_it_counts_though_who_sent_it_has_gone(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """Whoever floods does not wait until she is reported."""
    async with relay_here(organisation.write(tmp_path), valkey.url) as (relay, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as staff, frame_client(url, FAKES) as other:
            await staff.authenticate(organisation.staff())
            async with frame_client(url, FAKES) as fake:
                conversation = await _taken(staff, fake)
            await other.open_request()
            await _report(staff, conversation)
            await other.closed()
            await eventually(lambda: _waiting(relay) == 0)
            assert await _price(url) == REPORTED_ATTEMPTS


async def test_whoever_shares_the_address_is_back_by_herself_after_a_proof_of_work(
    valkey: EmbeddedValkey,
    organisation: RelayOrganisation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A member of staff can take people out of the queue who share an address, and cannot keep them out."""
    monkeypatch.setattr("teduh_server.matching.request_price.MEMORY", 2)
    async with relay_here(organisation.write(tmp_path), valkey.url) as (relay, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as staff, frame_client(url) as neighbour:
            await staff.authenticate(organisation.staff())
            conversation = await _taken(staff, neighbour)
            async with Survivor(url, organisation.public) as survivor:
                hers = await survivor.ask()
                await _report(staff, conversation)
                await until(hers, events.Reconnecting)
                assert (await until(hers, events.Waiting)).position == 1
                assert relay.parts.routing.abuse._price._recent


async def test_a_report_counts_once(
    valkey: EmbeddedValkey,
    organisation: RelayOrganisation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else one conversation would serve to take out whoever comes."""
    monkeypatch.setattr("teduh_server.matching.request_price.MEMORY", 2)
    async with relay_here(organisation.write(tmp_path), valkey.url) as (relay, url):
        await organisation.publish_revocations(url)
        async with (
            frame_client(url) as staff,
            frame_client(url, FAKES) as fake,
            frame_client(url, HERS) as last,
            frame_client(url, FAKES) as other,
        ):
            await staff.authenticate(organisation.staff())
            conversation, another = await _taken(staff, fake), await _taken(staff, last)
            heard = relay.parts.routing.abuse.reported
            await _report(staff, conversation)
            await eventually(lambda: conversation in heard)
            quoted = await other.ask(OpenRequest(1, other.capability, b"kp"), Error)
            assert quoted.price is not None
            proof = proof_of_work.solve(quoted.price)
            await other.ask(OpenRequest(2, other.capability, b"kp", RequestDetails(), proof), RequestOpened)
            await _report(staff, conversation)
            await _report(staff, another)
            await eventually(lambda: another in heard)
            assert _waiting(relay) == 1


async def test_a_device_reports_no_faster_than_people_do(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with frame_client(relay_url) as survivor, frame_client(relay_url) as staff:
        await staff.authenticate(organisation.staff())
        conversation = await _taken(staff, survivor)
        for _ in range(int(_BURST)):
            await _report(staff, conversation)
        answer: Done | Error = Done(8)
        while isinstance(answer, Done):
            await staff.send(ReportAbuse(8, conversation))
            frame = await staff.receive()
            assert isinstance(frame, Done | Error)
            answer = frame
        assert (answer.code, answer.ref) == (ErrorCode.RATE_LIMITED, 8)
        assert answer.retry_after_ms > 0


async def test_only_a_member_reports(relay_url: str, organisation: RelayOrganisation) -> None:
    async with frame_client(relay_url) as survivor, frame_client(relay_url) as staff:
        conversation = await survivor.open_request()
        await staff.authenticate(organisation.staff())
        refused = await staff.ask(ReportAbuse(8, conversation), Error)
        assert (refused.code, refused.ref) == (ErrorCode.UNKNOWN_CONVERSATION, 8)
    assert await _price(relay_url) == 0
