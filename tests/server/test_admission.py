"""The door of the queue under siege: each source pays for what it asks, and none keeps another out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path

import pytest
from support.clients.frame_client import FrameClient, frame_client
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_server.app import Relay
from teduh_server.config.settings import Settings
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.keys import conversation_of
from teduh_server.routing import queue_news
from teduh_signaling.relay import proof_of_work
from teduh_signaling.relay.frames import (
    Availability,
    CancelRequest,
    Done,
    Error,
    ErrorCode,
    OpenRequest,
    QueuePosition,
    RequestDetails,
    RequestOpened,
    SetAvailability,
    Subscribe,
    Subscribed,
    Urgency,
)

EMERGENCY = RequestDetails(urgency=Urgency.EMERGENCY)
NORMAL = RequestDetails()


class Door:
    """A relay with the default prices, and clients from many addresses of loopback."""

    def __init__(self, relay: Relay, url: str, clients: AsyncExitStack) -> None:
        self.relay = relay
        self.url = url
        self._clients = clients

    async def client(self, address: int) -> FrameClient:
        return await self._clients.enter_async_context(frame_client(self.url, f"127.0.7.{address}"))

    async def answer(
        self, client: FrameClient, details: RequestDetails = NORMAL, proof: bytes = b"", *, ref: int = 1
    ) -> RequestOpened | Error:
        await client.send(OpenRequest(ref, client.capability, b"kp", details, proof))
        while True:
            frame = await client.receive()
            if isinstance(frame, RequestOpened | Error):
                return frame
            client.seen.append(frame)

    async def opens(self, address: int, details: RequestDetails = NORMAL) -> tuple[FrameClient, int]:
        """Ask, and pay what it costs; returns the place in the queue."""
        client = await self.client(address)
        answer = await self.answer(client, details)
        if isinstance(answer, Error):
            assert answer.price is not None
            proof = await asyncio.to_thread(proof_of_work.solve, answer.price)
            answer = await self.answer(client, details, proof)
        assert isinstance(answer, RequestOpened), answer
        return client, answer.position


@pytest.fixture
async def door(
    request: pytest.FixtureRequest,
    valkey: EmbeddedValkey,
    organisation: RelayOrganisation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Door]:
    """A parameter changes settings. Puzzles are easy: how hard they are is measured elsewhere."""
    monkeypatch.setattr("teduh_server.matching.request_price.MEMORY", 2)
    # And what is no proof is never taken for one.
    monkeypatch.setattr(proof_of_work, "CHECKED", 8)
    settings = {"free_requests": 3, "calm_waiting": 30, **getattr(request, "param", {})}
    async with (
        relay_here(organisation.write(tmp_path), valkey.url, **settings) as (relay, url),
        AsyncExitStack() as clients,
    ):
        await organisation.publish_revocations(url)
        yield Door(relay, url, clients)


SIEGE = pytest.mark.parametrize("door", [{"calm_waiting": 1}], indirect=True)
FULL = pytest.mark.parametrize("door", [{"waiting_requests": 1, "free_requests": 1}], indirect=True)


async def test_at_rest_the_first_request_of_a_source_costs_nothing(door: Door) -> None:
    client = await door.client(1)
    assert client.hello.proof_of_work_bits == 0
    assert isinstance(await door.answer(client), RequestOpened)


@pytest.mark.parametrize("details", [NORMAL, EMERGENCY], ids=["normal", "emergency"])
async def test_further_requests_of_a_source_cost_ever_more_in_any_urgency(
    door: Door, details: RequestDetails
) -> None:
    attempts = []
    for _ in range(8):
        client = await door.client(1)
        answer = await door.answer(client, details)
        price = answer.price if isinstance(answer, Error) else None
        attempts.append(0 if price is None else proof_of_work.attempts(price))
        if price is not None:
            assert isinstance(await door.answer(client, details, proof_of_work.solve(price)), RequestOpened)
    assert attempts == [0, 0, 0, 32, 64, 64, 128, 128]
    assert isinstance(await door.answer(await door.client(2), details), RequestOpened)


@SIEGE
async def test_the_price_is_told_when_she_asks_and_rises_with_the_queue(door: Door) -> None:
    before = await door.client(5)
    for address in (1, 2, 3):
        await door.opens(address)
    answer = await door.answer(before)
    assert isinstance(answer, Error)
    assert (answer.code, answer.fatal) == (ErrorCode.PROOF_OF_WORK_REQUIRED, False)
    assert answer.price is not None
    assert answer.retry_after_ms > 0


@SIEGE
async def test_a_proof_opens_one_request_and_no_other(door: Door) -> None:
    await door.opens(1)
    client = await door.client(2)
    quoted = await door.answer(client)
    assert isinstance(quoted, Error)
    assert quoted.price is not None
    proof = proof_of_work.solve(quoted.price)
    first, client.capability = client.capability, bytes(32)
    assert isinstance(await door.answer(client, proof=proof), Error)
    client.capability = first
    # Another question has been answered by another price meanwhile.
    again = await door.answer(client, proof=proof)
    assert isinstance(again, Error)
    assert again.price is not None
    assert isinstance(await door.answer(client, proof=proof_of_work.solve(again.price)), RequestOpened)
    client.capability = bytes(31) + b"\1"
    assert isinstance(await door.answer(client, proof=proof_of_work.solve(again.price)), Error)


@SIEGE
async def test_a_proof_serves_once_also_for_the_request_that_it_has_opened(door: Door) -> None:
    await door.opens(1)
    client = await door.client(2)
    quoted = await door.answer(client)
    assert isinstance(quoted, Error)
    assert quoted.price is not None
    proof = proof_of_work.solve(quoted.price)
    opened = await door.answer(client, proof=proof)
    assert isinstance(opened, RequestOpened)
    await client.ask(CancelRequest(2, opened.conversation_id), Done)
    again = await door.answer(client, proof=proof)
    assert isinstance(again, Error)
    assert again.code is ErrorCode.PROOF_OF_WORK_REQUIRED


@SIEGE
async def test_a_proof_is_worth_nothing_on_another_connection(door: Door) -> None:
    await door.opens(1)
    client, other = await door.client(2), await door.client(2)
    quoted = await door.answer(client)
    assert isinstance(quoted, Error)
    assert quoted.price is not None
    other.capability = client.capability
    assert isinstance(await door.answer(other, proof=proof_of_work.solve(quoted.price)), Error)


@SIEGE
async def test_what_is_no_proof_makes_the_next_price_dearer(door: Door) -> None:
    await door.opens(1)
    client = await door.client(2)
    attempts = []
    for _ in range(5):
        answer = await door.answer(client, proof=b"no proof")
        assert isinstance(answer, Error)
        assert answer.price is not None
        attempts.append(proof_of_work.attempts(answer.price))
    assert attempts[-1] > attempts[0]


@SIEGE
async def test_who_waits_already_pays_nothing_when_she_asks_again(door: Door) -> None:
    """As after a restart, and whatever has been names for since."""
    client, _ = await door.opens(1)
    for address in (2, 3, 4):
        await door.opens(address)
    again = await door.client(1)
    again.capability = client.capability
    assert isinstance(await door.answer(again), RequestOpened)


@FULL
@pytest.mark.parametrize("details", [NORMAL, EMERGENCY], ids=["normal", "emergency"])
async def test_first_request_of_a_source_is_never_told_that_there_are_too_many(
    door: Door, details: RequestDetails
) -> None:
    await door.opens(1)
    assert isinstance(await door.answer(await door.client(2), details), RequestOpened)
    refused = await door.answer(await door.client(1), details)
    assert isinstance(refused, Error)
    assert refused.code is ErrorCode.TOO_MANY


async def test_nobody_stands_behind_more_than_one_request_of_a_source(door: Door) -> None:
    for _ in range(6):
        await door.opens(1)
    for details in (NORMAL, EMERGENCY, NORMAL, EMERGENCY):
        await door.opens(2, details)
    _, position = await door.opens(3)
    assert position == 3
    _, position = await door.opens(4, EMERGENCY)
    assert position == 2


async def test_sources_are_served_in_turn_and_none_is_forgotten(
    door: Door, organisation: RelayOrganisation
) -> None:
    """Who shares an address is served behind those who came before her turn, and before who comes later."""
    names = {}
    for name, address in (("a1", 1), ("a2", 1), ("a3", 1), ("b1", 2)):
        client, _ = await door.opens(address)
        names[client.capability] = name
    order: list[str] = []
    async with frame_client(door.url) as staff:
        await staff.authenticate(organisation.staff())
        await staff.ask(SetAvailability(7, Availability.AVAILABLE, 5), Done)
        order += [await _claims(door, staff, names) for _ in range(2)]
        client, _ = await door.opens(3)
        names[client.capability] = "c1"
        order += [await _claims(door, staff, names) for _ in range(3)]
    assert order == ["a1", "b1", "a2", "c1", "a3"]


async def _claims(door: Door, staff: FrameClient, names: dict[bytes, str]) -> str:
    claimed = await staff.claim()
    known = {conversation_of(sha256(each).digest()): name for each, name in names.items()}
    return known[claimed.conversation_id]


async def test_an_emergency_goes_before_those_who_share_her_address(
    door: Door, organisation: RelayOrganisation
) -> None:
    await door.opens(9)
    first, _ = await door.opens(1)
    await door.opens(1)
    _, position = await door.opens(1, EMERGENCY)
    assert position == 1
    async with frame_client(door.url) as staff:
        await staff.authenticate(organisation.staff())
        await staff.ask(SetAvailability(7, Availability.AVAILABLE, 2), Done)
        await staff.claim()
        await staff.claim()
        # Whose turn it was has her old place again.
        while (await first.expect(QueuePosition)).position != 1:
            continue


async def test_one_connection_keeps_no_more_requests_waiting_than_it_may_open(door: Door) -> None:
    """Capabilities are no secret to who has chosen them: one socket kept hundreds waiting."""
    opened = []
    for address in range(1, 13):
        client, _ = await door.opens(address)
        opened.append(client.capability)
    keeper = await door.client(20)
    for capability in opened:
        conversation_id = conversation_of(sha256(capability).digest())
        subscribed = await keeper.ask(Subscribe(5, conversation_id, 0, capability), Subscribed)
        assert subscribed.member == 0
    connection = next(each for each in door.relay.parts.sockets.connections if len(each.subscriptions) == 12)
    assert door.relay.parts.routing.news.followed_by(connection) == 8


@pytest.mark.parametrize("door", [{"absent_seconds": 1.0}], indirect=True)
async def test_all_whose_openers_are_gone_leave_together(door: Door) -> None:
    """However many there are: 100 a second took minutes."""
    clients = [(await door.opens(number))[0] for number in range(1, 30)]
    for client in clients:
        await client.socket.close()
    await eventually(lambda: door.relay.parts.queue.length == 0)


@pytest.mark.parametrize("door", [{"absent_seconds": 4.0}], indirect=True)
async def test_who_says_nothing_any_more_leaves_though_her_socket_is_open(door: Door) -> None:
    """A phone without a network does not close its socket. She is asked for a sign of life."""
    client, _ = await door.opens(1)
    # What aiohttp answers by itself it answers while somebody receives; here nobody does.
    await eventually(lambda: door.relay.parts.queue.length == 0, within=20)
    assert not client.socket.closed


def test_the_default_is_to_leave_within_thirty_seconds() -> None:
    absent = Settings.model_fields["absent_seconds"].default
    # The sweep comes each second, and silence counts from three seconds on.
    assert absent + queue_news._SILENT_SECONDS + 1 < 30
