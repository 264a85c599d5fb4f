"""Whoever misbehaves harms only herself: a healthy pair on the same relay keeps talking all the while."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from support.clients.plain_msgpack_client import (
    DEADLINE,
    PlainClient,
    PlainPair,
    Tag,
    open_pair,
    plain_client,
)
from support.clients.plain_relay import PlainRelay, plain_relay
from teduh_server.config.settings import Settings
from teduh_server.handlers.admission import MOST_REQUESTS_PER_CONNECTION

VECTORS = Path(__file__).parents[1] / "vectors" / "relay_protocol.json"
MALFORMED: dict[str, bytes] = {
    scenario["name"]: bytes.fromhex(scenario["steps"][-1]["frame"])
    for scenario in json.loads(VECTORS.read_text(encoding="utf-8"))
    if scenario["name"].startswith("malformed")
}
FRAME_LIMIT = 256 * 1024
FORGIVEN = 16
EMERGENCY = [None, None, None, None, 2]
CONVERSATION_ENTRIES = 100
DEFAULTS = {
    name: Settings.model_fields[name].default
    for name in ("connections_per_minute", "requests_per_minute", "frames_per_second", "bytes_per_second")
}
"""What tests of the relay are usually spared."""


@pytest.fixture
async def relay(request: pytest.FixtureRequest) -> AsyncIterator[PlainRelay]:
    """A relay with its default settings but a small log, full quickly; a parameter changes settings."""
    changed = getattr(request, "param", {})
    settings = {**DEFAULTS, "conversation_entries": CONVERSATION_ENTRIES, **changed}
    async with plain_relay(**settings) as relay:
        yield relay


@asynccontextmanager
async def pair_on(relay: PlainRelay) -> AsyncIterator[PlainPair]:
    async with plain_client(relay.url) as survivor, relay.staff_client() as counselor:
        yield await open_pair(survivor, counselor)


@pytest.fixture
async def pair(relay: PlainRelay) -> AsyncIterator[PlainPair]:
    """The healthy pair. It must be able to talk when the test is over, whatever happened."""
    async with pair_on(relay) as pair:
        await pair.talk()
        yield pair
        await pair.talk()


@pytest.fixture
async def hostile(relay: PlainRelay, pair: PlainPair) -> AsyncIterator[PlainClient]:
    async with plain_client(relay.url) as client:
        yield client


async def while_it_lasts(pair: PlainPair, attack: asyncio.Future[Any]) -> None:
    """The pair talks, at least once and until the attack is over."""
    await pair.talk()
    while not attack.done():
        await pair.talk(1)
    await attack


@pytest.mark.parametrize("garbage", MALFORMED.values(), ids=MALFORMED.keys())
async def test_garbage_is_answered_once_and_closed(hostile: PlainClient, garbage: bytes) -> None:
    await hostile.send_bytes(garbage)
    error = await hostile.expect(Tag.ERROR)
    assert [error[0], error[7]] == ["malformed_frame", True]
    assert await hostile.ended() == 1002


async def test_a_text_message_is_closed(hostile: PlainClient) -> None:
    await hostile.websocket.send_str("hello")
    assert await hostile.ended() == 1003


@pytest.mark.parametrize("excess", [1, FRAME_LIMIT])
async def test_a_frame_over_the_limit_is_closed(hostile: PlainClient, excess: int) -> None:
    await hostile.send_bytes(bytes(FRAME_LIMIT + excess))
    assert await hostile.ended() == 1009


async def test_a_frame_at_the_limit_is_read_as_any_other(hostile: PlainClient) -> None:
    """It is refused for what it is, not for its size."""
    await hostile.send_bytes(bytes(FRAME_LIMIT))
    assert (await hostile.expect(Tag.ERROR))[0] == "malformed_frame"


async def test_frames_out_of_state_are_refused_and_in_the_end_closed(hostile: PlainClient) -> None:
    for attempt in range(FORGIVEN + 1):
        error = await hostile.ask(Tag.ERROR, Tag.CLAIM, attempt)
        assert [error[0], error[2], error[7]] == ["unexpected_frame", attempt, attempt == FORGIVEN]
    assert await hostile.ended() == 1002


@pytest.mark.parametrize(
    "frame",
    [
        [Tag.SET_AVAILABILITY, 1, 2],
        [Tag.LIST_COLLEAGUES, 1],
        [Tag.FETCH_KEY_PACKAGE, 1, bytes(32)],
        [Tag.PUBLISH_KEY_PACKAGES, 1, [b"x"]],
    ],
)
async def test_the_anonymous_get_nothing_that_is_for_staff(hostile: PlainClient, frame: list[Any]) -> None:
    assert (await hostile.ask(Tag.ERROR, *frame))[:3:2] == ["unexpected_frame", 1]


async def test_a_stranger_cannot_append_to_a_conversation(hostile: PlainClient, pair: PlainPair) -> None:
    """Not even with a frame that a member has sent before."""
    append = [pair.survivor.conversation_id, pair.survivor.counter, 0, 1, b"said 1"]
    assert (await hostile.ask(Tag.ERROR, Tag.APPEND, *append))[0] == "unknown_conversation"


async def test_a_stranger_cannot_tell_a_conversation_from_none(hostile: PlainClient, pair: PlainPair) -> None:
    """A wrong capability and a conversation that does not exist get the same answer."""
    answers = [
        await hostile.ask(Tag.ERROR, Tag.SUBSCRIBE, 3, conversation_id, 0, secrets.token_bytes(32))
        for conversation_id in (pair.survivor.conversation_id, secrets.token_bytes(16))
    ]
    assert [answer[3] is not None for answer in answers] == [True, True]
    for answer in answers:
        answer[3] = None
    assert answers[0] == answers[1]


async def test_a_stranger_can_neither_acknowledge_nor_leave_for_a_member(
    hostile: PlainClient, pair: PlainPair
) -> None:
    conversation_id = pair.survivor.conversation_id
    await hostile.send(Tag.ACKNOWLEDGE, conversation_id, 10**6)
    await hostile.send(Tag.EPHEMERAL, conversation_id, b"boo")
    await hostile.send(Tag.UNSUBSCRIBE, conversation_id)
    assert (await hostile.ask(Tag.ERROR, Tag.LEAVE, 4, conversation_id))[0] == "unknown_conversation"
    await pair.talk()


async def test_staff_of_another_conversation_is_a_stranger_too(relay: PlainRelay, pair: PlainPair) -> None:
    async with relay.staff_client() as other:
        conversation_id = pair.survivor.conversation_id
        assert (await other.ask(Tag.ERROR, Tag.SUBSCRIBE, 5, conversation_id, 0))[0] == "unknown_conversation"
        assert (await other.ask(Tag.ERROR, Tag.CLAIM, 6, conversation_id))[0] == "request_gone"


async def test_a_lying_epoch_is_refused_and_uses_up_nothing(relay: PlainRelay, pair: PlainPair) -> None:
    """In the liar's own conversation; what she then says truthfully is accepted under the same counter."""
    async with pair_on(relay) as lying:
        for epoch in (0, 2, 2**53 - 1):
            append = [lying.survivor.conversation_id, 1, 0, epoch, b"lie"]
            error = await lying.survivor.client.ask(Tag.ERROR, Tag.APPEND, *append)
            assert [error[0], error[5]] == ["wrong_epoch", 1]
        await lying.talk()
        await pair.talk()


