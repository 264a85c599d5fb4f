"""Which proposals may be committed together, and what they do (RFC 9420, 12.2 and 12.3).

    [GroupContextExtensions]  ->  Update ...  ->  Remove ...  ->  Add ...  ->  psks, external init
      new extensions judge           the order in which a list takes effect, however it is
      all that follows               written down; only Adds and psks keep their own order

Both the committer and everybody who processes the commit go through `apply_proposals`, so that none can
commit what another would refuse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from teduh_crypto.exceptions import (
    InvalidLeafNode,
    InvalidProposalList,
    LocalError,
    UnsupportedByPolicy,
)
from teduh_crypto.hazmat.secret import HpkePrivateKey, SignaturePrivateKey
from teduh_crypto.mls.extension import Extensions
from teduh_crypto.mls.framing import Sender, SenderType
from teduh_crypto.mls.group_state import Epoch
from teduh_crypto.mls.key_package import KeyPackage
from teduh_crypto.mls.leaf_node import LeafNodeSource
from teduh_crypto.mls.leaf_rules import LeafRules
from teduh_crypto.mls.leaf_validation import LifetimeRule
from teduh_crypto.mls.proposal import (
    Add,
    ExternalInit,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ReInit,
    Remove,
    UnknownProposal,
    Update,
)
from teduh_crypto.mls.psk import ExternalPSK, PreSharedKeyID, ResumptionPSKUsage
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_math import LeafIndex
from teduh_crypto.mls.tree_validation import verify_members

_PATH_REQUIRED = (Update, Remove, ExternalInit, GroupContextExtensions, UnknownProposal)


@dataclass(frozen=True, slots=True)
class ListedProposal:
    """A proposal in a commit, and whoever proposed it: the committer herself for one that came by value.

    The keys are there for an Update of our own only.
    """

    proposal: Proposal
    sender: Sender
    encryption_key: HpkePrivateKey | None = field(default=None, repr=False)
    signature_key: SignaturePrivateKey | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AppliedProposals:
    """The group after a list of proposals, and before the committer's path.

    `updated` and `removed` are leaves of the tree before, `added` of the tree after.
    """

    tree: RatchetTree
    extensions: Extensions
    added: tuple[tuple[LeafIndex, KeyPackage], ...]
    removed: tuple[LeafIndex, ...]
    updated: tuple[LeafIndex, ...]
    psks: tuple[PreSharedKeyID, ...]
    external_init: ExternalInit | None
    path_required: bool

    @property
    def new_leaves(self) -> tuple[LeafIndex, ...]:
        """Where the added members sit: a path is not encrypted to them."""
        return tuple(leaf for leaf, _ in self.added)


@dataclass(frozen=True, slots=True)
class _Sorted:
    """A list of proposals by kind; each kind keeps its order."""

    updates: list[tuple[Sender, Update]] = field(default_factory=list)
    removes: list[Remove] = field(default_factory=list)
    adds: list[Add] = field(default_factory=list)
    psks: list[PreSharedKey] = field(default_factory=list)
    extensions: list[GroupContextExtensions] = field(default_factory=list)
    reinits: list[ReInit] = field(default_factory=list)
    external_inits: list[ExternalInit] = field(default_factory=list)


def apply_proposals(
    epoch: Epoch, listed: Sequence[ListedProposal], committer: LeafIndex | None, lifetimes: LifetimeRule
) -> AppliedProposals:
    """Check `listed` as a whole and apply it to the tree and extensions of `epoch`.

    `committer` is None for an external commit. Raises InvalidProposalList, or the error of the part that is
    wrong (InvalidKeyPackage, InvalidLeafNode, InvalidTree, InvalidSignature, UnsupportedByPolicy ...).
    """
    kinds = _sort(listed)
    _require_valid_kinds(kinds, len(listed), committer)
    _require_valid_targets(epoch, kinds, committer)
    _require_valid_psks(epoch, [proposal.psk for proposal in kinds.psks])
    extensions = kinds.extensions[0].extensions if kinds.extensions else epoch.context.extensions
    rules = LeafRules.of(epoch.context.group_id, extensions, lifetimes)
    tree = _update_and_remove(epoch, kinds, rules)
    tree, added = _add(tree, kinds.adds, rules)
    if kinds.extensions:
        # RFC 9420, 12.1.7: new extensions must suit all members, those added at the same time included.
        for _, leaf in tree.leaves():
            rules.check_support(leaf.capabilities)
    return AppliedProposals(
        tree=tree,
        extensions=extensions,
        added=added,
        removed=tuple(proposal.removed for proposal in kinds.removes),
        updated=tuple(sender.leaf_index for sender, _ in kinds.updates),
        psks=tuple(proposal.psk for proposal in kinds.psks),
        external_init=kinds.external_inits[0] if kinds.external_inits else None,
        path_required=path_required([item.proposal for item in listed]),
    )


def path_required(proposals: Sequence[Proposal]) -> bool:
    """RFC 9420, 12.4: an empty commit needs a path, and so does one with a proposal of certain types."""
    return not proposals or any(isinstance(proposal, _PATH_REQUIRED) for proposal in proposals)


def _sort(listed: Iterable[ListedProposal]) -> _Sorted:
    kinds = _Sorted()
    for item in listed:
        match item.proposal:
            case Update() as update:
                kinds.updates.append((item.sender, update))
            case Remove() as remove:
                kinds.removes.append(remove)
            case Add() as add:
                kinds.adds.append(add)
            case PreSharedKey() as psk:
                kinds.psks.append(psk)
            case GroupContextExtensions() as extensions:
                kinds.extensions.append(extensions)
            case ReInit() as reinit:
                kinds.reinits.append(reinit)
            case ExternalInit() as external_init:
                kinds.external_inits.append(external_init)
            case UnknownProposal(proposal_type):
                # RFC 9420, 12.2: it must be supported by all members who process the commit. We do not.
                raise InvalidProposalList(f"proposals of type {proposal_type:#06x} are not supported")
    return kinds


def _require_valid_kinds(kinds: _Sorted, count: int, committer: LeafIndex | None) -> None:
    if kinds.reinits:
        if count > 1:
            raise InvalidProposalList("a ReInit may not be committed together with anything else")
        raise UnsupportedByPolicy("a group of this library is ended and made anew, not reinitialised")
    if len(kinds.extensions) > 1:
        raise InvalidProposalList("the list has several GroupContextExtensions proposals")
    if committer is not None:
        if kinds.external_inits:
            raise InvalidProposalList("a member's commit has an ExternalInit proposal")
        return
    # RFC 9420, 12.2: an external commit holds these and no others.
    if len(kinds.external_inits) != 1:
        raise InvalidProposalList("an external commit must have exactly one ExternalInit proposal")
    if kinds.adds or kinds.updates or kinds.extensions or len(kinds.removes) > 1:
        raise InvalidProposalList("an external commit has a proposal that it may not have")


def _require_valid_targets(epoch: Epoch, kinds: _Sorted, committer: LeafIndex | None) -> None:
    targets = [proposal.removed for proposal in kinds.removes]
    for removed in targets:
        if epoch.tree.leaf(removed) is None:
            raise InvalidProposalList(f"a Remove names leaf {removed}, where nobody is")
    for sender, _ in kinds.updates:
        if sender.sender_type is not SenderType.MEMBER:
            raise InvalidProposalList("an Update comes from somebody who is not a member")
        targets.append(sender.leaf_index)
    # Compared with `is not None`: leaf 0 is a committer like any other.
    if committer is not None and committer in targets:
        raise InvalidProposalList("the committer updates or removes herself by a proposal")
    if any(times > 1 for times in Counter(targets).values()):
        raise InvalidProposalList("several Updates or Removes are for the same leaf")


def _require_valid_psks(epoch: Epoch, psks: Sequence[PreSharedKeyID]) -> None:
    if len(set(psks)) != len(psks):
        raise InvalidProposalList("a pre-shared key is named twice")
    for identifier in psks:
        if len(identifier.psk_nonce) != epoch.suite.hash_length:
            raise InvalidProposalList(f"a psk_nonce is not {epoch.suite.hash_length} bytes long")
        if isinstance(identifier.psk, ExternalPSK):
            continue
        if identifier.psk.usage is not ResumptionPSKUsage.APPLICATION:
            # RFC 9420, 11.2 and 11.3: these two usages are invalid outside the making of a new group.
            raise InvalidProposalList("a resumption key of usage reinit or branch is proposed")


def _update_and_remove(epoch: Epoch, kinds: _Sorted, rules: LeafRules) -> RatchetTree:
    tree = epoch.tree
    for sender, update in kinds.updates:
        leaf_index, leaf = sender.leaf_index, update.leaf_node
        rules.check_replacement(epoch.tree, leaf_index, leaf, LeafNodeSource.UPDATE)
        tree = tree.update_leaf(leaf_index, leaf)
    for remove in kinds.removes:
        tree = tree.remove_leaf(remove.removed)
    return tree


def _add(
    tree: RatchetTree, adds: Sequence[Add], rules: LeafRules
) -> tuple[RatchetTree, tuple[tuple[LeafIndex, KeyPackage], ...]]:
    added = []
    for add in adds:
        rules.check_key_package(tree, add.key_package)
        try:
            tree, leaf_index = tree.add_leaf(add.key_package.leaf_node)
        except LocalError as error:
            raise InvalidProposalList("the group cannot grow any further") from error
        added.append((leaf_index, add.key_package))
    return tree, tuple(added)


def require_valid_outcome(tree: RatchetTree) -> None:
    """The last rule of RFC 9420, 12.2: the tree after the commit is valid. Raises InvalidProposalList.

    Identical signature keys stand for the same client, so this also refuses to add a client twice, or one who
    is in the group and not removed by the same list.
    """
    try:
        verify_members(tree)
    except InvalidLeafNode as error:
        raise InvalidProposalList(f"after the commit, {error}") from error
