"""In which order the tests run, where all of them do, and what they need not do each time."""

from __future__ import annotations

import os
from itertools import groupby
from pathlib import Path

import pytest
from support.program_guard import pytest_runtest_protocol, pytest_unconfigure, skip_without_programs

__all__ = ["pytest_runtest_protocol", "pytest_unconfigure"]  # hooks that pytest finds here by name
_HERE = Path(__file__).parent
# Each browser is driven by a Node of its own, which would compile the same program each time.
os.environ.setdefault("NODE_COMPILE_CACHE", str(_HERE.parent / ".pytest_cache" / "node"))
_BUSY = "browser"
"""What keeps the processor busy; a page in a real browser takes a second or two of it."""
_ONCE_MORE = pytest.mark.flaky(reruns=1, only_rerun=["AssertionError", "TimeoutError"])
"""A browser on a machine that others use now and then misses a moment: it gets a second one, and the last
lines say so. Nothing else is run again."""
_WAITING = ("benchmarks", "chaos", "deploy", "end_to_end", "interop", "sdk", "server")
"""What waits for other processes, networks and clocks, and leaves the processor to others meanwhile."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is busy beside what waits, rather than one after the other; what is soon done, last.

    Tests of one file stay together, for some share a fixture.
    """
    skip_without_programs(items)
    for item in items:
        if _folder(item) == _BUSY:
            item.add_marker(_ONCE_MORE)
    busy = [item for item in items if _folder(item) == _BUSY]
    # What has to run one after the other takes longest, and so begins first.
    busy.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)
    waiting = [item for item in items if _folder(item) in _WAITING]
    rest = [item for item in items if _folder(item) not in (_BUSY, *_WAITING)]
    files = [list(of_file) for _, of_file in groupby(waiting, key=lambda item: item.path)]
    order, taken = [], 0
    for number, of_file in enumerate(files, 1):
        order += of_file
        upto = len(busy) * number // len(files)
        order += busy[taken:upto]
        taken = upto
    items[:] = [*order, *busy[taken:], *rest]


def _folder(item: pytest.Item) -> str:
    parts = item.path.relative_to(_HERE).parts if item.path.is_relative_to(_HERE) else ()
    return parts[0] if parts else ""
