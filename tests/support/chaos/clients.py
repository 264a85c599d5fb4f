"""The second half of `make chaos`: how soon the clients of both SDKs are back, by their own transport.

::

    survivors (Python, and TypeScript in Node)   --->  balancer with the rules   --->  2 relays  --->  Valkey
    counselors (Python), in all conversations          of the deployed proxy

Everybody says something twice a second, and the time until the relay has it is taken. Then, in turn:

    hang      each relay by SIGSTOP for 20 seconds, its port open, the other one healthy
    outage    both relays are killed, and started again after 11 and after 25 seconds

*Back* is the first text that the relay takes of a client: after a hang counted from its beginning, for those
whom it held up; after an outage from the moment at which a relay was ready, for all. It ends with an error
unless the 99th percentile is at most 5 seconds, the longest at most 10, and everything said was heard once,
in order.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor

from support.clients.sdk_people import new_staff
from support.clients.web_peer import WebPeer, organisation_json, web_peer
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.balancer import balancer
from support.relay.relay_process import RelayProcess, relay_process
from support.store.valkey_server import start_valkey

ORGANISATION = RelayOrganisation()
P99_SECONDS, MOST_SECONDS = 5.0, 10.0
_PAUSE_SECONDS = 0.5
_HANG_SECONDS = 20.0
_OUTAGES = (11.0, 25.0)
_HELD_UP_SECONDS = 1.5
_PEACE_SECONDS = 3.0
_DRAIN_SECONDS = 60.0


class Side(Protocol):
    """One member of one conversation, whichever SDK it has."""

    async def say(self, text: str) -> str:
        """Returns the id of the message."""


@dataclass
class Talker:
    """Somebody who says something again and again. Times are of the monotonic clock."""

    kind: str
    side: Side
    name: str
    said: list[str] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)

    async def talk(self) -> None:
        """Until cancelled."""
        await asyncio.sleep(random.uniform(0, _PAUSE_SECONDS))
        while True:
            text = f"{self.name} {len(self.said)}"
            self.said.append(text)
            self.waiting.add(await self.side.say(text))
            await asyncio.sleep(_PAUSE_SECONDS)

    def sent(self, message_id: str) -> None:
        """The relay has it."""
        self.waiting.discard(message_id)
        self.taken.append(time.monotonic())

    def back_after(self, moment: float) -> float:
        """Seconds until the first that was taken after this moment."""
        return min((taken for taken in self.taken if taken > moment), default=math.inf) - moment


@dataclass(frozen=True)
class PythonSide:
    """By the Python SDK."""

    conversation: Conversation

    async def say(self, text: str) -> str:
        return (await self.conversation.send(text)).hex()

    async def listen(self, talker: Talker) -> None:
        async for event in self.conversation:
            match event:
                case events.Sent(message_id):
                    talker.sent(message_id.hex())
                case events.TextReceived(text=text):
                    talker.heard.append(text)


@dataclass(frozen=True)
class WebSide:
    """By the TypeScript SDK."""

    peer: WebPeer

    async def say(self, text: str) -> str:
        return str(await self.peer.call("send", text=text))

    async def hear_sent(self, talker: Talker) -> None:
        while True:
            talker.sent(str((await self.peer.until("sent"))["messageId"]))

    async def hear_texts(self, talker: Talker) -> None:
        while True:
            talker.heard.append(str((await self.peer.until("textReceived"))["text"]))


@dataclass
class Environment:
    """Everything that runs; `pairs` are who talks with whom."""

    relays: Sequence[RelayProcess]
    pairs: list[tuple[Talker, Talker]] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def talkers(self) -> list[Talker]:
        return [talker for pair in self.pairs for talker in pair]

    def held_up(self, moment: float) -> dict[str, list[float]]:
        """By kind, how long it took those who were held up."""
        return self._grouped(moment, _HELD_UP_SECONDS)

    def back(self, moment: float) -> dict[str, list[float]]:
        """The same for all."""
        return self._grouped(moment, 0.0)

    def _grouped(self, moment: float, least: float) -> dict[str, list[float]]:
        grouped: dict[str, list[float]] = defaultdict(list)
        for talker in self.talkers:
            if (took := talker.back_after(moment)) >= least:
                grouped[talker.kind].append(took)
        return grouped


@asynccontextmanager
async def environment(folder: Path, python: int, web: int) -> AsyncIterator[Environment]:
    """So many conversations of survivors of either SDK; each has a counselor of the Python SDK."""
    file = ORGANISATION.write(folder)
    async with AsyncExitStack() as stack:
        valkey = stack.enter_context(start_valkey())
        way = await stack.enter_async_context(balancer())
        url = way.url
        way.relays = relays = [
            stack.enter_context(relay_process(folder / name, file, valkey.url, public_origin=url))
            for name in ("one", "two")
        ]
        way.watch()
        await ORGANISATION.publish_revocations(relays[0].url)
        home = Environment(relays)
        for number in range(python + web):
            counselor = Staff(url, ORGANISATION.public, new_staff(ORGANISATION, f"Counselor {number}"))
            staff = await stack.enter_async_context(counselor)
            if number < python:
                survivor = await stack.enter_async_context(Survivor(url, ORGANISATION.public))
                await _add(home, number, staff, PythonSide(await survivor.ask()))
            else:
                peer = await stack.enter_async_context(web_peer())
                public = organisation_json(ORGANISATION.public)
                await peer.call("openSurvivor", url=url, organisation=public)
                await peer.call("ask")
                await _add(home, number, staff, WebSide(peer))
        try:
            yield home
        finally:
            for task in home.tasks:
                task.cancel()
            await asyncio.gather(*home.tasks, return_exceptions=True)


async def _add(home: Environment, number: int, staff: Staff, hers: PythonSide | WebSide) -> None:
    his = PythonSide(await (await anext(staff.requests())).accept())
    await his.conversation.joined()
    is_python = isinstance(hers, PythonSide)
    survivor = Talker("Python" if is_python else "TypeScript", hers, f"hers {number}")
    counselor = Talker("Python", his, f"his {number}")
    home.pairs.append((survivor, counselor))
    works = [his.listen(counselor)]
    works += [hers.listen(survivor)] if isinstance(hers, PythonSide) else []
    works += [hers.hear_sent(survivor), hers.hear_texts(survivor)] if isinstance(hers, WebSide) else []
    home.tasks += [asyncio.create_task(work) for work in works]


async def _faults(home: Environment, times: dict[str, dict[str, list[float]]]) -> None:
    for relay in (*home.relays, *home.relays):
        await asyncio.sleep(_PEACE_SECONDS)
        began = time.monotonic()
        os.kill(relay.pid, signal.SIGSTOP)
        await asyncio.sleep(_HANG_SECONDS)
        os.kill(relay.pid, signal.SIGCONT)
        _note(times["one of two relays hangs"], home.held_up(began))
    for seconds in _OUTAGES:
        await asyncio.sleep(_PEACE_SECONDS)
        for relay in home.relays:
            relay.kill()
        await asyncio.sleep(seconds)
        starting = [asyncio.create_task(asyncio.to_thread(relay.start)) for relay in home.relays]
        await asyncio.wait(starting, return_when=asyncio.FIRST_COMPLETED)
        ready = time.monotonic()
        await asyncio.gather(*starting)
        await asyncio.sleep(max(0.0, ready + MOST_SECONDS + 2 - time.monotonic()))
        _note(times["both relays are away"], home.back(ready))


def _note(times: dict[str, list[float]], more: dict[str, list[float]]) -> None:
    for kind, took in more.items():
        times[kind] += took


async def _drain(home: Environment) -> None:
    """Everything said is taken, and heard by the other one."""
    for one, other in [pair for each in home.pairs for pair in (each, each[::-1])]:
        await eventually(partial(_have_met, one, other), _DRAIN_SECONDS)


def _have_met(one: Talker, other: Talker) -> bool:
    return not one.waiting and other.heard == one.said


async def run(folder: Path, python: int, web: int) -> list[str]:
    """Print what it took; returns what was not kept."""
    times: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    async with environment(folder, python, web) as home:
        talking = [asyncio.create_task(talker.talk()) for talker in home.talkers]
        await _faults(home, times)
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)
        failures: list[str] = []
        try:
            await _drain(home)
        except TimeoutError:
            failures.append("something that was said was not heard, or not once, or not in order")
        print(f"said and heard {sum(len(talker.heard) for talker in home.talkers)}")
    print(f"{'how soon clients are back':34}{'SDK':>12}{'times':>7}{'p50':>8}{'p99':>8}{'most':>8}")
    for fault, by_kind in times.items():
        for kind, took in sorted(by_kind.items()):
            failures += _row(fault, kind, sorted(took))
    return failures


def _row(fault: str, kind: str, took: list[float]) -> list[str]:
    middle, p99, most = (took[math.ceil(len(took) * part) - 1] for part in (0.5, 0.99, 1.0))
    print(f"{fault:34}{kind:>12}{len(took):7}{middle:6.1f} s{p99:6.1f} s{most:6.1f} s")
    is_kept = p99 <= P99_SECONDS and most <= MOST_SECONDS
    return (
        [] if is_kept else [f"{fault}: clients of the {kind} SDK were back within {p99:.1f} s, {most:.1f} s"]
    )


def main() -> int:
    """Returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="teduh-chaos-") as folder:
        failures = asyncio.run(run(Path(folder), python=6, web=4))
    for failure in failures:
        print(f"NOT KEPT  {failure}")
    print("all kept" if not failures else "")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
