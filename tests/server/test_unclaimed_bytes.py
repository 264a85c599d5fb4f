"""What nobody has answered yet is small, and gone soon after its opener; accepted conversations go first."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

import pytest
from support.clients.frame_client import FrameClient, frame_client, talking_pair
from support.eventually import becomes, eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_server.app import Relay
from teduh_server.matching.unclaimed import CONVERSATION_BYTES, SOURCE_BYTES
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.keys import ConversationKeys, conversation_of
from teduh_signaling.relay.frames import (
    Accepted,
    Append,
    CancelRequest,
    Done,
    ErrorCode,
    OpenRequest,
    RequestDetails,
    RequestOpened,
    Urgency,
)
from teduh_signaling.relay.frames import Error as RelayError

LONGEST = RequestDetails("n" * 64, "l" * 64, "g" * 64, "r" * 64, Urgency.EMERGENCY)


@pytest.fixture
async def store(valkey: EmbeddedValkey) -> AsyncIterator[Store]:
    """The relay's, which has room again afterwards."""
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()
    yield store
    await store.ask((b"CONFIG", b"SET", b"maxmemory", 0))
    await store.close()


async def _keys(store: Store, *parts: bytes) -> list[bytes]:
    """All keys that have one of these in their name."""
    names = cast("list[bytes]", await store.ask((b"KEYS", b"*")))
    return sorted(name for name in names if any(part in name for part in parts))


async def _bytes_of(store: Store, names: list[bytes]) -> int:
    return sum([cast(int, await store.ask((b"MEMORY", b"USAGE", name, b"SAMPLES", b"0"))) for name in names])


async def _open(client: FrameClient, package_bytes: int = 16384) -> RequestOpened | RelayError:
    await client.send(OpenRequest(1, client.capability, bytes(package_bytes), LONGEST))
    return await _either(client, RequestOpened)  # type: ignore[no-any-return]  # or an Error


async def _append(
    client: FrameClient, conversation: bytes, counter: int, payload: bytes, *, epoch: int = 0, kind: int = 0
) -> Accepted | RelayError:
    await client.send(Append(conversation, counter, kind, epoch, payload))  # type: ignore[arg-type]  # an int is its kind
    return await _either(client, Accepted)  # type: ignore[no-any-return]  # or an Error


async def _either(client: FrameClient, wanted):  # type: ignore[no-untyped-def]  # whichever it is
    while True:
        frame = await client.receive()
        if isinstance(frame, wanted | RelayError):
            return frame


async def _fill(client: FrameClient, conversation: bytes, payload_bytes: int) -> ErrorCode:
    """Append until it is refused; why."""
    for counter in range(1, 2000):
        answer = await _append(client, conversation, counter, bytes(payload_bytes))
        if isinstance(answer, RelayError):
            return answer.code
    raise AssertionError("never refused")


# --- one conversation ---


@pytest.mark.parametrize("payload_bytes", [1, 100, 1500, 6000])
async def test_an_unclaimed_conversation_holds_no_more_than_it_may(
    relay_url: str, store: Store, payload_bytes: int
) -> None:
    """With the largest key package and details, whatever the size of what is said before anybody is there."""
    async with frame_client(relay_url) as client:
        opened = await _open(client)
        assert isinstance(opened, RequestOpened)
        conversation = opened.conversation_id
        assert await _fill(client, conversation, payload_bytes) is ErrorCode.TOO_MANY
        assert await _bytes_of(store, await _keys(store, conversation.hex().encode())) <= CONVERSATION_BYTES


async def test_nobody_commits_alone_to_a_conversation_that_nobody_has_taken(relay_url: str) -> None:
    """In another epoch it would pass for accepted, and hold what such a one may."""
    async with frame_client(relay_url) as client:
        conversation = await client.open_request()
        refused = await _append(client, conversation, 1, b"commit", kind=1)
        assert isinstance(refused, RelayError)
        assert refused.code is ErrorCode.NOT_PERMITTED


