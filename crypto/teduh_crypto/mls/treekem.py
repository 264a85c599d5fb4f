"""How fresh secrets reach a whole group in a logarithmic number of ciphertexts (RFC 9420, 7.4 to 7.6).

A committer draws one secret and derives from it a chain that climbs its filtered direct path. Each step is
sealed to whoever is below on the other side; everybody derives the rest of the chain alone:

    commit_secret
         ^ "path"
    path_secret[1] --"node"--> key pair of the root     sealed to the resolution of S'
         ^ "path"
    path_secret[0] --"node"--> key pair of P            sealed to the resolution of S
                                                        (without the leaves that this commit adds)

Making a path has two steps, since the ciphertexts are bound to a group context that holds the hash of the
tree after the path: `stage_update_path`, then `StagedPath.encrypt`. Receiving has the same two:
`merge_update_path`, then `open_update_path`.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from teduh_crypto.exceptions import DecryptionFailed, InvalidUpdatePath, InvalidWelcome, LocalError
from teduh_crypto.mls.leaf_node import LeafNode, LeafNodeSource
from teduh_crypto.mls.parent_hash import path_parent_nodes
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_math import (
    LeafIndex,
    NodeIndex,
    common_ancestor,
    direct_path,
    is_in_subtree,
    leaf_node_index,
)
from teduh_crypto.mls.update_path import HPKECiphertext, UpdatePath, UpdatePathNode

if TYPE_CHECKING:
    from teduh_crypto.hazmat.ciphersuite import CipherSuite
    from teduh_crypto.hazmat.secret import HpkePrivateKey, SignaturePrivateKey

UPDATE_PATH_NODE_LABEL: Final = b"UpdatePathNode"

FilteredPath = Sequence[tuple[NodeIndex, NodeIndex]]
"""Nodes of a filtered direct path, upwards, each with its child on the copath."""


@dataclass(frozen=True, slots=True)
class TreePrivateKeys:
    """The private keys that one member holds: its leaf's, and those of nodes above it."""

    leaf_index: LeafIndex
    keys: Mapping[NodeIndex, HpkePrivateKey] = field(repr=False)

    @property
    def leaf_key(self) -> HpkePrivateKey:
        """The private key of the member's own leaf."""
        return self.keys[leaf_node_index(self.leaf_index)]

    def with_leaf_key(self, key: HpkePrivateKey) -> TreePrivateKeys:
        """The same keys but for the own leaf's, after an update proposal of ours took effect."""
        return TreePrivateKeys(self.leaf_index, {**self.keys, leaf_node_index(self.leaf_index): key})

    def pruned(self, tree: RatchetTree) -> TreePrivateKeys:
        """Only the keys that `tree` still uses; others must not be kept (RFC 9420, 7.5)."""
        kept = {index: key for index, key in self.keys.items() if _is_key_of(tree, index, key)}
        return TreePrivateKeys(self.leaf_index, kept)


def _is_key_of(tree: RatchetTree, index: NodeIndex, key: HpkePrivateKey) -> bool:
    node = tree.node(index) if index < len(tree.nodes) else None
    return node is not None and node.encryption_key == key.public


def node_key(suite: CipherSuite, path_secret: bytes) -> HpkePrivateKey:
    """The key pair of the node that a path secret belongs to."""
    return suite.derive_hpke_key(suite.derive_secret(path_secret, b"node"))


def climb(suite: CipherSuite, path_secret: bytes, steps: int) -> tuple[list[bytes], bytes]:
    """The path secrets of `steps` nodes upwards, the given one first, and the commit secret above them."""
    chain = []
    for _ in range(steps):
        chain.append(path_secret)
        path_secret = suite.derive_secret(path_secret, b"path")
    return chain, path_secret


