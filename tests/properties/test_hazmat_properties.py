"""The primitives on arbitrary bytes: whatever a peer sends, only the documented errors come out."""

from __future__ import annotations

import pytest
from fuzz.hazmat_targets import SUITES, TARGETS
from hypothesis import given
from hypothesis import strategies as st
from teduh_crypto.hazmat.ciphersuite import CipherSuite

suites = st.sampled_from(SUITES)


def mostly_of_length(length: int) -> st.SearchStrategy[bytes]:
    """Bytes of the length that gets past the first check, and of others."""
    return st.binary(min_size=length, max_size=length) | st.binary(max_size=length + 8)


@pytest.mark.parametrize("target", TARGETS)
@given(data=st.data(), choice=st.integers(0, len(SUITES) - 1))
def test_arbitrary_bytes_are_refused_with_the_documented_error(
    target: str, data: st.DataObject, choice: int
) -> None:
    suite = SUITES[choice]
    lengths = {
        "HpkeCiphertext": suite.kem.enc_length + 24,
        "HpkePublicKey": suite.kem.public_length,
        "Signature": 64,
        "SignaturePublicKey": len(suite.generate_signature_key().public),
    }
    TARGETS[target](bytes((choice,)) + data.draw(mostly_of_length(lengths[target])))


@given(suite=suites, context=st.binary(max_size=200), plaintext=st.binary(max_size=200))
def test_what_is_encrypted_is_decrypted(suite: CipherSuite, context: bytes, plaintext: bytes) -> None:
    key = suite.generate_hpke_key()
    sealed = suite.encrypt_with_label(key.public, b"Welcome", context, plaintext)
    assert suite.decrypt_with_label(key, b"Welcome", context, *sealed) == plaintext


@given(
    suite=suites, secret=st.binary(max_size=100), context=st.binary(max_size=200), length=st.integers(0, 300)
)
def test_an_expansion_has_the_length_asked_for(
    suite: CipherSuite, secret: bytes, context: bytes, length: int
) -> None:
    assert len(suite.expand_with_label(secret, b"label", context, length)) == length
