"""How a staff device proves to a relay that it holds the key of its statement.

    relay  ── Hello: nonce ──>  device
    relay  <── signature over "Teduh 1 relay authentication" 00 | length | origin | nonce ──  device

The origin is the relay's as the device knows it, so that a signature given to one relay is worth nothing at
another; the nonce is fresh for each connection. The bytes begin with a tag that nothing else that the key
signs begins with.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from teduh_crypto.credentials.exceptions import ProofOfPossessionFailed
from teduh_crypto.credentials.json_web_token import load_public_key

NONCE_LENGTH: Final = 32
_TAG: Final = b"Teduh 1 relay authentication\x00"


def relay_authentication_bytes(origin: str, nonce: bytes) -> bytes:
    """What the device signs, from the relay's origin (`https://host[:port]`) and the nonce of its Hello (32
    bytes).

    Raises `ProofOfPossessionFailed` for a nonce of another length.
    """
    if len(nonce) != NONCE_LENGTH:
        raise ProofOfPossessionFailed("a nonce has 32 bytes")
    encoded = origin.encode()
    return _TAG + len(encoded).to_bytes(4, "big") + encoded + nonce


def sign_relay_authentication(key: Ed25519PrivateKey, origin: str, nonce: bytes) -> bytes:
    """The device's signature, 64 bytes."""
    return key.sign(relay_authentication_bytes(origin, nonce))


def verify_relay_authentication(public_key: bytes, origin: str, nonce: bytes, signature: bytes) -> None:
    """Raises `ProofOfPossessionFailed` unless the device's key signed for this origin and nonce."""
    content = relay_authentication_bytes(origin, nonce)
    try:
        load_public_key(public_key).verify(signature, content)
    except InvalidSignature as error:
        raise ProofOfPossessionFailed(
            "not signed by the device's key for this relay and connection"
        ) from error
