"""What a member is willing to take part in, beyond what RFC 9420 already forbids.

The RFC leaves room (external joins, proposals from outside, unencrypted handshakes) that a conversation of
Teduh has no use for, so by default it is closed: a message that needs it is refused with
`UnsupportedByPolicy`. The limits bound what one peer can make this member compute or keep.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from teduh_crypto.exceptions import UnsupportedByPolicy
from teduh_crypto.mls.extension import Extensions
from teduh_crypto.mls.framing import WireFormat
from teduh_crypto.mls.proposal import Proposal
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.secret_tree import RatchetLimits
from teduh_crypto.mls.tree_math import MAX_LEAVES

_DAY = 24 * 60 * 60
FOREVER = 2**64 - 1


@dataclass(frozen=True, slots=True)
class GroupPolicy:
    """Frozen; one object may serve any number of groups.

    `allow_public_messages`: take and send handshakes as PublicMessage, which the relay can read.
    `handshakes`: how handshakes are sent unless a call says otherwise; PUBLIC_MESSAGE needs the one above.
    `allow_external_commits`: let a newcomer join by herself (RFC 9420, 12.4.3.2).
    `allow_external_proposals`: take proposals from the group's external senders and from would-be members.
    `proposals`: the types of proposals (RFC 9420, 17.4) that a commit may hold, whoever sends it, this member
    included, or None for all that this library knows. A commit of nothing, which only renews its sender's
    keys, is always taken.
    `allow_proposals_alone`: take and send proposals that wait for somebody's commit.
    `group_extensions`: the types of extensions that the group context may have, or None for any.
    `credential_types`: the types of credentials (RFC 9420, 17.5) that members may have, or None for any.
    `most_leaves`: how many places for members the tree may have, blank ones included (a power of two). What a
    member computes and keeps grows with it, so bound it by what the application's groups are.
    `past_epochs`: how many epochs left behind still open messages that come late.
    `past_resumption_psks`: of how many past epochs the resumption secret is kept, for PSK proposals.
    `ratchet`: bounds of the sender ratchets.
    `longest_lifetime`: seconds; a key package that claims to live longer is refused (RFC 9420, 7.2).
    `check_lifetimes_in_tree`: refuse to join a group in which somebody's key package has run out since it was
    added. RFC 9420, 7.3 recommends it; but who has not committed since would then lock every newcomer out.
    `commit_before_application_data`: send no application data while proposals are pending (RFC 9420, 12.4).
    `pending_proposals`: how many uncommitted proposals are kept in one epoch.
    """

    allow_public_messages: bool = False
    handshakes: WireFormat = WireFormat.PRIVATE_MESSAGE
    allow_external_commits: bool = False
    allow_external_proposals: bool = False
    proposals: frozenset[int] | None = None
    allow_proposals_alone: bool = True
    group_extensions: frozenset[int] | None = None
    credential_types: frozenset[int] | None = None
    most_leaves: int = MAX_LEAVES
    past_epochs: int = 1
    past_resumption_psks: int = 0
    ratchet: RatchetLimits = field(default_factory=RatchetLimits)
    longest_lifetime: int = 100 * _DAY
    check_lifetimes_in_tree: bool = False
    commit_before_application_data: bool = True
    pending_proposals: int = 64

    def require_proposals(self, proposals: Iterable[Proposal]) -> None:
        """Raises `UnsupportedByPolicy` unless a commit may hold these."""
        for proposal in proposals:
            if self.proposals is not None and proposal.proposal_type not in self.proposals:
                raise UnsupportedByPolicy(f"commits hold no {type(proposal).__name__} here")

    def require_group_extensions(self, extensions: Extensions) -> None:
        """Raises `UnsupportedByPolicy` unless a group context may have these."""
        for extension in extensions:
            if self.group_extensions is not None and extension.extension_type not in self.group_extensions:
                raise UnsupportedByPolicy("the group has an extension that is not taken here")

    def require_tree(self, tree: RatchetTree) -> None:
        """Raises `UnsupportedByPolicy` for too many places, or a member's credential of another type."""
        if tree.n_leaves > self.most_leaves:
            raise UnsupportedByPolicy(f"a tree of {tree.n_leaves} leaves is larger than is taken here")
        if self.credential_types is None:
            return
        for leaf in tree.members():
            if leaf.credential.credential_type not in self.credential_types:
                raise UnsupportedByPolicy("a member has a credential of a type that is not taken here")

    @staticmethod
    def everything_in_rfc_9420() -> GroupPolicy:
        """All that the RFC allows and this library can do: for conformance and interoperability."""
        return GroupPolicy(
            allow_public_messages=True,
            allow_external_commits=True,
            allow_external_proposals=True,
            past_resumption_psks=16,
            longest_lifetime=FOREVER,
        )
