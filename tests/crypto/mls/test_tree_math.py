"""Index arithmetic beyond the official vectors."""

from __future__ import annotations

import pytest
from teduh_crypto.exceptions import LocalError
from teduh_crypto.mls.tree_math import (
    LeafIndex,
    NodeIndex,
    common_ancestor,
    copath,
    direct_path,
    is_in_subtree,
    leaf_node_index,
    leaf_width,
    level,
    node_leaf_index,
    node_width,
)


def test_the_first_leaf_is_the_first_node() -> None:
    """Leaf index 0 is falsy, and as good as any other."""
    assert leaf_node_index(LeafIndex(0)) == 0
    assert node_leaf_index(NodeIndex(0)) == 0


def test_a_parent_is_no_leaf() -> None:
    with pytest.raises(LocalError):
        node_leaf_index(NodeIndex(1))


def test_levels_rise_from_the_leaves() -> None:
    assert [level(NodeIndex(index)) for index in range(8)] == [0, 1, 0, 2, 0, 1, 0, 3]


def test_the_path_of_the_only_leaf_is_empty() -> None:
    assert direct_path(NodeIndex(0), 1) == []
    assert copath(NodeIndex(0), 1) == []


def test_paths_of_the_first_leaf_of_eight() -> None:
    assert direct_path(NodeIndex(0), 8) == [1, 3, 7]
    assert copath(NodeIndex(0), 8) == [2, 5, 11]


@pytest.mark.parametrize(
    ("one", "other", "ancestor"), [(0, 1, 1), (0, 2, 3), (2, 3, 5), (0, 7, 7), (4, 7, 11), (3, 3, 6)]
)
def test_the_common_ancestor_is_the_lowest_node_above_both(one: int, other: int, ancestor: int) -> None:
    assert common_ancestor(LeafIndex(one), LeafIndex(other)) == ancestor
    assert common_ancestor(LeafIndex(other), LeafIndex(one)) == ancestor


def test_common_ancestors_are_where_the_direct_paths_meet() -> None:
    for one in range(16):
        above_one = direct_path(leaf_node_index(LeafIndex(one)), 16)
        for other in range(one):
            above_other = direct_path(leaf_node_index(LeafIndex(other)), 16)
            meeting = next(node for node in above_one if node in above_other)
            assert common_ancestor(LeafIndex(one), LeafIndex(other)) == meeting


def test_a_subtree_holds_what_is_below_its_top() -> None:
    assert [index for index in range(15) if is_in_subtree(NodeIndex(index), NodeIndex(11))] == list(
        range(8, 15)
    )


def test_widths_are_inverse() -> None:
    assert [leaf_width(node_width(n_leaves)) for n_leaves in (1, 2, 4, 8)] == [1, 2, 4, 8]
    assert node_width(0) == 0
