"""Holding a whole document against what is expected of it, so that nothing in it goes unread.

What is expected has the document's own shape. A leaf is the value itself, where another file, the settings
or the protocol says what it must be, or `Such`, a rule for a value that may change. A key that is in one of
the two alone is a fault, and so is a value that breaks its rule: an added, mistyped or forgotten line cannot
pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

Document = dict[str, Any]
UNREADABLE = (yaml.YAMLError, ValueError, TypeError, AttributeError, KeyError)
"""What a reader meets in a document that is not even of the right shape."""


@dataclass(frozen=True)
class Such:
    """A value for which `holds` is true."""

    that: str
    holds: Callable[[Any], object]

    def __contains__(self, value: object) -> bool:
        try:
            return bool(self.holds(value))
        except UNREADABLE:
            return False


def number(least: int, most: int) -> Such:
    """A whole number, written as one or as text."""
    return Such(
        f"a number of {least} to {most}",
        lambda value: (
            not isinstance(value, bool)
            and re.fullmatch(r"[1-9]\d*|0", str(value))
            and least <= int(value) <= most
        ),
    )


def seconds(least: float, most: float) -> Such:
    """A duration such as ``20s`` or ``5m``."""
    return Such(f"{least:g} to {most:g} seconds", lambda value: least <= in_seconds(value) <= most)


def in_seconds(text: str) -> float:
    """Raises ValueError for what is no duration."""
    found = re.fullmatch(r"(\d+)([sm])", text)
    if found is None:
        raise ValueError(f"{text} is no duration")
    return int(found[1]) * {"s": 1, "m": 60}[found[2]]


def size(least: int, most: int) -> Such:
    """Mebibytes, such as ``64m``, ``1g``, ``16Mi`` or ``1Gi``."""
    return Such(f"{least} to {most} MiB", lambda value: least <= _mebibytes(value) <= most)


def _mebibytes(text: str) -> int:
    found = re.fullmatch(r"(\d+)(m|mb|Mi|g|Gi)", text)
    if found is None:
        raise ValueError(f"{text} is no size")
    return int(found[1]) * {"m": 1, "g": 1024}[found[2][0].lower()]


def image(name: str) -> Such:
    """An image of that name in a named version, never `latest`. Where it is served is said nowhere, or by an
    example's name in whose place the organisation puts its own.
    """
    pattern = re.compile(rf"(registry\.example/)?{re.escape(name)}:\d+\.\d+\.\d+(-alpine)?")
    return Such(f"the image {name} in a named version", pattern.fullmatch)


def faults(found: object, expected: object, at: str = "") -> Iterator[str]:
    """Every place in which `found` is not as expected."""
    if isinstance(expected, Such):
        if found not in expected:
            yield f"{at}: {found!r} is not {expected.that}"
    elif isinstance(expected, Mapping) and isinstance(found, Mapping):
        yield from _faults_of_keys(found, expected, at)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for place, (one, other) in enumerate(zip(found, expected, strict=True)):
            yield from faults(one, other, f"{at}[{place}]")
    elif type(found) is not type(expected) or found != expected:
        yield f"{at}: {found!r} instead of {expected!r}"


def _faults_of_keys(found: Mapping[str, object], expected: Mapping[str, object], at: str) -> Iterator[str]:
    for key in expected.keys() - found.keys():
        yield f"{at}.{key} is missing"
    for key, value in found.items():
        if key in expected:
            yield from faults(value, expected[key], f"{at}.{key}")
        else:
            yield f"{at}.{key}: no rule has looked at this"


# --- reading ---


def yaml_documents(text: str) -> list[Any]:
    """Raises YAMLError, also for a key that is there twice, of which the usual reader takes the last."""
    first, *others = re.split(r"(?m)^---$", text)
    documents = list(_documents_of(first))
    for part in others:
        # Nothing between two lines is a document, too.
        documents += _documents_of(part) or [None]
    return documents


@cache
def _documents_of(text: str) -> list[Any]:
    """Of a file with one word altered, all documents but one are as they were."""
    loader = yaml.CSafeLoader(text)
    documents = []
    while loader.check_node():
        node = loader.get_node()
        _refuse_keys_that_are_there_twice(node, set())
        documents.append(loader.construct_document(node))
    return documents


def _refuse_keys_that_are_there_twice(node: yaml.Node | None, seen: set[int]) -> None:
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.YAMLError(f"a key is there twice: {sorted(keys)}")
        for _, value in node.value:
            _refuse_keys_that_are_there_twice(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_keys_that_are_there_twice(value, seen)


def written_lines(text: str) -> list[str]:
    """The lines that say something: neither empty nor a comment."""
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


# --- altering, to see that the reading is strict ---

_WORD = re.compile(r"[^\s=,:;\[\]{}()\"'|]+")
_TURNED = {"true": "false", "false": "true", "yes": "no", "no": "yes"}


def without_a_line(text: str) -> Iterator[tuple[str, str]]:
    """`text` without each of its lines in turn, and what was left out."""
    yield from _with_line(text, lambda line: [""])


def with_a_line_twice(text: str) -> Iterator[tuple[str, str]]:
    yield from _with_line(text, lambda line: [f"{line}\n{line}"])


def with_a_word_altered(text: str) -> Iterator[tuple[str, str]]:
    """Each word mistyped, each number as nothing, each truth as its contrary."""
    yield from _with_line(text, _mistyped)


def _with_line(text: str, change: Callable[[str], list[str]]) -> Iterator[tuple[str, str]]:
    lines = text.split("\n")
    for place, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        for other in change(line):
            kept = [other] if other else []
            yield (
                f"{place + 1}: {line.strip()} -> {other.strip()}",
                "\n".join([*lines[:place], *kept, *lines[place + 1 :]]),
            )


def _mistyped(line: str) -> list[str]:
    altered = []
    for word in _WORD.finditer(line):
        others = [f"{word[0]}x"]
        if word[0].isdecimal() and int(word[0]):
            others.append("0")
        others += [_TURNED[word[0]]] if word[0] in _TURNED else []
        altered += [line[: word.start()] + other + line[word.end() :] for other in others]
    return altered
