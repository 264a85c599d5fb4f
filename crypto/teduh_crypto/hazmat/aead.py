"""Authenticated encryption: the three AEADs that the cipher suites name.

Keys in MLS are used for one message and thrown away, so nothing is cached between calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from teduh_crypto.exceptions import DecryptionFailed


@dataclass(frozen=True, slots=True)
class Aead:
    """One AEAD; `code` is its identifier in RFC 9180, the lengths are in bytes (Nk, Nn, Nt)."""

    code: int
    name: str
    key_length: int
    cipher: Callable[[bytes], AESGCM | ChaCha20Poly1305]
    nonce_length: int = 12
    tag_length: int = 16

    def seal(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        """Return the ciphertext followed by its 16-byte tag."""
        return self.cipher(key).encrypt(nonce, plaintext, aad)

    def open(self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        """Return the plaintext; raises `DecryptionFailed`, also when the tag is cut short."""
        try:
            return self.cipher(key).decrypt(nonce, ciphertext, aad)
        except InvalidTag:
            raise DecryptionFailed("the ciphertext does not open") from None


AES_128_GCM = Aead(0x0001, "AES-128-GCM", 16, AESGCM)
AES_256_GCM = Aead(0x0002, "AES-256-GCM", 32, AESGCM)
CHACHA20_POLY1305 = Aead(0x0003, "ChaCha20-Poly1305", 32, ChaCha20Poly1305)
