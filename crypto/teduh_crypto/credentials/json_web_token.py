"""Signed statements as JWTs, each labelled with the one purpose it was made for.

Every kind of token carries its purpose in the `typ` header (RFC 8725, 3.11: explicit typing), which the
signature covers, and a verifier accepts exactly the one that it asks for. So no token of one kind can be
passed off as another, though the same key signs several kinds.

Header and payload are canonical JSON (`canonical_json`), and each of the three parts is the one base64url
text of its bytes: a token that two readers could read differently is refused, whoever signed it.

What is signed begins with base64url text (`eyJ...`); the other things that a device key signs begin
otherwise, an MLS `SignContent` with a length byte and relay authentication with `Teduh 1 `, so none of them
can be read as another either.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt import InvalidSignatureError, PyJWS, PyJWTError

from teduh_crypto.credentials.canonical_json import decode_canonical, encode_canonical
from teduh_crypto.credentials.exceptions import (
    MalformedStatement,
    MalformedToken,
    UnknownRoot,
    WrongTokenType,
)
from teduh_crypto.exceptions import InvalidPublicKey
from teduh_crypto.hazmat.ed25519_key import load_ed25519_key, require_ed25519_key

ALGORITHM: Final = "EdDSA"
MAX_TOKEN_LENGTH: Final = 4096
"""Characters of one token; a revocation list may be longer."""

_JWS = PyJWS(algorithms=[ALGORITHM])
_HEADER_NAMES: Final = frozenset({"alg", "typ", "kid"})
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class TokenType(StrEnum):
    """The purpose of a token: its domain tag."""

    STAFF = "teduh-staff+jwt"
    REVOCATIONS = "teduh-revocations+jwt"
    AUTHORITY = "teduh-authority+jwt"
    DIRECTORY = "teduh-directory+jwt"
    INVITATION = "teduh-invitation+jwt"
    ENROLMENT = "teduh-enrolment+jwt"
    COORDINATOR = "teduh-coordinator+jwt"


def malformed(token_type: TokenType, reason: str) -> MalformedToken:
    """The error that says that a token of this type is not well made."""
    kind = MalformedStatement if token_type is TokenType.STAFF else MalformedToken
    return kind(f"{token_type}: {reason}")


class Claims:
    """The claims of a verified token, read one by one with their types and bounds."""

    __slots__ = ("_claims", "token_type")

    def __init__(self, token_type: TokenType, claims: Mapping[str, object]) -> None:
        self.token_type = token_type
        self._claims = claims

    def malformed(self, reason: str) -> MalformedToken:
        """The error to raise for a claim that is not as it must be."""
        return malformed(self.token_type, reason)

    def text(self, name: str, pattern: re.Pattern[str]) -> str:
        """A string that matches `pattern` as a whole."""
        value = self._claims.get(name)
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise self.malformed(f"claim {name} is missing or not allowed")
        return value

    def texts(self, name: str, pattern: re.Pattern[str], most: int) -> tuple[str, ...]:
        """At most `most` strings, each of which matches `pattern`, none twice."""
        values = self._claims.get(name)
        if not isinstance(values, list) or len(values) > most:
            raise self.malformed(f"claim {name} is missing, not a list, or too long")
        texts = tuple(value for value in values if isinstance(value, str) and pattern.fullmatch(value))
        if len(texts) != len(values) or len(set(texts)) != len(texts):
            raise self.malformed(f"claim {name} holds something that is not allowed, or the same thing twice")
        return texts

    def integer(self, name: str) -> int:
        """A whole number from 0 to 2**53 - 1, which JavaScript holds exactly."""
        value = self._claims.get(name)
        if type(value) is not int or not 0 <= value < 2**53:
            raise self.malformed(f"claim {name} is missing or not a number in range")
        return value

    def claims(self, name: str) -> Claims:
        """An object within."""
        value = self._claims.get(name)
        if not isinstance(value, dict):
            raise self.malformed(f"claim {name} is missing or not an object")
        return Claims(self.token_type, value)

    def confirmation_key(self) -> bytes:
        """The Ed25519 public key in `cnf` (RFC 7800, 3.2: a JWK; RFC 8037, 2: an OKP key)."""
        key = self.claims("cnf").claims("jwk")
        key.text("kty", re.compile("OKP"))
        key.text("crv", re.compile("Ed25519"))
        try:
            public_key = decode_base64url(key.text("x", re.compile(r"[A-Za-z0-9_-]{43}")))
            require_ed25519_key(public_key)
        except (ValueError, InvalidPublicKey) as error:
            raise self.malformed("cnf holds no Ed25519 key") from error
        return public_key


def sign_token(token_type: TokenType, claims: Mapping[str, object], key: Ed25519PrivateKey) -> str:
    """Sign `claims` for the one purpose `token_type`; returns a compact JWS (RFC 7515, 7.1)."""
    return _JWS.encode(encode_canonical(claims), key, algorithm=ALGORITHM, headers={"typ": token_type.value})


def verify_token(
    token: str, token_type: TokenType, public_key: bytes, *, max_length: int = MAX_TOKEN_LENGTH
) -> Claims:
    """The claims of `token`, if `public_key` signed them for the purpose `token_type`.

    Raises `MalformedToken`, `WrongTokenType`, or `UnknownRoot` for a signature by another key. The times in
    the claims are not looked at.
    """
    claims = unverified_claims(token, token_type, max_length=max_length)
    key = load_public_key(public_key)
    try:
        _JWS.decode_complete(token, key, algorithms=[ALGORITHM])
    except InvalidSignatureError as error:
        raise UnknownRoot(f"{token_type}: signed by another key") from error
    except PyJWTError as error:
        raise malformed(token_type, "not a signed token") from error
    return claims


def unverified_claims(token: str, token_type: TokenType, *, max_length: int = MAX_TOKEN_LENGTH) -> Claims:
    """The claims as they are asserted: only to find the key, or the time, by which to verify the token."""
    if len(token) > max_length or _COMPACT.fullmatch(token) is None:
        raise malformed(token_type, "too large, or not three base64url parts")
    try:
        header, payload, _ = map(decode_base64url, token.split("."))
        _check_header(decode_canonical(header), token_type)
        claims = decode_canonical(payload)
    except ValueError as error:
        raise malformed(token_type, "not the one encoding of a token") from error
    if not isinstance(claims, dict):
        raise malformed(token_type, "the payload is not a JSON object")
    return Claims(token_type, claims)


def _check_header(header: object, token_type: TokenType) -> None:
    """Refuse another algorithm or purpose, and any header beyond `alg`, `typ` and `kid`.

    The last refuses `crit` too, for this implementation understands no critical extension (RFC 7515, 4.1.11).
    """
    if not isinstance(header, dict) or not _HEADER_NAMES.issuperset(header):
        raise malformed(token_type, "header not allowed")
    if header.get("alg") != ALGORITHM or not all(isinstance(text, str) for text in header.values()):
        raise malformed(token_type, "header not allowed")
    if header.get("typ") != token_type.value:
        raise WrongTokenType(f"expected a token of the type {token_type}")


def load_public_key(public_key: bytes) -> Ed25519PublicKey:
    """The key for OpenSSL; raises `MalformedToken` for what may be no Ed25519 key."""
    try:
        return load_ed25519_key(public_key)
    except InvalidPublicKey as error:
        raise MalformedToken("not an Ed25519 public key") from error


def confirmation(public_key: bytes) -> dict[str, object]:
    """The `cnf` claim for an Ed25519 public key (RFC 7800, 3.2; RFC 8037, 2)."""
    return {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(public_key)}}


def encode_base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode_base64url(text: str) -> bytes:
    """Bytes from base64url without padding; raises `ValueError` for anything but their one encoding."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if encode_base64url(data) != text:
        raise ValueError("not the one encoding of these bytes")
    return data
