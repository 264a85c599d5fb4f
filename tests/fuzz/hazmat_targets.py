"""Fuzz targets for the primitives that meet a peer's bytes: public keys, signatures, encapsulations.

The first byte chooses the cipher suite, the rest is what the peer has sent. Nothing but the documented error
may come out, whatever the library underneath raises on malformed points, keys and DER.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from teduh_crypto.exceptions import DecryptionFailed, InvalidPublicKey, InvalidSignature
from teduh_crypto.hazmat.ciphersuite import CIPHER_SUITES, CipherSuite
from teduh_crypto.hazmat.secret import HpkePrivateKey, SignaturePrivateKey

Target = Callable[[bytes], None]
SUITES: Final = tuple(CIPHER_SUITES.values())


@cache
def hpke_key(suite: CipherSuite) -> HpkePrivateKey:
    """The same key pair in every run, so that a corpus keeps its meaning."""
    return suite.derive_hpke_key(bytes(range(64)))


@cache
def signature_key(suite: CipherSuite) -> SignaturePrivateKey:
    """The same key pair in every run."""
    return suite.load_signature_key(b"\x01" * len(suite.generate_signature_key().raw))


def _chosen(data: bytes) -> tuple[CipherSuite, bytes]:
    return SUITES[(data[0] if data else 0) % len(SUITES)], data[1:]


def hpke_public_key(data: bytes) -> None:
    """Bytes are refused as a public key, or can be encrypted to."""
    suite, public = _chosen(data)
    try:
        suite.validate_hpke_public_key(public)
    except InvalidPublicKey:
        return
    suite.encrypt_with_label(public, b"Welcome", b"", b"plaintext")


def hpke_ciphertext(data: bytes) -> None:
    """Bytes do not open, or were made under this key: both ends then export the same."""
    suite, sealed = _chosen(data)
    length = suite.kem.enc_length
    try:
        suite.decrypt_with_label(hpke_key(suite), b"Welcome", b"", sealed[:length], sealed[length:])
    except DecryptionFailed:
        return


def signature_public_key(data: bytes) -> None:
    """Bytes are refused as a public key, or verify nothing that they did not sign."""
    suite, public = _chosen(data)
    signature = suite.sign_with_label(signature_key(suite), b"LeafNodeTBS", b"content")
    try:
        suite.validate_signature_public_key(public)
        suite.verify_with_label(public, b"LeafNodeTBS", b"content", signature)
    except (InvalidPublicKey, InvalidSignature):
        return
    assert public == signature_key(suite).public


def signature(data: bytes) -> None:
    """Bytes are no signature of content that was never signed."""
    suite, forged = _chosen(data)
    try:
        suite.verify_with_label(signature_key(suite).public, b"LeafNodeTBS", b"never signed", forged)
    except InvalidSignature:
        return
    raise AssertionError("a signature was forged")


TARGETS: Final[dict[str, Target]] = {
    "HpkeCiphertext": hpke_ciphertext,
    "HpkePublicKey": hpke_public_key,
    "Signature": signature,
    "SignaturePublicKey": signature_public_key,
}
