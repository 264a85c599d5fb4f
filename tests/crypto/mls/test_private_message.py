"""The short way of reading a PrivateMessage accepts and refuses what the long way does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from forging.groups import members
from hypothesis import given
from hypothesis import strategies as st
from teduh_crypto.exceptions import DecodingError
from teduh_crypto.mls.codec import Reader, vector_header
from teduh_crypto.mls.framing import ContentType, MLSMessage, PrivateMessage
from teduh_crypto.mls.private_message import PREFIX, decode_private_message, opaque_at

messages = st.builds(
    PrivateMessage,
    group_id=st.binary(max_size=100),
    epoch=st.integers(0, 2**64 - 1),
    content_type=st.sampled_from(ContentType),
    authenticated_data=st.binary(max_size=100),
    encrypted_sender_data=st.binary(max_size=100),
    ciphertext=st.binary(max_size=20_000),
)


def outcome(decode: Callable[[bytes], object], data: bytes) -> object:
    """What `decode` gives, or that it refuses."""
    try:
        return decode(data)
    except DecodingError:
        return DecodingError


def the_long_way(data: bytes) -> object:
    return MLSMessage.from_bytes(data).body


@given(messages)
def test_a_message_reads_the_same(message: PrivateMessage) -> None:
    encoded = MLSMessage(message).to_bytes()
    assert encoded.startswith(PREFIX)
    assert decode_private_message(encoded) == message


@given(messages, st.data())
def test_a_damaged_message_is_read_or_refused_alike(message: PrivateMessage, data: st.DataObject) -> None:
    encoded = bytearray(MLSMessage(message).to_bytes())
    place = data.draw(st.integers(len(PREFIX), len(encoded) - 1))
    encoded[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(len(PREFIX), len(encoded)))
    for damaged in (bytes(encoded), bytes(encoded[:cut]), bytes(encoded) + b"\x00"):
        assert outcome(decode_private_message, damaged) == outcome(the_long_way, damaged)


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_read_or_refused_alike(data: bytes) -> None:
    assert outcome(decode_private_message, PREFIX + data) == outcome(the_long_way, PREFIX + data)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 16_383, 16_384, 70_000])
def test_a_vector_reads_the_same(length: int) -> None:
    encoded = vector_header(length) + bytes(length)
    assert opaque_at(encoded + b"rest", 0) == (Reader(encoded).opaque(), len(encoded))
    with pytest.raises(DecodingError):
        opaque_at(encoded[:-1], 0)


@pytest.mark.parametrize("header", [b"", b"\x40", b"\x40\x3f", b"\x80\x00\x3f\xff", b"\xc0", b"\xff"])
def test_a_length_that_is_invalid_or_not_the_shortest_is_refused(header: bytes) -> None:
    """RFC 9420, 2.1.2: "Vectors that start with the prefix "11" are invalid and MUST be rejected"."""
    with pytest.raises(DecodingError):
        opaque_at(header + bytes(20_000) if len(header) > 1 else header, 0)


def test_a_message_longer_than_is_read_is_refused() -> None:
    with pytest.raises(DecodingError, match="more than"):
        decode_private_message(PREFIX + bytes(16 * 1024 * 1024))


def test_groups_read_the_short_way() -> None:
    alice, bob = members(2)
    _, message = bob.protect(b"hello")
    assert message.startswith(PREFIX)
    alice.unprotect(message)
