"""From content to message and back (RFC 9420, 6): signing, and membership tags; `private_message` encrypts.

                    content
                       |                 sign / verify      needs the sender's signature key
                 SignedContent
                  /         \\
      membership tag     encrypt under one MessageKey       needs the epoch's secrets
                |             |
         PublicMessage   PrivateMessage --- sender data (who, which key), sealed under a key that
                                            depends on a sample of the ciphertext

A received message passes through stages that are types: `PublicMessage` or `PrivateMessage` (decoded),
`UnverifiedContent` (it came from somebody who holds the epoch's secrets), `SignedContent` (it came from its
sender). The content is encoded once: the bytes that are signed, encrypted, hashed into the transcript and
named by a proposal reference are slices and sums of the same few pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from teduh_crypto.exceptions import InvalidMac, InvalidMessage, LocalError
from teduh_crypto.hazmat.ciphersuite import CipherSuite
from teduh_crypto.hazmat.opaque import opaque
from teduh_crypto.hazmat.secret import SignaturePrivateKey
from teduh_crypto.mls.framing import (
    Content,
    ContentType,
    PublicMessage,
    Sender,
    SenderType,
    WireFormat,
    content_type_of,
    write_content,
)
from teduh_crypto.mls.group_context import GroupContext
from teduh_crypto.mls.leaf_node import MLS10

LABEL: Final = b"FramedContentTBS"
_VERSION = MLS10.to_bytes(2, "big")
_PUBLIC = WireFormat.PUBLIC_MESSAGE.to_bytes(2, "big")
_PRIVATE = WireFormat.PRIVATE_MESSAGE.to_bytes(2, "big")
_WIRE_FORMAT_BYTES = {WireFormat.PUBLIC_MESSAGE: _PUBLIC, WireFormat.PRIVATE_MESSAGE: _PRIVATE}
_INSIDERS = (SenderType.MEMBER, SenderType.NEW_MEMBER_COMMIT)


@dataclass(frozen=True, slots=True, repr=False)
class EpochFraming:
    """All that framing a message of one epoch takes, encoded once per epoch.

    `group_context` is the encoded GroupContext; `header` the group id and epoch as every message begins.
    """

    suite: CipherSuite
    group_context: bytes
    header: bytes
    sender_data_secret: bytes
    membership_key: bytes

    def __repr__(self) -> str:
        return "EpochFraming(...)"

    @staticmethod
    def of(
        suite: CipherSuite, context: GroupContext, sender_data_secret: bytes, membership_key: bytes
    ) -> EpochFraming:
        """The framing of the epoch that `context` describes."""
        header = opaque(context.group_id) + context.epoch.to_bytes(8, "big")
        return EpochFraming(suite, context.to_bytes(), header, sender_data_secret, membership_key)

    def framed(
        self, sender: Sender, authenticated_data: bytes, content_type: ContentType, body: bytes
    ) -> bytes:
        """The encoded FramedContent around an encoded content."""
        kind = content_type.to_bytes(1, "big")
        return b"".join((self.header, sender.to_bytes(), opaque(authenticated_data), kind, body))

    def to_be_signed(self, wire_format: WireFormat, sender: Sender, framed: bytes) -> bytes:
        """The FramedContentTBS; the GroupContext is part of it only for those who are, or come, inside."""
        content = _VERSION + _WIRE_FORMAT_BYTES[wire_format] + framed
        return content + self.group_context if sender.sender_type in _INSIDERS else content


class SignedContent(NamedTuple):
    """A content whose signature was made here, or verified.

    `framed` is the encoded FramedContent. `confirmation_tag` is None unless the content is a commit.
    """

    wire_format: WireFormat
    sender: Sender
    authenticated_data: bytes
    content: Content
    framed: bytes
    signature: bytes
    confirmation_tag: bytes | None = None

    @property
    def auth(self) -> bytes:
        """The encoded FramedContentAuthData."""
        signature = opaque(self.signature)
        return signature if self.confirmation_tag is None else signature + opaque(self.confirmation_tag)

    def transcript_input(self) -> bytes:
        """The ConfirmedTranscriptHashInput (RFC 9420, 8.2)."""
        return _WIRE_FORMAT_BYTES[self.wire_format] + self.framed + opaque(self.signature)

    def authenticated_content(self) -> bytes:
        """The encoded AuthenticatedContent, whose hash is a proposal's reference."""
        return _WIRE_FORMAT_BYTES[self.wire_format] + self.framed + self.auth


