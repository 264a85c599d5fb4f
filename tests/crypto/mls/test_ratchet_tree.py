"""The ratchet tree as a value: changes, hashes, and what it refuses to be read from."""

from __future__ import annotations

import pytest
from forging.trees import SUITE, blanked, device, grove
from teduh_crypto.exceptions import InvalidTree, LocalError
from teduh_crypto.mls.codec import write_vector_with
from teduh_crypto.mls.parent_node import Node, ParentNode, write_optional_node
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_math import MAX_LEAVES, LeafIndex, NodeIndex


def encoded(nodes: list[Node | None]) -> bytes:
    """A ratchet tree extension with just these nodes."""
    out = bytearray()
    write_vector_with(out, nodes, write_optional_node)
    return bytes(out)


def rehashed(tree: RatchetTree) -> bytes:
    """The tree hash without anything remembered."""
    return RatchetTree(tree.suite, tree.nodes).tree_hash()


def test_a_tree_that_ends_in_a_blank_is_refused() -> None:
    """RFC 9420, 12.4.3.3: "The receiver MUST check that the last node in `ratchet_tree` is non-blank"."""
    with pytest.raises(InvalidTree, match="ends in a blank"):
        RatchetTree.from_bytes(SUITE, encoded([device("a").leaf, None, None]))


def test_a_tree_without_nodes_is_refused() -> None:
    with pytest.raises(InvalidTree, match="empty"):
        RatchetTree.from_bytes(SUITE, encoded([]))


def test_a_leaf_where_a_parent_belongs_is_refused() -> None:
    leaf = device("a").leaf
    with pytest.raises(InvalidTree, match="type"):
        RatchetTree.from_bytes(SUITE, encoded([leaf, leaf, leaf]))


def test_a_parent_where_a_leaf_belongs_is_refused() -> None:
    parent = ParentNode(SUITE.generate_hpke_key().public, b"")
    with pytest.raises(InvalidTree, match="type"):
        RatchetTree.from_bytes(SUITE, encoded([device("a").leaf, None, parent]))


def test_a_tree_of_too_many_nodes_is_refused() -> None:
    nodes: list[Node | None] = [None] * (2 * MAX_LEAVES)
    with pytest.raises(InvalidTree, match="more than"):
        RatchetTree.from_nodes(SUITE, [*nodes, device("a").leaf])


def test_a_received_tree_is_filled_up_to_the_right() -> None:
    tree = grove(3).tree
    assert len(RatchetTree.from_bytes(SUITE, tree.to_bytes()).nodes) == 7
    assert RatchetTree.from_bytes(SUITE, tree.to_bytes()) == tree


def test_blanks_at_the_right_are_not_sent() -> None:
    """RFC 9420, 12.4.3.3: "the sender MUST NOT include blank nodes after the last non-blank node"."""
    tree = grove(3, paths=False).tree
    assert len(tree.nodes) == 7
    assert tree.to_bytes() == encoded(list(tree.nodes[:5]))
    assert RatchetTree.from_bytes(SUITE, grove(5, paths=False).tree.to_bytes()).n_leaves == 8


def test_an_operation_leaves_the_tree_before_as_it_was() -> None:
    group = grove(4)
    before = group.tree.to_bytes(), group.tree.tree_hash()
    group.tree.remove_leaf(LeafIndex(1))
    group.tree.update_leaf(LeafIndex(2), device("other").leaf)
    group.tree.add_leaf(device("new").leaf)
    group.stage(0)
    assert (group.tree.to_bytes(), group.tree.tree_hash()) == before


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_remembered_hashes_are_those_computed_afresh(size: int) -> None:
    group = grove(size)
    for index in range(size):
        group.tree.tree_hash()
        removed = group.tree.remove_leaf(LeafIndex(index)) if size > 1 else group.tree
        assert removed.tree_hash() == rehashed(removed)
        grown, _ = removed.add_leaf(device("new").leaf)
        assert grown.tree_hash() == rehashed(grown)
        staged = group.stage(index)
        assert staged.tree.tree_hash() == rehashed(staged.tree)


