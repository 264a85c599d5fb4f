"""Messaging Layer Security (RFC 9420): what an application needs, in one place.

`Group` is the door; the structures beside it are what goes through. Everything else in this package is the
machinery behind, one file per structure or mechanism of the RFC.
"""

from __future__ import annotations

from teduh_crypto.hazmat.ciphersuite import CIPHER_SUITES, CipherSuite, cipher_suite
from teduh_crypto.hazmat.secret import HpkePrivateKey, SignaturePrivateKey
from teduh_crypto.mls.credential import (
    BasicCredential,
    Credential,
    CredentialType,
    OpaqueCredential,
    X509Credential,
)
from teduh_crypto.mls.extension import (
    Extension,
    Extensions,
    ExtensionType,
    ExternalSender,
    ExternalSenders,
    RequiredCapabilities,
)
from teduh_crypto.mls.framing import MLSMessage, PrivateMessage, PublicMessage, Sender, SenderType, WireFormat
from teduh_crypto.mls.group import Group, PendingCommit
from teduh_crypto.mls.group_commit import LeafChange
from teduh_crypto.mls.group_context import GroupContext
from teduh_crypto.mls.group_info import GroupInfo
from teduh_crypto.mls.group_policy import GroupPolicy
from teduh_crypto.mls.key_package import KeyPackage, KeyPackageBundle
from teduh_crypto.mls.leaf_node import Capabilities, LeafNode, LeafNodeSource, Lifetime
from teduh_crypto.mls.new_client import default_capabilities, default_lifetime, new_key_package
from teduh_crypto.mls.private_message import Padding, no_padding
from teduh_crypto.mls.proposal import (
    Add,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    Remove,
    Update,
)
from teduh_crypto.mls.psk import ExternalPSK, PreSharedKeyID, ResumptionPSK, ResumptionPSKUsage
from teduh_crypto.mls.received import (
    ApplicationMessage,
    CommitReceived,
    Member,
    ProposalReceived,
    Received,
    RemovedFromGroup,
)
from teduh_crypto.mls.secret_tree import RatchetLimits
from teduh_crypto.mls.tree_math import LeafIndex
from teduh_crypto.mls.welcome import Welcome

__all__ = [
    "CIPHER_SUITES",
    "Add",
    "ApplicationMessage",
    "BasicCredential",
    "Capabilities",
    "CipherSuite",
    "CommitReceived",
    "Credential",
    "CredentialType",
    "Extension",
    "ExtensionType",
    "Extensions",
    "ExternalPSK",
    "ExternalSender",
    "ExternalSenders",
    "Group",
    "GroupContext",
    "GroupContextExtensions",
    "GroupInfo",
    "GroupPolicy",
    "HpkePrivateKey",
    "KeyPackage",
    "KeyPackageBundle",
    "LeafChange",
    "LeafIndex",
    "LeafNode",
    "LeafNodeSource",
    "Lifetime",
    "MLSMessage",
    "Member",
    "OpaqueCredential",
    "Padding",
    "PendingCommit",
    "PreSharedKey",
    "PreSharedKeyID",
    "PrivateMessage",
    "Proposal",
    "ProposalReceived",
    "PublicMessage",
    "RatchetLimits",
    "Received",
    "Remove",
    "RemovedFromGroup",
    "RequiredCapabilities",
    "ResumptionPSK",
    "ResumptionPSKUsage",
    "Sender",
    "SenderType",
    "SignaturePrivateKey",
    "Update",
    "Welcome",
    "WireFormat",
    "X509Credential",
    "cipher_suite",
    "default_capabilities",
    "default_lifetime",
    "new_key_package",
    "no_padding",
]
