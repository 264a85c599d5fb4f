"""The scripts of the queue: opening, claiming, resolving, returning, withdrawing."""

from __future__ import annotations

import asyncio

from support.store.stored_conversation import NOW_MS, RETENTION_MS
from teduh_server.redis_store import queue_scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.queue_scripts import ClaimedRequest
from teduh_signaling.relay.frames import ErrorCode

SARI, BUDI = b"s" * 32, b"b" * 32
LEASE_MS, CONSENT_MS = 30_000, 120_000


def _id(number: int) -> bytes:
    return bytes([number]) * 16


DAY = 24 * 3600


async def _open(
    store: Store, number: int, now_ms: int = NOW_MS, head_start_seconds: int = 0
) -> tuple[int, bool]:
    """Its position, and whether it is new."""
    command = queue_scripts.open_request(
        _id(number), b"kp%d" % number, b"details", now_ms, RETENTION_MS, head_start_seconds
    )
    opened = queue_scripts.opened(await store.ask(command))
    return opened.position, opened.new


async def _claim(store: Store, device: bytes = SARI, wanted: bytes | None = None) -> ClaimedRequest | None:
    command = queue_scripts.claim_request(
        wanted, device, device[:16], NOW_MS, LEASE_MS, CONSENT_MS, RETENTION_MS
    )
    claimed = queue_scripts.claimed_request(await store.ask(command))
    assert not isinstance(claimed, ErrorCode)
    return claimed


async def _withdraws(store: Store, number: int, last_seen_ms: int = -1) -> bool:
    """Whether it was waiting."""
    command = queue_scripts.withdraw_request(_id(number), last_seen_ms)
    return queue_scripts.withdrawn(await store.ask(command)).waited


async def test_positions_follow_the_order_of_arrival(store: Store) -> None:
    assert [await _open(store, number) for number in (1, 2, 3)] == [
        (1, True),
        (2, True),
        (3, True),
    ]


async def test_opened_again_it_is_the_same_request(store: Store) -> None:
    await _open(store, 1)
    await _open(store, 2)
    assert await _open(store, 1) == (1, False)


async def test_held_back_it_stands_behind_who_comes_later_until_its_turn_has_come(store: Store) -> None:
    await _open(store, 1, head_start_seconds=-DAY)
    assert await _open(store, 2) == (1, True)
    assert await store.ask(queue_scripts.give_turn(_id(1), 0, 0)) == 1
    # As if it were opened now: whoever came meanwhile is before it, whoever comes now is not.
    assert await _open(store, 3) == (3, True)
    assert await _open(store, 1) == (2, False)


async def test_what_lost_its_turn_has_its_old_place_again(store: Store) -> None:
    for number in (1, 2):
        await _open(store, number)
    assert await store.ask(queue_scripts.hold_back(_id(1), DAY)) == 1
    assert await _open(store, 1) == (2, False)
    assert await store.ask(queue_scripts.give_turn(_id(1), DAY, 0)) == 1
    assert await _open(store, 1) == (1, False)


async def test_turn_of_who_does_not_wait_changes_nothing(store: Store) -> None:
    await _open(store, 1)
    await _claim(store)
    assert await store.ask(queue_scripts.give_turn(_id(1), 0, 0)) == 0
    assert await store.ask(queue_scripts.hold_back(_id(1), DAY)) == 0
    assert await store.ask(queue_scripts.queue_length()) == 0


async def test_request_given_back_stands_where_its_turn_put_it(store: Store) -> None:
    await _open(store, 1, head_start_seconds=-DAY)
    await store.ask(queue_scripts.give_turn(_id(1), 0, 0))
    await _claim(store)
    await _open(store, 2)
    assert await store.ask(queue_scripts.return_request(_id(1), SARI, RETENTION_MS)) == 1
    assert await _open(store, 1) == (1, False)


async def test_which_still_wait(store: Store) -> None:
    await _open(store, 1)
    asked = [_id(1), _id(2)]
    found = await store.ask(queue_scripts.waiting_among(asked))
    assert queue_scripts.not_waiting(asked, found) == [_id(2)]


