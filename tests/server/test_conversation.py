"""The whole way: a request is opened, claimed, answered; both sides append and receive."""

from __future__ import annotations

import asyncio

from support.clients.frame_client import frame_client, talking_pair
from support.organisation.relay_organisation import RelayOrganisation
from teduh_signaling.relay.frames import (
    Accepted,
    Acknowledge,
    Append,
    EntryKind,
    Ephemeral,
    EphemeralEntry,
    Error,
    ErrorCode,
    Ping,
    Pong,
)

SECONDS = 15


async def test_request_is_claimed_and_both_sides_hear_each_other(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        assert (await survivor.append(conversation, 1, b"hello")).seq == 3
        (entry,) = await staff.entries(1)
        assert (entry.seq, entry.member, entry.counter, entry.payload) == (3, 0, 1, b"hello")
        assert (await staff.append(conversation, 2, b"hello back")).seq == 4
        (entry,) = await survivor.entries(1)
        assert (entry.seq, entry.member, entry.kind, entry.epoch) == (4, 1, EntryKind.MESSAGE, 1)


async def test_reconnected_survivor_reads_what_she_has_missed(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await survivor.socket.close()
        for counter in range(2, 102):
            await staff.append(conversation, counter, b"%d" % counter)
        async with frame_client(relay_url) as again:
            subscribed = await again.subscribe(conversation, 2, survivor.capability)
            assert (subscribed.member, subscribed.epoch, subscribed.last_seq) == (0, 1, 102)
            entries = await again.entries(100)
            assert [entry.seq for entry in entries] == list(range(3, 103))


async def test_repeated_append_is_accepted_again_and_appended_once(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        first = await survivor.append(conversation, 1, b"once")
        assert await survivor.append(conversation, 1, b"once") == first
        await survivor.append(conversation, 2, b"twice")
        assert [entry.payload for entry in await staff.entries(2)] == [b"once", b"twice"]


async def test_lying_epoch_and_counter_gap_are_refused_with_what_was_expected(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
        wrong = await survivor.ask(Append(conversation, 1, 0, 7, b"x"), Error)
        assert (wrong.code, wrong.expected, wrong.counter) == (ErrorCode.WRONG_EPOCH, 1, 1)
        gap = await survivor.ask(Append(conversation, 5, 0, 1, b"x"), Error)
        assert (gap.code, gap.expected) == (ErrorCode.COUNTER_GAP, 1)


async def test_ephemeral_payload_reaches_the_others_and_is_not_stored(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await survivor.send(Ephemeral(conversation, b"typing"))
        passed = await staff.expect(EphemeralEntry)
        assert (passed.member, passed.payload) == (0, b"typing")
        async with frame_client(relay_url) as again:
            assert (await again.subscribe(conversation, 0, survivor.capability)).last_seq == 2


async def test_what_is_appended_may_say_what_its_sender_has(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    """Also if the append itself is refused."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await survivor.append(conversation, 1, b"hello")
        await staff.entries(1)
        await staff.ask(Append(conversation, 2, 0, 1, b"yes", has=3), Accepted)
        await survivor.send(Append(conversation, 9, 0, 1, b"a gap", has=4))
        assert (await survivor.expect(Error)).code is ErrorCode.COUNTER_GAP
        async with frame_client(relay_url) as again, asyncio.timeout(SECONDS):
            while (await again.subscribe(conversation, 0, survivor.capability)).first_seq < 4:
                pass
            # What only she has said that she has, the other may still read.
            assert (await again.subscribe(conversation, 3, survivor.capability)).last_seq == 4


async def test_entries_go_when_all_members_have_acknowledged(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await survivor.append(conversation, 1, b"hello")
        await staff.entries(1)
        for client in (survivor, staff):
            await client.send(Acknowledge(conversation, 3))
            await client.ask(Ping(9), Pong)
        async with frame_client(relay_url) as again:
            # A moment later, for acknowledgements that come close together are written together.
            subscribed = await again.subscribe(conversation, 0, survivor.capability)
            async with asyncio.timeout(SECONDS):
                while subscribed.first_seq < 4:
                    subscribed = await again.subscribe(conversation, 0, survivor.capability)
            assert (subscribed.first_seq, subscribed.last_seq) == (4, 3)
