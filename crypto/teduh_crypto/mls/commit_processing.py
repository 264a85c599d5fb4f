"""Following a commit that somebody else made (RFC 9420, 12.4.2 and 12.4.3.2).

    signed commit --> resolve references --> apply proposals --> [merge and open the path]
                                                                        |
          removed: keep no secret <-- are we out? --> key schedule --> confirmation tag --> next epoch

The commit arrives with its signature verified; whatever else is wrong with it raises, and the state that it
was held against stays as it was.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace

from teduh_crypto.exceptions import (
    DecryptionFailed,
    InvalidCommit,
    InvalidMac,
    InvalidProposalList,
    LocalError,
    UnknownProposal,
)
from teduh_crypto.hazmat.secret import SignaturePrivateKey
from teduh_crypto.mls.commit import Commit
from teduh_crypto.mls.framing import Sender, SenderType
from teduh_crypto.mls.group_state import Epoch, GroupState, next_state, removed_state
from teduh_crypto.mls.key_schedule import external_key
from teduh_crypto.mls.leaf_node import LeafNodeSource
from teduh_crypto.mls.leaf_rules import LeafRules
from teduh_crypto.mls.leaf_validation import LifetimeRule
from teduh_crypto.mls.message_protection import SignedContent
from teduh_crypto.mls.next_epoch import KeyInputs, Seat, open_epoch, provisional_context, psk_secret_of
from teduh_crypto.mls.proposal import ExternalInit, ProposalRef
from teduh_crypto.mls.proposal_list import (
    AppliedProposals,
    ListedProposal,
    apply_proposals,
    require_valid_outcome,
)
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.received import CommitReceived, Member, RemovedFromGroup
from teduh_crypto.mls.tree_math import LeafIndex
from teduh_crypto.mls.treekem import TreePrivateKeys, merge_update_path, open_update_path
from teduh_crypto.mls.update_path import UpdatePath

EXTERNAL_INIT_LABEL = b"MLS 1.0 external init secret"


@dataclass(frozen=True, slots=True)
class _Course:
    """A commit under way: who made it, what it says, and the tree as far as it has been changed."""

    commit: Commit
    listed: tuple[ListedProposal, ...]
    applied: AppliedProposals
    committer: LeafIndex
    external: bool
    tree: RatchetTree


def process_commit(
    state: GroupState, signed: SignedContent, now: int
) -> tuple[GroupState, CommitReceived | RemovedFromGroup]:
    """The state after a commit of another member, or of somebody who joins by it.

    `state` no longer holds the key of the message. Raises RemoteErrors.
    """
    epoch = state.epoch
    course = _begin(state, signed, LifetimeRule(now, state.policy.longest_lifetime))
    state.policy.require_tree(course.tree)
    require_valid_outcome(course.tree)
    if epoch.own_leaf in course.applied.removed:
        return removed_state(state), RemovedFromGroup(course.committer, signed.authenticated_data)
    seat, commit_secret = _seat(epoch, course)
    inputs = KeyInputs(
        init_secret=_init_secret(epoch, course.applied.external_init),
        commit_secret=commit_secret,
        psk_secret=psk_secret_of(state, course.applied.psks),
    )
    opened = open_epoch(epoch, signed, course.applied.extensions, seat, inputs)
    if not hmac.compare_digest(opened.epoch.confirmation_tag, signed.confirmation_tag or b""):
        raise InvalidMac("the confirmation tag does not fit: the committer sees another group")
    return next_state(state, opened.epoch, opened.keys), _received(epoch, course, signed)


def _begin(state: GroupState, signed: SignedContent, lifetimes: LifetimeRule) -> _Course:
    commit, epoch = signed.content, state.epoch
    if not isinstance(commit, Commit):
        raise InvalidCommit("what is to be processed is not a commit")
    external = signed.sender.sender_type is SenderType.NEW_MEMBER_COMMIT
    listed = tuple(_resolve(state, commit, signed.sender, external))
    state.policy.require_proposals(item.proposal for item in listed)
    committer = None if external else signed.sender.leaf_index
    applied = apply_proposals(epoch, listed, committer, lifetimes)
    state.policy.require_group_extensions(applied.extensions)
    if commit.path is None:
        if applied.path_required:
            raise InvalidCommit("the commit lacks the path that its proposals require")
        if committer is None:
            # RFC 9420, 12.4.3.2: it has an ExternalInit, which requires one.
            raise InvalidCommit("the external commit lacks a path")
        return _Course(commit, listed, applied, committer, external, applied.tree)
    rules = LeafRules.of(epoch.context.group_id, applied.extensions, lifetimes)
    seated = _seated(applied.tree, commit.path, committer)
    _check_path_leaf(epoch, applied, commit.path, seated, rules)
    merged = merge_update_path(seated[0], seated[1], commit.path)
    return _Course(commit, listed, applied, seated[1], external, merged)


def _resolve(state: GroupState, commit: Commit, sender: Sender, external: bool) -> list[ListedProposal]:
    """The proposals of a commit, with those looked up that it only names."""
    listed = []
    for item in commit.proposals:
        if not isinstance(item, bytes):
            listed.append(ListedProposal(item, sender))
            continue
        if external:
            # RFC 9420, 12.4.3.2: an outsider cannot judge proposals that were sent within the group.
            raise InvalidCommit("an external commit refers to a proposal")
        listed.append(_pending(state, item))
    return listed


def _pending(state: GroupState, reference: ProposalRef) -> ListedProposal:
    pending = state.proposals.get(reference)
    if pending is None:
        raise UnknownProposal("the commit refers to a proposal that we have not received in this epoch")
    return ListedProposal(pending.proposal, pending.sender, pending.encryption_key, pending.signature_key)


def _seated(
    tree: RatchetTree, path: UpdatePath, committer: LeafIndex | None
) -> tuple[RatchetTree, LeafIndex]:
    """The tree in which the committer has a leaf: an external one takes the leftmost that is free."""
    if committer is not None:
        return tree, committer
    return seat_external_committer(tree, path)


def seat_external_committer(tree: RatchetTree, path: UpdatePath) -> tuple[RatchetTree, LeafIndex]:
    """Give an external committer a leaf; what sits there for now has no key, and the path replaces it."""
    try:
        return tree.add_leaf(replace(path.leaf_node, encryption_key=b""))
    except LocalError as error:
        raise InvalidCommit("the group cannot grow any further") from error


def _check_path_leaf(
    epoch: Epoch,
    applied: AppliedProposals,
    path: UpdatePath,
    seated: tuple[RatchetTree, LeafIndex],
    rules: LeafRules,
) -> None:
    tree, committer = seated
    rules.check_replacement(tree, committer, path.leaf_node, LeafNodeSource.COMMIT)
    if applied.external_init is None:
        return
    for removed in applied.removed:
        # RFC 9420, 12.2: the joiner's leaf must be fit to be an Update of the one that she removes.
        if epoch.require_member(removed).encryption_key == path.leaf_node.encryption_key:
            raise InvalidProposalList("the external commit keeps the encryption key of the leaf it removes")


def _seat(epoch: Epoch, course: _Course) -> tuple[Seat, bytes]:
    """Our place in the new tree, and the commit secret."""
    keys, signature_key = _own_update(epoch, course)
    path, applied = course.commit.path, course.applied
    if path is None:
        seat = Seat(course.tree, epoch.own_leaf, keys.pruned(course.tree), signature_key)
        return seat, bytes(epoch.suite.hash_length)
    context = provisional_context(epoch.context, course.tree, applied.extensions)
    held, commit_secret = open_update_path(
        course.tree, keys, course.committer, path, context, applied.new_leaves
    )
    return Seat(course.tree, epoch.own_leaf, held, signature_key), commit_secret


def _own_update(epoch: Epoch, course: _Course) -> tuple[TreePrivateKeys, SignaturePrivateKey]:
    """Our keys; those of an Update that we proposed and somebody else has now committed take effect here."""
    for item in course.listed:
        if item.encryption_key is not None:
            keys = epoch.private_keys.with_leaf_key(item.encryption_key)
            return keys, item.signature_key or epoch.signature_key
    if epoch.own_leaf in course.applied.updated:
        raise InvalidCommit("the commit holds an Update of our leaf that we do not have the keys of")
    return epoch.private_keys, epoch.signature_key


def _init_secret(epoch: Epoch, external_init: ExternalInit | None) -> bytes:
    """The old epoch's init secret, or the one that an external committer has sent (RFC 9420, 8.3)."""
    if external_init is None:
        return epoch.secrets.init_secret
    private = external_key(epoch.suite, epoch.secrets.external_secret)
    try:
        context = epoch.suite.setup_base_receiver(private, external_init.kem_output, b"")
    except DecryptionFailed as error:
        raise InvalidCommit("the external init does not open") from error
    return context.export(EXTERNAL_INIT_LABEL, epoch.suite.hash_length)


def _received(epoch: Epoch, course: _Course, signed: SignedContent) -> CommitReceived:
    applied, tree = course.applied, course.tree
    added = [leaf for leaf, _ in applied.added] + [course.committer] * course.external
    updated = set(applied.updated) - set(applied.removed)
    if course.commit.path is not None and not course.external:
        updated.add(course.committer)
    return CommitReceived(
        sender=course.committer,
        external=course.external,
        added=_members(tree, added),
        removed=_members(epoch.tree, applied.removed),
        updated=_members(tree, sorted(updated)),
        authenticated_data=signed.authenticated_data,
    )


def _members(tree: RatchetTree, leaves: list[LeafIndex] | tuple[LeafIndex, ...]) -> tuple[Member, ...]:
    found = ((leaf, tree.leaf(leaf)) for leaf in leaves)
    return tuple(Member(leaf, node) for leaf, node in found if node is not None)
