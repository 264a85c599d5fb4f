"""Official vectors key-schedule.json: epochs of secrets, chained by their init secrets."""

from __future__ import annotations

from collections.abc import Iterator

from support.schemas.vectors_official import Json, data, number, objects, record, text, vectors
from teduh_crypto.hazmat.ciphersuite import CipherSuite, cipher_suite
from teduh_crypto.mls.group_context import GroupContext
from teduh_crypto.mls.key_schedule import (
    EpochKeys,
    epoch_keys,
    export,
    external_key,
    joiner_secret,
    welcome_secret,
)

every_vector = vectors("mls/key-schedule.json")

_KEPT = (
    "init_secret",
    "sender_data_secret",
    "exporter_secret",
    "epoch_authenticator",
    "external_secret",
    "confirmation_key",
    "membership_key",
    "resumption_psk",
)


def suite_of(vector: Json) -> CipherSuite:
    return cipher_suite(number(vector["cipher_suite"]))


def epochs(vector: Json) -> Iterator[tuple[Json, bytes, bytes, EpochKeys]]:
    """Each epoch with its encoded context, the joiner secret and the keys that we derive."""
    suite, init_secret = suite_of(vector), data(vector["initial_init_secret"])
    for counter, epoch in enumerate(objects(vector["epochs"])):
        context = context_of(vector, counter, epoch)
        joiner = joiner_secret(suite, init_secret, data(epoch["commit_secret"]), context)
        keys = epoch_keys(suite, joiner, data(epoch["psk_secret"]), context)
        yield epoch, context, joiner, keys
        init_secret = keys.secrets.init_secret


def context_of(vector: Json, counter: int, epoch: Json) -> bytes:
    return GroupContext(
        cipher_suite=number(vector["cipher_suite"]),
        group_id=data(vector["group_id"]),
        epoch=counter,
        tree_hash=data(epoch["tree_hash"]),
        confirmed_transcript_hash=data(epoch["confirmed_transcript_hash"]),
    ).to_bytes()


@every_vector
def test_group_context(vector: Json) -> None:
    for epoch, context, _, _ in epochs(vector):
        assert context == data(epoch["group_context"])


@every_vector
def test_joiner_and_welcome_secret(vector: Json) -> None:
    """The welcome secret is the same for a committer and for a joiner, who lacks the context."""
    for epoch, _, joiner, keys in epochs(vector):
        assert joiner == data(epoch["joiner_secret"])
        assert keys.welcome_secret == data(epoch["welcome_secret"])
        assert welcome_secret(suite_of(vector), joiner, data(epoch["psk_secret"])) == keys.welcome_secret


@every_vector
def test_epoch_secrets(vector: Json) -> None:
    for epoch, _, _, keys in epochs(vector):
        for name in _KEPT:
            assert getattr(keys.secrets, name) == data(epoch[name]), name
        assert keys.encryption_secret == data(epoch["encryption_secret"])


@every_vector
def test_external_key_pair(vector: Json) -> None:
    for epoch, _, _, keys in epochs(vector):
        pair = external_key(suite_of(vector), keys.secrets.external_secret)
        assert pair.public == data(epoch["external_pub"])


@every_vector
def test_exporter(vector: Json) -> None:
    for epoch, _, _, keys in epochs(vector):
        case = record(epoch["exporter"])
        out = export(
            suite_of(vector),
            keys.secrets.exporter_secret,
            text(case["label"]).encode(),
            data(case["context"]),
            number(case["length"]),
        )
        assert out == data(case["secret"])
