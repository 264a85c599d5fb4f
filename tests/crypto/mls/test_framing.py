"""Envelopes: what a decoder refuses before any key is touched."""

from __future__ import annotations

import pytest
from teduh_crypto.exceptions import DecodingError, LocalError
from teduh_crypto.mls.commit import Commit, ProposalOrRef
from teduh_crypto.mls.extension import Extension, write_extensions
from teduh_crypto.mls.framing import (
    AuthenticatedContent,
    ContentType,
    FramedContent,
    FramedContentAuthData,
    MLSMessage,
    PrivateMessage,
    PrivateMessageContent,
    PublicMessage,
    Sender,
    SenderData,
    SenderType,
    WireFormat,
    framed_content_to_be_signed,
)
from teduh_crypto.mls.group_context import GroupContext
from teduh_crypto.mls.proposal import (
    ProposalRef,
    Remove,
    UnknownProposal,
    proposal_from_bytes,
    proposal_to_bytes,
)
from teduh_crypto.mls.psk import PreSharedKeyID
from teduh_crypto.mls.tree_math import LeafIndex
from teduh_crypto.mls.welcome import GroupSecrets

MEMBER = Sender.member(LeafIndex(0))
SIGNED = FramedContentAuthData(b"signature")


def framed(content: bytes | Remove | Commit, sender: Sender = MEMBER) -> FramedContent:
    """A content from leaf 0."""
    return FramedContent(b"group", 7, sender, b"", content)


def test_padding_comes_back_as_the_content_alone() -> None:
    plaintext = PrivateMessageContent(b"hello", SIGNED).to_bytes(padding=100)
    assert PrivateMessageContent.from_bytes(plaintext, ContentType.APPLICATION) == PrivateMessageContent(
        b"hello", SIGNED
    )


@pytest.mark.parametrize("place", [-1, -50, -100])
def test_padding_that_is_not_all_zeros_is_refused(place: int) -> None:
    """RFC 9420, 6.3.1: "A receiver MUST verify that there are no non-zero bytes in the `padding` field"."""
    plaintext = bytearray(PrivateMessageContent(b"hello", SIGNED).to_bytes(padding=100))
    plaintext[place] = 1
    with pytest.raises(DecodingError, match="padding"):
        PrivateMessageContent.from_bytes(bytes(plaintext), ContentType.APPLICATION)


def test_leaf_0_is_a_sender_like_any_other() -> None:
    assert Sender.from_bytes(MEMBER.to_bytes()) == MEMBER
    assert MEMBER.to_bytes() == b"\x01\x00\x00\x00\x00"
    assert MEMBER.leaf_index == 0


@pytest.mark.parametrize("kind", [SenderType.NEW_MEMBER_COMMIT, SenderType.NEW_MEMBER_PROPOSAL])
def test_a_new_member_has_no_index(kind: SenderType) -> None:
    sender = Sender.from_bytes(bytes([kind]))
    assert sender == Sender(kind)
    with pytest.raises(LocalError):
        _ = sender.leaf_index


@pytest.mark.parametrize("kind", [0, 5, 255])
def test_an_unknown_sender_type_is_refused(kind: int) -> None:
    with pytest.raises(DecodingError, match="sender type"):
        Sender.from_bytes(bytes([kind, 0, 0, 0, 0]))


@pytest.mark.parametrize("kind", [0, 4, 255])
def test_an_unknown_content_type_is_refused(kind: int) -> None:
    data = bytearray(framed(b"").to_bytes())
    data[-2] = kind
    with pytest.raises(DecodingError, match="content type"):
        FramedContent.from_bytes(bytes(data))


def test_only_a_member_is_tagged() -> None:
    tagged = PublicMessage(framed(Remove(LeafIndex(1))), SIGNED, b"tag")
    assert PublicMessage.from_bytes(tagged.to_bytes()) == tagged
    external = PublicMessage(framed(Remove(LeafIndex(1)), Sender(SenderType.EXTERNAL, 0)), SIGNED)
    assert PublicMessage.from_bytes(external.to_bytes()) == external
    with pytest.raises(DecodingError, match="trail"):
        PublicMessage.from_bytes(external.to_bytes() + b"\x03tag")


