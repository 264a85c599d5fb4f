"""A way to a Valkey on which the answers to whoever listens to channels can be held back: its connection
stands, and says nothing.

    client ──> unix socket ──> Valkey
           <── [held] <──────  (if it has subscribed)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class HeldChannel:
    """`open` is set while everything passes."""

    socket: Path
    server: Path
    open: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _ends: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    async def serve(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        """One client."""
        far, to_far = await asyncio.open_unix_connection(self.server)
        self._ends += (to_near, to_far)
        listens = asyncio.Event()
        for work in (self._ask(near, to_far, listens), self._answer(far, to_near, listens)):
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(
        self, near: asyncio.StreamReader, far: asyncio.StreamWriter, listens: asyncio.Event
    ) -> None:
        while data := await near.read(65536):
            if b"SUBSCRIBE" in data:
                listens.set()
            far.write(data)
        far.close()

    async def _answer(
        self, far: asyncio.StreamReader, near: asyncio.StreamWriter, listens: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await far.read(65536):
                if listens.is_set():
                    await self.open.wait()
                near.write(data)
        near.close()

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for end in self._ends:
            end.close()
        await asyncio.gather(*(end.wait_closed() for end in self._ends), return_exceptions=True)


@asynccontextmanager
async def held_channel(folder: Path, server: Path) -> AsyncIterator[HeldChannel]:
    """Such a way to the Valkey at the socket `server`; open at first."""
    held = HeldChannel(folder / "held.sock", server)
    held.open.set()
    listening = await asyncio.start_unix_server(held.serve, held.socket)
    try:
        yield held
    finally:
        listening.close()
        await held.close()
