"""Sending and receiving within an epoch, and handing handshakes on (RFC 9420, 6, 12.1 and 15).

                          +-- application data --> ApplicationMessage
MLSMessage --> open ------+-- proposal ----------> waits in the state, by its reference
   |           verify     +-- commit ------------> commit_processing
   +-- of an epoch that was left: application data only, held against the roster of its time
"""

from __future__ import annotations

from dataclasses import replace

from teduh_crypto.exceptions import (
    InvalidMessage,
    OperationNotAllowed,
    UnsupportedByPolicy,
    WrongEpoch,
    WrongGroup,
)
from teduh_crypto.mls.commit import Commit
from teduh_crypto.mls.commit_processing import process_commit
from teduh_crypto.mls.extension import ExtensionType, ExternalSenders, find_extension
from teduh_crypto.mls.framing import (
    ContentType,
    MLSMessage,
    PrivateMessage,
    PublicMessage,
    Sender,
    SenderType,
)
from teduh_crypto.mls.group_commit import FramingOptions, LeafChange, send_handshake
from teduh_crypto.mls.group_state import Epoch, GroupState, PendingProposal
from teduh_crypto.mls.leaf_node import LeafNodeSource
from teduh_crypto.mls.message_protection import SignedContent, UnverifiedContent, open_public, sign
from teduh_crypto.mls.private_message import (
    Opened,
    Padding,
    open_application,
    open_private,
    seal_application,
)
from teduh_crypto.mls.proposal import (
    Add,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ProposalRef,
    ReInit,
    Remove,
    Update,
)
from teduh_crypto.mls.received import (
    ApplicationMessage,
    CommitReceived,
    Member,
    ProposalReceived,
    Received,
    RemovedFromGroup,
)
from teduh_crypto.mls.secret_tree import RatchetKind, SecretTree

_APPLICATION, _APPLICATION_CONTENT = RatchetKind.APPLICATION, ContentType.APPLICATION
_REFERENCE_LABEL = b"MLS 1.0 Proposal Reference"
_PROPOSABLE_FROM_OUTSIDE = (Add, Remove, PreSharedKey, ReInit, GroupContextExtensions)
"""RFC 9420, 12.1.8: what an external sender may propose."""


def protect(
    state: GroupState, data: bytes, authenticated_data: bytes, padding: Padding
) -> tuple[GroupState, bytes]:
    """Encrypt application data; raises OperationNotAllowed while proposals wait to be committed."""
    state.require_membership()
    if state.proposals and state.policy.commit_before_application_data:
        # RFC 9420, 12.4: whoever has seen a valid proposal commits before sending application data.
        raise OperationNotAllowed("there are pending proposals: commit them before sending application data")
    epoch = state.epoch
    message_key, secret_tree = state.secret_tree.take_next(epoch.own_leaf, _APPLICATION)
    message = seal_application(
        epoch.framing, epoch.own_leaf, data, authenticated_data, epoch.signature_key, message_key, padding
    )
    return state.with_secret_tree(secret_tree), message


def propose(state: GroupState, pending: PendingProposal, options: FramingOptions) -> tuple[GroupState, bytes]:
    """Send a proposal, and keep it for whoever commits it, ourselves included."""
    state.require_membership()
    if not state.policy.allow_proposals_alone:
        raise OperationNotAllowed("the group's policy allows no proposals without a commit")
    epoch = state.epoch
    signed = sign(
        epoch.framing,
        options.wire_format,
        epoch.own_sender,
        options.authenticated_data,
        pending.proposal,
        epoch.signature_key,
    )
    message, state = send_handshake(state, signed, options.padding)
    return _with_proposal(state, proposal_reference(epoch, signed), pending), message


def own_update(epoch: Epoch, change: LeafChange) -> PendingProposal:
    """An Update of our own leaf, with a fresh encryption key."""
    leaf_key = epoch.suite.generate_hpke_key()
    signature_key = change.signature_key or epoch.signature_key
    template = change.apply(epoch.require_member(epoch.own_leaf))
    leaf = replace(
        template,
        encryption_key=leaf_key.public,
        leaf_node_source=LeafNodeSource.UPDATE,
        lifetime=None,
        parent_hash=None,
    ).signed(epoch.suite, signature_key, epoch.context.group_id, epoch.own_leaf)
    return PendingProposal(Update(leaf), epoch.own_sender, leaf_key, signature_key)


def proposal_reference(epoch: Epoch, signed: SignedContent) -> ProposalRef:
    """The name under which a commit refers to a proposal (RFC 9420, 5.2)."""
    return ProposalRef(epoch.suite.ref_hash(_REFERENCE_LABEL, signed.authenticated_content()))


def unprotect(state: GroupState, message: bytes, now: int) -> tuple[GroupState, Received]:
    """Open, verify and apply a message; raises RemoteErrors on whatever is wrong with it."""
    state.require_membership()
    body = MLSMessage.from_bytes(message).body
    if isinstance(body, PrivateMessage):
        return _unprotect_private(state, body, now)
    if isinstance(body, PublicMessage):
        return _unprotect_public(state, body, now)
    raise InvalidMessage("the message is not one between members")


def _unprotect_private(state: GroupState, message: PrivateMessage, now: int) -> tuple[GroupState, Received]:
    epoch, limits = state.epoch, state.policy.ratchet
    if message.group_id != epoch.context.group_id:
        raise WrongGroup("the message belongs to another group")
    if message.epoch != epoch.context.epoch:
        return _unprotect_late(state, message)
    if message.content_type == _APPLICATION_CONTENT:
        opened = open_application(
            epoch.framing, state.secret_tree, limits, message, epoch.require_other_member
        )
        received = _application_message(message, opened, state.secret_tree)
        return state.with_secret_tree(opened.secret_tree), received
    content, secret_tree = open_private(
        epoch.framing, state.secret_tree, limits, message, epoch.require_other_member
    )
    signed = content.verified(epoch.framing, epoch.require_member(content.sender.leaf_index).signature_key)
    return _handshake(state.with_secret_tree(secret_tree), signed, now)


