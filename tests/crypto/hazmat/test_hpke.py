"""HPKE agrees with the one of `cryptography` wherever that offers the same, and refuses what is broken."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke as library
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from teduh_crypto.exceptions import DecryptionFailed, InvalidPrivateKey, InvalidPublicKey
from teduh_crypto.hazmat import aead, kdf
from teduh_crypto.hazmat.dhkem import DHKEM_P256, DHKEM_P384, DHKEM_P521, DHKEM_X448, DHKEM_X25519
from teduh_crypto.hazmat.hpke import Hpke
from teduh_crypto.hazmat.kem import Kem
from teduh_crypto.hazmat.secret import HpkePrivateKey
from teduh_crypto.hazmat.xwing import XWING, expand

KEMS = [DHKEM_X25519, DHKEM_X448, DHKEM_P256, DHKEM_P384, DHKEM_P521, XWING]
every_kem = pytest.mark.parametrize("kem", KEMS, ids=lambda k: k.name)
every_aead = pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (aead.AES_128_GCM, library.AEAD.AES_128_GCM),
        (aead.AES_256_GCM, library.AEAD.AES_256_GCM),
        (aead.CHACHA20_POLY1305, library.AEAD.CHACHA20_POLY1305),
    ],
    ids=lambda a: getattr(a, "name", ""),
)

LibraryPublic = x25519.X25519PublicKey | ec.EllipticCurvePublicKey | library.MLKEM768X25519PublicKey
LibraryPrivate = x25519.X25519PrivateKey | ec.EllipticCurvePrivateKey | library.MLKEM768X25519PrivateKey


class Pair(NamedTuple):
    """One KEM and KDF in both implementations."""

    kem: Kem
    kdf: kdf.Kdf
    library_kem: library.KEM
    library_kdf: library.KDF


PAIRS = [
    Pair(DHKEM_X25519, kdf.HKDF_SHA256, library.KEM.X25519, library.KDF.HKDF_SHA256),
    Pair(DHKEM_P256, kdf.HKDF_SHA256, library.KEM.P256, library.KDF.HKDF_SHA256),
    Pair(DHKEM_P384, kdf.HKDF_SHA384, library.KEM.P384, library.KDF.HKDF_SHA384),
    Pair(DHKEM_P521, kdf.HKDF_SHA512, library.KEM.P521, library.KDF.HKDF_SHA512),
    Pair(XWING, kdf.HKDF_SHA384, library.KEM.MLKEM768_X25519, library.KDF.HKDF_SHA384),
]
CURVES: dict[Kem, ec.EllipticCurve] = {
    DHKEM_P256: ec.SECP256R1(),
    DHKEM_P384: ec.SECP384R1(),
    DHKEM_P521: ec.SECP521R1(),
}
every_pair = pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.kem.name)


def library_public(kem: Kem, public: bytes) -> LibraryPublic:
    if kem is XWING:
        return library.MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public[:1184]),
            x25519.X25519PublicKey.from_public_bytes(public[1184:]),
        )
    if kem is DHKEM_X25519:
        return x25519.X25519PublicKey.from_public_bytes(public)
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVES[kem], public)


def library_private(kem: Kem, key: HpkePrivateKey) -> LibraryPrivate:
    if kem is XWING:
        seed, x25519_raw = expand(key.raw)
        return library.MLKEM768X25519PrivateKey(
            MLKEM768PrivateKey.from_seed_bytes(seed), x25519.X25519PrivateKey.from_private_bytes(x25519_raw)
        )
    if kem is DHKEM_X25519:
        return x25519.X25519PrivateKey.from_private_bytes(key.raw)
    return ec.derive_private_key(int.from_bytes(key.raw, "big"), CURVES[kem])


@every_pair
@every_aead
def test_the_library_opens_what_we_seal(pair: Pair, ours: aead.Aead, theirs: library.AEAD) -> None:
    key = pair.kem.generate()
    enc, sealed = Hpke(pair.kem, pair.kdf, ours).seal(key.public, b"info", b"", b"plaintext")
    suite = library.Suite(pair.library_kem, pair.library_kdf, theirs)
    assert suite.decrypt(enc + sealed, library_private(pair.kem, key), b"info") == b"plaintext"
    with pytest.raises(InvalidTag):
        suite.decrypt(enc + sealed, library_private(pair.kem, key), b"other info")


@every_pair
@every_aead
def test_we_open_what_the_library_seals(pair: Pair, ours: aead.Aead, theirs: library.AEAD) -> None:
    key = pair.kem.generate()
    suite = library.Suite(pair.library_kem, pair.library_kdf, theirs)
    sealed = suite.encrypt(b"plaintext", library_public(pair.kem, key.public), b"info")
    enc, ciphertext = sealed[: pair.kem.enc_length], sealed[pair.kem.enc_length :]
    assert Hpke(pair.kem, pair.kdf, ours).open(key, enc, b"info", b"", ciphertext) == b"plaintext"


@every_kem
def test_additional_data_and_info_are_bound_to_the_ciphertext(kem: Kem) -> None:
    hpke = Hpke(kem, kdf.HKDF_SHA384, aead.AES_256_GCM)
    key, other = kem.generate(), kem.generate()
    enc, sealed = hpke.seal(key.public, b"info", b"aad", b"plaintext")
    assert hpke.open(key, enc, b"info", b"aad", sealed) == b"plaintext"
    for private, info, aad, ciphertext in (
        (key, b"info", b"", sealed),
        (key, b"", b"aad", sealed),
        (other, b"info", b"aad", sealed),
        (key, b"info", b"aad", sealed[:-1]),
        (key, b"info", b"aad", b""),
    ):
        with pytest.raises(DecryptionFailed):
            hpke.open(private, enc, info, aad, ciphertext)


@every_kem
def test_both_ends_export_the_same_and_other_contexts_export_otherwise(kem: Kem) -> None:
    hpke = Hpke(kem, kdf.HKDF_SHA256, aead.AES_128_GCM)
    key = kem.generate()
    enc, sender = hpke.setup_base_sender(key.public, b"info")
    receiver = hpke.setup_base_receiver(key, enc, b"info")
    assert sender.export(b"context", 100) == receiver.export(b"context", 100)
    assert sender.export(b"context", 32) != sender.export(b"other", 32)
    assert hpke.setup_base_receiver(key, enc, b"other").export(b"context", 32) != sender.export(
        b"context", 32
    )


@every_kem
def test_a_key_pair_follows_from_its_input_key_material_alone(kem: Kem) -> None:
    key = kem.derive(b"i" * 64)
    assert kem.derive(b"i" * 64) == key
    assert kem.derive(b"j" * 64) != key
    assert len(key.raw) == kem.private_length
    assert len(key.public) == kem.public_length
    assert kem.load(key.raw).public == key.public


@every_kem
def test_a_key_loaded_with_its_public_key_works_like_any_other(kem: Kem) -> None:
    key = kem.generate()
    secret, enc = kem.encapsulate(key.public)
    loaded = kem.load(key.raw, key.public)
    assert loaded.decapsulate(enc) == key.decapsulate(enc) == loaded.decapsulate(enc) == secret


@every_kem
def test_private_keys_of_another_length_are_refused(kem: Kem) -> None:
    raw = kem.generate().raw
    for bad in (b"", raw[:-1], raw + b"\x00"):
        with pytest.raises(InvalidPrivateKey):
            kem.load(bad)
        with pytest.raises(InvalidPrivateKey):
            kem.load(bad, b"a public key does not make it one")


@every_kem
def test_public_keys_of_another_length_are_refused(kem: Kem) -> None:
    public = kem.generate().public
    for bad in (b"", public[:-1], public + b"\x00"):
        with pytest.raises(InvalidPublicKey):
            kem.validate(bad)
        with pytest.raises(InvalidPublicKey):
            kem.encapsulate(bad)


@every_kem
def test_an_encapsulated_key_of_another_length_does_not_open(kem: Kem) -> None:
    key = kem.generate()
    _, enc = kem.encapsulate(key.public)
    for bad in (b"", enc[:-1], enc + b"\x00"):
        with pytest.raises(DecryptionFailed):
            key.decapsulate(bad)


# The points of small order of both Montgomery curves that have a canonical encoding (RFC 7748, section 6).
LOW_ORDER = [
    (DHKEM_X25519, bytes(32)),
    (DHKEM_X25519, b"\x01" + bytes(31)),
    (DHKEM_X25519, bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")),
    (DHKEM_X25519, bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")),
    (DHKEM_X25519, (2**255 - 20).to_bytes(32, "little")),
    (DHKEM_X25519, (2**255 - 19).to_bytes(32, "little")),
    (DHKEM_X25519, (2**255 - 18).to_bytes(32, "little")),
    (DHKEM_X448, bytes(56)),
    (DHKEM_X448, b"\x01" + bytes(55)),
    (DHKEM_X448, (2**448 - 2**224 - 2).to_bytes(56, "little")),
]


@pytest.mark.parametrize(("kem", "point"), LOW_ORDER, ids=lambda value: getattr(value, "name", ""))
def test_points_of_low_order_are_refused_at_every_door(kem: Kem, point: bytes) -> None:
    """RFC 9180, 7.1.4: the recipient and the sender MUST check whether the shared secret is all zeros."""
    with pytest.raises(InvalidPublicKey):
        kem.validate(point)
    with pytest.raises(InvalidPublicKey):
        kem.encapsulate(point)
    with pytest.raises(DecryptionFailed):
        kem.generate().decapsulate(point)


@pytest.mark.parametrize("kem", [DHKEM_P256, DHKEM_P384, DHKEM_P521], ids=lambda k: k.name)
def test_points_off_the_curve_and_compressed_points_are_refused(kem: Kem) -> None:
    """RFC 9180, 7.1.4: public keys on the NIST curves MUST be validated."""
    public = kem.generate().public
    off_curve = public[:-1] + bytes((public[-1] ^ 1,))
    compressed = bytes((2 + public[-1] % 2,)) + public[1 : 1 + len(public) // 2]
    infinity = b"\x00"
    for bad in (off_curve, compressed, infinity):
        with pytest.raises(InvalidPublicKey):
            kem.validate(bad)
        with pytest.raises(DecryptionFailed):
            kem.generate().decapsulate(bad)
