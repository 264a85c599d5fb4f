"""settle.lua: a log to which a node appends without a script, and a state that learns of it later."""

from __future__ import annotations

import pytest
from store_bench import CAPABILITY_HASH, NODE, OTHER_NODE, RETENTION_MS, StoreBench, ask_joined
from teduh_server.direct_log import MOST_BYTES, MOST_ENTRIES, _told_head, _told_member
from teduh_server.redis_store import scripts
from teduh_server.redis_store.scripts import Appended, LogLimits, NotAppended
from teduh_signaling.relay.entry import placed_entry
from teduh_signaling.relay.frames import EntryKind

SARI, BUDI = b"s" * 32, b"b" * 32
FIRST = 2
"""The first message stands behind the commit that made epoch 1."""


def _limits(node: str = NODE, entries: int = 1000, size: int = 1_000_000) -> LogLimits:
    most = {"direct_entries": MOST_ENTRIES, "direct_bytes": MOST_BYTES}
    return LogLimits(node, RETENTION_MS, entries, size, **most)


@pytest.fixture
async def alone(bench: StoreBench) -> StoreBench:
    """A survivor and Sari in epoch 1; the node has been told that it may append directly."""
    bench.limits = _limits()
    await bench.admit(SARI)
    assert await bench.commit(1, 1, epoch=0) == Appended(1, committed=True)
    assert await bench.append(0, 1, b"first", epoch=1) == Appended(FIRST, alone=True)
    return bench


async def _put(
    bench: StoreBench,
    seq: int,
    member: int,
    counter: int,
    payload: bytes = b"direct",
    *,
    kind: EntryKind = EntryKind.MESSAGE,
    epoch: int = 1,
) -> object:
    """As `direct_log` does it."""
    entry = placed_entry(bench.id, seq, member, counter, kind, epoch, payload)
    return await bench.store.ask((b"XADD", bench.keys.log, b"NOMKSTREAM", b"%d-0" % seq, b"e", entry))


async def _payloads(bench: StoreBench) -> list[tuple[int, bytes]]:
    return [(each.seq, each.payload) for each in await bench.log(after=FIRST)]


async def _last(bench: StoreBench) -> int | None:
    return scripts.last_seq(await bench.store.ask(scripts.read_last_seq(bench.keys)))


async def test_only_who_asks_for_it_is_told_that_it_is_alone(bench: StoreBench) -> None:
    await bench.admit(SARI)
    await bench.commit(1, 1, epoch=0)
    assert await bench.append(0, 1, epoch=1) == Appended(FIRST)
    assert await bench.store.ask((b"HEXISTS", bench.keys.state, b"t")) == 0


async def test_nobody_is_alone_before_the_first_commit(bench: StoreBench) -> None:
    """Then a claimant may lose its membership, and nothing in the log would tell."""
    bench.limits = _limits()
    assert await bench.append(0, 1) == Appended(1)


async def test_nobody_is_alone_where_another_node_holds_a_member(alone: StoreBench) -> None:
    await alone.subscribe(device_id=SARI, node=OTHER_NODE)
    assert await alone.append(0, 2, epoch=1) == Appended(3)
    alone.limits = _limits(OTHER_NODE)
    assert await alone.append(1, 2, epoch=1) == Appended(4)
    assert await alone.store.ask((b"HEXISTS", alone.keys.state, b"t")) == 0


@pytest.mark.parametrize(("entries", "size"), [(MOST_ENTRIES, 1_000_000), (1000, MOST_BYTES)])
async def test_nobody_is_alone_in_a_log_that_may_become_full_meanwhile(
    bench: StoreBench, entries: int, size: int
) -> None:
    bench.limits = _limits(entries=entries, size=size)
    await bench.admit(SARI)
    await bench.commit(1, 1, epoch=0)
    assert await bench.append(0, 1, epoch=1) == Appended(FIRST)


async def test_what_was_put_directly_counts_for_the_next_append(alone: StoreBench) -> None:
    await _put(alone, 3, 1, 2)
    await _put(alone, 4, 0, 2)
    assert await alone.append(0, 3, b"script", epoch=1) == Appended(5, alone=True)
    assert await _payloads(alone) == [(3, b"direct"), (4, b"direct"), (5, b"script")]


async def test_many_are_counted(alone: StoreBench) -> None:
    """More than are read at once."""
    for number in range(200):
        await _put(alone, 3 + number, 0, 2 + number)
    assert await _last(alone) == 202
    assert await alone.append(0, 202, epoch=1) == Appended(203, alone=True)


async def test_repeat_of_what_was_put_directly_is_recognised(alone: StoreBench) -> None:
    await _put(alone, 3, 0, 2)
    assert await alone.append(0, 2, epoch=1) == Appended(3, repeated=True)
    assert await alone.append(0, 1, epoch=1) == Appended(0, repeated=True)
    assert await alone.append(0, 4, epoch=1) == NotAppended("counter_gap", 3)


