"""A bad network between a client and its TURN server: datagrams are lost and late, in both directions.

    client ──> 127.0.0.1:port ── each lost with `loss`, the others after `delay` ──> server
           <──                ── likewise                                      <──

`cut` is what happens when a phone leaves one network for another: what was open is dead for ever, what is
opened from then on gets through.

It does in this process what tc's netem does in a kernel that has it, and is the same each time (`seed`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

Address = tuple[str, int]


@dataclass
class BadWire:
    """One wire; `loss` is a probability, `delay` in seconds."""

    server: Address
    loss: float
    delay: float
    seed: int = 1
    passed: int = 0
    lost: int = 0
    port: int = 0
    _far_ends: dict[Address, asyncio.DatagramTransport] = field(default_factory=dict)
    _random: random.Random = field(default_factory=random.Random)
    _dead: set[Address] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Of the TURN server, by way of this wire."""
        return f"turn:127.0.0.1:{self.port}?transport=udp"

    def cut(self) -> None:
        """Nothing passes any more, in either direction, of the clients that are known by now."""
        self._dead.update(self._far_ends)

    def carry(
        self, client: Address, transport: asyncio.DatagramTransport, data: bytes, to: Address | None
    ) -> None:
        """Perhaps, and later."""
        if client in self._dead or self._random.random() < self.loss:
            self.lost += 1
            return
        self.passed += 1
        asyncio.get_running_loop().call_later(self.delay, _send, transport, data, to)

    async def far_end(self, client: Address, near: asyncio.DatagramTransport) -> asyncio.DatagramTransport:
        """The socket by which the server knows this client."""
        if client not in self._far_ends:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _FarEnd(self, client, near), remote_addr=self.server
            )
            self._far_ends[client] = transport
        return self._far_ends[client]

    def close(self) -> None:
        for transport in self._far_ends.values():
            transport.close()


def _send(transport: asyncio.DatagramTransport, data: bytes, to: Address | None) -> None:
    if not transport.is_closing():
        transport.sendto(data, to)


class _NearEnd(asyncio.DatagramProtocol):
    def __init__(self, wire: BadWire) -> None:
        self._wire = wire
        self._locks: dict[Address, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, client: Address) -> None:
        task = asyncio.create_task(self._forward(data, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, data: bytes, client: Address) -> None:
        async with self._locks.setdefault(client, asyncio.Lock()):
            far = await self._wire.far_end(client, self._transport)
        self._wire.carry(client, far, data, None)


class _FarEnd(asyncio.DatagramProtocol):
    def __init__(self, wire: BadWire, client: Address, near: asyncio.DatagramTransport) -> None:
        self._wire, self._client, self._near = wire, client, near

    def datagram_received(self, data: bytes, _: Address) -> None:
        self._wire.carry(self._client, self._near, data, self._client)


@asynccontextmanager
async def bad_wire(server: Address, *, loss: float, delay: float, seed: int = 1) -> AsyncIterator[BadWire]:
    """A wire to `server`, whose near end is at 127.0.0.1, `port`."""
    wire = BadWire(server, loss, delay, seed)
    wire._random.seed(seed)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _NearEnd(wire), local_addr=("127.0.0.1", 0)
    )
    wire.port = transport.get_extra_info("sockname")[1]
    try:
        yield wire
    finally:
        transport.close()
        wire.close()
