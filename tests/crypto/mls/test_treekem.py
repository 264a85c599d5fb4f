"""Update paths: who can open them, what a receiver refuses, and which keys are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from forging.trees import GROUP_ID, SUITE, Grove, blanked, device, grove, replanted
from teduh_crypto.exceptions import (
    DecryptionFailed,
    InvalidPublicKey,
    InvalidUpdatePath,
    InvalidWelcome,
    LocalError,
)
from teduh_crypto.hazmat.ciphersuite import CIPHER_SUITES, CipherSuite
from teduh_crypto.mls.leaf_node import LeafNodeSource
from teduh_crypto.mls.parent_hash import verify_parent_hashes
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_math import LeafIndex, NodeIndex
from teduh_crypto.mls.treekem import (
    TreePrivateKeys,
    climb,
    merge_update_path,
    node_key,
    open_update_path,
    private_keys_of_joiner,
    recipients,
)
from teduh_crypto.mls.update_path import HPKECiphertext, UpdatePath, UpdatePathNode

CONTEXT = b"the provisional group context"
NOBODY: Sequence[LeafIndex] = ()


def with_node(path: UpdatePath, place: int, node: UpdatePathNode) -> UpdatePath:
    """The path with one node exchanged."""
    nodes = list(path.nodes)
    nodes[place] = node
    return replace(path, nodes=tuple(nodes))


def opened(
    group: Grove, receiver: int, sender: int, path: UpdatePath, new: Sequence[LeafIndex] = NOBODY
) -> tuple[TreePrivateKeys, bytes]:
    """What a member gets from a path over the group's tree."""
    tree = merge_update_path(group.tree, LeafIndex(sender), path)
    keys = group.members[LeafIndex(receiver)].keys
    return open_update_path(tree, keys, LeafIndex(sender), path, CONTEXT, new)


@pytest.mark.parametrize("size", [2, 3, 5, 8])
def test_everybody_opens_everybodys_path(size: int) -> None:
    group = grove(size)
    for sender in range(size):
        staged = group.stage(sender)
        path = staged.encrypt(CONTEXT, NOBODY)
        for receiver in set(range(size)) - {sender}:
            assert opened(group, receiver, sender, path)[1] == staged.commit_secret


@pytest.mark.parametrize("suite", CIPHER_SUITES.values(), ids=lambda suite: hex(suite.code))
def test_a_path_works_in_every_suite(suite: CipherSuite) -> None:
    group = grove(3, suite=suite)
    staged = group.stage(2)
    path = UpdatePath.from_bytes(staged.encrypt(CONTEXT, NOBODY).to_bytes())
    assert {opened(group, receiver, 2, path)[1] for receiver in (0, 1)} == {staged.commit_secret}
    verify_parent_hashes(staged.tree)


def test_a_path_over_blank_nodes_reaches_everybody() -> None:
    group = grove(7, paths=False)
    staged = group.stage(6)
    path = staged.encrypt(CONTEXT, NOBODY)
    assert [opened(group, receiver, 6, path)[1] for receiver in range(6)] == [staged.commit_secret] * 6


def test_the_path_of_the_only_member_has_no_nodes() -> None:
    staged = grove(1).stage(0)
    assert staged.encrypt(CONTEXT, NOBODY).nodes == ()
    assert len(staged.commit_secret) == SUITE.hash_length


def test_new_leaves_are_left_out_of_the_encryption() -> None:
    """RFC 9420, 7.5: "Any new member ... added in the same Commit MUST be excluded from this resolution"."""
    group, new = grove(4).without(1).with_new(device("new"))
    staged = group.stage(0)
    everybody = [index for _, child in staged.path for index in group.tree.resolution(child)]
    path = staged.encrypt(CONTEXT, [new])
    assert sum(len(node.encrypted_path_secret) for node in path.nodes) == len(everybody) - 1
    assert new == 1
    assert path.nodes[0].encrypted_path_secret == ()
    assert opened(group, 2, 0, path, [new])[1] == staged.commit_secret


def test_a_new_leaf_0_is_left_out_too() -> None:
    """Leaf index 0 is falsy, and as good as any other."""
    group, new = grove(4).without(0).with_new(device("new"))
    assert new == 0
    assert 0 in group.tree.resolution(NodeIndex(0))
    assert recipients(group.tree, NodeIndex(0), [new]) == []


