"""Where the Valkey or Redis server is, as asyncio needs it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

from redis.asyncio.connection import SSLConnection, parse_url

_Protocol = TypeVar("_Protocol")


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """A parsed `unix://`, `redis://` or `rediss://` URL."""

    socket_path: str | None = None
    host: str = "localhost"
    port: int = 6379
    tls: bool = False
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> StoreAddress:
        """Read a URL as redis-py does; raises ValueError for another scheme."""
        parts = parse_url(url)
        return cls(
            socket_path=parts.get("path"),
            host=parts.get("host", "localhost"),
            port=parts.get("port", 6379),
            tls=parts.get("connection_class") is SSLConnection,
            database=parts.get("db", 0),
            username=parts.get("username"),
            password=parts.get("password"),
        )

    def at(self, host: str, port: int) -> StoreAddress:
        """Another server that is spoken to in the same way."""
        return replace(self, socket_path=None, host=host, port=port)

    def with_login(self, username: str | None, password: str | None) -> StoreAddress:
        """The same server, logged in to as somebody else."""
        return replace(self, username=username, password=password)

    async def connect(self, make_protocol: Callable[[], _Protocol]) -> _Protocol:
        """Open a connection; raises OSError."""
        loop = asyncio.get_running_loop()
        # Those of `wire` are none by inheritance.
        make = cast("Callable[[], asyncio.Protocol]", make_protocol)
        if self.socket_path is not None:
            _, protocol = await loop.create_unix_connection(make, self.socket_path)
        else:
            context = ssl.create_default_context() if self.tls else None
            _, protocol = await loop.create_connection(make, self.host, self.port, ssl=context)
        return cast("_Protocol", protocol)

    def greeting(self) -> list[tuple[bytes | str | int, ...]]:
        """The commands that a new connection begins with."""
        commands: list[tuple[bytes | str | int, ...]] = []
        if self.password is not None:
            credentials = (self.username, self.password) if self.username else (self.password,)
            commands.append(("AUTH", *credentials))
        if self.database:
            commands.append(("SELECT", self.database))
        return commands
