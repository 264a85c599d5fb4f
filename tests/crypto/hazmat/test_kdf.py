"""HKDF, HMAC and the labelled derivations agree with other implementations of the same standards."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from teduh_crypto.exceptions import InvalidMac, LocalError
from teduh_crypto.hazmat.kdf import HKDF_SHA256, HKDF_SHA384, HKDF_SHA512, Kdf, shake256_labeled_derive

ALGORITHMS: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
every_kdf = pytest.mark.parametrize("kdf", [HKDF_SHA256, HKDF_SHA384, HKDF_SHA512], ids=lambda k: k.hash_name)


def test_rfc_5869_first_test_case() -> None:
    prk = HKDF_SHA256.extract(bytes(range(13)), b"\x0b" * 22)
    assert prk.hex() == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"
    okm = HKDF_SHA256.expand(prk, bytes(range(0xF0, 0xFA)), 42)
    assert okm.hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )


@every_kdf
@pytest.mark.parametrize("length", [0, 1, 12, 31, 32, 33, 48, 64, 65, 200])
def test_every_output_length_agrees_with_the_library(kdf: Kdf, length: int) -> None:
    ours = kdf.expand(kdf.extract(b"salt", b"ikm"), b"info", length)
    if length == 0:
        assert ours == b""
        return
    theirs = HKDF(ALGORITHMS[kdf.hash_name], length, b"salt", b"info").derive(b"ikm")
    assert ours == theirs


@every_kdf
@pytest.mark.parametrize("length", [0, 1, 32, 48, 64, 65, 128, 129, 300])
def test_several_expansions_at_once_are_those_made_one_by_one(kdf: Kdf, length: int) -> None:
    prk = bytes(range(256))[:length] * 2
    infos = (b"", b"key", b"n" * 200)
    assert kdf.expand_each(prk, infos) == [kdf.expand(prk, info, kdf.hash_length) for info in infos]


@every_kdf
def test_more_than_255_blocks_are_refused(kdf: Kdf) -> None:
    assert len(kdf.expand(b"k" * 32, b"", 255 * kdf.hash_length)) == 255 * kdf.hash_length
    with pytest.raises(LocalError):
        kdf.expand(b"k" * 32, b"", 255 * kdf.hash_length + 1)


@every_kdf
@pytest.mark.parametrize("cut", [0, 1, 16, -1])
def test_a_truncated_tag_does_not_verify(kdf: Kdf, cut: int) -> None:
    tag = kdf.mac(b"key", b"content")
    kdf.verify_mac(b"key", b"content", tag)
    with pytest.raises(InvalidMac):
        kdf.verify_mac(b"key", b"content", tag[:cut])


@every_kdf
def test_a_tag_of_other_content_or_under_another_key_does_not_verify(kdf: Kdf) -> None:
    tag = kdf.mac(b"key", b"content")
    for key, content in ((b"key", b"Content"), (b"Key", b"content")):
        with pytest.raises(InvalidMac):
            kdf.verify_mac(key, content, tag)


def test_labeled_derive_puts_the_key_material_first_and_gives_the_label_a_length() -> None:
    """draft-ietf-hpke-hpke, section 4: ikm, "HPKE-v1", suite_id, lengthPrefixed(label), L, context."""
    expected = hashlib.shake_256(
        b"ikm" + b"HPKE-v1" + b"KEM\x64\x7a" + b"\x00\x05label" + b"\x00\x20" + b"ctx"
    )
    assert shake256_labeled_derive(b"KEM\x64\x7a", b"ikm", b"label", b"ctx", 32) == expected.digest(32)
