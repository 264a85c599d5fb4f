"""Length prefixes are the shortest that RFC 9420, 2.1.2 allows."""

from __future__ import annotations

import pytest
from teduh_crypto.exceptions import LocalError
from teduh_crypto.hazmat.opaque import MAX_LENGTH, length_prefix, opaque


@pytest.mark.parametrize(
    ("length", "prefix"),
    [
        (0, "00"),
        (1, "01"),
        (63, "3f"),
        (64, "4040"),
        (16383, "7fff"),
        (16384, "80004000"),
        (MAX_LENGTH, "bfffffff"),
    ],
)
def test_a_length_takes_one_two_or_four_bytes(length: int, prefix: str) -> None:
    assert length_prefix(length).hex() == prefix


def test_a_vector_too_long_for_the_wire_is_refused() -> None:
    with pytest.raises(LocalError):
        length_prefix(MAX_LENGTH + 1)


def test_content_follows_its_length() -> None:
    assert opaque(b"abc") == b"\x03abc"
    assert opaque(b"a" * 64) == b"\x40\x40" + b"a" * 64
