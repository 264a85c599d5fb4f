"""What outlives what, and how the relay makes sure of it before it believes an answer of the store.

    memory      the store's process: nothing that was accepted is promised to outlive it
    aof         accepted is written to the store's append-only file, and synced: neither a killed process nor
                a power failure loses it. `always` is its other name, from when `aof` did not sync at once
    replicated  accepted is held by so many replicas besides: the loss of the master loses nothing

The last two are sealed: each batch of commands ends with WAITAOF or WAIT, and no answer to it is believed
before that says so. See `sealed_wire`. The embedded Valkey needs no seal: it runs with `appendfsync always`,
and ends itself rather than send an answer that it could not write and sync (Valkey's `flushAppendOnlyFile`).
Under its other settings Valkey sends the answers all the same, and refuses only what comes afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from teduh_server.redis_store.exceptions import StoreNotDurable, StoreUnavailable
from teduh_server.redis_store.wire import Command, Reply, Wire

SEAL_MILLISECONDS = 1000
"""How long the disk or the replicas may take, before the answers are taken for unavailable."""


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
        # WAITAOF answers with two numbers: this server's file, and those of replicas.
        confirmed = answer[0] if isinstance(answer, list) and answer else answer
        return isinstance(confirmed, int) and confirmed >= self.needed


def seal_of(durability: Durability, replicas: int) -> Seal | None:
    """The seal for a store of one's own; None if answers are believed as they come."""
    if durability is Durability.REPLICATED:
        return Seal((b"WAIT", replicas, SEAL_MILLISECONDS), replicas, "NOREPLICAS")
    if durability is Durability.AOF:
        return Seal((b"WAITAOF", 1, 0, SEAL_MILLISECONDS), 1, "NOTSYNCED")
    return None


async def verify(wire: Wire, durability: Durability) -> None:
    """Raise StoreNotDurable if the server keeps no append-only file and `durability` promises one, and
    StoreUnavailable while it reads what it has kept: until then it says that it keeps none.
    """
    if durability is not Durability.AOF:
        return
    told = _fields(await wire.ask((b"INFO", b"persistence")))
    if told.get(b"loading") == b"1":
        raise StoreUnavailable("LOADING the server is reading its file")
    if told.get(b"aof_enabled") != b"1":
        raise StoreNotDurable(
            f"the store keeps no append-only file, so durability = {durability.value!r} cannot be promised: "
            "set `appendonly yes` there"
        )


def _fields(reply: Reply) -> dict[bytes, bytes]:
    """What INFO says, by name."""
    lines = reply.split(b"\r\n") if isinstance(reply, bytes) else []
    return {name: value for name, _, value in (line.partition(b":") for line in lines)}
