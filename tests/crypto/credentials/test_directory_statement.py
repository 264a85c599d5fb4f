"""Directories are signed so that each takes the place of the one before, and none that nobody would take."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from teduh_crypto.credentials import (
    CLOCK_ALLOWANCE,
    DIRECTORY_VALIDITY,
    Authority,
    MalformedToken,
    StatementVerifier,
    next_directory_statement,
    sign_directory_statement,
    verify_directory,
)

NOW = 1_900_000_000
ID = "rumah-aman"
ROOT = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
VERIFIER = StatementVerifier(ROOT.public_key().public_bytes_raw(), ID)


def test_each_directory_follows_the_one_before_even_in_the_same_second() -> None:
    held = None
    for content in (b"one", b"two", b"three"):
        statement = next_directory_statement(held, ID, content, now=NOW)
        text = sign_directory_statement(statement, Authority(ID, ROOT))
        held = verify_directory(text, content, VERIFIER, now=NOW, held=held)
    assert held is not None
    assert held.version == NOW + 2


def test_a_version_dated_ahead_does_not_stop_the_next_from_being_signed() -> None:
    ahead = next_directory_statement(None, ID, b"one", now=NOW + CLOCK_ALLOWANCE)
    following = next_directory_statement(ahead, ID, b"two", now=NOW)
    sign_directory_statement(following, Authority(ID, ROOT))


def test_a_statement_that_nobody_would_take_is_not_signed() -> None:
    lasting = next_directory_statement(None, ID, b"one", now=NOW, validity=DIRECTORY_VALIDITY + 1)
    with pytest.raises(MalformedToken):
        sign_directory_statement(lasting, Authority(ID, ROOT))
