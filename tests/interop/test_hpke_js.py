"""Our HPKE and hpke-js agree, above all on key derivation: TreeKEM breaks silently where they do not."""

from __future__ import annotations

import pytest
from interop.ts_mls_peer import TsMls, TsMlsRefused
from support.schemas.vectors_official import Json, data, load_hybrid, record, text
from teduh_crypto.exceptions import DecryptionFailed
from teduh_crypto.hazmat.ciphersuite import CIPHER_SUITES, CipherSuite

pytestmark = pytest.mark.xdist_group("ts_mls")
every_suite = pytest.mark.parametrize("suite", CIPHER_SUITES.values(), ids=lambda s: s.name)


@every_suite
@pytest.mark.parametrize("seed", [b"\x00", b"teduh"])
def test_both_derive_the_same_key_pair(ts_mls: TsMls, suite: CipherSuite, seed: bytes) -> None:
    ikm = suite.hash(seed)
    theirs = record(ts_mls.call("deriveKeyPair", suite=suite.code, ikm=ikm.hex()))
    ours = suite.derive_hpke_key(ikm)
    assert ours.public == data(theirs["public"])
    assert int.from_bytes(ours.raw, "big") == int(text(theirs["private"]), 16)


@every_suite
def test_they_open_what_we_seal(ts_mls: TsMls, suite: CipherSuite) -> None:
    key = suite.generate_hpke_key()
    enc, sealed = suite.hpke.seal(key.public, b"info", b"aad", b"plaintext")
    request: Json = {
        "suite": suite.code,
        "private": key.raw.hex(),
        "enc": enc.hex(),
        "info": b"info".hex(),
        "ciphertext": sealed.hex(),
    }
    assert data(ts_mls.call("open", **request, aad=b"aad".hex())) == b"plaintext"
    with pytest.raises(TsMlsRefused):
        ts_mls.call("open", **request, aad="")


@every_suite
def test_we_open_what_they_seal(ts_mls: TsMls, suite: CipherSuite) -> None:
    key = suite.generate_hpke_key()
    sealed = record(
        ts_mls.call(
            "seal",
            suite=suite.code,
            public=key.public.hex(),
            info=b"info".hex(),
            aad=b"aad".hex(),
            plaintext=b"plaintext".hex(),
        )
    )
    enc, ciphertext = data(sealed["enc"]), data(sealed["ciphertext"])
    assert suite.hpke.open(key, enc, b"info", b"aad", ciphertext) == b"plaintext"
    with pytest.raises(DecryptionFailed):
        suite.hpke.open(key, enc, b"info", b"", ciphertext)


@pytest.mark.parametrize("vector", load_hybrid("derive-key-pair.json"))
def test_the_suite_object_for_ts_mls_derives_the_key_pairs_of_our_vectors(
    ts_mls: TsMls, vector: Json
) -> None:
    derived = record(ts_mls.call("deriveKeyPair", suite=0xF0B2, ikm=vector["ikm"]))
    assert derived == {"private": vector["private"], "public": vector["public"]}