class UnverifiedContent(NamedTuple):
    """A content that came out of its envelope; nobody has yet shown who put it there."""

    wire_format: WireFormat
    sender: Sender
    authenticated_data: bytes
    content: Content
    framed: bytes
    signature: bytes
    confirmation_tag: bytes | None

    def verified(self, framing: EpochFraming, signature_key: bytes) -> SignedContent:
        """The same content, proven to be signed under `signature_key`; raises InvalidSignature."""
        content = framing.to_be_signed(self.wire_format, self.sender, self.framed)
        framing.suite.verify_with_label(signature_key, LABEL, content, self.signature)
        return SignedContent._make(self)


def sign(
    framing: EpochFraming,
    wire_format: WireFormat,
    sender: Sender,
    authenticated_data: bytes,
    content: Content,
    signature_key: SignaturePrivateKey,
) -> SignedContent:
    """`content`, signed; a commit still lacks its confirmation tag, which depends on this signature."""
    framed = framing.framed(sender, authenticated_data, content_type_of(content), content_bytes(content))
    to_be_signed = framing.to_be_signed(wire_format, sender, framed)
    signature = framing.suite.sign_with_label(signature_key, LABEL, to_be_signed)
    return SignedContent(wire_format, sender, authenticated_data, content, framed, signature)


def content_bytes(content: Content) -> bytes:
    """The content alone, as it is signed and encrypted."""
    out = bytearray()
    write_content(out, content)
    return bytes(out)


def seal_public(framing: EpochFraming, signed: SignedContent) -> bytes:
    """The MLSMessage with `signed` in the clear; raises LocalError for application data."""
    if signed.wire_format is not WireFormat.PUBLIC_MESSAGE or isinstance(signed.content, bytes):
        # RFC 9420, 6: "Applications MUST use PrivateMessage to encrypt application messages".
        raise LocalError("this content was not signed for a public message, or may not travel in one")
    message = _VERSION + _PUBLIC + signed.framed + signed.auth
    if signed.sender.sender_type is not SenderType.MEMBER:
        return message
    return message + opaque(framing.suite.mac(framing.membership_key, _to_be_tagged(framing, signed)))


def _to_be_tagged(framing: EpochFraming, signed: SignedContent) -> bytes:
    """The AuthenticatedContentTBM."""
    return framing.to_be_signed(signed.wire_format, signed.sender, signed.framed) + signed.auth


def open_public(framing: EpochFraming, message: PublicMessage) -> UnverifiedContent:
    """Check that the message may be public at all, and its membership tag.

    Raises InvalidMessage or InvalidMac.
    """
    content = message.content
    if content.content_type is ContentType.APPLICATION:
        raise InvalidMessage("application data came unencrypted")
    unverified = UnverifiedContent(
        WireFormat.PUBLIC_MESSAGE,
        content.sender,
        content.authenticated_data,
        content.content,
        content.to_bytes(),
        message.auth.signature,
        message.auth.confirmation_tag,
    )
    if content.sender.sender_type is SenderType.MEMBER:
        _verify_membership_tag(framing, message, unverified)
    return unverified


def _verify_membership_tag(framing: EpochFraming, message: PublicMessage, content: UnverifiedContent) -> None:
    if message.membership_tag is None:
        raise InvalidMac("a member's public message has no membership tag")
    out = bytearray(framing.to_be_signed(content.wire_format, content.sender, content.framed))
    message.auth.write_to(out)
    framing.suite.verify_mac(framing.membership_key, bytes(out), message.membership_tag)
