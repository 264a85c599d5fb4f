"""Replays vectors/relay_link.json, which the TypeScript SDK replays too: the link to the relay by steps."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

import pytest
from support.clients.scripted_socket import ScriptedRelay, ScriptedSocket
from teduh_sdk.exceptions import AuthenticationRefused, NotYetValid, RelayLost, TeduhError
from teduh_sdk.net.relay_link import Answer, Clock, RelayLink, refusal
from teduh_sdk.net.transport import Backoff, Socket
from teduh_signaling.relay.codec import decode_client_frame, decode_relay_frame, encode
from teduh_signaling.relay.frames import (
    AnyRelayFrame,
    Authenticate,
    Authenticated,
    Error,
    ErrorCode,
    Leave,
)
from vectors import make_relay_link

FILE = Path(__file__).parents[1] / "vectors" / "relay_link.json"
VECTORS = json.loads(FILE.read_text("utf-8"))
CONVERSATION = bytes(range(16))


class Scenario(TypedDict):
    name: str
    introduces: str | None
    steps: list[dict[str, object]]


async def quiet() -> None:
    """Let everything that is ready to run do so."""
    for _ in range(40):
        await asyncio.sleep(0)


class StandingClock:
    """Stands still until the test lets it pass; whoever sleeps wakes in order."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.seconds + seconds, next(self._order), woken))
        await woken

    async def let_pass(self, seconds: float) -> None:
        until = self.seconds + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            self.seconds, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
            await quiet()
        self.seconds = until


class ScenarioRunner:
    """A link, the relay's end of it, and what each of them has said since somebody looked."""

    def __init__(self, introduces: str | None) -> None:
        self.clock = StandingClock()
        self.relay = ScriptedRelay()
        self.is_reachable = True
        self.is_hanging = self.is_owing = False
        self.dialled = 0
        self.sockets: list[ScriptedSocket] = []
        self.told: list[str] = []
        self.answered: list[str] = []
        self.received: list[str] = []
        frame = None if introduces is None else decode_client_frame(bytes.fromhex(introduces))
        assert frame is None or isinstance(frame, Authenticate)
        self.link = RelayLink(
            self._dial,
            receive=self._receive,
            on_up=self._came_up,
            on_down=lambda: self.told.append("down"),
            introduce=lambda _: frame,
            backoff=Backoff(lambda _, longest: longest),
            clock=Clock(self.clock.now, self.clock.sleep),
            owes=lambda: self.is_owing,
        )

    async def _dial(self) -> Socket:
        self.dialled += 1
        if not self.is_reachable and self.dialled > 1:
            raise RelayLost("nobody there")
        if self.is_hanging and self.dialled > 1:
            await asyncio.Event().wait()
        socket = await self.relay.dial()
        self.sockets.append(await self.relay.connections.get())
        return socket

    def _came_up(self, _: Authenticated | None) -> None:
        self.told.append("up")

    def _receive(self, frame: AnyRelayFrame) -> None:
        self.received.append(encode(frame).hex())

    def answer(self, answer: Answer) -> None:
        if isinstance(answer, Exception):
            self.answered.append(type(answer).__name__)
        else:
            self.answered.append(encode(answer).hex())

    def said(self) -> list[str]:
        queues = [socket.sent for socket in self.sockets]
        return [encode(queue.get_nowait()).hex() for queue in queues for _ in range(queue.qsize())]


async def play(runner: ScenarioRunner, step: dict[str, object], running: asyncio.Task[None]) -> None:
    socket = runner.sockets[-1]
    match step:
        case {"does": "hears", "frames": list(frames)}:
            for frame in frames:
                socket.say_bytes(bytes.fromhex(frame))
        case {"does": "breaks"}:
            socket.break_off()
        case {"does": "reachable", "is": bool(is_reachable)}:
            runner.is_reachable = is_reachable
        case {"does": "hangs", "is": bool(is_hanging)}:
            runner.is_hanging = is_hanging
        case {"does": "owes", "is": bool(is_owing)}:
            runner.is_owing = is_owing
        case {"does": "drains", "to": int(to)}:
            socket.unsent = to
        case {"does": "passes", "seconds": int() | float() as seconds}:
            await runner.clock.let_pass(seconds)
        case _:
            act(runner, step, running)
    await quiet()


def act(runner: ScenarioRunner, step: dict[str, object], running: asyncio.Task[None]) -> None:
    """What the client does, or is to be seen to have done."""
    match step:
        case {"does": "asks"}:
            runner.link.question(lambda ref: Leave(ref, CONVERSATION), runner.answer)
        case {"does": "hurries"}:
            runner.link.hurry()
        case _:
            look(runner, step, running)


def look(runner: ScenarioRunner, step: dict[str, object], running: asyncio.Task[None]) -> None:
    """Compare with what has happened; what was looked at is not seen again."""
    match step:
        case {"does": "dialled", "times": times}:
            assert runner.dialled == times
        case {"does": "up", "is": is_up}:
            assert runner.link.is_up is is_up
        case {"does": "said", "frames": frames}:
            assert runner.said() == frames
        case {"does": "told", "what": what}:
            assert runner.told == what
            runner.told = []
        case {"does": "received", "frames": frames}:
            assert runner.received == frames
            runner.received = []
        case {"does": "answers", "what": what}:
            assert runner.answered == what
            runner.answered = []
        case {"does": "refused"}:
            assert isinstance(running.exception(), AuthenticationRefused)
        case _:
            pytest.fail(f"nobody knows how to play {step}")


@pytest.mark.parametrize("scenario", VECTORS["links"], ids=lambda scenario: scenario["name"])
async def test_the_link_does_what_both_languages_agreed_on(scenario: Scenario) -> None:
    runner = ScenarioRunner(scenario["introduces"])
    running = asyncio.create_task(runner.link.run())
    try:
        await quiet()
        for step in scenario["steps"]:
            await play(runner, step, running)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError, TeduhError):
            await running


@pytest.mark.parametrize("code", list(ErrorCode))
def test_each_refusal_is_the_exception_of_its_code(code: ErrorCode) -> None:
    raised = refusal(Error(code, "why", ref=1))
    assert (type(raised).__name__, raised.code) == (VECTORS["refusals"][code.value], code)


def test_a_statement_that_has_not_begun_is_refused_with_both_times() -> None:
    case = VECTORS["not_yet"]
    frame = decode_relay_frame(bytes.fromhex(case["frame"]))
    assert isinstance(frame, Error)
    raised = refusal(frame)
    assert isinstance(raised, NotYetValid)
    assert (raised.begins, raised.relay_time) == (case["begins"], case["relay_time"])


def test_the_scenarios_are_what_their_writer_writes() -> None:
    assert FILE.read_text("utf-8") == make_relay_link.vectors()
