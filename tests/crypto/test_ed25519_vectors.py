"""Replays vectors/ed25519.json wherever Python verifies a signature; the web SDK replays it too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from forging.edwards import BASE, challenge, signature, torsion
from teduh_crypto.credentials import (
    MalformedKeyFile,
    MalformedToken,
    Organisation,
    StatementVerifier,
    relay_authentication_bytes,
    sealed_public_key,
    verify_relay_authentication,
)
from teduh_crypto.credentials.json_web_token import (
    Claims,
    TokenType,
    confirmation,
    encode_base64url,
    sign_token,
    verify_token,
)
from teduh_crypto.exceptions import InvalidPublicKey, InvalidSignature
from teduh_crypto.hazmat.ciphersuite import cipher_suite
from teduh_crypto.hazmat.signature import ED25519
from vectors import make_ed25519
from vectors.make_ed25519 import Case

FILE: Final = Path(__file__).parents[1] / "vectors" / "ed25519.json"
CASES: Final[list[Case]] = json.loads(FILE.read_text("utf-8"))
NO_KEYS: Final = [bytes.fromhex(case["public_key"]) for case in CASES if not case["key"]]
SMALL_ORDER: Final = [point.encoded() for point in torsion()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_signature_holds_or_not(case: Case) -> None:
    public, message, made = (bytes.fromhex(case[name]) for name in ("public_key", "message", "signature"))
    if case["holds"]:
        ED25519.verify(public, message, made)
    else:
        with pytest.raises(InvalidSignature):
            ED25519.verify(public, message, made)


@pytest.mark.parametrize("public", NO_KEYS, ids=bytes.hex)
def test_what_is_no_key_is_taken_as_one_nowhere(public: bytes) -> None:
    with pytest.raises(InvalidPublicKey):
        cipher_suite(0x0001).validate_signature_public_key(public)
    with pytest.raises(MalformedToken):
        StatementVerifier(public, "rumah-aman")
    with pytest.raises(MalformedToken):
        Organisation.from_toml(Organisation("rumah-aman", "Rumah Aman", public).to_toml())
    with pytest.raises(MalformedToken):
        Claims(TokenType.STAFF, {"cnf": confirmation(public)}).confirmation_key()
    sealed = {"format": "teduh-sealed-key-1", "public_key": encode_base64url(public)}
    with pytest.raises(MalformedKeyFile):
        sealed_public_key(json.dumps(sealed).encode())


@pytest.mark.parametrize("public", SMALL_ORDER, ids=bytes.hex)
def test_nobody_signs_with_a_key_of_small_order(public: bytes) -> None:
    """Tokens and relay authentication, each with a signature that the equation of RFC 8032 lets pass."""
    token = sign_token(TokenType.STAFF, {}, Ed25519PrivateKey.generate())
    signed = token.rpartition(".")[0]
    forged = f"{signed}.{encode_base64url(_forged(public, signed.encode()))}"
    with pytest.raises(MalformedToken):
        verify_token(forged, TokenType.STAFF, public)
    origin, nonce = "https://relay.example", bytes(32)
    made = _forged(public, relay_authentication_bytes(origin, nonce))
    with pytest.raises(MalformedToken):
        verify_relay_authentication(public, origin, nonce, made)


def _forged(public: bytes, message: bytes) -> bytes:
    """Made without any private key: k must be a multiple of 8, which one R in eight gives."""
    for nonce in range(1, 1000):
        r = BASE.times(nonce).encoded()
        if challenge(r, public, message) % 8 == 0:
            return signature(r, nonce)
    raise AssertionError("one in eight does")


def test_the_vectors_are_those_that_the_script_writes() -> None:
    """ed25519.json is never edited by hand."""
    assert FILE.read_text("utf-8") == make_ed25519.vectors()
