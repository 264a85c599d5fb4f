"""Leaves and key packages: every rule of RFC 9420, 7.3 and 10.1 broken by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from forging.trees import CAPABILITIES, LIFETIME, NOW, SUITE, Device, device, grove, key_package_of
from teduh_crypto.exceptions import (
    InvalidKeyPackage,
    InvalidLeafNode,
    InvalidPublicKey,
    InvalidSignature,
    LocalError,
)
from teduh_crypto.mls.credential import OpaqueCredential
from teduh_crypto.mls.extension import ApplicationId, Extension, RequiredCapabilities
from teduh_crypto.mls.key_package import KeyPackage
from teduh_crypto.mls.leaf_node import Capabilities, LeafNode, LeafNodeSource, Lifetime
from teduh_crypto.mls.leaf_validation import (
    LifetimeRule,
    check_leaf_node,
    check_replacement,
    verify_key_package,
)
from teduh_crypto.mls.tree_math import LeafIndex

GREASE = 0x0A0A
RULE = LifetimeRule(NOW)


def check(leaf: LeafNode, required: RequiredCapabilities | None = None, rule: LifetimeRule = RULE) -> None:
    """Check a leaf by itself."""
    check_leaf_node(SUITE, leaf, required, rule)


def verify(key_package: KeyPackage, required: RequiredCapabilities | None = None) -> None:
    """Verify a key package as a member who is to add it."""
    verify_key_package(SUITE, key_package, required, RULE)


def with_leaf(owner: Device, **changes: object) -> KeyPackage:
    """A key package whose leaf was changed, everything signed again."""
    changed = owner.resigned(replace(owner.leaf, **changes), LeafIndex(0))  # type: ignore[arg-type] # fields by name
    return key_package_of(replace(owner, leaf=changed)).key_package


def test_an_honest_leaf_is_accepted() -> None:
    check(device("a").leaf)


def test_an_honest_key_package_is_accepted() -> None:
    verify(key_package_of(device("a")).key_package)


def test_unknown_capabilities_are_ignored() -> None:
    """RFC 9420, 7.2: "unknown values in `capabilities` MUST be ignored"."""
    greased = Capabilities((1, GREASE), (GREASE, SUITE.code), (GREASE,), (GREASE,), (1, GREASE))
    verify(key_package_of(device("a", capabilities=greased)).key_package)


@pytest.mark.parametrize(
    "capabilities",
    [
        replace(CAPABILITIES, extensions=(3,)),
        replace(CAPABILITIES, extensions=(GREASE, 1)),
        replace(CAPABILITIES, proposals=(7,)),
    ],
)
def test_listed_default_types_are_refused(capabilities: Capabilities) -> None:
    """RFC 9420, 7.2: default proposal and extension types "MUST NOT be listed"."""
    with pytest.raises(InvalidLeafNode, match="default"):
        check(device("a", capabilities=capabilities).leaf)


@pytest.mark.parametrize(
    "capabilities", [replace(CAPABILITIES, versions=()), replace(CAPABILITIES, cipher_suites=(2,))]
)
def test_a_leaf_that_can_not_speak_the_suite_or_version_is_refused(capabilities: Capabilities) -> None:
    """RFC 9420, 11.1: "all members of the group need to support the cipher suite and protocol version"."""
    with pytest.raises(InvalidLeafNode, match="version and cipher suite"):
        check(device("a", capabilities=capabilities).leaf)


def test_a_credential_type_that_is_not_listed_is_refused() -> None:
    """RFC 9420, 7.2: the credential type used "MUST be included in the `credentials` field"."""
    leaf = replace(device("a").leaf, credential=OpaqueCredential(0xF7ED, b"statement"))
    with pytest.raises(InvalidLeafNode, match="credential"):
        check(leaf)


def test_an_extension_that_is_not_listed_is_refused() -> None:
    """RFC 9420, 7.3: each extension's ID "is listed in the `capabilities.extensions` field"."""
    with pytest.raises(InvalidLeafNode, match="extension"):
        check(replace(device("a").leaf, extensions=(Extension(GREASE, b""),)))


def test_a_listed_extension_and_a_default_one_are_accepted() -> None:
    capabilities = replace(CAPABILITIES, extensions=(GREASE,))
    extensions = (Extension(GREASE, b"\x01"), ApplicationId(b"name").to_extension())
    check(replace(device("a", capabilities=capabilities).leaf, extensions=extensions))


