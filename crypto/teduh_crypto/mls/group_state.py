"""What a member knows: an epoch that never changes, and around it the little that does.

    GroupState ─┬─ Epoch            context, tree, secrets: one object for all messages of an epoch
                ├─ SecretTree       loses a key with every message
                ├─ proposals        wait for a commit of this epoch, and go with it
                ├─ PastEpoch ...    epochs left behind, as far as they still open late messages
                └─ psks             secrets that the application has registered

All of it is frozen. The modules `group_commit`, `group_join` and `group_message` take one state and give
the next; `Group` is the door in front of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from teduh_crypto.exceptions import InvalidMessage, OperationNotAllowed
from teduh_crypto.hazmat.ciphersuite import CipherSuite
from teduh_crypto.hazmat.secret import HpkePrivateKey, SignaturePrivateKey
from teduh_crypto.mls.framing import Sender
from teduh_crypto.mls.group_context import GroupContext
from teduh_crypto.mls.group_policy import GroupPolicy
from teduh_crypto.mls.key_schedule import EpochKeys, EpochSecrets
from teduh_crypto.mls.leaf_node import LeafNode
from teduh_crypto.mls.message_protection import EpochFraming
from teduh_crypto.mls.proposal import Proposal, ProposalRef
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.secret_tree import SecretTree
from teduh_crypto.mls.transcript_hash import interim_transcript_hash
from teduh_crypto.mls.tree_math import LeafIndex
from teduh_crypto.mls.treekem import TreePrivateKeys


def require_leaf(tree: RatchetTree, leaf_index: LeafIndex) -> LeafNode:
    """The leaf node at `leaf_index`; raises InvalidMessage when nobody sits there."""
    leaf = tree.leaf(leaf_index)
    if leaf is None:
        raise InvalidMessage(f"there is no member at leaf {leaf_index}")
    return leaf


@dataclass(frozen=True, slots=True, repr=False)
class Epoch:
    """One epoch as one member sees it.

    `private_keys` holds the member's own leaf key and those of its path; `confirmation_tag` is that of the
    commit which opened the epoch.
    """

    suite: CipherSuite
    context: GroupContext
    tree: RatchetTree
    own_leaf: LeafIndex
    signature_key: SignaturePrivateKey
    private_keys: TreePrivateKeys
    secrets: EpochSecrets
    confirmation_tag: bytes
    interim_transcript_hash: bytes
    framing: EpochFraming
    own_sender: Sender

    def __repr__(self) -> str:
        return f"Epoch(number={self.context.epoch}, own_leaf={self.own_leaf}, ...)"

    @staticmethod
    def of(
        suite: CipherSuite,
        context: GroupContext,
        tree: RatchetTree,
        own_leaf: LeafIndex,
        signature_key: SignaturePrivateKey,
        private_keys: TreePrivateKeys,
        secrets: EpochSecrets,
        confirmation_tag: bytes,
    ) -> Epoch:
        """The epoch that `context` describes, with what can be computed from the rest filled in."""
        confirmed = context.confirmed_transcript_hash
        return Epoch(
            suite,
            context,
            tree,
            own_leaf,
            signature_key,
            private_keys,
            secrets,
            confirmation_tag,
            interim_transcript_hash(suite, confirmed, confirmation_tag),
            EpochFraming.of(suite, context, secrets.sender_data_secret, secrets.membership_key),
            Sender.member(own_leaf),
        )

    def require_member(self, leaf_index: LeafIndex) -> LeafNode:
        """The leaf node of the member at `leaf_index`; raises InvalidMessage when nobody sits there."""
        return require_leaf(self.tree, leaf_index)

    def require_other_member(self, leaf_index: LeafIndex) -> LeafNode:
        """As `require_member`, and raises InvalidMessage for our own leaf: we send ourselves nothing."""
        nodes, node_index = self.tree.nodes, 2 * leaf_index
        leaf = nodes[node_index] if node_index < len(nodes) else None
        if leaf_index == self.own_leaf or not isinstance(leaf, LeafNode):
            raise InvalidMessage(f"leaf {leaf_index} is our own, or nobody is there")
        return leaf


@dataclass(frozen=True, slots=True, repr=False)
class PendingProposal:
    """A proposal that was sent or received in this epoch.

    For an Update of our own, the private keys wait here until somebody commits it.
    """

    proposal: Proposal
    sender: Sender
    encryption_key: HpkePrivateKey | None = None
    signature_key: SignaturePrivateKey | None = None

    def __repr__(self) -> str:
        return f"PendingProposal({type(self.proposal).__name__}, sender={self.sender})"


@dataclass(frozen=True, slots=True, repr=False)
class PastEpoch:
    """What is left of an epoch: enough to open a late message against its roster, and to send none."""

    epoch: int
    framing: EpochFraming
    tree: RatchetTree
    secret_tree: SecretTree

    def __repr__(self) -> str:
        return f"PastEpoch({self.epoch}, ...)"

    def require_member(self, leaf_index: LeafIndex) -> LeafNode:
        """The leaf node of that time at `leaf_index`; raises InvalidMessage when nobody sat there."""
        return require_leaf(self.tree, leaf_index)


_NO_PROPOSALS: Mapping[ProposalRef, PendingProposal] = MappingProxyType({})
_NO_PSKS: Mapping[bytes, bytes] = MappingProxyType({})
_NO_RESUMPTION_PSKS: Mapping[int, bytes] = MappingProxyType({})


class GroupState(NamedTuple):
    """A member's whole state; `is_member` is False after a commit has removed it.

    A named tuple, because every message makes a new one (see `secret_tree`).
    """

    epoch: Epoch
    policy: GroupPolicy
    secret_tree: SecretTree
    proposals: Mapping[ProposalRef, PendingProposal] = _NO_PROPOSALS
    past: tuple[PastEpoch, ...] = ()
    psks: Mapping[bytes, bytes] = _NO_PSKS
    resumption_psks: Mapping[int, bytes] = _NO_RESUMPTION_PSKS
    is_member: bool = True

    def __repr__(self) -> str:
        return f"GroupState({self.epoch!r})"

    def require_membership(self) -> None:
        """Raise OperationNotAllowed once we have been removed."""
        if not self.is_member:
            raise OperationNotAllowed("this member was removed from the group")

    def with_secret_tree(self, secret_tree: SecretTree) -> GroupState:
        """The same state after a message key was used."""
        return GroupState(
            self.epoch,
            self.policy,
            secret_tree,
            self.proposals,
            self.past,
            self.psks,
            self.resumption_psks,
            self.is_member,
        )


def first_state(
    epoch: Epoch, keys: EpochKeys, policy: GroupPolicy, psks: Mapping[bytes, bytes]
) -> GroupState:
    """The state of somebody who has just created or entered a group."""
    return GroupState(epoch, policy, _secret_tree(epoch, keys), psks=dict(psks))


def next_state(state: GroupState, epoch: Epoch, keys: EpochKeys) -> GroupState:
    """The state in a new epoch; of the one left behind it keeps what late messages need."""
    return GroupState(
        epoch,
        state.policy,
        _secret_tree(epoch, keys),
        past=_past_epochs(state),
        psks=state.psks,
        resumption_psks=_resumption_psks(state),
    )


def removed_state(state: GroupState) -> GroupState:
    """The state of somebody who is out: it knows the last roster, and no secret."""
    epoch = state.epoch
    nothing = EpochSecrets(b"", b"", b"", b"", b"", b"", b"", b"")
    bare = Epoch.of(
        epoch.suite,
        epoch.context,
        epoch.tree,
        epoch.own_leaf,
        epoch.signature_key,
        TreePrivateKeys(epoch.own_leaf, {}),
        nothing,
        epoch.confirmation_tag,
    )
    return GroupState(bare, state.policy, SecretTree(epoch.suite, 0, {}, {}), is_member=False)


def _secret_tree(epoch: Epoch, keys: EpochKeys) -> SecretTree:
    return SecretTree.from_encryption_secret(epoch.suite, keys.encryption_secret, epoch.tree.n_leaves)


def _past_epochs(state: GroupState) -> tuple[PastEpoch, ...]:
    """The newest `policy.past_epochs` epochs, the one being left among them."""
    if state.policy.past_epochs == 0:
        return ()
    epoch = state.epoch
    # Only application messages are read late, so the key that authenticates public handshakes goes too.
    framing = EpochFraming(
        epoch.suite, epoch.framing.group_context, epoch.framing.header, epoch.secrets.sender_data_secret, b""
    )
    left = PastEpoch(
        epoch.context.epoch, framing, epoch.tree, state.secret_tree.for_late_messages(epoch.own_leaf)
    )
    return (*state.past, left)[-state.policy.past_epochs :]


def _resumption_psks(state: GroupState) -> dict[int, bytes]:
    kept = {**state.resumption_psks, state.epoch.context.epoch: state.epoch.secrets.resumption_psk}
    surplus = len(kept) - state.policy.past_resumption_psks
    return dict(list(kept.items())[surplus:]) if surplus > 0 else kept
