"""Which bytes are an Ed25519 public key: the one encoding of a point that is not of small order.

RFC 8032 leaves both open to its readers, and they differ. Under a key of small order a signature holds that
nobody made, for all messages or for one in eight; of a point with two encodings one reader takes the second,
and another refuses it. tests/vectors/ed25519.json has the cases for every implementation of ours.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from teduh_crypto.exceptions import InvalidPublicKey

KEY_LENGTH: Final = 32
_P: Final = 2**255 - 19
_OF_ORDER_8: Final = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_SMALL_ORDER: Final = frozenset({0, 1, _P - 1, _OF_ORDER_8, _P - _OF_ORDER_8})
"""The y of the eight points of small order."""


def require_ed25519_key(public: bytes) -> None:
    """Raises `InvalidPublicKey` unless these 32 bytes may be a key.

    That they are a point at all is left to whoever verifies: no signature holds under what is none.
    """
    y = int.from_bytes(public, "little") & (2**255 - 1)
    if len(public) != KEY_LENGTH or y >= _P or y in _SMALL_ORDER:
        raise InvalidPublicKey("not an Ed25519 public key, or one of small order")


@lru_cache(maxsize=4096)
def load_ed25519_key(public: bytes) -> Ed25519PublicKey:
    """The key for OpenSSL, which compares R as bytes and refuses S from L on; raises `InvalidPublicKey`."""
    require_ed25519_key(public)
    return Ed25519PublicKey.from_public_bytes(public)
