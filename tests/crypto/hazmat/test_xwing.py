"""X-Wing: the hybrid holds together, and both of its halves count."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from teduh_crypto.exceptions import DecryptionFailed, InvalidPublicKey
from teduh_crypto.hazmat.xwing import XWING


def test_the_sizes_are_those_of_the_draft() -> None:
    key = XWING.generate()
    secret, enc = XWING.encapsulate(key.public)
    assert (len(key.raw), len(key.public), len(enc), len(secret)) == (32, 1216, 1120, 32)
    assert XWING.suite_id == b"KEM\x64\x7a"


def test_the_secret_is_the_combination_of_both_halves() -> None:
    """draft-connolly-cfrg-xwing-kem, 5.3, computed here step by step from the seed."""
    key = XWING.generate()
    secret, enc = XWING.encapsulate(key.public)
    expanded = hashlib.shake_256(key.raw).digest(96)
    ss_m = MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).decapsulate(enc[:1088])
    ss_x = X25519PrivateKey.from_private_bytes(expanded[64:]).exchange(
        X25519PublicKey.from_public_bytes(enc[1088:])
    )
    label = bytes.fromhex("5c2e2f2f5e5c")
    assert secret == hashlib.sha3_256(ss_m + ss_x + enc[1088:] + key.public[1184:] + label).digest()


def test_a_derived_key_pair_uses_the_labelled_derivation_of_the_draft() -> None:
    """draft-ietf-hpke-pq, 4: SHAKE256.LabeledDerive(ikm, "DeriveKeyPair", "", 32), not SHAKE256(ikm, 32)."""
    ikm = bytes(range(48))
    labelled = ikm + b"HPKE-v1" + b"KEM\x64\x7a" + b"\x00\x0dDeriveKeyPair" + b"\x00\x20"
    assert XWING.derive(ikm).raw == hashlib.shake_256(labelled).digest(32)
    assert XWING.derive(ikm).raw != hashlib.shake_256(ikm).digest(32)


@pytest.mark.parametrize("position", [0, 1087, 1088, 1100])
def test_a_change_in_either_half_of_the_encapsulation_changes_the_secret(position: int) -> None:
    key = XWING.generate()
    secret, enc = XWING.encapsulate(key.public)
    changed = enc[:position] + bytes((enc[position] ^ 1,)) + enc[position + 1 :]
    assert key.decapsulate(changed) != secret


def test_an_encapsulation_key_with_a_coefficient_over_the_modulus_is_refused() -> None:
    """FIPS 203, 7.2: the modulus check."""
    with pytest.raises(InvalidPublicKey):
        XWING.validate(b"\xff" * 384 + XWING.generate().public[384:])


def test_a_low_order_x25519_share_is_refused() -> None:
    key = XWING.generate()
    _, enc = XWING.encapsulate(key.public)
    with pytest.raises(InvalidPublicKey):
        XWING.validate(key.public[:1184] + bytes(32))
    with pytest.raises(InvalidPublicKey):
        XWING.encapsulate(key.public[:1184] + bytes(32))
    with pytest.raises(DecryptionFailed):
        key.decapsulate(enc[:1088] + bytes(32))


DRAFT: Final = json.loads((Path(__file__).parents[2] / "vectors" / "xwing.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", DRAFT["vectors"], ids=lambda vector: vector["seed"][:8])
def test_the_known_answers_of_the_draft_come_out(vector: dict[str, str]) -> None:
    """draft-connolly-cfrg-xwing-kem, appendix C: the key of a seed, and the secret of an encapsulation."""
    key = XWING.load(bytes.fromhex(vector["sk"]))
    assert key.public.hex() == vector["pk"]
    assert key.decapsulate(bytes.fromhex(vector["ct"])).hex() == vector["ss"]
