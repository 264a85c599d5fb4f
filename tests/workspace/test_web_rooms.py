"""The web SDK has the rooms of the Python SDK, and each knows only those below it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from support.import_graph import Graph, typescript

_WEB: Final = Path(__file__).resolve().parents[2] / "client_sdk" / "web"
_SRC: Final = _WEB / "src"
LAYERS: Final = (
    frozenset({"index"}),
    frozenset({"staff", "survivor", "call"}),
    frozenset({"client", "device"}),
    frozenset({"conversation"}),
    frozenset({"events"}),
    frozenset({"group", "directory"}),
    frozenset({"trust"}),
    frozenset({"net"}),
    frozenset({"mls"}),
    frozenset({"credentials", "errors"}),
    frozenset({"relay", "chat"}),
    frozenset({"hazmat", "encoding", "returnCode"}),
    frozenset({"cryptoErrors", "nextTask"}),
)
"""From above: a room may use those in the lines below it, and none beside it."""


def room_of(path: Path, root: Path) -> str:
    """The folder of a module, or its own name if it lies in none."""
    return path.relative_to(root).parts[0].removesuffix(".ts")


def forbidden(graph: Graph, root: Path) -> list[str]:
    """Each import that goes up, or to a room beside."""
    level = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
    return [
        f"{path.relative_to(root)} -> {used.relative_to(root)}"
        for path, imported in graph.items()
        for used in imported
        if used.is_relative_to(root) and room_of(path, root) != room_of(used, root)
        if level[room_of(used, root)] <= level[room_of(path, root)]
    ]


def test_each_room_knows_only_those_below_it() -> None:
    graph = typescript(_SRC)
    assert {room_of(path, _SRC) for path in graph} == frozenset[str]().union(*LAYERS)
    assert forbidden(graph, _SRC) == []


@pytest.mark.parametrize(
    ("importer", "used"),
    [
        ("net", "trust/revocations"),
        ("trust", "group/room"),
        ("group", "conversation/membership"),
        ("group", "directory/directory"),
        ("conversation", "client"),
        ("device", "staff/staff"),
    ],
)
def test_an_import_upwards_is_found(importer: str, used: str, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    for module in (f"{importer}/planted.ts", f"{used}.ts"):
        (root / module).parent.mkdir(exist_ok=True)
        (root / module).write_text("export const here = 1\n")
    assert forbidden(typescript(root), root) == []
    (root / importer / "planted.ts").write_text(f'import {{ here }} from "../{used}.ts"\n')
    assert forbidden(typescript(root), root) == [f"{importer}/planted.ts -> {used}.ts"]


def test_console_has_its_rooms() -> None:
    rooms = {path.name for path in (_WEB / "apps" / "console").iterdir() if path.is_dir()}
    assert rooms == {"desk", "talk", "queue", "board", "shift", "door"}
