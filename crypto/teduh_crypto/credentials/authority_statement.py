"""The authority statement: who may sign for the organisation now, and which revocation lists count.

    header   { "alg": "EdDSA", "typ": "teduh-authority+jwt" }
    claims   iss, iat, exp      at most 8 days apart where there are issuers, 92 where only the root signs
             version            grows with every statement
             issuers            `jti`s of the issuers' statements that count
             least              the least version of a revocation list that counts

Only the root key signs it. A revocation list or a staff statement that is signed by an issuer counts only
where that issuer's statement is listed. Whoever has never seen a list before thereby learns that an issuer is
revoked, although the list it is shown, signed by that very issuer, does not say so.

Limitation: a relay can go on showing an older authority statement until it expires. Together with a stolen
issuer's key it deceives those who have not seen a newer one, for 8 days at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from teduh_crypto.credentials.authority import Authority
from teduh_crypto.credentials.exceptions import (
    AuthorityStatementRollback,
    AuthorityStatementStale,
    IssuerNotListed,
    MalformedToken,
    RevocationListRollback,
    TokenNotYetValid,
    UnknownRoot,
)
from teduh_crypto.credentials.json_web_token import Claims, TokenType
from teduh_crypto.credentials.revocation import RevocationList
from teduh_crypto.credentials.staff_statement import CLOCK_ALLOWANCE, IDENTIFIER, StaffStatement

AUTHORITY_VALIDITY: Final = 8 * 24 * 3600
"""Seconds, where there are issuers."""
ROOT_ONLY_VALIDITY: Final = 92 * 24 * 3600
"""Seconds, where only the root key signs."""
MAX_ISSUERS: Final = 64


@dataclass(frozen=True, slots=True)
class AuthorityStatement:
    """What an authority statement says. Times in seconds since 1970."""

    organisation_id: str
    version: int
    issued: int
    expires: int
    issuers: frozenset[str] = frozenset()
    """The `jti`s of the issuers' statements that count."""
    least: int = 0
    """The least version of a revocation list that counts."""

    def check_fresh(self, now: int) -> None:
        """Raises `AuthorityStatementStale`, or `TokenNotYetValid` for one from the future; `now` in seconds
        since 1970.
        """
        if now >= self.expires:
            raise AuthorityStatementStale("the authority statement has expired")
        if now < self.issued - CLOCK_ALLOWANCE:
            raise TokenNotYetValid("the authority statement is dated in the future")

    def check_issuer(self, issuer: StaffStatement) -> None:
        """Raises `IssuerNotListed` unless this issuer's statement is listed."""
        if issuer.statement_id not in self.issuers:
            raise IssuerNotListed("the root does not list this issuer")

    def check_list(self, revocations: RevocationList) -> None:
        """Raises `RevocationListRollback` for a list below the least version."""
        if revocations.version < self.least:
            raise RevocationListRollback("the list is older than the authority statement allows")


def next_authority_statement(
    held: AuthorityStatement | None, organisation_id: str, *, issuers: frozenset[str], least: int, now: int
) -> AuthorityStatement:
    """The statement to sign after `held`, issued at `now` (seconds since 1970), valid for as long as may be.

    `issuers` are the `jti`s of the issuers' statements that count, `least` the least version of a list.
    """
    return AuthorityStatement(
        organisation_id,
        version=now if held is None else max(held.version + 1, now),
        issued=now,
        expires=now + (AUTHORITY_VALIDITY if issuers else ROOT_ONLY_VALIDITY),
        issuers=issuers,
        least=least,
    )


def sign_authority_statement(statement: AuthorityStatement, authority: Authority) -> str:
    """Sign `statement`; returns a compact JWS.

    Raises `UnknownRoot` for an issuer's `authority`, `MalformedToken` for a statement that nobody would take.
    """
    if authority.issuer_statement is not None:
        raise UnknownRoot("only the root key signs the authority statement")
    claims = {
        "iat": statement.issued,
        "exp": statement.expires,
        "version": statement.version,
        "issuers": sorted(statement.issuers),
        "least": statement.least,
    }
    read_authority_statement(Claims(TokenType.AUTHORITY, {"iss": statement.organisation_id, **claims}))
    return authority.sign(TokenType.AUTHORITY, claims)


def read_authority_statement(claims: Claims) -> AuthorityStatement:
    """An authority statement from its verified claims; raises `MalformedToken`."""
    statement = AuthorityStatement(
        organisation_id=claims.text("iss", IDENTIFIER),
        version=claims.integer("version"),
        issued=claims.integer("iat"),
        expires=claims.integer("exp"),
        issuers=frozenset(claims.texts("issuers", IDENTIFIER, MAX_ISSUERS)),
        least=claims.integer("least"),
    )
    most = AUTHORITY_VALIDITY if statement.issuers else ROOT_ONLY_VALIDITY
    if not 0 < statement.expires - statement.issued <= most:
        raise MalformedToken(
            "an authority statement is valid for no more than 8 days, or 92 where only the root signs"
        )
    return statement


def check_authority_succession(held: AuthorityStatement, offered: AuthorityStatement) -> None:
    """Raises `AuthorityStatementRollback` if `offered` must not take the place of `held`."""
    if offered.version < held.version or (offered.version == held.version and offered != held):
        raise AuthorityStatementRollback(
            "the authority statement is older than the one held, or contradicts it"
        )
