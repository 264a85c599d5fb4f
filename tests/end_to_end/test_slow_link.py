"""A line that brings nothing for a while, as where a burst is lost, and then all of it: it is not cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from support.clients.sdk_people import new_staff, until
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_sdk import events
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor

ORGANISATION = RelayOrganisation()


@dataclass
class Line:
    """Passes everything on to a relay; what comes back waits where its connection's gate is shut."""

    port: int
    url: str = ""
    is_stalled: bool = False
    gates: list[asyncio.Event] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        """One client."""
        gate = asyncio.Event()
        if not self.is_stalled:
            gate.set()
        self.gates.append(gate)
        far, to_far = await asyncio.open_connection("127.0.0.1", self.port)
        self._tasks.add(asyncio.create_task(self._pass(near, to_far, None)))
        self._tasks.add(asyncio.create_task(self._pass(far, to_near, gate)))

    def stall(self) -> None:
        """Nothing comes back any more, on whatever connection."""
        self.is_stalled = True
        for gate in self.gates:
            gate.clear()

    @staticmethod
    async def _pass(
        near: asyncio.StreamReader, far: asyncio.StreamWriter, gate: asyncio.Event | None
    ) -> None:
        try:
            with suppress(OSError):
                while data := await near.read(65536):
                    if gate is not None:
                        await gate.wait()
                    far.write(data)
        finally:
            far.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[Line]:
    line = Line(int(url.rpartition(":")[2]))
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield line
    finally:
        server.close()
        await line.close()


async def test_a_line_that_stalls_and_comes_back_is_not_cut(tmp_path: Path) -> None:
    with start_valkey() as valkey:
        async with (
            relay_here(ORGANISATION.write(tmp_path), valkey.url) as (_, url),
            line_to(url) as line,
        ):
            await ORGANISATION.publish_revocations(url)
            async with (
                Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Sari")) as staff,
                Survivor(line.url, ORGANISATION.public) as survivor,
            ):
                hers = await survivor.ask()
                his = await (await anext(staff.requests())).accept()
                await hers.joined()
                line.stall()
                before = list(line.gates)
                await hers.send("Are you there?")
                # It has become impatient, and tries another connection, which the same line holds up.
                await eventually(lambda: len(line.gates) > len(before))
                for gate in before:
                    gate.set()
                assert (await until(his, events.TextReceived)).text == "Are you there?"
                await his.send("I am here.")
                seen: list[type[events.Event]] = []
                async for event in hers:
                    seen.append(type(event))
                    if isinstance(event, events.TextReceived):
                        break
                assert events.Reconnecting not in seen
                assert survivor.is_connected
