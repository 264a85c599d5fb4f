"""The 240 pictures of return codes, each with its name in Indonesian and in English.

pictures.txt has one a line: emoji, Indonesian name, English name, with tabs between them. The web SDK
reads the same file. Its order gives each picture its number and is never changed: it would change the codes
that people remember.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

PictureLanguage = Literal["id", "en"]


class Picture(NamedTuple):
    """Something that can be pictured: one emoji of Unicode 11 or older, and what it is called."""

    emoji: str
    indonesian: str
    english: str

    def name(self, language: PictureLanguage) -> str:
        """What it is called in a language; names of two words have a space or a hyphen between them."""
        return self.indonesian if language == "id" else self.english


@cache
def pictures() -> tuple[Picture, ...]:
    """All pictures, in the order that gives each its number."""
    text = files("teduh_crypto.return_code").joinpath("pictures.txt").read_text("utf-8")
    return tuple(Picture(*line.split("\t")) for line in text.splitlines())


@cache
def numbers() -> Mapping[str, int]:
    """The number of each picture, by its emoji and by the letters of its name in each language."""
    return {
        key: number
        for number, picture in enumerate(pictures())
        for key in (picture.emoji, letters_of(picture.indonesian), letters_of(picture.english))
    }


def letters_of(text: str) -> str:
    """Lower-case letters alone: without accents, in the plain form of what a keyboard may make of them."""
    return "".join(character for character in plain(text) if character.isalpha())


def plain(text: str) -> str:
    """NFKD, lower case: one form for whatever looks alike. Accents become marks of their own."""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).lower())
