"""What members append, through one node and several: in order, accepted once, delivered once."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.clients.frame_client import FrameClient, frame_client, talking_pair
from support.eventually import becomes, eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.stored_conversation import NOW_MS
from teduh_server.cluster.node_channel import LOOK_AT_LOG, NODE_JOINED
from teduh_server.redis_store import scripts
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.keys import ConversationKeys
from teduh_server.redis_store.replies import as_bytes, as_list
from teduh_server.redis_store.scripts import LogLimits
from teduh_signaling.relay.entry import entry_template, place_entry
from teduh_signaling.relay.frames import Accepted, Acknowledge, Append, Error, ErrorCode

_ELSEWHERE = "e" * 16
_LARGE_BYTES = 4096
_MANY = 1500
_BREAK_COMMANDS = (b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"yes")
_BREAK_CHANNEL = (b"CLIENT", b"KILL", b"TYPE", b"pubsub")


@pytest.fixture
async def heard() -> list[bytes]:
    """What another node hears on its own channel."""
    return []


@pytest.fixture
async def outside(valkey: EmbeddedValkey, heard: list[bytes]) -> AsyncIterator[Store]:
    """Another node, as far as the store knows."""
    store = Store(StoreAddress.parse(valkey.url), (b"node:" + _ELSEWHERE.encode(),), heard.append)
    await store.start()
    yield store
    await store.close()


async def _last_seq(store: Store, conversation: bytes) -> int:
    """How far the log goes as far as the state tells."""
    v = await store.ask((b"HGET", ConversationKeys.of(conversation).state, b"v"))
    return int.from_bytes(as_bytes(v)[:8])


async def _say(client: FrameClient, conversation: bytes, counters: range, payload: bytes = b"said") -> None:
    """Many at once, without waiting for an answer."""
    for counter in counters:
        await client.send(Append(conversation, counter, 0, 1, payload))


async def _accepted(client: FrameClient, count: int) -> list[tuple[int, int]]:
    """The counters and places that the relay answers with."""
    answers = [await client.expect(Accepted) for _ in range(count)]
    return [(each.counter, each.seq) for each in answers]


async def _append_elsewhere(
    store: Store,
    conversation: bytes,
    member: int,
    counter: int,
    payload: bytes,
    node: str = _ELSEWHERE,
) -> None:
    """As another node does it, or as this one whose `node` is given, but for what it delivers itself."""
    keys, limits = ConversationKeys.of(conversation), LogLimits(node, 1_000_000, 1000, 1_000_000)
    entry = entry_template(conversation, member, counter, 0, 1, payload)
    answer = await store.ask(scripts.append(keys, member, counter, 0, 1, entry, NOW_MS, limits))
    assert isinstance(as_list(answer)[0], int)


async def _until_empty(store: Store, conversation: bytes) -> None:
    keys = ConversationKeys.of(conversation)
    await becomes(lambda: store.ask((b"XLEN", keys.log)), 0)


async def test_acknowledgements_empty_the_log(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    """And more can be said than it may hold."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        for counter in range(1, _MANY + 1):
            accepted = await survivor.append(conversation, counter, b"hers")
            for client in (survivor, staff):
                await client.send(Acknowledge(conversation, accepted.seq))
        await _until_empty(outside, conversation)
        assert (await survivor.append(conversation, _MANY + 1, b"more")).seq == 3 + _MANY
        assert await _last_seq(outside, conversation) == 3 + _MANY
        assert len(await staff.entries(_MANY + 1)) == _MANY + 1


