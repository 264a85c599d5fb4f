"""Hypothesis strategies for every wire structure, with arbitrary contents: well formed, and meaningless."""

from __future__ import annotations

from typing import Final, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from teduh_crypto.mls.codec import Structure
from teduh_crypto.mls.commit import Commit
from teduh_crypto.mls.credential import BasicCredential, Credential, OpaqueCredential, X509Credential
from teduh_crypto.mls.extension import (
    ApplicationId,
    Extension,
    Extensions,
    ExternalPub,
    ExternalSender,
    ExternalSenders,
    RequiredCapabilities,
)
from teduh_crypto.mls.framing import (
    AuthenticatedContent,
    Content,
    ContentType,
    FramedContent,
    FramedContentAuthData,
    MLSMessage,
    PrivateMessage,
    PublicMessage,
    Sender,
    SenderData,
    SenderType,
    WireFormat,
)
from teduh_crypto.mls.group_context import GroupContext
from teduh_crypto.mls.group_info import GroupInfo
from teduh_crypto.mls.key_package import KeyPackage, KeyPackageRef
from teduh_crypto.mls.leaf_node import Capabilities, LeafNode, LeafNodeSource, Lifetime
from teduh_crypto.mls.parent_node import ParentNode
from teduh_crypto.mls.proposal import (
    Add,
    ExternalInit,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ProposalRef,
    ReInit,
    Remove,
    UnknownProposal,
    Update,
)
from teduh_crypto.mls.psk import ExternalPSK, PreSharedKeyID, ResumptionPSK, ResumptionPSKUsage
from teduh_crypto.mls.tree_math import LeafIndex
from teduh_crypto.mls.update_path import HPKECiphertext, UpdatePath, UpdatePathNode
from teduh_crypto.mls.welcome import EncryptedGroupSecrets, GroupSecrets, Welcome

T = TypeVar("T")

uint16: Final = st.integers(0, 2**16 - 1)
uint32: Final = st.integers(0, 2**32 - 1)
uint64: Final = st.integers(0, 2**64 - 1)
opaque: Final = st.one_of(st.binary(max_size=40), st.binary(min_size=60, max_size=70))
leaf_indices: Final = uint32.map(LeafIndex)


def tuples_of(items: SearchStrategy[T], size: int = 3) -> SearchStrategy[tuple[T, ...]]:
    """Short tuples."""
    return st.lists(items, max_size=size).map(tuple)


uint16_vectors: Final = tuples_of(uint16)

credentials: Final[SearchStrategy[Credential]] = st.one_of(
    st.builds(BasicCredential, opaque),
    st.builds(X509Credential, tuples_of(opaque)),
    st.builds(OpaqueCredential, st.integers(3, 2**16 - 1), opaque),
)
extensions_one: Final = st.builds(Extension, uint16, opaque)
extensions: Final[SearchStrategy[Extensions]] = st.lists(
    extensions_one, max_size=3, unique_by=lambda extension: extension.extension_type
).map(tuple)
capabilities: Final = st.builds(
    Capabilities, uint16_vectors, uint16_vectors, uint16_vectors, uint16_vectors, uint16_vectors
)
lifetimes: Final = st.builds(Lifetime, uint64, uint64)


@st.composite
def leaf_node_strategy(draw: st.DrawFn) -> LeafNode:
    """A leaf whose optional fields follow from its source."""
    source = draw(st.sampled_from(LeafNodeSource))
    return LeafNode(
        encryption_key=draw(opaque),
        signature_key=draw(opaque),
        credential=draw(credentials),
        capabilities=draw(capabilities),
        leaf_node_source=source,
        lifetime=draw(lifetimes) if source is LeafNodeSource.KEY_PACKAGE else None,
        parent_hash=draw(opaque) if source is LeafNodeSource.COMMIT else None,
        extensions=draw(extensions),
        signature=draw(opaque),
    )


