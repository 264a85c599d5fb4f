"""Exports the tables of `teduh_signaling.call.transitions`: as JSON for the browser's tests, and drawn.

    python tools/call_tables.py

`tests/signaling/call/test_transitions.py` fails when this was forgotten after a change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Final, TypeVar

from teduh_signaling.call.transitions import CALL_TRANSITIONS, PEER_TRANSITIONS

ROOT: Final = Path(__file__).parents[1]
VECTOR: Final = ROOT / "tests" / "vectors" / "call_transitions.json"
DOCUMENT: Final = ROOT / "docs" / "calls.md"
StateT = TypeVar("StateT", bound=Enum)
HappeningT = TypeVar("HappeningT", bound=Enum)


def plain(table: Mapping[StateT, Mapping[HappeningT, StateT]]) -> dict[str, dict[str, str]]:
    """A table in words."""
    return {
        state.value: {happening.value: following.value for happening, following in row.items()}
        for state, row in table.items()
    }


def vector() -> str:
    """What the JSON file holds."""
    tables = {"call": plain(CALL_TRANSITIONS), "peer": plain(PEER_TRANSITIONS)}
    return json.dumps(tables, indent=2) + "\n"


def drawing(table: Mapping[StateT, Mapping[HappeningT, StateT]]) -> str:
    """A table as a mermaid state diagram; happenings that lead the same way share an arrow."""
    lines = ["```mermaid", "stateDiagram-v2"]
    first, *_ = table
    lines += [f'    state "{state.value}" as {state.name}' for state in table]
    lines.append(f"    [*] --> {first.name}")
    for state, row in table.items():
        ways: dict[StateT, list[str]] = {}
        for happening, following in row.items():
            ways.setdefault(following, []).append(happening.value)
        lines += [
            f"    {state.name} --> {following.name}: {' / '.join(words)}" for following, words in ways.items()
        ]
    return "\n".join([*lines, "```"])


def with_drawings(document: str) -> str:
    """The document, with the present drawings between their marks."""
    for name, drawn in (("call", drawing(CALL_TRANSITIONS)), ("peer", drawing(PEER_TRANSITIONS))):
        begin, end = f"<!-- drawn from the table: {name} -->", f"<!-- end of {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.S)
        assert pattern.search(document), f"{DOCUMENT.name} has no place for {name}"
        document = pattern.sub(f"{begin}\n{drawn}\n{end}", document)
    return document


def main() -> None:
    """Write both."""
    VECTOR.write_text(vector(), encoding="utf-8")
    DOCUMENT.write_text(with_drawings(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
