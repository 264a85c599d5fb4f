"""Encrypting messages, and opening them (RFC 9420, 6.3): the path that every word takes.

    content, signature, padding --- message key, reuse guard ---> ciphertext
                                                                      |  sample of Nh bytes
    leaf, generation, reuse guard --- sender data key <---------------+
                |
        encrypted sender data        PrivateMessage = header | authenticated data | sender data | ciphertext

Handshakes come as `SignedContent`, for a commit's tag depends on its signature. Application data is signed
and encrypted in one go, and opened and verified in one go: that path builds no structures on its way.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, NamedTuple

from teduh_crypto.exceptions import DecodingError, LocalError, PaddingError
from teduh_crypto.hazmat.opaque import opaque
from teduh_crypto.hazmat.secret import SignaturePrivateKey
from teduh_crypto.mls.codec import Reader
from teduh_crypto.mls.framing import (
    ContentType,
    PrivateMessage,
    Sender,
    WireFormat,
    content_type_of,
    read_content,
)
from teduh_crypto.mls.leaf_node import LeafNode
from teduh_crypto.mls.message_protection import (
    LABEL,
    EpochFraming,
    SignedContent,
    UnverifiedContent,
    content_bytes,
)
from teduh_crypto.mls.secret_tree import MessageKey, RatchetKind, RatchetLimits, SecretTree
from teduh_crypto.mls.tree_math import LeafIndex

Padding = Callable[[int], int]
"""From the length of an unpadded plaintext in bytes to the number of zero bytes to append."""

LeafOf = Callable[[LeafIndex], LeafNode]
"""From a sender's leaf index to the leaf; raises InvalidMessage when nobody is there who may send."""

PREFIX: Final = b"\x00\x01\x00\x02"
"""Version mls10 and wire format mls_private_message, with which the MLSMessage begins."""

_HANDSHAKE, _APPLICATION = RatchetKind.HANDSHAKE, RatchetKind.APPLICATION
_APPLICATION_BYTE: Final = bytes((ContentType.APPLICATION,))
_MEMBER_BYTE: Final = b"\x01"
_SENDER_DATA_LENGTH: Final = 12


def no_padding(length: int) -> int:
    """The padding of those who hide no lengths: none, whatever the length."""
    return 0


class Opened(NamedTuple):
    """Application data, proven to be the sender's, and the secret tree that no longer holds its key."""

    sender: LeafIndex
    leaf: LeafNode
    data: bytes
    secret_tree: SecretTree


def seal_application(
    framing: EpochFraming,
    sender: LeafIndex,
    data: bytes,
    authenticated_data: bytes,
    signature_key: SignaturePrivateKey,
    message_key: MessageKey,
    padding: Padding,
) -> bytes:
    """The MLSMessage with `data`, signed, and encrypted under a `message_key` that is never used again."""
    leaf, additional, body = sender.to_bytes(4, "big"), opaque(authenticated_data), opaque(data)
    to_be_signed = _application_to_be_signed(framing, leaf, additional, body)
    signature = framing.suite.sign_with_label(signature_key, LABEL, to_be_signed)
    content = body + opaque(signature)
    return _encrypted(framing, leaf, _APPLICATION_BYTE, additional, content, message_key, padding)


def open_application(
    framing: EpochFraming, tree: SecretTree, limits: RatchetLimits, message: PrivateMessage, leaf_of: LeafOf
) -> Opened:
    """Decrypt application data and verify its signature; raises RemoteErrors."""
    sender, member, plaintext, tree = _decrypted(framing, tree, limits, message, leaf_of)
    reader = Reader(plaintext)
    data = reader.opaque()
    body = plaintext[: len(plaintext) - reader.remaining]
    signature = reader.opaque()
    _require_zeros(reader.rest())
    leaf, additional = sender.to_bytes(4, "big"), opaque(message.authenticated_data)
    to_be_signed = _application_to_be_signed(framing, leaf, additional, body)
    framing.suite.verify_with_label(member.signature_key, LABEL, to_be_signed, signature)
    return Opened(sender, member, data, tree)


def _application_to_be_signed(framing: EpochFraming, leaf: bytes, additional: bytes, body: bytes) -> bytes:
    """The FramedContentTBS of a member's application data; all parts but the leaf index are encoded."""
    return b"".join(
        (
            PREFIX,
            framing.header,
            _MEMBER_BYTE,
            leaf,
            additional,
            _APPLICATION_BYTE,
            body,
            framing.group_context,
        )
    )


def seal_private(
    framing: EpochFraming, signed: SignedContent, message_key: MessageKey, padding: Padding = no_padding
) -> bytes:
    """The MLSMessage with `signed` encrypted under `message_key`, which must never be used again."""
    if signed.wire_format is not WireFormat.PRIVATE_MESSAGE:
        raise LocalError("this content was not signed for a private message")
    leaf, kind = (
        signed.sender.leaf_index.to_bytes(4, "big"),
        content_type_of(signed.content).to_bytes(1, "big"),
    )
    content = content_bytes(signed.content) + signed.auth
    return _encrypted(framing, leaf, kind, opaque(signed.authenticated_data), content, message_key, padding)


