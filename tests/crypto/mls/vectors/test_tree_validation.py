"""tree-validation.json: resolutions, hashes, parent hashes and leaf signatures of received trees."""

from __future__ import annotations

import pytest
from support.schemas.vectors_official import Json, data, items, number, vectors
from teduh_crypto.exceptions import InvalidSignature
from teduh_crypto.hazmat.ciphersuite import cipher_suite
from teduh_crypto.mls.parent_hash import verify_parent_hashes
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_math import NodeIndex
from teduh_crypto.mls.tree_validation import verify_node_keys, verify_unmerged_leaves


def tree_of(vector: Json) -> RatchetTree:
    """The tree of an entry."""
    return RatchetTree.from_bytes(cipher_suite(number(vector["cipher_suite"])), data(vector["tree"]))


@vectors("mls/tree-validation.json")
def test_resolutions(vector: Json) -> None:
    tree = tree_of(vector)
    resolutions = [tree.resolution(NodeIndex(index)) for index in range(len(tree.nodes))]
    assert resolutions == vector["resolutions"]


@vectors("mls/tree-validation.json")
def test_tree_hashes(vector: Json) -> None:
    tree = tree_of(vector)
    hashes = [tree.tree_hash(NodeIndex(index)) for index in range(len(tree.nodes))]
    assert hashes == [data(value) for value in items(vector["tree_hashes"])]


@vectors("mls/tree-validation.json")
def test_structure_and_parent_hashes_hold(vector: Json) -> None:
    tree = tree_of(vector)
    verify_unmerged_leaves(tree)
    verify_node_keys(tree)
    verify_parent_hashes(tree)


@vectors("mls/tree-validation.json")
def test_leaf_signatures_hold_in_their_group_and_place(vector: Json) -> None:
    tree = tree_of(vector)
    for index, leaf in tree.leaves():
        leaf.verify_signature(tree.suite, data(vector["group_id"]), index)


@vectors("mls/tree-validation.json")
def test_signatures_of_leaves_made_in_the_group_do_not_hold_elsewhere(vector: Json) -> None:
    tree = tree_of(vector)
    for index, leaf in tree.leaves():
        if leaf.lifetime is None:
            with pytest.raises(InvalidSignature):
                leaf.verify_signature(tree.suite, data(vector["group_id"]) + b"x", index)
