"""What outlives what, and how the relay makes sure of it before it believes an answer of the store.

    memory      the store's process: nothing that was accepted is promised to outlive it
    aof         accepted is in the store's append-only file: a killed process loses nothing, a power failure
                up to the last second (a server of one's own: what its `appendfsync` says)
    always      accepted is on the store's disk
    replicated  accepted is held by so many replicas besides: the loss of the master loses nothing

The last two are sealed (of the embedded Valkey only the last would be, and it has no replicas): each batch
of commands ends with WAITAOF or WAIT, and no answer to it is believed before that says so. See
`sealed_wire`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from teduh_server.redis_store.exceptions import StoreNotDurable
from teduh_server.redis_store.wire import Command, Reply, Wire

SEAL_MILLISECONDS = 1000
"""How long the disk or the replicas may take, before the answers are taken for unavailable."""


class Durability(StrEnum):
    """What outlives what; see the module's docstring."""

    MEMORY = "memory"
    AOF = "aof"
    ALWAYS = "always"
    REPLICATED = "replicated"


@dataclass(frozen=True, slots=True)
class Seal:
    """The command that ends each batch, and how many must confirm it."""

    command: Command
    needed: int

    def holds(self, answer: object) -> bool:
        """Whether the reply to `command` says that the batch is kept."""
        # WAITAOF answers with two numbers: this server's file, and those of replicas.
        confirmed = answer[0] if isinstance(answer, list) and answer else answer
        return isinstance(confirmed, int) and confirmed >= self.needed


def seal_of(durability: Durability, replicas: int) -> Seal | None:
    """The seal for a store of one's own; None if answers are believed as they come."""
    if durability is Durability.REPLICATED:
        return Seal((b"WAIT", replicas, SEAL_MILLISECONDS), replicas)
    if durability is Durability.ALWAYS:
        return Seal((b"WAITAOF", 1, 0, SEAL_MILLISECONDS), 1)
    return None


async def verify(wire: Wire, durability: Durability) -> None:
    """Raise StoreNotDurable if the server keeps no append-only file and `durability` promises one."""
    if durability not in (Durability.AOF, Durability.ALWAYS):
        return
    if b"aof_enabled:1" not in _text(await wire.ask((b"INFO", b"persistence"))):
        raise StoreNotDurable(
            f"the store keeps no append-only file, so durability = {durability.value!r} cannot be promised: "
            "set `appendonly yes` there, or durability = 'memory' here"
        )


def _text(reply: Reply) -> bytes:
    return reply if isinstance(reply, bytes) else b""
