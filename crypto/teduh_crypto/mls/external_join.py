"""Entering a group by oneself, from its GroupInfo (RFC 9420, 12.4.3.2).

    GroupInfo + tree --> [Remove of our former self] --> our leaf, leftmost that is free --> path
        |                                                                                     |
    external_pub -- HPKE export --> init_secret ---------------> key schedule <---------------+

Applications of Teduh refuse such joins by policy; this exists because the RFC has it and other groups use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from teduh_crypto.exceptions import InvalidGroupInfo, InvalidMessage
from teduh_crypto.hazmat.ciphersuite import CIPHER_SUITES, CipherSuite
from teduh_crypto.hazmat.secret import SignaturePrivateKey
from teduh_crypto.mls.commit import Commit
from teduh_crypto.mls.commit_processing import EXTERNAL_INIT_LABEL
from teduh_crypto.mls.credential import Credential
from teduh_crypto.mls.extension import Extensions, ExtensionType, ExternalPub, find_extension
from teduh_crypto.mls.framing import MLSMessage, Sender, SenderType, WireFormat
from teduh_crypto.mls.group_info import GroupInfo
from teduh_crypto.mls.group_join import JoinOptions, verified_tree
from teduh_crypto.mls.group_state import Epoch, GroupState, first_state
from teduh_crypto.mls.key_schedule import EpochSecrets
from teduh_crypto.mls.leaf_node import Capabilities, LeafNode, LeafNodeSource
from teduh_crypto.mls.leaf_validation import LifetimeRule
from teduh_crypto.mls.message_protection import seal_public, sign
from teduh_crypto.mls.next_epoch import KeyInputs, Seat, external_psk_secret, open_epoch, provisional_context
from teduh_crypto.mls.proposal import ExternalInit, PreSharedKey, Proposal, Remove
from teduh_crypto.mls.proposal_list import (
    AppliedProposals,
    ListedProposal,
    apply_proposals,
    require_valid_outcome,
)
from teduh_crypto.mls.psk import PreSharedKeyID
from teduh_crypto.mls.tree_math import LeafIndex
from teduh_crypto.mls.treekem import StagedPath, TreePrivateKeys, stage_update_path

_NO_SECRETS = EpochSecrets(b"", b"", b"", b"", b"", b"", b"", b"")
_NOWHERE = LeafIndex(0)
_SENDER = Sender(SenderType.NEW_MEMBER_COMMIT)


@dataclass(frozen=True, slots=True)
class ExternalJoiner:
    """Who joins: what our leaf is to hold, the leaf of our former self, if any, and keys to mix in."""

    credential: Credential
    signature_key: SignaturePrivateKey
    capabilities: Capabilities
    extensions: Extensions = ()
    removed: LeafIndex | None = None
    psks: tuple[PreSharedKeyID, ...] = ()

    def leaf_without_key(self) -> LeafNode:
        """Our leaf, unsigned and with no key; it holds our place until the path replaces it."""
        return LeafNode(
            encryption_key=b"",
            signature_key=self.signature_key.public,
            credential=self.credential,
            capabilities=self.capabilities,
            leaf_node_source=LeafNodeSource.COMMIT,
            parent_hash=b"",
            extensions=self.extensions,
        )


def join_by_external_commit(
    message: bytes, joiner: ExternalJoiner, options: JoinOptions, authenticated_data: bytes, now: int
) -> tuple[GroupState, bytes]:
    """The state of the newcomer, to be adopted once the commit is accepted, and the commit.

    Raises RemoteErrors on whatever is wrong with the GroupInfo, and LocalErrors for what is asked for.
    """
    info = _group_info(message)
    suite = _suite(info)
    before = _epoch_from_outside(suite, info, joiner, options, now)
    external_init, init_secret = _external_init(suite, info)
    proposals = _proposals(external_init, joiner)
    listed = [ListedProposal(proposal, _SENDER) for proposal in proposals]
    applied = apply_proposals(before, listed, None, LifetimeRule(now, options.policy.longest_lifetime))
    staged = _staged(before, applied, joiner)
    require_valid_outcome(staged.tree)
    context = provisional_context(before.context, staged.tree, applied.extensions)
    commit = Commit(tuple(proposals), staged.encrypt(context, ()))
    public = WireFormat.PUBLIC_MESSAGE
    signed = sign(before.framing, public, _SENDER, authenticated_data, commit, joiner.signature_key)
    inputs = KeyInputs(
        init_secret, staged.commit_secret, external_psk_secret(suite, options.psks, applied.psks)
    )
    own_leaf = staged.private_keys.leaf_index
    seat = Seat(staged.tree, own_leaf, staged.private_keys, joiner.signature_key)
    opened = open_epoch(before, signed, applied.extensions, seat, inputs)
    signed = signed._replace(confirmation_tag=opened.epoch.confirmation_tag)
    state = first_state(opened.epoch, opened.keys, options.policy, options.psks)
    return state, seal_public(before.framing, signed)


def _group_info(message: bytes) -> GroupInfo:
    body = MLSMessage.from_bytes(message).body
    if not isinstance(body, GroupInfo):
        raise InvalidMessage("the message is not a group info")
    return body


def _suite(info: GroupInfo) -> CipherSuite:
    suite = CIPHER_SUITES.get(info.group_context.cipher_suite)
    if suite is None:
        raise InvalidGroupInfo("the group uses a cipher suite that is not implemented")
    return suite


def _epoch_from_outside(
    suite: CipherSuite, info: GroupInfo, joiner: ExternalJoiner, options: JoinOptions, now: int
) -> Epoch:
    """The group's epoch as far as one sees it without any of its secrets."""
    tree = verified_tree(suite, info, options, now)
    return Epoch.of(
        suite,
        info.group_context,
        tree,
        _NOWHERE,
        joiner.signature_key,
        TreePrivateKeys(_NOWHERE, {}),
        _NO_SECRETS,
        info.confirmation_tag,
    )


def _external_init(suite: CipherSuite, info: GroupInfo) -> tuple[ExternalInit, bytes]:
    """The proposal that carries our init secret, and the secret (RFC 9420, 8.3)."""
    data = find_extension(info.extensions, ExtensionType.EXTERNAL_PUB)
    if data is None:
        raise InvalidGroupInfo("the group info holds no external_pub: it is not for external joins")
    kem_output, context = suite.setup_base_sender(ExternalPub.from_bytes(data).external_pub, b"")
    return ExternalInit(kem_output), context.export(EXTERNAL_INIT_LABEL, suite.hash_length)


def _proposals(external_init: ExternalInit, joiner: ExternalJoiner) -> Sequence[Proposal]:
    proposals: list[Proposal] = [external_init]
    if joiner.removed is not None:
        proposals.append(Remove(joiner.removed))
    proposals.extend(PreSharedKey(psk) for psk in joiner.psks)
    return proposals


def _staged(before: Epoch, applied: AppliedProposals, joiner: ExternalJoiner) -> StagedPath:
    leaf = joiner.leaf_without_key()
    tree, own_leaf = applied.tree.add_leaf(leaf)
    return stage_update_path(tree, own_leaf, leaf, joiner.signature_key, before.context.group_id)
