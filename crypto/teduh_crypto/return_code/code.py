"""Draws return codes, spells them, and reads what somebody typed or tapped.

    "Gajah, kupu kupu 🌙 …"
        └─ plain: NFKD, lower case      "gajah, kupu kupu 🌙 …"
             └─ words and emoji         gajah | kupu | kupu | 🌙 | …
                  └─ pictures           12 | 44 | 107 | …    two words side by side may be one name

A code is 8 x log2(240) = 63.3 bits. Any eight pictures are a code: there is no checksum, so that what was
typed tells nobody whether it is one that exists. docs/decisions/072-return-codes-are-pictures.md says why
eight of 240.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from teduh_crypto.exceptions import LocalError
from teduh_crypto.return_code.pictures import PictureLanguage, letters_of, numbers, pictures, plain

RETURN_CODE_LENGTH: Final = 8
MAX_TEXT_LENGTH: Final = 1000
"""Characters of text that are read as a code; a code with its spaces has about 60."""
_MOST_OFFERED: Final = 3
_SHORTEST_BEGINNING: Final = 3
_JOINER: Final = "\N{ZERO WIDTH JOINER}"


@dataclass(frozen=True)
class UnknownName:
    """A word that names no picture: its place in the code (0 is the first), and the names nearest to it."""

    place: int
    nearest: tuple[str, ...]


class InvalidReturnCode(LocalError):
    """The text is no return code: words that name no picture, or not eight of them.

    `unknown` says which words, and is empty where only the number of pictures, `found`, is wrong. The text
    itself is not in the message: it may be nearly somebody's code.
    """

    def __init__(self, found: int, unknown: Sequence[UnknownName] = ()) -> None:
        super().__init__(f"{len(unknown)} unknown words" if unknown else f"{found} words instead of 8")
        self.found = found
        self.unknown = tuple(unknown)


def draw_return_code() -> bytes:
    """A new code: eight numbers of pictures, from the system's random numbers."""
    return bytes(secrets.randbelow(len(pictures())) for _ in range(RETURN_CODE_LENGTH))


def spell_return_code(code: bytes, language: PictureLanguage) -> tuple[str, ...]:
    """The names of a code's pictures in a language; raises ValueError for bytes that are no code."""
    if len(code) != RETURN_CODE_LENGTH or max(code) >= len(pictures()):
        raise ValueError("not a return code")
    return tuple(pictures()[number].name(language) for number in code)


def read_return_code(text: str) -> bytes:
    """The code that somebody typed or tapped: names in either language, or emoji, in any mixture.

    Case, accents, spaces, commas, hyphens and line breaks do not matter. Raises `InvalidReturnCode`.
    """
    if len(text) > MAX_TEXT_LENGTH:
        raise InvalidReturnCode(0)
    tokens = _tokens(text)
    code: list[int] = []
    unknown: list[UnknownName] = []
    at = 0
    while at < len(tokens):
        pair = numbers().get("".join(tokens[at : at + 2])) if at + 1 < len(tokens) else None
        number = pair if pair is not None else numbers().get(tokens[at])
        if number is None:
            unknown.append(UnknownName(len(code), nearest_names(tokens[at])))
        code.append(-1 if number is None else number)
        at += 1 if pair is None else 2
    if unknown or len(code) != RETURN_CODE_LENGTH:
        raise InvalidReturnCode(len(code), unknown)
    return bytes(code)


def nearest_names(word: str) -> tuple[str, ...]:
    """At most three names that the word may have been meant for, the nearest first; none if all are far.

    A name is near by one wrong, missing, added or swapped letter for each three of the word, or when the
    word is its beginning.
    """
    letters = letters_of(word)
    found: list[tuple[int, int, str]] = []
    for number, picture in enumerate(pictures()):
        for name in dict.fromkeys((picture.indonesian, picture.english)):
            away = edits(letters, letters_of(name))
            if len(letters) >= _SHORTEST_BEGINNING and letters_of(name).startswith(letters):
                away = min(away, 1)
            if away <= max(1, len(letters) // 3):
                found.append((away, number, name))
    return tuple(name for _, _, name in sorted(found, key=lambda each: each[:2])[:_MOST_OFFERED])


def _tokens(text: str) -> list[str]:
    """Words and emoji. Marks (accents, the choice of a colourful picture) belong to nothing, and what is
    joined to an emoji (the sex of a surfer) is part of it.
    """
    tokens, word, joined = [], "", False
    for character in plain(text):
        category = unicodedata.category(character)
        if category.startswith("L"):
            word += character
        elif not category.startswith("M"):
            if word:
                tokens.append(word)
            word = ""
            if category == "So" and not joined:
                tokens.append(character)
            joined = character == _JOINER
    return [*tokens, word] if word else tokens


def edits(one: str, other: str) -> int:
    """Letters that are wrong, missing, added or swapped with their neighbour (optimal string alignment)."""
    above: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one):
        before, above, row = above, row, [place + 1]
        for at, there in enumerate(other):
            least = min(above[at] + (letter != there), above[at + 1] + 1, row[at] + 1)
            if place and at and letter == other[at - 1] and one[place - 1] == there:
                least = min(least, before[at - 1] + 1)
            row.append(least)
    return row[-1]
