"""messages.json: every structure decodes, and encodes to the same bytes again."""

from __future__ import annotations

from typing import Final

import pytest
from support.schemas.vectors_official import Json, data
from teduh_crypto.mls.codec import Structure, decode, write_vector_with
from teduh_crypto.mls.commit import Commit
from teduh_crypto.mls.framing import ContentType, MLSMessage, PrivateMessage, PublicMessage, WireFormat
from teduh_crypto.mls.parent_node import read_optional_node, write_optional_node
from teduh_crypto.mls.proposal import (
    Add,
    ExternalInit,
    GroupContextExtensions,
    PreSharedKey,
    ReInit,
    Remove,
    Update,
)
from teduh_crypto.mls.welcome import GroupSecrets

STRUCTURES: Final[dict[str, type[Structure]]] = {
    "group_secrets": GroupSecrets,
    "add_proposal": Add,
    "update_proposal": Update,
    "remove_proposal": Remove,
    "pre_shared_key_proposal": PreSharedKey,
    "re_init_proposal": ReInit,
    "external_init_proposal": ExternalInit,
    "group_context_extensions_proposal": GroupContextExtensions,
    "commit": Commit,
}
MESSAGES: Final[dict[str, WireFormat]] = {
    "mls_welcome": WireFormat.WELCOME,
    "mls_group_info": WireFormat.GROUP_INFO,
    "mls_key_package": WireFormat.KEY_PACKAGE,
    "public_message_application": WireFormat.PUBLIC_MESSAGE,
    "public_message_proposal": WireFormat.PUBLIC_MESSAGE,
    "public_message_commit": WireFormat.PUBLIC_MESSAGE,
    "private_message": WireFormat.PRIVATE_MESSAGE,
}
CONTENT_TYPES: Final = {
    "public_message_application": ContentType.APPLICATION,
    "public_message_proposal": ContentType.PROPOSAL,
    "public_message_commit": ContentType.COMMIT,
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_structures_round_trip(name: str, messages: list[Json]) -> None:
    for vector in messages:
        encoded = data(vector[name])
        assert STRUCTURES[name].from_bytes(encoded).to_bytes() == encoded


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_round_trip_under_their_wire_format(name: str, messages: list[Json]) -> None:
    for vector in messages:
        encoded = data(vector[name])
        message = MLSMessage.from_bytes(encoded)
        assert message.wire_format is MESSAGES[name]
        assert message.to_bytes() == encoded


@pytest.mark.parametrize("name", CONTENT_TYPES)
def test_public_messages_hold_the_named_content(name: str, messages: list[Json]) -> None:
    for vector in messages:
        body = MLSMessage.from_bytes(data(vector[name])).body
        assert isinstance(body, PublicMessage)
        assert body.content.content_type is CONTENT_TYPES[name]


def test_ratchet_tree_round_trips(messages: list[Json]) -> None:
    for vector in messages:
        encoded = data(vector["ratchet_tree"])
        nodes = decode(lambda reader: reader.vector(read_optional_node), encoded)
        out = bytearray()
        write_vector_with(out, nodes, write_optional_node)
        assert out == encoded


def test_private_messages_keep_their_ciphertext_opaque(messages: list[Json]) -> None:
    for vector in messages:
        assert isinstance(MLSMessage.from_bytes(data(vector["private_message"])).body, PrivateMessage)
