"""An organisation with a root key in memory, for tests that need somebody to be believed, or not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from teduh_crypto.credentials import (
    Authority,
    AuthorityStatement,
    Organisation,
    RevocationList,
    Role,
    StaffStatement,
    StatementVerifier,
    first_revocation_list,
    generate_root_key,
    next_authority_statement,
    sign_authority_statement,
    sign_staff_statement,
)

NOW = 4_000_000_000
"""Far off, so that what a store is told to keep until then it keeps."""
DAY = 24 * 3600
ISSUER_STATEMENT = "issuer-statement"
"""The `jti` of the statement that `appoint_issuer` makes."""


def public_key(key: Ed25519PrivateKey) -> bytes:
    """The raw public key, 32 bytes."""
    return key.public_key().public_bytes_raw()


@dataclass(frozen=True)
class StaffedOrganisation:
    """An organisation at the time `NOW`, which has revoked nobody."""

    root: Ed25519PrivateKey = field(default_factory=generate_root_key)
    id: str = "rumah-aman"

    @property
    def authority(self) -> Authority:
        return Authority(self.id, self.root)

    @property
    def public(self) -> Organisation:
        return Organisation(self.id, "Rumah Aman", public_key(self.root))

    @property
    def revocations(self) -> RevocationList:
        return first_revocation_list(self.id, now=NOW)

    @property
    def stated(self) -> AuthorityStatement:
        """The authority statement in force, of the day before: the issuer of `appoint_issuer` counts, and
        every list.
        """
        issuers = frozenset({ISSUER_STATEMENT})
        return next_authority_statement(None, self.id, issuers=issuers, least=0, now=NOW - DAY)

    def statement_at(self, now: int) -> str:
        """The same, as it is sent; where it has expired at `now`, the next, of the day before."""
        held = self.stated
        if now >= held.expires:
            held = next_authority_statement(
                held, self.id, issuers=held.issuers, least=held.least, now=now - DAY
            )
        return sign_authority_statement(held, self.authority)

    def verifier(self, revocations: RevocationList | None = None) -> StatementVerifier:
        return StatementVerifier(public_key(self.root), self.id, revocations or self.revocations, self.stated)

    def describe(self, key: Ed25519PrivateKey, statement_id: str = "statement-1") -> StaffStatement:
        """An unsigned statement about a counselor's device, valid at `NOW` for a day."""
        return StaffStatement(
            organisation_id=self.id,
            statement_id=statement_id,
            subject="staff-1",
            name="Sari",
            role=Role.COUNSELOR,
            languages=("id", "en"),
            skills=("trauma",),
            not_before=NOW - 300,
            expires=NOW + DAY,
            device_key=public_key(key),
        )

    def appoint_issuer(self, key: Ed25519PrivateKey) -> Authority:
        """An issuer whose own statement the root signed, valid for seven days."""
        statement = replace(
            self.describe(key, ISSUER_STATEMENT),
            subject="issuer-1",
            role=Role.ISSUER,
            expires=NOW + 7 * DAY,
        )
        return Authority(self.id, key, sign_staff_statement(statement, self.authority))
