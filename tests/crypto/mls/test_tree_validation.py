"""Received trees: every rule of RFC 9420, 12.4.3.1 broken by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import pytest
from forging.trees import CAPABILITIES, GROUP_ID, NOW, SUITE, Grove, device, grove, replanted
from hypothesis import example, given
from hypothesis import strategies as st
from teduh_crypto.exceptions import InvalidLeafNode, InvalidPublicKey, InvalidSignature, InvalidTree
from teduh_crypto.mls.credential import OpaqueCredential
from teduh_crypto.mls.leaf_validation import LifetimeRule
from teduh_crypto.mls.parent_node import Node, ParentNode
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_math import (
    LeafIndex,
    NodeIndex,
    direct_path,
    is_in_subtree,
    leaf_node_index,
    subtree_span,
)
from teduh_crypto.mls.tree_validation import (
    verify_members,
    verify_node_keys,
    verify_tree,
    verify_unmerged_leaves,
)


def verify(tree: RatchetTree) -> None:
    """Verify as somebody who joins now."""
    verify_tree(tree, GROUP_ID, None, LifetimeRule(NOW))


def with_unmerged(tree: RatchetTree, index: int, *leaves: int) -> RatchetTree:
    """The tree with a parent's list of unmerged leaves exchanged."""
    node = tree.parent_node(NodeIndex(index))
    assert node is not None
    return replanted(tree, {index: replace(node, unmerged_leaves=tuple(map(LeafIndex, leaves)))})


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_honest_trees_are_believed(size: int) -> None:
    verify(grove(size).tree)


def test_a_tree_with_an_unmerged_leaf_is_believed() -> None:
    group, _ = grove(3).with_new(device("new"))
    verify(group.tree)


@pytest.mark.parametrize("leaf", [1, 9, 2**32 - 1])
def test_an_unmerged_leaf_that_is_blank_or_outside_is_refused(leaf: int) -> None:
    """RFC 9420, 12.4.3.1: "Verify that the entry represents a non-blank leaf node that is a descendant"."""
    tree = with_unmerged(grove(8).without(1).with_path(0).tree, 7, leaf)
    with pytest.raises(InvalidTree, match="no member below"):
        verify(tree)


def test_an_unmerged_leaf_of_another_subtree_is_refused() -> None:
    """RFC 9420, 12.4.3.1: "... that is a descendant of the parent node"."""
    with pytest.raises(InvalidTree, match="no member below"):
        verify(with_unmerged(grove(4).tree, 1, 2))


def test_an_unmerged_leaf_must_be_unmerged_all_the_way_down() -> None:
    """RFC 9420, 12.4.3.1: "every non-blank intermediate node ... also has an entry for the leaf node"."""
    with pytest.raises(InvalidTree, match="not at a node below"):
        verify(with_unmerged(grove(4).tree, 3, 2))


LEAF = device("somebody").leaf
PARENTS = [NodeIndex(index) for index in range(1, 15, 2)]


def listing(lists: Sequence[Sequence[int] | None], members: Sequence[bool] = (True,) * 8) -> RatchetTree:
    """A tree of eight places: who is there, and which leaves each parent lists; None is a blank parent."""
    nodes: list[Node | None] = [None] * 15
    nodes[::2] = [LEAF if is_there else None for is_there in members]
    for index, leaves in zip(PARENTS, lists, strict=True):
        nodes[index] = None if leaves is None else ParentNode(b"", b"", tuple(map(LeafIndex, leaves)))
    return RatchetTree(SUITE, tuple(nodes))


def holds_to_the_letter(tree: RatchetTree) -> bool:
    """The rules as RFC 9420, 7.1 and 12.4.3.1 says them, whatever it costs."""
    for index, node in tree.parent_nodes():
        if list(node.unmerged_leaves) != sorted(set(node.unmerged_leaves)):
            return False
        for leaf in node.unmerged_leaves:
            if tree.leaf(leaf) is None or not is_in_subtree(leaf_node_index(leaf), index):
                return False
            above = direct_path(leaf_node_index(leaf), tree.n_leaves)
            between = map(tree.parent_node, above[: above.index(index)])
            if any(one is not None and leaf not in one.unmerged_leaves for one in between):
                return False
    return True


LISTS = st.lists(
    st.none() | st.lists(st.integers(0, 7), max_size=4, unique=True).map(sorted), min_size=7, max_size=7
)


@given(LISTS, st.lists(st.booleans(), min_size=8, max_size=8))
@example([[0], [0], [2], None, [4], [4, 5], [5]], [True] * 8)
@example([[0], [0], [2], [0, 2], [4], [4, 5], [5]], [True] * 8)
@example([[0], [0, 2], [2], [0, 2], [4], [4, 5], [4, 5]], [True] * 8)
def test_unmerged_leaves_are_judged_to_the_letter(lists: list[list[int] | None], members: list[bool]) -> None:
    tree = listing(lists, members)
    try:
        verify_unmerged_leaves(tree)
    except InvalidTree:
        assert not holds_to_the_letter(tree)
    else:
        assert holds_to_the_letter(tree)


