"""A Welcome that breaks a rule of RFC 9420, 12.4.3, lets nobody in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
from forging.groups import (
    GROUP_ID,
    LIFETIME,
    OPEN,
    SUITE,
    agree,
    client,
    founder,
    members,
    nonce,
    state_of,
)
from forging.trees import NOW, replanted
from teduh_crypto.exceptions import (
    DecodingError,
    DecryptionFailed,
    InvalidGroupInfo,
    InvalidLeafNode,
    InvalidMac,
    InvalidMessage,
    InvalidSignature,
    InvalidTree,
    InvalidWelcome,
    RemoteError,
    UnknownPsk,
    UnsupportedByPolicy,
)
from teduh_crypto.hazmat.ciphersuite import cipher_suite
from teduh_crypto.mls import (
    Add,
    Extension,
    ExternalPSK,
    Group,
    KeyPackageBundle,
    LeafIndex,
    LeafNode,
    PreSharedKey,
    PreSharedKeyID,
    RequiredCapabilities,
    ResumptionPSK,
    ResumptionPSKUsage,
)
from teduh_crypto.mls.codec import vector_header
from teduh_crypto.mls.extension import ExtensionType
from teduh_crypto.mls.framing import MLSMessage
from teduh_crypto.mls.group_info import GroupInfo
from teduh_crypto.mls.key_schedule import epoch_keys, welcome_key_and_nonce, welcome_secret
from teduh_crypto.mls.parent_node import ParentNode
from teduh_crypto.mls.psk_secret import psk_secret
from teduh_crypto.mls.ratchet_tree import RatchetTree
from teduh_crypto.mls.update_path import HPKECiphertext
from teduh_crypto.mls.welcome import EncryptedGroupSecrets, GroupSecrets, Welcome
from teduh_crypto.mls.welcome_message import open_group_info, open_group_secrets


def welcome_of(message: bytes) -> Welcome:
    body = MLSMessage.from_bytes(message).body
    assert isinstance(body, Welcome)
    return body


@dataclass(frozen=True)
class Invitation:
    """A Welcome from alice to bob, opened, so that its parts can be exchanged before it is sealed again."""

    alice: Group
    bob: KeyPackageBundle
    secrets: GroupSecrets
    info: GroupInfo

    def resigned(self, info: GroupInfo) -> GroupInfo:
        """`info` under alice's signature."""
        return info.signed(SUITE, state_of(self.alice).epoch.signature_key)

    def confirmed(self, info: GroupInfo) -> GroupInfo:
        """`info` with the confirmation tag and signature that belong to it."""
        keys = epoch_keys(SUITE, self.secrets.joiner_secret, bytes(32), info.group_context.to_bytes())
        tag = SUITE.mac(keys.secrets.confirmation_key, info.group_context.confirmed_transcript_hash)
        return self.resigned(replace(info, confirmation_tag=tag))

    def sealed(self, *, secrets: GroupSecrets | None = None, info: GroupInfo | None = None) -> bytes:
        """The Welcome around these parts."""
        inner = secrets or self.secrets
        secret = welcome_secret(SUITE, self.secrets.joiner_secret, psk_secret(SUITE, ()))
        key, key_nonce = welcome_key_and_nonce(SUITE, secret)
        encrypted = SUITE.seal(key, key_nonce, b"", (info or self.info).to_bytes())
        init_key = self.bob.key_package.init_key
        parts = SUITE.encrypt_with_label(init_key, b"Welcome", encrypted, inner.to_bytes())
        entry = EncryptedGroupSecrets(self.bob.key_package.reference(SUITE), HPKECiphertext(*parts))
        return MLSMessage(Welcome(SUITE.code, (entry,), encrypted)).to_bytes()

    def with_tree(self, tree: RatchetTree) -> GroupInfo:
        """The group info of another tree, consistent in itself."""
        context = replace(self.info.group_context, tree_hash=tree.tree_hash())
        extension = Extension(ExtensionType.RATCHET_TREE, tree.to_bytes())
        return self.confirmed(replace(self.info, group_context=context, extensions=(extension,)))


def invitation(*, extensions: Sequence[Extension] = ()) -> Invitation:
    """A Welcome that is right in every respect."""
    bob = client("bob")
    sent = founder("alice", extensions=tuple(extensions)).commit([Add(bob.key_package)], now=NOW)
    assert sent.welcome is not None
    welcome = welcome_of(sent.welcome)
    secrets = open_group_secrets(SUITE, welcome, bob)
    info = open_group_info(SUITE, welcome, secrets.joiner_secret, psk_secret(SUITE, ()))
    return Invitation(sent.group, bob, secrets, info)


