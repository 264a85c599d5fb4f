"""Where staff take requests from a list, a claim needs a free seat, as an offer does elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from support.clients.frame_client import FrameClient, frame_client
from support.organisation.relay_organisation import RelayOrganisation
from teduh_signaling.relay.frames import (
    Availability,
    Claim,
    Claimed,
    Done,
    Error,
    ErrorCode,
    SetAvailability,
)


@pytest.fixture
async def waiting(relay_url: str) -> AsyncIterator[list[bytes]]:
    """Three requests, in the order of service."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(frame_client(relay_url)) for _ in range(3)]
        yield [await client.open_request() for client in clients]


@pytest.fixture
async def staff(relay_url: str, organisation: RelayOrganisation) -> AsyncIterator[FrameClient]:
    async with frame_client(relay_url) as client:
        await client.authenticate(organisation.staff())
        yield client


async def _says(staff: FrameClient, seats: int, availability: Availability = Availability.AVAILABLE) -> None:
    await staff.ask(SetAvailability(7, availability, seats), Done)


async def _is_full(staff: FrameClient, wanted: bytes | None = None) -> None:
    refused = await staff.ask(Claim(9, wanted), Error)
    assert (refused.code, refused.ref) == (ErrorCode.TOO_MANY, 9)


async def test_nobody_claims_more_than_she_has_said_that_she_takes(
    staff: FrameClient, waiting: list[bytes]
) -> None:
    """Neither the next nor a certain one."""
    await _says(staff, 2)
    taken = {(await staff.claim(each)).conversation_id for each in waiting[:2]}
    assert taken == set(waiting[:2])
    await _is_full(staff)
    await _is_full(staff, waiting[2])


async def test_what_was_let_in_counts_until_she_says_anew(staff: FrameClient, waiting: list[bytes]) -> None:
    await _says(staff, 1)
    await staff.claim(waiting[0])
    await staff.append(waiting[0], 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
    await _is_full(staff)
    await _says(staff, 1)
    assert (await staff.claim(waiting[1])).conversation_id == waiting[1]


async def test_whoever_takes_none_claims_none(staff: FrameClient, waiting: list[bytes]) -> None:
    assert len(waiting) == 3
    for seats, availability in ((0, Availability.AVAILABLE), (1, Availability.BUSY)):
        await _says(staff, seats, availability)
        await _is_full(staff)


async def test_whoever_has_never_said_takes_one_at_a_time(staff: FrameClient, waiting: list[bytes]) -> None:
    await staff.claim(waiting[0])
    await _is_full(staff)
    await staff.append(waiting[0], 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
    answer: Claimed | Error | None = None
    # The lease ends a moment after the commit was accepted.
    while not isinstance(answer, Claimed):
        await staff.send(Claim(9, waiting[1]))
        answer = await _claimed_or_not(staff)


async def test_the_answer_to_a_claim_can_be_asked_for_again(staff: FrameClient, waiting: list[bytes]) -> None:
    await _says(staff, 1)
    for _ in range(2):
        assert (await staff.claim(waiting[0])).conversation_id == waiting[0]


async def _claimed_or_not(staff: FrameClient) -> Claimed | Error:
    while True:
        frame = await staff.receive()
        if isinstance(frame, Claimed | Error):
            return frame
