"""The revocation list: whom not to believe any more, signed anew every day.

    header   { "alg": "EdDSA", "typ": "teduh-revocations+jwt" }
    claims   iss, iat, exp      issued; at most 24 h later stale
             version            grows with every list; the time of issue, unless two come in one second
             statements         `jti`s
             subjects           staff ids: all their statements
             devices            base64url of SHA-256 of the device's key: all statements about it

A list is never older than one seen before. Since no version runs ahead of the time, whoever held an issuer's
key for a while cannot use up the versions: the root's next list is newer again. An issuer may sign the daily
list, so that the root key can rest; such a list must hold all that the list before it held, and its issuer
must not be on that one. Only the root may drop an entry (a statement that has ended anyway).

A client that holds no earlier list cannot tell whether an issuer's list leaves somebody out. Therefore a list
counts only together with an authority statement of the root's, which lists the issuer and says from which
version on lists count (`authority_statement`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from teduh_crypto.credentials.authority import Authority
from teduh_crypto.credentials.exceptions import (
    MalformedToken,
    RevocationListRollback,
    RevocationListStale,
    StatementRevoked,
    TokenNotYetValid,
)
from teduh_crypto.credentials.json_web_token import Claims, TokenType
from teduh_crypto.credentials.staff_statement import (
    CLOCK_ALLOWANCE,
    IDENTIFIER,
    StaffStatement,
    device_name,
)

LIST_VALIDITY: Final = 24 * 3600
"""Seconds."""
MAX_LIST_LENGTH: Final = 512 * 1024
"""Characters of a list's text."""
MAX_ENTRIES: Final = 4096
"""Of each kind; entries of ended statements should be dropped long before."""
_DEVICE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class RevocationList:
    """What a revocation list says."""

    organisation_id: str
    version: int
    issued: int
    expires: int
    statements: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()

    def check_fresh(self, now: int) -> None:
        """Raises `RevocationListStale`, or `TokenNotYetValid` for a list from the future.

        `now` in seconds since 1970.
        """
        if now >= self.expires:
            raise RevocationListStale("the revocation list is older than it may be")
        if now < self.issued - CLOCK_ALLOWANCE:
            raise TokenNotYetValid("the revocation list is dated in the future")

    def check(self, statement: StaffStatement) -> None:
        """Raises `StatementRevoked` if the statement, its subject or its device is on the list."""
        if (
            statement.statement_id in self.statements
            or statement.subject in self.subjects
            or device_name(statement.device_key) in self.devices
        ):
            raise StatementRevoked("the statement is on the revocation list")

    def includes(self, other: RevocationList) -> bool:
        """Whether everything on `other` is on this list."""
        return (
            self.statements >= other.statements
            and self.subjects >= other.subjects
            and self.devices >= other.devices
        )

    def revoking(
        self,
        *,
        now: int,
        statements: Iterable[str] = (),
        subjects: Iterable[str] = (),
        devices: Iterable[bytes] = (),
    ) -> RevocationList:
        """The next list, valid from `now` for 24 h, with these beside those that are on it already.

        `statements` are `jti`s, `subjects` staff ids, `devices` public keys (32 bytes). With none of them,
        the same list for another day.
        """
        return replace(
            self,
            # A list may be dated ahead a little: whoever did that must not keep the next from being signed.
            version=min(max(self.version + 1, now), now + CLOCK_ALLOWANCE),
            issued=now,
            expires=now + LIST_VALIDITY,
            statements=self.statements.union(statements),
            subjects=self.subjects.union(subjects),
            devices=self.devices.union(device_name(device) for device in devices),
        )

    def joined_with(self, other: RevocationList) -> RevocationList:
        """What is on either list, under the newer version: to go on from, when two people have revoked."""
        newer = max(self, other, key=lambda revocations: revocations.version)
        return replace(
            newer,
            statements=self.statements | other.statements,
            subjects=self.subjects | other.subjects,
            devices=self.devices | other.devices,
        )


def first_revocation_list(organisation_id: str, *, now: int) -> RevocationList:
    """The list of an organisation that has revoked nobody: version 1."""
    return RevocationList(organisation_id, version=1, issued=now, expires=now + LIST_VALIDITY)


def sign_revocation_list(revocations: RevocationList, authority: Authority) -> str:
    """Sign `revocations`; returns the chain's text (see `split_chain`)."""
    claims = {
        "iat": revocations.issued,
        "exp": revocations.expires,
        "version": revocations.version,
        "statements": sorted(revocations.statements),
        "subjects": sorted(revocations.subjects),
        "devices": sorted(revocations.devices),
    }
    read_revocations(Claims(TokenType.REVOCATIONS, {"iss": revocations.organisation_id, **claims}))
    return authority.sign(TokenType.REVOCATIONS, claims)


def read_revocations(claims: Claims) -> RevocationList:
    """A revocation list from its verified claims; raises `MalformedToken`."""
    revocations = RevocationList(
        organisation_id=claims.text("iss", IDENTIFIER),
        version=claims.integer("version"),
        issued=claims.integer("iat"),
        expires=claims.integer("exp"),
        statements=frozenset(claims.texts("statements", IDENTIFIER, MAX_ENTRIES)),
        subjects=frozenset(claims.texts("subjects", IDENTIFIER, MAX_ENTRIES)),
        devices=frozenset(claims.texts("devices", _DEVICE, MAX_ENTRIES)),
    )
    if not 0 < revocations.expires - revocations.issued <= LIST_VALIDITY:
        raise MalformedToken("a revocation list is valid for no more than 24 h")
    if revocations.version > revocations.issued + CLOCK_ALLOWANCE:
        raise MalformedToken("the version runs ahead of the time")
    return revocations


def check_succession(held: RevocationList, offered: RevocationList, *, by_root: bool) -> None:
    """Raises `RevocationListRollback` if `offered` must not take the place of `held`."""
    if offered.version < held.version or (offered.version == held.version and offered != held):
        raise RevocationListRollback("the list is older than the one held, or contradicts it")
    if not by_root and not offered.includes(held):
        raise RevocationListRollback("only the root may drop an entry")
