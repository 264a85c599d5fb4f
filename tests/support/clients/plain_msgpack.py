"""MessagePack by the `msgpack` package alone: what an implementation in any other language would use."""

from __future__ import annotations

from typing import Any

import msgpack  # type: ignore[import-untyped]  # it ships no types


def pack(value: object) -> bytes:
    """Arrays, numbers, bytes and texts as MessagePack."""
    data: bytes = msgpack.packb(value)
    return data


def unpack(data: bytes) -> Any:
    """The plain values; raises `ValueError` on bytes that are not one MessagePack value."""
    return msgpack.unpackb(data)
