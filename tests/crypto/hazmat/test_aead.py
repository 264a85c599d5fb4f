"""What was not sealed under this key, nonce and additional data does not open."""

from __future__ import annotations

import pytest
from teduh_crypto.exceptions import DecryptionFailed
from teduh_crypto.hazmat.aead import AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, Aead

every_aead = pytest.mark.parametrize(
    "aead", [AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305], ids=lambda a: a.name
)
NONCE = bytes(12)


@every_aead
def test_what_was_sealed_opens(aead: Aead) -> None:
    key = b"k" * aead.key_length
    sealed = aead.seal(key, NONCE, b"aad", b"plaintext")
    assert len(sealed) == 9 + aead.tag_length
    assert aead.open(key, NONCE, b"aad", sealed) == b"plaintext"


@every_aead
@pytest.mark.parametrize("length", [0, 1, 15, 16, 24])
def test_a_ciphertext_with_a_truncated_tag_does_not_open(aead: Aead, length: int) -> None:
    key = b"k" * aead.key_length
    with pytest.raises(DecryptionFailed):
        aead.open(key, NONCE, b"aad", aead.seal(key, NONCE, b"aad", b"plaintext")[:length])


@every_aead
def test_other_additional_data_nonce_or_key_do_not_open(aead: Aead) -> None:
    key = b"k" * aead.key_length
    sealed = aead.seal(key, NONCE, b"aad", b"plaintext")
    for wrong in (
        (key, NONCE, b"", sealed),
        (key, b"\x01" + NONCE[1:], b"aad", sealed),
        (b"x" * aead.key_length, NONCE, b"aad", sealed),
        (key, NONCE, b"aad", sealed[:-1] + bytes((sealed[-1] ^ 1,))),
    ):
        with pytest.raises(DecryptionFailed):
            aead.open(*wrong)
