"""Which module of a program in TypeScript imports which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_IMPORT = re.compile(r"""^\s*(?:import|export)\b[^"';]*?["'](\.[^"']+)["']""", re.MULTILINE)
"""Of a type, too: what is only loaded later, by `import(…)`, is not meant."""

Graph = Mapping[Path, frozenset[Path]]


def typescript(folder: Path) -> Graph:
    """What each module imports, tests left out."""
    modules = [path for path in folder.rglob("*.ts*") if ".test." not in path.name]
    return {
        path: frozenset((path.parent / name).resolve() for name in _IMPORT.findall(path.read_text()))
        for path in modules
    }
