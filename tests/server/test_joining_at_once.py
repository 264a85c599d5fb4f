"""Two members who subscribe at two nodes in the same moment: each node knows of the other, whichever of its
two connections to the store is read first.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.clients.frame_client import FrameClient, frame_client
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import (
    Done,
    Leave,
    MemberDisconnected,
    Ping,
    Pong,
    StaffReachable,
    Subscribe,
    Subscribed,
    Unsubscribe,
)


async def _begun(survivor: FrameClient, staff: FrameClient) -> bytes:
    """A conversation of these two."""
    conversation = await survivor.open_request()
    await staff.claim(conversation)
    await staff.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
    await survivor.entries(2)
    return conversation


async def _both_subscribe_anew(survivor: FrameClient, staff: FrameClient, conversation: bytes) -> None:
    """In the same moment, after neither node had held the conversation."""
    for client in (survivor, staff):
        await client.send(Unsubscribe(conversation))
        await client.ask(Ping(5), Pong)
    await asyncio.gather(
        survivor.ask(Subscribe(1, conversation, 2, survivor.capability), Subscribed),
        staff.ask(Subscribe(1, conversation, 2), Subscribed),
    )


async def test_both_nodes_know_of_each_other(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url) as (one, at_one), relay_here(path, valkey.url) as (two, at_two):
        for url in (at_one, at_two):
            await organisation.publish_revocations(url)
        async with frame_client(at_one) as survivor, frame_client(at_two) as staff:
            await staff.authenticate(organisation.staff())
            conversation = await _begun(survivor, staff)
            apart = 0
            for _ in range(300):
                await _both_subscribe_anew(survivor, staff, conversation)
                await asyncio.sleep(0.01)
                here, there = (
                    one.parts.delivery.conversation(conversation),
                    two.parts.delivery.conversation(conversation),
                )
                assert here is not None
                assert there is not None
                apart += not (here.on_other_nodes and there.on_other_nodes)
            assert not apart, f"{apart} times of 300 one of the nodes did not know of the other"


async def test_counselor_hears_that_she_has_gone(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """What follows from it: nothing that is passed on without the log gets there while both are there."""
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url) as (_, at_one), relay_here(path, valkey.url) as (_, at_two):
        for url in (at_one, at_two):
            await organisation.publish_revocations(url)
        device, lost = organisation.staff(), 0
        async with frame_client(at_two) as staff:
            await staff.authenticate(device)
            for _ in range(40):
                async with frame_client(at_one) as survivor:
                    conversation = await _begun(survivor, staff)
                    await _both_subscribe_anew(survivor, staff, conversation)
                    await survivor.ask(Leave(9, conversation), Done)
                    try:
                        async with asyncio.timeout(1):
                            await staff.expect(MemberDisconnected)
                    except TimeoutError:
                        lost += 1
                    await staff.send(Unsubscribe(conversation))
        assert not lost, f"{lost} times of 40 her counselor did not hear that she had gone"


async def test_she_is_not_told_that_nobody_can_be_reached(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """Her node does not ask the other one, for it knows of none."""
    path = organisation.write(tmp_path)
    async with (
        relay_here(path, valkey.url, unreachable_seconds=1) as (one, at_one),
        relay_here(path, valkey.url, unreachable_seconds=1) as (_, at_two),
    ):
        for url in (at_one, at_two):
            await organisation.publish_revocations(url)
        async with frame_client(at_one) as survivor, frame_client(at_two) as staff:
            await staff.authenticate(organisation.staff())
            conversation = await _begun(survivor, staff)
            for _ in range(30):
                await _both_subscribe_anew(survivor, staff, conversation)
                here = one.parts.delivery.conversation(conversation)
                assert here is not None
                if not here.on_other_nodes:
                    break
            survivor.seen.clear()
            await asyncio.sleep(3)
            await survivor.ask(Ping(5), Pong)
            told = [each.reachable for each in survivor.seen if isinstance(each, StaffReachable)]
            assert False not in told, (
                "her counselor is connected and subscribed, and she is told that nobody is"
            )
