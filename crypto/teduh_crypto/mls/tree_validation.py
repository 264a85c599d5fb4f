"""Whether a tree that somebody hands us may be believed, and whether a changed one may be adopted.

A newcomer sees a tree that others have built for years. It is accepted only if everything that can be
checked in it holds (RFC 9420, 12.4.3.1): its structure, the chains of parent hashes, and every leaf. A member
who applies a commit checks what the commit may have broken (RFC 9420, 7.3): keys stay unique, and everybody
supports the credentials in use.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from operator import attrgetter
from typing import Final

from teduh_crypto.exceptions import InvalidLeafNode, InvalidTree
from teduh_crypto.mls.extension import RequiredCapabilities
from teduh_crypto.mls.leaf_node import LeafNode
from teduh_crypto.mls.leaf_validation import LifetimeRule, check_leaf_node
from teduh_crypto.mls.parent_hash import verify_parent_hashes
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_math import (
    NodeIndex,
    leaf_node_index,
    left,
    level,
    right,
    subtree_span,
)

# Every commit asks these of all members, so the loops run in C.
_SIGNATURE_KEY: Final[Callable[[LeafNode], bytes]] = attrgetter("signature_key")
_ENCRYPTION_KEY: Final[Callable[[LeafNode], bytes]] = attrgetter("encryption_key")
_CREDENTIAL_TYPE: Final[Callable[[LeafNode], int]] = attrgetter("credential.credential_type")
_CREDENTIALS: Final[Callable[[LeafNode], tuple[int, ...]]] = attrgetter("capabilities.credentials")


def verify_tree(
    tree: RatchetTree, group_id: bytes, required: RequiredCapabilities | None, lifetimes: LifetimeRule
) -> None:
    """Check a received tree before joining; its hash is the caller's to compare.

    Raises `InvalidTree`, `InvalidLeafNode`, `InvalidPublicKey` or `InvalidSignature`.
    """
    verify_unmerged_leaves(tree)
    verify_node_keys(tree)
    verify_members(tree)
    verify_parent_hashes(tree)
    for index, leaf in tree.leaves():
        check_leaf_node(tree.suite, leaf, required, lifetimes)
        leaf.verify_signature(tree.suite, group_id, index)


def verify_unmerged_leaves(tree: RatchetTree) -> None:
    """Check the lists of unmerged leaves (RFC 9420, 7.1 and 12.4.3.1); raises `InvalidTree`.

    A leaf that a node lists must be listed by every node between them. Instead of looking for it there, nodes
    are taken from the bottom up, and it is counted how many have listed each leaf: as many as there are nodes
    below this one and above the leaf. So every entry is looked at once, however many a hostile tree has.
    """
    nodes_above, listed = _parents_above(tree), [0] * tree.n_leaves
    for index, node in sorted(tree.parent_nodes(), key=lambda item: level(item[0])):
        first, last = subtree_span(index)
        before = -1
        for leaf in node.unmerged_leaves:
            below = leaf_node_index(leaf)
            if leaf <= before:
                # RFC 9420, 7.1: the entries are in increasing order, and so none is there twice.
                raise InvalidTree(f"the unmerged leaves of node {index} are not in increasing order")
            if not first <= below <= last or tree.node(below) is None:
                raise InvalidTree(f"node {index} lists leaf {leaf} as unmerged, which is no member below it")
            if listed[leaf] != nodes_above[below] - nodes_above[index] - 1:
                raise InvalidTree(f"leaf {leaf} is unmerged at node {index} and not at a node below it")
            listed[leaf] += 1
            before = leaf


def _parents_above(tree: RatchetTree) -> list[int]:
    """For each node, how many of those above it are not blank."""
    above = [0] * len(tree.nodes)
    for height in range(level(tree.root), 0, -1):
        for index in range((1 << height) - 1, len(above), 2 << height):
            count = above[index] + (tree.nodes[index] is not None)
            above[left(NodeIndex(index))] = above[right(NodeIndex(index))] = count
    return above


def verify_node_keys(tree: RatchetTree) -> None:
    """Check that all keys are different, and those of parents valid.

    Raises `InvalidTree` or `InvalidPublicKey`.
    """
    keys = list(tree.encryption_keys())
    if len(set(keys)) != len(keys):
        raise InvalidTree("an encryption key appears in two nodes")
    for _, node in tree.parent_nodes():
        tree.suite.validate_hpke_public_key(node.encryption_key)


def verify_members(tree: RatchetTree) -> None:
    """Check what RFC 9420, 7.3 asks of the members together; raises `InvalidLeafNode`.

    Signature keys and encryption keys are unique, and every member supports every credential type in use.
    """
    leaves = list(tree.members())
    if len(set(map(_SIGNATURE_KEY, leaves))) != len(leaves):
        raise InvalidLeafNode("two members have the same signature key")
    if len(set(map(_ENCRYPTION_KEY, leaves))) != len(leaves):
        raise InvalidLeafNode("two members have the same encryption key")
    _verify_credential_support(leaves)


def _verify_credential_support(leaves: Collection[LeafNode]) -> None:
    in_use = set(map(_CREDENTIAL_TYPE, leaves))
    for supported in set(map(_CREDENTIALS, leaves)):
        if not in_use.issubset(supported):
            raise InvalidLeafNode("a member does not support the credential type of another")
