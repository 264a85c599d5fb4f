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
    LeafIndex,
    NodeIndex,
    is_in_subtree,
    leaf_node_index,
    parent,
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
    """Check the lists of unmerged leaves (RFC 9420, 7.1 and 12.4.3.1); raises `InvalidTree`."""
    for index, node in tree.parent_nodes():
        if any(
            one >= other for one, other in zip(node.unmerged_leaves, node.unmerged_leaves[1:], strict=False)
        ):
            # RFC 9420, 7.1: the entries are in increasing order, and so none is there twice.
            raise InvalidTree(f"the unmerged leaves of node {index} are not in increasing order")
        for leaf in node.unmerged_leaves:
            _verify_unmerged_leaf(tree, index, leaf)


def _verify_unmerged_leaf(tree: RatchetTree, index: NodeIndex, leaf: LeafIndex) -> None:
    below = leaf_node_index(leaf)
    if tree.leaf(leaf) is None or not is_in_subtree(below, index):
        raise InvalidTree(f"node {index} lists leaf {leaf} as unmerged, which is no member below it")
    between = parent(below, tree.n_leaves)
    while between != index:
        node = tree.parent_node(between)
        if node is not None and leaf not in node.unmerged_leaves:
            raise InvalidTree(f"leaf {leaf} is unmerged at node {index} and not at node {between} below it")
        between = parent(between, tree.n_leaves)


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
