"""Proof that every parent key was put there by a member (RFC 9420, 7.9).

A committer hashes the nodes that it sets from the root downwards, each hash together with the tree hash of
the other side, and signs the last one in its leaf:

            root        parent_hash = ""
            /  \\
           P    S'      parent_hash = H(root.key, "", th(S'))
          / \\
      leaf   S          parent_hash = H(P.key, P.parent_hash, th(S))   <- signed

Somebody who joins checks every link of these chains. Leaves that were added after P was set are taken out of
S again before it is hashed, so that the link still holds.
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
    """Check that every parent node of a received tree is parent-hash valid; raises `InvalidTree`.

    Works from the top down: each parent has exactly one descendant that was set together with it, and that
    one is a leaf or has such a descendant itself. Every node is looked at a bounded number of times, so a
    hostile tree costs no more than an honest one.
    """
    for index, node in tree.parent_nodes():
        sides = (left(index), right(index)), (right(index), left(index))
        links = sum(_is_link(tree, node, child, sibling) for child, sibling in sides)
        if links != 1:
            raise InvalidTree(
                f"{links} descendants of node {index} are bound to it by a parent hash, not one"
            )


def _is_link(tree: RatchetTree, node: ParentNode, child: NodeIndex, sibling: NodeIndex) -> bool:
    """Whether a node below `child` was set together with `node`."""
    # RFC 9420, 7.9.2: D is in the resolution of C, and the rest of it is what P has unmerged there.
    resolution = set(tree.resolution(child))
    unmerged = {leaf_node_index(leaf) for leaf in node.unmerged_leaves}
    below = {leaf for leaf in unmerged if is_in_subtree(leaf, child)}
    candidates = resolution - below
    if len(candidates) != 1 or not below <= resolution:
        return False
    descendant = tree.node(candidates.pop())
    if descendant is None:
        return False
    removed = frozenset(node.unmerged_leaves)
    return descendant.parent_hash == parent_hash(tree.suite, node, original_tree_hash(tree, sibling, removed))


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
