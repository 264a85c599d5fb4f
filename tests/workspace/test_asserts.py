"""`python -O` removes every `assert`: in what is shipped they only narrow types, and guard nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_SHIPPED = ("server", "crypto", "signaling", "client_sdk/python")


def _narrows(test: ast.expr) -> bool:
    """Whether a test only tells which type a value has: `isinstance(…)`, `… is None`, their like."""
    match test:
        case ast.BoolOp(values=parts):
            return all(_narrows(part) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return _narrows(inner)
        case ast.Call(func=ast.Name(id="isinstance")):
            return True
        case ast.Compare(ops=[ast.Is() | ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return True
    return False


def guarding(source: str) -> Iterator[int]:
    """The lines of the asserts that do more than that."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert) and not _narrows(node.test):
            yield node.lineno


def test_no_assert_guards_anything_that_is_shipped() -> None:
    found = [
        f"{path.relative_to(_ROOT)}:{line}"
        for folder in _SHIPPED
        for path in (_ROOT / folder).rglob("*.py")
        for line in guarding(path.read_text())
    ]
    assert not found


@pytest.mark.parametrize("test", ["a == b", "store.lock is lock", "a", "valid(a)", "a is not None and a > 1"])
def test_check_finds_an_assert_that_guards(test: str) -> None:
    assert list(guarding(f"x = 1\nassert {test}\n")) == [2]
