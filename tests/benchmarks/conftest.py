"""The benchmarks' modules, for tests of what they conclude from figures."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

_BENCHMARKS = str(Path(__file__).resolve().parents[2] / "benchmarks")


@pytest.fixture(scope="session")
def benchmark() -> Callable[[str], ModuleType]:
    """Imports a module as the benchmarks do, from their own folder."""

    def load(name: str) -> ModuleType:
        sys.path.insert(0, _BENCHMARKS)
        try:
            return importlib.import_module(name)
        finally:
            sys.path.remove(_BENCHMARKS)

    return load
