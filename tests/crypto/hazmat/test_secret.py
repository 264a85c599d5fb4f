"""Private keys do not leak by printing, and compare by their secret."""

from __future__ import annotations

import pytest
from teduh_crypto.hazmat.ciphersuite import CIPHER_SUITES, CipherSuite
from teduh_crypto.hazmat.secret import PrivateKey

every_suite = pytest.mark.parametrize("suite", CIPHER_SUITES.values(), ids=lambda s: s.name)


def keys_of(suite: CipherSuite) -> tuple[PrivateKey, PrivateKey]:
    return suite.generate_signature_key(), suite.generate_hpke_key()


@every_suite
def test_no_part_of_a_private_key_is_in_its_repr(suite: CipherSuite) -> None:
    for key in keys_of(suite):
        for shown in (repr(key), str(key), f"{key}", repr([key])):
            assert key.raw.hex()[:16] not in shown
            assert repr(key.raw)[2:-1] not in shown


@every_suite
def test_keys_are_equal_when_their_secrets_are(suite: CipherSuite) -> None:
    hpke_key, signature_key = suite.generate_hpke_key(), suite.generate_signature_key()
    assert suite.load_hpke_key(hpke_key.raw) == hpke_key
    assert hash(suite.load_hpke_key(hpke_key.raw)) == hash(hpke_key)
    assert suite.load_signature_key(signature_key.raw) == signature_key
    assert suite.generate_hpke_key() != hpke_key


def test_a_signature_key_never_equals_an_hpke_key() -> None:
    suite = CIPHER_SUITES[1]
    raw = suite.generate_hpke_key().raw
    assert suite.load_hpke_key(raw) != suite.load_signature_key(raw)


def test_an_exporting_context_does_not_print_its_secret() -> None:
    suite = CIPHER_SUITES[1]
    _, context = suite.setup_base_sender(suite.generate_hpke_key().public, b"")
    assert "secret" not in repr(context)
