"""What all members of an epoch agree on, bound into every signature and key (RFC 9420, 8.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from teduh_crypto.mls.codec import Reader, Structure, write_opaque, write_uint16, write_uint64
from teduh_crypto.mls.extension import Extensions, read_extensions, write_extensions
from teduh_crypto.mls.leaf_node import MLS10


@dataclass(frozen=True, slots=True)
class GroupContext(Structure):
    """The group, its epoch, its tree and its history in hashes, and its extensions."""

    cipher_suite: int
    group_id: bytes
    epoch: int
    tree_hash: bytes
    confirmed_transcript_hash: bytes
    extensions: Extensions = ()
    version: int = MLS10

    def write_to(self, out: bytearray) -> None:
        write_uint16(out, self.version)
        write_uint16(out, self.cipher_suite)
        write_opaque(out, self.group_id)
        write_uint64(out, self.epoch)
        write_opaque(out, self.tree_hash)
        write_opaque(out, self.confirmed_transcript_hash)
        write_extensions(out, self.extensions)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(
            version=reader.uint16(),
            cipher_suite=reader.uint16(),
            group_id=reader.opaque(),
            epoch=reader.uint64(),
            tree_hash=reader.opaque(),
            confirmed_transcript_hash=reader.opaque(),
            extensions=read_extensions(reader),
        )