@pytest.mark.parametrize(
    "required",
    [
        RequiredCapabilities(extension_types=(0xF001,)),
        RequiredCapabilities(proposal_types=(0xF001,)),
        RequiredCapabilities(credential_types=(0xF7ED,)),
    ],
)
def test_a_leaf_that_lacks_a_required_capability_is_refused(required: RequiredCapabilities) -> None:
    """RFC 9420, 7.3: required types "MUST be listed in the LeafNode's `capabilities` field"."""
    with pytest.raises(InvalidLeafNode, match="required"):
        check(device("a").leaf, required)


def test_default_types_may_be_required_without_being_listed() -> None:
    """RFC 9420, 11.1: default types "need not be listed in RequiredCapabilities"; if they are, all comply."""
    check(device("a").leaf, RequiredCapabilities((3,), (7,), (1,)))


@pytest.mark.parametrize("now", [LIFETIME.not_before - 1, LIFETIME.not_after + 1])
def test_a_leaf_outside_its_lifetime_is_refused(now: int) -> None:
    """RFC 9420, 7.3: the current time is verified to be "within the range of the `lifetime` field"."""
    with pytest.raises(InvalidLeafNode, match="time"):
        check(device("a").leaf, rule=LifetimeRule(now))


@pytest.mark.parametrize("now", [LIFETIME.not_before, LIFETIME.not_after])
def test_both_ends_of_a_lifetime_belong_to_it(now: int) -> None:
    check(device("a").leaf, rule=LifetimeRule(now))


def test_a_lifetime_longer_than_the_application_allows_is_refused() -> None:
    """RFC 9420, 7.2: "reject any LeafNode where the total lifetime is longer than this duration"."""
    length = LIFETIME.not_after - LIFETIME.not_before
    check(device("a").leaf, rule=LifetimeRule(NOW, maximum=length))
    with pytest.raises(InvalidLeafNode, match="longer"):
        check(device("a").leaf, rule=LifetimeRule(NOW, maximum=length - 1))


def test_a_lifetime_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidLeafNode, match="before it begins"):
        check(device("a", lifetime=Lifetime(2, 1)).leaf, rule=LifetimeRule(None))


def test_a_leaf_with_a_key_that_is_none_is_refused() -> None:
    """RFC 9420, 10: the leaf "MUST be valid for the cipher suite", both keys."""
    leaf = device("a").leaf
    with pytest.raises(InvalidPublicKey):
        check(replace(leaf, encryption_key=bytes(31)))
    with pytest.raises(InvalidPublicKey):
        check(replace(leaf, signature_key=bytes(31)))


def test_an_update_from_another_source_is_refused() -> None:
    """RFC 9420, 7.3: in an Update proposal, "verify that `leaf_node_source` is set to `update`"."""
    with pytest.raises(InvalidLeafNode, match="not from"):
        check_replacement(device("a").leaf, device("b").leaf, LeafNodeSource.UPDATE)


def test_an_update_that_keeps_the_encryption_key_is_refused() -> None:
    """RFC 9420, 7.3: "`encryption_key` represents a different public key"."""
    old = device("a").leaf
    new = replace(old, leaf_node_source=LeafNodeSource.UPDATE, lifetime=None)
    with pytest.raises(InvalidLeafNode, match="keeps"):
        check_replacement(old, new, LeafNodeSource.UPDATE)


@pytest.mark.parametrize("changes", [{"version": 2}, {"cipher_suite": 2}])
def test_a_key_package_for_another_version_or_suite_is_refused(changes: dict[str, int]) -> None:
    """RFC 9420, 10.1: "cipher suite and protocol version ... match those in the GroupContext"."""
    owner = device("a")
    key_package = replace(key_package_of(owner).key_package, **changes)  # type: ignore[arg-type] # two numbers
    with pytest.raises(InvalidKeyPackage, match="another version"):
        verify(key_package.signed(SUITE, owner.signature_key))


def test_a_key_package_with_a_leaf_from_elsewhere_is_refused() -> None:
    """RFC 9420, 10: `leaf_node_source` "MUST be set to `key_package`"."""
    with pytest.raises(InvalidKeyPackage, match="not made for one"):
        verify(with_leaf(device("a"), leaf_node_source=LeafNodeSource.UPDATE, lifetime=None))


