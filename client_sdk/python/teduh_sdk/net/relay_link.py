"""A lasting link to the relay: connects, greets, keeps alive, and connects again for as long as it is wanted.

    run ──> race ──> Hello ──> (Authenticate ──> Authenticated) ──> on_up ──> frames ... ──> on_down ─┐
     ^                ^                                                          │                    │
     │                └───────── silent although it owes an answer ──────────────┘                    │
     └──────────────── wait: exponential backoff with full jitter, or what the relay asked for ───────┘

A relay that owes something (an answer, an Accepted, a Pong) and says nothing is asked whether it lives, and
then another connection is tried beside this one. Whichever speaks first is the link from then on, so that a
link which was only slow is not cut. Every byte that comes, and every byte that leaves, is a sign of life.

Frames are handed on in order, one at a time, without awaiting in between, so that what the answer to a
question begins (a subscription) is in place before the next frame is looked at.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from msgspec import structs
from teduh_signaling.relay.exceptions import RemoteProtocolError
from teduh_signaling.relay.frames import (
    NO_REF,
    Acknowledge,
    AnyClientFrame,
    AnyRelayFrame,
    Append,
    Authenticate,
    Authenticated,
    Error,
    ErrorCode,
    Hello,
    Moving,
    Ping,
    Pong,
)
from teduh_signaling.relay.protocol import ClientSideProtocol, State

from teduh_sdk.exceptions import (
    AuthenticationRefused,
    ClientClosed,
    ConversationForgotten,
    NotYetValid,
    RelayLost,
    RelayMisbehaved,
    RelayRefused,
    RequestGone,
    TeduhError,
)
from teduh_sdk.net.transport import REPLACING_SECONDS, Backoff, Dial, Socket, let_go, race

_SHORTEST_LOOK: Final = 0.05
_PROBE_SECONDS: Final = 1.5
"""After so much silence a relay that owes something is asked whether it lives,"""
_SILENT_SECONDS: Final = 2.5
"""after so much another connection is tried,"""
_GONE_SECONDS: Final = 8.0
"""and after so much this one is left though there is no other."""
_STEADY_SECONDS: Final = 2.0
"""A connection that has lasted so long begins the back-off anew; whoever greets and fails is no better than
one that cannot be reached.
"""
ACKNOWLEDGE_SECONDS: Final = 0.1
"""How long an acknowledgement may wait for the next of its conversation, or for anything else to be said."""
Answer = AnyRelayFrame | RelayRefused | RelayLost
_Wanted = TypeVar("_Wanted")

_REFUSALS: dict[ErrorCode, type[RelayRefused]] = {
    ErrorCode.AUTHENTICATION_FAILED: AuthenticationRefused,
    ErrorCode.STATEMENT_EXPIRED: AuthenticationRefused,
    ErrorCode.STATEMENT_REVOKED: AuthenticationRefused,
    ErrorCode.UNKNOWN_CONVERSATION: ConversationForgotten,
    ErrorCode.REQUEST_GONE: RequestGone,
    ErrorCode.QUEUE_EMPTY: RequestGone,
}


def refusal(error: Error) -> RelayRefused:
    """The exception for an error of the relay."""
    if error.code is ErrorCode.AUTHENTICATION_FAILED and error.expected:
        return NotYetValid(error.code, error.detail, begins=error.expected, relay_time=error.counter)
    made = _REFUSALS.get(error.code, RelayRefused)
    return made(error.code, error.detail, error.retry_after_ms, error.price)


@dataclass(frozen=True, slots=True)
class Clock:
    """Time in seconds that never runs backwards, and waiting for it to pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


_CLOCK: Final = Clock()


