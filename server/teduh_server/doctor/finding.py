"""One thing that a check found out, in words for whoever runs the server."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    GOOD = "good"
    WARNING = "warning"
    """It may be meant; somebody should know."""
    PROBLEM = "problem"
    """Something does not work, or a promise is not kept."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` is one or two words, `says` a sentence."""

    level: Level
    about: str
    says: str


def good(about: str, says: str) -> Finding:
    """All is well."""
    return Finding(Level.GOOD, about, says)


def warning(about: str, says: str) -> Finding:
    """Somebody should know."""
    return Finding(Level.WARNING, about, says)


def problem(about: str, says: str) -> Finding:
    """It has to be mended."""
    return Finding(Level.PROBLEM, about, says)