@dataclass(frozen=True, slots=True)
class StagedPath:
    """A path of our own that is in the tree, and not yet encrypted to the others."""

    tree: RatchetTree
    leaf_node: LeafNode
    private_keys: TreePrivateKeys
    commit_secret: bytes = field(repr=False)
    path: FilteredPath
    path_secrets: tuple[bytes, ...] = field(repr=False)

    def encrypt(self, group_context: bytes, new_leaves: Collection[LeafIndex]) -> UpdatePath:
        """Seal the path secrets to the members below, bar the leaves that this commit adds.

        `group_context` is the encoded provisional group context, with the hash of `tree`.
        """
        nodes = [
            UpdatePathNode(
                self._node_key(index).public,
                self._sealed(secret, recipients(self.tree, copath_child, new_leaves), group_context),
            )
            for (index, copath_child), secret in zip(self.path, self.path_secrets, strict=True)
        ]
        return UpdatePath(self.leaf_node, tuple(nodes))

    def _node_key(self, index: NodeIndex) -> HpkePrivateKey:
        return self.private_keys.keys[index]

    def _sealed(
        self, path_secret: bytes, resolution: Sequence[NodeIndex], group_context: bytes
    ) -> tuple[HPKECiphertext, ...]:
        suite, tree = self.tree.suite, self.tree
        sealed = []
        for index in resolution:
            node = tree.node(index)
            assert node is not None
            label = UPDATE_PATH_NODE_LABEL
            parts = suite.encrypt_with_label(node.encryption_key, label, group_context, path_secret)
            sealed.append(HPKECiphertext(*parts))
        return tuple(sealed)

    def path_secret_for(self, leaf: LeafIndex) -> bytes:
        """The secret of the lowest node shared with a new member, for its welcome (RFC 9420, 12.4.3.1)."""
        shared = common_ancestor(self.private_keys.leaf_index, leaf)
        for (index, _), secret in zip(self.path, self.path_secrets, strict=True):
            if index == shared:
                return secret
        raise LocalError(f"leaf {leaf} shares no node of the path")


def recipients(
    tree: RatchetTree, copath_child: NodeIndex, new_leaves: Collection[LeafIndex]
) -> list[NodeIndex]:
    """The nodes to which a path secret is sealed: the resolution without the leaves that the commit adds."""
    resolution = tree.resolution(copath_child)
    if not new_leaves:
        return resolution
    excluded = {leaf_node_index(leaf) for leaf in new_leaves}
    return [index for index in resolution if index not in excluded]


def stage_update_path(
    tree: RatchetTree,
    leaf_index: LeafIndex,
    template: LeafNode,
    signature_key: SignaturePrivateKey,
    group_id: bytes,
) -> StagedPath:
    """Draw fresh keys for a leaf and the nodes above it, and sign the leaf.

    `tree` has the commit's proposals applied. From `template` are taken the signature key, which must be
    that of `signature_key`, the credential, capabilities and extensions.
    """
    suite = tree.suite
    path = tree.filtered_direct_path(leaf_index)
    path_secrets, commit_secret = climb(suite, secrets.token_bytes(suite.hash_length), len(path))
    keys = [node_key(suite, secret) for secret in path_secrets]
    parents, leaf_parent_hash = path_parent_nodes(tree, path, [key.public for key in keys])
    leaf_key = suite.generate_hpke_key()
    leaf = replace(
        template,
        encryption_key=leaf_key.public,
        leaf_node_source=LeafNodeSource.COMMIT,
        lifetime=None,
        parent_hash=leaf_parent_hash,
    ).signed(suite, signature_key, group_id, leaf_index)
    own = leaf_node_index(leaf_index)
    held = {own: leaf_key} | {index: key for (index, _), key in zip(path, keys, strict=True)}
    return StagedPath(
        tree=tree.with_nodes(tree.blanked_path(leaf_index) | parents | {own: leaf}),
        leaf_node=leaf,
        private_keys=TreePrivateKeys(leaf_index, held),
        commit_secret=commit_secret,
        path=path,
        path_secrets=tuple(path_secrets),
    )


def merge_update_path(tree: RatchetTree, sender: LeafIndex, update_path: UpdatePath) -> RatchetTree:
    """The tree with another member's path in it (RFC 9420, 7.5).

    `tree` has the commit's proposals applied; for an external commit, `with_free_leaf` then made the sender's
    place. Checks all of the path that needs no private key, bar the leaf's signature and contents; raises
    `InvalidUpdatePath` or `InvalidPublicKey`.
    """
    path = tree.filtered_direct_path(sender)
    if len(path) != len(update_path.nodes):
        raise InvalidUpdatePath(f"the path has {len(update_path.nodes)} nodes where {len(path)} are due")
    _require_fresh_keys(tree, sender, update_path)
    keys = [node.encryption_key for node in update_path.nodes]
    parents, leaf_parent_hash = path_parent_nodes(tree, path, keys)
    # RFC 9420, 7.9.2: the leaf's signature must cover the nodes that the path sets.
    if update_path.leaf_node.parent_hash != leaf_parent_hash:
        raise InvalidUpdatePath("the parent hash of the committer's leaf does not fit the path")
    leaf = {leaf_node_index(sender): update_path.leaf_node}
    return tree.with_nodes(tree.blanked_path(sender) | parents | leaf)


def _require_fresh_keys(tree: RatchetTree, sender: LeafIndex, update_path: UpdatePath) -> None:
    # RFC 9420, 12.4.2: no public key of the path appears in any node of the new tree, nor twice in the path;
    # and 7.3: the leaf's key differs from that of the leaf it replaces, which is still in `tree`.
    keys = [node.encryption_key for node in update_path.nodes]
    keys.append(update_path.leaf_node.encryption_key)
    if len(set(keys)) != len(keys):
        raise InvalidUpdatePath("a public key appears twice in the path")
    if tree.has_any_encryption_key(keys):
        raise InvalidUpdatePath("a public key of the path is in the tree already")
    for key in keys:
        tree.suite.validate_hpke_public_key(key)


