"""Signature schemes: Ed25519, Ed448 and ECDSA on the NIST curves.

Wire forms (RFC 9420, 5.1.2): EdDSA public keys and signatures as in RFC 8032; ECDSA public keys as
uncompressed points, signatures as DER. ECDSA hashes with the function of its curve's size.
Loaded public keys are cached, since a conversation verifies the same few members' signatures all along.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature as LibraryInvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519

from teduh_crypto.exceptions import InvalidPrivateKey, InvalidPublicKey, InvalidSignature
from teduh_crypto.hazmat.dh_group import load_nist_private_key, load_nist_public_key, nist_public_bytes
from teduh_crypto.hazmat.ed25519_key import load_ed25519_key
from teduh_crypto.hazmat.secret import SignaturePrivateKey

Verify = Callable[[bytes, bytes], None]
"""Takes (signature, content); raises the library's own error when they do not fit."""


class SignatureScheme(ABC):
    """A signature scheme. Labels are added by the cipher suite, never by callers."""

    name: str

    @abstractmethod
    def generate(self) -> SignaturePrivateKey:
        """Return a fresh key pair."""

    @abstractmethod
    def load(self, raw: bytes) -> SignaturePrivateKey:
        """Load a serialised private key; raises `InvalidPrivateKey`."""

    @abstractmethod
    def load_public(self, public: bytes) -> Verify:
        """Return the verification under a public key; raises `InvalidPublicKey`."""

    def verify(self, public: bytes, content: bytes, signature: bytes) -> None:
        """Check a signature; raises `InvalidSignature`, also when the public key itself is unusable."""
        try:
            self.load_public(public)(signature, content)
        except (LibraryInvalidSignature, InvalidPublicKey):
            raise InvalidSignature(f"the {self.name} signature does not fit the content") from None


class Ed25519Scheme(SignatureScheme):
    """Ed25519 (RFC 8032): 32-byte keys, 64-byte signatures, in one encoding each (`ed25519_key`)."""

    name = "Ed25519"

    def generate(self) -> SignaturePrivateKey:
        return self._wrap(ed25519.Ed25519PrivateKey.generate())

    def load(self, raw: bytes) -> SignaturePrivateKey:
        try:
            return self._wrap(ed25519.Ed25519PrivateKey.from_private_bytes(raw))
        except ValueError:
            raise InvalidPrivateKey(f"an Ed25519 private key has 32 bytes, not {len(raw)}") from None

    def load_public(self, public: bytes) -> Verify:
        return load_ed25519_key(public).verify

    def _wrap(self, key: ed25519.Ed25519PrivateKey) -> SignaturePrivateKey:
        return SignaturePrivateKey(key.private_bytes_raw(), key.public_key().public_bytes_raw(), key.sign)


class Ed448Scheme(SignatureScheme):
    """Ed448 (RFC 8032): 57-byte keys, 114-byte signatures."""

    name = "Ed448"

    def generate(self) -> SignaturePrivateKey:
        return self._wrap(ed448.Ed448PrivateKey.generate())

    def load(self, raw: bytes) -> SignaturePrivateKey:
        try:
            return self._wrap(ed448.Ed448PrivateKey.from_private_bytes(raw))
        except ValueError:
            raise InvalidPrivateKey(f"an Ed448 private key has 57 bytes, not {len(raw)}") from None

    def load_public(self, public: bytes) -> Verify:
        return _load_ed448(public)

    def _wrap(self, key: ed448.Ed448PrivateKey) -> SignaturePrivateKey:
        return SignaturePrivateKey(key.private_bytes_raw(), key.public_key().public_bytes_raw(), key.sign)


class EcdsaScheme(SignatureScheme):
    """ECDSA on a NIST curve."""

    def __init__(
        self, name: str, curve: ec.EllipticCurve, length: int, hash_algorithm: hashes.HashAlgorithm
    ) -> None:
        """`length` is that of a private key, in bytes."""
        self.name = name
        self._curve: Final = curve
        self._length: Final = length
        self._algorithm: Final = ec.ECDSA(hash_algorithm)

    def generate(self) -> SignaturePrivateKey:
        return self._wrap(ec.generate_private_key(self._curve))

    def load(self, raw: bytes) -> SignaturePrivateKey:
        return self._wrap(load_nist_private_key(self._curve, self._length, raw))

    def load_public(self, public: bytes) -> Verify:
        key = load_nist_public_key(self._curve, 1 + 2 * self._length, public)
        return lambda signature, content: key.verify(signature, content, self._algorithm)

    def _wrap(self, key: ec.EllipticCurvePrivateKey) -> SignaturePrivateKey:
        raw = key.private_numbers().private_value.to_bytes(self._length, "big")
        public = nist_public_bytes(key.public_key())
        return SignaturePrivateKey(raw, public, lambda content: key.sign(content, self._algorithm))


@lru_cache(maxsize=4096)
def _load_ed448(public: bytes) -> Verify:
    try:
        return ed448.Ed448PublicKey.from_public_bytes(public).verify
    except ValueError:
        raise InvalidPublicKey("not an Ed448 public key") from None


ED25519 = Ed25519Scheme()
ED448 = Ed448Scheme()
ECDSA_P256 = EcdsaScheme("ECDSA P-256", ec.SECP256R1(), 32, hashes.SHA256())
ECDSA_P384 = EcdsaScheme("ECDSA P-384", ec.SECP384R1(), 48, hashes.SHA384())
ECDSA_P521 = EcdsaScheme("ECDSA P-521", ec.SECP521R1(), 66, hashes.SHA512())
