"""Continuation tokens: whom they name, and everything that makes them void."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.eventually import becomes
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.stopped_store import StoppedStore
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.keys import continuation_key
from teduh_server.routing.continuation import HOUR_MS, MOST_DEVICES, TOKEN_BYTES, Continuations
from teduh_signaling.relay.frames import MAX_CONTINUATION_BYTES

HERS, ANOTHERS = hashlib.sha256(b"hers").digest(), hashlib.sha256(b"another's").digest()
SARI, BUDI = b"s" * 32, b"b" * 32


@pytest.fixture
async def store(valkey: EmbeddedValkey) -> AsyncIterator[StoppedStore]:
    """Half an hour into this hour, by a clock that only the test moves."""
    store = StoppedStore(StoreAddress.parse(valkey.url))
    store.moment_ms += HOUR_MS // 2 - store.moment_ms % HOUR_MS
    await store.start()
    yield store
    await store.close()


@pytest.fixture
async def node(store: StoppedStore) -> Continuations:
    return Continuations(store, HOUR_MS)


def _later(store: StoppedStore, seconds: int) -> None:
    store.moment_ms += 1000 * seconds


async def test_token_names_whoever_was_with_her(node: Continuations) -> None:
    token = await node.seal(HERS, (SARI, BUDI))
    assert await node.open(token, HERS) == SARI + BUDI


async def test_token_shows_none_of_its_devices_and_is_new_each_time(node: Continuations) -> None:
    tokens = [await node.seal(HERS, (SARI,)) for _ in range(2)]
    assert tokens[0] != tokens[1]
    for token in tokens:
        assert SARI[:4] not in token
        assert HERS[:4] not in token


async def test_token_opens_nothing_with_another_capability(node: Continuations) -> None:
    """Who has come by it alone, and replays it with a capability of her own."""
    token = await node.seal(HERS, (SARI,))
    assert await node.open(token, ANOTHERS) == b""


async def test_every_altered_byte_makes_a_token_void(node: Continuations) -> None:
    token = await node.seal(HERS, (SARI,))
    for at in range(len(token)):
        altered = token[:at] + bytes((token[at] ^ 1,)) + token[at + 1 :]
        assert await node.open(altered, HERS) == b"", at
    assert await node.open(token, HERS) == SARI


@pytest.mark.parametrize("length", [0, 1, TOKEN_BYTES - 1, TOKEN_BYTES + 1, MAX_CONTINUATION_BYTES])
async def test_what_is_no_token_opens_nothing(node: Continuations, length: int) -> None:
    token = await node.seal(HERS, (SARI,))
    assert await node.open(token.ljust(length, b"\0")[:length], HERS) == b""


async def test_all_tokens_have_one_length_and_name_eight_devices_at_most(node: Continuations) -> None:
    devices = tuple(bytes([number]) * 32 for number in range(1, 20))
    tokens = [await node.seal(HERS, devices[:count]) for count in (1, 2, MOST_DEVICES, len(devices))]
    assert {len(token) for token in tokens} == {TOKEN_BYTES}
    assert TOKEN_BYTES <= MAX_CONTINUATION_BYTES
    assert await node.open(tokens[-1], HERS) == b"".join(devices[:MOST_DEVICES])


async def test_where_nobody_was_with_her_there_is_no_token(node: Continuations) -> None:
    assert await node.seal(HERS, ()) == b""


async def test_token_is_void_after_its_time_although_the_key_is_there(
    node: Continuations, store: StoppedStore
) -> None:
    token = await node.seal(HERS, (SARI,))
    _later(store, 3599)
    assert await node.open(token, HERS) == SARI
    _later(store, 1)
    assert await node.open(token, HERS) == b""
    assert await store.ask((b"EXISTS", continuation_key(int.from_bytes(token[:4])))) == 1


async def test_next_hour_has_another_key_and_the_token_before_is_good_to_its_end(
    node: Continuations, store: StoppedStore
) -> None:
    first = await node.seal(HERS, (SARI,))
    _later(store, 1800)
    second = await node.seal(HERS, (BUDI,))
    assert int.from_bytes(second[:4]) == int.from_bytes(first[:4]) + 1
    assert await node.open(first, HERS) == SARI
    assert await node.open(second, HERS) == BUDI
    found = [
        await store.ask((b"GET", continuation_key(int.from_bytes(each[:4])))) for each in (first, second)
    ]
    assert len(set(map(str, found))) == 2


async def test_nodes_that_share_a_store_open_each_others(node: Continuations, store: StoppedStore) -> None:
    other = Continuations(store, HOUR_MS)
    token, others = await node.seal(HERS, (SARI,)), await other.seal(HERS, (BUDI,))
    assert await other.open(token, HERS) == SARI
    assert await node.open(others, HERS) == BUDI
    # A node that comes later, too.
    assert await Continuations(store, HOUR_MS).open(token, HERS) == SARI


async def test_token_of_another_organisation_opens_nothing(node: Continuations, store: StoppedStore) -> None:
    """Another organisation has another store, hence other keys."""
    token = await node.seal(HERS, (SARI,))
    key = continuation_key(int.from_bytes(token[:4]))
    await store.ask((b"SET", key, b"k" * 32, b"KEEPTTL"))
    elsewhere = Continuations(store, HOUR_MS)
    assert await elsewhere.open(token, HERS) == b""
    assert await elsewhere.open(await elsewhere.seal(HERS, (BUDI,)), HERS) == BUDI


async def test_when_the_key_has_expired_nobody_opens_it_any_more(
    node: Continuations, store: StoppedStore
) -> None:
    token = await node.seal(HERS, (SARI,))
    await store.ask((b"DEL", continuation_key(int.from_bytes(token[:4]))))
    assert await Continuations(store, HOUR_MS).open(token, HERS) == b""
    # Nor from the memory of a node that had it.
    _later(store, 2 * 3600)
    await node.open(token, HERS)
    _later(store, -2 * 3600)
    assert await node.open(token, HERS) == b""


async def test_the_expiry_of_a_key_does_not_tell_when_it_was_made(
    node: Continuations, store: StoppedStore
) -> None:
    token = await node.seal(HERS, (SARI,))
    hour = int.from_bytes(token[:4])
    assert await store.ask((b"PEXPIRETIME", continuation_key(hour))) == (hour + 2) * HOUR_MS


async def test_hours_of_which_no_token_can_be_good_are_not_asked_for(
    node: Continuations, store: StoppedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are shown, the store is asked for no hour but those of which there may be tokens."""
    token = await node.seal(HERS, (SARI,))
    hour = int.from_bytes(token[:4])
    asked = []
    ask = Store.ask

    def noting(self: Store, command: tuple[bytes | int | str, ...]) -> object:
        asked.append(command[1])
        return ask(self, command)

    monkeypatch.setattr(Store, "ask", noting)
    for other in [*range(hour - 50, hour + 50), 0, 2**32 - 1]:
        await node.open(other.to_bytes(4) + token[4:], HERS)
    assert set(asked) == {continuation_key(hour - 1)}