async def test_oldest_is_claimed_first(store: Store) -> None:
    for number in (1, 2):
        await _open(store, number)
    first, second, third = [await _claim(store) for _ in range(3)]
    assert first is not None
    assert (first.conversation_id, first.key_package, first.details) == (_id(1), b"kp1", b"details")
    assert second is not None
    assert second.conversation_id == _id(2)
    assert third is None


async def test_under_a_race_every_request_has_one_claimant(store: Store) -> None:
    for number in range(1, 21):
        await _open(store, number)
    claims = await asyncio.gather(*(_claim(store, bytes([device]) * 32) for device in range(50)))
    won = [claim.conversation_id for claim in claims if claim is not None]
    assert sorted(won) == [_id(number) for number in range(1, 21)]


async def test_certain_request_is_claimed_and_told_again_to_its_holder_only(store: Store) -> None:
    for number in (1, 2):
        await _open(store, number)
    claimed = await _claim(store, SARI, _id(2))
    assert claimed is not None
    assert await _claim(store, SARI, _id(2)) == claimed
    assert await _claim(store, BUDI, _id(2)) is None


async def test_claimed_request_says_position_zero(store: Store) -> None:
    await _open(store, 1)
    await _claim(store)
    assert await _open(store, 1) == (0, False)


async def test_returned_request_has_its_old_place(store: Store) -> None:
    for number in (1, 2):
        await _open(store, number)
    await _claim(store)
    assert await store.ask(queue_scripts.return_request(_id(1), SARI, RETENTION_MS)) == 1
    assert await _open(store, 1) == (1, False)


async def test_request_is_returned_only_by_the_lease_that_holds_it(store: Store) -> None:
    await _open(store, 1)
    await _claim(store, BUDI)
    assert await store.ask(queue_scripts.return_request(_id(1), SARI, RETENTION_MS)) == 0
    assert await store.ask(queue_scripts.lease_holder(_id(1))) == BUDI


async def test_confirmed_request_keeps_no_key_package_and_does_not_return(store: Store) -> None:
    await _open(store, 1)
    await _claim(store)
    assert await store.ask(queue_scripts.confirm_request(_id(1), NOW_MS, 1000)) != -1
    assert await store.ask(queue_scripts.request_state(_id(1))) == b"taken"
    assert await store.ask(queue_scripts.return_request(_id(1), SARI, RETENTION_MS)) == 0
    assert await _open(store, 1) == (0, False)


async def test_withdrawn_request_is_forgotten_and_opens_anew_at_the_end(store: Store) -> None:
    for number in (1, 2):
        await _open(store, number)
    assert await _withdraws(store, 1)
    claimed = await _claim(store, wanted=_id(1))
    assert claimed is None
    assert await _open(store, 1) == (2, True)


async def test_request_seen_meanwhile_is_not_withdrawn_for_absence(store: Store) -> None:
    await _open(store, 1, now_ms=NOW_MS)
    await store.ask(queue_scripts.touch_seen({_id(1): NOW_MS + 500}))
    assert not await _withdraws(store, 1, NOW_MS + 499)
    assert await _withdraws(store, 1, NOW_MS + 500)


async def test_only_leases_that_are_over_are_due(store: Store) -> None:
    await _open(store, 1)
    await _claim(store)
    assert (
        queue_scripts.conversation_ids(await store.ask(queue_scripts.leases_due(NOW_MS + LEASE_MS - 1))) == []
    )
    assert queue_scripts.conversation_ids(await store.ask(queue_scripts.leases_due(NOW_MS + LEASE_MS))) == [
        _id(1)
    ]


async def test_expired_request_is_passed_over(store: Store) -> None:
    for number in (1, 2):
        await _open(store, number)
    await store.ask((b"DEL", b"queue:{queue}:request:" + _id(1).hex().encode()))
    claimed = await _claim(store)
    assert claimed is not None
    assert claimed.conversation_id == _id(2)
