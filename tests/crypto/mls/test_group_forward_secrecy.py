"""Who takes a member's device learns nothing of what was said before: the state at rest is searched for it.

Each test collects the secrets that would open something past, and looks for their bytes in the serialised
state.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from forging.groups import OPEN, Forger, again, client, deliver, members, state_of
from forging.trees import NOW
from teduh_crypto.exceptions import GenerationConsumed, InvalidMessage, WrongEpoch
from teduh_crypto.mls import Add, ApplicationMessage, BasicCredential, Group, LeafIndex, Remove
from teduh_crypto.mls.framing import MLSMessage, PrivateMessage
from teduh_crypto.mls.secret_tree import MessageKey, RatchetKind, SecretTree
from teduh_crypto.mls.tree_math import leaf_node_index

FORGETFUL = replace(OPEN, past_epochs=0, past_resumption_psks=0)


def everything_in(tree: SecretTree) -> set[bytes]:
    """Every secret in a secret tree."""
    found = set(tree.nodes.values())
    for ratchet in tree.ratchets.values():
        found.add(ratchet.secret)
        found.update(key.key for key in ratchet.skipped.values())
    return found


def epoch_secrets(group: Group) -> set[bytes]:
    """Every secret of the group's epoch."""
    state = state_of(group)
    secrets = state.epoch.secrets
    return everything_in(state.secret_tree) | {
        secrets.sender_data_secret,
        secrets.exporter_secret,
        secrets.external_secret,
        secrets.confirmation_key,
        secrets.membership_key,
        secrets.resumption_psk,
        secrets.init_secret,
    }


def key_of(group: Group, generation: int, leaf: int = 1) -> MessageKey:
    """The key under which the member at `leaf` sends its next application message."""
    state = state_of(group)
    key, _ = state.secret_tree.take(
        LeafIndex(leaf), RatchetKind.APPLICATION, generation, state.policy.ratchet
    )
    return key


def held(group: Group, secrets: set[bytes]) -> set[bytes]:
    """Which of `secrets` are in the serialised state."""
    stored = group.to_bytes()
    return {secret for secret in secrets if secret in stored}


def test_the_search_finds_what_is_there() -> None:
    alice, _ = members(2)
    assert held(alice, epoch_secrets(alice)) == epoch_secrets(alice)


def test_after_a_message_is_read_no_key_that_opens_it_is_left() -> None:
    """RFC 9420, 9.2: as soon as a member consumes a value, "they MUST immediately delete" it."""
    alice, bob = members(2)
    key, before = key_of(alice, 0), everything_in(state_of(alice).secret_tree)
    (alice,) = deliver(bob.protect(b"hello")[1], [alice])
    assert not held(alice, {key.key, key.nonce} | before)


def test_after_a_message_is_sent_no_key_that_opens_it_is_left() -> None:
    alice, _ = members(2)
    key, before = key_of(alice, 0, leaf=0), everything_in(state_of(alice).secret_tree)
    alice, _ = alice.protect(b"hello")
    assert not held(alice, {key.key, key.nonce} | before)


def test_a_key_that_was_skipped_goes_when_its_message_is_read() -> None:
    alice, bob = members(2)
    bob, first = bob.protect(b"first")
    bob, second = bob.protect(b"second")
    key = key_of(alice, 0)
    (alice,) = deliver(second, [alice])
    assert held(alice, {key.key}) == {key.key}
    (alice,) = deliver(first, [alice])
    assert not held(alice, {key.key, key.nonce})


def test_after_a_handshake_is_read_no_key_that_opens_it_is_left() -> None:
    alice, bob, _ = members(3)
    before = everything_in(state_of(alice).secret_tree)
    (alice,) = deliver(bob.propose_update()[1], [alice])
    # The root of the secret tree is what led to it.
    assert not held(alice, before)


@pytest.mark.parametrize("committer", [True, False], ids=["committer", "follower"])
def test_after_an_epoch_is_left_none_of_its_secrets_is_left(committer: bool) -> None:
    """With a policy that keeps no past epoch: not even what was never used."""
    alice, bob = members(2, policy=FORGETFUL)
    old = epoch_secrets(alice) | epoch_secrets(bob)
    sent = alice.commit(now=NOW)
    group = sent.group if committer else deliver(sent.message, [bob])[0]
    assert not held(group, old)


def test_by_default_an_epoch_that_was_left_is_gone_one_epoch_later() -> None:
    alice, bob = members(2)
    old = epoch_secrets(alice)
    sent = bob.commit(now=NOW)
    (alice,) = deliver(sent.message, [alice])
    # What may still open late messages: the sender data secret and the secret tree, and nothing else.
    kept = held(alice, old)
    assert state_of(alice).past[0].framing.sender_data_secret in kept
    alice = alice.with_policy(replace(OPEN, past_resumption_psks=0))
    sent = sent.group.commit(now=NOW)
    (alice,) = deliver(sent.message, [alice])
    assert not held(alice, old)


def test_in_an_epoch_that_was_left_nothing_of_ours_can_be_opened() -> None:
    """We send nothing in it any more, so our own keys, of messages sent and unsent, go at once."""
    alice, _ = members(2)
    alice, message = alice.protect(b"hello")
    stolen = alice.commit(now=NOW).group
    body = MLSMessage.from_bytes(message).body
    assert isinstance(body, PrivateMessage)
    past = state_of(stolen).past[0]
    for generation in range(3):
        with pytest.raises(GenerationConsumed):
            past.secret_tree.take(
                LeafIndex(0), RatchetKind.APPLICATION, generation, state_of(stolen).policy.ratchet
            )


