"""How a coordinator's requests to a relay are signed: one token for one request, good for a minute.

    Authorization: Bearer <token>[~<issuer's statement>]

    claims   iss                organisation
             aud                the relay's origin
             htm, htu           method and path with query (names from RFC 9449, 4.2)
             bh                 base64url of SHA-256 of the body
             jti                a relay takes each once
             iat, exp           at most 60 s apart

Whoever reads such a request on its way can neither repeat it nor turn it into another.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from teduh_crypto.credentials.authority import Authority
from teduh_crypto.credentials.exceptions import TokenExpired, TokenNotYetValid, WrongRequest
from teduh_crypto.credentials.json_web_token import Claims, TokenType, encode_base64url
from teduh_crypto.credentials.staff_statement import IDENTIFIER, new_identifier
from teduh_crypto.credentials.statement_verifier import StatementVerifier

REQUEST_VALIDITY: Final = 60
"""Seconds."""
_CLOCK_ALLOWANCE: Final = 30
_PRINTABLE: Final = re.compile(r"[!-~]{1,512}")


@dataclass(frozen=True, slots=True)
class CoordinatorRequest:
    """The request that a token is for; `origin` is the relay's, `target` the path with its query."""

    origin: str
    method: str
    target: str
    body: bytes = b""


def sign_coordinator_request(request: CoordinatorRequest, authority: Authority, *, now: int) -> str:
    """The text for the `Authorization: Bearer` header."""
    claims = {
        **_binding(request),
        "jti": new_identifier(),
        "iat": now,
        "exp": now + REQUEST_VALIDITY,
    }
    return authority.sign(TokenType.COORDINATOR, claims)


def verify_coordinator_request(
    text: str, request: CoordinatorRequest, verifier: StatementVerifier, *, now: int
) -> str:
    """The token's `jti`, if the root or an issuer signed it for this request; the caller takes each `jti`
    only once.

    Raises `WrongRequest`, `TokenExpired`, `TokenNotYetValid`, or another `CredentialError`.
    """
    claims = verifier.verified_claims(text, TokenType.COORDINATOR, now=now)
    _check_time(claims, now)
    for name, expected in _binding(request).items():
        stated = claims.text(name, _PRINTABLE)
        if not hmac.compare_digest(stated.encode(), expected.encode()):
            raise WrongRequest(f"claim {name} is about another request")
    return claims.text("jti", IDENTIFIER)


def _binding(request: CoordinatorRequest) -> dict[str, str]:
    return {
        "aud": request.origin,
        "htm": request.method,
        "htu": request.target,
        "bh": encode_base64url(hashlib.sha256(request.body).digest()),
    }


def _check_time(claims: Claims, now: int) -> None:
    issued, expires = claims.integer("iat"), claims.integer("exp")
    if not 0 < expires - issued <= REQUEST_VALIDITY:
        raise claims.malformed("a request is valid for no more than 60 s")
    if now < issued - _CLOCK_ALLOWANCE:
        raise TokenNotYetValid("the request is dated in the future; compare the clocks")
    if now >= expires + _CLOCK_ALLOWANCE:
        raise TokenExpired("the request has expired; compare the clocks")
