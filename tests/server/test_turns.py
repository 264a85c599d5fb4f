"""Of each source one request has its turn; the others come up one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teduh_server.matching import turns as turns_module
from teduh_server.matching.turns import Turns
from teduh_signaling.relay.frames import Urgency

A, B = b"source a", b"source b"
NORMAL, URGENT, EMERGENCY = Urgency.NORMAL, Urgency.URGENT, Urgency.EMERGENCY


def _enter(turns: Turns, source: bytes, *requests: tuple[bytes, Urgency]) -> list[int]:
    return [turns.enter(source, name, urgency, 0.0)[0] for name, urgency in requests]


def test_who_comes_first_has_her_turn_and_others_of_her_source_are_behind_her() -> None:
    turns = Turns()
    assert _enter(turns, A, (b"1", NORMAL), (b"2", NORMAL), (b"3", NORMAL)) == [0, 1, 2]
    assert _enter(turns, B, (b"4", NORMAL)) == [0]


def test_the_next_has_its_turn_when_the_one_before_has_left() -> None:
    turns = Turns()
    _enter(turns, A, (b"1", NORMAL), (b"2", NORMAL), (b"3", NORMAL))
    assert turns.leave(b"2") is None
    following = turns.leave(b"1")
    assert following is not None
    assert following.conversation_id == b"3"
    assert turns.leave(b"3") is None
    assert turns.leave(b"3") is None
    assert not turns._lines


def test_an_emergency_takes_the_turn_of_a_less_urgent_one_of_its_source() -> None:
    """Many share one address: whoever is in danger does not wait for her neighbour."""
    turns = Turns()
    _enter(turns, A, (b"1", NORMAL), (b"2", NORMAL))
    before, displaced = turns.enter(A, b"3", EMERGENCY, 0.0)
    assert before == 0
    assert displaced is not None
    assert (displaced.conversation_id, displaced.lost_turns) == (b"1", 1)
    assert _enter(turns, A, (b"4", EMERGENCY), (b"5", URGENT)) == [1, 2]
    assert turns.waiting(A) == [b"3", b"4", b"5", b"1", b"2"]


def test_who_comes_back_stands_where_she_stood() -> None:
    """After a restart of the node all come back, in any order."""
    turns = Turns()
    _enter(turns, A, (b"2", NORMAL), (b"3", NORMAL), (b"1", NORMAL))
    for place, name in enumerate((b"1", b"2", b"3")):
        turns.stands(name, float(place))
    assert turns.waiting(A) == [b"1", b"2", b"3"]


def test_where_a_request_came_from_is_known_after_it_has_left_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns_module, "_REMEMBERED", 3)
    turns = Turns()
    _enter(turns, A, (b"1", NORMAL))
    turns.leave(b"1")
    assert turns.source_of(b"1") == A
    assert b"1" not in turns
    for name in (b"2", b"3", b"4"):
        _enter(turns, B, (name, NORMAL))
        turns.leave(name)
    assert turns.source_of(b"1") is None
    assert (len(turns._sources), len(turns._left)) == (0, 3)


def test_however_many_wait_all_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "_REMEMBERED", 2)
    turns = Turns()
    _enter(turns, A, *((bytes([number]), NORMAL) for number in range(5)))
    for number in range(5):
        turns.leave(bytes([number]))
    assert not turns._lines
    assert not turns._sources


def test_in_doubt_are_those_others_wait_behind_and_those_whose_survivor_is_gone() -> None:
    turns = Turns()
    _enter(turns, A, (b"1", NORMAL), (b"2", NORMAL))
    _enter(turns, B, (b"3", NORMAL))
    assert turns.doubtful({b"1", b"2", b"3"}) == [b"1"]
    assert turns.doubtful({b"1", b"2"}) == [b"1", b"3"]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.sampled_from(list(Urgency))), max_size=60))
def test_whatever_comes_and_goes_each_source_has_one_at_its_turn_and_the_most_urgent(
    steps: list[tuple[bool, int, Urgency]],
) -> None:
    turns, alive = Turns(), dict[bytes, tuple[bytes, Urgency]]()
    for number, (comes, source, urgency) in enumerate(steps):
        if comes or not alive:
            name = bytes([number])
            alive[name] = bytes([source]), urgency
            turns.enter(bytes([source]), name, urgency, 0.0)
        else:
            gone = sorted(alive)[number % len(alive)]
            del alive[gone]
            turns.leave(gone)
        at_turn = {each.conversation_id: each.urgency for each in turns.at_their_turn()}
        for one in {source for source, _ in alive.values()}:
            of_source = {name: each for name, (where, each) in alive.items() if where == one}
            (first,) = of_source.keys() & at_turn.keys()
            assert at_turn[first] == max(of_source.values())
        assert len(at_turn) == len({source for source, _ in alive.values()})
