"""Proof that every parent key was put there by a member (RFC 9420, 7.9).

A committer hashes the nodes that it sets from the root downwards, each hash together with the tree hash of
the other side, and signs the last one in its leaf:

            root        parent_hash = ""
            /  \\
           P    S'      parent_hash = H(root.key, "", th(S'))
          / \\
      leaf   S          parent_hash = H(P.key, P.parent_hash, th(S))   <- signed

Somebody who joins walks these chains upwards from the leaves. Leaves that were added after P was set are
taken out of S again before it is hashed, so that the chain still holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from teduh_crypto.exceptions import InvalidTree
from teduh_crypto.mls.codec import write_opaque
from teduh_crypto.mls.parent_node import ParentNode
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_hash import leaf_node_hash, parent_node_hash
from teduh_crypto.mls.tree_math import (
    LeafIndex,
    NodeIndex,
    is_in_subtree,
    is_leaf,
    leaf_node_index,
    left,
    node_leaf_index,
    parent,
    right,
)

if TYPE_CHECKING:
    from teduh_crypto.hazmat.ciphersuite import CipherSuite


def parent_hash(suite: CipherSuite, node: ParentNode, original_sibling_tree_hash: bytes) -> bytes:
    """The parent hash of a node with the copath child whose tree hash is given."""
    out = bytearray()
    write_opaque(out, node.encryption_key)
    write_opaque(out, node.parent_hash)
    write_opaque(out, original_sibling_tree_hash)
    return suite.hash(bytes(out))


def path_parent_nodes(
    tree: RatchetTree, path: Sequence[tuple[NodeIndex, NodeIndex]], encryption_keys: Sequence[bytes]
) -> tuple[dict[NodeIndex, ParentNode], bytes]:
    """The nodes of a fresh path over `tree`, and the parent hash for the leaf below them.

    `path` is a filtered direct path with copath children, `encryption_keys` its new keys, both upwards.
    """
    nodes: dict[NodeIndex, ParentNode] = {}
    hash_above = b""
    for (index, copath_child), key in reversed(list(zip(path, encryption_keys, strict=True))):
        node = ParentNode(key, hash_above)
        nodes[index] = node
        # The path resets the unmerged leaves, so the sibling's hash is the one it has now.
        hash_above = parent_hash(tree.suite, node, tree.tree_hash(copath_child))
    return nodes, hash_above


def verify_parent_hashes(tree: RatchetTree) -> None:
    """Check that every parent node of a received tree is parent-hash valid; raises `InvalidTree`."""
    covered: set[NodeIndex] = set()
    for index, leaf in tree.leaves():
        if leaf.parent_hash is not None:
            _follow_chain(tree, leaf_node_index(index), leaf.parent_hash, covered)
    for node_index, _ in tree.parent_nodes():
        if node_index not in covered:
            raise InvalidTree(f"node {node_index} is not covered by a chain of parent hashes")


def _follow_chain(tree: RatchetTree, index: NodeIndex, claimed: bytes, covered: set[NodeIndex]) -> None:
    while index != tree.root:
        child, above, node = _next_parent(tree, index)
        if node is None or not _is_valid_link(tree, index, claimed, child, above, node):
            return
        if above in covered:
            # RFC 9420, 7.9.2: exactly one chain covers each parent node.
            raise InvalidTree(f"node {above} is covered by two chains of parent hashes")
        covered.add(above)
        index, claimed = above, node.parent_hash


def _next_parent(tree: RatchetTree, index: NodeIndex) -> tuple[NodeIndex, NodeIndex, ParentNode | None]:
    """The lowest parent above `index` that is not blank, if any, after its child on the way there."""
    child, above = index, parent(index, tree.n_leaves)
    while tree.node(above) is None and above != tree.root:
        child, above = above, parent(above, tree.n_leaves)
    return child, above, tree.parent_node(above)


def _is_valid_link(
    tree: RatchetTree, index: NodeIndex, claimed: bytes, child: NodeIndex, above: NodeIndex, node: ParentNode
) -> bool:
    # RFC 9420, 7.9.2: D is in the resolution of C, and the rest of it is what P has unmerged there.
    resolution = tree.resolution(child)
    if index not in resolution:
        return False
    others = {other for other in resolution if other != index}
    unmerged = {leaf_node_index(leaf) for leaf in node.unmerged_leaves}
    if others != {leaf for leaf in unmerged if is_in_subtree(leaf, child)}:
        return False
    sibling = right(above) if child == left(above) else left(above)
    removed = frozenset(node.unmerged_leaves)
    return claimed == parent_hash(tree.suite, node, original_tree_hash(tree, sibling, removed))


def original_tree_hash(tree: RatchetTree, index: NodeIndex, removed: frozenset[LeafIndex]) -> bytes:
    """The tree hash of a node as if the leaves in `removed` had never been added."""
    here = frozenset(leaf for leaf in removed if is_in_subtree(leaf_node_index(leaf), index))
    if not here:
        return tree.tree_hash(index)
    if is_leaf(index):
        return leaf_node_hash(tree.suite, node_leaf_index(index), None)
    node = tree.parent_node(index)
    if node is not None:
        node = replace(node, unmerged_leaves=tuple(leaf for leaf in node.unmerged_leaves if leaf not in here))
    below = original_tree_hash(tree, left(index), here), original_tree_hash(tree, right(index), here)
    return parent_node_hash(tree.suite, node, *below)