async def test_of_two_commits_in_one_epoch_the_first_wins(relay: PlainRelay, pair: PlainPair) -> None:
    async with pair_on(relay) as racing:
        survivor, counselor = racing.survivor, racing.counselor
        commits = [
            [Tag.APPEND, survivor.conversation_id, 1, 1, 1, b"hers"],
            [Tag.APPEND, counselor.conversation_id, counselor.counter + 1, 1, 1, b"the counselor's"],
        ]
        await asyncio.gather(survivor.client.send(*commits[0]), counselor.client.send(*commits[1]))
        verdicts = await asyncio.gather(_verdict(survivor.client), _verdict(counselor.client))
        assert sorted(verdicts) == ["accepted", "wrong_epoch"]


async def test_whoever_commits_without_end_is_slowed_down_and_the_other_is_heard(relay: PlainRelay) -> None:
    async with pair_on(relay) as stormed:
        storming, other = stormed.survivor, stormed.counselor
        conversation_id, counter, epoch = storming.conversation_id, storming.counter, 1
        while True:
            commit = [conversation_id, counter + 1, 1, epoch, b"a commit"]
            await storming.client.send(Tag.APPEND, *commit)
            tag, fields = await storming.client.expect_either(Tag.ACCEPTED, Tag.ERROR)
            if tag == Tag.ERROR:
                break
            counter, epoch = counter + 1, epoch + 1
        assert (fields[0], fields[4], fields[5]) == ("rate_limited", counter + 1, 0)
        assert 0 < fields[6] <= 20_000
        assert epoch == 9
        await other.client.ask(
            Tag.ACCEPTED, Tag.APPEND, conversation_id, other.counter + 1, 0, epoch, b"heard"
        )


async def _verdict(client: PlainClient) -> str:
    tag, fields = await client.expect_either(Tag.ACCEPTED, Tag.ERROR)
    return "accepted" if tag == Tag.ACCEPTED else str(fields[0])


