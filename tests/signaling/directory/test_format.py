"""A directory has bounds, and what breaks them is told, not suffered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from teduh_signaling.directory.format import (
    MAX_BYTES,
    MAX_SERVICES,
    Directory,
    InvalidDirectory,
    read_directory,
    write_directory,
)

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "directory.json").read_text(encoding="utf-8")
)
SERVICE: dict[str, Any] = json.loads(VECTORS["directory"])["services"][1]


def directory_of(count: int) -> bytes:
    services = [{**SERVICE, "id": f"00000000-0000-4000-8000-{number:012x}"} for number in range(count)]
    return json.dumps({"hsds_version": "3.1", "services": services}, separators=(",", ":")).encode()


def test_it_says_where_something_is_wrong() -> None:
    wrong = directory_of(3).replace(b'"name":"b"', b'"name":""', 1)
    with pytest.raises(InvalidDirectory, match=r"\$\.services\[0\]\.name"):
        read_directory(wrong)


def test_10_000_services_are_refused() -> None:
    with pytest.raises(InvalidDirectory, match="bytes"):
        read_directory(directory_of(10_000))


def test_more_services_than_may_be_are_refused_though_their_bytes_are_few() -> None:
    # Not all are decoded first: the type says how many there may be.
    few = b'{"hsds_version":"3.1","services":[' + b",".join([b"0"] * (MAX_SERVICES + 1)) + b"]}"
    assert len(few) < MAX_BYTES
    with pytest.raises(InvalidDirectory):
        read_directory(few)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(InvalidDirectory):
        read_directory(b'{"hsds_version":"3.1","services":' + b"[" * 100_000)


def test_each_service_has_a_line_of_its_own() -> None:
    directory: Directory = read_directory(directory_of(3))
    assert len(write_directory(directory).splitlines()) == 3 + 2
