"""Hash references: the short names by which MLS objects point at each other (RFC 9420, 5.2)."""

from __future__ import annotations

from typing import Final

from teduh_crypto.hazmat.ciphersuite import CipherSuite

KEY_PACKAGE_REFERENCE: Final = b"MLS 1.0 KeyPackage Reference"
PROPOSAL_REFERENCE: Final = b"MLS 1.0 Proposal Reference"


def key_package_ref(suite: CipherSuite, key_package: bytes) -> bytes:
    """Return the KeyPackageRef of an encoded KeyPackage: Nh bytes."""
    return suite.ref_hash(KEY_PACKAGE_REFERENCE, key_package)


def proposal_ref(suite: CipherSuite, authenticated_content: bytes) -> bytes:
    """Return the ProposalRef of the encoded AuthenticatedContent that holds the proposal: Nh bytes."""
    return suite.ref_hash(PROPOSAL_REFERENCE, authenticated_content)