def _unprotect_late(state: GroupState, message: PrivateMessage) -> tuple[GroupState, Received]:
    """A message of an epoch that was left. Handshakes of it come too late to mean anything."""
    place = next((at for at, past in enumerate(state.past) if past.epoch == message.epoch), None)
    if place is None or message.content_type is not ContentType.APPLICATION:
        raise WrongEpoch(f"a message of epoch {message.epoch} cannot be read in this state")
    past = state.past[place]
    opened = open_application(
        past.framing, past.secret_tree, state.policy.ratchet, message, past.require_member
    )
    kept = (*state.past[:place], replace(past, secret_tree=opened.secret_tree), *state.past[place + 1 :])
    return state._replace(past=kept), _application_message(message, opened, past.secret_tree)


def _application_message(message: PrivateMessage, opened: Opened, before: SecretTree) -> ApplicationMessage:
    sender, member = opened.sender, Member(opened.sender, opened.leaf)
    following = opened.secret_tree.next_generation(sender, _APPLICATION)
    is_next = following == before.next_generation(sender, _APPLICATION) + 1
    return ApplicationMessage(sender, opened.data, message.authenticated_data, message.epoch, member, is_next)


def _unprotect_public(state: GroupState, message: PublicMessage, now: int) -> tuple[GroupState, Received]:
    content, epoch = message.content, state.epoch
    if content.group_id != epoch.context.group_id:
        raise WrongGroup("the message belongs to another group")
    if content.epoch != epoch.context.epoch:
        raise WrongEpoch(f"a handshake of epoch {content.epoch} cannot be processed in this state")
    _require_allowed(state, content.sender)
    unverified = open_public(epoch.framing, message)
    signed = unverified.verified(epoch.framing, _signature_key(epoch, unverified))
    return _handshake(state, signed, now)


def _require_allowed(state: GroupState, sender: Sender) -> None:
    policy = state.policy
    match sender.sender_type:
        case SenderType.MEMBER:
            if not policy.allow_public_messages:
                raise UnsupportedByPolicy("handshakes among members are taken encrypted only")
            if sender.leaf_index == state.epoch.own_leaf:
                raise InvalidMessage("a message of our own came back")
        case SenderType.NEW_MEMBER_COMMIT:
            if not policy.allow_external_commits:
                raise UnsupportedByPolicy("nobody may join this group by an external commit")
        case SenderType.EXTERNAL | SenderType.NEW_MEMBER_PROPOSAL:
            if not policy.allow_external_proposals:
                raise UnsupportedByPolicy("nobody outside may make proposals to this group")


def _signature_key(epoch: Epoch, content: UnverifiedContent) -> bytes:
    """The key that must have signed (RFC 9420, 6.1); raises InvalidMessage for a sender who may not."""
    sender = content.sender
    match sender.sender_type:
        case SenderType.MEMBER:
            return epoch.require_member(sender.leaf_index).signature_key
        case SenderType.EXTERNAL:
            return _external_sender_key(epoch, content)
        case SenderType.NEW_MEMBER_PROPOSAL:
            if not isinstance(content.content, Add):
                raise InvalidMessage("somebody who is to be a member may propose nothing but an Add")
            return content.content.key_package.leaf_node.signature_key
        case SenderType.NEW_MEMBER_COMMIT:
            if not isinstance(content.content, Commit) or content.content.path is None:
                raise InvalidMessage("somebody who joins by a commit must send a commit with a path")
            return content.content.path.leaf_node.signature_key


def _external_sender_key(epoch: Epoch, content: UnverifiedContent) -> bytes:
    if not isinstance(content.content, _PROPOSABLE_FROM_OUTSIDE):
        raise InvalidMessage("an external sender may not send this")
    data = find_extension(epoch.context.extensions, ExtensionType.EXTERNAL_SENDERS)
    if data is None:
        raise InvalidMessage("the group has no external senders")
    senders, index = ExternalSenders.from_bytes(data).senders, content.sender.index
    if index is None or index >= len(senders):
        raise InvalidMessage(f"the group has no external sender {index}")
    return senders[index].signature_key


def _handshake(
    state: GroupState, signed: SignedContent, now: int
) -> tuple[GroupState, ProposalReceived | CommitReceived | RemovedFromGroup]:
    content = signed.content
    if isinstance(content, Commit):
        return process_commit(state, signed, now)
    if isinstance(content, bytes):
        raise InvalidMessage("application data came as a handshake")
    return _keep_proposal(state, signed, content)


def _keep_proposal(
    state: GroupState, signed: SignedContent, proposal: Proposal
) -> tuple[GroupState, ProposalReceived]:
    if not state.policy.allow_proposals_alone:
        raise UnsupportedByPolicy("nobody proposes without committing here")
    if len(state.proposals) >= state.policy.pending_proposals:
        raise UnsupportedByPolicy("more proposals are pending in this epoch than are kept")
    reference = proposal_reference(state.epoch, signed)
    state = _with_proposal(state, reference, PendingProposal(proposal, signed.sender))
    return state, ProposalReceived(signed.sender, proposal, reference, signed.authenticated_data)


def _with_proposal(state: GroupState, reference: ProposalRef, pending: PendingProposal) -> GroupState:
    return state._replace(proposals={**state.proposals, reference: pending})
