"""The envelope around everything that members send (RFC 9420, 6): structures only, no protection.

    application data | Proposal | Commit
                 |
           FramedContent        + who sends it, in which group and epoch
                 |
       AuthenticatedContent     + signature (and confirmation tag of a commit)
            /         \\
    PublicMessage  PrivateMessage     + membership tag | encryption
            \\         /
             MLSMessage         (also: Welcome, GroupInfo, KeyPackage)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from teduh_crypto.exceptions import DecodingError, LocalError
from teduh_crypto.mls.codec import (
    Reader,
    Structure,
    write_opaque,
    write_uint8,
    write_uint16,
    write_uint32,
    write_uint64,
)
from teduh_crypto.mls.commit import Commit
from teduh_crypto.mls.group_info import GroupInfo
from teduh_crypto.mls.key_package import KeyPackage
from teduh_crypto.mls.leaf_node import MLS10
from teduh_crypto.mls.proposal import Proposal, read_proposal, write_proposal
from teduh_crypto.mls.tree_math import LeafIndex
from teduh_crypto.mls.welcome import Welcome


class WireFormat(IntEnum):
    """What an `MLSMessage` holds (RFC 9420, 17.2)."""

    PUBLIC_MESSAGE = 1
    PRIVATE_MESSAGE = 2
    WELCOME = 3
    GROUP_INFO = 4
    KEY_PACKAGE = 5


class ContentType(IntEnum):
    """What a framed message says."""

    APPLICATION = 1
    PROPOSAL = 2
    COMMIT = 3


class SenderType(IntEnum):
    """How a sender is named."""

    MEMBER = 1
    EXTERNAL = 2
    NEW_MEMBER_PROPOSAL = 3
    NEW_MEMBER_COMMIT = 4


_CONTENT_TYPES: Final = {int(kind): kind for kind in ContentType}
_SENDER_TYPES: Final = {int(kind): kind for kind in SenderType}
_INDEXED: Final = (SenderType.MEMBER, SenderType.EXTERNAL)

Content = bytes | Proposal | Commit
"""Application data is `bytes`."""


def content_type_of(content: Content) -> ContentType:
    """The content type under which `content` travels."""
    if isinstance(content, bytes):
        return ContentType.APPLICATION
    if isinstance(content, Commit):
        return ContentType.COMMIT
    return ContentType.PROPOSAL


def write_content(out: bytearray, content: Content) -> None:
    """Append the content alone, without its type."""
    if isinstance(content, bytes):
        write_opaque(out, content)
    elif isinstance(content, Commit):
        content.write_to(out)
    else:
        write_proposal(out, content)


def read_content(reader: Reader, content_type: ContentType) -> Content:
    """Read a content of a known type; raises `DecodingError`."""
    if content_type is ContentType.APPLICATION:
        return reader.opaque()
    if content_type is ContentType.PROPOSAL:
        return read_proposal(reader)
    return Commit.read_from(reader)


def read_content_type(reader: Reader) -> ContentType:
    """Read a `ContentType`; raises `DecodingError` for one that does not exist."""
    content_type = _CONTENT_TYPES.get(reader.uint8())
    if content_type is None:
        raise DecodingError("a message has an unknown content type")
    return content_type


@dataclass(frozen=True, slots=True)
class Sender(Structure):
    """Who sends: a member by leaf, an external sender by its place in the list, or somebody about to join.

    `index` is set for the first two and None otherwise. It may be 0.
    """

    sender_type: SenderType
    index: int | None = None

    @classmethod
    def member(cls, leaf_index: LeafIndex) -> Sender:
        """The member at a leaf."""
        return Sender(SenderType.MEMBER, leaf_index)

    @property
    def leaf_index(self) -> LeafIndex:
        """The leaf of a member; raises `LocalError` for any other sender."""
        if self.sender_type is not SenderType.MEMBER or self.index is None:
            raise LocalError("the sender is not a member")
        return LeafIndex(self.index)

    def write_to(self, out: bytearray) -> None:
        write_uint8(out, self.sender_type)
        if self.index is not None:
            write_uint32(out, self.index)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        sender_type = _SENDER_TYPES.get(reader.uint8())
        if sender_type is None:
            raise DecodingError("a message has an unknown sender type")
        return cls(sender_type, reader.uint32() if sender_type in _INDEXED else None)


@dataclass(frozen=True, slots=True)
class FramedContent(Structure):
    """A content with its group, epoch and sender."""

    group_id: bytes
    epoch: int
    sender: Sender
    authenticated_data: bytes
    content: Content

    @property
    def content_type(self) -> ContentType:
        """The type under which the content travels."""
        return content_type_of(self.content)

    def write_to(self, out: bytearray) -> None:
        write_opaque(out, self.group_id)
        write_uint64(out, self.epoch)
        self.sender.write_to(out)
        write_opaque(out, self.authenticated_data)
        write_uint8(out, self.content_type)
        write_content(out, self.content)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(
            group_id=reader.opaque(),
            epoch=reader.uint64(),
            sender=Sender.read_from(reader),
            authenticated_data=reader.opaque(),
            content=read_content(reader, read_content_type(reader)),
        )


def framed_content_to_be_signed(
    wire_format: WireFormat, content: FramedContent, group_context: bytes | None
) -> bytes:
    """The `FramedContentTBS`; `group_context` is encoded, and None exactly for senders outside the group."""
    out = bytearray()
    write_uint16(out, MLS10)
    write_uint16(out, wire_format)
    content.write_to(out)
    if group_context is not None:
        out += group_context
    return bytes(out)


@dataclass(frozen=True, slots=True)
class FramedContentAuthData:
    """The signature, and the confirmation tag of a commit (None for other contents)."""

    signature: bytes
    confirmation_tag: bytes | None = None

    def write_to(self, out: bytearray) -> None:
        """Append the encoding; whether a tag is there follows from the content."""
        write_opaque(out, self.signature)
        if self.confirmation_tag is not None:
            write_opaque(out, self.confirmation_tag)


def read_auth_data(reader: Reader, content_type: ContentType) -> FramedContentAuthData:
    """Read the `FramedContentAuthData` of a content of that type; raises `DecodingError`."""
    signature = reader.opaque()
    if content_type is ContentType.COMMIT:
        return FramedContentAuthData(signature, reader.opaque())
    return FramedContentAuthData(signature)


@dataclass(frozen=True, slots=True)
class AuthenticatedContent(Structure):
    """A signed content together with the wire format that the signature covers."""

    wire_format: WireFormat
    content: FramedContent
    auth: FramedContentAuthData

    def write_to(self, out: bytearray) -> None:
        write_uint16(out, self.wire_format)
        self.content.write_to(out)
        self.auth.write_to(out)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        wire_format = reader.uint16()
        # RFC 9420, 6: only these two carry an AuthenticatedContent.
        if wire_format not in (WireFormat.PUBLIC_MESSAGE, WireFormat.PRIVATE_MESSAGE):
            raise DecodingError(f"wire format {wire_format} does not carry authenticated content")
        content = FramedContent.read_from(reader)
        return cls(WireFormat(wire_format), content, read_auth_data(reader, content.content_type))


@dataclass(frozen=True, slots=True)
class PublicMessage(Structure):
    """A signed message in the clear; `membership_tag` is set exactly when the sender is a member."""

    content: FramedContent
    auth: FramedContentAuthData
    membership_tag: bytes | None = None

    def write_to(self, out: bytearray) -> None:
        self.content.write_to(out)
        self.auth.write_to(out)
        if self.membership_tag is not None:
            write_opaque(out, self.membership_tag)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        content = FramedContent.read_from(reader)
        auth = read_auth_data(reader, content.content_type)
        tagged = content.sender.sender_type is SenderType.MEMBER
        return cls(content, auth, reader.opaque() if tagged else None)


@dataclass(frozen=True, slots=True)
class PrivateMessage(Structure):
    """A signed and encrypted message."""

    group_id: bytes
    epoch: int
    content_type: ContentType
    authenticated_data: bytes
    encrypted_sender_data: bytes
    ciphertext: bytes

    def write_to(self, out: bytearray) -> None:
        write_opaque(out, self.group_id)
        write_uint64(out, self.epoch)
        write_uint8(out, self.content_type)
        write_opaque(out, self.authenticated_data)
        write_opaque(out, self.encrypted_sender_data)
        write_opaque(out, self.ciphertext)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(
            group_id=reader.opaque(),
            epoch=reader.uint64(),
            content_type=read_content_type(reader),
            authenticated_data=reader.opaque(),
            encrypted_sender_data=reader.opaque(),
            ciphertext=reader.opaque(),
        )


@dataclass(frozen=True, slots=True)
class PrivateMessageContent:
    """The plaintext of a private message; how much padding follows is the sender's choice."""

    content: Content
    auth: FramedContentAuthData

    def to_bytes(self, padding: int = 0) -> bytes:
        """The encoding, with `padding` zero bytes behind it."""
        out = bytearray()
        write_content(out, self.content)
        self.auth.write_to(out)
        out += bytes(padding)
        return bytes(out)

    @classmethod
    def from_bytes(cls, data: bytes, content_type: ContentType) -> Self:
        """Decode a plaintext; raises `DecodingError`, also when the padding is not all zeros."""
        reader = Reader(data)
        content = read_content(reader, content_type)
        auth = read_auth_data(reader, content_type)
        padding = reader.rest()
        if padding.count(0) != len(padding):
            raise DecodingError("the padding holds a byte that is not zero")
        return cls(content, auth)