async def test_a_replayed_append_is_heard_once(relay: PlainRelay, pair: PlainPair) -> None:
    async with pair_on(relay) as replaying:
        append = [replaying.survivor.conversation_id, 1, 0, 1, b"once"]
        for _ in range(50):
            await replaying.survivor.client.ask(Tag.ACCEPTED, Tag.APPEND, *append)
        replaying.survivor.counter = 1
        assert (await replaying.counselor.next_entry())[-1] == b"once"
        await replaying.talk()
        await pair.talk()


async def test_only_staff_name_members_and_only_in_a_commit(relay: PlainRelay, pair: PlainPair) -> None:
    """A survivor cannot make devices members; a message cannot carry a Welcome."""
    async with pair_on(relay) as lying:
        conversation_id, device = lying.survivor.conversation_id, bytes(32)
        for refused, code in (
            ([conversation_id, 1, 1, 1, b"x", None, [device]], "not_permitted"),
            ([conversation_id, 1, 1, 1, b"x", None, [], [device]], "not_permitted"),
            ([conversation_id, 1, 0, 1, b"x", b"welcome"], "unexpected_frame"),
        ):
            error = await lying.survivor.client.ask(Tag.ERROR, Tag.APPEND, *refused)
            assert [error[0], error[4], error[7]] == [code, 1, False]
        await lying.talk()


async def test_a_false_list_of_removed_devices_reaches_no_other_conversation(
    relay: PlainRelay, pair: PlainPair
) -> None:
    """A counselor who names a colleague of another conversation as removed changes nothing there."""
    async with relay.staff_client("Dewi") as counselor, plain_client(relay.url) as survivor:
        other = await open_pair(survivor, counselor)
        liar = pair.counselor
        liar.counter += 1
        commit = [liar.conversation_id, liar.counter, 1, 1, b"x", None, [], [counselor.device_id]]
        await liar.client.ask(Tag.ACCEPTED, Tag.APPEND, *commit)
        liar.epoch = pair.survivor.epoch = 2
        await pair.survivor.next_entry()
        await other.talk()


async def test_a_flood_slows_only_the_flooder(hostile: PlainClient, pair: PlainPair) -> None:
    """Ten thousand pings, none of whose answers are read."""

    async def flood() -> None:
        for number in range(10_000):
            await hostile.send(Tag.PING, number)

    attack = asyncio.create_task(flood())
    await pair.talk(20)
    attack.cancel()
    hostile.drop()


async def test_a_flood_of_connections_is_turned_away(relay: PlainRelay, pair: PlainPair) -> None:
    """Beyond the burst an address is answered 429, while those who are connected talk on."""
    statuses: list[int] = []

    async def knock() -> None:
        async with aiohttp.ClientSession() as session:
            for _ in range(150):
                try:
                    socket = await session.ws_connect(f"{relay.url}/v1/socket", protocols=["teduh.1"])
                    await socket.close()
                except aiohttp.WSServerHandshakeError as error:
                    statuses.append(error.status)

    await while_it_lasts(pair, asyncio.create_task(knock()))
    assert set(statuses) == {429}


async def test_a_reader_that_never_acknowledges_fills_only_her_own_conversation(
    relay: PlainRelay, pair: PlainPair
) -> None:
    """The log takes so many entries and no more; the sender is told, and nobody else is concerned."""
    async with pair_on(relay) as silent:
        speaker = silent.counselor
        codes = []
        for number in range(CONVERSATION_ENTRIES + 5):
            append = [speaker.conversation_id, speaker.counter + 1, 0, 1, b"%d" % number]
            await speaker.client.send(Tag.APPEND, *append)
            tag, fields = await speaker.client.expect_either(Tag.ACCEPTED, Tag.ERROR)
            speaker.counter += tag == Tag.ACCEPTED
            codes += [fields[0]] if tag == Tag.ERROR else []
        assert set(codes) == {"too_many"}
        await pair.talk()
        for member in (silent.survivor, speaker):
            await member.client.send(Tag.ACKNOWLEDGE, speaker.conversation_id, 80)
            await member.client.ask(Tag.PONG, Tag.PING, 1)
        assert await speaker.append(b"there is room again") > 0


