"""The step from one epoch to the next, as it goes over the wire (RFC 9420, 12.4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from teduh_crypto.exceptions import DecodingError
from teduh_crypto.mls.codec import (
    Reader,
    Structure,
    write_opaque,
    write_optional,
    write_uint8,
    write_vector_with,
)
from teduh_crypto.mls.proposal import Proposal, ProposalRef, read_proposal, write_proposal
from teduh_crypto.mls.update_path import UpdatePath


class ProposalOrRefType(IntEnum):
    """Whether a commit carries a proposal or names one."""

    PROPOSAL = 1
    REFERENCE = 2


ProposalOrRef = Proposal | ProposalRef
"""A `ProposalRef` is `bytes`, which tells it from every proposal."""


def write_proposal_or_ref(out: bytearray, item: ProposalOrRef) -> None:
    """Append a `ProposalOrRef`."""
    if isinstance(item, bytes):
        write_uint8(out, ProposalOrRefType.REFERENCE)
        write_opaque(out, item)
    else:
        write_uint8(out, ProposalOrRefType.PROPOSAL)
        write_proposal(out, item)


def read_proposal_or_ref(reader: Reader) -> ProposalOrRef:
    """Read a `ProposalOrRef`; raises `DecodingError`."""
    kind = reader.uint8()
    if kind == ProposalOrRefType.PROPOSAL:
        return read_proposal(reader)
    if kind == ProposalOrRefType.REFERENCE:
        return ProposalRef(reader.opaque())
    raise DecodingError(f"{kind} is neither a proposal nor a reference to one")


@dataclass(frozen=True, slots=True)
class Commit(Structure):
    """The proposals that take effect, in order, and the committer's new path unless it sent none."""

    proposals: tuple[ProposalOrRef, ...]
    path: UpdatePath | None = None

    def write_to(self, out: bytearray) -> None:
        write_vector_with(out, self.proposals, write_proposal_or_ref)
        write_optional(out, self.path)

    @classmethod
    def read_from(cls, reader: Reader) -> Self:
        return cls(reader.vector(read_proposal_or_ref), reader.optional(UpdatePath.read_from))
