"""All fuzz targets by name; each takes arbitrary bytes and raises only when the code under test is wrong.

A module of this folder whose name ends in `_targets` adds its `TARGETS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

Target = Callable[[bytes], None]


def _collected() -> dict[str, Target]:
    targets: dict[str, Target] = {}
    for path in sorted(Path(__file__).parent.glob("*_targets.py")):
        added: dict[str, Target] = importlib.import_module(f"fuzz.{path.stem}").TARGETS
        assert not targets.keys() & added.keys(), "two targets have one name, and would share a corpus"
        targets |= added
    return targets


TARGETS: Final = _collected()
