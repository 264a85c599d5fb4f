"""A device's proof to a relay: for this relay, this connection, this key."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.organisation.staffed_organisation import public_key
from teduh_crypto.credentials import (
    ProofOfPossessionFailed,
    relay_authentication_bytes,
    sign_relay_authentication,
    verify_relay_authentication,
)

ORIGIN = "https://relay.example"
NONCE = bytes(range(32))


def test_the_devices_signature_is_taken(device: Ed25519PrivateKey) -> None:
    signature = sign_relay_authentication(device, ORIGIN, NONCE)
    verify_relay_authentication(public_key(device), ORIGIN, NONCE, signature)


@pytest.mark.parametrize(
    ("origin", "nonce"), [("https://relay.example.org", NONCE), (ORIGIN, bytes(32))], ids=["origin", "nonce"]
)
def test_a_signature_for_another_relay_or_connection_is_refused(
    device: Ed25519PrivateKey, origin: str, nonce: bytes
) -> None:
    signature = sign_relay_authentication(device, origin, nonce)
    with pytest.raises(ProofOfPossessionFailed):
        verify_relay_authentication(public_key(device), ORIGIN, NONCE, signature)


def test_another_devices_signature_is_refused(device: Ed25519PrivateKey) -> None:
    signature = sign_relay_authentication(Ed25519PrivateKey.generate(), ORIGIN, NONCE)
    with pytest.raises(ProofOfPossessionFailed):
        verify_relay_authentication(public_key(device), ORIGIN, NONCE, signature)


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64)], ids=len)
def test_what_is_no_signature_is_refused(device: Ed25519PrivateKey, signature: bytes) -> None:
    with pytest.raises(ProofOfPossessionFailed):
        verify_relay_authentication(public_key(device), ORIGIN, NONCE, signature)


def test_a_nonce_has_32_bytes() -> None:
    with pytest.raises(ProofOfPossessionFailed):
        relay_authentication_bytes(ORIGIN, bytes(31))


def test_the_bytes_are_these() -> None:
    """Other implementations sign the same: tag, zero byte, length of the origin in 4 bytes, origin, nonce."""
    expected = b"Teduh 1 relay authentication\x00" + b"\x00\x00\x00\x15" + ORIGIN.encode() + NONCE
    assert relay_authentication_bytes(ORIGIN, NONCE) == expected