class RelayLink:
    """`receive` is called with every frame that answers no question; `on_up` and `on_down` as the link comes
    and goes. `introduce` makes the Authenticate for a Hello, or None for an anonymous link.
    """

    def __init__(
        self,
        dial: Dial,
        *,
        receive: Callable[[AnyRelayFrame], None],
        on_up: Callable[[Authenticated | None], None],
        on_down: Callable[[], None],
        introduce: Callable[[Hello], Authenticate | None] = lambda _: None,
        backoff: Backoff | None = None,
        clock: Clock = _CLOCK,
        on_this_machine: bool = False,
        owes: Callable[[], bool] = lambda: False,
    ) -> None:
        """`owes`: whether the relay owes us something else than the answer to a question or to Hello."""
        self.is_on_this_machine: Final = on_this_machine
        self._owes = owes
        self._clock = clock
        self._dial = dial
        self._receive = receive
        self._on_up = on_up
        self._on_down = on_down
        self._introduce = introduce
        self._backoff = backoff or Backoff()
        self._questions: dict[int, Callable[[Answer], None]] = {}
        self._last_ref = 0
        self._protocol: ClientSideProtocol | None = None
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._acknowledgements: dict[bytes, Acknowledge] = {}
        self._up = asyncio.Event()
        self._up_since = 0.0
        self._hurried = asyncio.Event()
        self._heard = asyncio.Event()
        self._asked = asyncio.Event()
        self._quiet_since = 0.0
        # Whether something is owed, as far as was looked; whether it was asked for since it was last heard.
        self._is_owed = self._is_probed = self._owes_pong = False
        self._next: Socket | None = None
        self._refused: TeduhError | None = None

    @property
    def is_up(self) -> bool:
        """Whether frames can be sent now."""
        # Once it will never be up again the event is set too, to wake who waits for it.
        return self._up.is_set() and self._refused is None

    @property
    def hello(self) -> Hello:
        """What the relay said first on the present connection."""
        assert self._protocol is not None
        return self._protocol.hello

    def is_with(self, hello: Hello) -> bool:
        """Whether the connection that began with `hello` is up; any thread may ask."""
        protocol = self._protocol
        return self.is_up and protocol is not None and protocol.hello is hello

    def send(self, frame: AnyClientFrame) -> None:
        """Send `frame` if the link is up, else forget it: whoever needs it sent says so again in `on_up`.

        An Acknowledge is cumulative, and only lets the relay forget; so it goes with what is said next, in an
        Append to the same conversation, or after ACKNOWLEDGE_SECONDS, and a newer one takes its place.
        """
        if type(frame) is Acknowledge:
            if not self._acknowledgements:
                asyncio.get_running_loop().call_later(ACKNOWLEDGE_SECONDS, self._acknowledge)
            self._acknowledgements[frame.conversation_id] = frame
            return
        if type(frame) is Append:
            waiting = self._acknowledgements.pop(frame.conversation_id, None)
            if waiting is not None:
                frame = structs.replace(frame, has=waiting.seq)
        self._acknowledge()
        self._put(frame)

    def _acknowledge(self) -> None:
        waiting, self._acknowledgements = self._acknowledgements, {}
        for frame in waiting.values():
            self._put(frame)

    def _put(self, frame: AnyClientFrame) -> None:
        if self.is_up and self._protocol is not None and self._protocol.state is not State.CLOSED:
            self._outgoing.put_nowait(self._protocol.send(frame))
            self._look_soon()

    def _look_soon(self) -> None:
        # What is asked for now has been owed since now.
        if not self._is_owed and self._owes_something:
            self._lives()
            self._is_owed = True
            self._asked.set()

    def _lives(self) -> None:
        """There was a sign of life, or nothing was owed."""
        self._quiet_since = self._clock.now()
        self._is_probed = False

    @property
    def _owes_something(self) -> bool:
        return not self.is_up or bool(self._questions) or self._owes_pong or self._owes()

    def question(self, make: Callable[[int], AnyClientFrame], answer: Callable[[Answer], None]) -> None:
        """Send the frame that `make` returns for a fresh ref; `answer` is called once, with what comes
        back.
        """
        if not self.is_up:
            answer(RelayLost("there is no connection to the relay"))
            return
        self._last_ref = self._last_ref % 0xFFFF_FFFF + 1
        self._questions[self._last_ref] = answer
        self.send(make(self._last_ref))

    def hurry(self) -> None:
        """Do not wait any longer before the next attempt, and see whether the connection still lives: the
        network is another one, or somebody looks again.
        """
        self._hurried.set()
        if self.is_up:
            self._probe()

    def _probe(self) -> None:
        if self._protocol is not None:
            self._protocol.pinged(self._clock.now())
        self._owes_pong = True
        self.send(Ping(ref=NO_REF))
        self._is_probed = True

    async def answer_to(
        self, make: Callable[[int], AnyClientFrame], hear: Callable[[Answer], None] = lambda _: None
    ) -> Answer:
        """As `question`, and wait for the answer, whatever it is; `hear` is called with it at once.

        Whoever gives up waiting is in nobody's way: the answer still comes.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def resolve(answer: Answer) -> None:
            hear(answer)
            if not future.done():
                future.set_result(answer)

        self.question(make, resolve)
        return await future

    async def ask(
        self,
        make: Callable[[int], AnyClientFrame],
        wanted: type[_Wanted],
        at_once: Callable[[_Wanted], None] | None = None,
    ) -> _Wanted:
        """Wait until the link is up, ask, and wait for the answer.

        `at_once` is called with the answer before the next frame is looked at.

        Raises `RelayRefused`, `RelayLost` when the connection breaks before the answer, `RelayMisbehaved`
        when the answer is something else than `wanted`.
        """
        await self.wait_until_up()

        def hear(answer: Answer) -> None:
            if at_once is not None and isinstance(answer, wanted):
                at_once(answer)

        answer = await self.answer_to(make, hear)
        if isinstance(answer, RelayRefused | RelayLost):
            raise answer
        if not isinstance(answer, wanted):
            raise RelayMisbehaved(f"the answer is a {type(answer).__name__}")
        return answer

    async def wait_until_up(self) -> None:
        """Wait for the link; raises `AuthenticationRefused` or `ClientClosed` if it never comes up."""
        await self._up.wait()
        if self._refused is not None:
            raise self._refused

    async def run(self) -> None:
        """Keep the link up until cancelled; raises `AuthenticationRefused` if the relay does not want us."""
        try:
            while True:
                await self._connect_once()
                if self._next is None:
                    await self._wait_for(self._hurried, self._backoff.next_wait())
        except AuthenticationRefused as error:
            self._refused = error
            self._up.set()
            raise
        except BaseException:
            self._refused = ClientClosed("the link to the relay is closed")
            self._up.set()
            raise
        finally:
            if self._next is not None:
                let_go(self._next.close())

    async def _connect_once(self) -> None:
        """The life of one connection."""
        socket, self._next = self._next, None
        try:
            socket = socket or await race(self._dial, self._clock.sleep)
        except RelayLost:
            return
        self._protocol = ClientSideProtocol(self._clock.now())
        self._outgoing = asyncio.Queue()
        self._lives()
        self._is_owed, self._owes_pong = True, False
        tasks = [
            asyncio.create_task(self._read(socket)),
            asyncio.create_task(self._write(socket)),
            asyncio.create_task(self._keep_alive(socket)),
        ]
        try:
            await self._first_to_end(tasks)
        finally:
            self._down()
            for task in tasks:
                task.cancel()
            let_go(socket.close())
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _first_to_end(self, tasks: list[asyncio.Task[None]]) -> None:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            try:
                task.result()
            except (RelayLost, RemoteProtocolError):
                continue

    async def _wait_for(self, event: asyncio.Event, seconds: float) -> None:
        """Wait until it is set from now on, but not longer."""
        event.clear()
        waiting = asyncio.ensure_future(event.wait()), asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    async def _read(self, socket: Socket) -> None:
        protocol = self._protocol
        assert protocol is not None
        while True:
            frame = protocol.receive(await socket.receive(), self._clock.now())
            self._lives()
            self._owes_pong = False
            self._heard.set()
            if type(frame) is Hello:
                self._greet(frame)
            elif type(frame) is Authenticated:
                self._came_up(frame)
            elif type(frame) is Pong and frame.ref == NO_REF:
                continue
            elif type(frame) is Moving:
                self._backoff.asked_to_move(frame.within_ms / 1000)
                return
            else:
                self._dispatch(frame)

    def _greet(self, hello: Hello) -> None:
        introduction = self._introduce(hello)
        if introduction is None:
            self._came_up(None)
        elif self._protocol is not None:
            self._outgoing.put_nowait(self._protocol.send(introduction))

    def _came_up(self, authenticated: Authenticated | None) -> None:
        self._up_since = self._clock.now()
        self._up.set()
        self._asked.set()
        self._on_up(authenticated)

    def _dispatch(self, frame: AnyRelayFrame) -> None:
        answer = self._questions.pop(getattr(frame, "ref", 0), None)
        if type(frame) is Error:
            self._note(frame)
            if answer is not None:
                answer(refusal(frame))
                return
        if answer is not None:
            answer(frame)
        else:
            self._receive(frame)

    def _note(self, error: Error) -> None:
        if error.fatal and error.retry_after_ms:
            self._backoff.asked_to_wait(error.retry_after_ms / 1000)
        if error.fatal and not self.is_up:
            refused = refusal(error)
            if isinstance(refused, AuthenticationRefused):
                raise refused

    def _down(self) -> None:
        was_up = self.is_up
        self._up.clear()
        self._protocol = None
        self._acknowledgements = {}
        questions, self._questions = self._questions, {}
        for answer in questions.values():
            answer(RelayLost("the connection to the relay broke"))
        if was_up:
            if self._clock.now() - self._up_since >= _STEADY_SECONDS:
                self._backoff.succeeded()
            self._on_down()

    async def _write(self, socket: Socket) -> None:
        while True:
            await socket.send(await self._outgoing.get())

    async def _keep_alive(self, socket: Socket) -> None:
        """Show that we live, and look whether the relay does, until another connection has taken this one's
        place; raises `RelayLost` when there is none.
        """
        unsent = 0
        while True:
            before, unsent = unsent, getattr(socket, "unsent", 0)
            # What has left is no sign: a machine takes what its relay, which hangs, does not read.
            if 0 < unsent < before:
                self._lives()
            self._is_owed = self._owes_something
            self._show_life()
            if self._is_owed and self._silence >= _SILENT_SECONDS and await self._is_replaced():
                return
            await self._wait_for(self._asked, max(_SHORTEST_LOOK, self._until_next_look))

    @property
    def _silence(self) -> float:
        """Seconds since the last sign of life, or since something is owed."""
        return self._clock.now() - self._quiet_since

    @property
    def _ping_at(self) -> float:
        return self._protocol.ping_at() if self._protocol is not None else math.inf

    def _show_life(self) -> None:
        is_asked_for = self._is_owed and not self._is_probed and self._silence >= _PROBE_SECONDS
        if self.is_up and (is_asked_for or self._clock.now() >= self._ping_at):
            self._probe()

    @property
    def _until_next_look(self) -> float:
        if not self._is_owed:
            return self._ping_at - self._clock.now()
        return (_SILENT_SECONDS if self._is_probed or not self.is_up else _PROBE_SECONDS) - self._silence

    async def _is_replaced(self) -> bool:
        """Whether another connection was made before this silent one said something; only one that was up is
        replaced. Raises `RelayLost` when neither is heard in time.
        """
        self._heard.clear()
        hearing = asyncio.ensure_future(self._heard.wait())
        waiting = asyncio.ensure_future(self._clock.sleep(_GONE_SECONDS - _SILENT_SECONDS))
        dialling = asyncio.ensure_future(self._another())
        try:
            await asyncio.wait((hearing, waiting, dialling), return_when=asyncio.FIRST_COMPLETED)
            if not hearing.done() and not dialling.done():
                raise RelayLost("the relay is silent")
            return dialling.done() and await dialling
        finally:
            for each in (hearing, waiting, dialling):
                each.cancel()
            await asyncio.gather(hearing, waiting, dialling, return_exceptions=True)

    async def _another(self) -> bool:
        if not self.is_up:
            # Nobody knows yet that this relay answers at all.
            await asyncio.Event().wait()
        self._next = await race(self._dial, self._clock.sleep, REPLACING_SECONDS)
        return True
