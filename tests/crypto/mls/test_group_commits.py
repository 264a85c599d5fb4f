"""Commits that break a rule of RFC 9420, 7.5, 7.9 and 12.4, are refused, and leave the state as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from forging.groups import (
    GROUP_ID,
    SUITE,
    Forger,
    again,
    agree,
    client,
    deliver,
    members,
    nonce,
    state_of,
    without_credential_type,
)
from forging.trees import NOW
from teduh_crypto.exceptions import (
    DecryptionFailed,
    InvalidCommit,
    InvalidLeafNode,
    InvalidMac,
    InvalidProposalList,
    InvalidPublicKey,
    InvalidSignature,
    InvalidUpdatePath,
    OperationNotAllowed,
    RemoteError,
    UnknownProposal,
)
from teduh_crypto.mls import (
    Add,
    BasicCredential,
    Extension,
    ExternalPSK,
    Group,
    GroupContextExtensions,
    LeafChange,
    LeafIndex,
    LeafNode,
    OpaqueCredential,
    PreSharedKey,
    PreSharedKeyID,
    Proposal,
    Remove,
    WireFormat,
)
from teduh_crypto.mls.commit import Commit
from teduh_crypto.mls.framing import MLSMessage, PublicMessage
from teduh_crypto.mls.leaf_node import LeafNodeSource
from teduh_crypto.mls.update_path import HPKECiphertext, UpdatePath, UpdatePathNode


def refuses(group: Group, message: bytes, error: type[RemoteError], match: str | None) -> None:
    """`group` refuses `message` with that error, and its state stays as it was."""
    before = group.to_bytes()
    with pytest.raises(error, match=match):
        group.unprotect(message, now=NOW)
    assert group.to_bytes() == before


def test_a_forged_commit_lacks_nothing_but_its_confirmation_tag() -> None:
    """The path that the forger sends is right; what the tests below change is what is refused."""
    alice, bob, _ = members(3)
    message = Forger(bob).commit([], path=Forger(bob).path())
    refuses(alice, message, InvalidMac, "confirmation tag")


# Section 12.4, when a path is required.


@pytest.mark.parametrize(
    "proposals",
    [[], [Remove(LeafIndex(2))], [GroupContextExtensions(())]],
    ids=["empty", "remove", "extensions"],
)
def test_a_commit_without_the_path_that_it_requires_is_refused(proposals: list[Proposal]) -> None:
    """ "if len(commit.proposals) == 0 || pathRequired: assert(commit.path != null)" """
    alice, bob, _ = members(3)
    refuses(alice, Forger(bob).commit(proposals), InvalidCommit, "lacks the path")


def test_a_commit_of_an_update_without_a_path_is_refused() -> None:
    alice, bob, carol = members(3)
    _, update = carol.propose_update()
    alice, bob = deliver(update, [alice, bob])
    message = Forger(bob).commit(list(state_of(bob).proposals))
    refuses(alice, message, InvalidCommit, "lacks the path")


# Section 12.4.2, the confirmation tag.


@pytest.mark.parametrize(
    "edit", [lambda tag: tag[:-1], lambda tag: tag[:4], lambda tag: b"", lambda tag: bytes(32)]
)
def test_a_wrong_or_truncated_confirmation_tag_is_refused(edit: Callable[[bytes], bytes]) -> None:
    """ "verify that it is the same as the `confirmation_tag` field" """
    alice, bob, _ = members(3)
    sent = bob.commit(wire_format=WireFormat.PUBLIC_MESSAGE, now=NOW)
    body = MLSMessage.from_bytes(sent.message).body
    assert isinstance(body, PublicMessage)
    commit, tag = body.content.content, body.auth.confirmation_tag
    assert isinstance(commit, Commit)
    assert tag is not None
    forged = Forger(bob).public(commit, confirmation_tag=edit(tag) or None)
    refuses(alice, forged, InvalidMac, "confirmation tag")


def test_a_commit_of_another_history_is_refused() -> None:
    """8.2: each commit "confirms the whole transcript of Commits up to that point"."""
    alice, bob, carol = members(3)
    one, other = alice.commit(now=NOW), bob.commit(now=NOW)
    (carol,) = deliver(one.message, [carol])
    with pytest.raises(RemoteError):
        carol.unprotect(other.group.commit(now=NOW).message, now=NOW)


# Section 12.4.2, the leaf of the path.

LEAVES: dict[str, tuple[Callable[[LeafNode], LeafNode], type[RemoteError], str | None]] = {
    # "The `leaf_node_source` field MUST be set to `commit`."
    "source": (
        lambda leaf: replace(leaf, leaf_node_source=LeafNodeSource.UPDATE, parent_hash=None),
        InvalidLeafNode,
        "not from COMMIT",
    ),
    "own extension": (
        lambda leaf: replace(leaf, extensions=(Extension(0xF123, b""),)),
        InvalidLeafNode,
        "not among the capabilities",
    ),
    "own credential": (
        lambda leaf: replace(leaf, credential=OpaqueCredential(0xF123, b"")),
        InvalidLeafNode,
        "own credential",
    ),
    "others' credentials": (
        lambda leaf: replace(
            leaf, credential=OpaqueCredential(0xF7ED, b""), capabilities=without_credential_type(1)
        ),
        InvalidProposalList,
        "does not support the credential type",
    ),
    # 7.5: "verify that the `parent_hash` field of the leaf node matches"
    "parent hash": (lambda leaf: replace(leaf, parent_hash=bytes(32)), InvalidUpdatePath, "parent hash"),
    "no parent hash": (lambda leaf: replace(leaf, parent_hash=b""), InvalidUpdatePath, "parent hash"),
}


@pytest.mark.parametrize("case", LEAVES)
def test_a_path_with_an_invalid_leaf_is_refused(case: str) -> None:
    """12.4.2: "Validate the LeafNode as specified in" 7.3."""
    edit, error, match = LEAVES[case]
    alice, bob, _ = members(3)
    forger = Forger(bob)
    path = forger.path(edit_signed=lambda leaf: forger.resigned(edit(leaf)))
    refuses(alice, forger.commit([], path=path), error, match)


def test_a_path_whose_leaf_is_changed_after_signing_is_refused() -> None:
    alice, bob, _ = members(3)
    path = Forger(bob).path(
        edit_signed=lambda leaf: replace(leaf, credential=BasicCredential(b"somebody else"))
    )
    refuses(alice, Forger(bob).commit([], path=path), InvalidSignature, None)


def test_a_path_whose_leaf_was_signed_for_another_leaf_is_refused() -> None:
    """7.2: the signature of such a leaf covers group id and leaf index."""
    alice, bob, _ = members(3)
    signer = state_of(bob).epoch.signature_key
    for group_id, leaf_index in ((b"elsewhere", 1), (GROUP_ID, 2)):
        path = Forger(bob).path()
        moved = path.leaf_node.signed(SUITE, signer, group_id, LeafIndex(leaf_index))
        message = Forger(bob).commit([], path=replace(path, leaf_node=moved))
        refuses(alice, message, InvalidSignature, None)


def test_a_path_that_takes_another_members_signature_key_is_refused() -> None:
    """7.3: `signature_key` is "unique among the members of the group"."""
    alice, bob, carol = members(3)
    stolen = state_of(carol).epoch.signature_key
    path = Forger(bob).path(
        edit=lambda leaf: replace(leaf, signature_key=stolen.public), signature_key=stolen
    )
    refuses(alice, Forger(bob).commit([], path=path), InvalidProposalList, "same signature key")


def test_a_commit_signed_with_the_key_that_its_path_brings_is_refused() -> None:
    """6.1: a member signs with "the signature key contained in the LeafNode" of the tree as it is."""
    alice, bob, _ = members(3)
    key = SUITE.generate_signature_key()
    path = Forger(bob).path(edit=lambda leaf: replace(leaf, signature_key=key.public), signature_key=key)
    refuses(alice, Forger(bob).commit([], path=path, signature_key=key), InvalidSignature, None)


# Sections 7.5 and 7.6, the nodes of the path.


def test_a_path_that_keeps_the_leafs_encryption_key_is_refused() -> None:
    """12.4.2: "the `encryption_key` value in the LeafNode is different from" the current one."""
    alice, bob, _ = members(3)
    old = bob.member(LeafIndex(1)).leaf_node.encryption_key
    forger = Forger(bob)
    path = forger.path(edit_signed=lambda leaf: forger.resigned(replace(leaf, encryption_key=old)))
    refuses(alice, forger.commit([], path=path), InvalidLeafNode, "keeps the encryption key")


def with_nodes(path: UpdatePath, nodes: list[UpdatePathNode]) -> UpdatePath:
    return replace(path, nodes=tuple(nodes))


def test_a_path_with_too_few_or_too_many_nodes_is_refused() -> None:
    alice, bob, _ = members(3)
    path = Forger(bob).path()
    for nodes in (list(path.nodes[:-1]), [*path.nodes, path.nodes[-1]]):
        message = Forger(bob).commit([], path=with_nodes(path, nodes))
        refuses(alice, message, InvalidUpdatePath, "nodes where")


def test_a_path_with_a_key_that_is_in_the_tree_is_refused() -> None:
    """12.4.2: "none of the public keys in the UpdatePath appear in any node of the new ratchet tree"."""
    alice, bob, carol = members(3)
    path = Forger(bob).path()
    known = carol.member(LeafIndex(2)).leaf_node.encryption_key
    nodes = [replace(path.nodes[0], encryption_key=known), *path.nodes[1:]]
    refuses(
        alice, Forger(bob).commit([], path=with_nodes(path, nodes)), InvalidUpdatePath, "in the tree already"
    )


def test_a_path_with_one_key_twice_is_refused() -> None:
    alice, bob, _ = members(3)
    path = Forger(bob).path()
    nodes = [replace(node, encryption_key=path.nodes[0].encryption_key) for node in path.nodes]
    refuses(alice, Forger(bob).commit([], path=with_nodes(path, nodes)), InvalidUpdatePath, "twice")


def test_a_path_with_a_key_of_low_order_is_refused() -> None:
    alice, bob, _ = members(3)
    path = Forger(bob).path()
    nodes = [replace(path.nodes[0], encryption_key=bytes(32)), *path.nodes[1:]]
    with pytest.raises((InvalidPublicKey, InvalidUpdatePath)):
        alice.unprotect(Forger(bob).commit([], path=with_nodes(path, nodes)), now=NOW)


def test_a_path_node_without_one_ciphertext_for_each_recipient_is_refused() -> None:
    """7.6: the length of `encrypted_path_secret` "MUST be equal to the length of the resolution"."""
    alice, bob, _ = members(3)
    path = Forger(bob).path()
    extra = HPKECiphertext(bytes(32), bytes(48))
    for sealed in ((), (*path.nodes[0].encrypted_path_secret, extra)):
        nodes = [replace(path.nodes[0], encrypted_path_secret=sealed), *path.nodes[1:]]
        message = Forger(bob).commit([], path=with_nodes(path, nodes))
        refuses(alice, message, InvalidUpdatePath, "one ciphertext for each")


def test_a_path_secret_that_gives_another_key_is_refused() -> None:
    """7.5: "Verify that the derived public keys are the same as the corresponding public keys sent"."""
    alice, bob, _ = members(3)
    forger = Forger(bob)
    mine, other = forger.path(), forger.path()
    mixed = [
        replace(node, encrypted_path_secret=alien.encrypted_path_secret)
        for node, alien in zip(mine.nodes, other.nodes, strict=True)
    ]
    # The other path's ciphertexts are bound to another tree; so is the context, and they do not even open.
    with pytest.raises((DecryptionFailed, InvalidUpdatePath)):
        alice.unprotect(forger.commit([], path=with_nodes(mine, mixed)), now=NOW)


def test_a_path_secret_that_is_not_for_us_is_refused() -> None:
    alice, bob, _ = members(3)
    path = Forger(bob).path()
    sealed = tuple(replace(entry, ciphertext=bytes(48)) for entry in path.nodes[0].encrypted_path_secret)
    nodes = [replace(path.nodes[0], encrypted_path_secret=sealed), *path.nodes[1:]]
    refuses(alice, Forger(bob).commit([], path=with_nodes(path, nodes)), DecryptionFailed, None)


def test_the_path_is_not_encrypted_to_new_members() -> None:
    """7.6: "Any new member (from an Add proposal) added in the same Commit MUST be excluded"."""
    (alice,) = members(1)
    sent = alice.commit([Add(client("bob").key_package)], wire_format=WireFormat.PUBLIC_MESSAGE, now=NOW)
    body = MLSMessage.from_bytes(sent.message).body
    assert isinstance(body, PublicMessage)
    commit = body.content.content
    assert isinstance(commit, Commit)
    assert commit.path is not None
    assert [node.encrypted_path_secret for node in commit.path.nodes] == [()]


def test_the_path_is_bound_to_the_extensions_that_the_same_commit_sets() -> None:
    """12.4.1: the provisional GroupContext holds "the new GroupContext extensions"."""
    alice, bob, carol = members(3)
    proposal = GroupContextExtensions((Extension(1, b"application id"),))
    sent = alice.commit([proposal], now=NOW)
    assert agree([sent.group, *deliver(sent.message, [bob, carol])])
    stale = Forger(alice).path()
    message = Forger(alice).commit([proposal], path=stale)
    refuses(bob, message, DecryptionFailed, None)


# What a commit is made of.


def test_psks_enter_the_epoch_in_the_order_of_their_proposals() -> None:
    """8.4: "in the order listed in the Commit"."""
    alice, bob = (group.with_psk(b"1", b"one").with_psk(b"2", b"two") for group in members(2))
    psks = [PreSharedKey(PreSharedKeyID(ExternalPSK(name), nonce())) for name in (b"2", b"1")]
    sent = alice.commit(psks, path=False, now=NOW)
    assert agree([sent.group, *deliver(sent.message, [bob])])


def test_members_who_hold_different_psks_do_not_agree() -> None:
    alice, bob = members(2)
    psk = PreSharedKey(PreSharedKeyID(ExternalPSK(b"key"), nonce()))
    sent = alice.with_psk(b"key", b"mine").commit([psk], path=False, now=NOW)
    refuses(bob.with_psk(b"key", b"yours"), sent.message, InvalidMac, "confirmation tag")


def test_a_path_may_change_the_committers_leaf_and_a_commit_without_one_may_not() -> None:
    """7.5: "The application MAY specify other changes to the leaf node"."""
    alice, _ = members(2)
    change = LeafChange(credential=BasicCredential(b"renamed"))
    newcomer = Add(client("carol").key_package)
    with pytest.raises(OperationNotAllowed, match="cannot change our leaf"):
        alice.commit([newcomer], leaf=change, path=False, now=NOW)
    sent = alice.commit([newcomer], leaf=change, now=NOW)
    assert sent.group.member(LeafIndex(0)).credential == BasicCredential(b"renamed")


def test_a_state_from_before_our_own_update_cannot_follow_its_commit() -> None:
    """It holds no keys of the new leaf, and says so instead of going astray."""
    alice, bob, _ = members(3)
    forgotten = again(bob)
    _, update = bob.propose_update(wire_format=WireFormat.PUBLIC_MESSAGE)
    (alice,) = deliver(update, [alice])
    refuses(forgotten, alice.commit(now=NOW).message, UnknownProposal, "have not received")


def test_a_commit_to_remove_us_is_checked_before_it_is_believed() -> None:
    alice, bob, _ = members(3)
    proposals = [Remove(LeafIndex(0))]
    path = Forger(bob).path(proposals)
    broken = with_nodes(path, [*path.nodes, *path.nodes])
    refuses(alice, Forger(bob).commit(proposals, path=broken), InvalidUpdatePath, "nodes where")
