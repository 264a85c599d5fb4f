"""The log comes back in order, our own entries in their places."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teduh_sdk.conversation.log_order import MOST_WAITING, LogItem, LogOrder, OwnEntry, OwnWelcome
from teduh_sdk.exceptions import LogBroken
from teduh_signaling.relay.frames import Entry, EntryKind

ME = 3


def entry(seq: int, member: int = 1, counter: int = 1, kind: EntryKind = EntryKind.MESSAGE) -> Entry:
    return Entry(b"c" * 16, seq, member, counter, kind, 1, b"payload")


def taken(order: LogOrder) -> list[LogItem]:
    return list(order.take())


def places(order: LogOrder) -> list[int]:
    return [item.seq for item in order.take()]


def test_entries_wait_for_the_one_before_them() -> None:
    order = LogOrder(ME)
    order.received(entry(2))
    assert taken(order) == []
    assert order.has_gap
    order.received(entry(1))
    assert places(order) == [1, 2]
    assert not order.has_gap


def test_an_own_entry_waits_for_those_of_others_before_it() -> None:
    order = LogOrder(ME)
    order.accepted(counter=1, seq=2)
    assert taken(order) == []
    order.received(entry(1))
    assert taken(order) == [entry(1), OwnEntry(2, 1)]


def test_an_own_entry_is_recognised_when_the_log_is_read_again() -> None:
    order = LogOrder(ME)
    order.received(entry(1, member=ME, counter=1))
    assert taken(order) == [OwnEntry(1, 1)]


def test_what_was_taken_is_not_taken_again() -> None:
    order = LogOrder(ME)
    order.received(entry(1))
    assert places(order) == [1]
    order.received(entry(1))
    assert places(order) == []


def test_the_place_after_an_own_commit_is_its_welcome() -> None:
    order = LogOrder(ME)
    order.sends_welcome(1)
    order.accepted(counter=1, seq=1)
    order.received(entry(3))
    assert taken(order) == [OwnEntry(1, 1), OwnWelcome(2), entry(3)]


def test_an_own_welcome_in_the_log_is_the_same_as_one_that_was_expected() -> None:
    order = LogOrder(ME)
    order.sends_welcome(1)
    order.accepted(counter=1, seq=1)
    order.received(entry(2, member=ME, counter=0, kind=EntryKind.WELCOME))
    assert places(order) == [1, 2]


def test_one_accepted_speaks_for_all_counters_before_it() -> None:
    """Counter 3 is at place 4, and somebody else's entry at 2: so counters 1 and 2 are at 1 and 3."""
    order = LogOrder(ME)
    order.accepted(counter=3, seq=4)
    assert taken(order) == []
    order.received(entry(2))
    assert taken(order) == [OwnEntry(1, 1), entry(2), OwnEntry(3, 2), OwnEntry(4, 3)]


def test_an_accepted_without_a_place_changes_nothing() -> None:
    order = LogOrder(ME)
    order.accepted(counter=1, seq=0)
    assert taken(order) == []


def test_a_gap_that_stays_is_no_delay() -> None:
    order = LogOrder(ME)
    for seq in range(2, MOST_WAITING + 2):
        order.received(entry(seq))
    with pytest.raises(LogBroken):
        order.received(entry(MOST_WAITING + 2))


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.randoms(use_true_random=False), st.booleans())
def test_any_interleaving_comes_out_in_order(own: list[bool], random: Random, coalesced: bool) -> None:
    """Whatever comes first, and though one Accepted may speak for several appends."""
    order = LogOrder(ME)
    answers: list[tuple[int, int]] = []
    others = []
    for seq, is_own in enumerate(own, start=1):
        if is_own:
            answers.append((len(answers) + 1, seq))
        else:
            others.append(entry(seq))
    if coalesced:
        answers = answers[-1:]
    steps: list[tuple[int, int] | Entry] = [*answers, *others]
    random.shuffle(steps)
    # Answers come in the order of their counters, entries in the order of the log; only their mixture varies.
    waiting_answers, waiting_entries = iter(answers), iter(others)
    out = []
    for step in steps:
        if isinstance(step, Entry):
            order.received(next(waiting_entries))
        else:
            order.accepted(*next(waiting_answers))
        out += places(order)
    assert out == list(range(1, len(own) + 1))


@pytest.mark.parametrize(("counter", "seq"), [(2**62, 1), (2**62, 2**62), (1, 2**62)])
def test_a_relay_that_counts_absurdly_far_costs_no_work(counter: int, seq: int) -> None:
    order = LogOrder(ME)
    order.accepted(counter, seq + 1)
    assert taken(order) == []
    assert order.has_gap
