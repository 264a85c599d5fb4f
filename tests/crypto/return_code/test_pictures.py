"""The pictures of return codes: 240 things that nobody takes for each other, by ear, by eye or by meaning."""

from __future__ import annotations

import hashlib
import math
from importlib.resources import files
from itertools import combinations

import pytest
from support.word_lists import frequencies, hurtful, inside_one_another, synonyms
from support.words_by_ear import alike, english_sounds
from teduh_crypto.return_code import RETURN_CODE_LENGTH, PictureLanguage, pictures
from teduh_crypto.return_code.code import edits
from teduh_crypto.return_code.pictures import letters_of, numbers

PICTURES_SHA256 = "b8959b49c6d5c23fe804021e7d51c214aee5c845d4b62cffef194a8ba23d98aa"
LANGUAGES: tuple[PictureLanguage, ...] = ("id", "en")
AFTER_UNICODE_11 = (
    *((0x1F6D5, 0x1F6DF), (0x1F6FA, 0x1F6FF), (0x1F7E0, 0x1F7FF), (0x1F90C, 0x1F90F), (0x1F93F, 0x1F93F)),
    *((0x1F971, 0x1F972), (0x1F977, 0x1F979), (0x1F97B, 0x1F97B), (0x1F9A3, 0x1F9AF), (0x1F9BA, 0x1F9BF)),
    *((0x1F9C3, 0x1F9CF), (0x1FA70, 0x1FAFF)),
)
"""Code points of emoji that Unicode 12 and later added, by emoji-data.txt."""
UNCOUNTED = {"id": {"pingpong", "saksofon", "krayon", "komidi"}, "en": set[str]()}
"""Everyday things that are spoken of more than written about."""
RARELY_WRITTEN = {"id": 2.2, "en": 2.2}


def names(language: PictureLanguage) -> list[str]:
    return [picture.name(language) for picture in pictures()]


def test_eight_pictures_are_more_than_60_bits() -> None:
    assert len(pictures()) == 240
    assert RETURN_CODE_LENGTH * math.log2(len(pictures())) > 63


def test_the_order_of_the_pictures_never_changes() -> None:
    """Another order would make other codes of those that people remember."""
    content = files("teduh_crypto.return_code").joinpath("pictures.txt").read_bytes()
    assert hashlib.sha256(content).hexdigest() == PICTURES_SHA256


def test_each_picture_is_one_emoji_of_unicode_11_at_most() -> None:
    """Older phones have it, and it is never drawn as two."""
    for picture in pictures():
        assert len(picture.emoji) == 1, picture
        code_point = ord(picture.emoji)
        assert not any(first <= code_point <= last for first, last in AFTER_UNICODE_11), picture


def test_no_picture_and_no_name_comes_twice() -> None:
    assert len({picture.emoji for picture in pictures()}) == 240
    for language in LANGUAGES:
        assert len(set(names(language))) == 240


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_names_are_alike_to_the_ear(language: PictureLanguage) -> None:
    assert alike(names(language), language) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_name_is_inside_another(language: PictureLanguage) -> None:
    assert inside_one_another(letters_of(name) for name in names(language)) == []


def test_no_name_is_that_of_another_picture_in_the_other_language() -> None:
    """So words of both languages can be mixed."""
    assert len(numbers()) == 240 + len({*map(letters_of, names("id")), *map(letters_of, names("en"))})
    for number, picture in enumerate(pictures()):
        for key in (picture.emoji, letters_of(picture.indonesian), letters_of(picture.english)):
            assert numbers()[key] == number


def test_two_names_after_each_other_are_never_a_third() -> None:
    """Names of two words are found by joining what stands side by side."""
    keys = {key for key in numbers() if key.isalpha()}
    for name in keys:
        assert not any(name[:at] in keys and name[at:] in keys for at in range(1, len(name))), name


def test_one_wrong_letter_is_never_another_picture() -> None:
    """In either language: a slip of the finger is noticed."""
    for one, other in combinations(sorted(key for key in numbers() if key.isalpha()), 2):
        assert numbers()[one] == numbers()[other] or edits(one, other) > 1, (one, other)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_names_mean_the_same(language: PictureLanguage) -> None:
    assert synonyms(names(language)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_name_is_one_that_hurts(language: PictureLanguage) -> None:
    words = [word for name in names(language) for word in [name, *name.replace("-", " ").split()]]
    assert hurtful(word for word in words if word not in HARMLESS_IN_TWO_WORDS) == []


HARMLESS_IN_TWO_WORDS = {"hantu", "api"}
"""Only in `burung hantu` (an owl) and `kembang api` (fireworks), which nobody takes apart."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_name_is_rare(language: PictureLanguage) -> None:
    known = frequencies(language)
    for name in names(language):
        for word in name.split():
            assert known[word] >= RARELY_WRITTEN[language] or word in UNCOUNTED[language], word


def test_names_are_plain_letters() -> None:
    """They can be typed on any keyboard."""
    for language in LANGUAGES:
        for name in names(language):
            assert name.isascii(), name
            assert name.replace("-", "").replace(" ", "").isalpha(), name
            assert name.islower(), name
    assert {word for name in names("en") for word in name.split()} <= set(english_sounds())
