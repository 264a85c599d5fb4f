"""What a client brings into the world: its capabilities, its leaf, its key package (RFC 9420, 7.2 and 10)."""

from __future__ import annotations

import time

from teduh_crypto.hazmat.ciphersuite import CIPHER_SUITES, CipherSuite
from teduh_crypto.hazmat.secret import SignaturePrivateKey
from teduh_crypto.mls.credential import Credential, CredentialType
from teduh_crypto.mls.extension import Extensions
from teduh_crypto.mls.key_package import KeyPackage, KeyPackageBundle
from teduh_crypto.mls.leaf_node import MLS10, Capabilities, LeafNode, LeafNodeSource, Lifetime

_HOUR = 60 * 60
_DAY = 24 * _HOUR


def default_capabilities() -> Capabilities:
    """What this library supports, for any application.

    An application with credentials, extensions or proposals of its own names them beside these, with
    `dataclasses.replace`.
    """
    return Capabilities(
        versions=(MLS10,),
        cipher_suites=tuple(CIPHER_SUITES),
        credentials=(CredentialType.BASIC, CredentialType.X509),
    )


def default_lifetime(now: int | None = None, *, days: int = 30) -> Lifetime:
    """From an hour ago, for clocks that are slow, to so many days from `now` (seconds)."""
    begin = int(time.time()) if now is None else now
    return Lifetime(max(0, begin - _HOUR), begin + days * _DAY)


def new_leaf_node(
    suite: CipherSuite,
    credential: Credential,
    encryption_key: bytes,
    signature_key: SignaturePrivateKey,
    *,
    capabilities: Capabilities | None = None,
    lifetime: Lifetime | None = None,
    extensions: Extensions = (),
) -> LeafNode:
    """A signed leaf as key packages and new groups hold it; `encryption_key` is public, in wire form."""
    leaf = LeafNode(
        encryption_key=encryption_key,
        signature_key=signature_key.public,
        credential=credential,
        capabilities=default_capabilities() if capabilities is None else capabilities,
        leaf_node_source=LeafNodeSource.KEY_PACKAGE,
        lifetime=default_lifetime() if lifetime is None else lifetime,
        extensions=extensions,
    )
    return leaf.signed(suite, signature_key)


def new_key_package(
    suite: CipherSuite,
    credential: Credential,
    signature_key: SignaturePrivateKey,
    *,
    capabilities: Capabilities | None = None,
    lifetime: Lifetime | None = None,
    extensions: Extensions = (),
    leaf_extensions: Extensions = (),
) -> KeyPackageBundle:
    """A fresh key package, to be used once, with the private keys behind it."""
    init_key, encryption_key = suite.generate_hpke_key(), suite.generate_hpke_key()
    leaf = new_leaf_node(
        suite,
        credential,
        encryption_key.public,
        signature_key,
        capabilities=capabilities,
        lifetime=lifetime,
        extensions=leaf_extensions,
    )
    key_package = KeyPackage(MLS10, suite.code, init_key.public, leaf, extensions).signed(
        suite, signature_key
    )
    return KeyPackageBundle(key_package, init_key, encryption_key, signature_key)
