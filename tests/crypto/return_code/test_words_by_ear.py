"""The ear that the word lists are tested by hears what people mix up, and nothing else."""

from __future__ import annotations

import pytest
from support.words_by_ear import alike, indonesian_phonemes


@pytest.mark.parametrize(
    "pair",
    [
        *(("bandul", "pantul"), ("bubuk", "pupuk"), ("roti", "rute"), ("peta", "pita"), ("kopi", "topi")),
        *(
            ("sabtu", "saptu"),
            ("rumput", "rumpud"),
            ("syarat", "sarat"),
            ("bang", "bank"),
            ("fajar", "pajar"),
        ),
        *(("halus", "alus"), ("lampu", "rampu"), ("kuda", "kota"), ("vas", "fas")),
    ],
    ids="/".join,
)
def test_indonesian_words_that_sound_alike_are_found(pair: tuple[str, str]) -> None:
    assert alike(pair, "id") == [pair]


@pytest.mark.parametrize(
    "pair",
    [("bear", "pear"), ("ship", "sheep"), ("cat", "hat"), ("cave", "wave")],
    ids="/".join,
)
def test_english_words_that_sound_alike_are_found(pair: tuple[str, str]) -> None:
    assert alike(pair, "en") == [pair]


@pytest.mark.parametrize(
    ("language", "pair"),
    [
        ("id", ("gajah", "kuda")),
        ("id", ("nyamuk", "jamur")),
        ("en", ("bear", "boat")),
        ("en", ("cat", "wave")),
    ],
)
def test_words_that_sound_otherwise_are_not(language: str, pair: tuple[str, str]) -> None:
    assert alike(pair, language) == []


def test_two_letters_may_be_one_phoneme() -> None:
    assert indonesian_phonemes("nyaring") == ("Y", "a", "r", "i", "N")
    assert indonesian_phonemes("khusus") == ("x", "u", "s", "u", "s")
    assert indonesian_phonemes("abad") == ("a", "b", "a", "t")
