"""Hybrid public key encryption, base mode (RFC 9180), on raw primitives.

`cryptography` has an HPKE of its own, but without additional data, exporter, key derivation or X448, all of
which MLS needs. The two agree wherever both can do the same; a test says so.

    pkR ──► KEM.encapsulate ──► shared secret ──► KeySchedule(info) ──► key, base nonce ──► seal once
                    └──► enc                              └──► exporter secret ──► export

MLS seals exactly one message under a context. There is no object here that could seal a second one under
the same nonce: `seal` and `open` are single shot, and a set-up context only exports.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from teduh_crypto.hazmat.aead import Aead
from teduh_crypto.hazmat.kdf import Kdf, LabeledKdf
from teduh_crypto.hazmat.kem import Kem
from teduh_crypto.hazmat.secret import HpkePrivateKey

MODE_BASE: Final = b"\x00"


@dataclass(frozen=True, slots=True)
class HpkeContext:
    """What both ends share after a set-up. Only exporting is offered."""

    _kdf: LabeledKdf
    _exporter_secret: bytes = field(repr=False)

    def export(self, exporter_context: bytes, length: int) -> bytes:
        """Return `length` bytes bound to `exporter_context` (RFC 9180, 5.3)."""
        return self._kdf.expand(self._exporter_secret, b"sec", exporter_context, length)


class Hpke:
    """One combination of KEM, KDF and AEAD in base mode."""

    __slots__ = ("_aead", "_kdf", "_psk_id_hash", "kem")

    def __init__(self, kem: Kem, kdf: Kdf, aead: Aead) -> None:
        """Prepare the labels, and the part of the key schedule that base mode makes constant."""
        self.kem: Final = kem
        self._aead: Final = aead
        self._kdf: Final = LabeledKdf(
            kdf, b"HPKE" + b"".join(code.to_bytes(2, "big") for code in (kem.code, kdf.code, aead.code))
        )
        self._psk_id_hash: Final = self._kdf.extract(b"", b"psk_id_hash", b"")

    def seal(self, public: bytes, info: bytes, aad: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
        """Encrypt to a public key; returns (enc, ciphertext). Raises `InvalidPublicKey`."""
        shared_secret, enc = self.kem.encapsulate(public)
        key, nonce = self._message_key(*self._key_schedule(shared_secret, info))
        return enc, self._aead.seal(key, nonce, aad, plaintext)

    def open(self, private: HpkePrivateKey, enc: bytes, info: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        """Decrypt what `seal` made; raises `DecryptionFailed`."""
        key, nonce = self._message_key(*self._key_schedule(private.decapsulate(enc), info))
        return self._aead.open(key, nonce, aad, ciphertext)

    def setup_base_sender(self, public: bytes, info: bytes) -> tuple[bytes, HpkeContext]:
        """Return (enc, context) for a public key. Raises `InvalidPublicKey`."""
        shared_secret, enc = self.kem.encapsulate(public)
        return enc, self._exporting_context(shared_secret, info)

    def setup_base_receiver(self, private: HpkePrivateKey, enc: bytes, info: bytes) -> HpkeContext:
        """Return the sender's context; raises `DecryptionFailed` for an unusable `enc`."""
        return self._exporting_context(private.decapsulate(enc), info)

    def _exporting_context(self, shared_secret: bytes, info: bytes) -> HpkeContext:
        secret, context = self._key_schedule(shared_secret, info)
        return HpkeContext(self._kdf, self._kdf.expand(secret, b"exp", context, self._kdf.kdf.hash_length))

    def _key_schedule(self, shared_secret: bytes, info: bytes) -> tuple[bytes, bytes]:
        context = MODE_BASE + self._psk_id_hash + self._kdf.extract(b"", b"info_hash", info)
        return self._kdf.extract(shared_secret, b"secret", b""), context

    def _message_key(self, secret: bytes, context: bytes) -> tuple[bytes, bytes]:
        # RFC 9180, 5.2: the first message's nonce is the base nonce itself, for its counter is 0.
        key = self._kdf.expand(secret, b"key", context, self._aead.key_length)
        return key, self._kdf.expand(secret, b"base_nonce", context, self._aead.nonce_length)
