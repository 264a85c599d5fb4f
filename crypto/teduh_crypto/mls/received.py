"""What a message turned out to be, once it has been opened, verified and applied.

Every one of these is authentic: its sender's signature held, and for a commit the confirmation tag too. None
of them says that the sender is who her credential claims; that is for the authentication service to say.
"""

from __future__ import annotations

from dataclasses import dataclass

from teduh_crypto.mls.credential import Credential
from teduh_crypto.mls.framing import Sender
from teduh_crypto.mls.leaf_node import LeafNode
from teduh_crypto.mls.proposal import Proposal
from teduh_crypto.mls.tree_math import LeafIndex


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a group: where it sits, who it claims to be, and the key that speaks for it."""

    leaf_index: LeafIndex
    leaf_node: LeafNode

    @property
    def credential(self) -> Credential:
        """The credential in the member's leaf."""
        return self.leaf_node.credential

    @property
    def signature_key(self) -> bytes:
        """The public key under which the member signs."""
        return self.leaf_node.signature_key


@dataclass(frozen=True, slots=True)
class ApplicationMessage:
    """What the application of `sender` said in `epoch`, which may be one that was left since.

    `member` is the sender as that epoch knew her, so that a late message is never laid at the door of whoever
    sits at her leaf now. `is_next` tells whether its generation follows that of the last of hers that was
    opened in this epoch, or is 0 if none was: where nothing may be lost, False is evidence that something was
    withheld.
    """

    sender: LeafIndex
    data: bytes
    authenticated_data: bytes
    epoch: int
    member: Member
    is_next: bool


@dataclass(frozen=True, slots=True)
class ProposalReceived:
    """A proposal that now waits for a commit; `reference` names it there."""

    sender: Sender
    proposal: Proposal
    reference: bytes
    authenticated_data: bytes


@dataclass(frozen=True, slots=True)
class CommitReceived:
    """The group moved on by one epoch.

    `sender` is the committer's leaf in the new epoch; `external` tells that she joined by this very commit.
    `added`, `removed` and `updated` are the members by their leaves; `updated` holds everyone whose leaf
    changed, the committer with a path included, and what she is now. `removed` holds what they were.
    """

    sender: LeafIndex
    external: bool
    added: tuple[Member, ...]
    removed: tuple[Member, ...]
    updated: tuple[Member, ...]
    authenticated_data: bytes


@dataclass(frozen=True, slots=True)
class RemovedFromGroup:
    """A commit of `sender` took us out of the group; the state that comes with it holds no secrets."""

    sender: LeafIndex
    authenticated_data: bytes


Received = ApplicationMessage | ProposalReceived | CommitReceived | RemovedFromGroup
