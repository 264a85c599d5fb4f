"""How a new staff device comes to its statement, though the relay in between is not trusted.

    coordinator                        relay                          device
      invitation code ───── in person, by phone, by a trusted channel ────> │
      │                                  │ <── invitation + enrolment ──────│  POST /v1/enrolments
      │ <── invitation + enrolment ──────│                                  │
      │  compares four words aloud with the person at the device            │
      │ ── sealed statement ────────────>│ ── sealed statement ────────────>│

The relay learns no name, and cannot swap the key unnoticed. The *invitation* is a token signed in the
organisation's name: one time (its `jti` is the enrolment's id), for a while, for one role. The *enrolment* is
a token signed by the device's own key and bound to the invitation: proof of possession. The *code* that the
person gets is the invitation and a random sealing key beside it which the relay never sees. Under that key
the enrolment carries a MAC, so that whoever saw the invitation alone cannot submit a key of its own; and the
coordinator seals the statement under it, for it contains a name.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from teduh_crypto.credentials.authority import Authority
from teduh_crypto.credentials.exceptions import (
    MalformedToken,
    ProofOfPossessionFailed,
    TokenExpired,
    TokenNotYetValid,
    UnknownRoot,
)
from teduh_crypto.credentials.json_web_token import (
    Claims,
    TokenType,
    confirmation,
    decode_base64url,
    encode_base64url,
    sign_token,
    unverified_claims,
    verify_token,
)
from teduh_crypto.credentials.staff_statement import (
    CLOCK_ALLOWANCE,
    IDENTIFIER,
    Role,
    decode_credential,
    encode_credential,
    new_identifier,
)
from teduh_crypto.credentials.statement_verifier import StatementVerifier

INVITATION_VALIDITY: Final = 3 * 24 * 3600
"""Seconds, unless the coordinator says otherwise."""
MAX_INVITATION_VALIDITY: Final = 14 * 24 * 3600
_CODE_SEPARATOR: Final = ":"
_NONCE_LENGTH: Final = 12
_KEY_LENGTH: Final = 32
_SEALING_TAG: Final = b"Teduh 1 sealed statement\x00"
_SUBMISSION_TAG: Final = b"Teduh 1 enrolment\x00"
_ROLE: Final = re.compile("|".join(Role))
_DIGEST: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an invitation says: one device may enrol for this subject and role.

    `enrolment_id` is its `jti`.
    """

    organisation_id: str
    enrolment_id: str
    subject: str
    role: Role
    issued: int
    expires: int

    def check_time(self, now: int) -> None:
        """Raises `TokenNotYetValid` or `TokenExpired`; `now` in seconds since 1970."""
        if now < self.issued - CLOCK_ALLOWANCE:
            raise TokenNotYetValid("the invitation is dated in the future")
        if now >= self.expires:
            raise TokenExpired("the invitation has expired")


@dataclass(frozen=True, slots=True)
class InvitationCode:
    """What the invited person gets: the invitation, and the key under which her statement comes back."""

    invitation: str
    sealing_key: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"{self.invitation}{_CODE_SEPARATOR}{encode_base64url(self.sealing_key)}"

    @classmethod
    def parse(cls, text: str) -> InvitationCode:
        """Read a code as `str` wrote it; raises `MalformedToken`."""
        invitation, _, key = text.strip().partition(_CODE_SEPARATOR)
        try:
            sealing_key = decode_base64url(key)
        except ValueError as error:
            raise MalformedToken("not an invitation code") from error
        if len(sealing_key) != _KEY_LENGTH:
            raise MalformedToken("not an invitation code")
        return cls(invitation, sealing_key)


def invite(
    authority: Authority, *, subject: str, role: Role, now: int, validity: int = INVITATION_VALIDITY
) -> tuple[Invitation, InvitationCode]:
    """A new invitation, valid for `validity` seconds, and the code to hand over.

    Keep the code secret until it is used.
    """
    invitation = Invitation(
        authority.organisation_id,
        new_identifier(),
        subject,
        role,
        now,
        now + min(validity, MAX_INVITATION_VALIDITY),
    )
    claims = {
        "jti": invitation.enrolment_id,
        "sub": subject,
        "role": role.value,
        "iat": invitation.issued,
        "exp": invitation.expires,
    }
    text = authority.sign(TokenType.INVITATION, claims)
    return invitation, InvitationCode(text, secrets.token_bytes(_KEY_LENGTH))


