"""How far two words are apart to the ear: an edit distance over phonemes, not letters.

    "bandul" -> b a n d u l          "pantul" -> p a n t u l         distance 0.6
    "roti"   -> r o t i              "rute"   -> r u t e             distance 0.8

One phoneme replaced by a quite different one costs 1, by one that is heard as it over a bad line less: its
voiced or unvoiced sister, another nasal, a neighbouring vowel. A faint phoneme (h, a schwa, a glide) costs
less to lose.

Indonesian is spelled as it sounds, so `indonesian_phonemes` reads letters; English is not, so its phonemes
are given, in ARPAbet (`word_lists/english.tsv`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Final

ALIKE: Final = 1.0
"""Words at this distance or nearer are alike to the ear: more than one phoneme must stand between two."""

WORD_LISTS: Final = Path(__file__).parent / "word_lists"

_DIGRAPHS: Final = {"ng": "N", "ny": "Y", "sy": "S", "kh": "x", "ph": "f", "th": "t"}
_LETTERS: Final = {"c": "C", "j": "J", "y": "y", "v": "f", "q": "k", "x": "ks"}
_UNVOICED: Final = {"b": "p", "d": "t", "g": "k"}


@cache
def indonesian_phonemes(word: str) -> tuple[str, ...]:
    """Phonemes of an Indonesian word: ng, ny, sy, kh are one each; v is f; final b, d, g are unvoiced."""
    phonemes: list[str] = []
    place = 0
    letters = "".join(letter for letter in word if letter.isalpha())
    while place < len(letters):
        pair = letters[place : place + 2]
        if pair in _DIGRAPHS:
            phonemes.append(_DIGRAPHS[pair])
            place += 2
            continue
        phonemes += "N" if pair == "nk" else _LETTERS.get(letters[place], letters[place])
        place += 1
    if phonemes:
        phonemes[-1] = _UNVOICED.get(phonemes[-1], phonemes[-1])
    once = phonemes[:1] + [new for old, new in pairwise(phonemes) if old != new]
    return tuple(once)


_NEAR_INDONESIAN: Final = {
    **dict.fromkeys(("pb", "td", "kg", "CJ", "sz", "kx", "Ss", "xh"), 0.3),
    **dict.fromkeys(("mn", "nN", "nY", "NY", "mN", "lr", "fp", "fb", "bw", "fw"), 0.4),
    **dict.fromkeys(("ei", "ou", "ea", "CS", "Cs", "Jz", "yi", "wu", "hk"), 0.4),
    **dict.fromkeys(("ao", "au", "ai", "eu", "eo", "iu", "io"), 0.7),
    **dict.fromkeys(
        ("pt", "tk", "pk", "bd", "dg", "bg", "fs", "Ct", "Jd", "rd", "ld", "ln", "sx", "tC"), 0.7
    ),
}
_FAINT_INDONESIAN: Final = {"h": 0.4, "e": 0.7, "y": 0.6, "w": 0.6, "k": 0.8}

_NEAR_ENGLISH: Final = {
    **dict.fromkeys(
        ("P B", "T D", "K G", "CH JH", "S Z", "SH ZH", "F V", "TH DH", "TH F", "V B", "DH D", "SH S", "Z ZH"),
        0.3,
    ),
    **dict.fromkeys(("M N", "N NG", "L R", "W R", "CH SH", "JH ZH", "T TH", "DH V", "W V", "JH Z"), 0.4),
    **dict.fromkeys(
        (
            "IH IY",
            "IH EH",
            "EH AE",
            "EH EY",
            "AE AH",
            "AH AA",
            "AA AO",
            "AO OW",
            "UH UW",
            "UH AH",
            "AH IH",
            "AH EH",
        ),
        0.4,
    ),
    **dict.fromkeys(
        ("AO AH", "AH ER", "AY AE", "OY AO", "OY OW", "AW AA", "AW OW", "UW OW", "AY AA", "IY EY"), 0.4
    ),
    **dict.fromkeys(
        ("P T", "T K", "P K", "B D", "D G", "B G", "F S", "TH S", "M NG", "T CH", "D JH", "L W", "HH F"), 0.7
    ),
}
_FAINT_ENGLISH: Final = {"HH": 0.4, "AH": 0.7, "IH": 0.7, "Y": 0.6, "W": 0.6, "ER": 0.8}
_ENGLISH_VOWELS: Final = frozenset(
    ["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"]
)


def alike(words: Iterable[str], language: str) -> list[tuple[str, str]]:
    """Every two of these words that are alike to the ear."""
    spoken = [(word, spoken, frozenset(spoken)) for word in words for spoken in (phonemes(word, language),)]
    distance = _BETWEEN[language]
    return [
        (one, other)
        for (one, left, lefts), (other, right, rights) in combinations(spoken, 2)
        # A phoneme that the other word has not costs 0.3 at least, so that four of them are too many.
        if len(lefts - rights) <= 3 and len(rights - lefts) <= 3 and distance(left, right) <= ALIKE
    ]


def phonemes(word: str, language: str) -> tuple[str, ...]:
    """Those of a word, or of a name of several; raises KeyError for English whose sounds are not listed."""
    if language == "id":
        return indonesian_phonemes(word)
    return tuple(sound for part in word.split() for sound in english_sounds()[part])


@cache
def english_sounds() -> Mapping[str, tuple[str, ...]]:
    """The phonemes of English words, in ARPAbet without stress."""
    lines = (WORD_LISTS / "english.tsv").read_text("utf-8").splitlines()
    return {word: tuple(sounds.split()) for word, sounds, _ in (line.split("\t") for line in lines)}


def indonesian_distance(one: Sequence[str], other: Sequence[str]) -> float:
    """Between the phonemes of two Indonesian words; of words that are not alike, something above `ALIKE`."""
    return _distance(one, other, _indonesian_cost, _FAINT_INDONESIAN)


def english_distance(one: Sequence[str], other: Sequence[str]) -> float:
    """Between the phonemes of two English words; of words that are not alike, something above `ALIKE`."""
    return _distance(one, other, _english_cost, _FAINT_ENGLISH)


@cache
def _indonesian_cost(one: str, other: str) -> float:
    if one == other:
        return 0.0
    return _NEAR_INDONESIAN.get(one + other) or _NEAR_INDONESIAN.get(other + one) or 1.0


@cache
def _english_cost(one: str, other: str) -> float:
    if one == other:
        return 0.0
    near = _NEAR_ENGLISH.get(f"{one} {other}") or _NEAR_ENGLISH.get(f"{other} {one}")
    if near:
        return near
    return 0.7 if one in _ENGLISH_VOWELS and other in _ENGLISH_VOWELS else 1.0


def _distance(
    one: Sequence[str], other: Sequence[str], cost: Callable[[str, str], float], faint: Mapping[str, float]
) -> float:
    row = [0.0]
    for phoneme in other:
        row.append(row[-1] + faint.get(phoneme, 1.0))
    for phoneme in one:
        lost = faint.get(phoneme, 1.0)
        above, row = row, [row[0] + lost]
        for place, there in enumerate(other):
            row.append(
                min(
                    above[place] + cost(phoneme, there),
                    above[place + 1] + lost,
                    row[-1] + faint.get(there, 1.0),
                )
            )
        if min(row) > ALIKE:
            break
    return round(max(row[-1], min(row)), 6)


_BETWEEN: Final = {"id": indonesian_distance, "en": english_distance}
