"""Joining and proposing from outside (RFC 9420, 12.1.8 and 12.4.3.2): possible, and refused by default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from forging.groups import OPEN, SUITE, Forger, agree, client, deliver, members, nonce, state_of
from forging.trees import NOW
from teduh_crypto.exceptions import (
    InvalidCommit,
    InvalidGroupInfo,
    InvalidMessage,
    InvalidProposalList,
    InvalidSignature,
    RemoteError,
    UnsupportedByPolicy,
)
from teduh_crypto.hazmat.secret import SignaturePrivateKey
from teduh_crypto.mls import (
    Add,
    ApplicationMessage,
    BasicCredential,
    CommitReceived,
    ExternalPSK,
    ExternalSender,
    ExternalSenders,
    Group,
    GroupContextExtensions,
    GroupPolicy,
    LeafIndex,
    PreSharedKey,
    PreSharedKeyID,
    Proposal,
    ProposalReceived,
    Remove,
    RemovedFromGroup,
    Sender,
    SenderType,
    Update,
)
from teduh_crypto.mls.commit import Commit, ProposalOrRef
from teduh_crypto.mls.framing import (
    FramedContent,
    FramedContentAuthData,
    MLSMessage,
    PublicMessage,
    WireFormat,
)
from teduh_crypto.mls.group_info import GroupInfo
from teduh_crypto.mls.message_protection import EpochFraming, seal_public, sign
from teduh_crypto.mls.proposal import ExternalInit, ProposalRef, ReInit

JOINER = Sender(SenderType.NEW_MEMBER_COMMIT)


def join(group: Group, name: str = "newcomer", *, removed: int | None = None) -> tuple[Group, bytes]:
    """Somebody enters by an external commit."""
    return Group.join_externally(
        group.group_info(with_external_pub=True),
        BasicCredential(name.encode()),
        SUITE.generate_signature_key(),
        removed=None if removed is None else LeafIndex(removed),
        policy=OPEN,
        now=NOW,
    )


def commit_in(message: bytes) -> Commit:
    body = MLSMessage.from_bytes(message).body
    assert isinstance(body, PublicMessage)
    commit = body.content.content
    assert isinstance(commit, Commit)
    return commit


def forged_join(group: Group, proposals: Sequence[ProposalOrRef], *, path: bool = True) -> bytes:
    """An external commit with any proposals, and the path that goes with an ExternalInit alone."""
    newcomer, message = join(group)
    commit = commit_in(message)
    forged = Commit(tuple(proposals), commit.path if path else None)
    return Forger(group).public(forged, sender=JOINER, signature_key=state_of(newcomer).epoch.signature_key)


def external_init(group: Group) -> ExternalInit:
    """An ExternalInit that works."""
    (proposal,) = commit_in(join(group)[1]).proposals
    assert isinstance(proposal, ExternalInit)
    return proposal


# External commits.


def test_a_newcomer_joins_by_herself() -> None:
    alice, bob = members(2)
    carol, message = join(alice)
    alice, received = alice.unprotect(message, now=NOW)
    (bob,) = deliver(message, [bob])
    assert isinstance(received, CommitReceived)
    assert (received.sender, received.external) == (2, True)
    assert [member.leaf_index for member in received.added] == [2]
    assert agree([alice, bob, carol])
    carol, hello = carol.protect(b"hello")
    _, heard = alice.unprotect(hello, now=NOW)
    assert isinstance(heard, ApplicationMessage)


def test_a_newcomer_takes_the_leftmost_free_leaf() -> None:
    """12.4.2: "assign the sender the leftmost blank leaf node in the new ratchet tree"."""
    alice, _, carol = members(3)
    sent = alice.commit([Remove(LeafIndex(1))], now=NOW)
    (carol,) = deliver(sent.message, [carol])
    dora, message = join(sent.group)
    assert dora.own_leaf_index == 1
    assert agree([dora, *deliver(message, [sent.group, carol])])


def test_a_member_who_lost_her_state_replaces_herself() -> None:
    alice, bob, carol = members(3)
    again, message = join(alice, "member 1", removed=1)
    alice, received = alice.unprotect(message, now=NOW)
    assert isinstance(received, CommitReceived)
    assert [member.leaf_index for member in received.removed] == [1]
    bob, out = bob.unprotect(message, now=NOW)
    assert isinstance(out, RemovedFromGroup)
    (carol,) = deliver(message, [carol])
    assert agree([alice, carol, again])


def test_a_newcomer_may_mix_in_a_psk() -> None:
    (alice,) = members(1)
    alice = alice.with_psk(b"key", b"secret")
    carol, message = Group.join_externally(
        alice.group_info(with_external_pub=True),
        BasicCredential(b"carol"),
        SUITE.generate_signature_key(),
        psks={b"key": b"secret"},
        psk_ids=[PreSharedKeyID(ExternalPSK(b"key"), nonce())],
        policy=OPEN,
        now=NOW,
    )
    assert agree([carol, *deliver(message, [alice])])


def test_external_commits_are_refused_by_default() -> None:
    alice, _ = members(2)
    _, message = join(alice)
    with pytest.raises(UnsupportedByPolicy, match="external commit"):
        alice.with_policy(GroupPolicy()).unprotect(message, now=NOW)


def test_a_group_info_without_an_external_pub_admits_nobody() -> None:
    """12.4.3.2: a joiner "needs a GroupInfo with an `external_pub` extension"."""
    alice, _ = members(2)
    with pytest.raises(InvalidGroupInfo, match="external_pub"):
        Group.join_externally(
            alice.group_info(), BasicCredential(b"carol"), SUITE.generate_signature_key(), now=NOW
        )


def test_a_group_info_signed_by_somebody_else_admits_nobody() -> None:
    alice, _ = members(2)
    info = MLSMessage.from_bytes(alice.group_info(with_external_pub=True)).body
    assert isinstance(info, GroupInfo)
    forged = MLSMessage(replace(info, signature=bytes(64))).to_bytes()
    with pytest.raises(InvalidSignature):
        Group.join_externally(forged, BasicCredential(b"carol"), SUITE.generate_signature_key(), now=NOW)


def test_an_external_commit_without_a_path_is_refused() -> None:
    """ "External Commits MUST contain a `path` field" """
    alice, _ = members(2)
    message = forged_join(alice, [external_init(alice)], path=False)
    with pytest.raises(InvalidMessage, match="path"):
        alice.unprotect(message, now=NOW)


def test_an_external_commit_that_refers_to_a_proposal_is_refused() -> None:
    """ "The Commit MUST NOT include any proposals by reference" """
    alice, _ = members(2)
    alice, _ = alice.propose(Remove(LeafIndex(1)))
    references: list[ProposalRef] = list(state_of(alice).proposals)
    message = forged_join(alice, [external_init(alice), *references])
    with pytest.raises(InvalidCommit, match="refers to a proposal"):
        alice.unprotect(message, now=NOW)


def test_an_external_commit_must_be_signed_by_the_newcomer() -> None:
    """ "MUST verify using the public key for the credential in the `leaf_node` of the `path` field" """
    alice, bob = members(2)
    _, message = join(alice)
    forged = Forger(bob).public(commit_in(message), sender=JOINER)
    with pytest.raises(InvalidSignature):
        alice.unprotect(forged, now=NOW)


def test_an_external_commit_in_a_members_name_is_refused() -> None:
    """ "The sender type [...] MUST be `new_member_commit`." """
    alice, bob = members(2)
    _, message = join(alice)
    with pytest.raises(RemoteError):
        alice.unprotect(Forger(bob).public(commit_in(message)), now=NOW)


def listed(case: str, group: Group) -> list[Proposal]:
    """Lists of proposals that an external commit may not have (12.2)."""
    init = external_init(group)
    lists: dict[str, list[Proposal]] = {
        "no ExternalInit": [],
        "two ExternalInits": [init, init],
        "an Add": [init, Add(client("dora").key_package)],
        "extensions": [init, GroupContextExtensions(())],
        "two Removes": [init, Remove(LeafIndex(0)), Remove(LeafIndex(1))],
        "an Update": [init, Update(Forger(group).update_leaf())],
    }
    return lists[case]


@pytest.mark.parametrize(
    "case", ["no ExternalInit", "two ExternalInits", "an Add", "extensions", "two Removes", "an Update"]
)
def test_an_external_commit_with_other_proposals_is_refused(case: str) -> None:
    """12.2: "Exactly one ExternalInit [...] At most one Remove [...] No other proposals"."""
    alice, _ = members(2)
    with pytest.raises(InvalidProposalList, match="external commit"):
        alice.unprotect(forged_join(alice, listed(case, alice)), now=NOW)


def test_an_external_init_that_does_not_open_is_refused() -> None:
    alice, _ = members(2)
    with pytest.raises(RemoteError):
        alice.unprotect(forged_join(alice, [ExternalInit(bytes(32))]), now=NOW)


def test_a_newcomer_with_a_members_signature_key_is_refused() -> None:
    """7.3: unless she removes that member, she is in the group already."""
    alice, bob = members(2)
    _, message = Group.join_externally(
        alice.group_info(with_external_pub=True),
        BasicCredential(b"bob"),
        state_of(bob).epoch.signature_key,
        removed=LeafIndex(1),
        policy=OPEN,
        now=NOW,
    )
    deliver(message, [alice])
    with pytest.raises(InvalidProposalList, match="same signature key"):
        Group.join_externally(
            alice.group_info(with_external_pub=True),
            BasicCredential(b"bob"),
            state_of(bob).epoch.signature_key,
            policy=OPEN,
            now=NOW,
        )


# Proposals from outside.


class Outsider:
    """An external sender of the group."""

    def __init__(self) -> None:
        self.signature_key: SignaturePrivateKey = SUITE.generate_signature_key()

    def extension(self) -> ExternalSenders:
        sender = ExternalSender(self.signature_key.public, BasicCredential(b"outsider"))
        return ExternalSenders((sender,))

    def propose(self, group: Group, proposal: Proposal, *, index: int = 0) -> bytes:
        """The proposal as somebody outside signs it: without the group context (6.1)."""
        return propose(group, proposal, Sender(SenderType.EXTERNAL, index), self.signature_key)


def propose(group: Group, proposal: Proposal, sender: Sender, key: SignaturePrivateKey) -> bytes:
    framing: EpochFraming = state_of(group).epoch.framing
    return seal_public(framing, sign(framing, WireFormat.PUBLIC_MESSAGE, sender, b"", proposal, key))


def watched() -> tuple[Outsider, list[Group]]:
    """A group of three with an external sender."""
    outsider = Outsider()
    return outsider, members(3, extensions=(outsider.extension().to_extension(),))


def test_an_external_sender_proposes() -> None:
    outsider, (alice, bob, carol) = watched()
    proposal = outsider.propose(alice, Remove(LeafIndex(2)))
    alice, received = alice.unprotect(proposal, now=NOW)
    assert isinstance(received, ProposalReceived)
    assert received.sender == Sender(SenderType.EXTERNAL, 0)
    bob, carol = deliver(proposal, [bob, carol])
    sent = alice.commit(now=NOW)
    assert agree([sent.group, *deliver(sent.message, [bob])])


def test_a_would_be_member_proposes_to_be_added() -> None:
    """12.1.8: "an Add proposal sent by the new joiner itself"."""
    alice, bob = members(2)
    dora = client("dora")
    sender = Sender(SenderType.NEW_MEMBER_PROPOSAL)
    proposal = propose(alice, Add(dora.key_package), sender, dora.signature_key)
    alice, bob = deliver(proposal, [alice, bob])
    sent = alice.commit(now=NOW)
    assert sent.welcome is not None
    assert agree([sent.group, Group.join(sent.welcome, dora, now=NOW), *deliver(sent.message, [bob])])


def test_proposals_from_outside_are_refused_by_default() -> None:
    outsider, (alice, *_) = watched()
    closed = alice.with_policy(GroupPolicy(allow_public_messages=True))
    with pytest.raises(UnsupportedByPolicy, match="outside"):
        closed.unprotect(outsider.propose(alice, Remove(LeafIndex(2))), now=NOW)


@pytest.mark.parametrize("index", [1, 2**32 - 1])
def test_an_external_sender_that_is_not_listed_is_refused(index: int) -> None:
    """6.1: the key is the one "at the index indicated by `sender_index` in the `external_senders`"."""
    outsider, (alice, *_) = watched()
    with pytest.raises(InvalidMessage, match="no external sender"):
        alice.unprotect(outsider.propose(alice, Remove(LeafIndex(2)), index=index), now=NOW)


def test_an_external_sender_of_a_group_that_has_none_is_refused() -> None:
    """12.1.8: only "if the `external_senders` extension is present in the group's GroupContext"."""
    alice, _ = members(2)
    with pytest.raises(InvalidMessage, match="no external senders"):
        alice.unprotect(Outsider().propose(alice, Remove(LeafIndex(1))), now=NOW)


def test_a_proposal_in_an_external_senders_name_is_refused() -> None:
    _, (alice, *_) = watched()
    with pytest.raises(InvalidSignature):
        alice.unprotect(Outsider().propose(alice, Remove(LeafIndex(2))), now=NOW)


@pytest.mark.parametrize("kind", ["update", "external init"])
def test_an_external_sender_may_not_propose_everything(kind: str) -> None:
    """12.1.8: "proposal types other than the above MUST be rejected as malformed"."""
    outsider, (alice, *_) = watched()
    proposal: Proposal = ExternalInit(bytes(32))
    if kind == "update":
        proposal = Update(Forger(alice).update_leaf())
    with pytest.raises(InvalidMessage, match="may not send"):
        alice.unprotect(outsider.propose(alice, proposal), now=NOW)


def test_an_external_reinit_is_kept_and_never_committed() -> None:
    outsider, (alice, bob, _) = watched()
    proposal = outsider.propose(alice, ReInit(b"new", 1, SUITE.code))
    alice, bob = deliver(proposal, [alice, bob])
    sent = alice.commit(now=NOW)
    assert agree([sent.group, *deliver(sent.message, [bob])])


def test_a_would_be_member_may_propose_nothing_but_an_add() -> None:
    """6.1: "the `proposal_type` of the Proposal MUST be `add`"."""
    alice, _ = members(2)
    dora = client("dora")
    sender = Sender(SenderType.NEW_MEMBER_PROPOSAL)
    message = propose(
        alice, PreSharedKey(PreSharedKeyID(ExternalPSK(b"k"), nonce())), sender, dora.signature_key
    )
    with pytest.raises(InvalidMessage, match="nothing but an Add"):
        alice.unprotect(message, now=NOW)


def test_a_would_be_member_signs_with_the_key_of_her_key_package() -> None:
    alice, _ = members(2)
    sender = Sender(SenderType.NEW_MEMBER_PROPOSAL)
    message = propose(alice, Add(client("dora").key_package), sender, SUITE.generate_signature_key())
    with pytest.raises(InvalidSignature):
        alice.unprotect(message, now=NOW)


def test_a_newcomers_commit_holds_no_proposal_content() -> None:
    """6.1: for `new_member_commit` the content type "MUST be `commit`"."""
    alice, _ = members(2)
    context = state_of(alice).epoch.context
    content = FramedContent(context.group_id, context.epoch, JOINER, b"", Remove(LeafIndex(1)))
    message = MLSMessage(PublicMessage(content, FramedContentAuthData(bytes(64))))
    with pytest.raises(InvalidMessage, match="commit with a path"):
        alice.unprotect(message.to_bytes(), now=NOW)
