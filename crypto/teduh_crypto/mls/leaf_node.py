"""One device's place in the tree: keys, credential and capabilities, signed by itself (RFC 9420, 7.2).

The signature of a leaf that was made inside a group also covers the group id and the leaf index, so that it
can not be moved to another place; a leaf in a key package is made before either is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Self

from teduh_crypto.exceptions import DecodingError, LocalError
from teduh_crypto.mls.codec import (
    Reader,
    Structure,
    read_uint16_vector,
    write_opaque,
    write_uint8,
    write_uint16_vector,
    write_uint32,
    write_uint64,
)
from teduh_crypto.mls.credential import Credential, read_credential, write_credential
from teduh_crypto.mls.extension import Extensions, read_extensions, write_extensions
from teduh_crypto.mls.tree_math import LeafIndex

if TYPE_CHECKING:
    from teduh_crypto.hazmat.ciphersuite import CipherSuite
    from teduh_crypto.hazmat.secret import SignaturePrivateKey

MLS10: Final = 1
"""The protocol version `mls10`, the only one there is."""

LEAF_NODE_LABEL: Final = b"LeafNodeTBS"


class LeafNodeSource(IntEnum):
    """How a leaf came into the tree."""

    KEY_PACKAGE = 1
    UPDATE = 2
    COMMIT = 3


_SOURCES: Final = {int(source): source for source in LeafNodeSource}


@dataclass(frozen=True, slots=True)
class Capabilities(Structure):
    """What a client supports. Unknown values, GREASE among them, are kept and ignored."""

    versions: tuple[int, ...] = (MLS10,)
    cipher_suites: tuple[int, ...] = ()
    extensions: tuple[int, ...] = ()
    proposals: tuple[int, ...] = ()
    credentials: tuple[int, ...] = ()

    def write_to(self, out: bytearray) -> None:
        write_uint16_vector(out, self.versions)
        write_uint16_vector(out, self.cipher_suites)
        write_uint16_vector(out, self.extensions)
        write_uint16_vector(out, self.proposals)
        write_uint16_vector(out, self.credentials)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(
            versions=read_uint16_vector(reader),
            cipher_suites=read_uint16_vector(reader),
            extensions=read_uint16_vector(reader),
            proposals=read_uint16_vector(reader),
            credentials=read_uint16_vector(reader),
        )


@dataclass(frozen=True, slots=True)
class Lifetime(Structure):
    """When a leaf from a key package is valid: seconds since the Unix epoch, both ends included."""

    not_before: int
    not_after: int

    def write_to(self, out: bytearray) -> None:
        write_uint64(out, self.not_before)
        write_uint64(out, self.not_after)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(reader.uint64(), reader.uint64())

    def contains(self, now: int) -> bool:
        """Whether `now` (seconds) lies inside the range."""
        return self.not_before <= now <= self.not_after


@dataclass(frozen=True, slots=True)
class LeafNode(Structure):
    """A leaf of the ratchet tree.

    `lifetime` is set exactly when the source is `KEY_PACKAGE`, `parent_hash` exactly when it is `COMMIT`.
    """

    encryption_key: bytes
    signature_key: bytes
    credential: Credential
    capabilities: Capabilities
    leaf_node_source: LeafNodeSource
    lifetime: Lifetime | None = None
    parent_hash: bytes | None = None
    extensions: Extensions = ()
    signature: bytes = b""

    def write_to(self, out: bytearray) -> None:
        self._write_unsigned(out)
        write_opaque(out, self.signature)

    def _write_unsigned(self, out: bytearray) -> None:
        write_opaque(out, self.encryption_key)
        write_opaque(out, self.signature_key)
        write_credential(out, self.credential)
        self.capabilities.write_to(out)
        write_uint8(out, self.leaf_node_source)
        if self.leaf_node_source is LeafNodeSource.KEY_PACKAGE:
            if self.lifetime is None:
                raise LocalError("a leaf node for a key package needs a lifetime")
            self.lifetime.write_to(out)
        elif self.leaf_node_source is LeafNodeSource.COMMIT:
            if self.parent_hash is None:
                raise LocalError("a leaf node for a commit needs a parent hash")
            write_opaque(out, self.parent_hash)
        write_extensions(out, self.extensions)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        encryption_key = reader.opaque()
        signature_key = reader.opaque()
        credential = read_credential(reader)
        capabilities = Capabilities.read_from(reader)
        source = _SOURCES.get(reader.uint8())
        if source is None:
            raise DecodingError("a leaf node has an unknown source")
        return cls(
            encryption_key=encryption_key,
            signature_key=signature_key,
            credential=credential,
            capabilities=capabilities,
            leaf_node_source=source,
            lifetime=Lifetime.read_from(reader) if source is LeafNodeSource.KEY_PACKAGE else None,
            parent_hash=reader.opaque() if source is LeafNodeSource.COMMIT else None,
            extensions=read_extensions(reader),
            signature=reader.opaque(),
        )

    def to_be_signed(self, group_id: bytes | None = None, leaf_index: LeafIndex | None = None) -> bytes:
        """The `LeafNodeTBS`; the group id and index are left out for a leaf from a key package.

        Raises `LocalError` when they are missing for any other.
        """
        out = bytearray()
        self._write_unsigned(out)
        if self.leaf_node_source is not LeafNodeSource.KEY_PACKAGE:
            if group_id is None or leaf_index is None:
                raise LocalError("a leaf node made in a group is signed for that group and its place there")
            write_opaque(out, group_id)
            write_uint32(out, leaf_index)
        return bytes(out)

    def signed(
        self,
        suite: CipherSuite,
        signature_key: SignaturePrivateKey,
        group_id: bytes | None = None,
        leaf_index: LeafIndex | None = None,
    ) -> LeafNode:
        """This leaf, freshly signed, for its place in a group unless it is for a key package."""
        content = self.to_be_signed(group_id, leaf_index)
        return replace(self, signature=suite.sign_with_label(signature_key, LEAF_NODE_LABEL, content))

    def verify_signature(
        self, suite: CipherSuite, group_id: bytes | None = None, leaf_index: LeafIndex | None = None
    ) -> None:
        """Check the signature, for this place in this group; raises `InvalidSignature`."""
        content = self.to_be_signed(group_id, leaf_index)
        suite.verify_with_label(self.signature_key, LEAF_NODE_LABEL, content, self.signature)
