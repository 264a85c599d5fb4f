"""X-Wing, the hybrid of ML-KEM-768 and X25519 that MLKEM768X25519 names.

What is said here may have to stay secret for decades, so it must not fall to a quantum computer, nor to a
flaw in the young lattice scheme: whoever breaks only one half learns nothing.

    seed (32) ── SHAKE256 ──► d ‖ z (64) ──► ML-KEM-768 key pair
                         └──► x (32)     ──► X25519 key pair

    public key = ML-KEM encapsulation key (1184) ‖ X25519 public key (32)
    enc        = ML-KEM ciphertext (1088)        ‖ ephemeral X25519 public key (32)
    secret     = SHA3-256(ss_M ‖ ss_X ‖ ct_X ‖ pk_X ‖ "\\.//^\\")

Sources: draft-connolly-cfrg-xwing-kem, sections 5.2 to 5.4; DeriveKeyPair from draft-ietf-hpke-pq,
section 4. One deliberate difference: an X25519 share of low order is refused, where the draft would
go on with a shared secret of zeros; no honest key is one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InternalError
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey

from teduh_crypto.exceptions import DecryptionFailed, InvalidPrivateKey, InvalidPublicKey
from teduh_crypto.hazmat.dh_group import X25519, DhKey
from teduh_crypto.hazmat.kdf import shake256_labeled_derive
from teduh_crypto.hazmat.kem import Kem
from teduh_crypto.hazmat.secret import HpkePrivateKey

LABEL: Final = b"\\.//^\\"
MLKEM_PUBLIC_LENGTH: Final = 1184
MLKEM_CIPHERTEXT_LENGTH: Final = 1088


class XWing(Kem):
    """MLKEM768X25519, KEM identifier 0x647a. A private key is the 32-byte seed."""

    code = 0x647A
    name = "MLKEM768X25519"
    secret_length = 32
    enc_length = MLKEM_CIPHERTEXT_LENGTH + 32
    public_length = MLKEM_PUBLIC_LENGTH + 32
    private_length = 32

    def generate(self) -> HpkePrivateKey:
        return self.load(os.urandom(self.private_length))

    def derive(self, ikm: bytes) -> HpkePrivateKey:
        # draft-ietf-hpke-pq, 4: not the bare SHAKE256(ikm, 32) that some libraries use; TreeKEM would
        # break without an error message if the two ends of a conversation differed here.
        seed = shake256_labeled_derive(self.suite_id, ikm, b"DeriveKeyPair", b"", self.private_length)
        return self.load(seed)

    def load(self, raw: bytes, public: bytes | None = None) -> HpkePrivateKey:
        if len(raw) != self.private_length:
            raise InvalidPrivateKey(f"an X-Wing private key is a seed of 32 bytes, not {len(raw)}")
        if public is not None:
            return HpkePrivateKey(raw, public, lambda seed: _decapsulation(*_load_halves(seed)))
        mlkem, x25519 = _load_halves(raw)
        public = mlkem.public_key().public_bytes_raw() + x25519.public
        return HpkePrivateKey(raw, public, lambda _: _decapsulation(mlkem, x25519))

    def validate(self, public: bytes) -> None:
        self._load_public(public)
        X25519.validate(public[MLKEM_PUBLIC_LENGTH:])

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        ss_m, ct_m = self._load_public(public).encapsulate()
        _, ephemeral = X25519.generate()
        pk_x = public[MLKEM_PUBLIC_LENGTH:]
        ss_x = ephemeral.exchange(pk_x)
        return _combine(ss_m, ss_x, ephemeral.public, pk_x), ct_m + ephemeral.public

    def _load_public(self, public: bytes) -> MLKEM768PublicKey:
        if len(public) != self.public_length:
            raise InvalidPublicKey(f"an X-Wing public key has {self.public_length} bytes, not {len(public)}")
        return _load_mlkem_public(public[:MLKEM_PUBLIC_LENGTH])


@lru_cache(maxsize=1024)
def _load_mlkem_public(public: bytes) -> MLKEM768PublicKey:
    """Load an encapsulation key; loading makes the modulus check of FIPS 203, 7.2."""
    try:
        return MLKEM768PublicKey.from_public_bytes(public)
    except (ValueError, InternalError):
        raise InvalidPublicKey("not an ML-KEM-768 encapsulation key") from None


def expand(seed: bytes) -> tuple[bytes, bytes]:
    """Return the seed of the ML-KEM key pair (64 bytes) and the X25519 private key (32 bytes)."""
    expanded = hashlib.shake_256(seed).digest(96)
    return expanded[:64], expanded[64:]


def _load_halves(seed: bytes) -> tuple[MLKEM768PrivateKey, DhKey]:
    mlkem_seed, x25519 = expand(seed)
    return MLKEM768PrivateKey.from_seed_bytes(mlkem_seed), X25519.load(x25519)


def _decapsulation(mlkem: MLKEM768PrivateKey, x25519: DhKey) -> Callable[[bytes], bytes]:
    def decapsulate(enc: bytes) -> bytes:
        if len(enc) != XWing.enc_length:
            raise DecryptionFailed(f"an X-Wing encapsulation has {XWing.enc_length} bytes, not {len(enc)}")
        ct_x = enc[MLKEM_CIPHERTEXT_LENGTH:]
        try:
            ss_x = x25519.exchange(ct_x)
        except InvalidPublicKey:
            raise DecryptionFailed("the encapsulated X25519 key is of low order") from None
        return _combine(mlkem.decapsulate(enc[:MLKEM_CIPHERTEXT_LENGTH]), ss_x, ct_x, x25519.public)

    return decapsulate


def _combine(ss_m: bytes, ss_x: bytes, ct_x: bytes, pk_x: bytes) -> bytes:
    return hashlib.sha3_256(ss_m + ss_x + ct_x + pk_x + LABEL).digest()


XWING = XWing()
