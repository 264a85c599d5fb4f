"""All that a browser has written into a folder, for `needles.find`: also what was packed on its way.

    any file                        its name, its bytes
    SQLite                          each row of each table, with what is in its write-ahead log
    SQLite below `storage/`         and what Snappy unpacks of each value (what sites store in Firefox)
    "mozLz40"                       what LZ4 unpacks (Firefox's session)
    gzip, wherever it begins        what it unpacks (answers in caches)
    "content-encoding: br"          what Brotli unpacks (the same; in Firefox's cache, `cache2/entries/`)

A browser may be writing meanwhile. Not read: LevelDB's Snappy blocks, and Brotli in caches of Chromium and
WebKit.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import brotli

from support.browsers.packed_blocks import MOZ_LZ4, NotPacked, moz_lz4, snappy_block

SQLITE: Final = b"SQLite format 3\0"
"""How a database begins."""
_GZIP: Final = re.compile(rb"\x1f\x8b\x08")
_BROTLI: Final = re.compile(rb"content-encoding:? ?br\b|content-encoding\0br\0", re.IGNORECASE)
_ATTEMPTS: Final = 20

Place = tuple[str, bytes]
"""Where something was written, and what."""


def written(folder: Path, files: str = "*") -> Iterator[Place]:
    """Everything in a folder and below it, or only the files that this glob fits."""
    for path in sorted(folder.rglob(files)):
        place = path.relative_to(folder).as_posix()
        yield f"{place} (its name)", place.encode()
        try:
            data = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:
            continue
        yield place, data
        if data.startswith(SQLITE):
            yield from _rows(path, place)
        else:
            yield from _unpacked(place, data)


def _rows(path: Path, place: str) -> Iterator[Place]:
    unpacks = "storage/" in place
    for table, values in rows(path):
        content = b"\0".join(_as_bytes(value) for value in values)
        yield f"{place} {table}", content
        for value in values if unpacks else ():
            with suppress(NotPacked):
                yield f"{place} {table} (Snappy)", snappy_block(_as_bytes(value))


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def rows(path: Path) -> list[tuple[str, tuple[object, ...]]]:
    """The table and the values of each row of a database that may be in use; texts are bytes.

    Raises sqlite3.DatabaseError where it cannot be read at all.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return _rows_of_copy(path)
        except (sqlite3.DatabaseError, FileNotFoundError):
            # It was written to, or taken away, between the copy of one file and that of the other.
            if attempt == _ATTEMPTS - 1 and path.exists():
                raise
    return []


def _rows_of_copy(path: Path) -> list[tuple[str, tuple[object, ...]]]:
    # Its browser may have locked it.
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, path.name)
        shutil.copyfile(path, copy)
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path}-wal", f"{copy}-wal")
        with closing(sqlite3.connect(copy)) as database:
            database.text_factory = bytes
            # A virtual table, whose module may be the browser's own, keeps its content in other tables.
            names = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")
            tables = [name.decode() for (name,) in names]
            return [(table, row) for table in tables for row in database.execute(f'SELECT * FROM "{table}"')]


def _unpacked(place: str, data: bytes) -> Iterator[Place]:
    if data.startswith(MOZ_LZ4):
        with suppress(NotPacked):
            yield f"{place} (LZ4)", moz_lz4(data)
    for found in _GZIP.finditer(data):
        with suppress(zlib.error):
            yield (
                f"{place} (gzip)",
                zlib.decompressobj(wbits=16 + zlib.MAX_WBITS).decompress(data[found.start() :]),
            )
    if "cache2/entries/" in f"/{place}" and _BROTLI.search(data):
        # The body comes first; how long it is stands in the last four bytes.
        with suppress(brotli.error):
            yield f"{place} (Brotli)", brotli.decompress(data[: int.from_bytes(data[-4:], "big")])
