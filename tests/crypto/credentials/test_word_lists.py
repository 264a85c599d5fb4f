"""The comparison words: nobody takes one for another, and none of them hurts.

What is known of sounds, frequencies, synonyms and words that hurt is in `tests/support/word_lists`.
"""

from __future__ import annotations

import pytest
from support.word_lists import everyday, frequencies, hurtful, inside_one_another, synonyms
from support.words_by_ear import alike
from teduh_crypto.credentials.comparison_words import LANGUAGES, Language, word_list

LEAST_FREQUENCY: dict[Language, float] = {"en": 3.2, "id": 3.0}
"""On the Zipf scale: 3.0 is a word that comes once in a million."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_words_are_alike_to_the_ear(language: Language) -> None:
    assert alike(word_list(language), language) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_is_inside_another(language: Language) -> None:
    assert inside_one_another(word_list(language)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_words_mean_the_same(language: Language) -> None:
    assert synonyms(word_list(language)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_is_one_that_hurts(language: Language) -> None:
    assert hurtful(word_list(language)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_is_rare(language: Language) -> None:
    known, least = frequencies(language), LEAST_FREQUENCY[language]
    rare = {word for word in word_list(language) if known[word] < least}
    assert rare == (everyday() if language == "id" else set())


def test_words_that_failed_before_would_fail_again() -> None:
    """Each was in a list of ours once."""
    assert alike(["bandul", "pantul"], "id")
    assert alike(["bubuk", "pupuk"], "id")
    assert alike(["roti", "rute"], "id")
    assert hurtful(["pasangan", "mempelai", "pisah", "setia", "gunting", "gores"]) == [
        *("pasangan", "mempelai", "pisah", "setia", "gunting", "gores")
    ]
    assert synonyms(["rembulan", "bulan"])
    assert inside_one_another(["laut", "lauter"])
