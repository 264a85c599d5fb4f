"""A whole exchange with the real relay, spoken by a client that knows PROTOCOL.md and no line of our code."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from support.clients.plain_msgpack_client import PlainClient, PlainPair, Tag, open_pair, plain_client
from support.clients.plain_relay import PlainRelay, plain_relay
from teduh_server.staff import presence


@pytest.fixture
async def relay() -> AsyncIterator[PlainRelay]:
    async with plain_relay() as relay:
        yield relay


@pytest.fixture
async def survivor(relay: PlainRelay) -> AsyncIterator[PlainClient]:
    async with plain_client(relay.url) as client:
        yield client


@pytest.fixture
async def counselor(relay: PlainRelay) -> AsyncIterator[PlainClient]:
    async with relay.staff_client() as client:
        yield client


@pytest.fixture
async def pair(survivor: PlainClient, counselor: PlainClient) -> PlainPair:
    return await open_pair(survivor, counselor)


async def test_hello_comes_first_and_names_the_version(survivor: PlainClient) -> None:
    version, nonce, _, limits, _ = survivor.hello
    assert version == 1
    assert len(nonce) == 32
    assert len(limits) == 5


async def test_two_people_talk(pair: PlainPair) -> None:
    """From the request to the first words, in both directions."""
    await pair.talk()


async def test_a_ping_is_answered(survivor: PlainClient) -> None:
    assert await survivor.ask(Tag.PONG, Tag.PING, 77) == [77]


async def test_the_same_capability_is_the_same_request(survivor: PlainClient) -> None:
    first = await survivor.ask(Tag.REQUEST_OPENED, Tag.OPEN_REQUEST, 1, bytes(32), b"key package")
    again = await survivor.ask(Tag.REQUEST_OPENED, Tag.OPEN_REQUEST, 2, bytes(32), b"key package")
    assert again[1] == first[1]


async def test_a_request_can_be_cancelled(survivor: PlainClient, counselor: PlainClient) -> None:
    opened = await survivor.ask(Tag.REQUEST_OPENED, Tag.OPEN_REQUEST, 1, bytes(32), b"key package")
    assert await survivor.ask(Tag.DONE, Tag.CANCEL_REQUEST, 5, opened[1]) == [5, b""]
    assert (await counselor.ask(Tag.ERROR, Tag.CLAIM, 6))[0] == "queue_empty"


async def test_a_survivor_who_comes_back_reads_on(relay: PlainRelay, pair: PlainPair) -> None:
    """By her capability, on another connection, after what she has seen; her own entries included."""
    said = await pair.survivor.append(b"and then")
    async with plain_client(relay.url) as again:
        subscribe = [Tag.SUBSCRIBE, 9, pair.survivor.conversation_id, pair.survivor.seen, pair.capability]
        ref, _, member, epoch, last, _, counter = await again.ask(Tag.SUBSCRIBED, *subscribe)
        assert [ref, member, epoch, last, counter] == [9, 0, 1, said, 1]
        entry = await again.expect(Tag.ENTRY)
        assert entry[1:] == [said, 0, 1, 0, 1, b"and then"]


@pytest.mark.parametrize("kind", [0, 1], ids=["message", "commit with a Welcome"])
async def test_ones_own_entries_stay_until_one_has_acknowledged_them_oneself(
    relay: PlainRelay, pair: PlainPair, kind: int
) -> None:
    """Whoever loses the connection before Accepted comes finds them in the log, though others have them."""
    survivor, conversation_id = pair.survivor, pair.survivor.conversation_id
    places = [await survivor.append(b"own", kind=kind, welcome=b"welcome" if kind else None)]
    heard = [(await pair.counselor.next_entry())[0] for _ in range(1 + kind)]
    await pair.counselor.client.ask(Tag.PONG, Tag.PING, 1)
    async with plain_client(relay.url) as again:
        subscribe = [Tag.SUBSCRIBE, 9, conversation_id, survivor.seen, pair.capability]
        first_seq = (await again.ask(Tag.SUBSCRIBED, *subscribe))[5]
        assert first_seq <= survivor.seen + 1
        assert [(await again.expect(Tag.ENTRY))[1] for _ in heard] == heard
        assert heard[:1] == places


async def test_a_repeated_append_is_accepted_at_the_same_place_and_heard_once(pair: PlainPair) -> None:
    conversation_id, counselor = pair.survivor.conversation_id, pair.counselor
    append = [Tag.APPEND, conversation_id, 1, 0, 1, b"once"]
    places = [(await pair.survivor.client.ask(Tag.ACCEPTED, *append))[2] for _ in range(3)]
    assert len(set(places)) == 1
    pair.survivor.counter = 1
    assert (await counselor.next_entry())[-1] == b"once"
    await pair.talk()


async def test_an_append_in_another_epoch_is_refused_with_the_current_one(pair: PlainPair) -> None:
    """Its counter is not used up."""
    append = [Tag.APPEND, pair.survivor.conversation_id, 1, 0, 7, b"too early"]
    error = await pair.survivor.client.ask(Tag.ERROR, *append)
    assert [error[0], error[4], error[5], error[7]] == ["wrong_epoch", 1, 1, False]
    await pair.talk()


async def test_a_gap_in_the_counter_is_refused_with_the_next_one(pair: PlainPair) -> None:
    append = [Tag.APPEND, pair.survivor.conversation_id, 5, 0, 1, b"fifth"]
    error = await pair.survivor.client.ask(Tag.ERROR, *append)
    assert [error[0], error[4], error[5]] == ["counter_gap", 5, 1]
    await pair.talk()


async def test_an_ephemeral_is_passed_on(pair: PlainPair) -> None:
    await pair.survivor.client.send(Tag.EPHEMERAL, pair.survivor.conversation_id, b"typing")
    passed = await pair.counselor.client.expect(Tag.EPHEMERAL_ENTRY)
    assert passed == [pair.survivor.conversation_id, 0, b"typing"]


async def test_a_colleague_is_brought_in_and_reads_from_her_welcome_on(
    relay: PlainRelay, pair: PlainPair
) -> None:
    """Key packages, colleagues, the inbox, and a third member."""
    async with relay.staff_client("Dewi") as colleague:
        await colleague.ask(Tag.DONE, Tag.SET_AVAILABILITY, 1, 2, 3)
        await colleague.ask(Tag.DONE, Tag.PUBLISH_KEY_PACKAGES, 2, [b"package"])
        counselor = pair.counselor
        _, colleagues, more = await counselor.client.ask(Tag.COLLEAGUES, Tag.LIST_COLLEAGUES, 3)
        assert colleague.device_id in [found[0] for found in colleagues]
        assert not more
        fetched = await counselor.client.ask(Tag.KEY_PACKAGE, Tag.FETCH_KEY_PACKAGE, 4, colleague.device_id)
        assert fetched == [4, colleague.device_id, b"package"]
        error = await counselor.client.ask(Tag.ERROR, Tag.FETCH_KEY_PACKAGE, 5, colleague.device_id)
        assert error[0] == "no_key_package"
        await _add(pair, colleague)
        await _joins(colleague, pair.survivor.conversation_id)


async def test_a_long_list_of_colleagues_comes_in_parts(
    relay: PlainRelay, counselor: PlainClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By rising device id; each part asks for what comes after the last one of the part before."""
    monkeypatch.setattr(presence, "MAX_COLLEAGUES", 2)
    async with AsyncExitStack() as stack:
        others = [await stack.enter_async_context(relay.staff_client()) for _ in range(3)]
        _, first, more = await counselor.ask(Tag.COLLEAGUES, Tag.LIST_COLLEAGUES, 1)
        assert more
        _, rest, more = await counselor.ask(Tag.COLLEAGUES, Tag.LIST_COLLEAGUES, 2, first[-1][0])
        assert not more
        assert [each[0] for each in [*first, *rest]] == sorted(other.device_id for other in others)


