"""What the store answers, held to be of the type that is expected: anything else is a fault of ours."""

from __future__ import annotations

from teduh_server.redis_store.commands import Reply


def as_list(reply: Reply) -> list[Reply]:
    if not isinstance(reply, list):
        raise TypeError("the store answered with something else than a list")
    return reply


def as_int(reply: Reply) -> int:
    if not isinstance(reply, int):
        raise TypeError("the store answered with something else than a number")
    return reply


def as_bytes(reply: Reply) -> bytes:
    if not isinstance(reply, bytes):
        raise TypeError("the store answered with something else than a string")
    return reply
