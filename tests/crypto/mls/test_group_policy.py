"""What a policy closes is closed to what comes and to what this member would send."""

from __future__ import annotations

import pytest
from forging.groups import LIFETIME, OPEN, SUITE, again, client, founder, members
from forging.trees import NOW
from teduh_crypto.exceptions import OperationNotAllowed, RemoteError, UnsupportedByPolicy
from teduh_crypto.mls import (
    Add,
    Capabilities,
    CredentialType,
    Extension,
    Group,
    GroupContextExtensions,
    GroupPolicy,
    LeafIndex,
    Remove,
    X509Credential,
    new_key_package,
)

ADDS_ONLY = GroupPolicy(proposals=frozenset({Add.proposal_type}))


def test_a_commit_holds_only_proposals_that_the_policy_names() -> None:
    alice, bob, _ = members(3)
    message = again(alice).commit([Remove(LeafIndex(2))], now=NOW).message
    with pytest.raises(UnsupportedByPolicy):
        bob.with_policy(ADDS_ONLY).unprotect(message, now=NOW)
    with pytest.raises(UnsupportedByPolicy):
        again(alice).with_policy(ADDS_ONLY).commit([Remove(LeafIndex(2))], now=NOW)


def test_a_commit_of_nothing_is_always_taken() -> None:
    alice, bob = members(2)
    closed = GroupPolicy(proposals=frozenset())
    sent = alice.with_policy(closed).commit(now=NOW)
    after, _ = bob.with_policy(closed).unprotect(sent.message, now=NOW)
    assert after.epoch_authenticator == sent.group.epoch_authenticator


def test_nobody_proposes_without_a_commit_where_that_is_closed() -> None:
    alice, bob = members(2)
    closed = GroupPolicy(allow_proposals_alone=False)
    with pytest.raises(UnsupportedByPolicy):
        bob.with_policy(closed).unprotect(alice.propose_update()[1], now=NOW)
    with pytest.raises(OperationNotAllowed):
        alice.with_policy(closed).propose_update()


def test_a_group_has_only_extensions_that_the_policy_names() -> None:
    senders = Extension(5, bytes(1))
    alice, bob = members(2)
    closed = GroupPolicy(group_extensions=frozenset())
    proposal = GroupContextExtensions((senders,))
    sent = again(alice).commit([proposal], now=NOW)
    with pytest.raises(UnsupportedByPolicy):
        bob.with_policy(closed).unprotect(sent.message, now=NOW)
    with pytest.raises(UnsupportedByPolicy):
        alice.with_policy(closed).commit([proposal], now=NOW)
    newcomer = client("newcomer")
    welcome = founder(extensions=(senders,)).commit([Add(newcomer.key_package)], now=NOW).welcome
    assert welcome is not None
    with pytest.raises(UnsupportedByPolicy):
        Group.join(welcome, newcomer, now=NOW, policy=closed)
    assert Group.join(welcome, newcomer, now=NOW, policy=OPEN).extensions == (senders,)


def test_a_tree_has_no_more_places_than_the_policy_names() -> None:
    """Counted as places, blank ones too: that is what a member computes with."""
    small = GroupPolicy(most_leaves=2)
    alice, bob = members(2)
    newcomer = client("newcomer")
    sent = again(alice).commit([Add(newcomer.key_package)], now=NOW)
    assert sent.welcome is not None
    with pytest.raises(UnsupportedByPolicy):
        bob.with_policy(small).unprotect(sent.message, now=NOW)
    with pytest.raises(UnsupportedByPolicy):
        again(alice).with_policy(small).commit([Add(newcomer.key_package)], now=NOW)
    with pytest.raises(RemoteError):
        Group.join(sent.welcome, newcomer, now=NOW, policy=small)
    assert Group.join(sent.welcome, newcomer, now=NOW, policy=GroupPolicy(most_leaves=4)).epoch == 2
    with pytest.raises(UnsupportedByPolicy):
        Group.join(sent.welcome, newcomer, now=NOW, policy=GroupPolicy(most_leaves=3))


def test_members_have_no_credentials_but_those_that_the_policy_names() -> None:
    alice, bob = members(2)
    closed = GroupPolicy(credential_types=frozenset({CredentialType.BASIC}))
    everything = (CredentialType.BASIC, CredentialType.X509)
    certified = new_key_package(
        SUITE,
        X509Credential((b"certificate",)),
        SUITE.generate_signature_key(),
        capabilities=Capabilities(cipher_suites=(1,), credentials=everything),
        lifetime=LIFETIME,
    )
    sent = again(alice).commit([Add(certified.key_package)], now=NOW)
    with pytest.raises(UnsupportedByPolicy):
        bob.with_policy(closed).unprotect(sent.message, now=NOW)
    with pytest.raises(UnsupportedByPolicy):
        again(alice).with_policy(closed).commit([Add(certified.key_package)], now=NOW)
