"""Leaving: last words count, it holds at every node, and what others were told stays."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from support.clients.frame_client import frame_client, talking_pair
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.held_channel import held_channel
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import Accepted, Append, Done, Entry, Error, ErrorCode, Leave, Ping, Pong


async def test_last_words_before_a_leave_are_taken(relay_url: str, organisation: RelayOrganisation) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await staff.append(conversation, 2, b"how can I help?")
        await survivor.send(Append(conversation, 1, 0, 1, b"he is here"))
        await survivor.send(Append(conversation, 2, 0, 1, b"I have to go"))
        await survivor.send(Leave(1, conversation))
        answers = [await survivor.receive() for _ in range(4)]
        assert not [each for each in answers if isinstance(each, Error)], answers
        assert [each.counter for each in answers if isinstance(each, Accepted)] == [1, 2]
        assert [each.payload for each in await staff.entries(2)] == [b"he is here", b"I have to go"]


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("how", ["leave", "leave_beacon"])
async def test_who_has_left_hears_nothing_more_at_any_node(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path, how: str, at: int
) -> None:
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url) as (_, one), relay_here(path, valkey.url) as (_, two):
        for url in (one, two):
            await organisation.publish_revocations(url)
        async with talking_pair(one, organisation.staff()) as (survivor, staff, conversation):
            url = (one, two)[at]
            if how == "leave":
                async with frame_client(url) as phone:
                    await phone.subscribe(conversation, 2, survivor.capability)
                    await phone.ask(Leave(1, conversation), Done)
            else:
                async with (
                    aiohttp.ClientSession() as http,
                    http.post(f"{url}/", data=conversation + survivor.capability) as answer,
                ):
                    assert answer.status == 204
            await staff.append(conversation, 2, b"are you safe now?")
            await survivor.ask(Ping(5), Pong)
            assert not [each for each in survivor.seen if isinstance(each, Entry)]


async def test_what_was_accepted_beside_a_leave_beacon_elsewhere_stays(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """The channel says of the other node half a second late; the node's own commands pass."""
    path = organisation.write(tmp_path)
    async with (
        held_channel(tmp_path, valkey.socket_path) as held,
        relay_here(path, held.url) as (_, one),
        relay_here(path, valkey.url) as (_, two),
    ):
        for url in (one, two):
            await organisation.publish_revocations(url)
        medic = organisation.staff("Budi")
        async with (
            talking_pair(one, organisation.staff()) as (survivor, staff, conversation),
            frame_client(one) as colleague,
        ):
            device = (await colleague.authenticate(medic)).device_id
            await staff.append(conversation, 2, b"add", epoch=1, kind=1, welcome=b"welcome", added=(device,))
            await colleague.subscribe(conversation, 3)
            await survivor.append(conversation, 1, b"hers", epoch=2)
            await staff.append(conversation, 3, b"his", epoch=2)
            held.open.clear()
            async with (
                aiohttp.ClientSession() as http,
                http.post(f"{two}/", data=conversation + survivor.capability) as answer,
            ):
                assert answer.status == 204
            # She has left, though her node has not heard of it; a counselor has something to say.
            refused = await survivor.ask(Append(conversation, 2, 0, 2, b"he is here"), Error)
            assert refused.code is ErrorCode.UNKNOWN_CONVERSATION
            assert (await staff.append(conversation, 4, b"call the police", epoch=2)).seq == 7
            held.open.set()
            await asyncio.sleep(1.5)
            # What is accepted has one place, and keeps it.
            after = await staff.append(conversation, 5, b"i called", epoch=2)
            assert after.seq == 8, f"accepted at {after.seq}, where something else was accepted before"
            payloads = [each.payload for each in await colleague.entries(5)]
            assert payloads[-4:] == [b"hers", b"his", b"call the police", b"i called"]
