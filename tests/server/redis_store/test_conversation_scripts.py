"""The other scripts of a conversation: acknowledging, subscribing, leaving, claiming, passing on."""

from __future__ import annotations

from itertools import permutations

import pytest
from support.store.stored_conversation import CAPABILITY_HASH, NODE, NOW_MS, OTHER_NODE, StoredConversation
from teduh_server.redis_store import scripts

SARI, BUDI = b"s" * 32, b"b" * 32


async def test_conversation_is_created_once(stored: StoredConversation) -> None:
    await stored.append(0, 1)
    assert await stored.create() == 0
    assert len(await stored.log()) == 1


async def test_survivor_of_a_new_conversation_is_connected_where_it_began(stored: StoredConversation) -> None:
    """And stands where a proof would say that she does."""
    assert await stored.nodes() == NODE.encode()
    assert scripts.begun(1) == await stored.subscribe(capability_hash=CAPABILITY_HASH)
    assert scripts.begun(0) is None


async def test_wrong_capability_and_unknown_conversation_look_the_same(stored: StoredConversation) -> None:
    nowhere = StoredConversation(stored.store, b"another one.....")
    assert await stored.subscribe(capability_hash=b"x" * 32) is None
    assert await nowhere.subscribe(capability_hash=CAPABILITY_HASH) is None
    assert await stored.subscribe(device_id=SARI) is None


