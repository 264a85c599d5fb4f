"""Messages that break a rule of RFC 9420, section 6, are refused, and leave the state as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from forging.groups import OPEN, SUITE, Forger, again, client, deliver, members, state_of
from forging.trees import NOW
from teduh_crypto.exceptions import (
    DecodingError,
    DecryptionFailed,
    GenerationConsumed,
    InvalidMac,
    InvalidMessage,
    InvalidSignature,
    OperationNotAllowed,
    PaddingError,
    UnsupportedByPolicy,
    WrongEpoch,
    WrongGroup,
)
from teduh_crypto.mls import Add, Group, GroupPolicy, LeafIndex, Remove, Sender, SenderType, WireFormat
from teduh_crypto.mls.codec import vector_header
from teduh_crypto.mls.framing import (
    ContentType,
    FramedContent,
    FramedContentAuthData,
    MLSMessage,
    PrivateMessage,
    PublicMessage,
)

REMOVE = Remove(LeafIndex(2))


def private_message(message: bytes) -> PrivateMessage:
    body = MLSMessage.from_bytes(message).body
    assert isinstance(body, PrivateMessage)
    return body


def public_message(message: bytes) -> PublicMessage:
    body = MLSMessage.from_bytes(message).body
    assert isinstance(body, PublicMessage)
    return body


def flipped(data: bytes, place: int = 0) -> bytes:
    """`data` with one bit changed."""
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def test_an_honest_forger_is_believed() -> None:
    """What the forger builds is right in every respect that a test does not change."""
    alice, bob, carol = members(3)
    deliver(Forger(bob).private(b"hello"), [alice, carol])
    deliver(Forger(bob).private(REMOVE), [alice, carol])
    deliver(Forger(bob).public(REMOVE), [alice, carol])


def test_a_message_signed_by_another_member_is_refused() -> None:
    """RFC 9420, 6.1: "Recipients of an MLSMessage MUST verify the signature with the key" of the sender."""
    alice, bob, carol = members(3)
    other = state_of(carol).epoch.signature_key
    private = Forger(bob).private(b"hello", signature_key=other)
    for message in (private, Forger(bob).public(REMOVE, signature_key=other)):
        with pytest.raises(InvalidSignature):
            alice.unprotect(message, now=NOW)


def test_a_message_in_another_members_name_is_refused() -> None:
    alice, bob, _ = members(3)
    message = Forger(bob).public(REMOVE, sender=Sender.member(LeafIndex(2)))
    with pytest.raises(InvalidSignature):
        alice.unprotect(message, now=NOW)


def test_a_signature_of_another_epoch_is_refused() -> None:
    """RFC 9420, 6.1: the signature "covers the GroupContext for the current epoch"."""
    alice, bob, _ = members(3)
    old = public_message(Forger(bob).public(REMOVE))
    sent = bob.commit(now=NOW)
    (alice,) = deliver(sent.message, [alice])
    forged = public_message(Forger(sent.group).public(REMOVE))
    with pytest.raises(InvalidMac):
        alice.unprotect(MLSMessage(replace(forged, auth=old.auth)).to_bytes(), now=NOW)


@pytest.mark.parametrize("edit", [flipped, lambda tag: tag[:-1], lambda tag: tag[:4], lambda tag: b""])
def test_a_wrong_or_truncated_membership_tag_is_refused(edit: Callable[[bytes], bytes]) -> None:
    """RFC 9420, 6.2: "the application MUST check `membership_tag`"."""
    alice, bob, _ = members(3)
    message = public_message(Forger(bob).public(REMOVE))
    assert message.membership_tag is not None
    forged = replace(message, membership_tag=edit(message.membership_tag))
    with pytest.raises(InvalidMac):
        alice.unprotect(MLSMessage(forged).to_bytes(), now=NOW)


def test_unencrypted_application_data_is_refused() -> None:
    """RFC 9420, 6: "Applications MUST use PrivateMessage to encrypt application messages"."""
    alice, bob, _ = members(3)
    context = state_of(bob).epoch.context
    content = FramedContent(context.group_id, context.epoch, Sender.member(LeafIndex(1)), b"", b"hello")
    message = MLSMessage(PublicMessage(content, FramedContentAuthData(bytes(64)), bytes(32)))
    with pytest.raises(InvalidMessage, match="unencrypted"):
        alice.unprotect(message.to_bytes(), now=NOW)


@pytest.mark.parametrize("place", [-1, -20])
def test_padding_that_is_not_zero_is_refused(place: int) -> None:
    """RFC 9420, 6.3.1: "A receiver MUST verify that there are no non-zero bytes in the `padding` field"."""
    alice, bob, _ = members(3)
    message = Forger(bob).private(b"hello", edit_plaintext=lambda text: flipped(text + bytes(20), place))
    with pytest.raises(DecodingError, match="padding"):
        alice.unprotect(message, now=NOW)


def test_a_plaintext_cut_short_is_refused() -> None:
    alice, bob, _ = members(3)
    message = Forger(bob).private(b"hello", edit_plaintext=lambda text: text[:-1])
    with pytest.raises(DecodingError):
        alice.unprotect(message, now=NOW)


def test_a_content_whose_length_runs_over_its_end_is_refused() -> None:
    alice, bob, _ = members(3)
    message = Forger(bob).private(b"hello", edit_plaintext=lambda text: vector_header(5000) + text[1:])
    with pytest.raises(DecodingError):
        alice.unprotect(message, now=NOW)


@pytest.mark.parametrize("leaf", [3, 4, 1000, 2**32 - 1])
def test_sender_data_of_a_leaf_where_nobody_is_is_refused(leaf: int) -> None:
    """RFC 9420, 6.3.2: "MUST verify that the leaf index [...] identifies a non-blank node"."""
    alice, bob, _ = members(3)
    with pytest.raises(InvalidMessage, match="nobody"):
        alice.unprotect(Forger(bob).private(b"hello", claimed_leaf=leaf), now=NOW)


def test_sender_data_in_our_own_name_is_refused() -> None:
    alice, bob, _ = members(3)
    with pytest.raises(InvalidMessage, match="our own"):
        alice.unprotect(Forger(bob).private(b"hello", claimed_leaf=0), now=NOW)


@pytest.mark.parametrize("edit", [lambda data: data + b"\x00", lambda data: data[:-1]], ids=["long", "short"])
def test_sender_data_of_another_length_is_refused(edit: Callable[[bytes], bytes]) -> None:
    alice, bob, _ = members(3)
    with pytest.raises(DecodingError, match="sender data"):
        alice.unprotect(Forger(bob).private(b"hello", edit_sender_data=edit), now=NOW)


def test_the_reuse_guard_is_part_of_the_nonce() -> None:
    """RFC 9420, 6.3.1: the guard is XORed with "the first four bytes of the nonce"."""
    alice, bob, _ = members(3)
    message = Forger(bob).private(b"hello", edit_sender_data=lambda data: data[:-4] + b"\x00\x00\x00\x01")
    with pytest.raises(DecryptionFailed):
        alice.unprotect(message, now=NOW)


def test_reuse_guards_are_drawn_afresh() -> None:
    """RFC 9420, 6.3.1: a restored state that uses a key again must not use its nonce again."""
    alice, _ = members(2)
    ciphertexts = {private_message(again(alice).protect(b"same")[1]).ciphertext for _ in range(8)}
    assert len(ciphertexts) == 8


@pytest.mark.parametrize(
    "edit",
    [
        lambda message: replace(message, authenticated_data=flipped(message.authenticated_data)),
        lambda message: replace(message, encrypted_sender_data=flipped(message.encrypted_sender_data)),
        lambda message: replace(message, ciphertext=flipped(message.ciphertext)),
        lambda message: replace(message, content_type=ContentType.PROPOSAL),
        lambda message: replace(message, epoch=0),
    ],
    ids=["authenticated_data", "encrypted_sender_data", "ciphertext", "content_type", "epoch"],
)
def test_every_field_of_a_private_message_is_authenticated(
    edit: Callable[[PrivateMessage], PrivateMessage],
) -> None:
    """RFC 9420, 6.3.1 and 6.3.2: group id, epoch, content type and authenticated data are additional data."""
    alice, bob, _ = members(3)
    _, encoded = bob.protect(b"hello", authenticated_data=b"header")
    forged = edit(private_message(encoded))
    with pytest.raises(DecryptionFailed):
        alice.unprotect(MLSMessage(forged).to_bytes(), now=NOW)


@pytest.mark.parametrize("length", [0, 1, 15])
def test_a_truncated_ciphertext_is_refused(length: int) -> None:
    alice, bob, _ = members(3)
    message = private_message(bob.protect(b"hello")[1])
    content = replace(message, ciphertext=message.ciphertext[:length])
    sender_data = replace(message, encrypted_sender_data=message.encrypted_sender_data[:length])
    for forged in (content, sender_data):
        with pytest.raises(DecryptionFailed):
            alice.unprotect(MLSMessage(forged).to_bytes(), now=NOW)


def test_the_sender_data_key_depends_on_the_first_hash_length_of_the_ciphertext() -> None:
    """RFC 9420, 6.3.2: the sample is "the first `KDF.Nh` bytes of the ciphertext", and no more of it."""
    alice, bob, _ = members(3)
    message = private_message(bob.protect(bytes(200))[1])
    behind = replace(message, ciphertext=flipped(message.ciphertext, SUITE.hash_length))
    within = replace(message, ciphertext=flipped(message.ciphertext, SUITE.hash_length - 1))
    # Behind the sample the sender data still opens, and the content does not; the key is found and not
    # consumed.
    for forged in (behind, within):
        with pytest.raises(DecryptionFailed):
            alice.unprotect(MLSMessage(forged).to_bytes(), now=NOW)
    alice.unprotect(MLSMessage(message).to_bytes(), now=NOW)


def test_a_message_is_read_once() -> None:
    """RFC 9420, 9.2: a consumed key is deleted at once, and a replay finds none."""
    alice, bob, _ = members(3)
    _, message = bob.protect(b"hello")
    alice, _ = alice.unprotect(message, now=NOW)
    with pytest.raises(GenerationConsumed):
        alice.unprotect(message, now=NOW)


def test_a_refused_message_does_not_use_up_the_key_of_the_true_one() -> None:
    alice, bob, carol = members(3)
    before = alice.to_bytes()
    other = state_of(carol).epoch.signature_key
    with pytest.raises(InvalidSignature):
        alice.unprotect(Forger(bob).private(b"forged", signature_key=other), now=NOW)
    assert alice.to_bytes() == before
    alice.unprotect(bob.protect(b"true")[1], now=NOW)


def test_a_message_for_another_group_is_refused() -> None:
    alice, bob, _ = members(3)
    private = private_message(bob.protect(b"hello")[1])
    public = public_message(Forger(bob).public(REMOVE))
    elsewhere = replace(public, content=replace(public.content, group_id=b"elsewhere"))
    for body in (replace(private, group_id=b"elsewhere"), elsewhere):
        with pytest.raises(WrongGroup):
            alice.unprotect(MLSMessage(body).to_bytes(), now=NOW)


@pytest.mark.parametrize("epoch", [2, 3, 2**64 - 1])
def test_a_message_of_another_epoch_is_refused(epoch: int) -> None:
    """RFC 9420, 12.1: the `epoch` "is equal to the `epoch` field of the current GroupContext object"."""
    alice, bob, _ = members(3)
    private = private_message(bob.protect(b"hello")[1])
    public = public_message(Forger(bob).public(REMOVE))
    other = replace(public, content=replace(public.content, epoch=epoch))
    for body in (replace(private, epoch=epoch), other):
        with pytest.raises(WrongEpoch):
            alice.unprotect(MLSMessage(body).to_bytes(), now=NOW)


def test_a_message_of_ours_that_comes_back_is_refused() -> None:
    alice, _, _ = members(3)
    alice, application = alice.protect(b"hello")
    alice, public = alice.propose(REMOVE, wire_format=WireFormat.PUBLIC_MESSAGE)
    for message in (application, public):
        with pytest.raises(InvalidMessage, match="our own"):
            alice.unprotect(message, now=NOW)


def test_a_welcome_or_key_package_is_no_message_between_members() -> None:
    alice, _ = members(2)
    newcomer = client("carol")
    sent = again(alice).commit([Add(newcomer.key_package)], now=NOW)
    assert sent.welcome is not None
    for message in (sent.welcome, alice.group_info(), MLSMessage(newcomer.key_package).to_bytes()):
        with pytest.raises(InvalidMessage):
            alice.unprotect(message, now=NOW)


@pytest.mark.parametrize(
    ("sender_type", "index"), [(SenderType.EXTERNAL, 0), (SenderType.NEW_MEMBER_PROPOSAL, None)]
)
def test_commits_come_from_members_only(sender_type: SenderType, index: int | None) -> None:
    """RFC 9420, 6.1: the content type "MUST be `proposal`"."""
    alice, bob, _ = members(3)
    message = Forger(bob).commit([], sender=Sender(sender_type, index))
    with pytest.raises(InvalidMessage):
        alice.unprotect(message, now=NOW)


def test_public_handshakes_are_refused_by_default() -> None:
    alice, bob = members(2)
    message = Forger(bob).public(Remove(LeafIndex(0)))
    with pytest.raises(UnsupportedByPolicy):
        alice.with_policy(GroupPolicy()).unprotect(message, now=NOW)


def test_public_handshakes_are_not_sent_by_default() -> None:
    alice, _ = members(2)
    closed = alice.with_policy(GroupPolicy())
    with pytest.raises(OperationNotAllowed):
        closed.commit(wire_format=WireFormat.PUBLIC_MESSAGE, now=NOW)
    with pytest.raises(OperationNotAllowed):
        closed.propose_update(wire_format=WireFormat.PUBLIC_MESSAGE)


def test_a_negative_amount_of_padding_is_the_callers_mistake() -> None:
    alice, _ = members(2)
    with pytest.raises(PaddingError):
        alice.protect(b"hello", padding=lambda length: -1)


def test_application_data_waits_until_pending_proposals_are_committed() -> None:
    """RFC 9420, 12.4: a member who "has observed one or more valid proposals within an epoch MUST send
    a Commit message before sending application data"."""
    alice, bob, _ = members(3)
    _, proposal = bob.propose(REMOVE)
    alice, _ = alice.unprotect(proposal, now=NOW)
    with pytest.raises(OperationNotAllowed, match="pending"):
        alice.protect(b"hello")
    alice.commit(now=NOW).group.protect(b"hello")


def test_proposals_beyond_the_policys_number_are_refused() -> None:
    alice, bob, _ = members(3, policy=replace(OPEN, pending_proposals=1))
    bob, first = bob.propose(REMOVE)
    _, second = bob.propose(Remove(LeafIndex(0)))
    alice, _ = alice.unprotect(first, now=NOW)
    with pytest.raises(UnsupportedByPolicy):
        alice.unprotect(second, now=NOW)


@pytest.mark.parametrize("damage", [b"", b"\x00", bytes(100), b"\xff" * 40])
def test_bytes_that_are_no_message_are_refused(damage: bytes) -> None:
    alice: Group = members(1)[0]
    with pytest.raises(DecodingError):
        alice.unprotect(damage, now=NOW)
