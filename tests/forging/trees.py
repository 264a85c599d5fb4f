"""Leaves, key packages, trees and paths as a member would make them, and as only an attacker would.

Everything is honest unless a test asks for a change, and a change is made before signing, so that the
signature is never what a test trips over unless it means to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from teduh_crypto.hazmat.ciphersuite import CipherSuite, cipher_suite
from teduh_crypto.hazmat.secret import HpkePrivateKey, SignaturePrivateKey
from teduh_crypto.mls.credential import BasicCredential, CredentialType
from teduh_crypto.mls.key_package import KeyPackage, KeyPackageBundle
from teduh_crypto.mls.leaf_node import MLS10, Capabilities, LeafNode, LeafNodeSource, Lifetime
from teduh_crypto.mls.parent_node import Node
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_math import LeafIndex, NodeIndex, direct_path, leaf_node_index
from teduh_crypto.mls.treekem import StagedPath, TreePrivateKeys, stage_update_path

SUITE: Final[CipherSuite] = cipher_suite(0x0001)
GROUP_ID: Final = b"a shelter"
NOW: Final = 1_800_000_000
LIFETIME: Final = Lifetime(NOW - 3_600, NOW + 86_400)
CAPABILITIES: Final = Capabilities(cipher_suites=(SUITE.code,), credentials=(CredentialType.BASIC,))


@dataclass(frozen=True, slots=True)
class Device:
    """A client with its keys, and the leaf of its key package."""

    signature_key: SignaturePrivateKey
    encryption_key: HpkePrivateKey
    leaf: LeafNode

    def resigned(self, leaf: LeafNode, index: LeafIndex | None = None) -> LeafNode:
        """`leaf` under this device's signature; for a place in the group if `index` is given."""
        if index is None:
            return leaf.signed(SUITE, self.signature_key)
        return leaf.signed(SUITE, self.signature_key, GROUP_ID, index)


def device(
    name: str,
    *,
    capabilities: Capabilities = CAPABILITIES,
    lifetime: Lifetime = LIFETIME,
    signature_key: SignaturePrivateKey | None = None,
    encryption_key: HpkePrivateKey | None = None,
    suite: CipherSuite = SUITE,
) -> Device:
    """A new client; its leaf is signed and comes from a key package."""
    signer = signature_key or suite.generate_signature_key()
    key = encryption_key or suite.generate_hpke_key()
    leaf = LeafNode(
        encryption_key=key.public,
        signature_key=signer.public,
        credential=BasicCredential(name.encode()),
        capabilities=capabilities,
        leaf_node_source=LeafNodeSource.KEY_PACKAGE,
        lifetime=lifetime,
    )
    return Device(signer, key, leaf.signed(suite, signer))


def key_package_of(owner: Device, *, init_key: HpkePrivateKey | None = None) -> KeyPackageBundle:
    """A key package for the device's leaf."""
    init = init_key or SUITE.generate_hpke_key()
    key_package = KeyPackage(MLS10, SUITE.code, init.public, owner.leaf).signed(SUITE, owner.signature_key)
    return KeyPackageBundle(key_package, init, owner.encryption_key, owner.signature_key)


@dataclass(frozen=True, slots=True)
class Member:
    """A device in a tree, with the private keys that it holds there."""

    device: Device
    keys: TreePrivateKeys


@dataclass(frozen=True, slots=True)
class Grove:
    """A tree and everybody in it: what no single party ever has."""

    tree: RatchetTree
    members: Mapping[LeafIndex, Member]

    def leaf(self, index: int) -> LeafNode:
        """The leaf at an index that is not blank."""
        leaf = self.tree.leaf(LeafIndex(index))
        assert leaf is not None
        return leaf

    def stage(self, index: int, tree: RatchetTree | None = None) -> StagedPath:
        """A path of a member over the tree, or over `tree`."""
        member = self.members[LeafIndex(index)]
        return stage_update_path(
            self.tree if tree is None else tree,
            LeafIndex(index),
            self.leaf(index),
            member.device.signature_key,
            GROUP_ID,
        )

    def with_path(self, index: int) -> Grove:
        """After a path of a member that the others opened."""
        staged = self.stage(index)
        members = {}
        for at, member in self.members.items():
            shared = {node: key for node, key in staged.private_keys.keys.items() if node & 1}
            merged = {**member.keys.keys, **_below(at, shared, staged.tree)}
            members[at] = Member(member.device, TreePrivateKeys(at, merged).pruned(staged.tree))
        sender = LeafIndex(index)
        members[sender] = Member(self.members[sender].device, staged.private_keys)
        return Grove(staged.tree, members)

    def with_new(self, newcomer: Device) -> tuple[Grove, LeafIndex]:
        """After an Add without a path."""
        tree, index = self.tree.add_leaf(newcomer.leaf)
        keys = TreePrivateKeys(index, {leaf_node_index(index): newcomer.encryption_key})
        return Grove(tree, {**self.members, index: Member(newcomer, keys)}), index

    def without(self, index: int) -> Grove:
        """After a Remove without a path."""
        tree = self.tree.remove_leaf(LeafIndex(index))
        rest = {at: member for at, member in self.members.items() if at != index}
        return Grove(tree, {at: Member(one.device, one.keys.pruned(tree)) for at, one in rest.items()})


def _below(
    leaf: LeafIndex, keys: Mapping[NodeIndex, HpkePrivateKey], tree: RatchetTree
) -> dict[NodeIndex, HpkePrivateKey]:
    return {node: keys[node] for node in direct_path(leaf_node_index(leaf), tree.n_leaves) if node in keys}


def grove(size: int, *, paths: bool = True, suite: CipherSuite = SUITE) -> Grove:
    """A group of `size` devices; with `paths`, each of them has sent one, so that no parent is blank."""
    founder = device("device 0", suite=suite)
    keys = TreePrivateKeys(LeafIndex(0), {NodeIndex(0): founder.encryption_key})
    grown = Grove(RatchetTree.with_one_leaf(suite, founder.leaf), {LeafIndex(0): Member(founder, keys)})
    for number in range(1, size):
        grown, _ = grown.with_new(device(f"device {number}", suite=suite))
    if paths:
        for number in range(size):
            grown = grown.with_path(number)
    return grown


def replanted(tree: RatchetTree, changes: Mapping[int, Node | None]) -> RatchetTree:
    """A tree with nodes exchanged at will, as somebody might send it."""
    nodes: list[Node | None] = list(tree.nodes)
    for index, node in changes.items():
        nodes[index] = node
    return RatchetTree(tree.suite, tuple(nodes))


def blanked(tree: RatchetTree, indices: Sequence[int]) -> RatchetTree:
    """A tree with nodes blanked at will."""
    return replanted(tree, dict.fromkeys(indices))
