"""The directory statement: the organisation's word that a directory of services is its own, and the newest.

    header   { "alg": "EdDSA", "typ": "teduh-directory+jwt" }
    claims   iss, iat, exp      issued; at most 92 days later it counts no more
             version            grows with every directory, and never runs ahead of the time
             sha256             of the directory's bytes, base64url

It is detached: the directory itself is another text, which whoever serves it can neither change nor mix with
an older one. The root key signs it, or an issuer that the root lists; an issuer's counts no longer than the
issuer does. What the directory says is no matter of this module.

Limitation: whoever serves it can withhold a newer one from a reader who has seen none, until the older one
expires.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from teduh_crypto.credentials.authority import Authority
from teduh_crypto.credentials.exceptions import (
    DirectoryRollback,
    TokenExpired,
    TokenNotYetValid,
    WrongDirectory,
)
from teduh_crypto.credentials.json_web_token import Claims, TokenType, decode_base64url, encode_base64url
from teduh_crypto.credentials.staff_statement import CLOCK_ALLOWANCE, IDENTIFIER
from teduh_crypto.credentials.statement_verifier import StatementVerifier

DIRECTORY_VALIDITY: Final = 92 * 24 * 3600
"""Seconds, at most."""
_DIGEST: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class DirectoryStatement:
    """What a directory statement says. Times in seconds since 1970."""

    organisation_id: str
    version: int
    issued: int
    expires: int
    sha256: bytes
    """Of the directory, 32 bytes."""

    def check_time(self, now: int) -> None:
        """Raises `TokenExpired`, or `TokenNotYetValid` for one from the future; `now` in seconds since
        1970.
        """
        if now >= self.expires:
            raise TokenExpired("the directory statement has expired")
        if now < self.issued - CLOCK_ALLOWANCE:
            raise TokenNotYetValid("the directory statement is dated in the future")


def next_directory_statement(
    held: DirectoryStatement | None,
    organisation_id: str,
    content: bytes,
    *,
    now: int,
    validity: int = DIRECTORY_VALIDITY,
) -> DirectoryStatement:
    """The statement to sign about `content` after `held`: from `now` (seconds since 1970), for `validity`
    seconds.
    """
    return DirectoryStatement(
        organisation_id,
        version=now if held is None else min(max(held.version + 1, now), now + CLOCK_ALLOWANCE),
        issued=now,
        expires=now + validity,
        sha256=hashlib.sha256(content).digest(),
    )


def sign_directory_statement(statement: DirectoryStatement, authority: Authority) -> str:
    """Sign `statement`; returns the chain's text (see `split_chain`).

    Raises `MalformedToken` for a statement that nobody would take.
    """
    claims = {
        "iat": statement.issued,
        "exp": statement.expires,
        "version": statement.version,
        "sha256": encode_base64url(statement.sha256),
    }
    read_directory_statement(Claims(TokenType.DIRECTORY, {"iss": statement.organisation_id, **claims}))
    return authority.sign(TokenType.DIRECTORY, claims)


def verify_directory(
    text: str,
    content: bytes,
    verifier: StatementVerifier,
    *,
    now: int,
    held: DirectoryStatement | None = None,
) -> DirectoryStatement:
    """What `text` states of `content`, if it is to be believed at `now` (seconds since 1970) after `held`.

    The revocation list and the authority statement may be stale, for she must find help elsewhere just then.

    Raises a `CredentialError`: `MalformedToken`, `WrongTokenType`, `UnknownRoot`, `WrongOrganisation`,
    `RoleNotAllowed`, `StatementExpired`, `StatementNotYetValid`, `StatementRevoked`, `IssuerNotListed`,
    `AuthorityStatementStale`, `TokenExpired`, `TokenNotYetValid`, `WrongDirectory`, `DirectoryRollback`.
    """
    statement = read_directory_statement(verifier.verified_claims(text, TokenType.DIRECTORY, now=now))
    statement.check_time(now)
    if not hmac.compare_digest(hashlib.sha256(content).digest(), statement.sha256):
        raise WrongDirectory("the statement is about another directory")
    if held is not None and (
        statement.version < held.version
        or (statement.version == held.version and statement.sha256 != held.sha256)
    ):
        raise DirectoryRollback("the directory is older than the one held, or contradicts it")
    return statement


def read_directory_statement(claims: Claims) -> DirectoryStatement:
    """What the claims say; raises `MalformedToken`. For fuzzing, too: nothing of it is verified."""
    try:
        digest = decode_base64url(claims.text("sha256", _DIGEST))
    except ValueError as error:
        raise claims.malformed("claim sha256 is not the one encoding of 32 bytes") from error
    statement = DirectoryStatement(
        organisation_id=claims.text("iss", IDENTIFIER),
        version=claims.integer("version"),
        issued=claims.integer("iat"),
        expires=claims.integer("exp"),
        sha256=digest,
    )
    if not 0 < statement.expires - statement.issued <= DIRECTORY_VALIDITY:
        raise claims.malformed("a directory statement is valid for no more than 92 days")
    if statement.version > statement.issued + CLOCK_ALLOWANCE:
        raise claims.malformed("the version runs ahead of the time")
    return statement