async def test_subscriber_is_told_of_it(alone: StoreBench) -> None:
    await _put(alone, 3, 0, 2)
    state = await alone.subscribe(capability_hash=CAPABILITY_HASH)
    assert state is not None
    assert (state.last_seq, state.counter) == (3, 2)


async def test_node_that_has_missed_something_is_told_of_it(alone: StoreBench) -> None:
    await _put(alone, 3, 0, 2)
    rejoined = await alone.rejoin(0)
    assert rejoined is not None
    assert rejoined.last_seq == 3


async def test_newcomer_may_not_read_it(alone: StoreBench) -> None:
    await _put(alone, 3, 0, 2)
    await alone.commit(1, 2, epoch=1, welcome=b"welcome", added=(BUDI,))
    state = await alone.subscribe(device_id=BUDI)
    assert state is not None
    assert state.may_read_after == 4


async def test_nobody_claims_what_was_begun(alone: StoreBench) -> None:
    """A request that was opened twice adds nobody to a conversation that goes on."""
    assert await alone.admit(BUDI) == -1


async def test_what_a_member_said_before_it_left_stays(alone: StoreBench) -> None:
    await _put(alone, 3, 1, 2, b"goodbye")
    left = scripts.left(await alone.store.ask(scripts.leave(alone.keys, 1)))
    assert left is not None
    assert left.members == 1
    assert await _last(alone) == 3
    assert await _payloads(alone) == [(3, b"goodbye")]


async def test_commit_comes_behind_it(alone: StoreBench) -> None:
    await _put(alone, 3, 0, 2)
    assert await alone.commit(1, 2, epoch=1) == Appended(4, committed=True)
    # What was made in the epoch before is refused, as it should be.
    assert await _put(alone, 5, 0, 3) == b"5-0"
    assert await alone.append(0, 3, b"again", epoch=2) == Appended(5, alone=True)
    assert [seq for seq, _ in await _payloads(alone)] == [3, 4, 5]


@pytest.mark.parametrize(
    "stray",
    [
        {"seq": 4, "member": 0, "counter": 2},
        {"seq": 3, "member": 0, "counter": 3},
        {"seq": 3, "member": 0, "counter": 1},
        {"seq": 3, "member": 7, "counter": 1},
        {"seq": 3, "member": 0, "counter": 2, "epoch": 0},
        {"seq": 3, "member": 0, "counter": 2, "epoch": 2},
        {"seq": 3, "member": 0, "counter": 2, "kind": EntryKind.COMMIT},
    ],
    ids=["gap", "counter gap", "repeated", "no member", "old epoch", "later epoch", "commit"],
)
async def test_what_nobody_can_have_accepted_goes(alone: StoreBench, stray: dict[str, int]) -> None:
    """And its place is given anew, though a stream gives an id only once."""
    await _put(alone, payload=b"stray", **stray)  # type: ignore[arg-type]  # numbers all
    await _put(alone, 5, 1, 2, b"behind it")
    assert await _last(alone) == FIRST
    assert await alone.append(0, 2, b"again", epoch=1) == Appended(3, alone=True)
    assert await alone.append(1, 2, b"again", epoch=1) == Appended(4, alone=True)
    assert await _payloads(alone) == [(3, b"again"), (4, b"again")]
    expires = await alone.store.ask((b"PTTL", alone.keys.log))
    assert isinstance(expires, int)
    assert expires > 0


async def test_stray_that_comes_when_nobody_is_alone_any_more_is_in_nobodys_way(alone: StoreBench) -> None:
    async def others_are_there() -> None:
        # Who does not listen is forgotten each time.
        await alone.store.ask((b"HSET", alone.keys.state, b"o", (NODE + OTHER_NODE).encode()))

    await others_are_there()
    assert await alone.append(0, 2, b"heard", epoch=1) == Appended(3)
    await _put(alone, 5, 0, 4, b"stray")
    await others_are_there()
    assert await alone.append(1, 2, b"heard", epoch=1) == Appended(4)
    assert await alone.append(0, 3, b"heard", epoch=1) == Appended(5, alone=True)
    assert await _payloads(alone) == [(3, b"heard"), (4, b"heard"), (5, b"heard")]


async def test_log_that_has_gone_is_not_made_anew(alone: StoreBench) -> None:
    """It would have no state, and never expire."""
    await alone.store.ask((b"DEL", alone.keys.log))
    assert await _put(alone, 3, 0, 2) is None
    assert await alone.append(0, 2, epoch=1) == Appended(3, alone=True)


# --- acknowledgements ---


async def _acknowledge(bench: StoreBench, member: int, seq: int, told: bytes = b"") -> object:
    command = scripts.acknowledge(bench.keys, member, seq, bench.limits, told)
    return await ask_joined(bench.store, command, scripts.SHARED)


