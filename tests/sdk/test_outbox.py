"""What is not in the log yet: kept, repeated as it was, or said anew."""

from __future__ import annotations

import pytest
from teduh_sdk.conversation.outbox import Outbox
from teduh_signaling.relay.frames import Append


def append(counter: int, epoch: int = 1, kind: int = 0) -> Append:
    return Append(b"c" * 16, counter, 1 if kind else 0, epoch, b"ciphertext %d" % counter)


def filled() -> Outbox:
    """Two in flight, one queued."""
    outbox = Outbox().add(b"one").add(b"two").add(b"three")
    return outbox.sent(append(1), b"one").sent(append(2), b"two")


def test_counters_have_no_gaps() -> None:
    outbox = filled()
    assert [sent.append.counter for sent in outbox.in_flight] == [1, 2]
    assert outbox.next_counter == 3
    assert outbox.queued == (b"three",)


def test_an_append_out_of_turn_is_an_error() -> None:
    """It would take another one's place in the log."""
    for counter in (2, 4):
        with pytest.raises(ValueError, match="3 is next"):
            filled().sent(append(counter), b"three")


def test_an_answer_speaks_for_all_before_it() -> None:
    outbox, done = filled().accepted(2)
    assert [sent.content for sent in done] == [b"one", b"two"]
    assert outbox.in_flight == ()
    assert not outbox.is_empty


def test_an_answer_that_comes_again_concerns_nothing() -> None:
    outbox, _ = filled().accepted(1)
    again, done = outbox.accepted(1)
    assert (again, done) == (outbox, ())


def test_what_is_refused_is_said_anew_in_order_under_the_same_counters() -> None:
    outbox = filled().refused(1)
    assert outbox.queued == (b"one", b"two", b"three")
    assert outbox.in_flight == ()
    assert outbox.next_counter == 1


def test_what_came_before_the_refused_one_stays_in_flight() -> None:
    outbox = filled().refused(2)
    assert [sent.append.counter for sent in outbox.in_flight] == [1]
    assert outbox.queued == (b"two", b"three")
    assert outbox.next_counter == 2


def test_a_refused_commit_is_not_said_anew() -> None:
    outbox = filled().sent(append(3, kind=1), None).refused(1)
    assert outbox.queued == (b"one", b"two", b"three")


def test_nothing_of_it_shows_in_the_repr() -> None:
    assert "three" not in repr(filled())
