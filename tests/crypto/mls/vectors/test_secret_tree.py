"""Official vectors secret-tree.json: sender data keys, and message keys of every leaf."""

from __future__ import annotations

from collections.abc import Iterator

from support.schemas.vectors_official import Json, JsonValue, data, items, number, objects, record, vectors
from teduh_crypto.hazmat.ciphersuite import CipherSuite, cipher_suite
from teduh_crypto.mls.secret_tree import MessageKey, RatchetKind, RatchetLimits, SecretTree
from teduh_crypto.mls.tree_math import LeafIndex

every_vector = vectors("mls/secret-tree.json")


def suite_of(vector: Json) -> CipherSuite:
    return cipher_suite(number(vector["cipher_suite"]))


def fresh_tree(vector: Json) -> SecretTree:
    leaf_count = len(items(vector["leaves"]))
    return SecretTree.from_encryption_secret(suite_of(vector), data(vector["encryption_secret"]), leaf_count)


def expected(case: Json, name: str) -> MessageKey:
    key, nonce = data(case[f"{name}_key"]), data(case[f"{name}_nonce"])
    return MessageKey(number(case["generation"]), key, nonce)


def cases(vector: Json) -> Iterator[tuple[LeafIndex, RatchetKind, MessageKey]]:
    for index, leaf in enumerate(items(vector["leaves"])):
        for case in objects(leaf):
            yield LeafIndex(index), RatchetKind.HANDSHAKE, expected(case, "handshake")
            yield LeafIndex(index), RatchetKind.APPLICATION, expected(case, "application")


@every_vector
def test_sender_data_key_and_nonce(vector: Json) -> None:
    case: JsonValue = vector["sender_data"]
    sender_data = record(case)
    secret, ciphertext = data(sender_data["sender_data_secret"]), data(sender_data["ciphertext"])
    suite = suite_of(vector)
    found = suite.key_and_nonce(secret, ciphertext[: suite.hash_length])
    assert found == (data(sender_data["key"]), data(sender_data["nonce"]))


@every_vector
def test_message_keys_in_order(vector: Json) -> None:
    tree = fresh_tree(vector)
    for leaf, kind, message_key in cases(vector):
        taken, tree = tree.take(leaf, kind, message_key.generation, RatchetLimits())
        assert taken == message_key


@every_vector
def test_message_keys_in_reverse_order(vector: Json) -> None:
    """Keys skipped on the way to a later generation are the same ones."""
    tree = fresh_tree(vector)
    for leaf, kind, message_key in reversed(list(cases(vector))):
        taken, tree = tree.take(leaf, kind, message_key.generation, RatchetLimits())
        assert taken == message_key


@every_vector
def test_message_keys_of_a_sender(vector: Json) -> None:
    """Who sends takes the keys one after the other, and comes by those of the vector."""
    wanted = {(leaf, kind, key.generation): key for leaf, kind, key in cases(vector)}
    last = max(generation for _, _, generation in wanted)
    tree = fresh_tree(vector)
    for leaf, kind in {(leaf, kind) for leaf, kind, _ in wanted}:
        for generation in range(last + 1):
            taken, tree = tree.take_next(leaf, kind)
            assert taken == wanted.get((leaf, kind, generation), taken)
