"""Staff statements: "this key is Sari, counselor, until then", signed under the organisation's root key.

    header   { "alg": "EdDSA", "typ": "teduh-staff+jwt" }
    claims   iss    organisation
             sub    pseudonymous staff id
             name   working name, shown to the survivor
             role   one of `Role`
             languages, skills
             nbf, exp   seconds since 1970; at most 30 days apart
             jti    names this statement in the revocation list
             cnf    the device's Ed25519 key (RFC 7800), which must equal the leaf's signature key

A staff member with two devices has two statements with one `sub`. Claims beyond these are ignored (RFC 7519,
4). Valid means `nbf <= now < exp` (RFC 7519, 4.1.4 and 4.1.5).
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from teduh_crypto.credentials.authority import Authority, join_chain, split_chain
from teduh_crypto.credentials.exceptions import (
    MalformedStatement,
    MalformedToken,
    StatementExpired,
    StatementNotYetValid,
    WrongOrganisation,
)
from teduh_crypto.credentials.json_web_token import (
    MAX_TOKEN_LENGTH,
    Claims,
    TokenType,
    confirmation,
    encode_base64url,
    verify_token,
)

STAFF_CREDENTIAL_TYPE: Final = 0xF7ED
"""The private-use MLS credential type (RFC 9420, 17.5) whose content `encode_credential` makes."""
MAX_VALIDITY: Final = 30 * 24 * 3600
"""Seconds."""
CLOCK_ALLOWANCE: Final = 300
"""Seconds by which a new statement is dated back, so that a device whose clock is a little slow believes it.
"""
MAX_LANGUAGES: Final = 16
MAX_SKILLS: Final = 16

IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""Organisation ids, staff ids and token ids."""
_NAME: Final = re.compile(r"[^\s](?:.{0,62}[^\s])?")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
_SKILL: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_JOINERS: Final = frozenset("\u200c\u200d")


class Role(StrEnum):
    """What a staff member does.

    Only the root appoints an `ISSUER`, who takes part in no conversation as such.
    """

    COUNSELOR = "counselor"
    MEDIC = "medic"
    INTERPRETER = "interpreter"
    LEGAL_AID = "legal_aid"
    SHELTER = "shelter"
    SUPERVISOR = "supervisor"
    ISSUER = "issuer"


STAFF_ROLES: Final = frozenset(Role) - {Role.ISSUER}
"""The roles that may be in a conversation."""
_ROLE: Final = re.compile("|".join(Role))


@dataclass(frozen=True, slots=True)
class StaffStatement:
    """What a staff statement says."""

    organisation_id: str
    statement_id: str
    subject: str
    name: str
    role: Role
    languages: tuple[str, ...]
    skills: tuple[str, ...]
    not_before: int
    expires: int
    device_key: bytes

    @property
    def device_id(self) -> bytes:
        """How the relay names the device."""
        return device_id(self.device_key)

    def check_time(self, now: int) -> None:
        """Raises `StatementNotYetValid` or `StatementExpired`; `now` in seconds since 1970."""
        if now < self.not_before:
            raise StatementNotYetValid("the statement begins later", self.not_before)
        if now >= self.expires:
            raise StatementExpired("the statement has ended")


def device_id(public_key: bytes) -> bytes:
    """SHA-256 of a device's raw Ed25519 public key: 32 bytes."""
    return hashlib.sha256(public_key).digest()


def new_identifier() -> str:
    """A fresh random id, 128 bits, for a `sub` or a `jti`."""
    return secrets.token_hex(16)


def sign_staff_statement(statement: StaffStatement, authority: Authority) -> str:
    """Sign what `statement` says; returns the chain's text (see `split_chain`).

    Raises `MalformedStatement` for a statement that no verifier would take.
    """
    if statement.organisation_id != authority.organisation_id:
        raise MalformedStatement("the authority speaks for another organisation")
    claims = {
        "sub": statement.subject,
        "name": statement.name,
        "role": statement.role.value,
        "languages": list(statement.languages),
        "skills": list(statement.skills),
        "nbf": statement.not_before,
        "exp": statement.expires,
        "jti": statement.statement_id,
        "cnf": confirmation(statement.device_key),
    }
    read_claims(Claims(TokenType.STAFF, {"iss": authority.organisation_id, **claims}))
    return authority.sign(TokenType.STAFF, claims)


def read_staff_statement(token: str, public_key: bytes, organisation_id: str) -> StaffStatement:
    """What `token` says, if `public_key` signed it for this organisation. Times and revocation are not looked
    at.

    Raises `MalformedStatement`, `WrongTokenType`, `UnknownRoot`, `WrongOrganisation`.
    """
    statement = read_claims(verify_token(token, TokenType.STAFF, public_key))
    if statement.organisation_id != organisation_id:
        raise WrongOrganisation("the statement speaks for another organisation")
    return statement


def read_claims(claims: Claims) -> StaffStatement:
    """A statement from its claims; raises `MalformedStatement`."""
    statement = StaffStatement(
        organisation_id=claims.text("iss", IDENTIFIER),
        statement_id=claims.text("jti", IDENTIFIER),
        subject=claims.text("sub", IDENTIFIER),
        name=check_name(claims.text("name", _NAME)),
        role=Role(claims.text("role", _ROLE)),
        languages=claims.texts("languages", _LANGUAGE, MAX_LANGUAGES),
        skills=claims.texts("skills", _SKILL, MAX_SKILLS),
        not_before=claims.integer("nbf"),
        expires=claims.integer("exp"),
        device_key=claims.confirmation_key(),
    )
    if not 0 < statement.expires - statement.not_before <= MAX_VALIDITY:
        raise claims.malformed("it must be valid for some time, and for no more than 30 days")
    return statement


def check_name(name: str) -> str:
    """`name`, if it can be shown as it is; raises `MalformedStatement`.

    Control, formatting and unassigned characters are refused, for with them one name can be made to look like
    another; the joiners stay, which Persian and several Indic scripts need.
    """
    hidden = (unicodedata.category(character)[0] == "C" and character not in _JOINERS for character in name)
    if any(hidden) or _NAME.fullmatch(name) is None or unicodedata.normalize("NFC", name) != name:
        raise MalformedStatement("the name is empty or too long, has hidden characters, or is not in NFC")
    return name


def encode_credential(statement: str, issuer_statement: str | None = None) -> bytes:
    """The content of the MLS credential `STAFF_CREDENTIAL_TYPE`: the chain's text in ASCII."""
    return join_chain(statement, issuer_statement).encode("ascii")


def decode_credential(content: bytes) -> tuple[str, str | None]:
    """The statement and its issuer's, from an MLS credential; raises `MalformedStatement`.

    Nothing is verified.
    """
    if len(content) > 2 * MAX_TOKEN_LENGTH + 1:
        raise MalformedStatement("the credential is too large")
    try:
        return split_chain(content.decode("ascii"))
    except (UnicodeDecodeError, MalformedToken) as error:
        raise MalformedStatement("the credential is not a chain of statements") from error


def device_name(public_key: bytes) -> str:
    """A device id as text, as the revocation list has it."""
    return encode_base64url(device_id(public_key))
