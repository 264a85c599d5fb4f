"""Whether one leaf, or one key package, may be let in (RFC 9420, 7.3 and 10.1).

Whether the credential is true is not asked here: that is the authentication service's part. Nor are the
questions that need the other members; those are in `tree_validation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from teduh_crypto.exceptions import InvalidKeyPackage, InvalidLeafNode
from teduh_crypto.mls.extension import (
    DEFAULT_EXTENSION_TYPES,
    OF_THE_GROUP_CONTEXT,
    Extension,
    RequiredCapabilities,
)
from teduh_crypto.mls.key_package import KeyPackage
from teduh_crypto.mls.leaf_node import MLS10, Capabilities, LeafNode, LeafNodeSource, Lifetime
from teduh_crypto.mls.proposal import DEFAULT_PROPOSAL_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from teduh_crypto.hazmat.ciphersuite import CipherSuite


@dataclass(frozen=True, slots=True)
class LifetimeRule:
    """When a lifetime is acceptable: `now` lies in it, and it is at most `maximum` long.

    Both in seconds; None leaves a check out.
    RFC 9420, 7.2: applications must define a maximum total lifetime.
    """

    now: int | None
    maximum: int | None = None

    def check(self, lifetime: Lifetime) -> None:
        """Raise `InvalidLeafNode` for a lifetime outside the rule."""
        if lifetime.not_after < lifetime.not_before:
            raise InvalidLeafNode("a lifetime ends before it begins")
        if self.now is not None and not lifetime.contains(self.now):
            raise InvalidLeafNode("a leaf node is not valid at this time")
        if self.maximum is not None and lifetime.not_after - lifetime.not_before > self.maximum:
            raise InvalidLeafNode("a lifetime is longer than the application allows")


def check_leaf_node(
    suite: CipherSuite, leaf: LeafNode, required: RequiredCapabilities | None, lifetimes: LifetimeRule
) -> None:
    """Check all of a leaf that is neither its signature nor about other members.

    Raises `InvalidLeafNode` or `InvalidPublicKey`.
    """
    suite.validate_hpke_public_key(leaf.encryption_key)
    suite.validate_signature_public_key(leaf.signature_key)
    capabilities = leaf.capabilities
    if MLS10 not in capabilities.versions or suite.code not in capabilities.cipher_suites:
        # RFC 9420, 11.1: all members support the version and cipher suite in use.
        raise InvalidLeafNode("a leaf node does not support the version and cipher suite of the group")
    if leaf.credential.credential_type not in capabilities.credentials:
        raise InvalidLeafNode("a leaf node does not support the type of its own credential")
    _check_listed_types(capabilities)
    _check_own_extensions(capabilities, leaf.extensions)
    check_required_capabilities(capabilities, required)
    if leaf.lifetime is not None:
        lifetimes.check(leaf.lifetime)


def _check_listed_types(capabilities: Capabilities) -> None:
    # RFC 9420, 7.2: the default types are supported by everybody and must not be listed.
    listed = DEFAULT_EXTENSION_TYPES.intersection(capabilities.extensions)
    if listed or DEFAULT_PROPOSAL_TYPES.intersection(capabilities.proposals):
        raise InvalidLeafNode("a leaf node lists default types among its capabilities")


def _check_own_extensions(capabilities: Capabilities, extensions: Iterable[Extension]) -> None:
    for extension in extensions:
        if extension.extension_type in OF_THE_GROUP_CONTEXT:
            raise InvalidLeafNode("a client has an extension that belongs into the group context")
        if not supports_extension(capabilities, extension.extension_type):
            raise InvalidLeafNode(
                f"extension {extension.extension_type} is used and not among the capabilities"
            )


def supports_extension(capabilities: Capabilities, extension_type: int) -> bool:
    """Whether a client supports an extension type; the RFC's own are supported by all (RFC 9420, 7.2)."""
    return extension_type in DEFAULT_EXTENSION_TYPES or extension_type in capabilities.extensions


def supports_proposal(capabilities: Capabilities, proposal_type: int) -> bool:
    """Whether a client supports a proposal type; the RFC's own are supported by all (RFC 9420, 7.2)."""
    return proposal_type in DEFAULT_PROPOSAL_TYPES or proposal_type in capabilities.proposals


def check_required_capabilities(capabilities: Capabilities, required: RequiredCapabilities | None) -> None:
    """Check a client against a group's `required_capabilities` (RFC 9420, 11.1); raises `InvalidLeafNode`."""
    if required is None:
        return
    lacking = [
        *(kind for kind in required.extension_types if not supports_extension(capabilities, kind)),
        *(kind for kind in required.proposal_types if not supports_proposal(capabilities, kind)),
        *(kind for kind in required.credential_types if kind not in capabilities.credentials),
    ]
    if lacking:
        raise InvalidLeafNode(f"a leaf node lacks required capabilities: {lacking}")


def check_replacement(old: LeafNode, new: LeafNode, source: LeafNodeSource) -> None:
    """Check the leaf of an update or a path against the one it replaces; raises `InvalidLeafNode`."""
    if new.leaf_node_source is not source:
        raise InvalidLeafNode(f"a leaf node comes from {new.leaf_node_source.name}, not from {source.name}")
    if new.encryption_key == old.encryption_key:
        # RFC 9420, 7.3: the encryption key is another than that of the leaf being replaced.
        raise InvalidLeafNode("a leaf node keeps the encryption key of the one it replaces")


def verify_key_package(
    suite: CipherSuite,
    key_package: KeyPackage,
    required: RequiredCapabilities | None,
    lifetimes: LifetimeRule,
) -> None:
    """Check a key package before its client is added, or when its Add arrives (RFC 9420, 10.1).

    Raises `InvalidKeyPackage`, `InvalidLeafNode`, `InvalidPublicKey` or `InvalidSignature`.
    """
    if key_package.version != MLS10 or key_package.cipher_suite != suite.code:
        raise InvalidKeyPackage("a key package is for another version or cipher suite")
    leaf = key_package.leaf_node
    if leaf.leaf_node_source is not LeafNodeSource.KEY_PACKAGE:
        raise InvalidKeyPackage("the leaf node of a key package was not made for one")
    if leaf.encryption_key == key_package.init_key:
        raise InvalidKeyPackage("the init key of a key package is also its leaf's encryption key")
    suite.validate_hpke_public_key(key_package.init_key)
    check_leaf_node(suite, leaf, required, lifetimes)
    # RFC 9420, 10: what a key package uses is among its leaf's capabilities, GREASE too.
    _check_own_extensions(leaf.capabilities, key_package.extensions)
    leaf.verify_signature(suite)
    key_package.verify_signature(suite)
