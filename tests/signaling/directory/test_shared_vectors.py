"""Python's half of tests/vectors/directory.json, which the browser runs too."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from teduh_signaling.directory.format import InvalidDirectory, read_directory, write_directory
from teduh_signaling.directory.search import Query, search

FOLDER = Path(__file__).parents[2] / "vectors"
VECTORS: dict[str, Any] = json.loads((FOLDER / "directory.json").read_text(encoding="utf-8"))
DIRECTORY = read_directory(VECTORS["directory"].encode())


@pytest.mark.parametrize("case", VECTORS["files"], ids=lambda case: case["name"])
def test_a_file_is_a_directory_or_not(case: dict[str, Any]) -> None:
    """What is one is the same again when it is written."""
    content = case["content"].encode()
    if case["valid"]:
        directory = read_directory(content)
        assert read_directory(write_directory(directory)) == directory
        return
    with pytest.raises(InvalidDirectory):
        read_directory(content)


@pytest.mark.parametrize("case", VECTORS["searches"], ids=lambda case: f"{case['query']} {case['now']}")
def test_what_is_found(case: dict[str, Any]) -> None:
    found = search(DIRECTORY, Query(**case["query"]), case["now"])
    assert [
        [one.service.name, one.is_open, one.last_checked.isoformat() if one.last_checked else None]
        for one in found
    ] == case["found"]


def test_the_vectors_are_those_that_the_script_writes() -> None:
    """directory.json is never edited by hand."""
    spec = importlib.util.spec_from_file_location("make_directory", FOLDER / "make_directory.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (FOLDER / "directory.json").read_text(encoding="utf-8") == script.vectors()
