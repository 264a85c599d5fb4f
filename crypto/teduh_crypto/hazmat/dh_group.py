"""Diffie-Hellman groups behind one face: X25519 and X448, and the NIST curves P-256, P-384 and P-521.

A public key that a peer sends is attacker's input. On the NIST curves it must be an uncompressed point of
the curve; on the Montgomery curves it must not be a point of low order, which would make the shared secret
a constant (RFC 7748, section 6; RFC 9180, section 7.1.4). OpenSSL refuses both, and this module turns its
several exceptions into one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from teduh_crypto.exceptions import InvalidPrivateKey, InvalidPublicKey
from teduh_crypto.hazmat.kdf import LabeledKdf

Exchange = Callable[[bytes], bytes]
"""Takes a peer's public key, returns the shared secret; raises `InvalidPublicKey`."""


@dataclass(frozen=True, slots=True)
class DhKey:
    """A private key at work: its public key on the wire, and the exchange under it."""

    public: bytes
    exchange: Exchange


class DhGroup(ABC):
    """A group in which to agree on a secret. Lengths are in bytes."""

    name: str
    private_length: int
    public_length: int

    @abstractmethod
    def generate(self) -> tuple[bytes, DhKey]:
        """Return a fresh private key, serialised and loaded."""

    @abstractmethod
    def derive(self, kdf: LabeledKdf, ikm: bytes) -> bytes:
        """Return the serialised private key that `ikm` determines (RFC 9180, 7.1.3)."""

    @abstractmethod
    def load(self, raw: bytes) -> DhKey:
        """Load a serialised private key; raises `InvalidPrivateKey`."""

    @abstractmethod
    def validate(self, public: bytes) -> None:
        """Check a public key; raises `InvalidPublicKey`."""


class _Montgomery(DhGroup):
    """X25519 and X448: any string of the right length is a private key, all but a few are public keys."""

    @abstractmethod
    def load(self, raw: bytes) -> DhKey: ...

    def derive(self, kdf: LabeledKdf, ikm: bytes) -> bytes:
        prk = kdf.extract(b"", b"dkp_prk", ikm)
        return kdf.expand(prk, b"sk", b"", self.private_length)

    def validate(self, public: bytes) -> None:
        # A low-order point gives the all-zero secret with every private key, so that any one key tells.
        self._probe.exchange(public)

    @cached_property
    def _probe(self) -> DhKey:
        return self.load(bytes(self.private_length))


class X25519Group(_Montgomery):
    """Curve25519 (RFC 7748)."""

    name = "X25519"
    private_length = 32
    public_length = 32

    def generate(self) -> tuple[bytes, DhKey]:
        key = x25519.X25519PrivateKey.generate()
        return key.private_bytes_raw(), self._loaded(key)

    def load(self, raw: bytes) -> DhKey:
        _check_private_length(self, raw)
        return self._loaded(x25519.X25519PrivateKey.from_private_bytes(raw))

    def _loaded(self, key: x25519.X25519PrivateKey) -> DhKey:
        def exchange(public: bytes) -> bytes:
            try:
                return key.exchange(x25519.X25519PublicKey.from_public_bytes(public))
            except ValueError:
                raise InvalidPublicKey("not an X25519 public key, or one of low order") from None

        return DhKey(key.public_key().public_bytes_raw(), exchange)


class X448Group(_Montgomery):
    """Curve448 (RFC 7748)."""

    name = "X448"
    private_length = 56
    public_length = 56

    def generate(self) -> tuple[bytes, DhKey]:
        key = x448.X448PrivateKey.generate()
        return key.private_bytes_raw(), self._loaded(key)

    def load(self, raw: bytes) -> DhKey:
        _check_private_length(self, raw)
        return self._loaded(x448.X448PrivateKey.from_private_bytes(raw))

    def _loaded(self, key: x448.X448PrivateKey) -> DhKey:
        def exchange(public: bytes) -> bytes:
            try:
                return key.exchange(x448.X448PublicKey.from_public_bytes(public))
            except ValueError:
                raise InvalidPublicKey("not an X448 public key, or one of low order") from None

        return DhKey(key.public_key().public_bytes_raw(), exchange)


