"""Comparison words: four of 2048, always the same for one key."""

from __future__ import annotations

import hashlib

import pytest
from teduh_crypto.credentials import comparison_words
from teduh_crypto.credentials.comparison_words import LANGUAGES, Language, word_list


def test_one_key_has_always_the_same_words() -> None:
    """A known answer, for other implementations to agree with."""
    assert comparison_words(bytes(range(32))) == comparison_words(bytes(range(32)), "en")
    assert comparison_words(bytes(range(32))) == ("zodiac", "borough", "daring", "decorate")


def test_another_key_has_other_words() -> None:
    assert comparison_words(bytes(32)) != comparison_words(bytes(31) + b"\x01")


def test_the_words_of_one_key_are_others_for_another_invitation() -> None:
    """So no table of keys and their words serves for two enrolments."""
    key = bytes(range(32))
    words = {comparison_words(key, invitation=invitation) for invitation in (None, "", "one", "another")}
    assert len(words) == 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_list_has_2048_different_plain_words(language: Language) -> None:
    words = word_list(language)
    assert len(words) == len(set(words)) == 2048
    assert all(
        word.isascii() and word.isalpha() and word.islower() and 3 <= len(word) <= 10 for word in words
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_order_of_a_list_never_changes(language: Language) -> None:
    """Two sides with different orders would see different words for one key."""
    known = {
        "en": "7a8bdf026bbbc25c33bfeedcc655ea14068d6729f4e402f40ffb31713e3c01ac",
        "id": "e0264fd6b8f785d91f69192412697d946d3ff2a880cc4ac126a9e6ef4b8e0c44",
    }
    text = "".join(word + "\n" for word in word_list(language))
    assert hashlib.sha256(text.encode()).hexdigest() == known[language]
    assert list(word_list(language)) == sorted(word_list(language))


def test_both_languages_say_the_same_number() -> None:
    key = bytes(range(32))
    english, indonesian = (
        [word_list(language).index(word) for word in comparison_words(key, language)]
        for language in LANGUAGES
    )
    assert english == indonesian
