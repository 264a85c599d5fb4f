"""Official vectors passive-client-handling-commit.json: join by a Welcome, then follow every commit."""

from __future__ import annotations

from support.clients.passive_client import bundle_of, followed, joined
from support.schemas.vectors_official import Json, data, vectors

every_vector = vectors("mls/passive-client-handling-commit.json")


@every_vector
def test_private_keys_fit_the_key_package(vector: Json) -> None:
    bundle = bundle_of(vector)
    key_package = bundle.key_package
    assert bundle.init_key.public == key_package.init_key
    assert bundle.encryption_key.public == key_package.leaf_node.encryption_key
    assert bundle.signature_key.public == key_package.leaf_node.signature_key


@every_vector
def test_joining_gives_the_epoch_authenticator(vector: Json) -> None:
    assert joined(vector).epoch_authenticator == data(vector["initial_epoch_authenticator"])


@every_vector
def test_following_gives_every_epoch_authenticator(vector: Json) -> None:
    for epoch, group in followed(vector):
        assert group.epoch_authenticator == data(epoch["epoch_authenticator"])
