"""Where one node holds a whole conversation, what is said goes into the log without a script, and nothing is
lost when the node is wrong about that.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import hiredis
import pytest
from frame_client import FrameClient, frame_client, talking_pair
from relay_organisation import RelayOrganisation
from relay_process import eventually, relay_here
from store_bench import NOW_MS
from teduh_server.delivery_service import LOOK_AGAIN_SECONDS
from teduh_server.direct_log import (
    MOST_BYTES,
    MOST_ENTRIES,
    MOST_ENTRY_BYTES,
    RENEW_SECONDS,
    UNTOLD_ENTRIES,
    Appending,
    DirectLog,
    Tail,
    limits_of,
)
from teduh_server.node_channel import LOOK_AT_LOG, NODE_JOINED
from teduh_server.redis_store import scripts
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.exceptions import StoreRefused, StoreUnavailable
from teduh_server.redis_store.keys import ConversationKeys
from teduh_server.redis_store.location import parse_location
from teduh_server.redis_store.replies import as_bytes, as_list
from teduh_server.redis_store.scripts import LogLimits
from teduh_server.redis_store.wire import Answer, Hearing
from teduh_server.subscription import LocalConversation, Subscription
from teduh_signaling.relay.entry import entry_template, placed_entry
from teduh_signaling.relay.frames import Accepted, Acknowledge, Append, Entry, Error, ErrorCode

_IN_FLIGHT = 64
_ELSEWHERE = "e" * 16
_LIMITS = LogLimits(_ELSEWHERE, 1_000_000, 1000, 1_000_000)
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


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[DirectLog, Subscription]]:
    """Whose appends were tried directly, of relays in this process."""
    tried: list[tuple[DirectLog, Subscription]] = []
    append = DirectLog.append

    def noting(log: DirectLog, subscription: Subscription, frame: Append) -> bool:
        tried.append((log, subscription))
        return append(log, subscription, frame)

    monkeypatch.setattr(DirectLog, "append", noting)
    return tried


async def _state_knows(store: Store, conversation: bytes) -> int:
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
    store: Store, conversation: bytes, member: int, counter: int, payload: bytes
) -> None:
    """As a node of which the first has not heard."""
    keys = ConversationKeys.of(conversation)
    entry = entry_template(conversation, member, counter, 0, 1, payload)
    answer = await store.ask(scripts.append(keys, member, counter, 0, 1, entry, NOW_MS, _LIMITS))
    assert isinstance(as_list(answer)[0], int)


async def test_what_is_said_goes_into_the_log_without_a_script(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await survivor.append(conversation, 1, b"the script sees the first of each")
        await staff.append(conversation, 2, b"the script sees the first of each")
        await outside.ask((b"CONFIG", b"RESETSTAT"))
        for counter in range(10):
            assert (await survivor.append(conversation, 2 + counter, b"hers")).seq == 5 + 2 * counter
            assert (await staff.append(conversation, 3 + counter, b"his")).seq == 6 + 2 * counter
        assert [each.seq for each in await staff.entries(11)] == [3, *range(5, 25, 2)]
        assert [each.seq for each in await survivor.entries(11)] == [4, *range(6, 26, 2)]
        assert await _state_knows(outside, conversation) == 4
        statistics = as_bytes(await outside.ask((b"INFO", b"commandstats")))
        assert b"cmdstat_xadd:calls=20," in statistics


@pytest.mark.parametrize("place", [1, 9, 10, 11, 99, 100, 101, 12_345, 2**63 - 1])
def test_command_is_as_hiredis_packs_it(place: int) -> None:
    """After any other, for the length of an id changes with its digits."""
    conversation = LocalConversation(b"c" * 16)
    tail = Tail(conversation, Recorder())
    for each in (place, 1, place, 10, place, 2**63 - 1, place):
        parts = (b"XADD", conversation.keys.log, b"NOMKSTREAM", b"%d-0" % each, b"e", b"entry")
        assert tail.command(each, b"entry") == hiredis.pack_command(parts)  # type: ignore[arg-type]  # its stub


async def test_acknowledgements_tell_the_state_and_empty_the_log(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    """And then more can be said without a script than the state may miss."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        many = 3 * MOST_ENTRIES
        for counter in range(1, many + 1):
            accepted = await survivor.append(conversation, counter, b"hers")
            for client in (survivor, staff):
                await client.send(Acknowledge(conversation, accepted.seq))
        last = 2 + many

        async with asyncio.timeout(10):
            while await _state_knows(outside, conversation) < last:  # noqa: ASYNC110 -- the store tells nobody
                await asyncio.sleep(0.02)
        keys = ConversationKeys.of(conversation)
        assert await outside.ask((b"XLEN", keys.log)) == 0
        assert (await survivor.append(conversation, many + 1, b"more")).seq == last + 1
        assert await _state_knows(outside, conversation) == last
        assert len(await staff.entries(many + 1)) == many + 1


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
        keys = ConversationKeys.of(conversation)
        async with asyncio.timeout(10):
            while await outside.ask((b"XLEN", keys.log)) != 0:  # noqa: ASYNC110 -- the store tells nobody
                await asyncio.sleep(0.02)
        assert await _state_knows(outside, conversation) == 32