async def _add(pair: PlainPair, colleague: PlainClient) -> None:
    counselor = pair.counselor
    counselor.counter += 1
    head = [
        Tag.APPEND,
        counselor.conversation_id,
        counselor.counter,
        1,
        1,
        b"add",
        b"welcome",
        [colleague.device_id],
    ]
    await counselor.client.ask(Tag.ACCEPTED, *head)


async def _joins(colleague: PlainClient, conversation_id: bytes) -> None:
    seq, invited_to, after = await colleague.expect(Tag.INBOX_ITEM)
    assert invited_to == conversation_id
    subscribed = await colleague.ask(Tag.SUBSCRIBED, Tag.SUBSCRIBE, 6, conversation_id, after)
    assert subscribed[3] == 2
    welcome = await colleague.expect(Tag.ENTRY)
    assert [welcome[1], welcome[3:]] == [after + 1, [0, 2, 2, b"welcome"]]
    await colleague.send(Tag.ACKNOWLEDGE_INBOX, seq)
    assert await colleague.ask(Tag.PONG, Tag.PING, 8) == [8]


async def test_a_removed_device_is_told_and_reads_no_more(relay: PlainRelay, pair: PlainPair) -> None:
    async with relay.staff_client("Dewi") as colleague:
        await _add(pair, colleague)
        await _joins(colleague, pair.survivor.conversation_id)
        counselor = pair.counselor
        counselor.counter += 1
        remove = [
            counselor.conversation_id,
            counselor.counter,
            1,
            2,
            b"remove",
            None,
            [],
            [colleague.device_id],
        ]
        await counselor.client.ask(Tag.ACCEPTED, Tag.APPEND, *remove)
        assert await colleague.expect(Tag.MEMBERSHIP_ENDED) == [pair.survivor.conversation_id]
        subscribe = [Tag.SUBSCRIBE, 9, pair.survivor.conversation_id, 0]
        assert (await colleague.ask(Tag.ERROR, *subscribe))[0] == "unknown_conversation"


async def test_whoever_leaves_is_no_member_any_more(pair: PlainPair) -> None:
    counselor = pair.counselor
    assert await counselor.client.ask(Tag.DONE, Tag.LEAVE, 3, counselor.conversation_id) == [3, b""]
    append = [Tag.APPEND, counselor.conversation_id, counselor.counter + 1, 0, 1, b"after all"]
    assert (await counselor.client.ask(Tag.ERROR, *append))[0] == "unknown_conversation"


async def test_staff_with_a_wrong_signature_is_refused_and_closed(relay: PlainRelay) -> None:
    statement, _ = relay.statement()
    async with plain_client(relay.url) as client:
        await client.send(Tag.AUTHENTICATE, statement, bytes(64), None)
        error = await client.expect(Tag.ERROR)
        assert [error[0], error[7]] == ["authentication_failed", True]
        assert await client.ended() == 1008


async def test_a_signature_for_another_origin_is_refused(relay: PlainRelay) -> None:
    """A relay in between cannot use what was signed for it."""
    statement, key = relay.statement()
    async with plain_client(relay.url) as client:
        client.origin = "https://another.example"
        signing_in = client.ask(Tag.ERROR, Tag.AUTHENTICATE, *client.proof(statement, key))
        assert (await signing_in)[0] == "authentication_failed"
