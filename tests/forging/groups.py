"""Groups of honest members, and one among them who is not.

`members` makes groups that agree. A `Forger` holds the state of one member and sends what that member's
library would never send: signed with the right keys, so that a refusal is about the rule that was broken
and not about the seal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from forging.trees import NOW
from teduh_crypto.credentials import STAFF_CREDENTIAL_TYPE
from teduh_crypto.hazmat.ciphersuite import CipherSuite, cipher_suite
from teduh_crypto.hazmat.secret import SignaturePrivateKey
from teduh_crypto.mls import Add, BasicCredential, Group, GroupPolicy, KeyPackageBundle, new_key_package
from teduh_crypto.mls.commit import Commit, ProposalOrRef
from teduh_crypto.mls.extension import Extensions
from teduh_crypto.mls.framing import (
    Content,
    ContentType,
    MLSMessage,
    PrivateMessage,
    Sender,
    SenderData,
    WireFormat,
    content_type_of,
)
from teduh_crypto.mls.group_state import GroupState
from teduh_crypto.mls.leaf_node import Capabilities, LeafNode, LeafNodeSource, Lifetime
from teduh_crypto.mls.leaf_validation import LifetimeRule
from teduh_crypto.mls.message_protection import (
    SignedContent,
    seal_public,
    sign,
)
from teduh_crypto.mls.new_client import default_capabilities
from teduh_crypto.mls.next_epoch import provisional_context
from teduh_crypto.mls.proposal import Proposal
from teduh_crypto.mls.proposal_list import ListedProposal, apply_proposals
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.secret_tree import RatchetKind
from teduh_crypto.mls.tree_math import LeafIndex
from teduh_crypto.mls.treekem import stage_update_path
from teduh_crypto.mls.update_path import UpdatePath

SUITE: Final[CipherSuite] = cipher_suite(0x0001)
GROUP_ID: Final = b"conversation"
OPEN: Final = GroupPolicy.everything_in_rfc_9420()
LIFETIME: Final = Lifetime(NOW - 3_600, NOW + 86_400)

LeafEdit = Callable[[LeafNode], LeafNode]


def unchanged(leaf: LeafNode) -> LeafNode:
    """The edit that edits nothing."""
    return leaf


def client(
    name: str,
    *,
    suite: CipherSuite = SUITE,
    signature_key: SignaturePrivateKey | None = None,
    capabilities: Capabilities | None = None,
    lifetime: Lifetime = LIFETIME,
    extensions: Extensions = (),
    leaf_extensions: Extensions = (),
) -> KeyPackageBundle:
    """A client that can be added."""
    return new_key_package(
        suite,
        BasicCredential(name.encode()),
        signature_key or suite.generate_signature_key(),
        capabilities=capabilities,
        lifetime=lifetime,
        extensions=extensions,
        leaf_extensions=leaf_extensions,
    )


def edited_client(edit: LeafEdit, name: str = "mallory", *, suite: CipherSuite = SUITE) -> KeyPackageBundle:
    """A client whose leaf was changed by `edit` before it and its key package were signed."""
    honest = client(name, suite=suite)
    signer = honest.signature_key
    edited = edit(honest.key_package.leaf_node)
    placed = edited.leaf_node_source is not LeafNodeSource.KEY_PACKAGE
    leaf = edited.signed(suite, signer, GROUP_ID, LeafIndex(0)) if placed else edited.signed(suite, signer)
    return replace(honest, key_package=replace(honest.key_package, leaf_node=leaf).signed(suite, signer))


def founder(
    name: str = "member 0",
    *,
    suite: CipherSuite = SUITE,
    policy: GroupPolicy = OPEN,
    extensions: Extensions = (),
    capabilities: Capabilities | None = None,
) -> Group:
    """A group of one."""
    return Group.create(
        suite,
        GROUP_ID,
        BasicCredential(name.encode()),
        suite.generate_signature_key(),
        extensions=extensions,
        capabilities=capabilities,
        lifetime=LIFETIME,
        policy=policy,
    )


def members(
    count: int,
    *,
    suite: CipherSuite = SUITE,
    policy: GroupPolicy = OPEN,
    extensions: Extensions = (),
    capabilities: Capabilities | None = None,
) -> list[Group]:
    """`count` members of one group in one epoch, by leaf; the first of them has added the others."""
    first = founder(suite=suite, policy=policy, extensions=extensions, capabilities=capabilities)
    if count == 1:
        return [first]
    newcomers = [client(f"member {n}", suite=suite, capabilities=capabilities) for n in range(1, count)]
    sent = first.commit([Add(newcomer.key_package) for newcomer in newcomers], now=NOW)
    assert sent.welcome is not None
    welcome = sent.welcome
    return [sent.group, *(Group.join(welcome, bundle, now=NOW, policy=policy) for bundle in newcomers)]


def deliver(message: bytes, groups: Sequence[Group]) -> list[Group]:
    """The states of all who have received `message`."""
    return [group.unprotect(message, now=NOW)[0] for group in groups]


def agree(groups: Sequence[Group]) -> bool:
    """Whether all see the same group."""
    return len({(group.epoch, group.epoch_authenticator) for group in groups}) == 1


def again(group: Group) -> Group:
    """The same state as a copy of it: a backup that was restored, or a thief's. It may send what was sent."""
    return Group(group._state)