class CountedLeaf(int):
    """A leaf index that counts how often it is compared."""

    comparisons: ClassVar[int] = 0

    def __eq__(self, other: object) -> bool:
        CountedLeaf.comparisons += 1
        return super().__eq__(other)

    def __le__(self, other: int) -> bool:
        CountedLeaf.comparisons += 1
        return super().__le__(other)

    def __ge__(self, other: int) -> bool:
        CountedLeaf.comparisons += 1
        return super().__ge__(other)

    __hash__ = int.__hash__


def test_every_entry_of_unmerged_leaves_is_compared_once() -> None:
    """Whoever sends a tree chooses how many there are: the cost grows with them, not with their square."""
    count = 256
    everybody = [CountedLeaf(leaf) for leaf in range(count)]
    nodes: list[Node | None] = [LEAF] * (2 * count - 1)
    entries = 0
    for index in range(1, len(nodes), 2):
        first, last = subtree_span(NodeIndex(index))
        listed = tuple(map(LeafIndex, everybody[first // 2 : last // 2 + 1]))
        nodes[index] = ParentNode(b"", b"", listed)
        entries += len(listed)
    tree = RatchetTree(SUITE, tuple(nodes))
    CountedLeaf.comparisons = 0
    verify_unmerged_leaves(tree)
    assert CountedLeaf.comparisons <= entries


@pytest.mark.parametrize("leaves", [(1, 0), (1, 1)])
def test_unmerged_leaves_out_of_order_are_refused(leaves: tuple[int, int]) -> None:
    """RFC 9420, 7.1: "The entries in the `unmerged_leaves` vector MUST be sorted in increasing order"."""
    with pytest.raises(InvalidTree, match="increasing"):
        verify(with_unmerged(grove(4).tree, 1, *leaves))


def test_an_encryption_key_in_two_nodes_is_refused() -> None:
    """RFC 9420, 12.4.3.1: "the encryption key in the parent node does not appear in any other node"."""
    group = grove(4)
    node = ParentNode(group.leaf(3).encryption_key, b"")
    with pytest.raises(InvalidTree, match="two nodes"):
        verify(replanted(group.tree, {1: node}))


def test_a_parent_key_that_is_no_key_is_refused() -> None:
    with pytest.raises(InvalidPublicKey):
        verify_node_keys(replanted(grove(2).tree, {1: ParentNode(bytes(31), b"")}))


def test_a_parent_that_no_member_set_is_refused() -> None:
    """RFC 9420, 12.4.3.1: "For each non-empty parent node, verify that it is "parent-hash valid"."""
    planted = ParentNode(SUITE.generate_hpke_key().public, b"")
    with pytest.raises(InvalidTree, match="parent hash"):
        verify(replanted(grove(4, paths=False).tree, {3: planted}))


def test_two_members_with_one_signature_key_are_refused() -> None:
    """RFC 9420, 7.3: "Verify that the following fields are unique among the members: `signature_key`"."""
    group = grove(2, paths=False)
    twin = device("twin", signature_key=group.members[LeafIndex(0)].device.signature_key)
    with pytest.raises(InvalidLeafNode, match="signature key"):
        verify(group.tree.add_leaf(twin.leaf)[0])


def test_two_members_with_one_encryption_key_are_refused() -> None:
    """RFC 9420, 7.3: "... unique among the members of the group: `encryption_key`"."""
    group = grove(2, paths=False)
    twin = device("twin", encryption_key=group.members[LeafIndex(0)].device.encryption_key)
    with pytest.raises(InvalidLeafNode, match="encryption key"):
        verify_members(group.tree.add_leaf(twin.leaf)[0])


def staff_device_leaf(group: Grove) -> RatchetTree:
    """The group with a member whose credential type the others do not know."""
    capabilities = replace(CAPABILITIES, credentials=(1, 0xF7ED))
    staff = device("staff", capabilities=capabilities)
    leaf = staff.resigned(replace(staff.leaf, credential=OpaqueCredential(0xF7ED, b"statement")))
    return group.tree.add_leaf(leaf)[0]


def test_a_credential_type_that_a_member_does_not_support_is_refused() -> None:
    """RFC 9420, 7.3: "Verify that the credential type is supported by all members of the group"."""
    with pytest.raises(InvalidLeafNode, match="credential type"):
        verify(staff_device_leaf(grove(2, paths=False)))


def test_a_leaf_with_a_broken_signature_is_refused() -> None:
    """RFC 9420, 12.4.3.1: "For each non-empty leaf node, validate the LeafNode"."""
    group = grove(2, paths=False)
    forged = replace(group.leaf(1), signature=bytes(64))
    with pytest.raises(InvalidSignature):
        verify(replanted(group.tree, {2: forged}))


def test_a_leaf_moved_to_another_place_is_refused() -> None:
    """RFC 9420, 7.2: the signature of a committed leaf covers its index."""
    group = grove(4).without(0)
    moved = replanted(group.tree, {0: group.leaf(3), 1: None, 3: None, 5: None, 6: None})
    with pytest.raises(InvalidSignature):
        verify(moved)


def test_a_leaf_of_another_group_is_refused() -> None:
    tree = grove(2).tree
    with pytest.raises(InvalidSignature):
        verify_tree(tree, b"another group", None, LifetimeRule(NOW))


def test_a_leaf_that_has_expired_is_refused() -> None:
    tree = grove(2, paths=False).tree
    with pytest.raises(InvalidLeafNode, match="time"):
        verify_tree(tree, GROUP_ID, None, LifetimeRule(NOW + 10**7))
