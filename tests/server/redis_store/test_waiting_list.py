"""Who waits, read a few at a time."""

from __future__ import annotations

import asyncio

import pytest
from support.store.stored_conversation import NOW_MS, RETENTION_MS
from teduh_server.redis_store import queue_scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Command, Reply
from teduh_server.redis_store.scripts import READ_REQUESTS
from teduh_server.routing.waiting_list import AT_A_TIME, next_waiting

DETAILS = b"\x95\xc0\xc0\xc0\xc0\x00"


def _id(number: int) -> bytes:
    return number.to_bytes(16)


async def _open(store: Store, count: int) -> list[bytes]:
    ids = [_id(number) for number in range(1, count + 1)]
    for conversation_id in ids:
        await store.ask(queue_scripts.open_request(conversation_id, b"kp", DETAILS, NOW_MS, RETENTION_MS))
    return ids


async def test_all_are_listed_in_the_order_of_service(store: Store) -> None:
    ids = await _open(store, 2 * AT_A_TIME + 3)
    count, waiting = await next_waiting(store, 1000)
    assert (count, [each.id for each in waiting]) == (len(ids), ids)


async def test_no_more_are_listed_than_were_asked_for_and_all_are_counted(store: Store) -> None:
    ids = await _open(store, AT_A_TIME + 5)
    for most in (1, AT_A_TIME, AT_A_TIME + 1, AT_A_TIME + 5):
        count, waiting = await next_waiting(store, most)
        assert (count, [each.id for each in waiting]) == (len(ids), ids[:most])


async def test_nobody_waits(store: Store) -> None:
    assert await next_waiting(store, 10) == (0, [])


async def test_others_are_answered_in_between(store: Store) -> None:
    await _open(store, 8 * AT_A_TIME)
    listing = asyncio.create_task(next_waiting(store, 1000))
    await asyncio.sleep(0)
    for _ in range(4):
        await store.ask((b"PING",))
        assert not listing.done()
    assert (await listing)[0] == 8 * AT_A_TIME


async def test_whoever_is_taken_or_gives_up_meanwhile_is_left_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await _open(store, AT_A_TIME + 4)
    taken, withdrawn = ids[-3], ids[-2]
    reads: list[Command] = []
    ask = Store.ask

    async def ask_while_two_go(store: Store, command: Command) -> Reply:
        reply = await ask(store, command)
        if command[1] == READ_REQUESTS.sha1:
            reads.append(command)
            if len(reads) == 1:
                await ask(store, _claim(taken))
                await ask(store, queue_scripts.withdraw_request(withdrawn))
        return reply

    monkeypatch.setattr(Store, "ask", ask_while_two_go)
    _, waiting = await next_waiting(store, 1000)
    assert [each.id for each in waiting] == [each for each in ids if each not in (taken, withdrawn)]
    assert [command[2] for command in reads] == [AT_A_TIME, 4]


def _claim(conversation_id: bytes) -> Command:
    return queue_scripts.claim_request(
        conversation_id, b"d" * 32, b"p" * 16, NOW_MS, 30_000, 120_000, RETENTION_MS
    )
