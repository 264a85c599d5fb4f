"""Fuzz targets for every decoder of a wire structure.

A decoder may refuse bytes with a `RemoteError` and with nothing else. Bytes that it takes must be the one
encoding of what it made of them, or two members could sign and hash the same thing differently.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from teduh_crypto.exceptions import RemoteError
from teduh_crypto.hazmat.ciphersuite import cipher_suite
from teduh_crypto.mls.codec import Structure
from teduh_crypto.mls.commit import Commit
from teduh_crypto.mls.credential import credential_from_bytes, credential_to_bytes
from teduh_crypto.mls.extension import (
    ApplicationId,
    Extension,
    ExternalPub,
    ExternalSenders,
    RequiredCapabilities,
)
from teduh_crypto.mls.framing import (
    AuthenticatedContent,
    ContentType,
    FramedContent,
    MLSMessage,
    PrivateMessage,
    PrivateMessageContent,
    PublicMessage,
    Sender,
    SenderData,
)
from teduh_crypto.mls.group_context import GroupContext
from teduh_crypto.mls.group_info import GroupInfo
from teduh_crypto.mls.key_package import KeyPackage
from teduh_crypto.mls.leaf_node import Capabilities, LeafNode, Lifetime
from teduh_crypto.mls.parent_node import ParentNode
from teduh_crypto.mls.proposal import proposal_from_bytes, proposal_to_bytes
from teduh_crypto.mls.psk import PreSharedKeyID
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_validation import verify_node_keys, verify_unmerged_leaves
from teduh_crypto.mls.update_path import HPKECiphertext, UpdatePath, UpdatePathNode
from teduh_crypto.mls.welcome import EncryptedGroupSecrets, GroupSecrets, Welcome

Target = Callable[[bytes], None]
Reencode = Callable[[bytes], bytes]

STRUCTURES: Final[tuple[type[Structure], ...]] = (
    ApplicationId,
    AuthenticatedContent,
    Capabilities,
    Commit,
    EncryptedGroupSecrets,
    Extension,
    ExternalPub,
    ExternalSenders,
    FramedContent,
    GroupContext,
    GroupInfo,
    GroupSecrets,
    HPKECiphertext,
    KeyPackage,
    LeafNode,
    Lifetime,
    MLSMessage,
    ParentNode,
    PreSharedKeyID,
    PrivateMessage,
    PublicMessage,
    RequiredCapabilities,
    Sender,
    SenderData,
    UpdatePath,
    UpdatePathNode,
    Welcome,
)

SUITE: Final = cipher_suite(0x0001)


def _structure(structure: type[Structure]) -> Reencode:
    return lambda data: structure.from_bytes(data).to_bytes()


def _private_message_content(content_type: ContentType) -> Reencode:
    def reencode(data: bytes) -> bytes:
        content = PrivateMessageContent.from_bytes(data, content_type)
        unpadded = len(content.to_bytes())
        return content.to_bytes(padding=len(data) - unpadded)

    return reencode


def _ratchet_tree(data: bytes) -> bytes:
    tree = RatchetTree.from_bytes(SUITE, data)
    encoded = tree.to_bytes()
    tree.tree_hash()
    # A tree that is taken as bytes can be walked to be judged, whatever its nodes hold.
    verify_unmerged_leaves(tree)
    verify_node_keys(tree)
    return encoded


DECODERS: Final[dict[str, Reencode]] = {
    **{structure.__name__: _structure(structure) for structure in STRUCTURES},
    "Credential": lambda data: credential_to_bytes(credential_from_bytes(data)),
    "Proposal": lambda data: proposal_to_bytes(proposal_from_bytes(data)),
    "PrivateMessageContent-application": _private_message_content(ContentType.APPLICATION),
    "PrivateMessageContent-proposal": _private_message_content(ContentType.PROPOSAL),
    "PrivateMessageContent-commit": _private_message_content(ContentType.COMMIT),
    "RatchetTree": _ratchet_tree,
}
"""Decode and encode again, by the name of what is decoded."""


def _target(reencode: Reencode) -> Target:
    def run(data: bytes) -> None:
        try:
            encoded = reencode(data)
        except RemoteError:
            return
        assert encoded == data, "a decoder takes bytes that are not the encoding of what it made of them"

    return run


TARGETS: Final[dict[str, Target]] = {name: _target(reencode) for name, reencode in DECODERS.items()}