@dataclass(frozen=True, slots=True)
class SenderData(Structure):
    """Which key of which member opens a private message; `reuse_guard` is 4 bytes."""

    leaf_index: LeafIndex
    generation: int
    reuse_guard: bytes

    def write_to(self, out: bytearray) -> None:
        write_uint32(out, self.leaf_index)
        write_uint32(out, self.generation)
        out += self.reuse_guard

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(LeafIndex(reader.uint32()), reader.uint32(), reader.take(4))


MessageBody = PublicMessage | PrivateMessage | Welcome | GroupInfo | KeyPackage

_BODY_READERS: Final[dict[int, Callable[[Reader], MessageBody]]] = {
    WireFormat.PUBLIC_MESSAGE: PublicMessage.read_from,
    WireFormat.PRIVATE_MESSAGE: PrivateMessage.read_from,
    WireFormat.WELCOME: Welcome.read_from,
    WireFormat.GROUP_INFO: GroupInfo.read_from,
    WireFormat.KEY_PACKAGE: KeyPackage.read_from,
}
_WIRE_FORMATS: Final[dict[type[MessageBody], WireFormat]] = {
    PublicMessage: WireFormat.PUBLIC_MESSAGE,
    PrivateMessage: WireFormat.PRIVATE_MESSAGE,
    Welcome: WireFormat.WELCOME,
    GroupInfo: WireFormat.GROUP_INFO,
    KeyPackage: WireFormat.KEY_PACKAGE,
}


@dataclass(frozen=True, slots=True)
class MLSMessage(Structure):
    """The outermost layer of everything that goes over the wire."""

    body: MessageBody

    @property
    def wire_format(self) -> WireFormat:
        """What the message holds."""
        return _WIRE_FORMATS[type(self.body)]

    def write_to(self, out: bytearray) -> None:
        write_uint16(out, MLS10)
        write_uint16(out, self.wire_format)
        self.body.write_to(out)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        version = reader.uint16()
        if version != MLS10:
            raise DecodingError(f"protocol version {version} is not known")
        wire_format = reader.uint16()
        read_body = _BODY_READERS.get(wire_format)
        if read_body is None:
            raise DecodingError(f"wire format {wire_format} is not known")
        return cls(read_body(reader))
