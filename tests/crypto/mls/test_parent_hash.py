"""Parent hashes of received trees: each way to put a key into a tree that no member put there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from forging.trees import SUITE, device, grove, replanted
from teduh_crypto.exceptions import InvalidTree
from teduh_crypto.mls.leaf_node import LeafNode
from teduh_crypto.mls.parent_hash import original_tree_hash, parent_hash, verify_parent_hashes
from teduh_crypto.mls.parent_node import ParentNode
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_math import LeafIndex, NodeIndex


def parent_of(tree: RatchetTree, index: int) -> ParentNode:
    """A parent that is not blank."""
    node = tree.parent_node(NodeIndex(index))
    assert node is not None
    return node


def leaf_of(tree: RatchetTree, index: int) -> LeafNode:
    """A leaf that is not blank."""
    leaf = tree.leaf(LeafIndex(index))
    assert leaf is not None
    return leaf


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 9])
def test_trees_of_honest_paths_hold(size: int) -> None:
    verify_parent_hashes(grove(size).tree)


def test_a_tree_without_parents_holds() -> None:
    verify_parent_hashes(grove(5, paths=False).tree)


def test_unmerged_leaves_do_not_break_the_chains() -> None:
    """RFC 9420, 7.9: the sibling is hashed without the leaves that were added since."""
    group = grove(7)
    group, _ = group.with_new(device("unmerged"))
    assert parent_of(group.tree, 7).unmerged_leaves == (7,)
    verify_parent_hashes(group.tree)
    verify_parent_hashes(group.with_path(0).tree)


def test_blanks_between_do_not_break_the_chains() -> None:
    verify_parent_hashes(grove(8).without(1).without(3).with_path(0).tree)


def test_a_parent_that_no_member_set_is_refused() -> None:
    """RFC 9420, 7.9.2: "MUST authenticate that each non-blank parent node P is parent-hash valid"."""
    tree = grove(4, paths=False).tree
    planted = ParentNode(SUITE.generate_hpke_key().public, b"")
    for index in (1, 3, 5):
        with pytest.raises(InvalidTree, match="parent hash"):
            verify_parent_hashes(replanted(tree, {index: planted}))


@pytest.mark.parametrize("index", [1, 3, 5])
def test_an_exchanged_key_is_refused(index: int) -> None:
    tree = grove(4).tree
    other = replace(parent_of(tree, index), encryption_key=SUITE.generate_hpke_key().public)
    with pytest.raises(InvalidTree, match="parent hash"):
        verify_parent_hashes(replanted(tree, {index: other}))


def test_an_exchanged_sibling_is_refused() -> None:
    """The hash covers the other side of the tree, to which the secret was sealed."""
    group = grove(4)
    tree = replanted(group.tree, {0: device("other").leaf})
    with pytest.raises(InvalidTree, match="parent hash"):
        verify_parent_hashes(tree)


def test_a_chain_that_ends_in_a_parent_is_refused() -> None:
    """RFC 9420, 7.9.2: a chain begins at a leaf; a parent can not vouch for itself."""
    tree = grove(4).tree
    forged_root = ParentNode(SUITE.generate_hpke_key().public, b"")
    forged = ParentNode(
        SUITE.generate_hpke_key().public,
        parent_hash(SUITE, forged_root, tree.tree_hash(NodeIndex(5))),
    )
    with pytest.raises(InvalidTree, match="node 1"):
        verify_parent_hashes(replanted(tree, {1: forged, 3: forged_root}))


@pytest.mark.parametrize("leaf", range(4))
def test_a_leaf_hidden_by_an_unmerged_entry_is_refused(leaf: int) -> None:
    """RFC 9420, 7.9.2: the rest of the resolution is exactly what the parent has unmerged."""
    tree = grove(4).tree
    node = replace(parent_of(tree, 3), unmerged_leaves=(LeafIndex(leaf),))
    with pytest.raises(InvalidTree, match="parent hash"):
        verify_parent_hashes(replanted(tree, {3: node}))


def test_a_leaf_that_was_not_committed_is_bound_to_no_parent() -> None:
    group = grove(2)
    tree = group.tree
    setter = next(index for index in (0, 1) if leaf_of(tree, index).parent_hash == _hash_of_root(tree, index))
    fresh = group.members[LeafIndex(setter)].device.leaf
    with pytest.raises(InvalidTree, match="parent hash"):
        verify_parent_hashes(replanted(tree, {2 * setter: fresh}))


def _hash_of_root(tree: RatchetTree, index: int) -> bytes:
    return parent_hash(SUITE, parent_of(tree, 1), tree.tree_hash(NodeIndex(2 - 2 * index)))


def test_the_original_tree_is_the_one_before_the_leaves_were_added() -> None:
    before = grove(7).tree
    after, index = before.add_leaf(device("new").leaf)
    assert after.tree_hash() != before.tree_hash()
    assert original_tree_hash(after, after.root, frozenset([index])) == before.tree_hash()