def open_private(
    framing: EpochFraming, tree: SecretTree, limits: RatchetLimits, message: PrivateMessage, leaf_of: LeafOf
) -> tuple[UnverifiedContent, SecretTree]:
    """Decrypt any content, and give the secret tree that no longer holds the key.

    The tree may be adopted only when the content proves to be signed by the sender. Raises RemoteErrors.
    """
    leaf_index, _, plaintext, tree = _decrypted(framing, tree, limits, message, leaf_of)
    return _unverified(framing, message, Sender.member(leaf_index), plaintext), tree


def _encrypted(
    framing: EpochFraming,
    leaf: bytes,
    kind: bytes,
    additional: bytes,
    content: bytes,
    message_key: MessageKey,
    padding: Padding,
) -> bytes:
    """The MLSMessage around a PrivateMessageContent; `additional` is the encoded authenticated data."""
    suite, (generation, key, nonce) = framing.suite, message_key
    padded = content + _zeros(padding(len(content)))
    guard = os.urandom(4)
    sender_data_aad = framing.header + kind
    content_aad = sender_data_aad + additional
    ciphertext = suite.seal(key, _guarded(nonce, guard), content_aad, padded)
    key, nonce = suite.key_and_nonce(framing.sender_data_secret, ciphertext[: suite.hash_length])
    sender_data = suite.seal(key, nonce, sender_data_aad, leaf + generation.to_bytes(4, "big") + guard)
    return b"".join((PREFIX, content_aad, opaque(sender_data), opaque(ciphertext)))


def _decrypted(
    framing: EpochFraming, tree: SecretTree, limits: RatchetLimits, message: PrivateMessage, leaf_of: LeafOf
) -> tuple[LeafIndex, LeafNode, bytes, SecretTree]:
    """The sender's place and leaf, the PrivateMessageContent, and the tree without its key."""
    suite, ciphertext, content_type = framing.suite, message.ciphertext, message.content_type
    aad = framing.header + content_type.to_bytes(1, "big")
    # RFC 9420, 6.3.2: the sample is the first Nh bytes of the ciphertext, or all of a shorter one.
    key, nonce = suite.key_and_nonce(framing.sender_data_secret, ciphertext[: suite.hash_length])
    sender_data = suite.open(key, nonce, aad, message.encrypted_sender_data)
    if len(sender_data) != _SENDER_DATA_LENGTH:
        raise DecodingError(f"{len(sender_data)} bytes are not sender data")
    sender = LeafIndex(int.from_bytes(sender_data[:4], "big"))
    # RFC 9420, 6.3.2: the leaf index must identify a non-blank node.
    leaf = leaf_of(sender)
    kind = _APPLICATION if content_type == ContentType.APPLICATION else _HANDSHAKE
    (_, key, nonce), tree = tree.take(sender, kind, int.from_bytes(sender_data[4:8], "big"), limits)
    content_aad = aad + opaque(message.authenticated_data)
    plaintext = suite.open(key, _guarded(nonce, sender_data[8:]), content_aad, ciphertext)
    return sender, leaf, plaintext, tree


def _unverified(
    framing: EpochFraming, message: PrivateMessage, sender: Sender, plaintext: bytes
) -> UnverifiedContent:
    """Take a PrivateMessageContent apart; raises DecodingError."""
    content_type = message.content_type
    reader = Reader(plaintext)
    content = read_content(reader, content_type)
    body = plaintext[: len(plaintext) - reader.remaining]
    signature = reader.opaque()
    tag = reader.opaque() if content_type is ContentType.COMMIT else None
    _require_zeros(reader.rest())
    framed = framing.framed(sender, message.authenticated_data, content_type, body)
    return UnverifiedContent(
        WireFormat.PRIVATE_MESSAGE, sender, message.authenticated_data, content, framed, signature, tag
    )


def _require_zeros(padding: bytes) -> None:
    if padding.strip(b"\x00"):
        # RFC 9420, 6.3.1: padding must not serve as a covert channel.
        raise DecodingError("the padding holds a byte that is not zero")


def _zeros(count: int) -> bytes:
    if count < 0:
        raise PaddingError(f"{count} bytes of padding cannot be made")
    return bytes(count)


def _guarded(nonce: bytes, reuse_guard: bytes) -> bytes:
    """The nonce with its first four bytes XORed, lest a restored state use one twice (RFC 9420, 6.3.1)."""
    start = int.from_bytes(nonce[:4], "big") ^ int.from_bytes(reuse_guard, "big")
    return start.to_bytes(4, "big") + nonce[4:]