async def test_log_is_trimmed_up_to_what_all_members_have(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    for counter in (1, 2, 3):
        await stored.append(0, counter)
    await stored.acknowledge(0, 3)
    assert await stored.acknowledge(1, 2) == 3
    assert [each.seq for each in await stored.log()] == [3]


async def test_log_that_everybody_has_is_empty_and_goes_on_counting(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    await stored.append(0, 1)
    await stored.acknowledge(0, 1)
    assert await stored.acknowledge(1, 1) == 2
    assert await stored.store.ask((b"XLEN", stored.keys.log)) == 0
    assert await stored.store.ask((b"PTTL", stored.keys.log)) > 0  # type: ignore[operator]  # a number
    await stored.append(0, 2)
    assert [each.seq for each in await stored.log()] == [2]


async def test_entry_waits_for_its_own_sender_too(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    await stored.append(0, 1)
    # She may have missed the answer, and look for it in the log.
    await stored.acknowledge(1, 1)
    assert [each.seq for each in await stored.log()] == [1]


async def test_acknowledgement_never_goes_back_nor_beyond_the_log(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    await stored.append(0, 1)
    await stored.acknowledge(0, 1)
    assert await stored.acknowledge(1, 999) == 2
    assert await stored.acknowledge(1, 0) == 2
    await stored.append(0, 2)
    assert [each.seq for each in await stored.log()] == [2]


async def test_many_members_are_all_waited_for(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    devices = tuple(bytes([number]) * 32 for number in range(5))
    await stored.commit(1, 1, epoch=0, added=devices)
    await stored.append(0, 1, epoch=1)
    for member in range(6):
        await stored.acknowledge(member, 2)
    assert [each.seq for each in await stored.log()] == [2]
    await stored.acknowledge(6, 2)
    assert await stored.log() == []


async def test_stranger_acknowledges_nothing(stored: StoredConversation) -> None:
    await stored.append(0, 1)
    assert await stored.acknowledge(9, 1) == 0


async def test_member_that_left_is_not_waited_for_any_more(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    await stored.append(0, 1)
    await stored.acknowledge(0, 1)
    assert await _leave(stored, 1) == scripts.Left(1, (), b"")
    assert await stored.log() == []
    assert await stored.subscribe(device_id=SARI) is None
    assert await _leave(stored, 1) is None


async def _staff_of(stored: StoredConversation, capability_hash: bytes = CAPABILITY_HASH) -> bytes:
    return scripts.joined_devices(await stored.store.ask(scripts.staff_of(stored.keys, capability_hash)))


async def _leave(stored: StoredConversation, member: int) -> scripts.Left | None:
    return scripts.left(await stored.store.ask(scripts.leave(stored.keys, member, is_noted=True)))


async def test_claimant_who_leaves_before_anything_was_said_is_not_noted(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    await _leave(stored, 1)
    assert await _staff_of(stored) == b""
    assert await _leave(stored, 0) == scripts.Left(0, (), CAPABILITY_HASH)


async def test_claimant_who_was_there_as_she_left_before_anything_was_said_was_not_with_her(
    stored: StoredConversation,
) -> None:
    await stored.admit(SARI)
    assert await _leave(stored, 0) == scripts.Left(1, (), CAPABILITY_HASH)


async def test_staff_who_have_left_are_told_to_the_survivor_alone_while_the_conversation_goes_on(
    stored: StoredConversation,
) -> None:
    await stored.admit(SARI)
    await stored.commit(1, 1, epoch=0, welcome=b"welcome", added=(BUDI,))
    await _leave(stored, 1)
    told = await _staff_of(stored)
    assert {told[:32], told[32:]} == {SARI, BUDI}
    assert await _staff_of(stored, b"x" * 32) == b""


async def test_as_she_leaves_she_is_told_whoever_was_with_her_those_that_still_are_first(
    stored: StoredConversation,
) -> None:
    await stored.admit(SARI)
    await stored.commit(1, 1, epoch=0, welcome=b"welcome", added=(BUDI,))
    await _leave(stored, 1)
    assert await _leave(stored, 0) == scripts.Left(1, (BUDI, SARI), CAPABILITY_HASH)


@pytest.mark.parametrize("order", list(permutations((0, 1, 2))))
async def test_in_whichever_order_they_leave_nothing_of_the_conversation_stays(
    stored: StoredConversation, order: tuple[int, ...]
) -> None:
    await stored.admit(SARI)
    await stored.commit(1, 1, epoch=0, welcome=b"welcome", added=(BUDI,))
    left = [await _leave(stored, member) for member in order]
    assert [each and each.members for each in left] == [2, 1, 0]
    assert await stored.store.ask((b"KEYS", b"conversation:*")) == []


async def test_whom_a_commit_removes_after_it_has_left_was_not_with_her_to_the_end(
    stored: StoredConversation,
) -> None:
    await stored.admit(SARI)
    await stored.commit(1, 1, epoch=0, welcome=b"welcome", added=(BUDI,))
    await _leave(stored, 1)
    await stored.commit(2, 1, epoch=1, removed=(SARI,))
    assert await _staff_of(stored) == BUDI
    assert await _leave(stored, 0) == scripts.Left(1, (BUDI,), CAPABILITY_HASH)


async def test_who_has_left_and_was_added_again_is_told_once(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    await stored.commit(1, 1, epoch=0, welcome=b"welcome", added=(BUDI,))
    await _leave(stored, 2)
    await stored.commit(1, 2, epoch=1, welcome=b"welcome", added=(BUDI,))
    assert len(await _staff_of(stored)) == 64


async def test_where_it_is_not_wanted_nobody_who_has_left_is_noted(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    await stored.commit(1, 1, epoch=0)
    await stored.store.ask(scripts.leave(stored.keys, 1, is_noted=False))
    assert await _staff_of(stored) == b""


async def test_last_member_takes_the_conversation_along(stored: StoredConversation) -> None:
    await stored.append(0, 1)
    assert await _leave(stored, 0) == scripts.Left(0, (), CAPABILITY_HASH)
    assert await stored.store.ask((b"KEYS", b"conversation:*")) == []


async def test_node_is_registered_once_and_unregistered(stored: StoredConversation) -> None:
    for node in (NODE, NODE, OTHER_NODE):
        state = await stored.subscribe(capability_hash=CAPABILITY_HASH, node=node)
    assert state is not None
    assert state.on_other_nodes
    assert await stored.nodes() == (NODE + OTHER_NODE).encode()
    assert await stored.store.ask(scripts.unregister_node(stored.keys, NODE)) == 1
    assert await stored.nodes() == OTHER_NODE.encode()
    assert await stored.store.ask(scripts.unregister_node(stored.keys, NODE)) == 0


async def test_dead_node_is_forgotten_when_nobody_hears_its_share(stored: StoredConversation) -> None:
    await stored.subscribe(capability_hash=CAPABILITY_HASH, node=OTHER_NODE)
    await stored.subscribe(capability_hash=CAPABILITY_HASH, node=NODE)
    await stored.append(0, 1)
    assert await stored.nodes() == NODE.encode()


async def test_rejoining_node_learns_what_it_missed(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    await stored.commit(1, 1, epoch=0, added=(BUDI,))
    await stored.commit(1, 2, epoch=1, removed=(BUDI,))
    found = await stored.rejoin(0, 2)
    assert found is not None
    assert (found.last_seq, found.ended_members) == (2, (2,))
    assert await stored.nodes() == NODE.encode()
    assert await StoredConversation(stored.store, b"another one.....").rejoin(0) is None


async def test_passing_on_reaches_no_node_that_does_not_listen(stored: StoredConversation) -> None:
    await stored.subscribe(capability_hash=CAPABILITY_HASH, node=OTHER_NODE)
    assert await stored.store.ask(scripts.pass_on(stored.keys, NODE, b"typing")) == 0


async def test_claimant_is_admitted_once(stored: StoredConversation) -> None:
    await stored.append(0, 1)
    assert await stored.admit(SARI) == 1
    assert await stored.admit(SARI) == 1
    state = await stored.subscribe(device_id=SARI)
    assert state is not None
    assert state.may_read_after == 1
    assert await StoredConversation(stored.store, b"another one.....").admit(SARI) == -1


async def test_lease_without_commit_ends_the_membership(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    assert await _end_lease(stored) == "ended"
    assert await stored.subscribe(device_id=SARI) is None
    assert await _end_lease(stored) == "ended"


async def test_lease_with_an_accepted_commit_has_become_a_membership(stored: StoredConversation) -> None:
    await stored.admit(SARI)
    await stored.commit(1, 1, epoch=0)
    assert await _end_lease(stored) == "confirmed"
    assert await stored.subscribe(device_id=SARI) is not None


async def test_lease_of_an_expired_conversation_is_gone(stored: StoredConversation) -> None:
    assert await _end_lease(StoredConversation(stored.store, b"another one.....")) == "gone"


async def test_claim_of_a_conversation_that_goes_on_ends_unless_the_device_is_in(
    stored: StoredConversation,
) -> None:
    for device, is_in in ((BUDI, False), (SARI, True)):
        await stored.store.ask(scripts.name_claimant(stored.keys, device))
        if is_in:
            await stored.admit(device)
        for _ in range(2):
            assert scripts.is_in(await stored.store.ask(scripts.end_claim(stored.keys, device))) is is_in
        assert await stored.store.ask((b"HEXISTS", stored.keys.state, b"c")) == 0


async def test_staff_were_last_heard_of_by_the_latest_note_until_they_are_back(
    stored: StoredConversation,
) -> None:
    await stored.admit(SARI)

    async def note(seen_ms: int) -> object:
        return await stored.store.ask(scripts.note_staff(stored.keys, seen_ms))

    async def seen(capability_hash: bytes | None = None, device_id: bytes | None = None) -> int:
        state = await stored.subscribe(capability_hash=capability_hash, device_id=device_id)
        assert state is not None
        return state.staff_seen_ms

    assert [await note(ms) for ms in (NOW_MS, NOW_MS - 1, NOW_MS + 1)] == [1, 0, 1]
    assert await seen(capability_hash=CAPABILITY_HASH) == NOW_MS + 1
    assert await seen(device_id=SARI) == 0
    assert await seen(capability_hash=CAPABILITY_HASH) == 0
    # What has gone is not brought back by it.
    gone = StoredConversation(stored.store, b"another one.....")
    assert await gone.store.ask(scripts.note_staff(gone.keys, NOW_MS)) == 0
    assert await stored.store.ask((b"EXISTS", gone.keys.state)) == 0


async def _end_lease(stored: StoredConversation) -> str:
    return scripts.lease_status(await stored.store.ask(scripts.end_lease(stored.keys, stored.id, SARI)))
