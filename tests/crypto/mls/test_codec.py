"""The presentation language: what the reader refuses, and that writing and reading agree."""

from __future__ import annotations

import pytest
from teduh_crypto.exceptions import DecodingError, LocalError
from teduh_crypto.mls import codec
from teduh_crypto.mls.codec import (
    Reader,
    decode,
    end_vector,
    vector_header,
    write_opaque,
    write_uint16_vector,
)


@pytest.mark.parametrize("header", ["4000", "403f", "80000000", "80003fff"])
def test_a_length_in_a_longer_form_than_needed_is_refused(header: str) -> None:
    """RFC 9420, 2.1.2: "values using more bits than necessary MUST be treated as malformed"."""
    with pytest.raises(DecodingError, match="shortest"):
        Reader(bytes.fromhex(header)).vector_length()


@pytest.mark.parametrize("header", ["c0", "ffffffff", "c000000000000001"])
def test_the_eight_byte_form_is_refused(header: str) -> None:
    """RFC 9420, 2.1.2: "Vectors that start with the prefix "11" are invalid and MUST be rejected"."""
    with pytest.raises(DecodingError, match="0b11"):
        Reader(bytes.fromhex(header)).vector_length()


@pytest.mark.parametrize("presence", [2, 3, 255])
def test_a_presence_byte_other_than_0_and_1_is_refused(presence: int) -> None:
    """RFC 9420, 2.1.1: "a presence octet with a value other than 0 or 1 MUST be rejected"."""
    with pytest.raises(DecodingError, match="presence"):
        Reader(bytes([presence, 0, 0])).optional(Reader.uint16)


def test_trailing_bytes_are_refused() -> None:
    with pytest.raises(DecodingError, match="trail"):
        decode(Reader.opaque, b"\x01ab")


@pytest.mark.parametrize("data", [b"", b"\x02a", b"\x40", b"\x80\x00\x40", b"\x7f\xff" + bytes(16000)])
def test_a_vector_that_ends_too_early_is_refused(data: bytes) -> None:
    with pytest.raises(DecodingError):
        decode(Reader.opaque, data)


def test_an_inner_vector_can_not_reach_outside_the_outer_one() -> None:
    """The inner vector claims three bytes; the outer one has two left, and others follow behind it."""
    with pytest.raises(DecodingError):
        Reader(b"\x03\x03ab" + b"cdef").vector(Reader.opaque)


def test_reading_goes_on_behind_a_vector() -> None:
    reader = Reader(b"\x04\x00\x01\x00\x02\x07")
    assert reader.vector(Reader.uint16) == (1, 2)
    assert reader.uint8() == 7
    reader.finish()


def test_a_vector_of_half_an_item_is_refused() -> None:
    with pytest.raises(DecodingError):
        Reader(b"\x03\x00\x01\x02").vector(Reader.uint16)


def test_inputs_over_the_cap_are_refused() -> None:
    with pytest.raises(DecodingError, match="more than"):
        decode(Reader.rest, bytes(11), max_length=10)


def test_no_decoder_reads_an_input_over_the_general_cap() -> None:
    with pytest.raises(DecodingError, match="more than"):
        decode(Reader.rest, bytes(codec.MAX_ENCODED_LENGTH + 1))


def test_vectors_of_too_many_items_are_refused() -> None:
    with pytest.raises(DecodingError, match="items"):
        Reader(b"\x0b" + bytes(11)).vector(Reader.uint8, max_items=10)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 16383, 16384, 2**30 - 1])
def test_headers_are_read_as_they_are_written(length: int) -> None:
    assert Reader(vector_header(length)).vector_length() == length


def test_a_vector_too_long_for_a_header_can_not_be_written() -> None:
    with pytest.raises(LocalError):
        vector_header(2**30)


@pytest.mark.parametrize("length", [0, 63, 64, 16384])
def test_a_length_is_slid_in_front_of_what_was_written(length: int) -> None:
    out = bytearray(b"before")
    start = len(out)
    out += bytes(length)
    end_vector(out, start)
    expected = bytearray(b"before")
    write_opaque(expected, bytes(length))
    assert out == expected


def test_numbers_of_a_vector_are_two_bytes_each() -> None:
    out = bytearray()
    write_uint16_vector(out, (1, 0xFFFF))
    assert out == b"\x04\x00\x01\xff\xff"