async def test_without_acknowledgements_the_state_knows_of_nearly_all(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        many = 3 * MOST_ENTRIES
        await _say(survivor, conversation, range(1, many + 1))
        assert await _accepted(survivor, many) == [(each, 2 + each) for each in range(1, many + 1)]
        assert await _state_knows(outside, conversation) >= 2 + many - 4 * UNTOLD_ENTRIES
        assert [each.seq for each in await staff.entries(many)] == list(range(3, 3 + many))


async def test_large_and_small_ones_keep_their_order(relay_url: str, organisation: RelayOrganisation) -> None:
    """The large ones go by the script, also where small ones are under way."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        payloads = [b"%d" % each + bytes(MOST_ENTRY_BYTES if each % 3 == 0 else 10) for each in range(40)]
        for counter, payload in enumerate(payloads, 1):
            await survivor.send(Append(conversation, counter, 0, 1, payload))
        assert await _accepted(survivor, 40) == [(each, 2 + each) for each in range(1, 41)]
        assert [each.payload for each in await staff.entries(40)] == payloads


async def test_where_both_say_much_from_the_beginning_the_script_is_not_asked_for_ever(
    relay_url: str, organisation: RelayOrganisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though one of them is always under way."""
    asked, ask = [], DirectLog.script_asked

    def count(log: DirectLog, conversation: LocalConversation) -> None:
        asked.append(1)
        ask(log, conversation)

    monkeypatch.setattr(DirectLog, "script_asked", count)
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        asked.clear()
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
        # So much of each may have been under way before the first answer.
        assert len(asked) <= 2 * _IN_FLIGHT + 20


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
            return [
                b"%d" % each + bytes(chance.choice((3, 3, 3, 3, MOST_ENTRY_BYTES))) for each in range(count)
            ]

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


async def test_node_that_is_wrong_about_being_alone_loses_and_doubles_nothing(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    """Another has put something where it would, and many are under way."""
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
    """Again and again, while much is said: never again is anything published to it that was said before the
    first node knew of it.
    """
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


async def test_who_joins_is_told_to_look_at_the_log(
    relay_url: str, organisation: RelayOrganisation, outside: Store, heard: list[bytes]
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
        await survivor.append(conversation, 1, b"script")
        await survivor.append(conversation, 2, b"direct")
        await _subscribe_elsewhere(outside, survivor.capability, conversation)
        await eventually(lambda: bytes((LOOK_AT_LOG,)) + conversation in heard)
        # From now on it is published.
        await survivor.append(conversation, 3, b"published")
        await eventually(lambda: any(b"published" in message for message in heard))
        assert not any(b"direct" in message for message in heard)


async def _subscribe_elsewhere(store: Store, capability: bytes, conversation: bytes) -> None:
    hashed = hashlib.sha256(capability).digest()
    keys = ConversationKeys.of(conversation)
    command = scripts.subscribe(keys, conversation, _ELSEWHERE, NOW_MS, 1_000_000, capability_hash=hashed)
    assert scripts.member_state(await store.ask(command)) is not None


async def test_node_that_is_heard_again_tells_who_believed_to_be_alone(
    relay_url: str, organisation: RelayOrganisation, outside: Store, heard: list[bytes]
) -> None:
    """It had been forgotten while it did not listen."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
        keys = ConversationKeys.of(conversation)
        await _subscribe_elsewhere(outside, survivor.capability, conversation)
        node = as_bytes(await outside.ask((b"HGET", keys.state, b"o")))[:16]
        await outside.ask((b"HSET", keys.state, b"o", node))
        await survivor.append(conversation, 1, b"script")
        await survivor.append(conversation, 2, b"direct")
        heard.clear()
        await outside.ask(scripts.rejoin(keys, conversation, _ELSEWHERE, (0,)))
        await eventually(lambda: bytes((LOOK_AT_LOG,)) + conversation in heard)
        # The other way round, too.
        await outside.ask((b"HSET", keys.state, b"o", _ELSEWHERE))
        await outside.ask(_BREAK_CHANNEL)
        await eventually(lambda: bytes((NODE_JOINED,)) + conversation in heard)


async def test_what_a_node_said_before_it_died_is_found_by_who_joined_just_before(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    """It did not get to telling anybody."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
        keys = ConversationKeys.of(conversation)
        await survivor.append(conversation, 1, b"noted as direct")
        node = as_bytes(await outside.ask((b"HGET", keys.state, b"o")))
        await outside.ask((b"HSET", keys.state, b"o", node + _ELSEWHERE.encode()))
        async with frame_client(relay_url) as again:
            await again.subscribe(conversation, 3, survivor.capability)
            entry = placed_entry(conversation, 4, 1, 2, 0, 1, b"last words")
            await outside.ask((b"XADD", keys.log, b"NOMKSTREAM", b"4-0", b"e", entry))
            async with asyncio.timeout(LOOK_AGAIN_SECONDS + 5):
                assert (await again.expect(Entry)).payload == b"last words"


@pytest.mark.parametrize(("lost", "place"), [(1, 4), (2, 0)], ids=["the last", "one before the last"])
async def test_what_is_in_the_log_without_its_sender_knowing_is_handed_to_the_others(
    relay_url: str, organisation: RelayOrganisation, outside: Store, lost: int, place: int
) -> None:
    """As when the connection broke before the store's answer: its sender repeats it."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        keys = ConversationKeys.of(conversation)
        await survivor.append(conversation, 1, b"first")
        for number in range(lost):
            entry = placed_entry(conversation, 4 + number, 0, 2 + number, 0, 1, b"said")
            await outside.ask((b"XADD", keys.log, b"%d-0" % (4 + number), b"e", entry))
        assert (await survivor.append(conversation, 2, b"said")).seq == place
        entries = await staff.entries(1 + lost)
        assert [each.seq for each in entries] == [3, *range(4, 4 + lost)]


async def test_what_lies_in_the_log_and_nobody_has_accepted_is_handed_to_nobody(
    relay_url: str, organisation: RelayOrganisation, outside: Store
) -> None:
    """Whoever had it would take it for the one that gets its place in the end."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        keys = ConversationKeys.of(conversation)
        await survivor.append(conversation, 1, b"first")
        await outside.ask((b"HDEL", keys.state, b"t"))
        stray = placed_entry(conversation, 4, 0, 3, 0, 1, b"stray")
        await outside.ask((b"XADD", keys.log, b"4-0", b"e", stray))
        async with frame_client(relay_url) as again:
            assert (await again.subscribe(conversation, 0, survivor.capability)).last_seq == 3
            assert [each.seq for each in await again.entries(3)] == [1, 2, 3]
            await survivor.append(conversation, 2, b"second")
            for client, count in ((again, 1), (staff, 2)):
                assert (await client.entries(count))[-1].payload == b"second"


# --- the answers, one by one ---


class Recorder(Appending):
    """What becomes of appends."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int]] = []

    def appended(self, subscription: Subscription, frame: Append, entry: bytes, seq: int) -> None:
        self.events.append(("appended", frame.counter))

    def by_script(self, subscription: Subscription, frame: Append) -> None:
        self.events.append(("by script", frame.counter))

    def failed(self, subscription: Subscription, frame: Append, error: StoreUnavailable) -> None:
        self.events.append(("failed", frame.counter))


class Answers:
    """A store whose answers the test gives, and its connection."""

    sharded = held_back = False

    def __init__(self) -> None:
        self.waiting: list[Callable[[Answer], None]] = []
        self.lost = False
        self.hearing = Hearing(is_up=True)

    @property
    def direct_wire(self) -> Answers:
        return self

    def call_packed(self, packed: bytes, on_answer: Callable[[Answer], None]) -> None:
        self.waiting.append(on_answer)

    def answer(self, *answers: Answer) -> None:
        waiting, self.waiting = self.waiting[: len(answers)], self.waiting[len(answers) :]
        for on_answer, answer in zip(waiting, answers, strict=True):
            on_answer(answer)


class Direct:
    """A `DirectLog`, a conversation at place 10 of which it knows, and one member of it."""

    def __init__(self) -> None:
        self.store, self.recorder = Answers(), Recorder()
        limits = limits_of(self.store, "a" * 16, 10**9, 1000, 10**6)  # type: ignore[arg-type]  # as far as it is asked
        self.log = DirectLog(self.store, self.recorder, limits)  # type: ignore[arg-type]  # as above
        self.conversation = LocalConversation(b"conversation id!")
        self.subscription = Subscription(None, self.conversation, 0, 0)  # type: ignore[arg-type]  # nothing is written
        self.log.learn(self.subscription, self.frame(1), 10, 0)

    def frame(self, counter: int, epoch: int = 1, size: int = 10) -> Append:
        return Append(self.conversation.id, counter, 0, epoch, bytes(size))

    def append(self, frame: Append) -> bool:
        tail = self.conversation.tail
        assert tail is not None
        return self.log.append(self.subscription, frame)


def test_what_waits_behind_one_that_has_failed_is_not_believed() -> None:
    """Though the store says that it is in the log."""
    here = Direct()
    for counter in range(2, 7):
        assert here.append(here.frame(counter))
    here.store.answer(b"11-0", b"12-0", StoreRefused("equal or smaller"), b"14-0", b"15-0")
    assert here.recorder.events == [
        ("appended", 2),
        ("appended", 3),
        ("by script", 4),
        ("by script", 5),
        ("by script", 6),
    ]
    assert not here.append(here.frame(7))


def test_log_that_has_gone_is_for_the_script() -> None:
    here = Direct()
    assert here.append(here.frame(2))
    here.store.answer(None)
    assert here.recorder.events == [("by script", 2)]


def test_lost_connection_fails_all() -> None:
    here = Direct()
    assert here.append(here.frame(2))
    assert here.append(here.frame(3))
    here.store.answer(StoreUnavailable("lost"), StoreUnavailable("lost"))
    assert here.recorder.events == [("failed", 2), ("failed", 3)]
    assert not here.append(here.frame(4))


@pytest.mark.parametrize(
    "frame",
    [
        Append(b"conversation id!", 3, 0, 1, b""),
        Append(b"conversation id!", 1, 0, 1, b""),
        Append(b"conversation id!", 2, 0, 2, b""),
        Append(b"conversation id!", 2, 0, 1, bytes(MOST_ENTRY_BYTES + 1)),
    ],
    ids=["counter gap", "repeated", "other epoch", "large"],
)
def test_what_is_not_the_next_message_is_for_the_script(frame: Append) -> None:
    assert not Direct().append(frame)


def test_what_was_learnt_before_others_came_is_not_believed() -> None:
    here = Direct()
    joins = here.conversation.joins
    assert not here.log.end_alone(here.conversation)
    here.log.learn(here.subscription, here.frame(1), 10, joins)
    assert not here.append(here.frame(2))
    here.log.learn(here.subscription, here.frame(1), 10, here.conversation.joins)
    assert here.append(here.frame(2))
    assert here.log.end_alone(here.conversation)
    assert not here.log.end_alone(here.conversation)


def test_what_was_known_of_the_others_before_is_forgotten() -> None:
    """They may have said more elsewhere, and what one repeats must not go into the log again."""
    here = Direct()
    here.log.stop(here.conversation)
    other = Subscription(None, here.conversation, 1, 0)  # type: ignore[arg-type]  # nothing is written
    here.log.learn(other, here.frame(5), 20, here.conversation.joins)
    assert not here.append(here.frame(2))


def test_now_and_then_the_script_sees_the_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    """For it renews the expiry."""
    here = Direct()
    assert here.append(here.frame(2))
    later = time.monotonic() + RENEW_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert not here.append(here.frame(3))


def test_node_that_does_not_hear_of_others_does_not_believe_to_be_alone() -> None:
    here = Direct()
    here.store.hearing.is_up = False
    assert not here.append(here.frame(2))
    here.store.hearing.is_up = True
    assert here.append(here.frame(2))


def test_where_the_log_ends_is_not_known_while_a_script_is_asked() -> None:
    here = Direct()
    here.log.script_asked(here.conversation)
    here.log.script_asked(here.conversation)
    here.conversation.scripted -= 1
    here.log.learn(here.subscription, here.frame(2), 11, 0)
    assert not here.append(here.frame(3))
    here.conversation.scripted -= 1
    here.log.learn(here.subscription, here.frame(3), 12, 0)
    assert here.append(here.frame(4))


def _asked_once(here: Direct) -> None:
    """The script is asked, and has said that appends may go directly."""
    here.log.script_asked(here.conversation)
    here.log.learn(here.subscription, here.frame(2), 11, here.conversation.joins)


def test_what_comes_while_the_script_is_asked_is_held_in_its_order() -> None:
    here = Direct()
    _asked_once(here)
    for frame in (here.frame(3), here.frame(4, size=MOST_ENTRY_BYTES + 1), here.frame(5)):
        assert not here.append(frame)
        assert here.log.hold(here.subscription, frame)
    here.conversation.scripted -= 1
    here.log.learn(here.subscription, here.frame(2), 11, here.conversation.joins)
    assert [frame.counter for _, frame in here.log.release(here.conversation)] == [3, 4, 5]
    assert here.log.release(here.conversation) == []
    assert not here.log.hold(here.subscription, here.frame(6))


def test_others_who_come_meanwhile_do_not_free_what_is_held() -> None:
    """It would overtake."""
    here = Direct()
    _asked_once(here)
    assert here.log.hold(here.subscription, here.frame(3))
    here.log.end_alone(here.conversation)
    assert here.log.hold(here.subscription, here.frame(4))
    assert [frame.counter for _, frame in here.log.release(here.conversation)] == [3, 4]
    assert not here.log.hold(here.subscription, here.frame(5))


async def test_who_was_taken_out_says_nothing_without_the_script(
    relay_url: str, organisation: RelayOrganisation, seen: list[tuple[DirectLog, Subscription]]
) -> None:
    """Also while such a one still reads what came before."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await staff.append(conversation, 2, b"his")
        await staff.append(conversation, 3, b"his")
        log, his = seen[-1]
        (hers,) = (each for each in his.conversation.subscriptions if each is not his)
        his.catching_up = True
        # As a commit does that takes somebody out.
        delivery = log._appending._delivery  # type: ignore[attr-defined]  # of the relay, not of a test
        delivery.end_membership(his.conversation, his.member)
        assert his.ends_after == his.conversation.newest
        assert not log.append(his, Append(conversation, 4, 0, 1, b"his"))
        await survivor.append(conversation, 1, b"hers")
        assert log.append(hers, Append(conversation, 2, 0, 1, b"hers"))


async def test_who_comes_back_meanwhile_hears_what_was_held(
    relay_url: str, organisation: RelayOrganisation, seen: list[tuple[DirectLog, Subscription]]
) -> None:
    """Everybody had left the conversation at this node, which knows of it anew."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        await survivor.append(conversation, 1, b"hers")
        await staff.entries(1)
        log, hers = seen[-1]
        appends = log._appending
        gone = LocalConversation(conversation)
        gone.tail = Tail(gone, appends)
        before = Subscription(hers.connection, gone, hers.member, hers.cursor)
        gone.tail.held = [(before, Append(conversation, 2, 0, 1, b"held"))]
        appends._go_on(gone)  # type: ignore[attr-defined]  # of the relay, not of a test
        assert [each.payload for each in await staff.entries(1)] == [b"held"]


def test_nothing_waits_in_vain() -> None:
    """What the script must see anyway goes to it at once."""
    here = Direct()
    assert not here.log.hold(here.subscription, here.frame(2))
    _asked_once(here)
    assert not here.log.hold(here.subscription, here.frame(3, size=MOST_ENTRY_BYTES + 1))
    assert not here.log.hold(here.subscription, Append(here.conversation.id, 3, 1, 1, b"commit"))
    here.store.hearing.is_up = False
    assert not here.log.hold(here.subscription, here.frame(3))
    here.store.hearing.is_up = True
    here.store.lost = True
    assert not here.log.hold(here.subscription, here.frame(3))
    here.store.lost = False
    assert here.log.hold(here.subscription, here.frame(3))


def test_the_state_is_told_of_much_also_where_nobody_acknowledges() -> None:
    here = Direct()
    words = []

    def tell(subscription: Subscription) -> None:
        word, on_answer = here.log.told(subscription.conversation)
        assert on_answer is not None
        words.append(word)
        on_answer(-1)

    here.log.on_untold = tell
    for number in range(4 * MOST_ENTRIES):
        assert here.append(here.frame(2 + number))
        here.store.answer(b"%d-0" % (11 + number))
    assert len(words) == 4 * MOST_ENTRIES // UNTOLD_ENTRIES - 1


def test_so_many_go_directly_before_the_state_must_be_told() -> None:
    here = Direct()
    assert sum(here.append(here.frame(counter)) for counter in range(2, 999)) == MOST_ENTRIES
    here.store.answer(*(b"%d-0" % (11 + each) for each in range(MOST_ENTRIES)))
    told, on_answer = here.log.told(here.conversation)
    assert len(told) == 16 + 20
    assert on_answer is not None
    on_answer(-5)
    assert here.append(here.frame(2 + MOST_ENTRIES))


def test_so_much_goes_directly_before_the_state_must_be_told() -> None:
    here = Direct()
    size = 4000
    gone = sum(here.append(here.frame(counter, size=size)) for counter in range(2, 200))
    assert MOST_BYTES / (size + 100) < gone <= MOST_BYTES / size + 1


def test_store_that_says_no_ends_it() -> None:
    here = Direct()
    for counter in range(2, 2 + MOST_ENTRIES):
        assert here.append(here.frame(counter))
    here.store.answer(*(b"%d-0" % (11 + each) for each in range(MOST_ENTRIES)))
    _, on_answer = here.log.told(here.conversation)
    assert on_answer is not None
    on_answer(5)
    assert not here.append(here.frame(2 + MOST_ENTRIES))


@pytest.mark.parametrize("answer", [StoreRefused("OOM"), StoreUnavailable("lost"), 0, 5])
def test_word_that_was_lost_is_not_believed_to_be_known(answer: Answer) -> None:
    here = Direct()
    assert here.append(here.frame(2))
    here.store.answer(b"11-0")
    _, on_answer = here.log.told(here.conversation)
    assert on_answer is not None
    on_answer(answer)
    assert not here.append(here.frame(3))


def test_each_word_says_all() -> None:
    """So that the next repairs what an earlier one has left out."""
    here = Direct()
    other = Subscription(None, here.conversation, 1, 0)  # type: ignore[arg-type]  # nothing is written
    tail = here.conversation.tail
    assert tail is not None
    assert here.append(here.frame(2))
    here.store.answer(b"11-0")
    assert len(here.log.told(here.conversation)[0]) == 16 + 20
    tail.counters[1] = 4
    assert here.log.append(other, here.frame(5))
    here.store.answer(b"12-0")
    assert len(here.log.told(here.conversation)[0]) == 16 + 2 * 20
    assert here.log.told(here.conversation) == (b"", None)


async def test_sealed_store_is_never_appended_to_directly() -> None:
    store = Store(parse_location("redis://localhost"), durability=Durability.REPLICATED, replicas=1)
    assert limits_of(store, "a" * 16, 10**9, 1000, 10**6).direct_entries == 0
    assert store.direct_wire is None