def test_a_ciphertext_for_a_new_leaf_is_refused() -> None:
    """RFC 9420, 7.6: as many as "the resolution of the copath node (excluding new leaf nodes)"."""
    group, new = grove(4).without(1).with_new(device("new"))
    path = group.stage(0).encrypt(CONTEXT, NOBODY)
    with pytest.raises(InvalidUpdatePath, match="recipients"):
        opened(group, 2, 0, path, [new])


def test_a_missing_ciphertext_is_refused_by_those_whom_it_does_not_concern() -> None:
    """RFC 9420, 7.6: one ciphertext for each node of each resolution; all members must judge alike."""
    group = grove(4)
    path = group.stage(0).encrypt(CONTEXT, NOBODY)
    short = with_node(path, 0, replace(path.nodes[0], encrypted_path_secret=()))
    with pytest.raises(InvalidUpdatePath, match="recipients"):
        opened(group, 3, 0, short)


@pytest.mark.parametrize("change", [slice(0, -1), slice(1, None)])
def test_a_path_of_the_wrong_length_is_refused(change: slice) -> None:
    group = grove(4)
    path = group.stage(0).encrypt(CONTEXT, NOBODY)
    with pytest.raises(InvalidUpdatePath, match="nodes"):
        merge_update_path(group.tree, LeafIndex(0), replace(path, nodes=path.nodes[change]))


def test_a_parent_hash_that_does_not_fit_is_refused() -> None:
    """RFC 9420, 7.9.2: "MUST recompute the expected value of `parent_hash`" and compare it."""
    group = grove(4)
    path = group.stage(0).encrypt(CONTEXT, NOBODY)
    node = replace(path.nodes[0], encryption_key=SUITE.generate_hpke_key().public)
    with pytest.raises(InvalidUpdatePath, match="parent hash"):
        merge_update_path(group.tree, LeafIndex(0), with_node(path, 0, node))


def test_a_leaf_without_a_parent_hash_is_refused() -> None:
    group = grove(4)
    path = group.stage(0).encrypt(CONTEXT, NOBODY)
    leaf = replace(path.leaf_node, leaf_node_source=LeafNodeSource.UPDATE, parent_hash=None)
    with pytest.raises(InvalidUpdatePath, match="parent hash"):
        merge_update_path(group.tree, LeafIndex(0), replace(path, leaf_node=leaf))


def test_the_parent_hash_is_taken_over_the_tree_after_the_path() -> None:
    """Hashing the nodes as they were before the path makes a leaf that nobody accepts."""
    group = grove(4)
    staged = group.stage(0)
    stale = group.leaf(0).parent_hash
    assert staged.leaf_node.parent_hash != stale
    path = replace(staged.encrypt(CONTEXT, NOBODY), leaf_node=replace(staged.leaf_node, parent_hash=stale))
    with pytest.raises(InvalidUpdatePath, match="parent hash"):
        merge_update_path(group.tree, LeafIndex(0), path)


def test_a_path_that_repeats_a_key_is_refused() -> None:
    """RFC 9420, 12.4.2: the public keys of a path are new to the tree."""
    group = grove(4)
    path = group.stage(0).encrypt(CONTEXT, NOBODY)
    node = replace(path.nodes[0], encryption_key=path.nodes[1].encryption_key)
    with pytest.raises(InvalidUpdatePath, match="twice"):
        merge_update_path(group.tree, LeafIndex(0), with_node(path, 0, node))


@pytest.mark.parametrize("index", [0, 1, 5, 6])
def test_a_path_with_a_key_of_the_tree_is_refused(index: int) -> None:
    """RFC 9420, 12.4.2: none of its public keys "appear in any node of the new ratchet tree"."""
    group = grove(4)
    path = group.stage(0).encrypt(CONTEXT, NOBODY)
    known = group.tree.node(NodeIndex(index))
    assert known is not None
    node = replace(path.nodes[0], encryption_key=known.encryption_key)
    with pytest.raises(InvalidUpdatePath, match="already"):
        merge_update_path(group.tree, LeafIndex(0), with_node(path, 0, node))


def test_a_leaf_that_keeps_its_key_is_refused() -> None:
    """RFC 9420, 7.5: it "MUST adhere to the same restrictions as LeafNodes used in Update proposals"."""
    group = grove(4)
    path = group.stage(0).encrypt(CONTEXT, NOBODY)
    leaf = replace(path.leaf_node, encryption_key=group.leaf(0).encryption_key)
    with pytest.raises(InvalidUpdatePath, match="already"):
        merge_update_path(group.tree, LeafIndex(0), replace(path, leaf_node=leaf))


