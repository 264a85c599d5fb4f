"""A relay that drops, repeats or holds back entries on their way to a client, around the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.clients.sdk_people import collect, new_staff, until
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.exceptions import LogBroken
from teduh_sdk.net.transport import Dial, Socket, dial_relay
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_signaling.relay.codec import decode_relay_frame
from teduh_signaling.relay.frames import AnyRelayFrame, Entry, EntryKind

ORGANISATION = RelayOrganisation()
Meddle = Callable[[AnyRelayFrame], int]
"""How many times a frame arrives: 0 is dropped, 2 is repeated."""


class MeddledSocket:
    """A connection on which somebody sits."""

    def __init__(self, socket: Socket, meddle: Meddle) -> None:
        self._socket = socket
        self._meddle = meddle
        self._waiting: list[bytes] = []

    async def send(self, data: bytes) -> None:
        await self._socket.send(data)

    async def receive(self) -> bytes:
        while not self._waiting:
            data = await self._socket.receive()
            self._waiting = [data] * self._meddle(decode_relay_frame(data))
        return self._waiting.pop()

    async def close(self) -> None:
        await self._socket.close()


def meddled(relay_url: str, meddle: Meddle) -> Dial:
    async def dial() -> Socket:
        return MeddledSocket(await dial_relay(relay_url)(), meddle)

    return dial


@asynccontextmanager
async def talking(folder: Path, meddle: Meddle) -> AsyncIterator[tuple[Conversation, Conversation]]:
    """A survivor whose connection is meddled with, and a counselor whose is not."""
    with start_valkey() as valkey:
        async with relay_here(ORGANISATION.write(folder), valkey.url) as (_, url):
            await ORGANISATION.publish_revocations(url)
            public = ORGANISATION.public
            async with (
                Survivor(url, public, dial=meddled(url, meddle)) as survivor,
                Staff(url, public, new_staff(ORGANISATION, "Sari")) as staff,
            ):
                hers = await survivor.ask()
                his = await (await anext(staff.requests())).accept()
                await hers.joined()
                yield hers, his


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not come is asked for sooner than in life."""
    monkeypatch.setattr("teduh_sdk.client._WATCH_SECONDS", 0.05)


def is_message(frame: AnyRelayFrame, from_seq: int = 4) -> bool:
    """Whether this is talk, beyond what begins a conversation."""
    return isinstance(frame, Entry) and frame.kind is EntryKind.MESSAGE and frame.seq >= from_seq


async def test_entries_that_are_dropped_once_are_asked_for_again(tmp_path: Path) -> None:
    dropped: set[int] = set()

    def drop_once(frame: AnyRelayFrame) -> int:
        if isinstance(frame, Entry) and is_message(frame) and frame.seq not in dropped:
            dropped.add(frame.seq)
            return 0
        return 1

    async with talking(tmp_path, drop_once) as (hers, his):
        said = [f"text {number}" for number in range(10)]
        for text in said:
            await his.send(text)
        # The last one has nobody behind it to show the gap, until she says something herself.
        await his.confirmed()
        await hers.send("are you there?")
        heard = [one.text for one in await collect(hers, events.TextReceived, len(said))]
        assert heard == said
        assert dropped


async def test_an_entry_that_never_comes_stops_the_conversation(tmp_path: Path) -> None:
    withheld: list[int] = []

    def withhold(frame: AnyRelayFrame) -> int:
        if isinstance(frame, Entry) and is_message(frame) and not withheld:
            withheld.append(frame.seq)
        return 0 if isinstance(frame, Entry) and frame.seq in withheld else 1

    async with talking(tmp_path, withhold) as (hers, his):
        for number in range(10):
            await his.send(f"text {number}")
        stopped = await until(hers, events.Stopped)
        assert isinstance(stopped.reason, LogBroken)
        assert hers.is_over


async def test_entries_that_come_twice_are_heard_once(tmp_path: Path) -> None:
    async with talking(tmp_path, lambda frame: 2 if isinstance(frame, Entry) else 1) as (hers, his):
        for number in range(5):
            await his.send(f"text {number}")
        heard = [one.text for one in await collect(hers, events.TextReceived, 5)]
        await hers.send("done")
        await until(his, events.TextReceived)
        assert heard == [f"text {number}" for number in range(5)]