def test_a_change_forgets_only_the_hashes_above_it() -> None:
    """A commit in a large group must not hash the whole tree again."""
    tree = grove(8).tree
    tree.tree_hash()
    changed = tree.update_leaf(LeafIndex(0), device("other").leaf)
    kept = [index for index, value in enumerate(changed._hashes) if value is not None]
    assert set(range(15)) - set(kept) == {0, 1, 3, 7}


def test_new_members_take_the_leftmost_blank_leaf() -> None:
    """RFC 9420, 12.1.1: the leftmost empty leaf is taken, and it may be leaf 0."""
    tree = grove(4).tree.remove_leaf(LeafIndex(0))
    _, index = tree.add_leaf(device("new").leaf)
    assert index == 0


def test_a_full_tree_doubles_for_a_new_member() -> None:
    tree, index = grove(4).tree.add_leaf(device("new").leaf)
    assert (tree.n_leaves, index) == (8, 4)


def test_unmerged_leaves_stay_in_increasing_order() -> None:
    """RFC 9420, 7.1: "The entries in the `unmerged_leaves` vector MUST be sorted in increasing order"."""
    tree = grove(8).tree
    for index in (2, 6):
        tree = tree.remove_leaf(LeafIndex(index))
    root = ParentNode(SUITE.generate_hpke_key().public, b"", (LeafIndex(5),))
    tree = tree.with_nodes({NodeIndex(7): root})
    tree, _ = tree.add_leaf(device("new").leaf)
    tree, _ = tree.add_leaf(device("newer").leaf)
    node = tree.parent_node(NodeIndex(7))
    assert node is not None
    assert node.unmerged_leaves == (2, 5, 6)


def test_removing_the_last_members_truncates_the_tree_as_far_as_it_goes() -> None:
    tree = grove(5).tree.remove_leaf(LeafIndex(2)).remove_leaf(LeafIndex(3)).remove_leaf(LeafIndex(4))
    assert tree.n_leaves == 2


def test_removing_blanks_the_way_to_the_root() -> None:
    tree = grove(8).tree.remove_leaf(LeafIndex(0))
    assert [tree.node(NodeIndex(index)) for index in (0, 1, 3, 7)] == [None] * 4


def test_updating_blanks_the_way_to_the_root() -> None:
    """RFC 9420, 12.1.2: "Blank the intermediate nodes along the path from the sender's leaf to the root"."""
    other = device("other").leaf
    tree = grove(8).tree.update_leaf(LeafIndex(0), other)
    assert [tree.node(NodeIndex(index)) for index in (0, 1, 3, 7)] == [other, None, None, None]


def test_a_blank_leaf_can_not_be_removed_or_updated() -> None:
    tree = grove(4).tree.remove_leaf(LeafIndex(1))
    with pytest.raises(LocalError):
        tree.remove_leaf(LeafIndex(1))
    with pytest.raises(LocalError):
        tree.update_leaf(LeafIndex(1), device("other").leaf)


@pytest.mark.parametrize("index", [-1, 4, 2**32 - 1])
def test_a_leaf_outside_the_tree_is_no_member(index: int) -> None:
    assert grove(4, paths=False).tree.leaf(LeafIndex(index)) is None


def test_a_node_is_left_out_of_the_path_when_nobody_is_below_its_other_child() -> None:
    """RFC 9420, 4.1.2: the filtered direct path."""
    tree = grove(5, paths=False).tree
    assert tree.filtered_direct_path(LeafIndex(4)) == [(7, 3)]
    assert tree.filtered_direct_path(LeafIndex(0)) == [(1, 2), (3, 5), (7, 11)]


def test_the_resolution_of_a_blank_is_that_of_its_children() -> None:
    tree = blanked(grove(4).tree, [3])
    assert tree.resolution(NodeIndex(3)) == [1, 5]
    assert blanked(tree, [1, 0]).resolution(NodeIndex(3)) == [2, 5]


def test_a_place_for_an_external_commit_is_blank() -> None:
    tree, index = grove(2).tree.with_free_leaf()
    assert (tree.n_leaves, index) == (4, 2)
    assert tree.leaf(index) is None
