"""Cipher suites: the labelled operations keep labels, contexts and keys apart."""

from __future__ import annotations

import copy
import pickle

import pytest
from teduh_crypto.exceptions import DecryptionFailed, InvalidMac, InvalidSignature, UnsupportedCipherSuite
from teduh_crypto.hazmat.ciphersuite import CIPHER_SUITES, DEFAULT_CIPHER_SUITE, CipherSuite, cipher_suite

every_suite = pytest.mark.parametrize("suite", CIPHER_SUITES.values(), ids=lambda s: s.name)


def test_the_seven_suites_of_the_rfc_and_ours_are_there() -> None:
    assert list(CIPHER_SUITES) == [1, 2, 3, 4, 5, 6, 7, 0xF0B2]
    assert DEFAULT_CIPHER_SUITE == 0xF0B2


@pytest.mark.parametrize("code", [0, 8, 0x0A0A, 0xF0B1, 0xFFFF])
def test_an_unknown_code_is_refused(code: int) -> None:
    with pytest.raises(UnsupportedCipherSuite, match=f"0x{code:04X}"):
        cipher_suite(code)


@every_suite
def test_there_is_one_object_per_suite_even_after_copying(suite: CipherSuite) -> None:
    assert cipher_suite(suite.code) is suite
    assert copy.deepcopy(suite) is suite
    assert pickle.loads(pickle.dumps(suite)) is suite


@every_suite
def test_a_signature_under_one_label_does_not_verify_under_another(suite: CipherSuite) -> None:
    key = suite.generate_signature_key()
    signature = suite.sign_with_label(key, b"LeafNodeTBS", b"content")
    suite.verify_with_label(key.public, b"LeafNodeTBS", b"content", signature)
    for label, content in (
        (b"KeyPackageTBS", b"content"),
        (b"LeafNodeTBS", b"other"),
        (b"LeafNodeTB", b"Scontent"),
    ):
        with pytest.raises(InvalidSignature):
            suite.verify_with_label(key.public, label, content, signature)


@every_suite
def test_a_ciphertext_opens_only_under_its_label_and_context(suite: CipherSuite) -> None:
    key = suite.generate_hpke_key()
    sealed = suite.encrypt_with_label(key.public, b"Welcome", b"context", b"plaintext")
    assert suite.decrypt_with_label(key, b"Welcome", b"context", *sealed) == b"plaintext"
    for label, context in ((b"UpdatePathNode", b"context"), (b"Welcome", b"")):
        with pytest.raises(DecryptionFailed):
            suite.decrypt_with_label(key, label, context, *sealed)


@every_suite
def test_derivations_differ_by_label_context_generation_and_length(suite: CipherSuite) -> None:
    secret = b"s" * suite.hash_length
    derived = {
        suite.derive_secret(secret, b"a"),
        suite.derive_secret(secret, b"b"),
        suite.expand_with_label(secret, b"a", b"context", suite.hash_length),
        suite.derive_tree_secret(secret, b"a", 0, suite.hash_length),
        suite.derive_tree_secret(secret, b"a", 1, suite.hash_length),
        suite.derive_tree_secret(secret, b"a", 0, suite.hash_length - 1),
    }
    assert len({value[:16] for value in derived}) == 6


@every_suite
def test_derive_secret_is_expansion_with_an_empty_context(suite: CipherSuite) -> None:
    secret = b"s" * suite.hash_length
    assert suite.derive_secret(secret, b"x") == suite.expand_with_label(secret, b"x", b"", suite.hash_length)


@every_suite
def test_the_lengths_are_those_of_the_primitives(suite: CipherSuite) -> None:
    assert (
        len(suite.hash(b"")) == len(suite.mac(b"k", b"")) == len(suite.extract(b"", b"")) == suite.hash_length
    )
    sealed = suite.seal(bytes(suite.key_length), bytes(suite.nonce_length), b"", b"")
    assert suite.open(bytes(suite.key_length), bytes(suite.nonce_length), b"", sealed) == b""


@every_suite
def test_a_cut_mac_is_refused(suite: CipherSuite) -> None:
    with pytest.raises(InvalidMac):
        suite.verify_mac(b"key", b"data", suite.mac(b"key", b"data")[:-1])


@every_suite
def test_public_keys_of_the_suite_validate(suite: CipherSuite) -> None:
    suite.validate_hpke_public_key(suite.generate_hpke_key().public)
    suite.validate_signature_public_key(suite.generate_signature_key().public)


def test_a_suite_shows_its_code_and_name() -> None:
    assert (
        repr(CIPHER_SUITES[0xF0B2]) == "<CipherSuite 0xF0B2 MLS_192_MLKEM768X25519_AES256GCM_SHA384_Ed25519>"
    )
