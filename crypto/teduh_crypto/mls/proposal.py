"""What a member may ask for: the proposals of RFC 9420, 12.1.

The classes are the bodies; `write_proposal` and `read_proposal` carry the type in front. A proposal of a
type that the RFC does not define holds one opaque vector, the convention among implementations, and is kept
byte for byte; whether a group may use it is the business of validation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, NewType, Self

from teduh_crypto.mls.codec import Reader, Structure, decode, write_opaque, write_uint16, write_uint32
from teduh_crypto.mls.extension import Extensions, read_extensions, write_extensions
from teduh_crypto.mls.key_package import KeyPackage
from teduh_crypto.mls.leaf_node import LeafNode
from teduh_crypto.mls.psk import PreSharedKeyID
from teduh_crypto.mls.tree_math import LeafIndex

ProposalRef = NewType("ProposalRef", bytes)
"""The hash by which a commit names a proposal that was sent before it (RFC 9420, 5.2)."""


class ProposalType(IntEnum):
    """The proposal types that RFC 9420, 17.4 registers."""

    ADD = 1
    UPDATE = 2
    REMOVE = 3
    PSK = 4
    REINIT = 5
    EXTERNAL_INIT = 6
    GROUP_CONTEXT_EXTENSIONS = 7


DEFAULT_PROPOSAL_TYPES: Final[frozenset[int]] = frozenset(ProposalType)
"""RFC 9420, 7.2: every client supports these, so they are not listed in its capabilities."""


@dataclass(frozen=True, slots=True)
class Add(Structure):
    """Bring in the client of a key package."""

    key_package: KeyPackage
    proposal_type: ClassVar[int] = ProposalType.ADD

    def write_to(self, out: bytearray) -> None:
        self.key_package.write_to(out)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(KeyPackage.read_from(reader))


@dataclass(frozen=True, slots=True)
class Update(Structure):
    """Replace the sender's own leaf."""

    leaf_node: LeafNode
    proposal_type: ClassVar[int] = ProposalType.UPDATE

    def write_to(self, out: bytearray) -> None:
        self.leaf_node.write_to(out)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(LeafNode.read_from(reader))


@dataclass(frozen=True, slots=True)
class Remove(Structure):
    """Take the member at a leaf out of the group."""

    removed: LeafIndex
    proposal_type: ClassVar[int] = ProposalType.REMOVE

    def write_to(self, out: bytearray) -> None:
        write_uint32(out, self.removed)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(LeafIndex(reader.uint32()))


@dataclass(frozen=True, slots=True)
class PreSharedKey(Structure):
    """Mix a pre-shared key into the next epoch."""

    psk: PreSharedKeyID
    proposal_type: ClassVar[int] = ProposalType.PSK

    def write_to(self, out: bytearray) -> None:
        self.psk.write_to(out)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(PreSharedKeyID.read_from(reader))


@dataclass(frozen=True, slots=True)
class ReInit(Structure):
    """End this group and start another with other parameters."""

    group_id: bytes
    version: int
    cipher_suite: int
    extensions: Extensions = ()
    proposal_type: ClassVar[int] = ProposalType.REINIT

    def write_to(self, out: bytearray) -> None:
        write_opaque(out, self.group_id)
        write_uint16(out, self.version)
        write_uint16(out, self.cipher_suite)
        write_extensions(out, self.extensions)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(reader.opaque(), reader.uint16(), reader.uint16(), read_extensions(reader))


@dataclass(frozen=True, slots=True)
class ExternalInit(Structure):
    """The key of an external commit, encapsulated to the group."""

    kem_output: bytes
    proposal_type: ClassVar[int] = ProposalType.EXTERNAL_INIT

    def write_to(self, out: bytearray) -> None:
        write_opaque(out, self.kem_output)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(reader.opaque())


@dataclass(frozen=True, slots=True)
class GroupContextExtensions(Structure):
    """Replace the extensions of the group context, all of them."""

    extensions: Extensions
    proposal_type: ClassVar[int] = ProposalType.GROUP_CONTEXT_EXTENSIONS

    def write_to(self, out: bytearray) -> None:
        write_extensions(out, self.extensions)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(read_extensions(reader))


@dataclass(frozen=True, slots=True)
class UnknownProposal:
    """A proposal of a type that the RFC does not define: one opaque vector."""

    proposal_type: int
    data: bytes

    def write_to(self, out: bytearray) -> None:
        """Append the body, without the type."""
        write_opaque(out, self.data)


Proposal = (
    Add | Update | Remove | PreSharedKey | ReInit | ExternalInit | GroupContextExtensions | UnknownProposal
)

_READERS: Final[dict[int, Callable[[Reader], Proposal]]] = {
    ProposalType.ADD: Add.read_from,
    ProposalType.UPDATE: Update.read_from,
    ProposalType.REMOVE: Remove.read_from,
    ProposalType.PSK: PreSharedKey.read_from,
    ProposalType.REINIT: ReInit.read_from,
    ProposalType.EXTERNAL_INIT: ExternalInit.read_from,
    ProposalType.GROUP_CONTEXT_EXTENSIONS: GroupContextExtensions.read_from,
}


def write_proposal(out: bytearray, proposal: Proposal) -> None:
    """Append a `Proposal`: its type, then its body."""
    write_uint16(out, proposal.proposal_type)
    proposal.write_to(out)


def read_proposal(reader: Reader) -> Proposal:
    """Read a `Proposal`; raises `DecodingError`."""
    proposal_type = reader.uint16()
    read_body = _READERS.get(proposal_type)
    if read_body is None:
        return UnknownProposal(proposal_type, reader.opaque())
    return read_body(reader)


def proposal_to_bytes(proposal: Proposal) -> bytes:
    """The encoding of `proposal`, type and body."""
    out = bytearray()
    write_proposal(out, proposal)
    return bytes(out)


def proposal_from_bytes(data: bytes) -> Proposal:
    """Decode a `Proposal`; raises `DecodingError`."""
    return decode(read_proposal, data)