class NistGroup(DhGroup):
    """P-256, P-384 and P-521: private keys are scalars below the order, public keys uncompressed points."""

    def __init__(self, name: str, curve: ec.EllipticCurve, private_length: int, first_byte_mask: int) -> None:
        """`first_byte_mask` cuts a derived candidate to the order's bit length (RFC 9180, 7.1.3)."""
        self.name = name
        self.curve: Final = curve
        self.private_length = private_length
        self.public_length = 1 + 2 * private_length
        self._mask: Final = first_byte_mask

    def generate(self) -> tuple[bytes, DhKey]:
        key = ec.generate_private_key(self.curve)
        raw = key.private_numbers().private_value.to_bytes(self.private_length, "big")
        return raw, self._loaded(key)

    def derive(self, kdf: LabeledKdf, ikm: bytes) -> bytes:
        prk = kdf.extract(b"", b"dkp_prk", ikm)
        for counter in range(256):
            drawn = kdf.expand(prk, b"candidate", bytes((counter,)), self.private_length)
            candidate = bytes((drawn[0] & self._mask,)) + drawn[1:]
            if self._is_scalar(candidate):
                return candidate
        raise InvalidPrivateKey("no candidate below the order of the curve in 256 draws")

    def _is_scalar(self, candidate: bytes) -> bool:
        return 0 < int.from_bytes(candidate, "big") < self.curve.group_order

    def load(self, raw: bytes) -> DhKey:
        return self._loaded(load_nist_private_key(self.curve, self.private_length, raw))

    def _loaded(self, key: ec.EllipticCurvePrivateKey) -> DhKey:
        def exchange(public: bytes) -> bytes:
            return key.exchange(ec.ECDH(), load_nist_public_key(self.curve, self.public_length, public))

        return DhKey(nist_public_bytes(key.public_key()), exchange)

    def validate(self, public: bytes) -> None:
        load_nist_public_key(self.curve, self.public_length, public)


def load_nist_private_key(curve: ec.EllipticCurve, length: int, raw: bytes) -> ec.EllipticCurvePrivateKey:
    """Load a big-endian scalar of exactly `length` bytes; raises `InvalidPrivateKey`."""
    if len(raw) != length:
        raise InvalidPrivateKey(f"a private key on {curve.name} has {length} bytes, not {len(raw)}")
    try:
        return ec.derive_private_key(int.from_bytes(raw, "big"), curve)
    except ValueError:
        raise InvalidPrivateKey(f"the scalar is not a private key on {curve.name}") from None


@lru_cache(maxsize=4096)
def load_nist_public_key(curve: ec.EllipticCurve, length: int, public: bytes) -> ec.EllipticCurvePublicKey:
    """Load an uncompressed point; raises `InvalidPublicKey` for a compressed one or one off the curve."""
    if len(public) != length or public[0] != 0x04:
        raise InvalidPublicKey(f"not an uncompressed point on {curve.name}")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, public)
    except ValueError:
        raise InvalidPublicKey(f"not a point on {curve.name}") from None


def nist_public_bytes(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return the uncompressed point."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _check_private_length(group: DhGroup, raw: bytes) -> None:
    if len(raw) != group.private_length:
        raise InvalidPrivateKey(
            f"a private key of {group.name} has {group.private_length} bytes, not {len(raw)}"
        )


X25519 = X25519Group()
X448 = X448Group()
P256 = NistGroup("P-256", ec.SECP256R1(), 32, 0xFF)
P384 = NistGroup("P-384", ec.SECP384R1(), 48, 0xFF)
P521 = NistGroup("P-521", ec.SECP521R1(), 66, 0x01)
