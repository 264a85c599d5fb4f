"""A group lives: members come, speak, renew their keys and go, and always agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from forging.groups import OPEN, SUITE, agree, client, deliver, founder, members
from forging.trees import NOW
from teduh_crypto.exceptions import OperationNotAllowed, UnknownMember
from teduh_crypto.hazmat.ciphersuite import CIPHER_SUITES, CipherSuite
from teduh_crypto.mls import (
    Add,
    ApplicationMessage,
    BasicCredential,
    CommitReceived,
    Extension,
    Group,
    LeafChange,
    LeafIndex,
    ProposalReceived,
    Remove,
    RemovedFromGroup,
    WireFormat,
    default_capabilities,
)

every_suite = pytest.mark.parametrize("suite", CIPHER_SUITES.values(), ids=lambda suite: hex(suite.code))


def names(group: Group) -> list[bytes]:
    found = []
    for member in group.members:
        assert isinstance(member.credential, BasicCredential)
        found.append(member.credential.identity)
    return found


def test_a_new_group_has_its_creator_alone() -> None:
    group = founder("alice")
    assert (group.epoch, group.own_leaf_index, names(group)) == (0, 0, [b"alice"])


def test_a_group_is_not_created_with_extensions_that_its_creator_does_not_support() -> None:
    """RFC 9420, 13.4: an extension in use by the group is one that all members support."""
    with pytest.raises(OperationNotAllowed, match="its own creator"):
        founder(extensions=(Extension(0xF123, b""),))


@every_suite
def test_a_conversation_of_two(suite: CipherSuite) -> None:
    alice, bob = members(2, suite=suite)
    assert agree([alice, bob])
    alice, message = alice.protect(b"hello", authenticated_data=b"header")
    bob, received = bob.unprotect(message, now=NOW)
    assert isinstance(received, ApplicationMessage)
    assert (received.sender, received.data, received.authenticated_data) == (0, b"hello", b"header")
    bob, answer = bob.protect(b"hi")
    alice, received = alice.unprotect(answer, now=NOW)
    assert isinstance(received, ApplicationMessage)
    assert received.data == b"hi"


def test_a_message_tells_whether_one_of_its_sender_was_passed_over() -> None:
    """Also one that comes late, and in a new epoch, where generations begin at 0 (RFC 9420, 9.1)."""
    alice, bob = members(2)
    sent = []
    for _ in range(4):
        alice, message = alice.protect(b"hello")
        sent.append(message)
    said = []
    for place in (1, 2, 0, 3):
        bob, received = bob.unprotect(sent[place], now=NOW)
        assert isinstance(received, ApplicationMessage)
        said.append(received.is_next)
    assert said == [False, True, False, True]
    commit = alice.commit(now=NOW)
    alice, (bob, _) = commit.group, bob.unprotect(commit.message, now=NOW)
    alice, message = alice.protect(b"hello")
    bob, received = bob.unprotect(message, now=NOW)
    assert isinstance(received, ApplicationMessage)
    assert received.is_next


@every_suite
def test_a_third_comes_and_the_first_goes(suite: CipherSuite) -> None:
    """Leaf 0 is a leaf like any other: it commits, it is removed, and its place is taken again."""
    alice, bob = members(2, suite=suite)
    carol_keys = client("carol", suite=suite)
    sent = bob.commit([Add(carol_keys.key_package)], now=NOW)
    assert sent.welcome is not None
    bob, carol = sent.group, Group.join(sent.welcome, carol_keys, now=NOW, policy=OPEN)
    alice, received = alice.unprotect(sent.message, now=NOW)
    assert isinstance(received, CommitReceived)
    assert [member.leaf_index for member in received.added] == [2]
    assert agree([alice, bob, carol])
    sent = carol.commit([Remove(LeafIndex(0))], now=NOW)
    alice, received = alice.unprotect(sent.message, now=NOW)
    assert isinstance(received, RemovedFromGroup)
    assert received.sender == 2
    carol, (bob,) = sent.group, deliver(sent.message, [bob])
    assert agree([bob, carol])
    assert names(bob) == [b"member 1", b"carol"]
    dora = client("dora", suite=suite)
    sent = bob.commit([Add(dora.key_package)], now=NOW)
    assert sent.welcome is not None
    assert Group.join(sent.welcome, dora, now=NOW).own_leaf_index == 0


def test_a_removed_member_can_do_nothing_more() -> None:
    alice, bob = members(2)
    sent = alice.commit([Remove(LeafIndex(1))], now=NOW)
    bob, _ = bob.unprotect(sent.message, now=NOW)
    assert not bob.is_member
    operations: list[Callable[[], object]] = [
        lambda: bob.protect(b""),
        lambda: bob.commit(),
        lambda: bob.propose(Remove(LeafIndex(0))),
        lambda: bob.propose_update(),
        lambda: bob.unprotect(sent.message, now=NOW),
        lambda: bob.export("label", b"", 32),
        lambda: bob.group_info(),
    ]
    for operation in operations:
        with pytest.raises(OperationNotAllowed, match="removed"):
            operation()


def test_a_commit_leaves_the_state_that_made_it_as_it_was() -> None:
    """RFC 9420, 14: "The generation of Commit messages MUST NOT modify a client's state"."""
    alice, _ = members(2)
    before = alice.to_bytes()
    alice.commit(now=NOW)
    assert alice.to_bytes() == before


def test_who_loses_the_race_processes_the_commit_that_won() -> None:
    alice, bob, carol = members(3)
    won, lost = alice.commit(now=NOW), bob.commit(now=NOW)
    bob, carol = deliver(won.message, [lost.if_refused, carol])
    assert agree([won.group, bob, carol])


def test_a_refused_commit_has_used_up_its_message_key() -> None:
    """RFC 9420, 9.1: "Each key/nonce pair MUST NOT be used to encrypt more than one message"."""
    alice, bob = members(2)
    refused = alice.commit(now=NOW)
    again = refused.if_refused.commit(now=NOW)
    ratchets = again.if_refused._state.secret_tree.ratchets
    assert ratchets[0, 0].generation == 2
    assert agree([again.group, *deliver(again.message, [bob])])


def test_the_signature_key_rotates_with_a_commit() -> None:
    """The commit itself is still signed with the old key; all that follows with the new one."""
    alice, bob = members(2)
    key = SUITE.generate_signature_key()
    sent = alice.commit(leaf=LeafChange(signature_key=key), now=NOW)
    (bob,) = deliver(sent.message, [bob])
    assert bob.member(LeafIndex(0)).signature_key == key.public
    _, message = sent.group.protect(b"signed anew")
    _, received = bob.unprotect(message, now=NOW)
    assert isinstance(received, ApplicationMessage)


def test_the_signature_key_rotates_with_an_update_that_another_commits() -> None:
    alice, bob = members(2)
    key = SUITE.generate_signature_key()
    alice, proposal = alice.propose_update(LeafChange(signature_key=key))
    (bob,) = deliver(proposal, [bob])
    sent = bob.commit(now=NOW)
    (alice,) = deliver(sent.message, [alice])
    assert agree([alice, sent.group])
    _, message = alice.protect(b"signed anew")
    _, received = sent.group.unprotect(message, now=NOW)
    assert isinstance(received, ApplicationMessage)
    assert received.member.signature_key == key.public


def test_an_old_signature_key_speaks_for_nobody_after_rotation() -> None:
    """A key that was rotated away may come back with another client, as after a move to a new device."""
    alice, bob = members(2)
    old = alice._state.epoch.signature_key
    sent = alice.commit(leaf=LeafChange(signature_key=SUITE.generate_signature_key()), now=NOW)
    (bob,) = deliver(sent.message, [bob])
    newcomer = client("alice again", signature_key=old)
    added = sent.group.commit([Add(newcomer.key_package)], now=NOW)
    assert agree([added.group, *deliver(added.message, [bob])])


def test_a_client_is_removed_and_added_in_one_commit() -> None:
    """RFC 9420, 12.2: an Add of a client in the group is fine with "a Remove proposal in the list"."""
    alice, bob, carol = members(3)
    returning = client("member 2", signature_key=carol._state.epoch.signature_key)
    sent = alice.commit([Add(returning.key_package), Remove(LeafIndex(2))], now=NOW)
    assert sent.welcome is not None
    (bob,) = deliver(sent.message, [bob])
    again = Group.join(sent.welcome, returning, now=NOW)
    assert again.own_leaf_index == 2
    assert agree([sent.group, bob, again])
    with pytest.raises(OperationNotAllowed):
        carol.unprotect(sent.message, now=NOW)[0].protect(b"")


def test_proposals_take_effect_in_the_order_update_remove_add() -> None:
    """RFC 9420, 12.3: whatever the list's order, the freed leaf is there when the Add takes its place."""
    alice, bob, carol = members(3)
    carol, update = carol.propose_update()
    alice, bob = deliver(update, [alice, bob])
    newcomer = client("dora")
    sent = alice.commit([Add(newcomer.key_package), Remove(LeafIndex(1))], now=NOW)
    assert sent.welcome is not None
    (carol,) = deliver(sent.message, [carol])
    dora = Group.join(sent.welcome, newcomer, now=NOW)
    assert dora.own_leaf_index == 1
    assert agree([sent.group, carol, dora])