def test_a_key_that_is_no_key_is_refused() -> None:
    group = grove(4)
    path = group.stage(0).encrypt(CONTEXT, NOBODY)
    node = replace(path.nodes[0], encryption_key=bytes(31))
    with pytest.raises(InvalidPublicKey):
        merge_update_path(group.tree, LeafIndex(0), with_node(path, 0, node))


def test_a_path_opens_only_under_its_group_context() -> None:
    """RFC 9420, 7.6: `group_context` is the provisional group context, with the tree after the path."""
    group = grove(4)
    path = group.stage(0).encrypt(b"another context", NOBODY)
    with pytest.raises(DecryptionFailed):
        opened(group, 1, 0, path)


def test_secrets_that_do_not_give_the_public_keys_are_refused() -> None:
    """RFC 9420, 7.5: "Verify that the derived public keys are the same as the corresponding public keys"."""
    group = grove(4)
    staged = group.stage(0)
    lying = replace(staged, path_secrets=tuple(reversed(staged.path_secrets)))
    with pytest.raises(InvalidUpdatePath, match="does not give"):
        opened(group, 1, 0, lying.encrypt(CONTEXT, NOBODY))


def test_a_ciphertext_that_was_tampered_with_is_refused() -> None:
    group = grove(2)
    path = group.stage(0).encrypt(CONTEXT, NOBODY)
    sealed = path.nodes[0].encrypted_path_secret[0]
    broken = HPKECiphertext(sealed.kem_output, sealed.ciphertext[:-1] + bytes([sealed.ciphertext[-1] ^ 1]))
    with pytest.raises(DecryptionFailed):
        opened(group, 1, 0, with_node(path, 0, replace(path.nodes[0], encrypted_path_secret=(broken,))))


def test_a_member_without_any_of_the_keys_can_not_open() -> None:
    group = grove(2)
    path = group.stage(0).encrypt(CONTEXT, NOBODY)
    tree = merge_update_path(group.tree, LeafIndex(0), path)
    strangers = TreePrivateKeys(LeafIndex(1), {NodeIndex(2): SUITE.generate_hpke_key()})
    with pytest.raises(DecryptionFailed, match="none of our keys"):
        open_update_path(tree, strangers, LeafIndex(0), path, CONTEXT, NOBODY)


def test_a_removed_member_can_not_open_the_path_that_follows() -> None:
    before = grove(4)
    after = before.without(1)
    path = after.stage(0).encrypt(CONTEXT, NOBODY)
    tree = merge_update_path(after.tree, LeafIndex(0), path)
    removed = before.members[LeafIndex(1)].keys
    with pytest.raises(DecryptionFailed):
        open_update_path(tree, removed, LeafIndex(0), path, CONTEXT, NOBODY)


def test_a_committer_does_not_open_its_own_path() -> None:
    group = grove(2)
    path = group.stage(0).encrypt(CONTEXT, NOBODY)
    with pytest.raises(LocalError):
        opened(group, 0, 0, path)


def test_replaced_keys_are_not_kept() -> None:
    """RFC 9420, 7.5: "each recipient MUST delete ... Each outdated node key pair that was replaced"."""
    group = grove(4)
    old = group.members[LeafIndex(1)].keys.keys
    keys, _ = opened(group, 1, 0, group.stage(0).encrypt(CONTEXT, NOBODY))
    assert {index for index, key in keys.keys.items() if old.get(index) == key} == {2}
    assert keys.keys.keys() == {2, 1, 3}


def test_keys_of_blanked_nodes_are_not_kept() -> None:
    group = grove(4)
    pruned = group.members[LeafIndex(1)].keys.pruned(group.tree.remove_leaf(LeafIndex(0)))
    assert pruned.keys.keys() == {2}


def test_keys_outside_a_truncated_tree_are_not_kept() -> None:
    group = grove(3)
    tree = group.tree.remove_leaf(LeafIndex(2))
    assert group.members[LeafIndex(0)].keys.pruned(tree).keys.keys() == {0, 1}


