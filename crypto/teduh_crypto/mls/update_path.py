"""The fresh keys that a committer spreads towards the root, as they go over the wire (RFC 9420, 7.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from teduh_crypto.mls.codec import Reader, Structure, write_opaque, write_vector
from teduh_crypto.mls.leaf_node import LeafNode


@dataclass(frozen=True, slots=True)
class HPKECiphertext(Structure):
    """A secret sealed to one HPKE public key."""

    kem_output: bytes
    ciphertext: bytes

    def write_to(self, out: bytearray) -> None:
        write_opaque(out, self.kem_output)
        write_opaque(out, self.ciphertext)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(reader.opaque(), reader.opaque())


@dataclass(frozen=True, slots=True)
class UpdatePathNode(Structure):
    """The new public key of one node, and its path secret for everybody below on the other side."""

    encryption_key: bytes
    encrypted_path_secret: tuple[HPKECiphertext, ...]

    def write_to(self, out: bytearray) -> None:
        write_opaque(out, self.encryption_key)
        write_vector(out, self.encrypted_path_secret)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(reader.opaque(), reader.vector(HPKECiphertext.read_from))


@dataclass(frozen=True, slots=True)
class UpdatePath(Structure):
    """The committer's new leaf, and the nodes of its filtered direct path from the leaf upwards."""

    leaf_node: LeafNode
    nodes: tuple[UpdatePathNode, ...]

    def write_to(self, out: bytearray) -> None:
        self.leaf_node.write_to(out)
        write_vector(out, self.nodes)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(LeafNode.read_from(reader), reader.vector(UpdatePathNode.read_from))
