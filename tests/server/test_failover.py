"""While the store fails over a client keeps its connection, is told to try again, and loses nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.clients.frame_client import FrameClient, frame_client, talking_pair
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.watched_valkey import watched_valkey
from teduh_signaling.relay.frames import (
    Accepted,
    Append,
    Error,
    ErrorCode,
    OpenRequest,
    RequestOpened,
    Subscribe,
    Subscribed,
)


@pytest.mark.timeout(120)
async def test_failover_is_answered_by_unavailable_until_it_is_over(
    tmp_path: Path, organisation: RelayOrganisation
) -> None:
    with watched_valkey(replicas=2) as watched:
        path = organisation.write(tmp_path)
        async with relay_here(path, watched.url, durability="replicated") as (_, url):
            await organisation.publish_revocations(url)
            async with (
                talking_pair(url, organisation.staff()) as (survivor, staff, conversation),
                frame_client(url) as newcomer,
            ):
                await survivor.append(conversation, 1, b"before")
                await asyncio.to_thread(watched.master.kill)
                said = asyncio.create_task(_say(survivor, conversation))
                asked = asyncio.create_task(_open(newcomer))
                assert await said > 0
                assert await asked > 0
                heard = [entry.payload for entry in await staff.entries(2)]
                assert heard == [b"before", b"meanwhile"]
                state = await staff.ask(Subscribe(5, conversation, 4), Subscribed)
                assert (state.last_seq, state.epoch) == (4, 1)


async def _say(survivor: FrameClient, conversation: bytes) -> int:
    """Repeat an append under its counter until it is accepted; how often it was `unavailable`."""
    refused = 0
    while True:
        await survivor.send(Append(conversation, 2, 0, 1, b"meanwhile"))
        answer = await survivor.receive()
        if isinstance(answer, Accepted):
            assert answer.seq == 4
            return refused
        refused += await _waited(answer)


async def _open(newcomer: FrameClient) -> int:
    refused = 0
    while True:
        await newcomer.send(OpenRequest(1, newcomer.capability, b"key package"))
        answer = await newcomer.receive()
        if isinstance(answer, RequestOpened):
            return refused
        refused += await _waited(answer)


async def _waited(answer: object) -> int:
    assert isinstance(answer, Error)
    assert (answer.code, answer.fatal) == (ErrorCode.UNAVAILABLE, False)
    assert answer.retry_after_ms > 0
    await asyncio.sleep(answer.retry_after_ms / 1000)
    return 1