def state_of(group: Group) -> GroupState:
    """What the group knows."""
    return group._state


@dataclass(frozen=True)
class Forger:
    """A member who breaks rules. Each argument left out is what an honest member would send."""

    group: Group

    @property
    def state(self) -> GroupState:
        """The member's state."""
        return state_of(self.group)

    @property
    def sender(self) -> Sender:
        """The member as a sender."""
        return self.state.epoch.own_sender

    def signed(
        self,
        content: Content,
        wire_format: WireFormat,
        *,
        sender: Sender | None = None,
        signature_key: SignaturePrivateKey | None = None,
        confirmation_tag: bytes | None = None,
    ) -> SignedContent:
        """Any content under any sender's name; a commit gets a tag that is wrong unless one is given."""
        epoch = self.state.epoch
        signer = signature_key or epoch.signature_key
        signed = sign(epoch.framing, wire_format, sender or self.sender, b"", content, signer)
        if isinstance(content, Commit):
            return signed._replace(confirmation_tag=confirmation_tag or bytes(epoch.suite.hash_length))
        return signed

    def public(
        self,
        content: Content,
        *,
        sender: Sender | None = None,
        signature_key: SignaturePrivateKey | None = None,
        confirmation_tag: bytes | None = None,
    ) -> bytes:
        """A PublicMessage."""
        signed = self.signed(
            content,
            WireFormat.PUBLIC_MESSAGE,
            sender=sender,
            signature_key=signature_key,
            confirmation_tag=confirmation_tag,
        )
        return seal_public(self.state.epoch.framing, signed)

    def private(
        self,
        content: Content,
        *,
        signature_key: SignaturePrivateKey | None = None,
        generation: int | None = None,
        claimed_leaf: int | None = None,
        edit_plaintext: Callable[[bytes], bytes] = bytes,
        content_type: ContentType | None = None,
        edit_sender_data: Callable[[bytes], bytes] = bytes,
    ) -> bytes:
        """A PrivateMessage, taken apart further than the library allows.

        `claimed_leaf` and `generation` are what the sender data says; `edit_plaintext` changes what is
        encrypted; `content_type` is what the header says.
        """
        epoch = self.state.epoch
        suite, framing = epoch.suite, epoch.framing
        kind = content_type or content_type_of(content)
        ratchet = RatchetKind.APPLICATION if kind is ContentType.APPLICATION else RatchetKind.HANDSHAKE
        key, _ = self.state.secret_tree.take_next(epoch.own_leaf, ratchet)
        signed = self.signed(content, WireFormat.PRIVATE_MESSAGE, signature_key=signature_key)
        body_start = len(framing.header) + len(self.sender.to_bytes()) + 2
        plaintext = edit_plaintext(signed.framed[body_start:] + signed.auth)
        header = framing.header + bytes((kind,))
        ciphertext = suite.seal(key.key, key.nonce, header + b"\x00", plaintext)
        leaf = epoch.own_leaf if claimed_leaf is None else claimed_leaf
        number = key.generation if generation is None else generation
        # A reuse guard of zeros leaves the nonce as it is.
        data = edit_sender_data(SenderData(LeafIndex(leaf), number, bytes(4)).to_bytes())
        data_key, data_nonce = suite.key_and_nonce(
            framing.sender_data_secret, ciphertext[: suite.hash_length]
        )
        encrypted = suite.seal(data_key, data_nonce, header, data)
        context = epoch.context
        message = PrivateMessage(context.group_id, context.epoch, kind, b"", encrypted, ciphertext)
        return MLSMessage(message).to_bytes()

    def commit(
        self,
        items: Sequence[ProposalOrRef],
        *,
        path: UpdatePath | None = None,
        sender: Sender | None = None,
        signature_key: SignaturePrivateKey | None = None,
    ) -> bytes:
        """A commit of anything at all, with or without a path. Its confirmation tag is wrong."""
        return self.public(Commit(tuple(items), path), sender=sender, signature_key=signature_key)

    def path(
        self,
        proposals: Sequence[Proposal] = (),
        *,
        edit: LeafEdit = unchanged,
        edit_signed: LeafEdit = unchanged,
        signature_key: SignaturePrivateKey | None = None,
        tree: RatchetTree | None = None,
    ) -> UpdatePath:
        """The path for `proposals`; `edit` changes its leaf before, `edit_signed` after it is signed.

        `tree` stands for what the proposals would make of the tree, if that is not to be looked into.
        """
        epoch = self.state.epoch
        listed = [ListedProposal(proposal, self.sender) for proposal in proposals]
        applied = apply_proposals(epoch, listed, epoch.own_leaf, LifetimeRule(NOW))
        template = edit(epoch.require_member(epoch.own_leaf))
        signer = signature_key or epoch.signature_key
        group_id = epoch.context.group_id
        staged = stage_update_path(tree or applied.tree, epoch.own_leaf, template, signer, group_id)
        context = provisional_context(epoch.context, staged.tree, applied.extensions)
        path = staged.encrypt(context, applied.new_leaves)
        return replace(path, leaf_node=edit_signed(path.leaf_node))

    def resigned(self, leaf: LeafNode) -> LeafNode:
        """`leaf` as this member signs it for its own place."""
        epoch = self.state.epoch
        return leaf.signed(epoch.suite, epoch.signature_key, epoch.context.group_id, epoch.own_leaf)

    def update_leaf(self, edit: LeafEdit = unchanged) -> LeafNode:
        """A leaf for an Update of this member, changed by `edit` and then signed."""
        epoch = self.state.epoch
        fresh = replace(
            epoch.require_member(epoch.own_leaf),
            encryption_key=epoch.suite.generate_hpke_key().public,
            leaf_node_source=LeafNodeSource.UPDATE,
            lifetime=None,
            parent_hash=None,
        )
        return self.resigned(edit(fresh))


def without_credential_type(credential_type: int) -> Capabilities:
    """Capabilities of a client that does not support a type of credential."""
    capabilities = default_capabilities()
    known = (*capabilities.credentials, STAFF_CREDENTIAL_TYPE)
    kept = tuple(kind for kind in known if kind != credential_type)
    return replace(capabilities, credentials=kept)


def nonce(suite: CipherSuite = SUITE) -> bytes:
    """A psk_nonce as it should be."""
    return os.urandom(suite.hash_length)
