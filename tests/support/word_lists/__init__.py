"""What is known about words: which hurt, which mean the same, how often each is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


def hurtful(words: Iterable[str]) -> list[str]:
    """Those of these words that hurtful.txt names, by itself or by its beginning."""
    entries = [
        entry
        for line in (FOLDER / "hurtful.txt").read_text("utf-8").splitlines()
        if not line.startswith("#")
        for entry in line.split()
    ]
    exact = {entry for entry in entries if not entry.endswith("*")}
    beginnings = tuple(entry.removesuffix("*") for entry in entries if entry.endswith("*"))
    return [word for word in words if word in exact or word.startswith(beginnings)]


def synonyms(words: Iterable[str]) -> list[set[str]]:
    """Two or more of these words that stand in one line of synonyms.txt."""
    given = set(words)
    lines = (FOLDER / "synonyms.txt").read_text("utf-8").splitlines()
    found = [given.intersection(line.split()) for line in lines if not line.startswith("#")]
    return [group for group in found if len(group) > 1]


def inside_one_another(words: Iterable[str]) -> list[tuple[str, str]]:
    """Every word that has another in it, and that one."""
    given = set(words)
    return [
        (word, word[start:end])
        for word in given
        for start in range(len(word))
        for end in range(start + 1, len(word) + 1)
        if end - start < len(word) and word[start:end] in given
    ]


def everyday() -> set[str]:
    """Indonesian words that are known to everybody, though `frequencies` has not counted them."""
    lines = (FOLDER / "everyday.txt").read_text("utf-8").splitlines()
    return {word for line in lines if not line.startswith("#") for word in line.split()}


@cache
def frequencies(language: str) -> Mapping[str, float]:
    """How often each word is used, on the Zipf scale; 0.0 where the source has not counted it."""
    name = {"id": "indonesian.tsv", "en": "english.tsv"}[language]
    lines = [line.split("\t") for line in (FOLDER / name).read_text("utf-8").splitlines()]
    return {line[0]: float(line[-1]) for line in lines}
