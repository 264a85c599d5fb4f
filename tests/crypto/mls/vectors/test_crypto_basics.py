"""Official vectors crypto-basics.json: the labelled operations of RFC 9420, section 5, for all suites."""

from __future__ import annotations

from support.schemas.vectors_official import Json, data, number, record, text, vectors
from teduh_crypto.hazmat.ciphersuite import CipherSuite, cipher_suite

every_vector = vectors("mls/crypto-basics.json")


def suite_of(vector: Json) -> CipherSuite:
    return cipher_suite(number(vector["cipher_suite"]))


def label_of(case: Json) -> bytes:
    return text(case["label"]).encode()


@every_vector
def test_ref_hash(vector: Json) -> None:
    case = record(vector["ref_hash"])
    assert suite_of(vector).ref_hash(label_of(case), data(case["value"])) == data(case["out"])


@every_vector
def test_expand_with_label(vector: Json) -> None:
    case = record(vector["expand_with_label"])
    out = suite_of(vector).expand_with_label(
        data(case["secret"]), label_of(case), data(case["context"]), number(case["length"])
    )
    assert out == data(case["out"])


@every_vector
def test_derive_secret(vector: Json) -> None:
    case = record(vector["derive_secret"])
    assert suite_of(vector).derive_secret(data(case["secret"]), label_of(case)) == data(case["out"])


@every_vector
def test_derive_tree_secret(vector: Json) -> None:
    case = record(vector["derive_tree_secret"])
    out = suite_of(vector).derive_tree_secret(
        data(case["secret"]), label_of(case), number(case["generation"]), number(case["length"])
    )
    assert out == data(case["out"])


@every_vector
def test_verify_with_label(vector: Json) -> None:
    case = record(vector["sign_with_label"])
    suite_of(vector).verify_with_label(
        data(case["pub"]), label_of(case), data(case["content"]), data(case["signature"])
    )


@every_vector
def test_sign_with_label(vector: Json) -> None:
    """EdDSA gives the very signature of the vector; ECDSA one that verifies under its public key."""
    suite, case = suite_of(vector), record(vector["sign_with_label"])
    key = suite.load_signature_key(data(case["priv"]))
    assert key.public == data(case["pub"])
    signature = suite.sign_with_label(key, label_of(case), data(case["content"]))
    suite.verify_with_label(data(case["pub"]), label_of(case), data(case["content"]), signature)
    if suite.signature_scheme.name.startswith("Ed"):
        assert signature == data(case["signature"])


@every_vector
def test_decrypt_with_label(vector: Json) -> None:
    suite, case = suite_of(vector), record(vector["encrypt_with_label"])
    key = suite.load_hpke_key(data(case["priv"]))
    assert key.public == data(case["pub"])
    plaintext = suite.decrypt_with_label(
        key, label_of(case), data(case["context"]), data(case["kem_output"]), data(case["ciphertext"])
    )
    assert plaintext == data(case["plaintext"])


@every_vector
def test_encrypt_with_label(vector: Json) -> None:
    suite, case = suite_of(vector), record(vector["encrypt_with_label"])
    label, context = label_of(case), data(case["context"])
    sealed = suite.encrypt_with_label(data(case["pub"]), label, context, data(case["plaintext"]))
    key = suite.load_hpke_key(data(case["priv"]))
    assert suite.decrypt_with_label(key, label, context, *sealed) == data(case["plaintext"])
