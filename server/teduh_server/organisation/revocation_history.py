"""Since when each entry is on the revocation list: one that is taken off too early lets somebody in again.

A list says whom not to believe, and not until when that matters. A statement is good for a month at most, so
that after a little more nothing is left that an entry could bar. Before that nobody takes one off, the root
key's holder no more than an issuer: it would not be meant, but come of a list that was signed by somebody who
had not seen the newest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec
from teduh_crypto.credentials import MAX_VALIDITY, RevocationList

FORGET_REVOKED: Final = MAX_VALIDITY + 24 * 3600
"""Seconds after which no statement that was signed before a revocation can still be valid."""


class RevocationHistory(msgspec.Struct, frozen=True):
    """When each entry of a list came on it, in seconds since 1970; of one that is missing it is not known."""

    statements: dict[str, int] = {}
    subjects: dict[str, int] = {}
    devices: dict[str, int] = {}

    @classmethod
    def from_bytes(cls, data: bytes) -> RevocationHistory:
        """What `to_bytes` made; empty for anything else."""
        try:
            return msgspec.json.decode(data, type=cls)
        except msgspec.DecodeError:
            return cls()

    def to_bytes(self) -> bytes:
        """For the store."""
        return msgspec.json.encode(self)

    def on(self, revocations: RevocationList) -> RevocationHistory:
        """The same for this list: what is new on it, or not known, since it was issued."""

        def of(entries: frozenset[str], since: dict[str, int]) -> dict[str, int]:
            return {entry: since.get(entry, revocations.issued) for entry in sorted(entries)}

        return RevocationHistory(
            of(revocations.statements, self.statements),
            of(revocations.subjects, self.subjects),
            of(revocations.devices, self.devices),
        )

    def without_ended(self, revocations: RevocationList) -> RevocationList:
        """The same list without what has been on it for so long that nothing is left which it bars."""
        limit = revocations.issued - FORGET_REVOKED

        def recent(since: dict[str, int]) -> frozenset[str]:
            return frozenset(entry for entry, at in since.items() if at > limit)

        since = self.on(revocations)
        return replace(
            revocations,
            statements=recent(since.statements),
            subjects=recent(since.subjects),
            devices=recent(since.devices),
        )

    def allows(self, offered: RevocationList, *, now: int) -> bool:
        """Whether all that `offered` leaves out has been on the list for long enough."""
        left_out = (
            *(self.statements[entry] for entry in self.statements.keys() - offered.statements),
            *(self.subjects[entry] for entry in self.subjects.keys() - offered.subjects),
            *(self.devices[entry] for entry in self.devices.keys() - offered.devices),
        )
        return all(since <= now - FORGET_REVOKED for since in left_out)
