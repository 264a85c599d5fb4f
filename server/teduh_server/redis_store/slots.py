"""Which key a command is about, and so which slot of a cluster it belongs to."""

from __future__ import annotations

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from teduh_server.redis_store.commands import Argument, Command

SLOTS = REDIS_CLUSTER_HASH_SLOTS

_SCRIPTED = (b"EVALSHA", b"EVAL")
_KEYLESS = (
    b"PING",
    b"ECHO",
    b"SCRIPT",
    b"INFO",
    b"ROLE",
    b"CLUSTER",
    b"ASKING",
    b"WAIT",
    b"WAITAOF",
    b"AUTH",
)


def key_of(command: Command) -> bytes | None:
    """The first key (or the channel) of a command; None if it has none."""
    word = command[0]
    if word in _SCRIPTED:
        return _bytes(command[3]) if int(command[2]) else None
    if word in _KEYLESS or len(command) < 2:
        return None
    return _bytes(command[1])


def slot_of(key: bytes) -> int:
    """CRC16 of the key or its hash tag, as the cluster specification has it."""
    slot: int = key_slot(key)
    return slot


def _bytes(argument: Argument) -> bytes:
    return argument if isinstance(argument, bytes) else str(argument).encode()
