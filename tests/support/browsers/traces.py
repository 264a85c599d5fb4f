"""Where in a browser's files the relay's name stands, what follows it, and whether docs/pages.md says so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from support.browsers.needles import find
from support.browsers.written_down import SQLITE, written

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "pages.md"
_PATH: Final = re.compile(rb"(?::\d+)?(/[\w./%-]*)?")
_BESIDE: Final = re.compile(r"-(wal|shm|journal)$")
"""What SQLite keeps beside a database."""
_HIT: Final = re.compile(r" in (.*?)(?: \([^)]*\))? as [^/]*$")


def files_with(name: str, folder: Path) -> set[str]:
    """The files that have this host's name in them, or in their own."""
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    return {_BESIDE.sub("", _file(hit, files)) for hit in find([name], written(folder))}


def _file(hit: str, files: Iterable[str]) -> str:
    """Of what `needles.find` says, the file: the longest of those with which the place begins."""
    found = _HIT.search(hit)
    assert found is not None, hit
    return max((file for file in files if found[1].startswith(file)), key=len, default=found[1])


def paths_after(name: str, folder: Path) -> set[str]:
    """The paths that stand behind this host's name, wherever it is written out.

    In a database the rows are looked at, for in its pages one value follows upon the other.
    """
    host = name.encode()
    return {
        (found[1] or b"/").decode()
        for place, data in written(folder)
        if not data.startswith(SQLITE) and not _BESIDE.search(place)
        for at in re.finditer(re.escape(host), data)
        if (found := _PATH.match(data, at.end())) is not None
    }


def beyond(kept: Iterable[str], files: Iterable[str]) -> set[str]:
    """Those of these files that are none of `kept`, nor in a folder of those."""
    allowed = set(kept)
    return {
        file
        for file in files
        if not allowed & {file, *(parent.as_posix() for parent in PurePosixPath(file).parents)}
    }


def told(files: Iterable[str]) -> set[str]:
    """Those of these files, or folders, that docs/pages.md names by their last names."""
    text = DOCUMENT.read_text("utf-8")
    return {file for file in files if f"`{PurePosixPath(file).name}`" in text}
