"""What a group asks of every leaf that is to live in it (RFC 9420, 7.3, 11.1 and 13.4).

`leaf_validation` knows what makes a leaf sound; this adds the group: its id, its extensions and what they
require, the time, and the longest lifetime that the policy accepts.
"""

from __future__ import annotations

from dataclasses import dataclass

from teduh_crypto.exceptions import DecodingError, InvalidLeafNode
from teduh_crypto.mls.extension import Extensions, ExtensionType, RequiredCapabilities, find_extension
from teduh_crypto.mls.key_package import KeyPackage
from teduh_crypto.mls.leaf_node import Capabilities, LeafNode, LeafNodeSource
from teduh_crypto.mls.leaf_validation import (
    LifetimeRule,
    check_leaf_node,
    check_replacement,
    check_required_capabilities,
    supports_extension,
    verify_key_package,
)
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_math import LeafIndex
from teduh_crypto.mls.tree_validation import verify_tree


@dataclass(frozen=True, slots=True)
class LeafRules:
    """What a leaf is held against: `extensions` are those of the group context under which it will live.

    Every method raises InvalidLeafNode, InvalidKeyPackage, InvalidPublicKey or InvalidSignature.
    """

    group_id: bytes
    extensions: Extensions
    required: RequiredCapabilities | None
    lifetimes: LifetimeRule

    @staticmethod
    def of(group_id: bytes, extensions: Extensions, lifetimes: LifetimeRule) -> LeafRules:
        """The rules of a group with those extensions; raises InvalidLeafNode when they do not parse."""
        return LeafRules(group_id, extensions, required_capabilities(extensions), lifetimes)

    def check_support(self, capabilities: Capabilities) -> None:
        """Every extension of the group, and what it requires, is supported."""
        for extension in self.extensions:
            if not supports_extension(capabilities, extension.extension_type):
                raise InvalidLeafNode(
                    f"a leaf does not support the group's extension {extension.extension_type}"
                )
        check_required_capabilities(capabilities, self.required)

    def check_key_package(self, tree: RatchetTree, key_package: KeyPackage) -> None:
        """A key package may be added."""
        verify_key_package(tree.suite, key_package, self.required, self.lifetimes)
        self.check_support(key_package.leaf_node.capabilities)

    def check_replacement(
        self, tree: RatchetTree, leaf_index: LeafIndex, leaf: LeafNode, source: LeafNodeSource
    ) -> None:
        """The leaf of an Update, or of a commit's path, may take the place of the one at `leaf_index`."""
        old = tree.leaf(leaf_index)
        if old is None:
            raise InvalidLeafNode(f"there is no leaf {leaf_index} to replace")
        check_replacement(old, leaf, source)
        self.check_new_leaf(tree, leaf_index, leaf)

    def check_new_leaf(self, tree: RatchetTree, leaf_index: LeafIndex, leaf: LeafNode) -> None:
        """A leaf that was made for this group and place may sit there."""
        check_leaf_node(tree.suite, leaf, self.required, self.lifetimes)
        self.check_support(leaf.capabilities)
        leaf.verify_signature(tree.suite, self.group_id, leaf_index)

    def check_tree(self, tree: RatchetTree) -> None:
        """A whole tree may be believed by somebody who joins; raises InvalidTree too."""
        verify_tree(tree, self.group_id, self.required, self.lifetimes)
        for _, leaf in tree.leaves():
            self.check_support(leaf.capabilities)


def required_capabilities(extensions: Extensions) -> RequiredCapabilities | None:
    """What a group requires, or None if it has no such extension; raises InvalidLeafNode."""
    data = find_extension(extensions, ExtensionType.REQUIRED_CAPABILITIES)
    if data is None:
        return None
    try:
        return RequiredCapabilities.from_bytes(data)
    except DecodingError as error:
        raise InvalidLeafNode("the group's required capabilities do not parse") from error
