"""Making a commit (RFC 9420, 12.4.1), with the welcome for those whom it adds.

Nothing here changes the state that it starts from. Who makes a commit does not know yet whether the relay
will take it, so there are two states to go on with, and the caller chooses:

    state --create_commit--> SentCommit ─┬─ accepted: the next epoch
                                         └─ refused:  this epoch, without the key that the message used up
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from teduh_crypto.exceptions import OperationNotAllowed, RemoteError
from teduh_crypto.hazmat.secret import SignaturePrivateKey
from teduh_crypto.mls.commit import Commit, ProposalOrRef
from teduh_crypto.mls.credential import Credential
from teduh_crypto.mls.extension import Extension, Extensions
from teduh_crypto.mls.framing import WireFormat
from teduh_crypto.mls.group_state import Epoch, GroupState, PendingProposal, next_state
from teduh_crypto.mls.leaf_node import Capabilities, LeafNode
from teduh_crypto.mls.leaf_validation import LifetimeRule
from teduh_crypto.mls.message_protection import SignedContent, seal_public, sign
from teduh_crypto.mls.next_epoch import (
    KeyInputs,
    NextEpoch,
    Seat,
    open_epoch,
    provisional_context,
    psk_secret_of,
)
from teduh_crypto.mls.private_message import Padding, no_padding, seal_private
from teduh_crypto.mls.proposal import Proposal, ProposalRef, Remove, Update
from teduh_crypto.mls.proposal_list import (
    AppliedProposals,
    ListedProposal,
    apply_proposals,
    require_valid_outcome,
)
from teduh_crypto.mls.secret_tree import RatchetKind
from teduh_crypto.mls.treekem import StagedPath, stage_update_path
from teduh_crypto.mls.welcome_message import seal_welcome, signed_group_info


@dataclass(frozen=True, slots=True)
class LeafChange:
    """What a member changes about its own leaf, beside the encryption key; None keeps what is there."""

    credential: Credential | None = None
    signature_key: SignaturePrivateKey | None = None
    capabilities: Capabilities | None = None
    extensions: Extensions | None = None

    def apply(self, leaf: LeafNode) -> LeafNode:
        """`leaf` with the changes, its signature no longer valid."""
        return replace(
            leaf,
            credential=leaf.credential if self.credential is None else self.credential,
            signature_key=leaf.signature_key if self.signature_key is None else self.signature_key.public,
            capabilities=leaf.capabilities if self.capabilities is None else self.capabilities,
            extensions=leaf.extensions if self.extensions is None else self.extensions,
        )


@dataclass(frozen=True, slots=True)
class FramingOptions:
    """How a message is sent: what is authenticated beside it, and how its length and content are hidden."""

    authenticated_data: bytes = b""
    padding: Padding = no_padding
    wire_format: WireFormat = WireFormat.PRIVATE_MESSAGE


@dataclass(frozen=True, slots=True)
class CommitOptions:
    """How a commit is made.

    `path`: True and None send a path; False leaves it out where RFC 9420 allows that. `tree_in_welcome`
    puts the ratchet tree into the welcome; without it the joiner needs it from elsewhere.
    """

    path: bool | None = None
    include_pending: bool = True
    leaf: LeafChange = LeafChange()
    tree_in_welcome: bool = True
    group_info_extensions: tuple[Extension, ...] = ()


@dataclass(frozen=True, slots=True)
class SentCommit:
    """A commit on its way: the message, the welcome if it adds anybody, and the two states to go on with."""

    message: bytes
    welcome: bytes | None
    if_accepted: GroupState
    if_refused: GroupState


def create_commit(
    state: GroupState,
    by_value: Sequence[Proposal],
    options: CommitOptions,
    framing: FramingOptions,
    now: int,
) -> SentCommit:
    """Commit `by_value` and what is pending.

    Raises OperationNotAllowed, or the RemoteError of a proposal that is not valid.
    """
    state.require_membership()
    epoch = state.epoch
    lifetimes = LifetimeRule(now, state.policy.longest_lifetime)
    own = [ListedProposal(proposal, epoch.own_sender) for proposal in by_value]
    pending = _select_pending(state, own, lifetimes) if options.include_pending else []
    listed = [item for _, item in pending] + own
    state.policy.require_proposals(item.proposal for item in listed)
    applied = apply_proposals(epoch, listed, epoch.own_leaf, lifetimes)
    state.policy.require_group_extensions(applied.extensions)
    staged = _staged_path(epoch, applied, options)
    seat = _seat(epoch, applied, staged, options)
    state.policy.require_tree(seat.tree)
    require_valid_outcome(seat.tree)
    items: list[ProposalOrRef] = [reference for reference, _ in pending]
    commit = _commit((*items, *by_value), epoch, applied, staged)
    signed = sign(
        epoch.framing,
        framing.wire_format,
        epoch.own_sender,
        framing.authenticated_data,
        commit,
        epoch.signature_key,
    )
    inputs = _key_inputs(state, applied, staged)
    opened = open_epoch(epoch, signed, applied.extensions, seat, inputs)
    signed = signed._replace(confirmation_tag=opened.epoch.confirmation_tag)
    message, refused = send_handshake(state, signed, framing.padding)
    accepted = next_state(refused, opened.epoch, opened.keys)
    return SentCommit(message, _welcome(opened, applied, staged, options), accepted, refused)


def send_handshake(state: GroupState, signed: SignedContent, padding: Padding) -> tuple[bytes, GroupState]:
    """The message for a signed handshake, and the state without the key that it used."""
    epoch = state.epoch
    if signed.wire_format is WireFormat.PUBLIC_MESSAGE:
        if not state.policy.allow_public_messages:
            raise OperationNotAllowed("the group's policy allows no unencrypted handshakes")
        return seal_public(epoch.framing, signed), state
    message_key, secret_tree = state.secret_tree.take_next(epoch.own_leaf, RatchetKind.HANDSHAKE)
    return seal_private(epoch.framing, signed, message_key, padding), state.with_secret_tree(secret_tree)


def _staged_path(epoch: Epoch, applied: AppliedProposals, options: CommitOptions) -> StagedPath | None:
    if options.path is False:
        if applied.path_required:
            raise OperationNotAllowed("RFC 9420 requires a path for this commit")
        if options.leaf != LeafChange():
            raise OperationNotAllowed("a commit without a path cannot change our leaf")
        return None
    template = options.leaf.apply(epoch.require_member(epoch.own_leaf))
    key = options.leaf.signature_key or epoch.signature_key
    return stage_update_path(applied.tree, epoch.own_leaf, template, key, epoch.context.group_id)


def _seat(epoch: Epoch, applied: AppliedProposals, staged: StagedPath | None, options: CommitOptions) -> Seat:
    if staged is None:
        kept = epoch.private_keys.pruned(applied.tree)
        return Seat(applied.tree, epoch.own_leaf, kept, epoch.signature_key)
    key = options.leaf.signature_key or epoch.signature_key
    held = {**epoch.private_keys.pruned(staged.tree).keys, **staged.private_keys.keys}
    return Seat(staged.tree, epoch.own_leaf, replace(staged.private_keys, keys=held), key)


def _commit(
    items: tuple[ProposalOrRef, ...], epoch: Epoch, applied: AppliedProposals, staged: StagedPath | None
) -> Commit:
    if staged is None:
        return Commit(items)
    context = provisional_context(epoch.context, staged.tree, applied.extensions)
    return Commit(items, staged.encrypt(context, applied.new_leaves))


def _key_inputs(state: GroupState, applied: AppliedProposals, staged: StagedPath | None) -> KeyInputs:
    epoch = state.epoch
    return KeyInputs(
        init_secret=epoch.secrets.init_secret,
        commit_secret=bytes(epoch.suite.hash_length) if staged is None else staged.commit_secret,
        psk_secret=psk_secret_of(state, applied.psks),
    )


def _welcome(
    opened: NextEpoch, applied: AppliedProposals, staged: StagedPath | None, options: CommitOptions
) -> bytes | None:
    if not applied.added:
        return None
    info = signed_group_info(
        opened.epoch,
        opened.epoch.signature_key,
        options.group_info_extensions,
        with_tree=options.tree_in_welcome,
    )
    return seal_welcome(opened, info, applied.added, staged, applied.psks)


def _select_pending(
    state: GroupState, own: Sequence[ListedProposal], lifetimes: LifetimeRule
) -> list[tuple[ProposalRef, ListedProposal]]:
    """The pending proposals that can be committed together with our own.

    One that does not fit is left out rather than allowed to block us: any member can send any nonsense.
    """
    chosen: list[tuple[ProposalRef, ListedProposal]] = []
    for reference, pending in _by_preference(state):
        candidate = _listed(pending)
        listed = [*(item for _, item in chosen), candidate, *own]
        try:
            applied = apply_proposals(state.epoch, listed, state.epoch.own_leaf, lifetimes)
            require_valid_outcome(applied.tree)
            psk_secret_of(state, applied.psks)
        except RemoteError:
            continue
        chosen.append((reference, candidate))
    return chosen


def _by_preference(state: GroupState) -> list[tuple[ProposalRef, PendingProposal]]:
    """RFC 9420, 12.2: prefer Removes to Updates of the same leaf, and the newest Update."""
    items = list(state.proposals.items())
    removes = [item for item in items if isinstance(item[1].proposal, Remove)]
    updates = [item for item in reversed(items) if isinstance(item[1].proposal, Update)]
    others = [item for item in items if not isinstance(item[1].proposal, Remove | Update)]
    return removes + updates + others


def _listed(pending: PendingProposal) -> ListedProposal:
    return ListedProposal(pending.proposal, pending.sender, pending.encryption_key, pending.signature_key)