async def test_once_it_is_accepted_it_holds_what_conversations_hold_and_lasts_as_long(
    relay_url: str, organisation: RelayOrganisation, store: Store
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
        for counter in range(1, 8):
            await survivor.append(conversation, counter, bytes(10_000))
        for key in (ConversationKeys.of(conversation).state, ConversationKeys.of(conversation).log):
            assert cast(int, await store.ask((b"PTTL", key))) > 3_600_000


# --- one source ---


async def test_a_source_holds_no_more_than_it_may_however_many_its_connections(
    relay_url: str, store: Store
) -> None:
    async with AsyncExitStack() as stack:
        answer: RequestOpened | RelayError | None = None
        ids: list[bytes] = []
        while not isinstance(answer, RelayError):
            assert len(ids) < 100
            client = await stack.enter_async_context(frame_client(relay_url))
            answer = await _open(client)
            if isinstance(answer, RequestOpened):
                ids.append(answer.conversation_id)
        assert answer.code is ErrorCode.RATE_LIMITED
        assert answer.retry_after_ms > 0
        names = await _keys(store, *(each.hex().encode() for each in ids))
        assert await _bytes_of(store, names) <= SOURCE_BYTES


async def test_whoever_waits_already_may_ask_again_where_her_source_holds_all_it_may(relay_url: str) -> None:
    """As after a restart: what she asks for takes nothing more."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(frame_client(relay_url))
        answer, stack_size = await _open(first), 1
        while not isinstance(answer, RelayError):
            stack_size += 1
            assert stack_size < 100
            answer = await _open(await stack.enter_async_context(frame_client(relay_url)))
        again = await stack.enter_async_context(frame_client(relay_url))
        again.capability = first.capability
        assert isinstance(await _open(again), RequestOpened)


async def _open_all_it_may(stack: AsyncExitStack, url: str) -> list[bytes]:
    opened: list[bytes] = []
    while len(opened) < 100:
        answer = await _open(await stack.enter_async_context(frame_client(url)))
        if isinstance(answer, RelayError):
            return opened
        opened.append(answer.conversation_id)
    raise AssertionError("a source may open as many as it likes")


async def _accept(staff: FrameClient, conversation_id: bytes) -> None:
    await staff.claim(conversation_id)
    await staff.append(conversation_id, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")


async def test_what_was_accepted_counts_for_its_source_no_more_at_once(
    relay_url: str, organisation: RelayOrganisation
) -> None:
    async with AsyncExitStack() as stack:
        opened = await _open_all_it_may(stack, relay_url)
        staff = await stack.enter_async_context(frame_client(relay_url))
        await staff.authenticate(organisation.staff())
        await _accept(staff, opened[0])
        another = await stack.enter_async_context(frame_client(relay_url))
        assert isinstance(await _open(another), RequestOpened)


async def test_what_was_accepted_at_another_node_counts_for_its_source_no_more(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    async with AsyncExitStack() as stack:
        relay, url = await stack.enter_async_context(relay_here(path, valkey.url, absent_seconds=1))
        _, elsewhere = await stack.enter_async_context(relay_here(path, valkey.url, absent_seconds=1))
        await organisation.publish_revocations(elsewhere)
        opened = await _open_all_it_may(stack, url)
        staff = await stack.enter_async_context(frame_client(elsewhere))
        await staff.authenticate(organisation.staff())
        await _accept(staff, opened[0])
        await eventually(lambda: relay.parts.unclaimed.holds(opened[0]) == 0)
        assert isinstance(await _open(await stack.enter_async_context(frame_client(url))), RequestOpened)


# --- gone with its opener ---


@pytest.fixture
async def quick(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> AsyncIterator[tuple[Relay, str]]:
    """A relay that lets the absent go after half a second."""
    async with relay_here(organisation.write(tmp_path), valkey.url, absent_seconds=0.5) as (relay, url):
        await organisation.publish_revocations(url)
        yield relay, url


async def test_all_of_it_is_gone_when_its_opener_has_been_away(
    quick: tuple[Relay, str], store: Store
) -> None:
    _, url = quick
    async with frame_client(url) as client:
        conversation = await client.open_request(bytes(16384))
        await client.append(conversation, 1, bytes(1000), epoch=0)
        assert await _keys(store, conversation.hex().encode()) != []
    await becomes(lambda: _keys(store, conversation.hex().encode()), [])


async def test_it_goes_also_where_she_has_cancelled_and_stays(quick: tuple[Relay, str], store: Store) -> None:
    _, url = quick
    async with frame_client(url) as client:
        conversation = await client.open_request()
        await client.append(conversation, 1, bytes(1000), epoch=0)
        await client.ask(CancelRequest(4, conversation), Done)
        await becomes(lambda: _keys(store, conversation.hex().encode()), [])
        # And it is the same request, begun anew, if she asks again.
        assert await client.open_request() == conversation
        await client.append(conversation, 1, b"anew", epoch=0)


async def test_it_stays_as_long_as_she_is_there(quick: tuple[Relay, str], store: Store) -> None:
    relay, url = quick
    async with frame_client(url) as client:
        conversation = await client.open_request()
        for _ in range(3):
            await relay.parts.queue.sweep()
        assert await _keys(store, conversation.hex().encode()) != []


async def test_whoever_comes_back_after_it_has_gone_begins_anew(
    quick: tuple[Relay, str], organisation: RelayOrganisation, store: Store
) -> None:
    _, url = quick
    async with frame_client(url) as client:
        conversation = await client.open_request()
    await becomes(lambda: _keys(store, conversation.hex().encode()), [])
    async with frame_client(url) as again, frame_client(url) as staff:
        again.capability = client.capability
        assert await again.open_request() == conversation
        await staff.authenticate(organisation.staff())
        await staff.claim(conversation)
        await staff.append(conversation, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
        await again.entries(2)


async def test_what_no_node_tends_expires_by_itself(relay_url: str, store: Store) -> None:
    """Of a relay that is killed."""
    async with frame_client(relay_url) as client:
        conversation = await client.open_request()
        await client.append(conversation, 1, b"early", epoch=0)
        await client.subscribe(conversation, 0, client.capability)
        for name in await _keys(store, conversation.hex().encode()):
            assert 0 < cast(int, await store.ask((b"PTTL", name))) <= 660_000


async def test_a_request_that_finds_no_room_leaves_nothing(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path, store: Store
) -> None:
    async with (
        relay_here(organisation.write(tmp_path), valkey.url, waiting_requests=1) as (_, url),
        frame_client(url) as first,
        frame_client(url) as second,
    ):
        await first.open_request()
        refused = await _open(second)
        assert isinstance(refused, RelayError)
        assert refused.code is ErrorCode.TOO_MANY
        hers = conversation_of(_sha256(second.capability)).hex().encode()
        await becomes(lambda: _keys(store, hers), [])


def _sha256(capability: bytes) -> bytes:
    return hashlib.sha256(capability).digest()


# --- a claimed request is not opened twice ---


async def test_a_late_repetition_of_the_request_of_an_accepted_conversation_puts_nothing_into_the_queue(
    relay_url: str, organisation: RelayOrganisation, store: Store
) -> None:
    """Though the store has forgotten the request by then."""
    async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
        request = b"queue:{queue}:request:" + conversation.hex().encode()
        await becomes(lambda: store.ask((b"HGET", request, b"state")), b"taken")
        await store.ask((b"DEL", request))
        again = await survivor.ask(OpenRequest(9, survivor.capability, b"key package"), RequestOpened)
        assert (again.conversation_id, again.position) == (conversation, 0)
        assert await store.ask((b"ZCARD", b"queue:{queue}:waiting")) == 0
        await becomes(lambda: store.ask((b"EXISTS", request)), 0)


# --- the reserve ---


async def _used(store: Store, share: float) -> None:
    """Have the store be so full."""
    info = cast(bytes, await store.ask((b"INFO", b"memory"))).decode()
    used = int(next(line for line in info.splitlines() if line.startswith("used_memory:")).split(":")[1])
    await store.ask((b"CONFIG", b"SET", b"maxmemory", int(used / share)))


async def test_a_store_that_fills_up_refuses_new_requests_first_and_an_accepted_conversation_last(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path, store: Store
) -> None:
    async with relay_here(organisation.write(tmp_path), valkey.url) as (relay, url):
        await organisation.publish_revocations(url)
        async with (
            talking_pair(url, organisation.staff()) as (survivor, _, conversation),
            frame_client(url) as waiting,
            frame_client(url) as late,
        ):
            waits = await waiting.open_request()
            # So much that what the server itself takes and gives back does not matter.
            for number in range(64):
                await store.ask((b"SET", b"filler:%d" % number, bytes(2**19), b"PX", b"600000"))
            await _used(store, 0.82)
            await eventually(lambda: relay.parts.reserve.refuses_requests)
            refused = await _open(late)
            assert isinstance(refused, RelayError)
            assert (refused.code, refused.retry_after_ms > 0) == (ErrorCode.UNAVAILABLE, True)
            # Whoever waits may ask again, and say something.
            assert await waiting.open_request() == waits
            await waiting.append(waits, 1, b"early", epoch=0)
            await survivor.append(conversation, 1, b"hers")
            await _used(store, 0.9)
            await eventually(lambda: relay.parts.reserve.refuses_unclaimed)
            not_taken = await _append(waiting, waits, 2, b"early", epoch=0)
            assert isinstance(not_taken, RelayError)
            assert not_taken.code is ErrorCode.TOO_MANY
            await survivor.append(conversation, 2, b"hers")


async def test_one_anonymous_address_cannot_fill_the_store(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path, store: Store
) -> None:
    """A thousand requests that call themselves emergencies, with as much behind each as is taken."""
    async with relay_here(organisation.write(tmp_path), valkey.url) as (_, url):
        await organisation.publish_revocations(url)
        before = set(await _keys(store, b""))
        async with talking_pair(url, organisation.staff()) as (survivor, _, conversation):
            for _ in range(100):
                async with frame_client(url) as hostile:
                    for _ in range(10):
                        hostile.capability = secrets.token_bytes(32)
                        opened = await _open(hostile)
                        if isinstance(opened, RequestOpened):
                            await _append(hostile, opened.conversation_id, 1, bytes(100_000), kind=1)
                            await _append(hostile, opened.conversation_id, 1, bytes(5000))
            names = [
                name
                for name in await _keys(store, b"conversation:", b"request:")
                if name not in before and conversation.hex().encode() not in name
            ]
            assert await _bytes_of(store, names) <= SOURCE_BYTES
            await survivor.append(conversation, 1, b"hers")
