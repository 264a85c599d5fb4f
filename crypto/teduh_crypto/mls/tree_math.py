"""Where nodes stand: index arithmetic of the array-based tree (RFC 9420, appendix C).

A tree of 2^d leaf slots is an array of 2^(d+1) - 1 nodes. Leaves are the even indices; the level of a node is
the number of trailing one-bits of its index:

                  7
             ____/ \\____
            3            11
           / \\           / \\
          1   5         9   13
         / \\ / \\       / \\  / \\
        0  2 4  6     8 10 12 14     node index
        0  1 2  3     4  5  6  7     leaf index

A leaf index and a node index are both small numbers that must never be mixed, and 0 is a valid one of each.
"""

from __future__ import annotations

from typing import Final, NewType

from teduh_crypto.exceptions import LocalError

LeafIndex = NewType("LeafIndex", int)
"""The place of a member among the leaves, from 0; what the wire carries."""

NodeIndex = NewType("NodeIndex", int)
"""The place of a node in the array, from 0."""

MAX_LEAVES: Final = 1 << 16
"""Leaf slots of the largest tree that is read or built."""


def node_width(n_leaves: int) -> int:
    """The number of nodes of a tree with `n_leaves` leaf slots."""
    return 0 if n_leaves == 0 else 2 * n_leaves - 1


def leaf_width(n_nodes: int) -> int:
    """The number of leaf slots of a tree with `n_nodes` nodes."""
    return (n_nodes + 1) // 2


def leaf_node_index(leaf: LeafIndex) -> NodeIndex:
    """The node index of a leaf."""
    return NodeIndex(2 * leaf)


def node_leaf_index(node: NodeIndex) -> LeafIndex:
    """The leaf index of a node that is a leaf; raises `LocalError` for a parent."""
    if node & 1:
        raise LocalError(f"node {node} is not a leaf")
    return LeafIndex(node >> 1)


def is_leaf(node: NodeIndex) -> bool:
    """Whether the node is a leaf."""
    return node & 1 == 0


def level(node: NodeIndex) -> int:
    """The height of a node above the leaves."""
    return (~node & (node + 1)).bit_length() - 1


def root(n_leaves: int) -> NodeIndex:
    """The root of a tree with `n_leaves` leaf slots, a power of two."""
    return NodeIndex(n_leaves - 1)


def left(node: NodeIndex) -> NodeIndex:
    """The left child; raises `LocalError` for a leaf."""
    height = level(node)
    if height == 0:
        raise LocalError(f"node {node} is a leaf and has no children")
    return NodeIndex(node ^ (1 << (height - 1)))


def right(node: NodeIndex) -> NodeIndex:
    """The right child; raises `LocalError` for a leaf."""
    height = level(node)
    if height == 0:
        raise LocalError(f"node {node} is a leaf and has no children")
    return NodeIndex(node ^ (3 << (height - 1)))


def parent(node: NodeIndex, n_leaves: int) -> NodeIndex:
    """The parent; raises `LocalError` for the root."""
    if node == n_leaves - 1:
        raise LocalError("the root has no parent")
    height = level(node)
    return NodeIndex((node | (1 << height)) & ~(1 << (height + 1)))


def sibling(node: NodeIndex, n_leaves: int) -> NodeIndex:
    """The other child of the parent; raises `LocalError` for the root."""
    if node == n_leaves - 1:
        raise LocalError("the root has no sibling")
    return NodeIndex(node ^ (2 << level(node)))


def direct_path(node: NodeIndex, n_leaves: int) -> list[NodeIndex]:
    """The nodes above `node`, from its parent to the root."""
    path = []
    top = n_leaves - 1
    while node != top:
        node = parent(node, n_leaves)
        path.append(node)
    return path


def copath(node: NodeIndex, n_leaves: int) -> list[NodeIndex]:
    """The sibling of `node` and of every node of its direct path but the root, upwards."""
    siblings = []
    top = n_leaves - 1
    while node != top:
        siblings.append(sibling(node, n_leaves))
        node = parent(node, n_leaves)
    return siblings


def subtree_span(node: NodeIndex) -> tuple[NodeIndex, NodeIndex]:
    """The first and the last node index below and including `node`; both are leaves."""
    reach = (1 << level(node)) - 1
    return NodeIndex(node - reach), NodeIndex(node + reach)


def is_in_subtree(node: NodeIndex, top: NodeIndex) -> bool:
    """Whether `node` is `top` or below it."""
    first, last = subtree_span(top)
    return first <= node <= last


def common_ancestor(one: LeafIndex, other: LeafIndex) -> NodeIndex:
    """The lowest node above both leaves; the leaf itself when they are the same."""
    height = (one ^ other).bit_length()
    start = (one >> height) << (height + 1)
    return NodeIndex(start + (1 << height) - 1)