@pytest.mark.parametrize("relay", [{"bytes_per_second": 1e9}], indirect=True, ids=["generous"])
async def test_a_slow_reader_is_not_buffered_and_misses_nothing(relay: PlainRelay, pair: PlainPair) -> None:
    """Twenty times what a transport may hold waits in the log, not in the relay; it comes in order."""
    async with pair_on(relay) as slow:
        speaker = slow.counselor
        before = relay.buffered_bytes()
        payload = secrets.token_bytes(120_000)
        for number in range(CONVERSATION_ENTRIES // 2):
            await speaker.append(b"%d:" % number + payload)
        await pair.talk()
        assert relay.buffered_bytes() - before < 2 * 1024 * 1024
        for number in range(CONVERSATION_ENTRIES // 2):
            entry = await slow.survivor.next_entry()
            assert entry[-1].startswith(b"%d:" % number)


@pytest.mark.parametrize("relay", [{"heartbeat_seconds": 1}], indirect=True, ids=["quick heart"])
async def test_half_open_sockets_are_dropped(relay: PlainRelay, pair: PlainPair) -> None:
    """A client that answers no ping is gone after two heartbeats, though its socket stays open."""
    reader, writer = await _shake_hands(relay)
    attack = asyncio.create_task(_until_dropped(reader))
    await while_it_lasts(pair, attack)
    writer.close()


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /v1/socket HTTP/1.1\r\nHost: relay\r\n", b"\x16\x03\x01\x02\x00"],
    ids=["nothing", "half a request", "TLS"],
)
@pytest.mark.parametrize("relay", [{"heartbeat_seconds": 1}], indirect=True, ids=["quick heart"])
async def test_sockets_that_never_finish_the_handshake_are_dropped(
    relay: PlainRelay, pair: PlainPair, sent: bytes
) -> None:
    """Silence, and half a request, are given two heartbeats."""
    dialled = [await _dial(relay) for _ in range(200)]
    for _, writer in dialled:
        writer.write(sent)
    drops = [_until_dropped(reader) for reader, _ in dialled]
    await while_it_lasts(pair, asyncio.ensure_future(asyncio.gather(*drops)))
    for _, writer in dialled:
        writer.close()


async def test_a_message_in_endless_fragments_is_closed(relay: PlainRelay, pair: PlainPair) -> None:
    """What never ends is not collected beyond the limit."""
    reader, writer = await _shake_hands(relay)
    fragment = b"\x02\xfe\xff\xff" + bytes(4) + bytes(65535)
    following = b"\x00" + fragment[1:]
    try:
        writer.write(fragment)
        for _ in range(8):
            writer.write(following)
            await writer.drain()
    except ConnectionError:
        pass
    await while_it_lasts(pair, asyncio.create_task(_until_dropped(reader)))
    writer.close()


@pytest.mark.parametrize("first", [0x92, 0xC2, 0x83], ids=["reserved bit", "compressed", "reserved opcode"])
async def test_frames_against_the_websocket_protocol_are_closed(
    relay: PlainRelay, pair: PlainPair, first: int
) -> None:
    reader, writer = await _shake_hands(relay)
    writer.write(bytes([first, 0x82]) + bytes(4) + b"\x10\x01")
    await while_it_lasts(pair, asyncio.create_task(_until_dropped(reader)))
    writer.close()


async def test_one_connection_cannot_fill_the_queue(hostile: PlainClient, pair: PlainPair) -> None:
    """Not even with emergencies."""
    answers = []
    for _ in range(20):
        await hostile.send(Tag.OPEN_REQUEST, 1, secrets.token_bytes(32), b"key package", EMERGENCY)
        tag, fields = await hostile.expect_either(Tag.REQUEST_OPENED, Tag.ERROR)
        answers.append((tag, fields[0]))
        if tag == Tag.REQUEST_OPENED:
            await hostile.send(Tag.UNSUBSCRIBE, fields[1])
    opened = MOST_REQUESTS_PER_CONNECTION
    assert [tag for tag, _ in answers[:opened]] == [Tag.REQUEST_OPENED] * opened
    assert answers[opened:] == [(Tag.ERROR, "too_many")] * (20 - opened)


@pytest.mark.parametrize("relay", [{"free_requests": 3, "calm_waiting": 30}], indirect=True)
async def test_many_requests_of_one_source_cost_something_whatever_they_call_themselves(
    relay: PlainRelay, pair: PlainPair
) -> None:
    """A client that knows nothing of prices is told by a code that it knows, and how long to wait."""
    refused = []
    for _ in range(20):
        async with plain_client(relay.url) as hostile:
            await hostile.send(Tag.OPEN_REQUEST, 1, secrets.token_bytes(32), b"key package", EMERGENCY)
            tag, fields = await hostile.expect_either(Tag.REQUEST_OPENED, Tag.ERROR)
            refused += [fields] if tag == Tag.ERROR else []
    assert len(refused) >= 16
    for fields in refused:
        assert (fields[0], fields[6]) == ("proof_of_work_required", 10_000)


async def _dial(relay: PlainRelay) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(relay.url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def _shake_hands(relay: PlainRelay) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket of our own that does nothing by itself, not even answer pings."""
    reader, writer = await _dial(relay)
    writer.write(
        b"GET /v1/socket HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Protocol: teduh.1\r\n\r\n"
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in head
    return reader, writer


async def _until_dropped(reader: asyncio.StreamReader) -> None:
    async with asyncio.timeout(DEADLINE):
        try:
            while await reader.read(65536):
                pass
        except ConnectionError:
            return
