"""What a key encapsulation mechanism gives to HPKE (RFC 9180, section 4).

    sender     encapsulate(public) ──► shared secret, enc
                                                       │  enc travels
    receiver   decapsulate(private, enc) ◄─────────────┘
                      └──► the same shared secret

The lengths that HPKE calls Nsecret, Nenc, Npk and Nsk belong to each mechanism; a wrong length is refused
before any arithmetic.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from teduh_crypto.hazmat.secret import HpkePrivateKey


class Kem(ABC):
    """A key encapsulation mechanism. Lengths are in bytes; `code` is its identifier in RFC 9180."""

    code: int
    name: str
    secret_length: int
    enc_length: int
    public_length: int
    private_length: int

    @property
    def suite_id(self) -> bytes:
        """The `suite_id` under which the mechanism labels its own derivations."""
        return b"KEM" + self.code.to_bytes(2, "big")

    @abstractmethod
    def generate(self) -> HpkePrivateKey:
        """Return a fresh key pair."""

    @abstractmethod
    def derive(self, ikm: bytes) -> HpkePrivateKey:
        """Return the key pair that `ikm` determines (DeriveKeyPair)."""

    @abstractmethod
    def load(self, raw: bytes, public: bytes | None = None) -> HpkePrivateKey:
        """Return the key pair of a serialised private key; raises `InvalidPrivateKey`.

        A `public` given beside it is taken as the caller's knowledge and saves computing it.
        """

    @abstractmethod
    def validate(self, public: bytes) -> None:
        """Check a public key; raises `InvalidPublicKey` when nothing should be encrypted to it."""

    @abstractmethod
    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        """Return (shared secret, enc) for a public key; raises `InvalidPublicKey`."""
