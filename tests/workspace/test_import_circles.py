"""No module is needed by what it needs: whoever reads one from the top never comes back to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from support.import_graph import Graph, typescript

_REPOSITORY = Path(__file__).resolve().parents[2]
_WEB = _REPOSITORY / "client_sdk" / "web"
_PACKAGES = (
    "crypto/teduh_crypto",
    "signaling/teduh_signaling",
    "server/teduh_server",
    "client_sdk/python/teduh_sdk",
)


def python(package: Path) -> Graph:
    """What each module of a package imports of it: for types only, and inside of functions, too.

    `from package import module` needs that module; what is no module is the `__init__`'s.
    """
    modules = {_name(path, package): path for path in package.rglob("*.py")}
    return {
        path: frozenset(modules[each] for each in _imported(path, modules)) - {path}
        for path in modules.values()
    }


def _name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, modules: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in modules)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports by a relative name"
            module = node.module or ""
            for each in node.names:
                found = f"{module}.{each.name}"
                if found in modules:
                    yield found
                elif module in modules:
                    yield module


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


@pytest.mark.parametrize("package", _PACKAGES)
def test_no_circle_in_python(package: str) -> None:
    graph = python(_REPOSITORY / package)
    assert sum(map(len, graph.values())) > len(graph) > 20
    assert circle(graph) == []


@pytest.mark.parametrize(
    "closing",
    [
        "from package.a import A\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from package.a import A\n",
        "def later() -> None:\n    import package.a\n",
        "from package import a\n",
    ],
    ids=["plain", "for types", "in a function", "of the package"],
)
def test_circle_in_python_is_found(closing: str, tmp_path: Path) -> None:
    package = tmp_path.resolve() / "package"
    (package / "room").mkdir(parents=True)
    texts = {
        "__init__.py": "",
        "a.py": "from package.room.b import B\n",
        "room/__init__.py": "",
        "room/b.py": "from package import c\n",
        "c.py": "import os\n",
    }
    for name, text in texts.items():
        (package / name).write_text(text)
    assert circle(python(package)) == []
    (package / "c.py").write_text(closing)
    assert sorted(set(circle(python(package)))) == ["a.py", "b.py", "c.py"]
