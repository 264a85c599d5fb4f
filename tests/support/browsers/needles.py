"""Looks for words where they must not be: in any of the forms in which software writes words down."""

from __future__ import annotations

import base64
import json
import os
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path

import redis


def forms(word: str | bytes) -> dict[str, bytes]:
    """The byte strings, by the name of the form, of which one occurs wherever `word` was written."""
    plain = word.encode() if isinstance(word, str) else word
    found = {
        "bytes": plain,
        "hex": plain.hex().encode(),
        "HEX": plain.hex().upper().encode(),
        "reversed": plain[::-1],
        **(_text_forms(word) if isinstance(word, str) else {}),
    }
    # In base64, a word looks in one of three ways, by where in a group of three bytes it begins; the
    # characters at its edges also hold bits of its neighbours, so they are left out.
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + plain)
        inner = encoded[(0, 2, 3)[offset] : (len(encoded.rstrip(b"=")) // 4) * 4 - 4 or None]
        found[f"base64 at {offset}"] = inner
        found[f"base64url at {offset}"] = inner.translate(bytes.maketrans(b"+/", b"-_"))
    return found


def _text_forms(word: str) -> dict[str, bytes]:
    return {
        "UTF-16 LE": word.encode("utf-16-le"),
        "UTF-16 BE": word.encode("utf-16-be"),
        "JSON": json.dumps(word)[1:-1].encode(),
        "escaped": "".join(f"\\u{ord(character):04x}" for character in word).encode(),
        "percent": urllib.parse.quote(word).encode(),
    }


def find(words: Iterable[str | bytes], places: Iterable[tuple[str, bytes]]) -> list[str]:
    """Each place in which a word was found, and in which form."""
    wanted: dict[bytes, tuple[str | bytes, str]] = {}
    for word in words:
        for form, pattern in forms(word).items():
            # A word of plain letters is the same in several forms.
            wanted.setdefault(pattern, (word, form))
    return [
        f"{word!r} in {place} as {form}"
        for place, data in places
        for pattern, (word, form) in wanted.items()
        if pattern in data
    ]


def in_store(store: redis.Redis) -> Iterator[tuple[str, bytes]]:
    """Every key of a Valkey: its name, and all that it holds."""
    for key in store.scan_iter(count=1000):
        yield f"the name of {key!r}", key
        yield f"the value of {key!r}", _value(store, key)


def _value(store: redis.Redis, key: bytes) -> bytes:
    commands: dict[bytes, tuple[str | bytes | int, ...]] = {
        b"string": ("GET", key),
        b"hash": ("HGETALL", key),
        b"list": ("LRANGE", key, 0, -1),
        b"set": ("SMEMBERS", key),
        b"zset": ("ZRANGE", key, 0, -1),
        b"stream": ("XRANGE", key, "-", "+"),
    }
    kind: bytes = store.execute_command("TYPE", key)  # type: ignore[no-untyped-call]  # its stub
    return _flat(store.execute_command(*commands[kind]))  # type: ignore[no-untyped-call]  # its stub


def _flat(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return b"\0".join(_flat(part) for item in value.items() for part in item)
    if isinstance(value, list | tuple | set):
        return b"\0".join(_flat(part) for part in value)
    return str(value).encode()


def in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file in a folder and below it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


def in_open_files(pid: int) -> Iterator[tuple[str, bytes]]:
    """Every regular file that a process holds open, deleted ones among them."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        if descriptor.is_file():
            yield f"open file {os.readlink(descriptor)}", descriptor.read_bytes()