def test_the_encryption_key_of_a_leaf_is_gone_after_its_path() -> None:
    """RFC 9420, 7.5: "each outdated node key pair that was replaced by the update" is deleted."""
    alice, _ = members(2)
    old = {key.raw for key in state_of(alice).epoch.private_keys.keys.values()}
    sent = alice.commit(now=NOW)
    assert not held(sent.group, old)


def test_keys_of_the_path_are_gone_after_somebody_elses_path() -> None:
    alice, bob, _ = members(3)
    sent = bob.commit(now=NOW)
    (alice,) = deliver(sent.message, [alice])
    own = state_of(alice).epoch.private_keys
    above = {key.raw for node, key in own.keys.items() if node != leaf_node_index(LeafIndex(0))}
    assert above
    (alice,) = deliver(sent.group.commit(now=NOW).message, [alice])
    assert not held(alice, above)


def test_a_removed_member_keeps_no_secret() -> None:
    """RFC 9420, 12.4.2: it "SHOULD promptly delete its group state and secret tree"."""
    alice, bob, _ = members(3)
    secrets = epoch_secrets(bob) | {key.raw for key in state_of(bob).epoch.private_keys.keys.values()}
    (bob,) = deliver(alice.commit([Remove(LeafIndex(1))], now=NOW).message, [bob])
    assert not held(bob, secrets)


def test_a_joiner_keeps_no_secret_that_leads_before_her() -> None:
    alice, _ = members(2)
    carol_keys = client("carol")
    old = epoch_secrets(alice)
    sent = alice.commit([Add(carol_keys.key_package)], now=NOW)
    assert sent.welcome is not None
    carol = Group.join(sent.welcome, carol_keys, now=NOW)
    assert not held(carol, old | {carol_keys.init_key.raw})


def test_a_forged_message_consumes_nothing() -> None:
    """Else an attacker could make a member throw away the key of a message that is still to come."""
    alice, bob = members(2)
    key = key_of(alice, 0)
    with pytest.raises(InvalidMessage):
        alice.unprotect(Forger(bob).private(b"x", claimed_leaf=7), now=NOW)
    assert key_of(alice, 0) == key


# What is kept on purpose: late messages.


def test_a_late_message_is_read_in_the_next_epoch_and_once() -> None:
    alice, bob = members(2)
    bob, late = bob.protect(b"late")
    sent = alice.commit(now=NOW)
    alice, received = sent.group.unprotect(late, now=NOW)
    assert isinstance(received, ApplicationMessage)
    assert (received.data, received.epoch) == (b"late", 1)
    with pytest.raises(GenerationConsumed):
        alice.unprotect(late, now=NOW)


def test_a_late_message_is_held_against_the_roster_of_its_time() -> None:
    """Whoever sits at the sender's leaf by now has not said it."""
    alice, bob, carol = members(3)
    _, late = bob.protect(b"late")
    newcomer = client("dora")
    sent = alice.commit([Remove(LeafIndex(1)), Add(newcomer.key_package)], now=NOW)
    (carol,) = deliver(sent.message, [carol])
    assert carol.member(LeafIndex(1)).credential == BasicCredential(b"dora")
    _, received = carol.unprotect(late, now=NOW)
    assert isinstance(received, ApplicationMessage)
    assert received.member.credential == BasicCredential(b"member 1")


def test_a_late_message_of_two_epochs_ago_is_refused_by_default() -> None:
    alice, bob = members(2)
    _, late = bob.protect(b"late")
    twice = again(alice).commit(now=NOW).group.commit(now=NOW).group
    with pytest.raises(WrongEpoch):
        twice.unprotect(late, now=NOW)
    patient = alice.with_policy(replace(OPEN, past_epochs=2))
    patient.commit(now=NOW).group.commit(now=NOW).group.unprotect(late, now=NOW)


def test_a_late_handshake_is_refused() -> None:
    """RFC 9420, 12.4.2: the epoch of a handshake is the current one."""
    alice, bob = members(2)
    _, late = bob.propose_update()
    with pytest.raises(WrongEpoch):
        alice.commit(now=NOW).group.unprotect(late, now=NOW)


def test_messages_may_come_in_any_order() -> None:
    """RFC 9420, 15.3."""
    alice, bob = members(2)
    messages = []
    for number in range(8):
        bob, message = bob.protect(bytes((number,)))
        messages.append(message)
    heard = []
    for number in (3, 7, 0, 1, 6, 2, 5, 4):
        alice, received = alice.unprotect(messages[number], now=NOW)
        assert isinstance(received, ApplicationMessage)
        heard.append(received.data[0])
    assert heard == [3, 7, 0, 1, 6, 2, 5, 4]


def test_the_sender_data_of_a_message_needs_the_epochs_secret() -> None:
    """Who holds only the keys of an epoch left two commits ago does not even see who spoke in it."""
    alice, bob = members(2, policy=FORGETFUL)
    _, message = bob.protect(b"hello")
    body = MLSMessage.from_bytes(message).body
    assert isinstance(body, PrivateMessage)
    left = alice.commit(now=NOW).group
    epoch = state_of(alice).epoch
    sample = body.ciphertext[: epoch.suite.hash_length]
    key, _ = epoch.suite.key_and_nonce(epoch.secrets.sender_data_secret, sample)
    assert not held(left, {key, epoch.secrets.sender_data_secret})
