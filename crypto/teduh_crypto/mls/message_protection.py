"""From content to message and back (RFC 9420, 6): signing, membership tags, encryption.

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

import os
from collections.abc import Callable
from dataclasses import dataclass

from teduh_crypto.exceptions import DecodingError, InvalidMac, InvalidMessage, LocalError, PaddingError
from teduh_crypto.hazmat.ciphersuite import CipherSuite
from teduh_crypto.hazmat.opaque import opaque
from teduh_crypto.hazmat.secret import SignaturePrivateKey
from teduh_crypto.mls.codec import Reader
from teduh_crypto.mls.framing import (
    Content,
    ContentType,
    PrivateMessage,
    PublicMessage,
    Sender,
    SenderData,
    SenderType,
    WireFormat,
    content_type_of,
    read_content,
    write_content,
)
from teduh_crypto.mls.group_context import GroupContext
from teduh_crypto.mls.leaf_node import MLS10
from teduh_crypto.mls.secret_tree import MessageKey, RatchetKind, RatchetLimits, SecretTree
from teduh_crypto.mls.tree_math import LeafIndex

Padding = Callable[[int], int]
"""From the length of an unpadded plaintext in bytes to the number of zero bytes to append."""

_LABEL = b"FramedContentTBS"
_VERSION = MLS10.to_bytes(2, "big")
_PUBLIC = WireFormat.PUBLIC_MESSAGE.to_bytes(2, "big")
_PRIVATE = WireFormat.PRIVATE_MESSAGE.to_bytes(2, "big")
_WIRE_FORMAT_BYTES = {WireFormat.PUBLIC_MESSAGE: _PUBLIC, WireFormat.PRIVATE_MESSAGE: _PRIVATE}
_CONTENT_TYPE_BYTES = {kind: bytes((kind,)) for kind in ContentType}
_INSIDERS = (SenderType.MEMBER, SenderType.NEW_MEMBER_COMMIT)
_SENDER_DATA_LENGTH = 12


def no_padding(length: int) -> int:
    """The padding of those who hide no lengths: none, whatever the length."""
    return 0


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
        parts = (
            self.header,
            _sender_bytes(sender),
            opaque(authenticated_data),
            _CONTENT_TYPE_BYTES[content_type],
        )
        return b"".join((*parts, body))

    def to_be_signed(self, wire_format: WireFormat, sender: Sender, framed: bytes) -> bytes:
        """The FramedContentTBS; the GroupContext is part of it only for those who are, or come, inside."""
        content = _VERSION + _WIRE_FORMAT_BYTES[wire_format] + framed
        return content + self.group_context if sender.sender_type in _INSIDERS else content


def _sender_bytes(sender: Sender) -> bytes:
    if sender.sender_type is SenderType.MEMBER and sender.index is not None:
        return b"\x01" + sender.index.to_bytes(4, "big")
    return sender.to_bytes()


@dataclass(frozen=True, slots=True)
class SignedContent:
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


@dataclass(frozen=True, slots=True)
class UnverifiedContent:
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
        framing.suite.verify_with_label(signature_key, _LABEL, content, self.signature)
        return SignedContent(
            self.wire_format,
            self.sender,
            self.authenticated_data,
            self.content,
            self.framed,
            self.signature,
            self.confirmation_tag,
        )


def sign(
    framing: EpochFraming,
    wire_format: WireFormat,
    sender: Sender,
    authenticated_data: bytes,
    content: Content,
    signature_key: SignaturePrivateKey,
) -> SignedContent:
    """`content`, signed; a commit still lacks its confirmation tag, which depends on this signature."""
    framed = framing.framed(sender, authenticated_data, content_type_of(content), _content_bytes(content))
    to_be_signed = framing.to_be_signed(wire_format, sender, framed)
    signature = framing.suite.sign_with_label(signature_key, _LABEL, to_be_signed)
    return SignedContent(wire_format, sender, authenticated_data, content, framed, signature)


def _content_bytes(content: Content) -> bytes:
    if isinstance(content, bytes):
        return opaque(content)
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


def seal_private(
    framing: EpochFraming, signed: SignedContent, message_key: MessageKey, padding: Padding = no_padding
) -> bytes:
    """The MLSMessage with `signed` encrypted under `message_key`, which must never be used again."""
    if signed.wire_format is not WireFormat.PRIVATE_MESSAGE:
        raise LocalError("this content was not signed for a private message")
    suite, content_type = framing.suite, content_type_of(signed.content)
    sender_data_aad = framing.header + _CONTENT_TYPE_BYTES[content_type]
    content_aad = sender_data_aad + opaque(signed.authenticated_data)
    reuse_guard = os.urandom(4)
    ciphertext = suite.seal(
        message_key.key,
        _guarded(message_key.nonce, reuse_guard),
        content_aad,
        _plaintext(framing, signed, padding),
    )
    sender_data = (
        signed.sender.leaf_index.to_bytes(4, "big") + message_key.generation.to_bytes(4, "big") + reuse_guard
    )
    key, nonce = sender_data_key_and_nonce(suite, framing.sender_data_secret, ciphertext)
    encrypted_sender_data = suite.seal(key, nonce, sender_data_aad, sender_data)
    return b"".join((_VERSION, _PRIVATE, content_aad, opaque(encrypted_sender_data), opaque(ciphertext)))


def _plaintext(framing: EpochFraming, signed: SignedContent, padding: Padding) -> bytes:
    """The PrivateMessageContent: the content, cut out of the FramedContent, then auth and padding."""
    body_start = len(framing.header) + 5 + len(opaque(signed.authenticated_data)) + 1
    content = signed.framed[body_start:] + signed.auth
    count = padding(len(content))
    if count < 0:
        raise PaddingError(f"{count} bytes of padding cannot be made")
    return content + bytes(count)


def open_private(
    framing: EpochFraming,
    tree: SecretTree,
    limits: RatchetLimits,
    message: PrivateMessage,
    require_member: Callable[[LeafIndex], object],
) -> tuple[UnverifiedContent, SecretTree]:
    """Decrypt, and give the secret tree that no longer holds the key.

    `require_member` is called with the sender's leaf and raises when nobody sits there. The returned tree may
    be adopted only when the content proves to be signed by the sender. Raises RemoteErrors of many kinds.
    """
    suite, content_type = framing.suite, message.content_type
    sender_data_aad = framing.header + _CONTENT_TYPE_BYTES[content_type]
    sender_data = _open_sender_data(framing, message, sender_data_aad)
    # RFC 9420, 6.3.2: the leaf index must identify a non-blank node.
    require_member(sender_data.leaf_index)
    kind = RatchetKind.APPLICATION if content_type is ContentType.APPLICATION else RatchetKind.HANDSHAKE
    message_key, tree = tree.take(sender_data.leaf_index, kind, sender_data.generation, limits)
    nonce = _guarded(message_key.nonce, sender_data.reuse_guard)
    content_aad = sender_data_aad + opaque(message.authenticated_data)
    plaintext = suite.open(message_key.key, nonce, content_aad, message.ciphertext)
    return _read_plaintext(framing, message, Sender.member(sender_data.leaf_index), plaintext), tree


def _open_sender_data(framing: EpochFraming, message: PrivateMessage, aad: bytes) -> SenderData:
    key, nonce = sender_data_key_and_nonce(framing.suite, framing.sender_data_secret, message.ciphertext)
    sender_data = framing.suite.open(key, nonce, aad, message.encrypted_sender_data)
    if len(sender_data) != _SENDER_DATA_LENGTH:
        raise DecodingError(f"{len(sender_data)} bytes are not sender data")
    leaf_index = LeafIndex(int.from_bytes(sender_data[:4], "big"))
    return SenderData(leaf_index, int.from_bytes(sender_data[4:8], "big"), sender_data[8:])


def _read_plaintext(
    framing: EpochFraming, message: PrivateMessage, sender: Sender, plaintext: bytes
) -> UnverifiedContent:
    """Take a PrivateMessageContent apart; raises DecodingError, also for padding that is not all zero."""
    content_type = message.content_type
    reader = Reader(plaintext)
    content = read_content(reader, content_type)
    body = plaintext[: len(plaintext) - reader.remaining]
    signature = reader.opaque()
    tag = reader.opaque() if content_type is ContentType.COMMIT else None
    if reader.rest().strip(b"\x00"):
        # RFC 9420, 6.3.1: padding must not serve as a covert channel.
        raise DecodingError("the padding holds a byte that is not zero")
    framed = framing.framed(sender, message.authenticated_data, content_type, body)
    return UnverifiedContent(
        WireFormat.PRIVATE_MESSAGE, sender, message.authenticated_data, content, framed, signature, tag
    )


def sender_data_key_and_nonce(
    suite: CipherSuite, sender_data_secret: bytes, ciphertext: bytes
) -> tuple[bytes, bytes]:
    """Key and nonce of the sender data, from the first Nh bytes of the ciphertext (RFC 9420, 6.3.2)."""
    return suite.key_and_nonce(sender_data_secret, ciphertext[: suite.hash_length])


def _guarded(nonce: bytes, reuse_guard: bytes) -> bytes:
    """The nonce with its first four bytes XORed, lest a restored state use one twice (RFC 9420, 6.3.1)."""
    start = int.from_bytes(nonce[:4], "big") ^ int.from_bytes(reuse_guard, "big")
    return start.to_bytes(4, "big") + nonce[4:]
