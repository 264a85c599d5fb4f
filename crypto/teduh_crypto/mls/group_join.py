"""Entering a group: by creating it, or through a Welcome (RFC 9420, 11 and 12.4.3.1).

Welcome --> group secrets (our init key) --> GroupInfo --> tree: hash, signatures, parent hashes
                                                             |
          next: a member <-- confirmation tag <-- key schedule <-- our leaf, the path's keys
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from teduh_crypto.exceptions import (
    InvalidGroupInfo,
    InvalidLeafNode,
    InvalidMessage,
    InvalidTree,
    InvalidWelcome,
    OperationNotAllowed,
    UnsupportedByPolicy,
)
from teduh_crypto.hazmat.ciphersuite import CipherSuite, cipher_suite
from teduh_crypto.hazmat.secret import HpkePrivateKey, SignaturePrivateKey
from teduh_crypto.mls.extension import OF_THE_GROUP_CONTEXT, Extensions, ExtensionType, find_extension
from teduh_crypto.mls.framing import MLSMessage
from teduh_crypto.mls.group_context import GroupContext
from teduh_crypto.mls.group_info import GroupInfo
from teduh_crypto.mls.group_policy import GroupPolicy
from teduh_crypto.mls.group_state import Epoch, GroupState, first_state
from teduh_crypto.mls.key_package import KeyPackage, KeyPackageBundle
from teduh_crypto.mls.key_schedule import epoch_keys, first_epoch_keys
from teduh_crypto.mls.leaf_node import MLS10, LeafNode
from teduh_crypto.mls.leaf_rules import LeafRules
from teduh_crypto.mls.leaf_validation import LifetimeRule
from teduh_crypto.mls.next_epoch import external_psk_secret
from teduh_crypto.mls.psk import PreSharedKeyID, ResumptionPSK, ResumptionPSKUsage
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.tree_math import LeafIndex, leaf_node_index
from teduh_crypto.mls.treekem import TreePrivateKeys, private_keys_of_joiner
from teduh_crypto.mls.welcome import Welcome
from teduh_crypto.mls.welcome_message import open_group_info, open_group_secrets

_CREATOR = LeafIndex(0)


@dataclass(frozen=True, slots=True)
class JoinOptions:
    """What a joiner brings along.

    `ratchet_tree`: the encoded tree, if the GroupInfo does not hold it. `psks`: external pre-shared keys by
    id. `known_groups`: ids of the groups that this client is in.
    """

    ratchet_tree: bytes | None = None
    psks: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)
    known_groups: Collection[bytes] = ()
    policy: GroupPolicy = field(default_factory=GroupPolicy)


def create_group(
    suite: CipherSuite,
    group_id: bytes,
    leaf: LeafNode,
    leaf_key: HpkePrivateKey,
    signature_key: SignaturePrivateKey,
    extensions: Extensions,
    policy: GroupPolicy,
) -> GroupState:
    """A group of one, in epoch 0 (RFC 9420, 11); raises OperationNotAllowed if its leaf does not fit it."""
    try:
        LeafRules.of(group_id, extensions, LifetimeRule(None)).check_support(leaf.capabilities)
    except InvalidLeafNode as error:
        raise OperationNotAllowed(f"the group could not be joined by its own creator: {error}") from error
    tree = RatchetTree.with_one_leaf(suite, leaf)
    context = GroupContext(
        cipher_suite=suite.code,
        group_id=group_id,
        epoch=0,
        tree_hash=tree.tree_hash(),
        confirmed_transcript_hash=b"",
        extensions=extensions,
    )
    keys = first_epoch_keys(suite, os.urandom(suite.hash_length))
    tag = suite.mac(keys.secrets.confirmation_key, b"")
    held = TreePrivateKeys(_CREATOR, {leaf_node_index(_CREATOR): leaf_key})
    epoch = Epoch.of(suite, context, tree, _CREATOR, signature_key, held, keys.secrets, tag)
    return first_state(epoch, keys, policy, {})


def join_by_welcome(message: bytes, bundle: KeyPackageBundle, options: JoinOptions, now: int) -> GroupState:
    """The state of a new member; raises RemoteErrors on whatever is wrong with the welcome or its tree."""
    suite = cipher_suite(bundle.key_package.cipher_suite)
    welcome = _welcome(message)
    secrets = open_group_secrets(suite, welcome, bundle)
    _require_plain_psks(secrets.psks)
    psk_secret = external_psk_secret(suite, options.psks, secrets.psks)
    info = open_group_info(suite, welcome, secrets.joiner_secret, psk_secret)
    tree = verified_tree(suite, info, options, now)
    own_leaf = _own_leaf(tree, bundle.key_package)
    if info.signer == own_leaf:
        raise InvalidWelcome("the welcome is signed by the leaf that it brings in")
    held = private_keys_of_joiner(tree, own_leaf, bundle.encryption_key, info.signer, secrets.path_secret)
    context = info.group_context
    keys = epoch_keys(suite, secrets.joiner_secret, psk_secret, context.to_bytes())
    suite.verify_mac(keys.secrets.confirmation_key, context.confirmed_transcript_hash, info.confirmation_tag)
    epoch = Epoch.of(
        suite, context, tree, own_leaf, bundle.signature_key, held, keys.secrets, info.confirmation_tag
    )
    return first_state(epoch, keys, options.policy, options.psks)


def _welcome(message: bytes) -> Welcome:
    body = MLSMessage.from_bytes(message).body
    if not isinstance(body, Welcome):
        raise InvalidMessage("the message is not a welcome")
    return body


def _require_plain_psks(psks: tuple[PreSharedKeyID, ...]) -> None:
    special = [
        psk.psk
        for psk in psks
        if isinstance(psk.psk, ResumptionPSK) and psk.psk.usage is not ResumptionPSKUsage.APPLICATION
    ]
    if len(special) > 1:
        # RFC 9420, 12.4.3.1: "verify that it is the only such PSK".
        raise InvalidWelcome("the welcome names several resumption keys of usage reinit or branch")
    if special:
        raise UnsupportedByPolicy("the welcome continues another group, by reinit or branch")


def verified_tree(suite: CipherSuite, info: GroupInfo, options: JoinOptions, now: int) -> RatchetTree:
    """The tree that belongs to a GroupInfo, after all checks on both that need no secret.

    Raises InvalidGroupInfo, InvalidTree, InvalidLeafNode, InvalidSignature and their like.
    """
    context = info.group_context
    if any(extension.extension_type in OF_THE_GROUP_CONTEXT for extension in info.extensions):
        raise InvalidGroupInfo("the group info has an extension that belongs into the group context")
    if context.version != MLS10 or context.cipher_suite != suite.code:
        raise InvalidGroupInfo("the group info is for another protocol version or cipher suite")
    if context.group_id in options.known_groups:
        # RFC 9420, 12.4.3: the group id is unique among the groups that we are in.
        raise InvalidGroupInfo("we are in a group of this id already")
    options.policy.require_group_extensions(context.extensions)
    tree = _received_tree(suite, info, options)
    if tree.tree_hash() != context.tree_hash:
        raise InvalidTree("the ratchet tree is not the one that the group context names")
    signer = tree.leaf(info.signer)
    if signer is None:
        raise InvalidGroupInfo(f"the group info is signed by leaf {info.signer}, where nobody is")
    info.verify_signature(suite, signer.signature_key)
    now_or_never = now if options.policy.check_lifetimes_in_tree else None
    lifetimes = LifetimeRule(now_or_never, options.policy.longest_lifetime)
    LeafRules.of(context.group_id, context.extensions, lifetimes).check_tree(tree)
    return tree


def _received_tree(suite: CipherSuite, info: GroupInfo, options: JoinOptions) -> RatchetTree:
    data = find_extension(info.extensions, ExtensionType.RATCHET_TREE)
    if data is None:
        data = options.ratchet_tree
    if data is None:
        raise InvalidGroupInfo("the group info holds no ratchet tree, and none was given beside it")
    tree = RatchetTree.from_bytes(suite, data, options.policy.most_leaves)
    options.policy.require_tree(tree)
    return tree


def _own_leaf(tree: RatchetTree, key_package: KeyPackage) -> LeafIndex:
    for leaf_index, leaf in tree.leaves():
        if leaf == key_package.leaf_node:
            return leaf_index
    raise InvalidWelcome("our leaf is not in the tree")
