"""tree-operations.json: what Add, Update and Remove do to a tree."""

from __future__ import annotations

from support.schemas.vectors_official import Json, data, number, vectors
from teduh_crypto.hazmat.ciphersuite import cipher_suite
from teduh_crypto.mls.proposal import Add, Proposal, Remove, Update, proposal_from_bytes
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_math import LeafIndex


@vectors("mls/tree-operations.json")
def test_proposal_gives_the_tree_and_its_hash(vector: Json) -> None:
    suite = cipher_suite(number(vector["cipher_suite"]))
    before = RatchetTree.from_bytes(suite, data(vector["tree_before"]))
    assert before.tree_hash() == data(vector["tree_hash_before"])

    after = apply(before, proposal_from_bytes(data(vector["proposal"])), number(vector["proposal_sender"]))

    assert after.to_bytes() == data(vector["tree_after"])
    assert after.tree_hash() == data(vector["tree_hash_after"])
    assert before.tree_hash() == data(vector["tree_hash_before"])


@vectors("mls/tree-operations.json")
def test_tree_round_trips(vector: Json) -> None:
    encoded = data(vector["tree_after"])
    tree = RatchetTree.from_bytes(cipher_suite(number(vector["cipher_suite"])), encoded)
    assert tree.to_bytes() == encoded


def apply(tree: RatchetTree, proposal: Proposal, sender: int) -> RatchetTree:
    """The tree after one proposal."""
    match proposal:
        case Add(key_package):
            return tree.add_leaf(key_package.leaf_node)[0]
        case Update(leaf_node):
            return tree.update_leaf(LeafIndex(sender), leaf_node)
        case Remove(removed):
            return tree.remove_leaf(removed)
    raise AssertionError(f"the file has only proposals about leaves, not {proposal}")