def refuses(invited: Invitation, message: bytes, error: type[RemoteError], match: str | None) -> None:
    with pytest.raises(error, match=match):
        Group.join(message, invited.bob, now=NOW, policy=OPEN)


def test_a_welcome_sealed_again_lets_bob_in() -> None:
    invited = invitation()
    group = Group.join(invited.sealed(info=invited.confirmed(invited.info)), invited.bob, now=NOW)
    assert agree([invited.alice, group])


# Finding and opening it.


def test_a_message_that_is_no_welcome_is_refused() -> None:
    invited = invitation()
    refuses(invited, invited.alice.group_info(), InvalidMessage, "not a welcome")


@pytest.mark.parametrize("message", [b"", b"\x00\x01", bytes(64)])
def test_bytes_that_are_no_message_are_refused(message: bytes) -> None:
    refuses(invitation(), message, DecodingError, None)


def test_a_welcome_for_another_key_package_is_refused() -> None:
    """ "If no such field exists [...] return an error." """
    invited = invitation()
    with pytest.raises(InvalidWelcome, match="not for our key package"):
        Group.join(invited.sealed(), client("carol"), now=NOW)


def test_a_welcome_for_another_cipher_suite_is_refused() -> None:
    """ "if the cipher suite indicated in the KeyPackage does not match the one in the Welcome message" """
    invited = invitation()
    other = replace(welcome_of(invited.sealed()), cipher_suite=3)
    refuses(invited, MLSMessage(other).to_bytes(), InvalidWelcome, "another cipher suite")


def test_a_welcome_whose_group_info_was_exchanged_is_refused() -> None:
    """The encrypted group info is the context under which the secrets are sealed."""
    invited = invitation()
    one = welcome_of(invited.sealed())
    swapped = replace(one, encrypted_group_info=bytes(len(one.encrypted_group_info)))
    refuses(invited, MLSMessage(swapped).to_bytes(), DecryptionFailed, None)


def test_a_group_info_under_another_joiner_secret_is_refused() -> None:
    invited = invitation()
    message = invited.sealed(secrets=replace(invited.secrets, joiner_secret=bytes(32)))
    refuses(invited, message, InvalidWelcome, "does not open")


# The group info.


def test_a_group_info_with_an_invalid_signature_is_refused() -> None:
    """ "if signature verification fails, return an error" """
    invited = invitation()
    refuses(invited, invited.sealed(info=replace(invited.info, signature=bytes(64))), InvalidSignature, None)


@pytest.mark.parametrize("leaf", [2, 3, 2**32 - 1])
def test_a_group_info_signed_by_nobody_is_refused(leaf: int) -> None:
    """ "If the node is blank [...] return an error." """
    invited = invitation()
    info = invited.resigned(replace(invited.info, signer=LeafIndex(leaf)))
    refuses(invited, invited.sealed(info=info), InvalidGroupInfo, "nobody")


def test_a_group_info_signed_in_the_joiners_own_name_is_refused() -> None:
    invited = invitation()
    info = replace(invited.info, signer=LeafIndex(1)).signed(SUITE, invited.bob.signature_key)
    refuses(invited, invited.sealed(info=info), InvalidWelcome, "signed by the leaf")


def test_a_group_that_we_are_in_already_is_not_joined_again() -> None:
    """ "New members MUST verify that `group_id` is unique among the groups" they are in."""
    invited = invitation()
    with pytest.raises(InvalidGroupInfo, match="already"):
        Group.join(invited.sealed(), invited.bob, now=NOW, known_groups=[GROUP_ID])


def test_a_group_of_another_cipher_suite_is_refused() -> None:
    """ "Verify that the `cipher_suite` in the GroupInfo matches the `cipher_suite` in the KeyPackage." """
    invited = invitation()
    context = replace(invited.info.group_context, cipher_suite=3)
    message = invited.sealed(info=invited.confirmed(replace(invited.info, group_context=context)))
    refuses(invited, message, InvalidGroupInfo, "version or cipher suite")


