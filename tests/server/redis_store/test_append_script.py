"""append.lua: order, idempotency, epochs, membership and expiry of a conversation log."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from support.store.stored_conversation import CAPABILITY_HASH, NOW_MS, RETENTION_MS, StoredConversation
from teduh_server.redis_store.replies import as_bytes, as_list
from teduh_server.redis_store.scripts import Appended, LogLimits, NotAppended
from teduh_signaling.relay.frames import EntryKind

SARI, BUDI = b"s" * 32, b"b" * 32


async def test_places_are_counted_from_one_without_gaps(stored: StoredConversation) -> None:
    for counter in (1, 2, 3):
        assert await stored.append(0, counter, b"%d" % counter) == Appended(counter)
    entries = await stored.log()
    assert [(each.seq, each.counter, each.payload) for each in entries] == [
        (1, 1, b"1"),
        (2, 2, b"2"),
        (3, 3, b"3"),
    ]


async def test_repeated_append_is_not_appended_again(stored: StoredConversation) -> None:
    await stored.append(0, 1)
    assert await stored.append(0, 1) == Appended(1, repeated=True)
    assert len(await stored.log()) == 1


async def test_repeat_of_an_older_append_is_accepted_without_its_place(stored: StoredConversation) -> None:
    await stored.append(0, 1)
    await stored.append(0, 2)
    assert await stored.append(0, 1) == Appended(0, repeated=True)


async def test_gap_in_the_counter_is_refused_and_names_the_next(stored: StoredConversation) -> None:
    await stored.append(0, 1)
    assert await stored.append(0, 3) == NotAppended("counter_gap", 2)


async def test_other_epoch_is_refused_and_does_not_use_up_the_counter(stored: StoredConversation) -> None:
    assert await stored.append(0, 1, epoch=1) == NotAppended("wrong_epoch", 0)
    assert await stored.append(0, 1, epoch=0) == Appended(1)


async def test_repeat_is_recognised_before_the_epoch_is_looked_at(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    await stored.commit(1, 1, epoch=0)
    assert await stored.commit(1, 1, epoch=0) == Appended(1, repeated=True)


async def test_of_two_concurrent_commits_the_first_wins(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    assert await stored.commit(1, 1, epoch=0) == Appended(1, committed=True)
    assert await stored.commit(0, 1, epoch=0) == NotAppended("wrong_epoch", 1)


async def test_the_survivor_commits_what_changes_nobody(stored: StoredConversation) -> None:
    """A refresh of her keys. Whom she may add is another question (`test_queue_scripts`)."""
    await stored.admit(SARI)
    await stored.commit(1, 1, epoch=0, welcome=b"welcome")
    assert await stored.commit(0, 1, epoch=1) == Appended(3, committed=True)
    assert await stored.commit(0, 2, epoch=2, removed=(SARI,)) == NotAppended("not_claimed")


async def test_a_member_who_commits_without_end_lets_others_speak_in_between(
    stored: StoredConversation,
) -> None:
    """Each commit makes void what is on its way: a list of members is no excuse, for it may be made up."""
    await stored.admit(SARI)
    for epoch in range(8):
        added = (bytes([epoch]) * 32,) if epoch % 2 else ()
        assert isinstance(await stored.commit(1, 1 + epoch, epoch=epoch, added=added), Appended)
    refused = await stored.commit(1, 9, epoch=8, removed=(b"nobody here" + bytes(21),))
    assert isinstance(refused, NotAppended)
    assert refused.reason == "too_often"
    assert 0 < refused.expected <= 20_000
    assert await stored.append(1, 9, epoch=8) == Appended(9)
    assert await stored.commit(0, 1, epoch=8) == Appended(10, committed=True)


@pytest.mark.parametrize("since", [-20_000, 60_000])
async def test_a_member_commits_again_after_a_while_and_when_the_stores_clock_was_set_back(
    stored: StoredConversation, since: int
) -> None:
    await stored.admit(SARI)
    seconds, _ = (int(as_bytes(part)) for part in as_list(await stored.store.ask((b"TIME",))))
    noted = struct.pack(">QI", 1000 * seconds + since, 8)
    await stored.store.ask((b"HSET", stored.keys.state, b"k1", noted))
    assert await stored.commit(1, 1, epoch=0) == Appended(1, committed=True)


async def test_what_was_noted_of_a_removed_members_commits_goes_with_it(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    await stored.commit(1, 1, epoch=0, added=(BUDI,))
    await stored.commit(2, 1, epoch=1)
    assert await stored.store.ask((b"HEXISTS", stored.keys.state, b"k2")) == 1
    await stored.commit(1, 2, epoch=2, removed=(BUDI,))
    assert await stored.store.ask((b"HEXISTS", stored.keys.state, b"k2")) == 0


async def test_welcome_follows_its_commit_in_the_new_epoch(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    await stored.commit(1, 1, epoch=0, welcome=b"welcome")
    commit, welcome = await stored.log()
    assert (commit.seq, commit.kind, commit.epoch) == (1, EntryKind.COMMIT, 0)
    assert (welcome.seq, welcome.kind, welcome.epoch, welcome.counter) == (2, EntryKind.WELCOME, 1, 0)
    assert await stored.append(0, 1, epoch=1) == Appended(3)


async def test_stranger_is_refused(stored: StoredConversation) -> None:
    assert await stored.append(7, 1) == NotAppended("unknown")


async def test_added_device_reads_from_its_welcome_on(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    await stored.append(0, 1)
    await stored.commit(1, 1, epoch=0, welcome=b"welcome", added=(BUDI,))
    state = await stored.subscribe(device_id=BUDI)
    assert state is not None
    assert (state.member, state.may_read_after, state.counter) == (2, 2, 0)
    assert [each.kind for each in await stored.log(state.may_read_after)] == [EntryKind.WELCOME]


async def test_removed_device_is_no_member_any_more(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    await stored.commit(1, 1, epoch=0, added=(BUDI,))
    assert await stored.commit(1, 2, epoch=1, removed=(BUDI,)) == Appended(
        2, committed=True, removed_members=(2,)
    )
    assert await stored.append(2, 1, epoch=2) == NotAppended("unknown")
    assert await stored.subscribe(device_id=BUDI) is None


async def test_device_removed_and_added_by_one_commit_is_a_new_member(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    await stored.commit(1, 1, epoch=0, added=(BUDI,))
    await stored.append(2, 1, epoch=1)
    await stored.commit(1, 2, epoch=1, added=(BUDI,), removed=(BUDI,))
    state = await stored.subscribe(device_id=BUDI)
    assert state is not None
    assert (state.member, state.counter) == (3, 0)


async def test_nobody_removes_herself(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    assert await stored.commit(1, 1, epoch=0, removed=(SARI,)) == Appended(1, committed=True)
    assert await stored.append(1, 2, epoch=1) == Appended(2)


@pytest.mark.parametrize(("entries", "size"), [(3, 1_000_000), (1000, 500)])
async def test_log_that_nobody_acknowledges_is_full_at_its_limits(
    stored: StoredConversation, entries: int, size: int
) -> None:
    stored.limits = LogLimits(stored.limits.node, RETENTION_MS, entries, size)
    await stored.admit(SARI)
    results = [await stored.append(0, counter, b"x" * 100) for counter in range(1, 5)]
    assert results[-1] == NotAppended("full")
    # Her counter is not used up: when the others have acknowledged, the same append is accepted.
    for member in (0, 1):
        await stored.acknowledge(member, 10)
    last = sum(isinstance(each, Appended) for each in results)
    assert await stored.append(0, last + 1) == Appended(last + 1)


async def test_expiry_is_renewed_by_use_but_not_with_each_message(stored: StoredConversation) -> None:
    await stored.append(0, 1)
    await stored.store.ask((b"PEXPIRE", stored.keys.state, 5000))
    await stored.append(0, 2, now_ms=NOW_MS + 1000)
    assert await _remaining(stored) <= 5000
    await stored.append(0, 3, now_ms=NOW_MS + 61_000)
    assert await _remaining(stored) > 5000


async def test_log_made_anew_after_trimming_expires_too(stored: StoredConversation) -> None:
    await stored.append(0, 1)
    await stored.acknowledge(0, 1)
    await stored.store.ask((b"DEL", stored.keys.log))
    await stored.admit(SARI)
    await stored.acknowledge(1, 1)
    await stored.append(0, 2)
    remaining = await stored.store.ask((b"PTTL", stored.keys.log))
    assert isinstance(remaining, int)
    assert remaining > 0


async def test_subscription_tells_where_everything_stands(stored: StoredConversation) -> None:
    await stored.append(0, 1)
    state = await stored.subscribe(capability_hash=CAPABILITY_HASH)
    assert state is not None
    assert replace(state, on_other_nodes=False) == state
    assert (state.member, state.epoch, state.last_seq, state.first_seq, state.counter) == (0, 0, 1, 1, 1)


async def _remaining(stored: StoredConversation) -> int:
    remaining = await stored.store.ask((b"PTTL", stored.keys.state))
    assert isinstance(remaining, int)
    return remaining
