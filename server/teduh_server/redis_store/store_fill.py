"""How full a server is: `used_memory` and `maxmemory` as INFO tells them."""

from __future__ import annotations

from dataclasses import dataclass

from teduh_server.redis_store.commands import Command, Reply

FILL_QUESTION: Command = (b"INFO", b"memory")


@dataclass(frozen=True, slots=True)
class StoreFill:
    """Bytes in use, and at how many the server is full; 0 if it never is."""

    used: int = 0
    limit: int = 0

    @property
    def share(self) -> float:
        """From 0 to 1, or a little more; 0 where there is no limit."""
        return self.used / self.limit if self.limit else 0.0


def read_fill(reply: Reply) -> StoreFill:
    """What the answer to `FILL_QUESTION` says; empty where it says nothing."""
    lines = reply.split(b"\r\n") if isinstance(reply, bytes) else []
    told = {name: value for name, _, value in (line.partition(b":") for line in lines)}
    return StoreFill(int(told.get(b"used_memory", 0)), int(told.get(b"maxmemory", 0)))