def test_a_member_without_a_tag_is_refused() -> None:
    with pytest.raises(DecodingError):
        PublicMessage.from_bytes(PublicMessage(framed(Remove(LeafIndex(1))), SIGNED).to_bytes())


def test_a_commit_without_a_confirmation_tag_is_refused() -> None:
    content = framed(Commit(()))
    with pytest.raises(DecodingError):
        AuthenticatedContent.from_bytes(
            AuthenticatedContent(WireFormat.PRIVATE_MESSAGE, content, SIGNED).to_bytes()
        )


def test_the_wire_format_is_one_that_carries_content() -> None:
    content = AuthenticatedContent(WireFormat.WELCOME, framed(b""), SIGNED)
    with pytest.raises(DecodingError, match="wire format"):
        AuthenticatedContent.from_bytes(content.to_bytes())


def test_what_is_signed_covers_version_format_content_and_context() -> None:
    signed = framed_content_to_be_signed(WireFormat.PRIVATE_MESSAGE, framed(b"hello"), b"context")
    assert signed == b"\x00\x01\x00\x02" + framed(b"hello").to_bytes() + b"context"


def test_an_outsider_signs_no_context() -> None:
    signed = framed_content_to_be_signed(WireFormat.PUBLIC_MESSAGE, framed(b"hello"), None)
    assert signed == b"\x00\x01\x00\x01" + framed(b"hello").to_bytes()


@pytest.mark.parametrize("prefix", [b"\x00\x02\x00\x02", b"\x00\x01\x00\x00", b"\x00\x01\x00\x06"])
def test_an_unknown_version_or_wire_format_is_refused(prefix: bytes) -> None:
    body = PrivateMessage(b"group", 0, ContentType.APPLICATION, b"", b"", b"").to_bytes()
    assert MLSMessage.from_bytes(b"\x00\x01\x00\x02" + body).wire_format is WireFormat.PRIVATE_MESSAGE
    with pytest.raises(DecodingError, match="not known"):
        MLSMessage.from_bytes(prefix + body)


def test_an_unknown_proposal_is_kept_byte_for_byte() -> None:
    unknown = UnknownProposal(0x0A0A, b"\x01\x02")
    assert proposal_from_bytes(proposal_to_bytes(unknown)) == unknown


@pytest.mark.parametrize("proposals", [(Remove(LeafIndex(0)),), (ProposalRef(b"r"), Remove(LeafIndex(1)))])
def test_proposals_and_references_keep_their_order(proposals: tuple[ProposalOrRef, ...]) -> None:
    commit = Commit(proposals)
    assert Commit.from_bytes(commit.to_bytes()) == commit


def test_a_proposal_that_is_neither_is_refused() -> None:
    with pytest.raises(DecodingError, match="neither"):
        Commit.from_bytes(b"\x02\x03\x00\x00")


def test_an_extension_type_that_appears_twice_is_refused() -> None:
    out = bytearray()
    write_extensions(out, (Extension(0x0A0A, b"one"), Extension(0x0A0A, b"other")))
    context = GroupContext(1, b"group", 0, b"", b"").to_bytes()[:-1] + bytes(out)
    with pytest.raises(DecodingError, match="twice"):
        GroupContext.from_bytes(context)


@pytest.mark.parametrize(
    "data", [b"\x00\x00\x00", b"\x03\x00\x00", b"\x02\x00\x00" + bytes(9), b"\x02\x04\x00"]
)
def test_an_unknown_kind_of_pre_shared_key_is_refused(data: bytes) -> None:
    with pytest.raises(DecodingError):
        PreSharedKeyID.from_bytes(data)


def test_sender_data_is_twelve_bytes() -> None:
    data = SenderData(LeafIndex(0), 1, b"abcd")
    assert data.to_bytes() == b"\x00\x00\x00\x00\x00\x00\x00\x01abcd"
    with pytest.raises(DecodingError):
        SenderData.from_bytes(data.to_bytes()[:-1])


def test_group_secrets_do_not_print() -> None:
    printed = repr(GroupSecrets(b"the joiner secret", b"the path secret"))
    assert "joiner secret" not in printed
    assert "path secret'" not in printed