def test_a_joiner_gets_the_keys_that_it_shares_with_the_committer() -> None:
    group, new = grove(4).with_new(device("new"))
    staged = group.stage(1)
    leaf_key = group.members[new].keys.leaf_key
    secret = staged.path_secret_for(new)
    keys = private_keys_of_joiner(staged.tree, new, leaf_key, LeafIndex(1), secret)
    assert keys.keys == {8: leaf_key, 7: staged.private_keys.keys[NodeIndex(7)]}


def test_a_joiner_refuses_a_secret_that_does_not_fit_the_tree() -> None:
    """RFC 9420, 12.4.3.1: "The private key MUST be the private key that corresponds to the public key"."""
    group, new = grove(4).with_new(device("new"))
    staged = group.stage(1)
    leaf_key = group.members[new].keys.leaf_key
    with pytest.raises(InvalidWelcome):
        private_keys_of_joiner(staged.tree, new, leaf_key, LeafIndex(1), bytes(32))


def test_a_joiner_refuses_a_secret_for_a_blank_node() -> None:
    group, new = grove(4).with_new(device("new"))
    leaf_key = group.members[new].keys.leaf_key
    with pytest.raises(InvalidWelcome, match="blank"):
        private_keys_of_joiner(group.tree, new, leaf_key, LeafIndex(1), bytes(32))


def test_a_joiner_refuses_a_secret_for_a_blank_below_others() -> None:
    """The secret belongs to the lowest shared node, not to the next that is not blank."""
    group = grove(4)
    keys = group.members[LeafIndex(0)].keys
    tree = blanked(group.tree, [1])
    with pytest.raises(InvalidWelcome, match="blank"):
        private_keys_of_joiner(tree, LeafIndex(0), keys.leaf_key, LeafIndex(1), bytes(32))


def test_a_joiner_refuses_a_welcome_signed_by_its_own_leaf() -> None:
    group, new = grove(4).with_new(device("new"))
    leaf_key = group.members[new].keys.leaf_key
    with pytest.raises(InvalidWelcome, match="signed by the leaf"):
        private_keys_of_joiner(group.tree, new, leaf_key, new, bytes(32))


def test_a_joiner_without_a_path_secret_holds_its_leaf_alone() -> None:
    group, new = grove(4).with_new(device("new"))
    leaf_key = group.members[new].keys.leaf_key
    assert private_keys_of_joiner(group.tree, new, leaf_key, LeafIndex(0), None).keys == {8: leaf_key}


def test_an_external_path_is_put_into_a_free_leaf() -> None:
    group = grove(2)
    outsider = device("outsider")
    tree, index = group.tree.with_free_leaf()
    room = Grove(replanted(tree, {4: outsider.leaf}), {index: group.members[LeafIndex(0)]})
    signer = replace(room.members[index], device=outsider)
    staged = Grove(room.tree, {index: signer}).stage(index, tree)
    path = staged.encrypt(CONTEXT, NOBODY)
    path.leaf_node.verify_signature(SUITE, GROUP_ID, index)
    merged = merge_update_path(tree, index, path)
    _, commit_secret = open_update_path(
        merged, group.members[LeafIndex(1)].keys, index, path, CONTEXT, NOBODY
    )
    assert commit_secret == staged.commit_secret


def test_a_committed_leaf_is_signed_for_its_place() -> None:
    staged = grove(4).stage(2)
    staged.leaf_node.verify_signature(SUITE, GROUP_ID, LeafIndex(2))
    assert staged.leaf_node.leaf_node_source is LeafNodeSource.COMMIT
    assert staged.leaf_node.lifetime is None


def test_path_secrets_climb_one_label_at_a_time() -> None:
    first = bytes(32)
    second = SUITE.derive_secret(first, b"path")
    assert climb(SUITE, first, 2) == ([first, second], SUITE.derive_secret(second, b"path"))


def test_secrets_do_not_print() -> None:
    staged = grove(2).stage(0)
    printed = repr(staged)
    for secret in (staged.commit_secret, *staged.path_secrets):
        assert repr(secret) not in printed
        assert secret.hex() not in printed
    assert node_key(SUITE, staged.path_secrets[0]).raw.hex() not in printed


def test_a_tree_is_the_same_for_sender_and_receiver() -> None:
    group = grove(5)
    staged = group.stage(3)
    path = UpdatePath.from_bytes(staged.encrypt(CONTEXT, NOBODY).to_bytes())
    merged: RatchetTree = merge_update_path(group.tree, LeafIndex(3), path)
    assert merged == staged.tree
    assert merged.tree_hash() == staged.tree.tree_hash()
