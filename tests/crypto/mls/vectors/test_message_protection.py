"""Official vectors message-protection.json: every kind of content, public and private, both ways."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from forging.groups import client
from support.schemas.vector_keys import signature_key
from support.schemas.vectors_official import Json, data, number, vectors
from teduh_crypto.exceptions import LocalError
from teduh_crypto.hazmat.ciphersuite import CipherSuite, cipher_suite
from teduh_crypto.mls.commit import Commit
from teduh_crypto.mls.framing import (
    Content,
    MLSMessage,
    PrivateMessage,
    PublicMessage,
    Sender,
    WireFormat,
)
from teduh_crypto.mls.group_context import GroupContext
from teduh_crypto.mls.leaf_node import LeafNode
from teduh_crypto.mls.message_protection import (
    EpochFraming,
    SignedContent,
    open_public,
    seal_public,
    sign,
)
from teduh_crypto.mls.private_message import (
    no_padding,
    open_application,
    open_private,
    seal_application,
    seal_private,
)
from teduh_crypto.mls.proposal import proposal_from_bytes
from teduh_crypto.mls.secret_tree import RatchetKind, RatchetLimits, SecretTree
from teduh_crypto.mls.tree_math import LeafIndex

every_vector = vectors("mls/message-protection.json")
SENDER = LeafIndex(1)


@dataclass(frozen=True)
class Case:
    """One vector, ready to protect and unprotect with."""

    vector: Json

    @property
    def suite(self) -> CipherSuite:
        return cipher_suite(number(self.vector["cipher_suite"]))

    @property
    def framing(self) -> EpochFraming:
        context = GroupContext(
            cipher_suite=self.suite.code,
            group_id=data(self.vector["group_id"]),
            epoch=number(self.vector["epoch"]),
            tree_hash=data(self.vector["tree_hash"]),
            confirmed_transcript_hash=data(self.vector["confirmed_transcript_hash"]),
        )
        secret, key = data(self.vector["sender_data_secret"]), data(self.vector["membership_key"])
        return EpochFraming.of(self.suite, context, secret, key)

    def fresh_tree(self) -> SecretTree:
        return SecretTree.from_encryption_secret(self.suite, data(self.vector["encryption_secret"]), 2)

    def signed(self, content: Content, wire_format: WireFormat) -> SignedContent:
        private = signature_key(self.suite, data(self.vector["signature_priv"]))
        signed = sign(self.framing, wire_format, Sender.member(SENDER), b"AAD", content, private)
        return signed._replace(confirmation_tag=b"tag") if isinstance(content, Commit) else signed

    def open_private(self, message: bytes) -> SignedContent:
        body = MLSMessage.from_bytes(message).body
        assert isinstance(body, PrivateMessage)
        tree, limits = self.fresh_tree(), RatchetLimits()
        unverified, _ = open_private(self.framing, tree, limits, body, self.leaf_of)
        return unverified.verified(self.framing, data(self.vector["signature_pub"]))

    def leaf_of(self, leaf_index: LeafIndex) -> LeafNode:
        """The sender's leaf, of which only the signature key matters."""
        assert leaf_index == SENDER
        honest = client("sender", suite=self.suite).key_package.leaf_node
        return replace(honest, signature_key=data(self.vector["signature_pub"]))

    def open_application(self, message: bytes) -> bytes:
        body = MLSMessage.from_bytes(message).body
        assert isinstance(body, PrivateMessage)
        return open_application(self.framing, self.fresh_tree(), RatchetLimits(), body, self.leaf_of).data

    def open_public(self, message: bytes) -> SignedContent:
        body = MLSMessage.from_bytes(message).body
        assert isinstance(body, PublicMessage)
        return open_public(self.framing, body).verified(self.framing, data(self.vector["signature_pub"]))

    def content(self, name: str) -> Content:
        encoded = data(self.vector[name])
        if name == "application":
            return encoded
        return Commit.from_bytes(encoded) if name == "commit" else proposal_from_bytes(encoded)


contents = pytest.mark.parametrize("name", ["proposal", "commit", "application"])
handshakes = pytest.mark.parametrize("name", ["proposal", "commit"])


@every_vector
@contents
def test_private_message_opens(vector: Json, name: str) -> None:
    case = Case(vector)
    assert case.open_private(data(vector[f"{name}_priv"])).content == case.content(name)


@every_vector
@contents
def test_private_message_of_ours_opens(vector: Json, name: str) -> None:
    case = Case(vector)
    signed = case.signed(case.content(name), WireFormat.PRIVATE_MESSAGE)
    kind = RatchetKind.APPLICATION if name == "application" else RatchetKind.HANDSHAKE
    message_key, _ = case.fresh_tree().take_next(SENDER, kind)
    message = seal_private(case.framing, signed, message_key, lambda length: 100)
    assert case.open_private(message) == signed


@every_vector
def test_application_data_opens_and_is_verified_in_one_go(vector: Json) -> None:
    case = Case(vector)
    assert case.open_application(data(vector["application_priv"])) == case.content("application")


@every_vector
def test_application_data_sealed_in_one_go_opens(vector: Json) -> None:
    case = Case(vector)
    private = signature_key(case.suite, data(vector["signature_priv"]))
    key, _ = case.fresh_tree().take_next(SENDER, RatchetKind.APPLICATION)
    content = data(vector["application"])
    message = seal_application(case.framing, SENDER, content, b"AAD", private, key, no_padding)
    assert case.open_application(message) == case.open_private(message).content == content


@every_vector
@handshakes
def test_public_message_opens(vector: Json, name: str) -> None:
    case = Case(vector)
    assert case.open_public(data(vector[f"{name}_pub"])).content == case.content(name)


@every_vector
@handshakes
def test_public_message_of_ours_opens(vector: Json, name: str) -> None:
    case = Case(vector)
    signed = case.signed(case.content(name), WireFormat.PUBLIC_MESSAGE)
    assert case.open_public(seal_public(case.framing, signed)) == signed


@every_vector
def test_application_data_is_not_sealed_as_a_public_message(vector: Json) -> None:
    case = Case(vector)
    signed = case.signed(case.content("application"), WireFormat.PUBLIC_MESSAGE)
    with pytest.raises(LocalError):
        seal_public(case.framing, signed)
