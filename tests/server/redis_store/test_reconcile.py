"""reconcile.lua: what nodes of an earlier release have appended without a script, unknown to the state."""

from __future__ import annotations

import asyncio

import pytest
from support.store.stored_conversation import CAPABILITY_HASH, StoredConversation
from teduh_server.redis_store import scripts
from teduh_server.redis_store.scripts import Appended, NotAppended
from teduh_signaling.relay.entry import entry_template, place_entry
from teduh_signaling.relay.frames import EntryKind

SARI, BUDI = b"s" * 32, b"b" * 32
FIRST = 2
"""The first message stands behind the commit that made epoch 1."""


@pytest.fixture
async def earlier(stored: StoredConversation) -> StoredConversation:
    """A survivor and Sari in epoch 1; a node of an earlier release was told that it is alone there."""
    await stored.admit(SARI)
    assert await stored.commit(1, 1, epoch=0) == Appended(1, committed=True)
    assert await stored.append(0, 1, b"first", epoch=1) == Appended(FIRST)
    await stored.store.ask((b"HSET", stored.keys.state, b"t", b"1"))
    return stored


async def _put(
    stored: StoredConversation,
    seq: int,
    member: int,
    counter: int,
    payload: bytes = b"direct",
    *,
    kind: EntryKind = EntryKind.MESSAGE,
    epoch: int = 1,
) -> object:
    """As such a node does it."""
    entry = place_entry(entry_template(stored.id, member, counter, kind, epoch, payload), seq)
    return await stored.store.ask((b"XADD", stored.keys.log, b"NOMKSTREAM", b"%d-0" % seq, b"e", entry))


async def _payloads(stored: StoredConversation) -> list[tuple[int, bytes]]:
    return [(each.seq, each.payload) for each in await stored.log(after=FIRST)]


async def _last(stored: StoredConversation) -> int | None:
    return scripts.last_seq(await stored.store.ask(scripts.read_last_seq(stored.keys)))


async def test_what_was_put_without_a_script_counts_for_the_next_append(earlier: StoredConversation) -> None:
    """Nobody who says something here has said something there since: she subscribed in between."""
    await _put(earlier, 3, 1, 2)
    await _put(earlier, 4, 1, 3)
    assert await earlier.append(0, 2, b"script", epoch=1) == Appended(5)
    assert await _payloads(earlier) == [(3, b"direct"), (4, b"direct"), (5, b"script")]
    assert await earlier.append(1, 3, epoch=1) == Appended(4, repeated=True)


async def test_it_counts_for_all_that_one_call_appends(earlier: StoredConversation) -> None:
    """And nothing of what the call has appended before is forgotten."""
    other = StoredConversation(earlier.store, b"another one.....")
    await other.create()
    await _put(earlier, 3, 1, 2)
    appended = await asyncio.gather(
        other.append(0, 1),
        other.append(0, 2),
        earlier.append(0, 2, b"script", epoch=1),
        earlier.append(0, 3, b"script", epoch=1),
        earlier.append(1, 2, b"repeated", epoch=1),
        earlier.append(1, 3, b"script", epoch=1),
        other.append(0, 3),
    )
    places = [1, 2, 4, 5, None, 6, 3]
    repeated = Appended(3, repeated=True)
    assert appended == [repeated if place is None else Appended(place) for place in places]
    assert [seq for seq, _ in await _payloads(earlier)] == [3, 4, 5, 6]


async def test_many_are_counted(earlier: StoredConversation) -> None:
    for number in range(512):
        await _put(earlier, 3 + number, 0, 2 + number)
    assert await _last(earlier) == 514
    assert await earlier.append(0, 514, epoch=1) == Appended(515)


async def test_repeat_of_what_was_put_is_recognised(earlier: StoredConversation) -> None:
    await _put(earlier, 3, 0, 2)
    assert await earlier.append(0, 2, epoch=1) == Appended(3, repeated=True)
    assert await earlier.append(0, 1, epoch=1) == Appended(0, repeated=True)
    assert await earlier.append(0, 4, epoch=1) == NotAppended("counter_gap", 3)


async def test_subscriber_is_told_of_it(earlier: StoredConversation) -> None:
    """Everybody who comes to a node of this release subscribes first."""
    await _put(earlier, 3, 0, 2)
    state = await earlier.subscribe(capability_hash=CAPABILITY_HASH)
    assert state is not None
    assert (state.last_seq, state.counter) == (3, 2)
    assert await _payloads(earlier) == [(3, b"direct")]