async def test_acknowledgement_of_what_nobody_has_said_keeps_nobody_from_acknowledging(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        for client in (survivor, staff):
            await client.send(Acknowledge(conversation, 2**40))
        for counter in range(1, 31):
            accepted = await survivor.append(conversation, counter, b"hers")
            for client in (survivor, staff):
                await client.send(Acknowledge(conversation, accepted.seq))
        await _until_empty(outside, conversation)
        assert await _last_seq(outside, conversation) == 32


async def test_without_acknowledgements_all_that_is_said_at_once_is_accepted_and_delivered_in_order(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await _say(survivor, conversation, range(1, _MANY + 1))
        assert await _accepted(survivor, _MANY) == [(each, 2 + each) for each in range(1, _MANY + 1)]
        assert [each.seq for each in await staff.entries(_MANY)] == list(range(3, 3 + _MANY))


async def test_large_and_small_ones_keep_their_order(relay_url: str, organisation: RelayOrganisation) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        payloads = [b"%d" % each + bytes(_LARGE_BYTES if each % 3 == 0 else 10) for each in range(40)]
        for counter, payload in enumerate(payloads, 1):
            await survivor.send(Append(conversation, counter, 0, 1, payload))
        assert await _accepted(survivor, 40) == [(each, 2 + each) for each in range(1, 41)]
        assert [each.payload for each in await staff.entries(40)] == payloads


async def test_what_both_say_at_once_has_each_place_once(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        many = 1000
        async with asyncio.TaskGroup() as both:
            both.create_task(_say(survivor, conversation, range(1, many + 1), b"hers"))
            both.create_task(_say(staff, conversation, range(2, many + 2), b"his"))
            hers = both.create_task(_accepted(survivor, many))
            his = both.create_task(_accepted(staff, many))
        assert [counter for counter, _ in hers.result()] == list(range(1, many + 1))
        assert [counter for counter, _ in his.result()] == list(range(2, many + 2))
        places = sorted(seq for _, seq in hers.result() + his.result())
        assert places == list(range(3, 3 + 2 * many))


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_both_say_at_once_keeps_its_order(
    relay_url: str, organisation: RelayOrganisation, seed: int
) -> None:
    """Small and large ones, in bursts, acknowledged or not."""
    chance = random.Random(seed)
    async with talking_pair(relay_url, organisation.staff()) as members:
        survivor, staff, conversation = members
        many = 400

        async def say(client: FrameClient, first: int, payloads: list[bytes]) -> None:
            for counter, payload in enumerate(payloads, first):
                await client.send(Append(conversation, counter, 0, 1, payload))
                if chance.random() < 0.02:
                    await asyncio.sleep(0.01 * chance.random())

        def some(count: int) -> list[bytes]:
            return [b"%d" % each + bytes(chance.choice((3, 3, 3, 3, _LARGE_BYTES))) for each in range(count)]

        hers, his = some(many), some(many)
        async with asyncio.TaskGroup() as both:
            both.create_task(say(survivor, 1, hers))
            both.create_task(say(staff, 2, his))
            accepted = both.create_task(_accepted(survivor, many))
            both.create_task(_accepted(staff, many))
        assert [counter for counter, _ in accepted.result()] == list(range(1, many + 1))
        assert [each.payload for each in await staff.entries(many)] == hers
        assert [each.payload for each in await survivor.entries(many)] == his


async def test_repeated_append_is_accepted_at_its_place_and_delivered_once(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await survivor.append(conversation, 1, b"one")
        await survivor.append(conversation, 2, b"two")
        assert (await survivor.append(conversation, 2, b"two")).seq == 4
        assert (await survivor.append(conversation, 3, b"three")).seq == 5
        assert [each.payload for each in await staff.entries(3)] == [b"one", b"two", b"three"]


@pytest.mark.parametrize(("counter", "epoch", "code"), [(5, 1, "counter_gap"), (3, 2, "wrong_epoch")])
async def test_what_is_refused_disturbs_nothing(
    relay_url: str, organisation: RelayOrganisation, counter: int, epoch: int, code: str
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await _say(survivor, conversation, range(1, 3))
        await survivor.send(Append(conversation, counter, 0, epoch, b"wrong"))
        await _say(survivor, conversation, range(3, 5))
        assert (await survivor.expect(Error)).code is ErrorCode(code)
        assert await _accepted(survivor, 4) == [(1, 3), (2, 4), (3, 5), (4, 6)]
        assert [each.payload for each in await staff.entries(4)] == [b"said"] * 4


async def test_commit_and_messages_around_it_keep_their_order(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await staff.append(conversation, 2, b"his")
        await _say(staff, conversation, range(3, 6), b"before")
        await staff.send(Append(conversation, 6, 1, 1, b"commit"))
        await staff.send(Append(conversation, 7, 0, 1, b"too late"))
        assert (await staff.expect(Error)).code is ErrorCode.WRONG_EPOCH
        for counter in range(7, 10):
            await staff.append(conversation, counter, b"behind", epoch=2)
        heard = [each.payload for each in await survivor.entries(8)]
        assert heard == [b"his", *[b"before"] * 3, b"commit", *[b"behind"] * 3]


async def test_what_another_node_appends_meanwhile_is_neither_lost_nor_doubled(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    """Though this one has not heard that it is there, and many are under way."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await survivor.append(conversation, 1, b"hers")
        await staff.append(conversation, 2, b"his")
        for number in range(5):
            await _append_elsewhere(outside, conversation, 1, 3 + number, b"elsewhere %d" % number)
            first = 2 + 20 * number
            await _say(survivor, conversation, range(first, first + 20), b"hers %d" % number)
            assert [counter for counter, _ in await _accepted(survivor, 20)] == [*range(first, first + 20)]
        seen = await staff.entries(1 + 5 * 21)
        assert [each.seq for each in seen] == [3, *range(5, 5 + 5 * 21)]
        hers = [each.counter for each in seen if each.member == 0]
        assert hers == list(range(1, 102))
        assert [each.payload for each in seen if each.member == 1] == [
            b"elsewhere %d" % number for number in range(5)
        ]


async def test_connection_to_the_store_that_breaks_loses_and_doubles_nothing(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    """What was put into the log and not answered is found by its repetition, and handed to the others."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await survivor.append(conversation, 1, b"1")
        counter = 1
        for _ in range(5):
            await _say(survivor, conversation, range(counter + 1, counter + 11))
            await outside.ask(_BREAK_COMMANDS)
            counter += 10
            await _until_accepted(survivor, conversation, counter)
        entries = await staff.entries(counter)
        assert [each.counter for each in entries] == list(range(1, counter + 1))
        assert [each.seq for each in entries] == list(range(3, 3 + counter))


async def _until_accepted(client: FrameClient, conversation: bytes, last: int) -> None:
    """Repeat what was not accepted, from the first of it, as PROTOCOL.md asks of a client."""
    accepted = last - 10
    async with asyncio.timeout(20):
        while accepted < last:
            answer = await client.receive()
            if isinstance(answer, Accepted):
                accepted = max(accepted, answer.counter)
            elif isinstance(answer, Error) and answer.counter == accepted + 1:
                await asyncio.sleep(0.1)
                await _say(client, conversation, range(accepted + 1, last + 1))


# --- others ---


async def test_member_who_joins_elsewhere_meanwhile_hears_all(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """Again and again, while much is said."""
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url) as (_, one), relay_here(path, valkey.url) as (_, two):
        for url in (one, two):
            await organisation.publish_revocations(url)
        async with talking_pair(one, organisation.staff()) as (survivor, staff, conversation):
            counter = 0
            for number in range(20):
                await _say(survivor, conversation, range(counter + 1, counter + 4))
                async with frame_client(two) as elsewhere:
                    joining = asyncio.create_task(elsewhere.subscribe(conversation, 2, survivor.capability))
                    await asyncio.sleep(0.001 * (number % 5))
                    await _say(survivor, conversation, range(counter + 4, counter + 9))
                    await joining
                    counter += 8
                    await _accepted(survivor, 8)
                    seen = {each.seq for each in await elsewhere.entries(counter)}
                    assert seen == set(range(3, 3 + counter))
            assert [each.counter for each in await staff.entries(counter)] == list(range(1, counter + 1))


async def test_from_the_moment_another_node_has_joined_all_is_published_to_it(
    relay_url: str, organisation: RelayOrganisation, outside: Store, heard: list[bytes]
) -> None:
    """Also what is said before this node has heard of it."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
        await survivor.append(conversation, 1, b"alone")
        await _subscribe_elsewhere(outside, survivor.capability, conversation)
        await survivor.append(conversation, 2, b"published")
        await eventually(lambda: any(b"published" in message for message in heard))
        assert not any(b"alone" in message for message in heard)


async def _subscribe_elsewhere(store: Store, capability: bytes, conversation: bytes) -> None:
    hashed = hashlib.sha256(capability).digest()
    keys = ConversationKeys.of(conversation)
    command = scripts.subscribe(keys, conversation, _ELSEWHERE, NOW_MS, 1_000_000, capability_hash=hashed)
    assert scripts.member_state(await store.ask(command)) is not None


async def test_node_that_is_heard_again_is_published_to_and_tells_the_others(
    relay_url: str, organisation: RelayOrganisation, outside: Store, heard: list[bytes]
) -> None:
    """It had been forgotten while it did not listen."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
        keys = ConversationKeys.of(conversation)
        await _subscribe_elsewhere(outside, survivor.capability, conversation)
        node = as_bytes(await outside.ask((b"HGET", keys.state, b"o")))[:16]
        await outside.ask((b"HSET", keys.state, b"o", node))
        await survivor.append(conversation, 1, b"unheard")
        await outside.ask(scripts.rejoin(keys, conversation, _ELSEWHERE, (0,)))
        await survivor.append(conversation, 2, b"published")
        await eventually(lambda: any(b"published" in message for message in heard))
        assert not any(b"unheard" in message for message in heard)
        # The other way round, too.
        await outside.ask((b"HSET", keys.state, b"o", _ELSEWHERE))
        await outside.ask(_BREAK_CHANNEL)
        await eventually(lambda: bytes((NODE_JOINED,)) + conversation in heard)


@pytest.mark.parametrize(("lost", "place"), [(1, 4), (2, 0)], ids=["the last", "one before the last"])
async def test_what_is_in_the_log_without_its_sender_knowing_is_handed_to_the_others(
    relay_url: str, organisation: RelayOrganisation, outside: Store, lost: int, place: int
) -> None:
    """As when the connection broke before the store's answer: its sender repeats it."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await survivor.append(conversation, 1, b"first")
        node = as_bytes(await outside.ask((b"HGET", ConversationKeys.of(conversation).state, b"o"))).decode()
        for number in range(lost):
            await _append_elsewhere(outside, conversation, 0, 2 + number, b"said", node)
        assert (await survivor.append(conversation, 2, b"said")).seq == place
        entries = await staff.entries(1 + lost)
        assert [each.seq for each in entries] == [3, *range(4, 4 + lost)]


# --- nodes of an earlier release: they append without a script where they are alone ---


async def test_what_lies_in_the_log_and_nobody_has_accepted_is_handed_to_nobody(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    """Whoever had it would take it for the one that gets its place in the end."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        keys = ConversationKeys.of(conversation)
        await survivor.append(conversation, 1, b"first")
        stray = place_entry(entry_template(conversation, 0, 3, 0, 1, b"stray"), 4)
        await outside.ask((b"XADD", keys.log, b"4-0", b"e", stray))
        async with frame_client(relay_url) as again:
            assert (await again.subscribe(conversation, 0, survivor.capability)).last_seq == 3
            assert [each.seq for each in await again.entries(3)] == [1, 2, 3]
            await survivor.append(conversation, 2, b"second")
            for client, count in ((again, 1), (staff, 2)):
                assert (await client.entries(count))[-1].payload == b"second"


async def test_what_a_node_of_an_earlier_release_appended_without_publishing_is_found_when_it_tells(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        keys = ConversationKeys.of(conversation)
        await survivor.append(conversation, 1, b"first")
        await outside.ask((b"HSET", keys.state, b"t", b"1"))
        for seq in (4, 5):
            entry = place_entry(entry_template(conversation, 1, seq - 2, 0, 1, b"unheard"), seq)
            await outside.ask((b"XADD", keys.log, b"NOMKSTREAM", b"%d-0" % seq, b"e", entry))
        node = as_bytes(await outside.ask((b"HGET", keys.state, b"o")))
        outside.publish(b"node:" + node, bytes((LOOK_AT_LOG,)) + conversation)
        assert [(each.seq, each.payload) for each in await survivor.entries(2)] == [
            (4, b"unheard"),
            (5, b"unheard"),
        ]
        # Its sender is a client of the other node, and may come here: what it repeats is in the log already.
        assert (await staff.append(conversation, 3, b"unheard")).seq == 5
