"""What `teduh_crypto.mls` offers is a list that changes on purpose only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from teduh_crypto import mls

REPOSITORY = Path(__file__).parents[3]
PUBLIC = """
Add ApplicationMessage BasicCredential CIPHER_SUITES Capabilities CipherSuite CommitReceived Credential
CredentialType Extension ExtensionType Extensions ExternalPSK ExternalSender ExternalSenders Group
GroupContext GroupContextExtensions GroupInfo GroupPolicy HpkePrivateKey KeyPackage KeyPackageBundle
LeafChange LeafIndex LeafNode LeafNodeSource Lifetime MLSMessage Member OpaqueCredential Padding
PendingCommit PreSharedKey PreSharedKeyID PrivateMessage Proposal ProposalReceived PublicMessage
RatchetLimits Received Remove RemovedFromGroup RequiredCapabilities ResumptionPSK ResumptionPSKUsage Sender
SenderType SignaturePrivateKey Update Welcome WireFormat X509Credential cipher_suite default_capabilities
default_lifetime new_key_package no_padding
"""


def test_the_public_api_is_this_list() -> None:
    assert sorted(mls.__all__) == sorted(PUBLIC.split())


def test_everything_public_is_there_and_described() -> None:
    for name in mls.__all__:
        assert getattr(mls, name) is not None


APPLICATION = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for folder in ("client_sdk/python/teduh_sdk", "benchmarks/mls_peers")
    for path in (REPOSITORY / folder).rglob("*.py")
)


@pytest.mark.parametrize("path", APPLICATION)
def test_an_application_needs_nothing_from_behind_the_door(path: str) -> None:
    """Ours is one: what it takes of MLS and its primitives, it takes from `teduh_crypto.mls`."""
    tree = ast.parse((REPOSITORY / path).read_text("utf-8"))
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    behind = [module for module in modules if module.startswith(("teduh_crypto.mls.", "teduh_crypto.hazmat"))]
    assert not behind


def test_default_capabilities_are_nobodys_in_particular() -> None:
    """A private-use credential type means something else in every application (RFC 9420, 17.5)."""
    assert mls.default_capabilities().credentials == (mls.CredentialType.BASIC, mls.CredentialType.X509)