@pytest.mark.parametrize("wire_format", [WireFormat.PUBLIC_MESSAGE, WireFormat.PRIVATE_MESSAGE])
def test_a_proposal_waits_for_anybody_to_commit_it(wire_format: WireFormat) -> None:
    alice, bob, carol = members(3)
    alice, proposal = alice.propose(Remove(LeafIndex(2)), wire_format=wire_format)
    bob, received = bob.unprotect(proposal, now=NOW)
    (carol,) = deliver(proposal, [carol])
    assert isinstance(received, ProposalReceived)
    sent = bob.commit(wire_format=wire_format, now=NOW)
    alice, carol = deliver(sent.message, [alice, carol])
    assert agree([alice, sent.group])
    assert not carol.is_member


def test_a_committer_leaves_out_a_pending_proposal_that_does_not_fit() -> None:
    """Any member can propose nonsense; it must not keep the others from committing."""
    alice, bob = members(2)
    bob, nonsense = bob.propose(Remove(LeafIndex(77)))
    (alice,) = deliver(nonsense, [alice])
    sent = alice.commit(now=NOW)
    assert agree([sent.group, *deliver(sent.message, [bob])])


def test_a_committer_prefers_a_remove_to_an_update_of_the_same_leaf() -> None:
    """RFC 9420, 12.2: "they SHOULD prefer any Remove received"."""
    alice, bob, carol = members(3)
    carol, update = carol.propose_update()
    bob, remove = bob.propose(Remove(LeafIndex(2)))
    alice, bob = deliver(update, [alice, bob])
    (alice,) = deliver(remove, [alice])
    sent = alice.commit(now=NOW)
    assert [member.leaf_index for member in sent.group.members] == [0, 1]
    assert agree([sent.group, *deliver(sent.message, [bob])])