def _told(newest: int, size: int, *members: tuple[int, int, int]) -> bytes:
    return _told_head(newest, size) + b"".join(_told_member(*each) for each in members)


async def _state(bench: StoreBench) -> tuple[int, ...]:
    v = await bench.store.ask((b"HGET", bench.keys.state, b"v"))
    assert isinstance(v, bytes)
    return tuple(int.from_bytes(v[at : at + 8]) for at in range(0, 32, 8))


async def test_empty_log_keeps_its_last_place(alone: StoreBench) -> None:
    await _acknowledge(alone, 0, FIRST)
    assert await _acknowledge(alone, 1, FIRST) == -(FIRST + 1)
    assert await alone.log() == []
    assert "equal or smaller" in str(await _refused(alone, FIRST))
    assert await _put(alone, FIRST + 1, 0, 2) == b"3-0"


async def _refused(bench: StoreBench, seq: int) -> Exception:
    with pytest.raises(Exception, match="XADD") as refused:
        await _put(bench, seq, 0, 9)
    return refused.value


async def test_log_of_several_nodes_goes_when_it_is_empty(bench: StoreBench) -> None:
    await bench.append(0, 1)
    await _acknowledge(bench, 0, 1)
    assert await bench.store.ask((b"EXISTS", bench.keys.log)) == 0


async def test_state_learns_what_a_node_tells(alone: StoreBench) -> None:
    before = await _state(alone)
    await _put(alone, 3, 0, 2)
    await _put(alone, 4, 1, 2)
    assert await _acknowledge(alone, 1, 4, _told(4, 600, (0, 2, 3), (1, 2, 4))) == -1
    assert await _state(alone) == (4, 1, 1, before[3] + 600)
    assert await alone.append(0, 2, epoch=1) == Appended(3, repeated=True)
    assert await alone.append(1, 2, epoch=1) == Appended(4, repeated=True)


async def test_it_learns_though_nothing_is_new_of_the_acknowledgement(alone: StoreBench) -> None:
    await _acknowledge(alone, 1, FIRST)
    await _put(alone, 3, 0, 2)
    assert await _acknowledge(alone, 1, FIRST, _told(3, 300, (0, 2, 3))) == -1
    assert (await _state(alone))[0] == 3


@pytest.mark.parametrize("upto", [FIRST, 5], ids=["nothing new of it", "more than was told"])
async def test_it_learns_of_the_one_who_acknowledges(alone: StoreBench, upto: int) -> None:
    """Or her next append would be taken for one too many, and what she said would go into the log again."""
    await _acknowledge(alone, 0, FIRST)
    for seq in (3, 4, 5):
        await _put(alone, seq, 0, seq - 1)
    await _acknowledge(alone, 0, upto, _told(4, 600, (0, 3, 4)))
    assert await alone.append(0, 4, epoch=1) == Appended(5, repeated=True)
    assert await alone.append(0, 5, epoch=1) == Appended(6, alone=True)


async def test_acknowledgement_of_what_nobody_told_of_counts_it(alone: StoreBench) -> None:
    """As of a node that has joined since."""
    await _put(alone, 3, 0, 2)
    await _acknowledge(alone, 1, 3)
    assert await _acknowledge(alone, 0, 3) == -4
    assert (await _state(alone))[0] == 3
    assert await alone.append(0, 2, epoch=1) == Appended(3, repeated=True)


async def test_what_is_told_late_changes_nothing(alone: StoreBench) -> None:
    await _put(alone, 3, 0, 2)
    assert await alone.append(0, 3, epoch=1) == Appended(4, alone=True)
    before = await _state(alone)
    await _acknowledge(alone, 1, FIRST, _told(3, 300, (0, 2, 3)))
    assert await _state(alone) == before
    assert await alone.append(0, 3, epoch=1) == Appended(4, repeated=True)


async def test_who_has_left_does_not_come_back_by_what_is_told(alone: StoreBench) -> None:
    await _put(alone, 3, 1, 2)
    await alone.store.ask((b"HDEL", alone.keys.state, b"m1"))
    await _acknowledge(alone, 0, 3, _told(3, 300, (1, 2, 3)))
    assert await alone.store.ask((b"HEXISTS", alone.keys.state, b"m1")) == 0


async def test_full_log_ends_it(alone: StoreBench) -> None:
    alone.limits = _limits(entries=MOST_ENTRIES + 1)
    await _put(alone, 3, 0, 2)
    await _put(alone, 4, 0, 3)
    assert await _acknowledge(alone, 1, 3, _told(4, 600, (0, 3, 4))) == 1
    alone.limits = _limits()
    assert await _acknowledge(alone, 1, 4) == -1


async def test_another_node_is_not_told_that_it_may(alone: StoreBench) -> None:
    await alone.subscribe(device_id=SARI, node=OTHER_NODE)
    assert await _acknowledge(alone, 0, FIRST) == 1
