"""A client that only follows: joins by a vector's Welcome and applies every commit after it."""

from __future__ import annotations

from collections.abc import Iterator

from teduh_crypto.hazmat.ciphersuite import cipher_suite
from teduh_crypto.mls.framing import MLSMessage
from teduh_crypto.mls.group import Group
from teduh_crypto.mls.group_policy import GroupPolicy
from teduh_crypto.mls.key_package import KeyPackage, KeyPackageBundle

from support.schemas.vector_keys import hpke_key, signature_key
from support.schemas.vectors_official import Json, data, number, objects


def bundle_of(vector: Json) -> KeyPackageBundle:
    """The client's key package and private keys."""
    suite = cipher_suite(number(vector["cipher_suite"]))
    key_package = MLSMessage.from_bytes(data(vector["key_package"])).body
    assert isinstance(key_package, KeyPackage)
    return KeyPackageBundle(
        key_package,
        hpke_key(suite, data(vector["init_priv"])),
        hpke_key(suite, data(vector["encryption_priv"])),
        signature_key(suite, data(vector["signature_priv"])),
    )


def joined(vector: Json) -> Group:
    """The client right after it has joined."""
    tree = vector["ratchet_tree"]
    return Group.join(
        data(vector["welcome"]),
        bundle_of(vector),
        ratchet_tree=None if tree is None else data(tree),
        psks={data(psk["psk_id"]): data(psk["psk"]) for psk in objects(vector["external_psks"])},
        policy=GroupPolicy.everything_in_rfc_9420(),
    )


def followed(vector: Json) -> Iterator[tuple[Json, Group]]:
    """The client after each epoch of the vector."""
    group = joined(vector)
    for epoch in objects(vector["epochs"]):
        for message in epoch["proposals"] if isinstance(epoch["proposals"], list) else []:
            group, _ = group.unprotect(data(message))
        group, _ = group.unprotect(data(epoch["commit"]))
        yield epoch, group
