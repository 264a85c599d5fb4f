"""treekem.json: every member opens the given paths, and the paths that we make ourselves."""

from __future__ import annotations

from dataclasses import dataclass, replace

from support.schemas.vectors_official import Json, data, items, number, objects, vectors
from teduh_crypto.hazmat.ciphersuite import cipher_suite
from teduh_crypto.hazmat.secret import SignaturePrivateKey
from teduh_crypto.mls.group_context import GroupContext
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_math import LeafIndex, NodeIndex, common_ancestor, leaf_node_index
from teduh_crypto.mls.treekem import (
    TreePrivateKeys,
    merge_update_path,
    node_key,
    open_update_path,
    stage_update_path,
)
from teduh_crypto.mls.update_path import UpdatePath


@dataclass(frozen=True, slots=True)
class Member:
    """One member's private state."""

    keys: TreePrivateKeys
    signature_key: SignaturePrivateKey


class Scenario:
    """The tree, context and members of an entry."""

    def __init__(self, vector: Json) -> None:
        self.suite = cipher_suite(number(vector["cipher_suite"]))
        self.tree = RatchetTree.from_bytes(self.suite, data(vector["ratchet_tree"]))
        self.context = GroupContext(
            cipher_suite=self.suite.code,
            group_id=data(vector["group_id"]),
            epoch=number(vector["epoch"]),
            tree_hash=b"",
            confirmed_transcript_hash=data(vector["confirmed_transcript_hash"]),
        )
        self.members = dict(self._member(private) for private in objects(vector["leaves_private"]))

    def _member(self, private: Json) -> tuple[LeafIndex, Member]:
        index = LeafIndex(number(private["index"]))
        keys = {leaf_node_index(index): self.suite.load_hpke_key(data(private["encryption_priv"]))}
        for known in objects(private["path_secrets"]):
            keys[NodeIndex(number(known["node"]))] = node_key(self.suite, data(known["path_secret"]))
        signature_key = self.suite.load_signature_key(data(private["signature_priv"]))
        return index, Member(TreePrivateKeys(index, keys), signature_key)

    def context_of(self, tree: RatchetTree) -> bytes:
        """The encoded group context with the hash of `tree`."""
        return replace(self.context, tree_hash=tree.tree_hash()).to_bytes()


@vectors("mls/treekem.json")
def test_private_keys_are_those_of_the_tree(vector: Json) -> None:
    scenario = Scenario(vector)
    for member in scenario.members.values():
        assert member.keys.pruned(scenario.tree).keys == member.keys.keys


@vectors("mls/treekem.json")
def test_every_member_opens_the_given_paths(vector: Json) -> None:
    scenario = Scenario(vector)
    for given in objects(vector["update_paths"]):
        sender = LeafIndex(number(given["sender"]))
        path = UpdatePath.from_bytes(data(given["update_path"]))
        tree = merge_update_path(scenario.tree, sender, path)
        assert tree.tree_hash() == data(given["tree_hash_after"])
        path.leaf_node.verify_signature(scenario.suite, scenario.context.group_id, sender)
        expected = {LeafIndex(place): secret for place, secret in enumerate(items(given["path_secrets"]))}
        assert {receiver for receiver, secret in expected.items() if secret is not None} == (
            scenario.members.keys() - {sender}
        )
        for receiver in scenario.members.keys() - {sender}:
            own = scenario.members[receiver].keys
            keys, commit_secret = open_update_path(
                tree, own, sender, path, scenario.context_of(tree), frozenset()
            )
            assert commit_secret == data(given["commit_secret"])
            shared = common_ancestor(receiver, sender)
            assert keys.keys[shared] == node_key(scenario.suite, data(expected[receiver]))


@vectors("mls/treekem.json")
def test_every_other_member_opens_the_paths_that_we_make(vector: Json) -> None:
    scenario = Scenario(vector)
    for sender, member in scenario.members.items():
        template = scenario.tree.leaf(sender)
        assert template is not None
        group_id = scenario.context.group_id
        staged = stage_update_path(scenario.tree, sender, template, member.signature_key, group_id)
        path = staged.encrypt(scenario.context_of(staged.tree), frozenset())
        tree = merge_update_path(scenario.tree, sender, UpdatePath.from_bytes(path.to_bytes()))
        assert tree == staged.tree
        path.leaf_node.verify_signature(scenario.suite, group_id, sender)
        for receiver, other in scenario.members.items():
            if receiver != sender:
                opened = open_update_path(
                    tree, other.keys, sender, path, scenario.context_of(tree), frozenset()
                )
                assert opened[1] == staged.commit_secret
                assert opened[0].pruned(tree).keys == opened[0].keys