def verify_invitation(text: str, verifier: StatementVerifier, *, now: int) -> Invitation:
    """What an invitation says, if the organisation signed it and it is valid at `now`.

    Raises a `CredentialError`.
    """
    claims = verifier.verified_claims(text, TokenType.INVITATION, now=now)
    invitation = Invitation(
        organisation_id=claims.text("iss", IDENTIFIER),
        enrolment_id=claims.text("jti", IDENTIFIER),
        subject=claims.text("sub", IDENTIFIER),
        role=Role(claims.text("role", _ROLE)),
        issued=claims.integer("iat"),
        expires=claims.integer("exp"),
    )
    if not 0 < invitation.expires - invitation.issued <= MAX_INVITATION_VALIDITY:
        raise claims.malformed("an invitation is valid for no more than 14 days")
    invitation.check_time(now)
    return invitation


def enrol(code: InvitationCode, key: Ed25519PrivateKey) -> str:
    """The device's answer to an invitation: its public key, the proof that it holds the private one, and the
    proof that it holds the code.
    """
    public_key = key.public_key().public_bytes_raw()
    claims = {
        "cnf": confirmation(public_key),
        "invitation": _digest(code.invitation),
        "mac": _mac(code, public_key),
    }
    return sign_token(TokenType.ENROLMENT, claims, key)


def verify_enrolment(enrolment: str, invitation: str) -> bytes:
    """The device's public key (32 bytes), if it signed this answer to this very invitation: what a relay can
    know. The coordinator asks `verify_submission`.

    The invitation itself is verified apart. Raises `MalformedToken`, `WrongTokenType`,
    `ProofOfPossessionFailed`.
    """
    return _answering(enrolment, invitation).confirmation_key()


def verify_submission(enrolment: str, code: InvitationCode) -> bytes:
    """The device's public key (32 bytes), if a holder of the code submitted it; for the coordinator.

    Raises `MalformedToken` (also for a device of an earlier release, which made no MAC), `WrongTokenType`,
    `ProofOfPossessionFailed`.
    """
    claims = _answering(enrolment, code.invitation)
    public_key = claims.confirmation_key()
    if not hmac.compare_digest(claims.text("mac", _DIGEST), _mac(code, public_key)):
        raise ProofOfPossessionFailed("the enrolment was not made by a holder of the invitation code")
    return public_key


def _answering(enrolment: str, invitation: str) -> Claims:
    public_key = unverified_claims(enrolment, TokenType.ENROLMENT).confirmation_key()
    try:
        claims = verify_token(enrolment, TokenType.ENROLMENT, public_key)
    except UnknownRoot as error:
        raise ProofOfPossessionFailed("the enrolment is not signed by the key in it") from error
    if not hmac.compare_digest(claims.text("invitation", _DIGEST), _digest(invitation)):
        raise ProofOfPossessionFailed("the enrolment answers another invitation")
    return claims


def _mac(code: InvitationCode, public_key: bytes) -> str:
    content = _SUBMISSION_TAG + public_key + hashlib.sha256(code.invitation.encode()).digest()
    return encode_base64url(hmac.digest(code.sealing_key, content, "sha256"))


def seal_statement(
    sealing_key: bytes, enrolment_id: str, statement: str, issuer_statement: str | None = None
) -> bytes:
    """The statement as the relay may carry it: AES-256-GCM, a random nonce first, bound to the enrolment."""
    nonce = secrets.token_bytes(_NONCE_LENGTH)
    content = encode_credential(statement, issuer_statement)
    return nonce + AESGCM(sealing_key).encrypt(nonce, content, _SEALING_TAG + enrolment_id.encode())


def open_statement(sealing_key: bytes, enrolment_id: str, sealed: bytes) -> tuple[str, str | None]:
    """The statement and its issuer's, out of what the relay carried; verify them next.

    Raises `MalformedToken`.
    """
    nonce, ciphertext = sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:]
    try:
        content = AESGCM(sealing_key).decrypt(nonce, ciphertext, _SEALING_TAG + enrolment_id.encode())
    except (InvalidTag, ValueError) as error:
        raise MalformedToken("the sealed statement does not open with this code") from error
    return decode_credential(content)


def enrolment_id(invitation: str) -> str:
    """The id that an invitation asserts:

    for the invited device, which holds it from the coordinator, to ask by.
    """
    token = invitation.partition("~")[0]
    return unverified_claims(token, TokenType.INVITATION).text("jti", IDENTIFIER)


def _digest(invitation: str) -> str:
    return encode_base64url(hashlib.sha256(invitation.encode()).digest())
