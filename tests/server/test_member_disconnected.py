"""The others hear that a member has left without a word: by its Leave, or by a page's leave beacon."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import aiohttp
import pytest
from support.clients.frame_client import FrameClient, frame_client, talking_pair
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import (
    SURVIVOR_MEMBER,
    Claim,
    Done,
    Error,
    ErrorCode,
    Leave,
    MemberDisconnected,
    Ping,
    Pong,
    Subscribe,
)


async def leave_by_beacon(url: str, content: bytes) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/", data=content) as response,
    ):
        assert await response.read() == b"" or response.status >= 400
        return response.status


async def hears_nothing(client: FrameClient) -> None:
    """Whatever the relay had to say has come before the answer to a Ping."""
    await client.ask(Ping(9), Pong)
    assert not [frame for frame in client.seen if isinstance(frame, MemberDisconnected)]


async def test_leave_is_told_to_the_others(relay_url: str, organisation: RelayOrganisation) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await survivor.ask(Leave(1, conversation), Done)
        assert await staff.expect(MemberDisconnected) == MemberDisconnected(conversation, SURVIVOR_MEMBER)
        await hears_nothing(survivor)


async def test_staff_who_leave_are_told_to_the_survivor(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await staff.ask(Leave(1, conversation), Done)
        gone = await survivor.expect(MemberDisconnected)
        assert gone.member != SURVIVOR_MEMBER


async def test_leave_beacon_ends_her_membership_and_is_told_once(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        assert await leave_by_beacon(relay_url, conversation + survivor.capability) == 204
        assert await staff.expect(MemberDisconnected) == MemberDisconnected(conversation, SURVIVOR_MEMBER)
        assert await leave_by_beacon(relay_url, conversation + survivor.capability) == 204
        await hears_nothing(staff)
        async with frame_client(relay_url) as again:
            refused = await again.ask(Subscribe(1, conversation, 0, survivor.capability), Error)
            assert refused.code is ErrorCode.UNKNOWN_CONVERSATION


async def test_staff_who_were_away_are_told_when_they_come_back(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    device = organisation.staff()
    async with talking_pair(relay_url, device) as (survivor, staff, conversation):
        await staff.socket.close()
        await survivor.append(conversation, 1, b"I have to go")
        await survivor.ask(Leave(1, conversation), Done)
        async with frame_client(relay_url) as again:
            await again.authenticate(device)
            await again.subscribe(conversation, 2)
            assert (await again.entries(1))[0].payload == b"I have to go"
            assert await again.expect(MemberDisconnected) == MemberDisconnected(conversation, SURVIVOR_MEMBER)


async def test_leave_beacon_without_her_capability_does_nothing_and_looks_the_same(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        assert await leave_by_beacon(relay_url, conversation + secrets.token_bytes(32)) == 204
        assert await leave_by_beacon(relay_url, secrets.token_bytes(48)) == 204
        await hears_nothing(staff)
        await survivor.append(conversation, 1, b"still here")
        assert (await staff.entries(1))[0].payload == b"still here"


async def test_leave_beacon_while_she_waits_takes_her_out_of_the_queue(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with frame_client(relay_url) as survivor, frame_client(relay_url) as staff:
        await staff.authenticate(organisation.staff())
        conversation = await survivor.open_request()
        assert await leave_by_beacon(relay_url, conversation + survivor.capability) == 204
        refused = await staff.ask(Claim(1, conversation), Error)
        assert refused.code is ErrorCode.REQUEST_GONE


async def test_several_conversations_end_with_one_leave_beacon(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with (
        talking_pair(relay_url, organisation.staff()) as (one, sari, first),
        talking_pair(relay_url, organisation.staff("Budi")) as (two, budi, second),
    ):
        assert await leave_by_beacon(relay_url, first + one.capability + second + two.capability) == 204
        assert (await sari.expect(MemberDisconnected)).conversation_id == first
        assert (await budi.expect(MemberDisconnected)).conversation_id == second


@pytest.mark.parametrize("length", [0, 1, 47, 49, 5 * 48])
async def test_what_is_no_leave_beacon_is_refused(relay_url: str, length: int) -> None:
    assert await leave_by_beacon(relay_url, bytes(length)) == 400


async def test_staff_on_another_node_hear_of_it(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url) as (_, one), relay_here(path, valkey.url) as (_, two):
        await asyncio.gather(organisation.publish_revocations(one), organisation.publish_revocations(two))
        async with talking_pair(one, organisation.staff()) as (survivor, staff, conversation):
            assert await leave_by_beacon(two, conversation + survivor.capability) == 204
            assert await staff.expect(MemberDisconnected) == MemberDisconnected(conversation, SURVIVOR_MEMBER)
