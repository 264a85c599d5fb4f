"""How often the store is told how far members have their logs."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import cast

import pytest
from support.eventually import eventually
from teduh_server.conversation_log import acknowledgements as module
from teduh_server.conversation_log.acknowledgements import MANY_ENTRIES, Acknowledgements
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Answer, Command
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.session.connection import Connection, LocalConversation, Subscription
from teduh_signaling.relay.frames import Acknowledge

WAIT_SECONDS = 1.0
"""Shorter than it is, for what waits is the same."""
MOST_ENTRIES = 20_000


class ToldStore:
    """What the store was told: of each conversation, by its state's key, every place."""

    def __init__(self) -> None:
        self.told: list[tuple[object, object]] = []
        self.answer: Answer = 0

    def call_joined(
        self, command: Command, shared: int, on_answer: Callable[[Answer], None], *, at_once: bool
    ) -> None:
        assert not at_once
        self.told.append((command[3], command[-1]))
        on_answer(self.answer)


class Reader:
    """One member of a conversation who has all that was said."""

    def __init__(self, number: int) -> None:
        self.conversation = LocalConversation(number.to_bytes(16, "big"))
        self.subscriptions: dict[bytes, Subscription] = {}
        self.subscriptions[self.conversation.id] = Subscription(
            cast(Connection, self), self.conversation, 1, 0
        )

    def has(self, seq: int) -> Acknowledge:
        self.conversation.newest = max(seq, self.conversation.newest)
        return Acknowledge(self.conversation.id, seq)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", WAIT_SECONDS)


@pytest.fixture
def store() -> ToldStore:
    return ToldStore()


@pytest.fixture
def acknowledgements(store: ToldStore) -> Acknowledgements:
    return Acknowledgements(cast(Store, store), MOST_ENTRIES)


async def test_few_wait_for_the_next_and_are_told_once(
    store: ToldStore, acknowledgements: Acknowledgements
) -> None:
    reader = Reader(1)
    for seq in range(1, 6):
        acknowledgements.note(cast(Connection, reader), reader.has(seq))
    assert store.told == []
    await eventually(lambda: store.told)
    assert [seq for _, seq in store.told] == [5]


async def test_many_are_told_at_once_and_only_once(
    store: ToldStore, acknowledgements: Acknowledgements
) -> None:
    reader = Reader(1)
    acknowledgements.note(cast(Connection, reader), reader.has(1))
    acknowledgements.note(cast(Connection, reader), reader.has(MANY_ENTRIES))
    assert [seq for _, seq in store.told] == [MANY_ENTRIES]
    await asyncio.sleep(2 * WAIT_SECONDS)
    assert len(store.told) == 1


async def test_half_of_what_a_log_may_hold_is_told_at_once(store: ToldStore) -> None:
    """Its sender may be waiting for that room."""
    acknowledgements = Acknowledgements(cast(Store, store), most_entries=100)
    reader = Reader(1)
    acknowledgements.note(cast(Connection, reader), reader.has(49))
    assert store.told == []
    acknowledgements.note(cast(Connection, reader), reader.has(50))
    assert [seq for _, seq in store.told] == [50]


async def test_nobody_is_told_of_more_often_than_entries_or_time_ask_for(
    store: ToldStore, acknowledgements: Acknowledgements
) -> None:
    """However many others there are: a round over all of them must not begin anew as soon as it has ended."""
    readers = [Reader(number) for number in range(200)]
    began, seq = time.monotonic(), 0
    while time.monotonic() < began + 4 * WAIT_SECONDS:
        seq += 1
        for reader in readers:
            acknowledgements.note(cast(Connection, reader), reader.has(seq))
        await asyncio.sleep(0.005)
    passed = time.monotonic() - began
    times = Counter(state for state, _ in store.told)
    assert len(times) == 200
    assert max(times.values()) <= seq / MANY_ENTRIES + passed / WAIT_SECONDS + 1
    await eventually(lambda: {seq for _, seq in store.told[-200:]} == {seq})


@pytest.mark.parametrize(("members", "at_once"), [(100, 4), (20_000, 20)])
async def test_no_append_waits_behind_many_of_them(
    store: ToldStore, acknowledgements: Acknowledgements, members: int, at_once: int
) -> None:
    for number in range(members):
        reader = Reader(number)
        acknowledgements.note(cast(Connection, reader), reader.has(1))
    told, together = 0, 0
    deadline = time.monotonic() + 30
    while told < members:
        assert time.monotonic() < deadline
        await asyncio.sleep(0)
        together = max(together, len(store.told) - told)
        told = len(store.told)
    assert together == at_once


async def test_what_the_store_did_not_take_is_told_with_the_next(
    store: ToldStore, acknowledgements: Acknowledgements
) -> None:
    reader = Reader(1)
    store.answer = StoreUnavailable("away")
    acknowledgements.note(cast(Connection, reader), reader.has(MANY_ENTRIES))
    store.answer = 0
    acknowledgements.note(cast(Connection, reader), reader.has(MANY_ENTRIES))
    assert [seq for _, seq in store.told] == [MANY_ENTRIES, MANY_ENTRIES]


async def test_all_are_told_when_the_node_stops(store: ToldStore, acknowledgements: Acknowledgements) -> None:
    readers = [Reader(number) for number in range(100)]
    for reader in readers:
        acknowledgements.note(cast(Connection, reader), reader.has(3))
    acknowledgements.flush()
    assert len(store.told) == 100
    await asyncio.sleep(2 * WAIT_SECONDS)
    assert len(store.told) == 100
