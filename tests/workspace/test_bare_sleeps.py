"""Tests wait for what they mean, not for a while: `support/eventually.py` polls, and nothing else should."""

from __future__ import annotations

import ast
import json
from collections import Counter
from pathlib import Path

_TESTS = Path(__file__).parents[1]
_ALLOWED = Path(__file__).with_name("bare_sleeps.json")
"""How many are left in which file. None is added; whoever takes one away takes it away here too."""


def _sleeps(text: str) -> int:
    """How many calls of `asyncio.sleep` and `time.sleep` there are, however they are imported."""
    tree = ast.parse(text)
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in {"asyncio", "time"}
        for alias in node.names
        if alias.name == "sleep"
    }
    return sum(_is_sleep(node.func, names) for node in ast.walk(tree) if isinstance(node, ast.Call))


def _is_sleep(called: ast.expr, names: set[str]) -> bool:
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
        return called.attr == "sleep" and called.value.id in {"asyncio", "time"}
    return isinstance(called, ast.Name) and called.id in names


def test_no_test_sleeps_that_did_not_before() -> None:
    found = Counter(
        {
            path.relative_to(_TESTS).as_posix(): _sleeps(path.read_text("utf-8"))
            for path in _TESTS.rglob("*.py")
        }
    )
    del found["support/eventually.py"]
    assert {name: count for name, count in sorted(found.items()) if count} == json.loads(
        _ALLOWED.read_text("utf-8")
    )


def test_a_sleep_is_found_however_it_is_called() -> None:
    assert _sleeps("import asyncio\nasync def wait():\n    await asyncio.sleep(1)\n") == 1
    assert _sleeps("from time import sleep as nap\nnap(1)\n") == 1
    assert _sleeps("import time\ntime.monotonic()\n") == 0
