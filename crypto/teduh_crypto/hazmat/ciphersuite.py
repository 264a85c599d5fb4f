"""Cipher suites: the labelled operations of RFC 9420, section 5, over one choice of primitives.

Everything above this module works on a `CipherSuite` and never names an algorithm.

    code     KEM                     AEAD               hash      signature
    0x0001   DHKEM(X25519)           AES-128-GCM        SHA-256   Ed25519       mandatory in RFC 9420
    0x0002   DHKEM(P-256)            AES-128-GCM        SHA-256   ECDSA P-256
    0x0003   DHKEM(X25519)           ChaCha20-Poly1305  SHA-256   Ed25519
    0x0004   DHKEM(X448)             AES-256-GCM        SHA-512   Ed448
    0x0005   DHKEM(P-521)            AES-256-GCM        SHA-512   ECDSA P-521
    0x0006   DHKEM(X448)             ChaCha20-Poly1305  SHA-512   Ed448
    0x0007   DHKEM(P-384)            AES-256-GCM        SHA-384   ECDSA P-384
    0xF0B2   MLKEM768X25519          AES-256-GCM        SHA-384   Ed25519       default; private code point

Labels are prefixed with "MLS 1.0 " so that no signature, key or ciphertext made here means anything in
another protocol that uses the same keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from teduh_crypto.exceptions import UnsupportedCipherSuite
from teduh_crypto.hazmat import aead, dhkem, kdf, signature, xwing
from teduh_crypto.hazmat.hpke import Hpke, HpkeContext
from teduh_crypto.hazmat.kem import Kem
from teduh_crypto.hazmat.opaque import opaque
from teduh_crypto.hazmat.secret import HpkePrivateKey, SignaturePrivateKey

MLS_10: Final = b"MLS 1.0 "
EMPTY: Final = b"\x00"
"""The wire form of an empty vector."""


@lru_cache(maxsize=1024)
def _kdf_label(label: bytes, length: int) -> bytes:
    # RFC 9420, 8: KDFLabel without its context, which comes last.
    return length.to_bytes(2, "big") + opaque(MLS_10 + label)


@lru_cache(maxsize=256)
def _prefixed_label(label: bytes) -> bytes:
    # SignContent and EncryptContext open alike (RFC 9420, 5.1.2 and 5.1.3).
    return opaque(MLS_10 + label)


class CipherSuite:
    """One cipher suite; compare by identity or `code`. All lengths are in bytes.

    `hash_length`, `key_length`, `nonce_length` and `extract_length` are the RFC's Nh, Nk, Nn and Nh.
    """

    __slots__ = (
        "_aead", "_kdf", "_key_and_nonce_labels", "_ratchet_labels", "code", "expand", "extract",
        "extract_length", "hash", "hash_length", "hpke", "kem", "key_length", "mac", "name",
        "nonce_length", "open", "seal", "signature_scheme", "verify_mac",
    )  # fmt: skip

    def __init__(
        self, code: int, name: str, hpke: Hpke, suite_kdf: kdf.Kdf, suite_aead: aead.Aead,
        scheme: signature.SignatureScheme,
    ) -> None:  # fmt: skip
        """Used for the entries of `CIPHER_SUITES` alone."""
        self.code: Final = code
        self.name: Final = name
        self.hpke: Final = hpke
        self.kem: Final = hpke.kem
        self.signature_scheme: Final = scheme
        self._kdf: Final = suite_kdf
        self._aead: Final = suite_aead
        self.hash_length: Final = suite_kdf.hash_length
        self.extract_length: Final = suite_kdf.hash_length
        self.key_length: Final = suite_aead.key_length
        self.nonce_length: Final = suite_aead.nonce_length
        self._key_and_nonce_labels: Final = (
            _kdf_label(b"key", self.key_length),
            _kdf_label(b"nonce", self.nonce_length),
        )
        self._ratchet_labels: Final = tuple(
            _kdf_label(label, length) + b"\x04"
            for label, length in (
                (b"key", self.key_length),
                (b"nonce", self.nonce_length),
                (b"secret", self.hash_length),
            )
        )
        # The unlabelled primitives are the suite's own attributes: a call costs one hop less.
        self.hash: Final = suite_kdf.hash
        self.mac: Final = suite_kdf.mac
        self.verify_mac: Final = suite_kdf.verify_mac
        self.extract: Final = suite_kdf.extract
        self.expand: Final = suite_kdf.expand
        self.seal: Final = suite_aead.seal
        self.open: Final = suite_aead.open

    def __repr__(self) -> str:
        return f"<CipherSuite 0x{self.code:04X} {self.name}>"

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return cipher_suite, (self.code,)

    def expand_with_label(self, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
        """Return ExpandWithLabel(secret, label, context, length) (RFC 9420, 8)."""
        return self.expand(secret, _kdf_label(label, length) + opaque(context), length)

    def derive_secret(self, secret: bytes, label: bytes) -> bytes:
        """Return DeriveSecret(secret, label): Nh bytes (RFC 9420, 8)."""
        return self.expand(secret, _kdf_label(label, self.hash_length) + EMPTY, self.hash_length)

    def derive_tree_secret(self, secret: bytes, label: bytes, generation: int, length: int) -> bytes:
        """Return DeriveTreeSecret(secret, label, generation, length) (RFC 9420, 9)."""
        info = _kdf_label(label, length) + b"\x04" + generation.to_bytes(4, "big")
        return self.expand(secret, info, length)

    def ratchet_step(self, secret: bytes, generation: int) -> tuple[bytes, bytes, bytes]:
        """Return key, nonce and next secret of one step of a hash ratchet (RFC 9420, 9.1).

        Three times DeriveTreeSecret; every message takes a step, so the labels are put together only once.
        """
        suffix = generation.to_bytes(4, "big")
        for_key, for_nonce, for_secret = self._ratchet_labels
        infos = (for_key + suffix, for_nonce + suffix, for_secret + suffix)
        key, nonce, following = self._kdf.expand_each(secret, infos)
        return key[: self.key_length], nonce[: self.nonce_length], following

    def key_and_nonce(self, secret: bytes, context: bytes) -> tuple[bytes, bytes]:
        """Return ExpandWithLabel "key" and "nonce" of one secret, as long as the AEAD needs them."""
        suffix = opaque(context)
        for_key, for_nonce = self._key_and_nonce_labels
        key, nonce = self._kdf.expand_each(secret, (for_key + suffix, for_nonce + suffix))
        return key[: self.key_length], nonce[: self.nonce_length]

    def ref_hash(self, label: bytes, value: bytes) -> bytes:
        """Return RefHash(label, value): Nh bytes (RFC 9420, 5.2)."""
        return self.hash(opaque(label) + opaque(value))

    def sign_with_label(self, private: SignaturePrivateKey, label: bytes, content: bytes) -> bytes:
        """Sign under a label (RFC 9420, 5.1.2)."""
        return private.sign(_prefixed_label(label) + opaque(content))

    def verify_with_label(self, public: bytes, label: bytes, content: bytes, signature: bytes) -> None:
        """Check a signature under a label; raises `InvalidSignature` (RFC 9420, 5.1.2)."""
        self.signature_scheme.verify(public, _prefixed_label(label) + opaque(content), signature)

    def encrypt_with_label(
        self, public: bytes, label: bytes, context: bytes, plaintext: bytes
    ) -> tuple[bytes, bytes]:
        """Encrypt to an HPKE public key under a label and context (RFC 9420, 5.1.3).

        Returns (kem_output, ciphertext); raises `InvalidPublicKey`.
        """
        return self.hpke.seal(public, _prefixed_label(label) + opaque(context), b"", plaintext)

    def decrypt_with_label(
        self, private: HpkePrivateKey, label: bytes, context: bytes, kem_output: bytes, ciphertext: bytes
    ) -> bytes:
        """Decrypt what `encrypt_with_label` made; raises `DecryptionFailed` (RFC 9420, 5.1.3)."""
        return self.hpke.open(private, kem_output, _prefixed_label(label) + opaque(context), b"", ciphertext)

    def generate_signature_key(self) -> SignaturePrivateKey:
        """Return a fresh signature key pair."""
        return self.signature_scheme.generate()

    def load_signature_key(self, raw: bytes) -> SignaturePrivateKey:
        """Load a serialised signature private key; raises `InvalidPrivateKey`."""
        return self.signature_scheme.load(raw)

    def validate_signature_public_key(self, public: bytes) -> None:
        """Check that a signature public key is one of the scheme; raises `InvalidPublicKey`."""
        self.signature_scheme.load_public(public)

    def generate_hpke_key(self) -> HpkePrivateKey:
        """Return a fresh HPKE key pair."""
        return self.kem.generate()

    def derive_hpke_key(self, ikm: bytes) -> HpkePrivateKey:
        """Return the HPKE key pair that `ikm` determines (KEM.DeriveKeyPair)."""
        return self.kem.derive(ikm)

    def load_hpke_key(self, raw: bytes, public: bytes | None = None) -> HpkePrivateKey:
        """Load a serialised HPKE private key; raises `InvalidPrivateKey`.

        A `public` given beside it is trusted, and saves deriving it; the key is then loaded on first use.
        """
        return self.kem.load(raw, public)

    def validate_hpke_public_key(self, public: bytes) -> None:
        """Check an HPKE public key; raises `InvalidPublicKey`."""
        self.kem.validate(public)

    def setup_base_sender(self, public: bytes, info: bytes) -> tuple[bytes, HpkeContext]:
        """Return (kem_output, context to export from), for external commits (RFC 9420, 8.3)."""
        return self.hpke.setup_base_sender(public, info)

    def setup_base_receiver(self, private: HpkePrivateKey, kem_output: bytes, info: bytes) -> HpkeContext:
        """Return the context of `setup_base_sender` at the other end; raises `DecryptionFailed`."""
        return self.hpke.setup_base_receiver(private, kem_output, info)


def _suite(
    code: int, name: str, suite_kem: Kem, suite_aead: aead.Aead, suite_kdf: kdf.Kdf,
    scheme: signature.SignatureScheme,
) -> CipherSuite:  # fmt: skip
    return CipherSuite(code, name, Hpke(suite_kem, suite_kdf, suite_aead), suite_kdf, suite_aead, scheme)


_SUITES: Final = (
    _suite(0x0001, "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519", dhkem.DHKEM_X25519,
           aead.AES_128_GCM, kdf.HKDF_SHA256, signature.ED25519),
    _suite(0x0002, "MLS_128_DHKEMP256_AES128GCM_SHA256_P256", dhkem.DHKEM_P256,
           aead.AES_128_GCM, kdf.HKDF_SHA256, signature.ECDSA_P256),
    _suite(0x0003, "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519", dhkem.DHKEM_X25519,
           aead.CHACHA20_POLY1305, kdf.HKDF_SHA256, signature.ED25519),
    _suite(0x0004, "MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448", dhkem.DHKEM_X448,
           aead.AES_256_GCM, kdf.HKDF_SHA512, signature.ED448),
    _suite(0x0005, "MLS_256_DHKEMP521_AES256GCM_SHA512_P521", dhkem.DHKEM_P521,
           aead.AES_256_GCM, kdf.HKDF_SHA512, signature.ECDSA_P521),
    _suite(0x0006, "MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448", dhkem.DHKEM_X448,
           aead.CHACHA20_POLY1305, kdf.HKDF_SHA512, signature.ED448),
    _suite(0x0007, "MLS_256_DHKEMP384_AES256GCM_SHA384_P384", dhkem.DHKEM_P384,
           aead.AES_256_GCM, kdf.HKDF_SHA384, signature.ECDSA_P384),
    _suite(0xF0B2, "MLS_192_MLKEM768X25519_AES256GCM_SHA384_Ed25519", xwing.XWING,
           aead.AES_256_GCM, kdf.HKDF_SHA384, signature.ED25519),
)  # fmt: skip

CIPHER_SUITES: Final[Mapping[int, CipherSuite]] = MappingProxyType({suite.code: suite for suite in _SUITES})
DEFAULT_CIPHER_SUITE: Final = 0xF0B2


def cipher_suite(code: int) -> CipherSuite:
    """Return the suite with this code; raises `UnsupportedCipherSuite`."""
    try:
        return CIPHER_SUITES[code]
    except KeyError:
        raise UnsupportedCipherSuite(f"cipher suite 0x{code:04X} is not implemented") from None
