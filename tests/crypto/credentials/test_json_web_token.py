"""Tokens: signed, typed, bounded, and nothing else."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from support.organisation.staffed_organisation import public_key
from teduh_crypto.credentials import CredentialError, MalformedToken, UnknownRoot, WrongTokenType
from teduh_crypto.credentials.canonical_json import decode_canonical, encode_canonical
from teduh_crypto.credentials.json_web_token import (
    MAX_TOKEN_LENGTH,
    TokenType,
    decode_base64url,
    encode_base64url,
    sign_token,
    verify_token,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = public_key(KEY)


def forge(header: object, payload: bytes = b"{}", key: Ed25519PrivateKey = KEY) -> str:
    """A token with any header and payload, well signed."""
    parts = encode_base64url(encode_canonical(header)) + "." + encode_base64url(payload)
    return parts + "." + encode_base64url(key.sign(parts.encode()))


GOOD_HEADER = {"alg": "EdDSA", "typ": TokenType.STAFF.value}


def test_what_was_signed_is_read() -> None:
    token = sign_token(TokenType.STAFF, {"exp": 7}, KEY)
    assert verify_token(token, TokenType.STAFF, PUBLIC).integer("exp") == 7


@pytest.mark.parametrize("made_for", TokenType)
@pytest.mark.parametrize("asked_for", TokenType)
def test_no_token_of_one_type_verifies_as_another(made_for: TokenType, asked_for: TokenType) -> None:
    token = sign_token(made_for, {"exp": 7}, KEY)
    if made_for is asked_for:
        assert verify_token(token, asked_for, PUBLIC).integer("exp") == 7
    else:
        with pytest.raises(WrongTokenType):
            verify_token(token, asked_for, PUBLIC)


def test_another_key_is_refused() -> None:
    token = sign_token(TokenType.STAFF, {}, Ed25519PrivateKey.generate())
    with pytest.raises(UnknownRoot):
        verify_token(token, TokenType.STAFF, PUBLIC)


@pytest.mark.parametrize(
    "header",
    [
        {**GOOD_HEADER, "alg": "none"},
        {**GOOD_HEADER, "alg": "HS256"},
        {**GOOD_HEADER, "alg": ["EdDSA"]},
        {**GOOD_HEADER, "crit": ["exp"], "exp": 1},
        {**GOOD_HEADER, "crit": ["b64"], "b64": True},
        {**GOOD_HEADER, "jwk": {"kty": "OKP"}},
        {**GOOD_HEADER, "kid": 7},
        {"typ": TokenType.STAFF.value},
        [],
        "EdDSA",
    ],
    ids=lambda header: json.dumps(header)[:48],
)
def test_a_header_beyond_the_allowed_is_refused(header: object) -> None:
    with pytest.raises(MalformedToken):
        verify_token(forge(header), TokenType.STAFF, PUBLIC)


def test_a_token_without_a_type_is_refused() -> None:
    with pytest.raises(WrongTokenType):
        verify_token(forge({"alg": "EdDSA"}), TokenType.STAFF, PUBLIC)


@pytest.mark.parametrize("payload", [b"", b"[]", b"7", b'"text"', b"\xff", b"{" * 2000])
def test_a_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedToken):
        verify_token(forge(GOOD_HEADER, payload), TokenType.STAFF, PUBLIC)


def test_a_token_over_the_limit_is_refused_though_it_is_signed() -> None:
    token = sign_token(TokenType.STAFF, {"name": "a" * MAX_TOKEN_LENGTH}, KEY)
    with pytest.raises(MalformedToken):
        verify_token(token, TokenType.STAFF, PUBLIC)


@pytest.mark.parametrize("ending", ["=", "==", "\n", ".", "~"])
def test_one_token_has_one_spelling(ending: str) -> None:
    with pytest.raises(MalformedToken):
        verify_token(sign_token(TokenType.STAFF, {}, KEY) + ending, TokenType.STAFF, PUBLIC)


@pytest.mark.parametrize("value", [True, "1", -1, None])
def test_a_time_is_a_number(value: object) -> None:
    claims = verify_token(sign_token(TokenType.STAFF, {"exp": value}, KEY), TokenType.STAFF, PUBLIC)
    with pytest.raises(MalformedToken):
        claims.integer("exp")


@pytest.mark.parametrize("value", [1.0, 1e300, 2**53, -(2**53), {"1": 1}, "\ud83d"])
def test_what_is_signed_is_what_every_language_encodes_alike(value: object) -> None:
    payload = json.dumps({"exp": value}, separators=(",", ":")).encode()
    with pytest.raises(MalformedToken):
        verify_token(forge(GOOD_HEADER, payload), TokenType.STAFF, PUBLIC)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text().map("a".__add__), inner, max_size=3)
    ),
    max_leaves=7,
)


@given(JSON_VALUES)
def test_canonical_json_says_what_was_encoded(value: object) -> None:
    assert decode_canonical(encode_canonical(value)) == value


@given(st.binary(max_size=40) | st.text(alphabet='{}[]":,0159eE.-\\ut "', max_size=20).map(str.encode))
def test_bytes_have_one_meaning_or_none(data: bytes) -> None:
    try:
        value = decode_canonical(data)
    except ValueError:
        return
    assert encode_canonical(value) == data


@given(st.text(alphabet="eyJabc019_-.~= \u00e9", max_size=80) | st.binary(max_size=60).map(encode_base64url))
def test_arbitrary_text_raises_only_credential_errors(text: str) -> None:
    with pytest.raises(CredentialError):
        verify_token(text, TokenType.STAFF, PUBLIC)


@given(st.binary(max_size=100))
def test_base64url_round_trips(data: bytes) -> None:
    assert decode_base64url(encode_base64url(data)) == data


@pytest.mark.parametrize("text", ["A", "AB=", "AB==", "A B", "+/8", "AB", "AAF"])
def test_base64url_has_one_spelling(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64url|one encoding"):
        decode_base64url(text)
