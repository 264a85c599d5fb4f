"""Cipher suite 0xF0B2 a second time, in few lines and without a line of `teduh_crypto`.

Vectors that our own code computed would only show that it has not changed. These functions stand on the HKDF
and the HPKE of `cryptography` and on the words of RFC 9420, so that the vectors made with them show that it
is right.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

CODE: Final = 0xF0B2
NH: Final = 48
NK: Final = 32
NN: Final = 12
ENC_LENGTH: Final = 1120
HPKE: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA384, hpke.AEAD.AES_256_GCM)


def drawn(name: str, length: int) -> bytes:
    """Bytes that look random and are the same every time."""
    return hashlib.shake_256(b"teduh vectors for 0xF0B2: " + name.encode()).digest(length)


def vector(data: bytes) -> bytes:
    """The wire form of `opaque data<V>` (RFC 9420, 2.1.2)."""
    if len(data) < 64:
        return bytes((len(data),)) + data
    return (0x4000 | len(data)).to_bytes(2, "big") + data


def extract(salt: bytes, ikm: bytes) -> bytes:
    """HKDF-Extract."""
    return hmac.digest(salt, ikm, "sha384")


def expand_with_label(secret: bytes, label: str, context: bytes, length: int) -> bytes:
    """RFC 9420, 8."""
    info = length.to_bytes(2, "big") + vector(b"MLS 1.0 " + label.encode()) + vector(context)
    return HKDFExpand(hashes.SHA384(), length, info).derive(secret)


def derive_secret(secret: bytes, label: str) -> bytes:
    """RFC 9420, 8."""
    return expand_with_label(secret, label, b"", NH)


def derive_tree_secret(secret: bytes, label: str, generation: int, length: int) -> bytes:
    """RFC 9420, 9."""
    return expand_with_label(secret, label, generation.to_bytes(4, "big"), length)


def ref_hash(label: str, value: bytes) -> bytes:
    """RFC 9420, 5.2."""
    return hashlib.sha384(vector(label.encode()) + vector(value)).digest()


def labelled(label: str, content: bytes) -> bytes:
    """SignContent and EncryptContext (RFC 9420, 5.1.2 and 5.1.3)."""
    return vector(b"MLS 1.0 " + label.encode()) + vector(content)


def sign_with_label(private: bytes, label: str, content: bytes) -> bytes:
    """RFC 9420, 5.1.2."""
    return Ed25519PrivateKey.from_private_bytes(private).sign(labelled(label, content))


def signature_public_bytes(private: bytes) -> bytes:
    """The public key of a signature key."""
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def derive_seed(ikm: bytes) -> bytes:
    """DeriveKeyPair as far as the private key (draft-ietf-hpke-pq, 4)."""
    return hashlib.shake_256(ikm + b"HPKE-v1KEM\x64\x7a" + b"\x00\x0dDeriveKeyPair" + b"\x00\x20").digest(32)


def private_key(seed: bytes) -> hpke.MLKEM768X25519PrivateKey:
    """The key pair of an X-Wing seed (draft-connolly-cfrg-xwing-kem, 5.2)."""
    mlkem, x25519 = _halves(seed)
    return hpke.MLKEM768X25519PrivateKey(mlkem, x25519)


def public_bytes(seed: bytes) -> bytes:
    """The public key of an X-Wing seed, as it is on the wire."""
    mlkem, x25519 = _halves(seed)
    return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


def _halves(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    expanded = hashlib.shake_256(seed).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(
        expanded[64:]
    )


def encrypt_with_label(seed: bytes, label: str, context: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
    """RFC 9420, 5.1.3, to the public key of a seed; returns (kem_output, ciphertext)."""
    sealed = HPKE.encrypt(plaintext, private_key(seed).public_key(), labelled(label, context))
    return sealed[:ENC_LENGTH], sealed[ENC_LENGTH:]
