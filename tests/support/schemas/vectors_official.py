"""The published test vectors of the MLS and SFrame working groups, read in place and never copied.

They are looked for in the folder that `TEDUH_VECTORS` names, or else in `shared/vectors` beside the
repository. A machine without them skips the tests that need them, and says so. Where we have vectors of the
same format for our own cipher suite, in `tests/vectors/hybrid`, the same tests run those too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).resolve().parents[3]
HYBRID: Final = REPOSITORY / "tests" / "vectors" / "hybrid"

Json = dict[str, "JsonValue"]
JsonValue = str | int | bool | None | list["JsonValue"] | Json


def folder() -> Path:
    """Where the vectors are expected."""
    named = os.environ.get("TEDUH_VECTORS")
    return Path(named) if named else REPOSITORY.parent / "shared" / "vectors"


def load(name: str) -> list[Json]:
    """The entries of one file, such as `mls/tree-math.json`; empty when the folder is missing."""
    path = folder() / name
    if not folder().is_dir():
        return []
    entries: list[Json] = json.loads(path.read_text())
    return entries


def load_hybrid(name: str) -> list[Json]:
    """The entries of our own file of the same name and format, for suite 0xF0B2; empty if there is none."""
    path = HYBRID / Path(name).name
    if not path.is_file():
        return []
    entries: list[Json] = json.loads(path.read_text())
    return entries


def vectors(name: str) -> pytest.MarkDecorator:
    """Parametrise a test over the entries of a file, as its argument `vector`."""
    official: list[object] = list(_parameters(load(name), ""))
    if not official:
        reason = f"no official vectors in {folder()}"
        official = [pytest.param({}, marks=pytest.mark.skip(reason=reason), id="official")]
    return pytest.mark.parametrize("vector", [*official, *_parameters(load_hybrid(name), "hybrid-")])


def _parameters(entries: list[Json], origin: str) -> Iterator[object]:
    for number, entry in enumerate(entries):
        suite = entry.get("cipher_suite")
        name = f"{origin}{number}" if suite is None else f"{origin}{number}-suite{suite}"
        yield pytest.param(entry, id=name)


def text(value: JsonValue) -> str:
    """The value, which must be a string."""
    assert isinstance(value, str)
    return value


def number(value: JsonValue) -> int:
    """The value, which must be a number."""
    assert isinstance(value, int)
    return value


def data(value: JsonValue) -> bytes:
    """The bytes of a hex string."""
    return bytes.fromhex(text(value))


def items(value: JsonValue) -> list[JsonValue]:
    """The value, which must be a list."""
    assert isinstance(value, list)
    return value


def objects(value: JsonValue) -> list[Json]:
    """The value, which must be a list of objects."""
    return [record(item) for item in items(value)]


def record(value: JsonValue) -> Json:
    """The value, which must be an object."""
    assert isinstance(value, dict)
    return value