def test_a_key_package_whose_init_key_is_its_encryption_key_is_refused() -> None:
    """RFC 9420, 10.1: "`leaf_node.encryption_key` is different from the value of the `init_key` field"."""
    owner = device("a")
    with pytest.raises(InvalidKeyPackage, match="init key"):
        verify(key_package_of(owner, init_key=owner.encryption_key).key_package)


def test_a_key_package_with_an_init_key_that_is_none_is_refused() -> None:
    """RFC 9420, 10: `init_key` "MUST be a public key for the asymmetric encryption scheme"."""
    owner = device("a")
    key_package = replace(key_package_of(owner).key_package, init_key=bytes(31))
    with pytest.raises(InvalidPublicKey):
        verify(key_package.signed(SUITE, owner.signature_key))


def test_a_key_package_with_a_broken_signature_is_refused() -> None:
    """RFC 9420, 10: "A KeyPackage object with an invalid signature field MUST be considered malformed"."""
    with pytest.raises(InvalidSignature):
        verify(replace(key_package_of(device("a")).key_package, signature=bytes(64)))


def test_a_key_package_signed_by_somebody_else_is_refused() -> None:
    key_package = key_package_of(device("a")).key_package
    with pytest.raises(InvalidSignature):
        verify(key_package.signed(SUITE, device("b").signature_key))


def test_a_key_package_whose_leaf_is_not_signed_is_refused() -> None:
    """RFC 9420, 7.3: "Verify that the signature on the LeafNode is valid using `signature_key`"."""
    owner = device("a")
    unsigned = replace(owner, leaf=replace(owner.leaf, signature=bytes(64)))
    with pytest.raises(InvalidSignature):
        verify(key_package_of(unsigned).key_package)


def test_an_extension_of_a_key_package_that_is_not_listed_is_refused() -> None:
    """RFC 9420, 10: extensions "MUST be included in the `leaf_node.capabilities` field"."""
    owner = device("a")
    key_package = replace(key_package_of(owner).key_package, extensions=(Extension(GREASE, b""),))
    with pytest.raises(InvalidLeafNode, match="extension"):
        verify(key_package.signed(SUITE, owner.signature_key))


def test_unknown_extensions_of_a_key_package_are_ignored_when_listed() -> None:
    """RFC 9420, 10: "unknown extensions in `KeyPackage.extensions` MUST be ignored"."""
    owner = device("a", capabilities=replace(CAPABILITIES, extensions=(GREASE,)))
    key_package = replace(key_package_of(owner).key_package, extensions=(Extension(GREASE, b"?"),))
    verify(key_package.signed(SUITE, owner.signature_key))


def test_a_leaf_from_a_key_package_is_bound_to_no_group() -> None:
    leaf = grove(1).leaf(0)
    assert leaf.leaf_node_source is LeafNodeSource.COMMIT
    fresh = device("a").leaf
    fresh.verify_signature(SUITE, b"any group", grove(1).tree.next_free_leaf())


def test_a_leaf_made_in_a_group_is_not_signed_without_its_place() -> None:
    owner = device("a")
    leaf = replace(owner.leaf, leaf_node_source=LeafNodeSource.UPDATE, lifetime=None)
    with pytest.raises(LocalError):
        leaf.signed(SUITE, owner.signature_key)
    leaf.signed(SUITE, owner.signature_key, b"", LeafIndex(0)).verify_signature(SUITE, b"", LeafIndex(0))


@pytest.mark.parametrize("source", [LeafNodeSource.KEY_PACKAGE, LeafNodeSource.COMMIT])
def test_a_leaf_without_what_its_source_asks_for_is_not_encoded(source: LeafNodeSource) -> None:
    with pytest.raises(LocalError):
        replace(device("a").leaf, leaf_node_source=source, lifetime=None).to_bytes()


def test_references_of_key_packages_differ() -> None:
    owner = device("a")
    one, other = key_package_of(owner).key_package, key_package_of(owner).key_package
    assert one.reference(SUITE) != other.reference(SUITE)
    assert one.reference(SUITE) == SUITE.ref_hash(b"MLS 1.0 KeyPackage Reference", one.to_bytes())


def test_private_keys_of_a_bundle_do_not_print() -> None:
    bundle = key_package_of(device("a"))
    for key in (bundle.init_key, bundle.encryption_key, bundle.signature_key):
        assert repr(key.raw) not in repr(bundle)
        assert key.raw.hex() not in repr(bundle)