def test_a_committer_prefers_the_newest_update_of_a_leaf() -> None:
    """RFC 9420, 12.2: "or the most recent Update if there are no Removes"."""
    alice, bob = members(2)
    bob, first = bob.propose_update()
    bob, second = bob.propose_update()
    alice, *_ = deliver(first, [alice])
    alice, newest = alice.unprotect(second, now=NOW)
    sent = alice.commit(now=NOW)
    assert isinstance(newest, ProposalReceived)
    (bob,) = deliver(sent.message, [bob])
    assert agree([sent.group, bob])
    updated = newest.proposal
    assert bob.member(LeafIndex(1)).leaf_node == getattr(updated, "leaf_node", None)


def test_a_member_does_not_commit_her_own_pending_update() -> None:
    alice, bob = members(2)
    alice, update = alice.propose_update()
    (bob,) = deliver(update, [bob])
    sent = alice.commit(now=NOW)
    assert agree([sent.group, *deliver(sent.message, [bob])])


def test_a_commit_can_leave_out_the_path_when_it_only_adds() -> None:
    alice, bob = members(2)
    newcomer = client("carol")
    sent = alice.commit([Add(newcomer.key_package)], path=False, now=NOW)
    assert sent.welcome is not None
    carol = Group.join(sent.welcome, newcomer, now=NOW)
    assert agree([sent.group, carol, *deliver(sent.message, [bob])])


@pytest.mark.parametrize("proposals", [[], [Remove(LeafIndex(1))]], ids=["empty", "remove"])
def test_a_commit_cannot_leave_out_a_path_that_is_required(proposals: list[Remove]) -> None:
    """RFC 9420, 12.4: "By default, the `path` field of a Commit MUST be populated"."""
    alice, _ = members(2)
    with pytest.raises(OperationNotAllowed, match="path"):
        alice.commit(proposals, path=False, now=NOW)


def test_exported_secrets_agree_and_are_bound_to_label_and_context() -> None:
    """RFC 9420, 8.5."""
    alice, bob = members(2)
    secret = alice.export("call", b"1", 32)
    assert secret == bob.export(b"call", b"1", 32)
    assert len({secret, alice.export("call", b"2", 32), alice.export("file", b"1", 32)}) == 3


def test_a_message_of_any_length_arrives() -> None:
    alice, bob = members(2)
    for length in (0, 1, 63, 64, 16_383, 16_384, 100_000):
        alice, message = alice.protect(bytes(length))
        bob, received = bob.unprotect(message, now=NOW)
        assert isinstance(received, ApplicationMessage)
        assert received.data == bytes(length)


def test_padding_hides_the_length() -> None:
    alice, bob = members(2)

    def to_a_thousand(length: int) -> int:
        return -length % 1000

    lengths = set()
    for text in (b"", b"yes", b"a whole sentence"):
        alice, message = alice.protect(text, padding=to_a_thousand)
        bob, received = bob.unprotect(message, now=NOW)
        assert isinstance(received, ApplicationMessage)
        assert received.data == text
        lengths.add(len(message))
    assert len(lengths) == 1


def test_no_member_is_named_that_is_not_there() -> None:
    with pytest.raises(UnknownMember):
        founder().member(LeafIndex(1))


def test_the_tree_may_travel_beside_the_welcome() -> None:
    """RFC 9420, 12.4.3.3."""
    alice, newcomer = founder(), client("bob")
    sent = alice.commit([Add(newcomer.key_package)], tree_in_welcome=False, now=NOW)
    assert sent.welcome is not None
    bob = Group.join(sent.welcome, newcomer, ratchet_tree=sent.group.ratchet_tree, now=NOW)
    assert agree([sent.group, bob])


def test_capabilities_may_hold_grease() -> None:
    """RFC 9420, 13.5: unknown values in capabilities are ignored, whoever sends them."""
    grease = (0x0A0A, 0x5A5A)
    capabilities = replace(
        default_capabilities(),
        cipher_suites=(*grease, SUITE.code),
        extensions=grease,
        proposals=grease,
        credentials=(*default_capabilities().credentials, *grease),
    )
    assert agree(members(3, capabilities=capabilities))
