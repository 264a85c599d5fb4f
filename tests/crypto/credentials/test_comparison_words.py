"""Comparison words: four of 2048, always the same for one key."""

from __future__ import annotations

import hashlib

import pytest
from teduh_crypto.credentials import comparison_words
from teduh_crypto.credentials.comparison_words import LANGUAGES, Language, word_list


def test_one_key_has_always_the_same_words() -> None:
    """A known answer, for other implementations to agree with."""
    assert comparison_words(bytes(range(32))) == comparison_words(bytes(range(32)), "en")
    assert comparison_words(bytes(range(32))) == ("zone", "blind", "day", "deliver")


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
        "en": "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda",
        "id": "da87d9f3fd9ad66cf13c5da40cc77bbb92cb9ca511220e276450506759d05599",
    }
    text = "".join(word + "\n" for word in word_list(language))
    assert hashlib.sha256(text.encode()).hexdigest() == known[language]
    assert list(word_list(language)) == sorted(word_list(language))


def test_english_words_differ_in_their_first_four_letters() -> None:
    assert len({word[:4] for word in word_list("en")}) == 2048


def test_no_indonesian_word_becomes_another_by_one_wrong_letter() -> None:
    """Of two words within one edit of each other, some string with one letter out is common to both, or they
    swap.
    """
    seen: dict[str, str] = {}
    for word in word_list("id"):
        for place in range(len(word)):
            shorter = word[:place] + word[place + 1 :]
            assert shorter not in word_list("id"), word
            key = word[:place] + "?" + word[place + 1 :]
            assert seen.setdefault(key, word) == word
        swapped = {word[:n] + word[n + 1] + word[n] + word[n + 2 :] for n in range(len(word) - 1)} - {word}
        assert not swapped.intersection(word_list("id")), word


def test_both_languages_say_the_same_number() -> None:
    key = bytes(range(32))
    english, indonesian = (
        [word_list(language).index(word) for word in comparison_words(key, language)]
        for language in LANGUAGES
    )
    assert english == indonesian
