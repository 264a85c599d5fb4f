"""Signatures: what does not verify raises, and keys are refused when they are not keys."""

from __future__ import annotations

import pytest
from teduh_crypto.exceptions import InvalidPrivateKey, InvalidPublicKey, InvalidSignature
from teduh_crypto.hazmat.signature import ECDSA_P256, ECDSA_P384, ECDSA_P521, ED448, ED25519, SignatureScheme

SCHEMES = [ED25519, ED448, ECDSA_P256, ECDSA_P384, ECDSA_P521]
every_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.name)


@every_scheme
def test_a_signature_verifies_after_the_key_was_stored_and_loaded(scheme: SignatureScheme) -> None:
    key = scheme.generate()
    loaded = scheme.load(key.raw)
    assert loaded.public == key.public
    scheme.verify(key.public, b"content", loaded.sign(b"content"))


@every_scheme
def test_other_content_another_key_or_a_cut_signature_do_not_verify(scheme: SignatureScheme) -> None:
    key, other = scheme.generate(), scheme.generate()
    signature = key.sign(b"content")
    for public, content, forged in (
        (key.public, b"Content", signature),
        (other.public, b"content", signature),
        (key.public, b"content", signature[:-1]),
        (key.public, b"content", signature + b"\x00"),
        (key.public, b"content", b""),
    ):
        with pytest.raises(InvalidSignature):
            scheme.verify(public, content, forged)


@every_scheme
def test_an_unusable_public_key_verifies_nothing(scheme: SignatureScheme) -> None:
    key = scheme.generate()
    for public in (b"", key.public[:-1], key.public + b"\x00"):
        with pytest.raises(InvalidPublicKey):
            scheme.load_public(public)
        with pytest.raises(InvalidSignature):
            scheme.verify(public, b"content", key.sign(b"content"))


@every_scheme
@pytest.mark.parametrize("length", [0, 1, 31, 33, 200])
def test_private_keys_of_another_length_are_refused(scheme: SignatureScheme, length: int) -> None:
    with pytest.raises(InvalidPrivateKey):
        scheme.load(b"\x01" * length)


@pytest.mark.parametrize("scheme", SCHEMES[2:], ids=lambda s: s.name)
def test_a_scalar_outside_the_order_is_no_private_key(scheme: SignatureScheme) -> None:
    length = len(scheme.generate().raw)
    for raw in (bytes(length), b"\xff" * length):
        with pytest.raises(InvalidPrivateKey):
            scheme.load(raw)


@pytest.mark.parametrize("scheme", SCHEMES[2:], ids=lambda s: s.name)
def test_a_compressed_point_is_no_public_key(scheme: SignatureScheme) -> None:
    """RFC 9420, 5.1.1: public keys on the NIST curves are encoded as UncompressedPointRepresentation."""
    public = scheme.generate().public
    compressed = bytes((2 + public[-1] % 2,)) + public[1 : 1 + len(public) // 2]
    with pytest.raises(InvalidPublicKey):
        scheme.load_public(compressed)
