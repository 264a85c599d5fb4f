"""Official vectors psk_secret.json: lists of external pre-shared keys, chained."""

from __future__ import annotations

from support.schemas.vectors_official import Json, data, number, objects, vectors
from teduh_crypto.hazmat.ciphersuite import cipher_suite
from teduh_crypto.mls.psk import ExternalPSK, PreSharedKeyID
from teduh_crypto.mls.psk_secret import psk_secret


@vectors("mls/psk_secret.json")
def test_psk_secret(vector: Json) -> None:
    psks = [
        (PreSharedKeyID(ExternalPSK(data(psk["psk_id"])), data(psk["psk_nonce"])), data(psk["psk"]))
        for psk in objects(vector["psks"])
    ]
    suite = cipher_suite(number(vector["cipher_suite"]))
    assert psk_secret(suite, psks) == data(vector["psk_secret"])
