"""What outlives what, and how the relay makes sure of it before it believes an answer of the store.

    memory      the store's process: nothing that was accepted is promised to outlive it
    aof         accepted is written to the store's append-only file, and synced: neither a killed process nor
                a power failure loses it. `always` is its other name, from when `aof` did not sync at once
    replicated  accepted is held by so many replicas besides: the loss of the master loses nothing

`aof` is a server's own `appendfsync always`: it writes and syncs before it sends an answer, and ends itself
rather than send one that it could not (`flushAppendOnlyFile`). With its other settings it sends the answers
of an event loop all the same, and refuses only what comes afterwards. So a server that is set otherwise is
not used: its settings are looked at with each connection, and every second. WAITAOF behind each batch would
not do: with `everysec`, Valkey 8.1 and Redis 7.4 say that what was just written is synced, before it is
(Redis pull request 13793).

`replicated` is sealed: each batch of commands ends with WAIT, and no answer to it is believed before that
says so. See `sealed_wire`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from teduh_server.redis_store.commands import Command, Reply
from teduh_server.redis_store.exceptions import StoreNotDurable, StoreRefused, StoreUnavailable
from teduh_server.redis_store.wire import Wire

SEAL_MILLISECONDS = 1000
"""How long the replicas may take, or the disk for the first write of a connection."""

SETTINGS_QUESTION: Command = (b"CONFIG", b"GET", b"appendonly", b"appendfsync", b"no-appendfsync-on-rewrite")
_WANTED = {b"appendonly": b"yes", b"appendfsync": b"always", b"no-appendfsync-on-rewrite": b"no"}


class Durability(StrEnum):
    """What outlives what; see the module's docstring."""

    MEMORY = "memory"
    AOF = "aof"
    REPLICATED = "replicated"

    @classmethod
    def _missing_(cls, value: object) -> Durability | None:
        return cls.AOF if value == "always" else None


@dataclass(frozen=True, slots=True)
class Seal:
    """The command that ends each batch, how many must confirm it, and the word for it when they do not."""

    command: Command
    needed: int
    cause: str

    def holds(self, answer: object) -> bool:
        """Whether the reply to `command` says that the batch is kept."""
        return isinstance(answer, int) and answer >= self.needed


def seal_of(durability: Durability, replicas: int) -> Seal | None:
    """The seal for a store; None if answers are believed as they come."""
    if durability is Durability.REPLICATED:
        return Seal((b"WAIT", replicas, SEAL_MILLISECONDS), replicas, "NOREPLICAS")
    return None


async def verify(wire: Wire, durability: Durability, probe: bytes) -> None:
    """Raise StoreNotDurable if the server is not set to keep what `durability` promises, StoreUnavailable
    while it reads its file (it tells its settings, and takes no write), or does not sync it. `probe` is a key
    that may be written.
    """
    if durability is not Durability.AOF:
        return
    check_settings(await _settings(wire))
    # One that was set so a moment ago keeps nothing before its first file is whole.
    await wire.ask((b"SET", probe, b"", b"PX", SEAL_MILLISECONDS))
    synced = await wire.ask((b"WAITAOF", 1, 0, SEAL_MILLISECONDS))
    if not isinstance(synced, list) or synced[0] != 1:
        raise StoreUnavailable("NOTSYNCED the server does not sync its append-only file")


async def _settings(wire: Wire) -> Reply:
    try:
        return await wire.ask(SETTINGS_QUESTION)
    except StoreRefused as error:
        raise StoreNotDurable("the store does not tell its settings: allow CONFIG GET there") from error


def check_settings(reply: Reply) -> None:
    """Raise StoreNotDurable if the answer to SETTINGS_QUESTION is not what `aof` takes."""
    parts = [each for each in reply if isinstance(each, bytes)] if isinstance(reply, list) else []
    found = dict(zip(parts[::2], parts[1::2], strict=False))
    wrong = [name for name, value in _WANTED.items() if found.get(name) != value]
    if wrong:
        told = ", ".join(f"`{name.decode()} {_WANTED[name].decode()}`" for name in wrong)
        raise StoreNotDurable(f"the store would answer what it has not synced: set {told} there")
