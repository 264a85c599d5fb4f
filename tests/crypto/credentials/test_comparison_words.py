"""Comparison words: four of 2048, always the same for one key."""

from __future__ import annotations

import pytest
from teduh_crypto.credentials import comparison_words
from teduh_crypto.credentials.comparison_words import Language, word_list


def test_one_key_has_always_the_same_words() -> None:
    """A known answer, for other implementations to agree with."""
    assert comparison_words(bytes(range(32))) == comparison_words(bytes(range(32)), "en")
    assert comparison_words(bytes(range(32))) == ("zone", "blind", "day", "deliver")


def test_another_key_has_other_words() -> None:
    assert comparison_words(bytes(32)) != comparison_words(bytes(31) + b"\x01")


@pytest.mark.parametrize("language", ["en"])
def test_a_list_has_2048_different_plain_words(language: Language) -> None:
    words = word_list(language)
    assert len(words) == len(set(words)) == 2048
    assert all(word.isascii() and word.isalpha() and word.islower() and 3 <= len(word) <= 9 for word in words)
