"""No module is needed by what it needs: whoever reads one from the top never comes back to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

_WEB = Path(__file__).parents[2] / "client_sdk" / "web"
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


def circle(graph: Graph) -> list[str]:
    """The names of the modules of one circle; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [Path(path).name for path in error.args[1]]
    return []


@pytest.mark.parametrize("folder", ["src", "apps"])
def test_no_circle_in_typescript(folder: str) -> None:
    graph = typescript((_WEB / folder).resolve())
    assert sum(map(len, graph.values())) > len(graph) > 20
    assert circle(graph) == []


def test_circle_is_found(tmp_path: Path) -> None:
    for name, text in {
        "a.ts": 'import { b } from "./b.tsx"\n',
        "b.tsx": 'import {\n  c,\n  d,\n} from "./c.ts"\n',
        "c.ts": 'export type { A } from "./a.ts"\nconst later = import("./b.tsx")\n',
    }.items():
        (tmp_path / name).write_text(text)
    assert sorted(set(circle(typescript(tmp_path.resolve())))) == ["a.ts", "b.tsx", "c.ts"]
    (tmp_path / "c.ts").write_text('const later = import("./b.tsx")\n')
    assert circle(typescript(tmp_path.resolve())) == []
