"""Padding hides the length of what is said behind few, fixed steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from teduh_crypto.exceptions import PaddingError
from teduh_crypto.padding import commit_padding_for, padded_length, padding_for

KIB = 1024


@pytest.mark.parametrize(
    ("length", "padded"),
    [
        (0, KIB),
        (1, KIB),
        (KIB, KIB),
        (KIB + 1, 2 * KIB),
        (4 * KIB, 4 * KIB),
        (4 * KIB + 1, 8 * KIB),
        (16 * KIB, 16 * KIB),
        (16 * KIB + 1, 32 * KIB),
        (64 * KIB, 64 * KIB),
        (64 * KIB + 1, 128 * KIB),
        (1000 * KIB, 1024 * KIB),
    ],
)
def test_each_step_begins_where_the_last_one_ends(length: int, padded: int) -> None:
    assert padded_length(length) == padded


@given(st.integers(0, 1 << 30))
def test_padded_content_is_padded_already(length: int) -> None:
    padded = padded_length(length)
    assert padded >= length
    assert padded_length(padded) == padded
    assert padding_for(length) == padded - length


@given(st.integers(0, 1 << 20), st.integers(0, 1 << 20))
def test_longer_content_is_never_padded_to_less(one: int, other: int) -> None:
    assert padded_length(min(one, other)) <= padded_length(max(one, other))


@given(st.integers(1, 1 << 20))
def test_padding_adds_less_than_one_step(length: int) -> None:
    assert padding_for(length) < max(KIB, length)


def test_up_to_64_kib_there_are_ten_different_lengths() -> None:
    assert len({padded_length(length) for length in range(64 * KIB + 1)}) == 10


def test_a_negative_length_is_refused() -> None:
    with pytest.raises(PaddingError):
        padded_length(-1)


@pytest.mark.parametrize(
    ("length", "padding"), [(1, KIB - 1), (KIB, 0), (4 * KIB + 1, KIB - 1), (64 * KIB + 1, KIB - 1)]
)
def test_a_commit_is_padded_by_less_than_a_kibibyte_whatever_its_length(length: int, padding: int) -> None:
    assert commit_padding_for(length) == padding


def test_a_commit_has_no_negative_length() -> None:
    with pytest.raises(PaddingError):
        commit_padding_for(-1)
