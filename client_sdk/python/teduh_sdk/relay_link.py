"""A lasting link to the relay: connects, greets, keeps alive, and connects again for as long as it is wanted.

    run ──> dial ──> Hello ──> (Authenticate ──> Authenticated) ──> on_up ──> frames ... ──> on_down ─┐
     ^                                                                                                │
     └──────────────── wait: exponential backoff with full jitter, or what the relay asked for ───────┘

Frames are handed on in order, one at a time, without awaiting in between, so that what the answer to a
question begins (a subscription) is in place before the next frame is looked at.
"""

from __future__ import annotations

import asyncio
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
    RelayLost,
    RelayMisbehaved,
    RelayRefused,
    RequestGone,
    TeduhError,
)
from teduh_sdk.transport import Backoff, Dial, Socket

_SHORTEST_LOOK: Final = 0.05
_BEFORE_HELLO: Final = 1.0
"""Seconds between two looks at whether the relay lives until Hello has told how long its heartbeat is."""
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
    ErrorCode.REQUEST_GONE: RequestGone,
    ErrorCode.QUEUE_EMPTY: RequestGone,
}


def refusal(error: Error) -> RelayRefused:
    """The exception for an error of the relay."""
    return _REFUSALS.get(error.code, RelayRefused)(error.code, error.detail, error.retry_after_ms)


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
    ) -> None:
        self.is_on_this_machine: Final = on_this_machine
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

    async def answer_to(
        self, make: Callable[[int], AnyClientFrame], hear: Callable[[Answer], None] = lambda _: None
    ) -> Answer:
        """As `question`, and wait for the answer, whatever it is; `hear` is called with it at once.

        Whoever gives up waiting is in nobody's way: the answer still comes.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def settle(answer: Answer) -> None:
            hear(answer)
            if not future.done():
                future.set_result(answer)

        self.question(make, settle)
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
                await self._clock.sleep(self._backoff.next_wait())
        except AuthenticationRefused as error:
            self._refused = error
            self._up.set()
            raise
        except BaseException:
            self._refused = ClientClosed("the link to the relay is closed")
            self._up.set()
            raise

    async def _connect_once(self) -> None:
        try:
            socket = await self._dial()
        except RelayLost:
            return
        self._protocol = ClientSideProtocol(self._clock.now())
        self._outgoing = asyncio.Queue()
        tasks = [
            asyncio.create_task(self._read(socket)),
            asyncio.create_task(self._write(socket)),
            asyncio.create_task(self._keep_alive()),
        ]
        try:
            await self._first_to_end(tasks)
        finally:
            self._down()
            for task in tasks:
                task.cancel()
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:
                await socket.close()

    async def _first_to_end(self, tasks: list[asyncio.Task[None]]) -> None:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            try:
                task.result()
            except (RelayLost, RemoteProtocolError):
                continue

    async def _read(self, socket: Socket) -> None:
        protocol = self._protocol
        assert protocol is not None
        while True:
            frame = protocol.receive(await socket.receive(), self._clock.now())
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

    async def _keep_alive(self) -> None:
        # Two questions at once: is it time to show that we live, and has the relay been silent for too long?
        protocol = self._protocol
        assert protocol is not None
        while (now := self._clock.now()) < protocol.gone_at():
            if now >= protocol.ping_at() and self.is_up:
                self.send(Ping(ref=NO_REF))
                protocol.pinged(now)
            is_greeted = protocol.state is not State.AWAITING_HELLO
            wait = min(protocol.ping_at(), protocol.gone_at()) - now if is_greeted else _BEFORE_HELLO
            await self._clock.sleep(max(_SHORTEST_LOOK, wait))