async def test_newcomer_may_not_read_it(earlier: StoredConversation) -> None:
    await _put(earlier, 3, 0, 2)
    await earlier.commit(1, 2, epoch=1, welcome=b"welcome", added=(BUDI,))
    state = await earlier.subscribe(device_id=BUDI)
    assert state is not None
    assert state.may_read_after == 4


async def test_what_a_member_said_before_it_left_stays(earlier: StoredConversation) -> None:
    """Also where its node had not heard yet that it has left."""
    left = scripts.left(await earlier.store.ask(scripts.leave(earlier.keys, 1)))
    assert left is not None
    assert left.members == 1
    await _put(earlier, 3, 1, 2, b"goodbye")
    await _put(earlier, 4, 1, 3, b"goodbye")
    assert await _last(earlier) == 4
    assert await _payloads(earlier) == [(3, b"goodbye"), (4, b"goodbye")]
    assert await earlier.store.ask((b"HEXISTS", earlier.keys.state, b"m1")) == 0


async def test_commit_comes_behind_it(earlier: StoredConversation) -> None:
    await _put(earlier, 3, 0, 2)
    assert await earlier.commit(1, 2, epoch=1) == Appended(4, committed=True)
    # What was made in the epoch before is refused, as it should be.
    assert await _put(earlier, 5, 0, 3) == b"5-0"
    assert await earlier.append(0, 3, b"again", epoch=2) == Appended(5)
    assert [seq for seq, _ in await _payloads(earlier)] == [3, 4, 5]


async def test_acknowledgements_take_nothing_away_that_the_state_does_not_know_of(
    earlier: StoredConversation,
) -> None:
    await _put(earlier, 3, 0, 2)
    for member in (0, 1):
        await earlier.acknowledge(member, FIRST)
    assert await _payloads(earlier) == [(3, b"direct")]
    assert await _last(earlier) == 3


@pytest.mark.parametrize(
    "stray",
    [
        {"seq": 4, "member": 0, "counter": 2},
        {"seq": 3, "member": 0, "counter": 3},
        {"seq": 3, "member": 0, "counter": 1},
        {"seq": 3, "member": 0, "counter": 2, "epoch": 0},
        {"seq": 3, "member": 0, "counter": 2, "epoch": 2},
        {"seq": 3, "member": 0, "counter": 2, "kind": EntryKind.COMMIT},
    ],
    ids=["gap", "counter gap", "repeated", "old epoch", "later epoch", "commit"],
)
async def test_what_nobody_can_have_accepted_goes(earlier: StoredConversation, stray: dict[str, int]) -> None:
    """And its place is given anew, though a stream gives an id only once."""
    await _put(earlier, payload=b"stray", **stray)  # type: ignore[arg-type]  # numbers all
    await _put(earlier, 5, 1, 2, b"behind it")
    assert await _last(earlier) == FIRST
    assert await earlier.append(0, 2, b"again", epoch=1) == Appended(3)
    assert await earlier.append(1, 2, b"again", epoch=1) == Appended(4)
    assert await _payloads(earlier) == [(3, b"again"), (4, b"again")]
    expires = await earlier.store.ask((b"PTTL", earlier.keys.log))
    assert isinstance(expires, int)
    assert expires > 0


async def test_stray_that_comes_when_nobody_is_alone_any_more_is_in_nobodys_way(
    earlier: StoredConversation,
) -> None:
    assert await earlier.append(0, 2, b"heard", epoch=1) == Appended(3)
    await earlier.store.ask((b"HDEL", earlier.keys.state, b"t"))
    await _put(earlier, 5, 0, 4, b"stray")
    assert await earlier.append(1, 2, b"heard", epoch=1) == Appended(4)
    assert await earlier.append(0, 3, b"heard", epoch=1) == Appended(5)
    assert await _payloads(earlier) == [(3, b"heard"), (4, b"heard"), (5, b"heard")]


async def test_emptied_log_gives_the_next_place(earlier: StoredConversation) -> None:
    """An earlier release keeps it, or deletes it."""
    for member in (0, 1):
        await earlier.acknowledge(member, FIRST)
    assert await earlier.log() == []
    assert await _put(earlier, FIRST + 1, 0, 2) == b"3-0"
    await earlier.store.ask((b"DEL", earlier.keys.log))
    assert await _put(earlier, FIRST + 1, 0, 2) is None
    assert await earlier.append(0, 2, epoch=1) == Appended(3)
