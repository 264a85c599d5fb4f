"""What looks through a browser's files finds a word in each form that it says it reads."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import brotli
import pytest
from support.browsers.needles import find
from support.browsers.packed_blocks import MOZ_LZ4, NotPacked, lz4_block, moz_lz4, snappy_block
from support.browsers.written_down import written

WORD = "abcdefgh"
HALVES = b"efgh abcd "
"""In which both halves of the word stand, and not the word."""
# "as they are: 10 bytes", then 4 bytes from 5 back, then 4 bytes from 14 back; LZ4 ends with a literal.
LZ4 = b"\xa0" + HALVES + b"\x05\x00" + b"\x00\x0e\x00" + b"\x10!"
SNAPPY = b"\x12" + b"\x24" + HALVES + b"\x01\x05" + b"\x01\x0e"
TEXT = HALVES + WORD.encode()


def test_lz4_is_unpacked() -> None:
    assert lz4_block(LZ4, 19) == TEXT + b"!"
    # 4 + 15 + 255 + 3 bytes of which only the first two are written.
    assert lz4_block(b"\x2fab\x02\x00\xff\x03" + b"\x00", 279) == (b"ab" * 140)[:279]


def test_snappy_is_unpacked() -> None:
    assert snappy_block(SNAPPY) == TEXT
    assert snappy_block(b"\x04\xf0\x03abcd") == b"abcd"
    assert snappy_block(b"\x08\x04ab\x16\x02\x00") == b"abababab"
    assert snappy_block(b"\x08\x04ab\x17\x02\x00\x00\x00") == b"abababab"


@pytest.mark.parametrize(
    "block", [b"", b"\x08", b"\x08\x04ab", b"\x08\x01\x05abcd", b"\xff\xff\xff\xff\xff\xff", b"\x04\x0cabc"]
)
def test_what_is_no_block_is_told(block: bytes) -> None:
    with pytest.raises(NotPacked):
        snappy_block(block)
    with pytest.raises(NotPacked):
        moz_lz4(MOZ_LZ4 + b"\x08\x00\x00\x00" + block)


def cache2(body: bytes) -> bytes:
    """An entry of Firefox's cache."""
    return body + b"response-head\0content-encoding: br\r\n\0" + len(body).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("recovery.jsonlz4 (LZ4)", MOZ_LZ4 + (19).to_bytes(4, "little") + LZ4),
        ("any (gzip)", b"head" + gzip.compress(TEXT, mtime=0) + b"tail"),
        ("cache2/entries/ABC (Brotli)", cache2(brotli.compress(TEXT))),
    ],
    ids=["lz4", "gzip", "brotli"],
)
def test_a_packed_word_is_found(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name.rpartition(" ")[0]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    assert find([WORD], written(tmp_path)) == [f"{WORD!r} in {name} as bytes"]


@pytest.mark.parametrize("write", [bytes, lambda text: text.decode()], ids=["blob", "text"])
def test_a_word_in_a_database_is_found_while_that_is_in_use(
    tmp_path: Path, write: Callable[[bytes], object]
) -> None:
    """Locked, with the row in the write-ahead log, which a checkpoint has not moved yet."""
    with closing(sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None)) as database:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE kept (number INTEGER, value)")
        database.execute("INSERT INTO kept VALUES (1, ?)", (write(TEXT),))
        assert f"{WORD!r} in a.sqlite kept as bytes" in find([WORD], written(tmp_path))


def test_a_value_of_a_page_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    with closing(sqlite3.connect(tmp_path / "storage" / "data.sqlite")) as database, database:
        database.execute("CREATE TABLE data (value BLOB)")
        database.execute("INSERT INTO data VALUES (?)", (SNAPPY,))
    assert find([WORD], written(tmp_path)) == [f"{WORD!r} in storage/data.sqlite data (Snappy) as bytes"]


def test_a_name_of_a_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / f"http+++{WORD}").mkdir()
    assert find([WORD], written(tmp_path)) == [f"{WORD!r} in http+++{WORD} (its name) as bytes"]
