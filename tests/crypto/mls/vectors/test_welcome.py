"""Official vectors welcome.json: from a Welcome to a GroupInfo that proves itself."""

from __future__ import annotations

from support.schemas.vector_keys import hpke_key
from support.schemas.vectors_official import Json, data, number, vectors
from teduh_crypto.hazmat.ciphersuite import CipherSuite, cipher_suite
from teduh_crypto.mls.framing import MLSMessage
from teduh_crypto.mls.group_info import GroupInfo
from teduh_crypto.mls.key_package import KeyPackage, KeyPackageBundle
from teduh_crypto.mls.key_schedule import epoch_keys
from teduh_crypto.mls.psk_secret import psk_secret
from teduh_crypto.mls.welcome import GroupSecrets, Welcome
from teduh_crypto.mls.welcome_message import open_group_info, open_group_secrets

every_vector = vectors("mls/welcome.json")


def suite_of(vector: Json) -> CipherSuite:
    return cipher_suite(number(vector["cipher_suite"]))


def opened(vector: Json) -> tuple[GroupSecrets, GroupInfo]:
    suite = suite_of(vector)
    welcome = MLSMessage.from_bytes(data(vector["welcome"])).body
    key_package = MLSMessage.from_bytes(data(vector["key_package"])).body
    assert isinstance(welcome, Welcome)
    assert isinstance(key_package, KeyPackage)
    init_key = hpke_key(suite, data(vector["init_priv"]))
    # The vector gives no other private keys, and opening a welcome takes none.
    bundle = KeyPackageBundle(key_package, init_key, init_key, suite.generate_signature_key())
    secrets = open_group_secrets(suite, welcome, bundle)
    return secrets, open_group_info(suite, welcome, secrets.joiner_secret, psk_secret(suite, ()))


@every_vector
def test_group_info_is_signed_by_the_signer(vector: Json) -> None:
    _, info = opened(vector)
    info.verify_signature(suite_of(vector), data(vector["signer_pub"]))


@every_vector
def test_confirmation_tag(vector: Json) -> None:
    suite = suite_of(vector)
    secrets, info = opened(vector)
    context = info.group_context
    keys = epoch_keys(suite, secrets.joiner_secret, psk_secret(suite, ()), context.to_bytes())
    suite.verify_mac(keys.secrets.confirmation_key, context.confirmed_transcript_hash, info.confirmation_tag)
