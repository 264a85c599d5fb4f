"""A state is spent once, and of several that may come next the first that is used counts."""

from __future__ import annotations

import pytest
from forging.groups import members
from forging.trees import NOW
from teduh_crypto.exceptions import OperationNotAllowed, RemoteError
from teduh_crypto.mls import Group, GroupPolicy, LeafIndex, Remove


def is_over(group: Group) -> None:
    """Neither sends nor reads."""
    with pytest.raises(OperationNotAllowed, match="taken the place"):
        group.protect(b"again")
    with pytest.raises(OperationNotAllowed, match="taken the place"):
        group.unprotect(b"", now=NOW)
    with pytest.raises(OperationNotAllowed, match="taken the place"):
        group.commit(now=NOW)


@pytest.mark.parametrize("send", ["protect", "commit", "propose", "propose_update"])
def test_a_state_sends_once(send: str) -> None:
    alice, _ = members(2)
    match send:
        case "protect":
            after = alice.protect(b"once")[0]
        case "commit":
            after = alice.commit(now=NOW).if_refused
        case "propose":
            after = alice.propose(Remove(LeafIndex(1)))[0]
        case _:
            after = alice.propose_update()[0]
    is_over(alice)
    is_over(alice.with_policy(GroupPolicy()))
    is_over(alice.with_psk(b"id", bytes(32)))
    assert after.epoch == alice.epoch
    after.commit(now=NOW)


def test_what_a_spent_state_shows_can_be_read() -> None:
    alice, _ = members(2)
    alice.protect(b"once")
    assert len(alice.members) == 2
    assert alice.export("label", b"", 16)


def test_a_state_that_could_not_send_is_not_spent() -> None:
    alice, _ = members(2)
    with pytest.raises(RemoteError):
        alice.commit([Remove(LeafIndex(7))], now=NOW)
    alice.protect(b"hello")


def test_a_message_may_be_read_twice_until_one_outcome_is_used() -> None:
    alice, bob = members(2)
    _, message = alice.protect(b"hello")
    one, _ = bob.unprotect(message, now=NOW)
    other, _ = bob.unprotect(message, now=NOW)
    one, _ = one.protect(b"I read it")
    is_over(bob)
    is_over(other)
    one.protect(b"and go on")


def test_who_does_not_adopt_a_state_goes_on_from_the_one_before() -> None:
    alice, bob = members(2)
    discarded, _ = bob.unprotect(alice.commit(now=NOW).message, now=NOW)
    bob.protect(b"no")
    assert discarded.epoch == bob.epoch + 1


def test_a_commit_that_is_accepted_ends_the_epoch_before() -> None:
    alice, _ = members(2)
    sent = alice.commit(now=NOW)
    said, _ = sent.if_refused.protect(b"before the answer")
    sent.group.protect(b"accepted")
    is_over(said)
    is_over(sent.if_refused)


def test_of_two_next_epochs_one_counts() -> None:
    alice, bob = members(2)
    sent = alice.commit(now=NOW)
    one, _ = bob.unprotect(sent.message, now=NOW)
    other, _ = bob.unprotect(sent.message, now=NOW)
    one.protect(b"first")
    is_over(other)
    is_over(bob)