leaf_nodes: Final = leaf_node_strategy()
parent_nodes: Final = st.builds(ParentNode, opaque, opaque, tuples_of(leaf_indices))
key_packages: Final = st.builds(KeyPackage, uint16, uint16, opaque, leaf_nodes, extensions, opaque)
psk_ids: Final = st.builds(
    PreSharedKeyID,
    st.one_of(
        st.builds(ExternalPSK, opaque),
        st.builds(ResumptionPSK, st.sampled_from(ResumptionPSKUsage), opaque, uint64),
    ),
    opaque,
)
proposals: Final[SearchStrategy[Proposal]] = st.one_of(
    st.builds(Add, key_packages),
    st.builds(Update, leaf_nodes),
    st.builds(Remove, leaf_indices),
    st.builds(PreSharedKey, psk_ids),
    st.builds(ReInit, opaque, uint16, uint16, extensions),
    st.builds(ExternalInit, opaque),
    st.builds(GroupContextExtensions, extensions),
    st.builds(UnknownProposal, st.integers(8, 2**16 - 1), opaque),
)
ciphertexts: Final = st.builds(HPKECiphertext, opaque, opaque)
path_nodes: Final = st.builds(UpdatePathNode, opaque, tuples_of(ciphertexts))
update_paths: Final = st.builds(UpdatePath, leaf_nodes, tuples_of(path_nodes))
commits: Final = st.builds(
    Commit,
    tuples_of(st.one_of(proposals, opaque.map(ProposalRef))),
    st.one_of(st.none(), update_paths),
)
group_contexts: Final = st.builds(GroupContext, uint16, opaque, uint64, opaque, opaque, extensions, uint16)
group_infos: Final = st.builds(GroupInfo, group_contexts, extensions, opaque, leaf_indices, opaque)
group_secrets: Final = st.builds(GroupSecrets, opaque, st.one_of(st.none(), opaque), tuples_of(psk_ids))
encrypted_group_secrets: Final = st.builds(EncryptedGroupSecrets, opaque.map(KeyPackageRef), ciphertexts)
welcomes: Final = st.builds(Welcome, uint16, tuples_of(encrypted_group_secrets), opaque)
contents: Final[SearchStrategy[Content]] = st.one_of(opaque, proposals, commits)
senders: Final = st.one_of(
    st.builds(Sender, st.sampled_from([SenderType.MEMBER, SenderType.EXTERNAL]), uint32),
    st.builds(Sender, st.sampled_from([SenderType.NEW_MEMBER_PROPOSAL, SenderType.NEW_MEMBER_COMMIT])),
)
framed_contents: Final = st.builds(FramedContent, opaque, uint64, senders, opaque, contents)


@st.composite
def public_message_strategy(draw: st.DrawFn) -> PublicMessage:
    """A public message whose tags follow from its content and sender."""
    content = draw(framed_contents)
    member = content.sender.sender_type is SenderType.MEMBER
    return PublicMessage(content, draw(auth_data_for(content)), draw(opaque) if member else None)


def auth_data_for(content: FramedContent) -> SearchStrategy[FramedContentAuthData]:
    """A signature, and a confirmation tag for a commit."""
    tagged = content.content_type is ContentType.COMMIT
    return st.builds(FramedContentAuthData, opaque, opaque if tagged else st.none())


@st.composite
def authenticated_content_strategy(draw: st.DrawFn) -> AuthenticatedContent:
    """A signed content in either wire format."""
    content = draw(framed_contents)
    wire_format = draw(st.sampled_from([WireFormat.PUBLIC_MESSAGE, WireFormat.PRIVATE_MESSAGE]))
    return AuthenticatedContent(wire_format, content, draw(auth_data_for(content)))


public_messages: Final = public_message_strategy()
private_messages: Final = st.builds(
    PrivateMessage, opaque, uint64, st.sampled_from(ContentType), opaque, opaque, opaque
)
messages: Final = st.builds(
    MLSMessage, st.one_of(public_messages, private_messages, welcomes, group_infos, key_packages)
)

STRATEGIES: Final[dict[type[Structure], SearchStrategy[Structure]]] = {
    ApplicationId: st.builds(ApplicationId, opaque),
    AuthenticatedContent: authenticated_content_strategy(),
    Capabilities: capabilities,
    Commit: commits,
    EncryptedGroupSecrets: encrypted_group_secrets,
    Extension: extensions_one,
    ExternalPub: st.builds(ExternalPub, opaque),
    ExternalSenders: st.builds(ExternalSenders, tuples_of(st.builds(ExternalSender, opaque, credentials))),
    FramedContent: framed_contents,
    GroupContext: group_contexts,
    GroupInfo: group_infos,
    GroupSecrets: group_secrets,
    HPKECiphertext: ciphertexts,
    KeyPackage: key_packages,
    LeafNode: leaf_nodes,
    Lifetime: lifetimes,
    MLSMessage: messages,
    ParentNode: parent_nodes,
    PreSharedKeyID: psk_ids,
    PrivateMessage: private_messages,
    PublicMessage: public_messages,
    RequiredCapabilities: st.builds(RequiredCapabilities, uint16_vectors, uint16_vectors, uint16_vectors),
    Sender: senders,
    SenderData: st.builds(SenderData, leaf_indices, uint32, st.binary(min_size=4, max_size=4)),
    UpdatePath: update_paths,
    UpdatePathNode: path_nodes,
    Welcome: welcomes,
}
"""A strategy for each structure that has a decoder."""
