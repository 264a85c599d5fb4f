"""tree-math.json: index arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.schemas.vectors_official import Json, items, number, vectors
from teduh_crypto.exceptions import LocalError
from teduh_crypto.mls.tree_math import NodeIndex, left, node_width, parent, right, root, sibling


@vectors("mls/tree-math.json")
def test_widths_and_roots(vector: Json) -> None:
    n_leaves = number(vector["n_leaves"])
    assert node_width(n_leaves) == vector["n_nodes"]
    assert root(n_leaves) == vector["root"]


@pytest.mark.parametrize("relation", ["left", "right", "parent", "sibling"])
@vectors("mls/tree-math.json")
def test_relatives(vector: Json, relation: str) -> None:
    n_leaves = number(vector["n_leaves"])
    relatives: dict[str, Callable[[NodeIndex], NodeIndex]] = {
        "left": left,
        "right": right,
        "parent": lambda node: parent(node, n_leaves),
        "sibling": lambda node: sibling(node, n_leaves),
    }
    for index, expected in enumerate(items(vector[relation])):
        assert _or_none(relatives[relation], NodeIndex(index)) == expected


def _or_none(relative: Callable[[NodeIndex], NodeIndex], node: NodeIndex) -> NodeIndex | None:
    try:
        return relative(node)
    except LocalError:
        return None
