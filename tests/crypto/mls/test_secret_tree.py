"""Message keys: each is given out once, in any order within bounds, and nothing that leads to it remains."""

from __future__ import annotations

import pytest
from forging.groups import SUITE
from teduh_crypto.exceptions import GenerationConsumed, GenerationTooDistant, OperationNotAllowed
from teduh_crypto.mls.secret_tree import HashRatchet, RatchetKind, RatchetLimits, SecretTree
from teduh_crypto.mls.tree_math import LeafIndex

APPLICATION, HANDSHAKE = RatchetKind.APPLICATION, RatchetKind.HANDSHAKE
LIMITS = RatchetLimits(forward=10, kept=5)
SECRET = bytes(range(32))
LEAF = LeafIndex(0)


def tree(leaves: int = 4) -> SecretTree:
    return SecretTree.from_encryption_secret(SUITE, SECRET, leaves)


def secrets_in(tree: SecretTree) -> set[bytes]:
    """Every secret that the tree holds."""
    found = set(tree.nodes.values())
    for ratchet in tree.ratchets.values():
        found.add(ratchet.secret)
        for key in ratchet.skipped.values():
            found |= {key.key, key.nonce}
    return found


@pytest.mark.parametrize("leaves", [1, 2, 3, 4, 5, 8, 9, 33])
def test_every_leaf_and_kind_has_a_key_of_its_own(leaves: int) -> None:
    state, keys = tree(leaves), set()
    for leaf in range(leaves):
        for kind in RatchetKind:
            key, state = state.take_next(LeafIndex(leaf), kind)
            keys.add(key.key)
    assert len(keys) == 2 * leaves


def test_the_order_of_leaves_does_not_matter() -> None:
    forwards, backwards = tree(8), tree(8)
    keys = {}
    for leaf in range(8):
        keys[leaf], forwards = forwards.take_next(LeafIndex(leaf), APPLICATION)
    for leaf in reversed(range(8)):
        key, backwards = backwards.take_next(LeafIndex(leaf), APPLICATION)
        assert key == keys[leaf]


def test_what_led_to_a_key_is_gone_when_it_is_taken() -> None:
    """RFC 9420, 9.2: the secrets "on the path from the root to the leaf", those of the ratchet so far, and
    the key and nonce themselves "have been consumed and MUST be deleted"."""
    before = tree(8)
    key, after = before.take(LEAF, APPLICATION, 2, LIMITS)
    assert SECRET not in secrets_in(after)
    assert not {key.key, key.nonce} & secrets_in(after)
    assert 0 not in after.nodes
    skipped = after.ratchets[LEAF, APPLICATION].skipped
    assert sorted(skipped) == [0, 1]


def test_the_other_ratchet_and_the_other_leaves_live_on() -> None:
    """RFC 9420, 9.2: "HR0 for protection of handshake messages from D", "E and C" may be retained."""
    _, after = tree(4).take(LEAF, APPLICATION, 0, LIMITS)
    after.take(LEAF, HANDSHAKE, 0, LIMITS)
    for leaf in (1, 2, 3):
        after.take(LeafIndex(leaf), APPLICATION, 0, LIMITS)


def test_a_key_is_taken_once() -> None:
    _, state = tree().take(LEAF, APPLICATION, 0, LIMITS)
    with pytest.raises(GenerationConsumed):
        state.take(LEAF, APPLICATION, 0, LIMITS)


def test_a_skipped_key_is_taken_once() -> None:
    late, state = tree().take(LEAF, APPLICATION, 3, LIMITS)
    key, state = state.take(LEAF, APPLICATION, 1, LIMITS)
    assert key.generation == 1 != late.generation
    with pytest.raises(GenerationConsumed):
        state.take(LEAF, APPLICATION, 1, LIMITS)
    state.take(LEAF, APPLICATION, 0, LIMITS)


@pytest.mark.parametrize("generation", [11, 12, 2**32 - 1])
def test_a_generation_too_far_ahead_is_refused(generation: int) -> None:
    """RFC 9420, 15.3: else a message "with `generation = 0xffffffff`" costs "billions of key derivations"."""
    with pytest.raises(GenerationTooDistant):
        tree().take(LEAF, APPLICATION, generation, LIMITS)
    tree().take(LEAF, APPLICATION, 10, LIMITS)


def test_only_so_many_skipped_keys_are_kept() -> None:
    """RFC 9420, 15.3: applications define "the maximum number to keep"."""
    _, state = tree().take(LEAF, APPLICATION, 10, LIMITS)
    assert sorted(state.ratchets[LEAF, APPLICATION].skipped) == [5, 6, 7, 8, 9]
    with pytest.raises(GenerationConsumed):
        state.take(LEAF, APPLICATION, 4, LIMITS)
    _, state = state.take(LEAF, APPLICATION, 13, LIMITS)
    assert sorted(state.ratchets[LEAF, APPLICATION].skipped) == [7, 8, 9, 11, 12]


def test_taking_a_key_changes_no_earlier_state() -> None:
    before = tree()
    before.take(LEAF, APPLICATION, 3, LIMITS)
    assert before == tree()


@pytest.mark.parametrize("leaf", [4, 1000, 2**32 - 1])
def test_a_leaf_outside_the_tree_has_no_keys(leaf: int) -> None:
    with pytest.raises(GenerationConsumed):
        tree(4).take(LeafIndex(leaf), APPLICATION, 0, LIMITS)


def test_a_sender_does_not_go_beyond_the_last_generation() -> None:
    ratchet = HashRatchet(SECRET, 2**32 - 1)
    _, exhausted = ratchet.take_next(SUITE)
    with pytest.raises(OperationNotAllowed, match="exhausted"):
        exhausted.take_next(SUITE)


def test_for_late_messages_our_own_keys_and_handshake_keys_go() -> None:
    state = tree(4)
    for leaf in (0, 1):
        for kind in RatchetKind:
            _, state = state.take_next(LeafIndex(leaf), kind)
    late = state.for_late_messages(LEAF)
    late.take(LeafIndex(1), APPLICATION, 1, LIMITS)
    late.take(LeafIndex(2), APPLICATION, 0, LIMITS)
    for leaf, kind in ((0, APPLICATION), (0, HANDSHAKE), (1, HANDSHAKE)):
        with pytest.raises(GenerationConsumed):
            late.take(LeafIndex(leaf), kind, 1, LIMITS)


def test_nothing_secret_is_printed() -> None:
    key, state = tree().take_next(LEAF, APPLICATION)
    ratchet = state.ratchets[LEAF, APPLICATION]
    printed = repr((key, state, ratchet))
    assert repr(key.key) not in printed
    assert repr(ratchet.secret) not in printed