@pytest.mark.parametrize("tag", [bytes(32), b""])
def test_a_wrong_confirmation_tag_is_refused(tag: bytes) -> None:
    """ "Verify the confirmation tag in the GroupInfo" """
    invited = invitation()
    info = invited.resigned(replace(invited.info, confirmation_tag=tag))
    refuses(invited, invited.sealed(info=info), InvalidMac, None)


def test_an_extension_of_the_group_that_the_joiner_does_not_support_is_refused() -> None:
    """13.4: "MUST treat the enclosing GroupInfo message as invalid and not join the group"."""
    invited = invitation()
    context = replace(invited.info.group_context, extensions=(Extension(0xF123, b""),))
    message = invited.sealed(info=invited.confirmed(replace(invited.info, group_context=context)))
    refuses(invited, message, InvalidLeafNode, "does not support the group's extension")


def test_required_capabilities_that_the_joiner_lacks_are_refused() -> None:
    invited = invitation()
    required = RequiredCapabilities(proposal_types=(0xF123,)).to_extension()
    context = replace(invited.info.group_context, extensions=(required,))
    message = invited.sealed(info=invited.confirmed(replace(invited.info, group_context=context)))
    refuses(invited, message, InvalidLeafNode, "required capabilities")


def test_an_extension_of_the_group_info_that_nobody_knows_is_ignored() -> None:
    """12.4.3: "unknown extensions in `GroupInfo.extensions` MUST be ignored"."""
    bob = client("bob")
    grease = Extension(0x1A1A, b"grease")
    sent = founder().commit([Add(bob.key_package)], group_info_extensions=[grease], now=NOW)
    assert sent.welcome is not None
    assert agree([sent.group, Group.join(sent.welcome, bob, now=NOW)])


# The tree.


def test_a_welcome_without_a_tree_is_refused() -> None:
    invited = invitation()
    info = invited.confirmed(replace(invited.info, extensions=()))
    refuses(invited, invited.sealed(info=info), InvalidGroupInfo, "no ratchet tree")


def test_a_tree_with_another_hash_is_refused() -> None:
    """ "Verify that the tree hash of the ratchet tree matches the `tree_hash` field in GroupInfo." """
    invited = invitation()
    context = replace(invited.info.group_context, tree_hash=bytes(32))
    message = invited.sealed(info=invited.confirmed(replace(invited.info, group_context=context)))
    refuses(invited, message, InvalidTree, "not the one")


def leaf_of(tree: RatchetTree, index: int) -> LeafNode:
    leaf = tree.leaf(LeafIndex(index))
    assert leaf is not None
    return leaf


def root_of(tree: RatchetTree) -> ParentNode:
    node = tree.node(tree.root)
    assert isinstance(node, ParentNode)
    return node


def with_another_signature(tree: RatchetTree) -> RatchetTree:
    return replanted(tree, {0: replace(leaf_of(tree, 0), signature=bytes(64))})


def with_another_parent_hash(tree: RatchetTree) -> RatchetTree:
    return replanted(tree, {1: replace(root_of(tree), encryption_key=SUITE.generate_hpke_key().public)})


def with_an_unmerged_leaf_outside(tree: RatchetTree) -> RatchetTree:
    return replanted(tree, {1: replace(root_of(tree), unmerged_leaves=(LeafIndex(1), LeafIndex(7)))})


def with_the_key_of_a_leaf_above(tree: RatchetTree) -> RatchetTree:
    return replanted(tree, {1: replace(root_of(tree), encryption_key=leaf_of(tree, 1).encryption_key)})


def without_the_joiner(tree: RatchetTree) -> RatchetTree:
    return replanted(tree, {1: None, 2: client("somebody else").key_package.leaf_node})


TREES: dict[str, tuple[Callable[[RatchetTree], RatchetTree], type[RemoteError], str | None]] = {
    # "For each non-empty leaf node, validate the LeafNode"
    "leaf signature": (with_another_signature, InvalidSignature, None),
    # "For each non-empty parent node, verify that it is 'parent-hash valid'"
    "parent hash": (with_another_parent_hash, InvalidTree, "parent hash"),
    # "the entry represents a non-blank leaf node that is a descendant of the parent node"
    "unmerged leaf": (with_an_unmerged_leaf_outside, InvalidTree, "unmerged"),
    # "the encryption key in the parent node does not appear in any other node of the tree"
    "key twice": (with_the_key_of_a_leaf_above, InvalidTree, "two nodes"),
    # "Identify a leaf whose LeafNode is identical to the one in the KeyPackage. If no such field exists"
    "not in it": (without_the_joiner, InvalidWelcome, "not in the tree"),
}