def open_update_path(
    tree: RatchetTree,
    own: TreePrivateKeys,
    sender: LeafIndex,
    update_path: UpdatePath,
    group_context: bytes,
    new_leaves: Collection[LeafIndex],
) -> tuple[TreePrivateKeys, bytes]:
    """Decrypt another member's path; returns the keys held from now on, and the commit secret.

    `tree` is what `merge_update_path` returned, `group_context` the encoded provisional group context with
    its hash. Raises `InvalidUpdatePath` or `DecryptionFailed`, and `LocalError` for a path of our own.
    """
    if sender == own.leaf_index:
        raise LocalError("a committer does not open its own path")
    path = tree.filtered_direct_path(sender)
    sealed_to = [recipients(tree, copath_child, new_leaves) for _, copath_child in path]
    for node, resolution in zip(update_path.nodes, sealed_to, strict=True):
        # RFC 9420, 7.6: one ciphertext for each node of the resolution, without the new leaves.
        if len(node.encrypted_path_secret) != len(resolution):
            raise InvalidUpdatePath("a node of the path has not one ciphertext for each of its recipients")
    step = _step_above(path, own.leaf_index)
    ciphertexts = update_path.nodes[step].encrypted_path_secret
    path_secret = _opened(tree, own, sealed_to[step], ciphertexts, group_context)
    chain, commit_secret = climb(tree.suite, path_secret, len(path) - step)
    nodes = [index for index, _ in path[step:]]
    derived = _checked_keys(tree, nodes, chain)
    return TreePrivateKeys(own.leaf_index, {**own.pruned(tree).keys, **derived}), commit_secret


def _step_above(path: FilteredPath, leaf: LeafIndex) -> int:
    for step, (_, copath_child) in enumerate(path):
        if is_in_subtree(leaf_node_index(leaf), copath_child):
            return step
    raise DecryptionFailed("no node of the path is above our leaf")


def _opened(
    tree: RatchetTree,
    own: TreePrivateKeys,
    resolution: Sequence[NodeIndex],
    ciphertexts: Sequence[HPKECiphertext],
    group_context: bytes,
) -> bytes:
    for index, sealed in zip(resolution, ciphertexts, strict=True):
        key = own.keys.get(index)
        if key is not None and _is_key_of(tree, index, key):
            label = UPDATE_PATH_NODE_LABEL
            return tree.suite.decrypt_with_label(
                key, label, group_context, sealed.kem_output, sealed.ciphertext
            )
    raise DecryptionFailed("none of our keys is among those that the path secret is sealed to")


def _checked_keys(
    tree: RatchetTree, nodes: Sequence[NodeIndex], chain: Sequence[bytes]
) -> dict[NodeIndex, HpkePrivateKey]:
    derived = {}
    for index, secret in zip(nodes, chain, strict=True):
        key = node_key(tree.suite, secret)
        # RFC 9420, 7.5: the derived public keys must be those that were sent.
        if not _is_key_of(tree, index, key):
            raise InvalidUpdatePath(f"the path secret does not give the public key of node {index}")
        derived[index] = key
    return derived


def private_keys_of_joiner(
    tree: RatchetTree,
    leaf_index: LeafIndex,
    leaf_key: HpkePrivateKey,
    signer: LeafIndex,
    path_secret: bytes | None,
) -> TreePrivateKeys:
    """What a new member holds: its leaf's key, and the keys that the welcome's path secret gives.

    `path_secret` is None when the commit had no path. Raises `InvalidWelcome` (RFC 9420, 12.4.3.1).
    """
    own = leaf_node_index(leaf_index)
    if path_secret is None:
        return TreePrivateKeys(leaf_index, {own: leaf_key})
    if signer == leaf_index:
        raise InvalidWelcome("a welcome is signed by the leaf that it brings in")
    shared = common_ancestor(leaf_index, signer)
    above = [shared, *direct_path(shared, tree.n_leaves)]
    nodes = [index for index in above if tree.node(index) is not None]
    if not nodes or nodes[0] != shared:
        raise InvalidWelcome("the path secret of a welcome belongs to a blank node")
    chain, _ = climb(tree.suite, path_secret, len(nodes))
    try:
        derived = _checked_keys(tree, nodes, chain)
    except InvalidUpdatePath as error:
        raise InvalidWelcome(str(error)) from error
    return TreePrivateKeys(leaf_index, {own: leaf_key, **derived})