async def test_where_the_setting_is_zero_there_are_no_tokens_and_no_keys(store: StoppedStore) -> None:
    token = await Continuations(store, HOUR_MS).seal(HERS, (SARI,))
    await store.ask((b"FLUSHALL",))
    off = Continuations(store, 0)
    assert await off.seal(HERS, (SARI,)) == b""
    assert await off.open(token, HERS) == b""
    assert await store.ask((b"KEYS", b"continuation:*")) == []


async def test_she_leaves_without_a_token_while_the_store_does_not_answer(valkey: EmbeddedValkey) -> None:
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()
    node = Continuations(store, HOUR_MS)
    await store.close()
    assert await node.seal(HERS, (SARI,)) == b""


async def test_relay_makes_the_key_though_nobody_talks_and_gives_a_lost_store_its_own_again(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path, store: StoppedStore
) -> None:
    async with relay_here(organisation.write(tmp_path), valkey.url):
        keys = (b"KEYS", b"continuation:*")
        await becomes(lambda: _count(store, keys), 1)
    node = Continuations(store, HOUR_MS)
    token = await node.seal(HERS, (SARI,))
    await store.ask((b"FLUSHALL",))
    # One round of `renew_forever`.
    await node._agree_on(int.from_bytes(token[:4]))
    assert await Continuations(store, HOUR_MS).open(token, HERS) == SARI


async def _count(store: Store, command: tuple[bytes, ...]) -> int:
    found = await store.ask(command)
    assert isinstance(found, list)
    return len(found)