@pytest.mark.parametrize("case", TREES)
def test_a_tree_that_does_not_hold_is_refused(case: str) -> None:
    """ "Verify the integrity of the ratchet tree." """
    edit, error, match = TREES[case]
    invited = invitation()
    tree = edit(state_of(invited.alice).epoch.tree)
    refuses(invited, invited.sealed(info=invited.with_tree(tree)), error, match)


def test_a_tree_that_ends_in_a_blank_node_is_refused() -> None:
    """12.4.3.3: "The receiver MUST check that the last node in `ratchet_tree` is non-blank"."""
    invited = invitation()
    tree = invited.alice.ratchet_tree
    header = len(vector_header(len(tree)))
    padded = vector_header(len(tree) - header + 1) + tree[header:] + b"\x00"
    extension = Extension(ExtensionType.RATCHET_TREE, padded)
    info = invited.confirmed(replace(invited.info, extensions=(extension,)))
    refuses(invited, invited.sealed(info=info), InvalidTree, "blank")


def test_a_path_secret_that_gives_another_key_is_refused() -> None:
    """ "The private key MUST be the private key that corresponds to the public key in the node." """
    invited = invitation()
    message = invited.sealed(secrets=replace(invited.secrets, path_secret=bytes(32)))
    refuses(invited, message, InvalidWelcome, "path secret")


# Members whose key packages have run out since they were added.


def test_a_lifetime_that_ran_out_in_the_tree_locks_nobody_out_by_default() -> None:
    """7.3 only recommends the check for leaves in a tree."""
    invited = invitation()
    later = LIFETIME.not_after + 1
    Group.join(invited.sealed(), invited.bob, now=later)
    strict = replace(OPEN, check_lifetimes_in_tree=True)
    with pytest.raises(InvalidLeafNode, match="not valid at this time"):
        Group.join(invited.sealed(), invited.bob, now=later, policy=strict)


# Pre-shared keys.


def test_a_psk_goes_into_the_epoch_of_old_and_new_members() -> None:
    """8.4: "the Commit and GroupSecrets objects MUST indicate the same set of PSKs, in the same order"."""
    bob = client("bob")
    psk = PreSharedKey(PreSharedKeyID(ExternalPSK(b"key"), nonce()))
    sent = founder().with_psk(b"key", b"secret").commit([psk, Add(bob.key_package)], now=NOW)
    assert sent.welcome is not None
    assert agree([sent.group, Group.join(sent.welcome, bob, psks={b"key": b"secret"}, now=NOW)])


def test_a_psk_that_the_joiner_does_not_hold_is_refused() -> None:
    """ "the client is not in possession of the corresponding PSK, return an error" """
    bob = client("bob")
    psk = PreSharedKey(PreSharedKeyID(ExternalPSK(b"key"), nonce()))
    sent = founder().with_psk(b"key", b"secret").commit([psk, Add(bob.key_package)], now=NOW)
    assert sent.welcome is not None
    with pytest.raises(UnknownPsk):
        Group.join(sent.welcome, bob, now=NOW)
    with pytest.raises(InvalidWelcome):
        Group.join(sent.welcome, bob, psks={b"key": b"another"}, now=NOW)


@pytest.mark.parametrize("usage", [ResumptionPSKUsage.REINIT, ResumptionPSKUsage.BRANCH])
def test_a_group_that_continues_another_is_refused(usage: ResumptionPSKUsage) -> None:
    invited = invitation()
    identifier = PreSharedKeyID(ResumptionPSK(usage, b"old group", 3), nonce())
    one = invited.sealed(secrets=replace(invited.secrets, psks=(identifier,)))
    refuses(invited, one, UnsupportedByPolicy, "continues another group")
    # "verify that it is the only such PSK"
    two = invited.sealed(secrets=replace(invited.secrets, psks=(identifier, identifier)))
    refuses(invited, two, InvalidWelcome, "several")


# Welcomes as an honest member makes them.


def test_one_welcome_serves_all_who_were_added() -> None:
    assert agree(members(9))


def test_a_welcome_works_whatever_the_suite() -> None:
    for code in (1, 2, 0xF0B2):
        assert agree(members(4, suite=cipher_suite(code)))
