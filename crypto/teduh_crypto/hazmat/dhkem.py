"""DHKEM: a key encapsulation mechanism out of a Diffie-Hellman group (RFC 9180, section 4.1).

sender    skE ─┐                      ┌─ skR    receiver
          pkR ─┴─► DH(skE,pkR) = DH(skR,pkE) ◄─┴─ pkE = enc
                          │
    ExtractAndExpand(dh, enc ‖ pkR) ──► shared secret
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from teduh_crypto.exceptions import DecryptionFailed, InvalidPrivateKey, InvalidPublicKey
from teduh_crypto.hazmat import dh_group
from teduh_crypto.hazmat.dh_group import DhGroup, DhKey
from teduh_crypto.hazmat.kdf import HKDF_SHA256, HKDF_SHA384, HKDF_SHA512, Kdf, LabeledKdf
from teduh_crypto.hazmat.kem import Kem
from teduh_crypto.hazmat.secret import HpkePrivateKey


class DhKem(Kem):
    """DHKEM(group, HKDF): base mode only, as MLS uses no other."""

    def __init__(self, code: int, group: DhGroup, kdf: Kdf) -> None:
        """`kdf` is the mechanism's own, which need not be the one of the cipher suite."""
        self.code = code
        self.name = f"DHKEM({group.name}, HKDF-{kdf.hash_name.upper()})"
        self.secret_length = kdf.hash_length
        self.enc_length = self.public_length = group.public_length
        self.private_length = group.private_length
        self._group: Final = group
        self._kdf: Final = LabeledKdf(kdf, self.suite_id)

    def generate(self) -> HpkePrivateKey:
        raw, key = self._group.generate()
        return HpkePrivateKey(raw, key.public, lambda _: self._decapsulation(key))

    def derive(self, ikm: bytes) -> HpkePrivateKey:
        return self.load(self._group.derive(self._kdf, ikm))

    def load(self, raw: bytes, public: bytes | None = None) -> HpkePrivateKey:
        if len(raw) != self.private_length:
            raise InvalidPrivateKey(
                f"a private key of {self.name} has {self.private_length} bytes, not {len(raw)}"
            )
        if public is not None:
            return HpkePrivateKey(raw, public, lambda raw: self._decapsulation(self._group.load(raw)))
        key = self._group.load(raw)
        return HpkePrivateKey(raw, key.public, lambda _: self._decapsulation(key))

    def validate(self, public: bytes) -> None:
        self._group.validate(public)

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        _, ephemeral = self._group.generate()
        return self._shared_secret(ephemeral.exchange(public), ephemeral.public, public), ephemeral.public

    def _decapsulation(self, key: DhKey) -> Callable[[bytes], bytes]:
        def decapsulate(enc: bytes) -> bytes:
            try:
                return self._shared_secret(key.exchange(enc), enc, key.public)
            except InvalidPublicKey:
                raise DecryptionFailed(f"the encapsulated key is not one of {self.name}") from None

        return decapsulate

    def _shared_secret(self, dh: bytes, enc: bytes, public: bytes) -> bytes:
        prk = self._kdf.extract(b"", b"eae_prk", dh)
        return self._kdf.expand(prk, b"shared_secret", enc + public, self.secret_length)


DHKEM_P256 = DhKem(0x0010, dh_group.P256, HKDF_SHA256)
DHKEM_P384 = DhKem(0x0011, dh_group.P384, HKDF_SHA384)
DHKEM_P521 = DhKem(0x0012, dh_group.P521, HKDF_SHA512)
DHKEM_X25519 = DhKem(0x0020, dh_group.X25519, HKDF_SHA256)
DHKEM_X448 = DhKem(0x0021, dh_group.X448, HKDF_SHA512)
