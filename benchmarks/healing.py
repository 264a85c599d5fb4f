"""What it costs a conversation that its keys heal: bytes with and without refreshes, in the hybrid suite.

    python benchmarks/healing.py [--quick]

The conversation: a survivor asks, a counselor takes the request, each says 30 things in 20 minutes, and she
leaves. What is said was written for eight seconds, is delivered and read: the pages tell of typing every four
seconds and when it stops, and of both receipts. Counted are the bytes of every frame of both, up and down,
from her connection on, but not those of WebSocket, TLS and TCP. The clock of both is moved by twenty seconds
with each message, so that keys are renewed as they would be; the relay and both SDKs are real. The exit code
is 1 when the goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.clients.sdk_people import new_staff, until
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_sdk import events
from teduh_sdk.conversation import conversation, reactions
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.group.group_changes import HYBRID_SUITE
from teduh_sdk.group.leaf_key_age import LeafKeyAge
from teduh_sdk.net import clock
from teduh_sdk.net.transport import WebSocket
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_server.operations.log_policy import configure_logging
from teduh_signaling.relay.frames import Ephemeral, EphemeralEntry

GOAL: Final = 1.05
"""Bytes with refreshes, in those without; at most."""
EACH_SAYS: Final = 30
SECONDS_A_MESSAGE: Final = 20
WORDS: Final = "I do not know where I could go with the children tonight."


@dataclass
class Bytes:
    """Of all frames, and of those about typing, since they were set to 0; and how many epochs there were."""

    count: int = 0
    typing: int = 0
    epochs: int = 0

    def add(self, data: bytes) -> None:
        """One frame: an array that begins with its tag."""
        self.count += len(data)
        if data[1] in (Ephemeral.__struct_config__.tag, EphemeralEntry.__struct_config__.tag):
            self.typing += len(data)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Those of every WebSocket of the SDK in this process."""
        send, receive = WebSocket.send, WebSocket.receive

        async def sending(socket: WebSocket, data: bytes) -> None:
            self.add(data)
            await send(socket, data)

        async def receiving(socket: WebSocket) -> bytes:
            data = await receive(socket)
            self.add(data)
            return data

        with mock.patch.multiple(WebSocket, send=sending, receive=receiving):
            yield


class Clock:
    """Seconds since 1970, which a conversation passes faster than we."""

    def __init__(self) -> None:
        self.ahead = 0

    def now(self) -> int:
        return clock.now_in_seconds() + self.ahead

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """In all conversations."""
        with (
            mock.patch.object(conversation, "now_in_seconds", self.now),
            mock.patch.object(reactions, "now_in_seconds", self.now),
        ):
            yield


async def talk(url: str, organisation: RelayOrganisation, each_says: int) -> Bytes:
    """One conversation."""
    counted, time = Bytes(), Clock()
    with counted.counted(), time.everywhere():
        async with Staff(url, organisation.public, new_staff(organisation, "Sari")) as staff:
            requests = staff.requests(capacity=1)
            taking = asyncio.ensure_future(anext(requests))
            await staff.colleagues()
            counted.count = counted.typing = 0
            async with Survivor(url, organisation.public, suite=HYBRID_SUITE) as survivor:
                hers = await survivor.ask(need="counseling", language="id")
                his = await (await taking).accept()
                await hers.joined()
                await hers.confirmed()
                for number in range(2 * each_says):
                    speaker, hearer = (hers, his) if number % 2 == 0 else (his, hers)
                    await say(speaker, hearer)
                    time.ahead += SECONDS_A_MESSAGE
                    for here in (hers, his):
                        here.watch()
                        await here.confirmed()
                counted.epochs = hers.state.epoch
                await hers.leave()
    return counted


async def say(speaker: Conversation, hearer: Conversation) -> None:
    for is_active in (True, True, False):
        await speaker.typing(active=is_active)
    await speaker.send(WORDS)
    await (await until(hearer, events.TextReceived)).mark_read()
    await until(speaker, events.Read)


async def measure(talks: int, each_says: int) -> tuple[list[Bytes], list[Bytes]]:
    """Conversations with refreshes and without, in turn."""
    organisation = RelayOrganisation()
    kept: list[Bytes] = []
    without: list[Bytes] = []
    with tempfile.TemporaryDirectory() as folder, start_valkey() as valkey:
        configure_logging("error")
        async with relay_here(organisation.write(Path(folder)), valkey.url) as (_, url):
            await organisation.publish_revocations(url)
            for _ in range(talks):
                kept.append(await talk(url, organisation, each_says))
                with mock.patch.object(LeafKeyAge, "is_due", return_value=False):
                    without.append(await talk(url, organisation, each_says))
    return kept, without


def report(kept: list[Bytes], without: list[Bytes]) -> bool:
    """Print it; returns whether the goal is kept."""
    print("Healing: bytes of a conversation, all frames up and down, hybrid suite (median)")
    medians = [statistics.median(one.count for one in each) for each in (kept, without)]
    silent = [statistics.median(one.count - one.typing for one in each) for each in (kept, without)]
    for place, (name, each) in enumerate((("with refreshes", kept), ("without", without))):
        epochs = statistics.median(one.epochs for one in each)
        figures = f"{medians[place]:>10,.0f}   without typing notices {silent[place]:>10,.0f}"
        print(f"{name:<24} {figures}   {epochs:.0f} epochs")
    ratio = medians[0] / medians[1]
    is_kept = ratio <= GOAL
    print(f"{'ratio':<24} {ratio:>10.4f}   without typing notices {silent[0] / silent[1]:>10.4f}")
    print(f"{'goal':<24} {GOAL:>10.4f}   {'kept' if is_kept else 'MISSED'}")
    return is_kept


def main() -> int:
    arguments = argparse.ArgumentParser(description="What healing costs a conversation.")
    arguments.add_argument("--quick", action="store_true", help="three conversations each")
    talks = 3 if arguments.parse_args().quick else 5
    return 0 if report(*asyncio.run(measure(talks, EACH_SAYS))) else 1


if __name__ == "__main__":
    sys.exit(main())
