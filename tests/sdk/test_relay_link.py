"""The link to the relay: up again after whatever happens, and answers to whom they belong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace
from support.clients.scripted_socket import HELLO, ScriptedRelay, ScriptedSocket
from teduh_sdk.exceptions import AuthenticationRefused, RelayLost, RelayMisbehaved, RelayRefused, TeduhError
from teduh_sdk.net.relay_link import ACKNOWLEDGE_SECONDS, Answer, Clock, RelayLink
from teduh_sdk.net.transport import Backoff
from teduh_signaling.relay.frames import (
    Acknowledge,
    AnyRelayFrame,
    Append,
    Authenticate,
    Authenticated,
    Done,
    Error,
    ErrorCode,
    Hello,
    Leave,
    Moving,
    Ping,
    Pong,
    QueueChanged,
    QueuePosition,
)
from teduh_signaling.relay.protocol import DEFAULT_HEARTBEAT_SECONDS

CONVERSATION = b"c" * 16
POSITION = QueuePosition(CONVERSATION, 1)


class FastClock:
    """Waiting takes no time, but passes it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        await quiet()
        self.seconds += seconds


@dataclass
class Linked:
    """A link that runs, and what it told."""

    relay: ScriptedRelay
    received: list[AnyRelayFrame] = field(default_factory=list)
    ups: list[Authenticated | None] = field(default_factory=list)
    downs: int = 0
    waits: list[tuple[float, float]] = field(default_factory=list)
    link: RelayLink = field(init=False)

    def down(self) -> None:
        self.downs += 1

    def jitter(self, low: float, high: float) -> float:
        """Remembers what would have been waited for at most, and waits for nothing."""
        self.waits.append((low, high))
        return 0.0

    async def connection(self, hello: Hello | None = HELLO) -> ScriptedSocket:
        socket = await self.relay.connections.get()
        if hello is not None:
            socket.say(hello)
        return socket

    def leave(self, ref: int) -> Leave:
        return Leave(ref, CONVERSATION)


@asynccontextmanager
async def linked(
    relay: ScriptedRelay | None = None,
    introduce: Callable[[Hello], Authenticate | None] = lambda _: None,
    clock: FastClock | None = None,
) -> AsyncIterator[Linked]:
    time = Clock() if clock is None else Clock(clock.now, clock.sleep)
    them = Linked(relay or ScriptedRelay())
    them.link = RelayLink(
        them.relay.dial,
        receive=them.received.append,
        on_up=them.ups.append,
        on_down=them.down,
        introduce=introduce,
        backoff=Backoff(them.jitter),
        clock=time,
    )
    task = asyncio.create_task(them.link.run())
    async with asyncio.timeout(20):
        try:
            yield them
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, TeduhError):
                await task


async def quiet() -> None:
    """Let everything that is ready to run do so."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_it_is_up_after_hello_and_hands_on_what_comes() -> None:
    async with linked() as them:
        socket = await them.connection()
        await them.link.wait_until_up()
        socket.say(POSITION)
        await quiet()
        assert them.ups == [None]
        assert them.received == [POSITION]


async def test_it_tries_until_somebody_is_there_waiting_longer_each_time() -> None:
    async with linked(ScriptedRelay(refusals=4)) as them:
        await them.connection()
        await them.link.wait_until_up()
        longest = [high for _, high in them.waits]
        assert longest == sorted(set(longest))
        assert {low for low, _ in them.waits} == {0.0}


async def test_it_comes_back_after_a_break_and_closes_the_old_connection() -> None:
    async with linked() as them:
        first = await them.connection()
        await them.link.wait_until_up()
        first.break_off()
        await them.connection()
        await quiet()
        assert first.is_closed
        assert (them.ups, them.downs) == ([None, None], 1)


async def test_acknowledgements_wait_for_the_next_one_but_not_long() -> None:
    async with linked() as them:
        socket = await them.connection()
        await them.link.wait_until_up()
        other = b"o" * 16
        for frame in (Acknowledge(CONVERSATION, 1), Acknowledge(other, 7), Acknowledge(CONVERSATION, 3)):
            them.link.send(frame)
        await quiet()
        assert socket.sent.empty()
        assert await socket.sent.get() == Acknowledge(CONVERSATION, 3)
        assert await socket.sent.get() == Acknowledge(other, 7)
        assert socket.sent.empty()


async def test_what_is_acknowledged_is_told_before_anything_else_is_said() -> None:
    async with linked() as them:
        socket = await them.connection()
        await them.link.wait_until_up()
        them.link.send(Acknowledge(CONVERSATION, 4))
        them.link.send(them.leave(1))
        await quiet()
        assert socket.sent.get_nowait() == Acknowledge(CONVERSATION, 4)
        assert socket.sent.get_nowait() == them.leave(1)


async def test_what_is_acknowledged_travels_in_what_is_appended() -> None:
    async with linked() as them:
        socket = await them.connection()
        await them.link.wait_until_up()
        other = b"o" * 16
        append = Append(CONVERSATION, 1, 0, 1, b"sealed")
        for frame in (Acknowledge(CONVERSATION, 4), Acknowledge(other, 7), append, append):
            them.link.send(frame)
        await quiet()
        assert socket.sent.get_nowait() == Acknowledge(other, 7)
        assert socket.sent.get_nowait() == replace(append, has=4)
        # What is said again says what was meant then, and nothing of its own.
        assert socket.sent.get_nowait() == append
        await asyncio.sleep(2 * ACKNOWLEDGE_SECONDS)
        assert socket.sent.empty()


async def test_an_acknowledgement_does_not_outlive_its_connection() -> None:
    """On the next one nothing is subscribed yet; how far it was read is told there anew."""
    async with linked() as them:
        first = await them.connection()
        await them.link.wait_until_up()
        them.link.send(Acknowledge(CONVERSATION, 4))
        first.break_off()
        second = await them.connection()
        await them.link.wait_until_up()
        await asyncio.sleep(2 * ACKNOWLEDGE_SECONDS)
        assert first.sent.empty()
        assert second.sent.empty()


async def test_an_answer_goes_to_who_asked() -> None:
    async with linked() as them:
        socket = await them.connection()
        one = asyncio.create_task(them.link.ask(them.leave, Done))
        other = asyncio.create_task(them.link.ask(them.leave, Done))
        first, second = await socket.sent.get(), await socket.sent.get()
        assert isinstance(first, Leave)
        assert isinstance(second, Leave)
        socket.say(Done(second.ref), Done(first.ref))
        assert (await one).ref == first.ref
        assert (await other).ref == second.ref


async def test_a_refusal_is_raised_to_who_asked() -> None:
    async with linked() as them:
        socket = await them.connection()
        asking = asyncio.create_task(them.link.ask(them.leave, Done))
        asked = await socket.sent.get()
        assert isinstance(asked, Leave)
        socket.say(Error(ErrorCode.TOO_MANY, "later", ref=asked.ref))
        with pytest.raises(RelayRefused) as refused:
            await asking
        assert refused.value.code is ErrorCode.TOO_MANY
        assert them.received == []


async def test_an_answer_of_the_wrong_kind_is_the_relays_fault() -> None:
    async with linked() as them:
        socket = await them.connection()
        asking = asyncio.create_task(them.link.ask(them.leave, Done))
        asked = await socket.sent.get()
        assert isinstance(asked, Leave)
        socket.say(Pong(asked.ref))
        with pytest.raises(RelayMisbehaved):
            await asking


async def test_a_question_that_the_break_swallowed_is_said_to_be_lost() -> None:
    async with linked() as them:
        socket = await them.connection()
        asking = asyncio.create_task(them.link.ask(them.leave, Done))
        await socket.sent.get()
        socket.break_off()
        with pytest.raises(RelayLost):
            await asking


async def test_an_answer_is_dealt_with_before_the_next_frame() -> None:
    """A subscription must be in place before its first entry is looked at."""
    async with linked() as them:
        order: list[object] = []
        socket = await them.connection()
        await them.link.wait_until_up()
        them.link.question(them.leave, order.append)
        asked = await socket.sent.get()
        assert isinstance(asked, Leave)
        them.received.append(Pong(0))
        them.link._receive = order.append
        socket.say(Done(asked.ref), POSITION)
        await quiet()
        assert order == [Done(asked.ref), POSITION]


async def test_a_question_without_a_link_is_answered_at_once() -> None:
    async with linked(ScriptedRelay(refusals=1_000_000)) as them:
        answers: list[Answer] = []
        them.link.question(them.leave, answers.append)
        assert [type(answer) for answer in answers] == [RelayLost]


async def test_garbage_ends_the_connection_and_a_new_one_is_made() -> None:
    async with linked() as them:
        socket = await them.connection()
        socket.say_bytes(b"\xc1")
        await them.connection()
        assert socket.is_closed


async def test_a_frame_out_of_place_ends_the_connection() -> None:
    """An anonymous client is told nothing that is for staff."""
    async with linked() as them:
        socket = await them.connection()
        socket.say(QueueChanged(3))
        await them.connection()
        assert them.received == []


async def test_a_relay_of_another_version_is_not_talked_to() -> None:
    async with linked() as them:
        refused = await them.connection(Hello(2, b"n" * 32, 0, HELLO.limits))
        await them.connection()
        await them.link.wait_until_up()
        assert refused.is_closed
        assert them.ups == [None]


async def test_moving_moves_within_the_time_that_was_given() -> None:
    async with linked() as them:
        socket = await them.connection()
        socket.say(Moving(within_ms=7000))
        await them.connection()
        assert them.waits == [(0.0, 7.0)]


async def test_staff_authenticate_before_the_link_is_up() -> None:
    introduction = Authenticate("statement", b"s" * 64)
    async with linked(introduce=lambda _: introduction) as them:
        socket = await them.connection()
        assert await socket.sent.get() == introduction
        assert not them.link.is_up
        authenticated = Authenticated(b"d" * 32, 1_800_000_000, 0)
        socket.say(authenticated)
        await them.link.wait_until_up()
        assert them.ups == [authenticated]


async def test_a_refused_authentication_is_not_tried_again() -> None:
    async with linked(introduce=lambda _: Authenticate("statement", b"s" * 64)) as them:
        socket = await them.connection()
        await socket.sent.get()
        socket.say(Error(ErrorCode.STATEMENT_REVOKED, "revoked", fatal=True))
        with pytest.raises(AuthenticationRefused):
            await them.link.wait_until_up()
        await quiet()
        assert them.relay.attempts == 1


async def test_what_the_relay_asks_to_wait_is_waited_for() -> None:
    backoff = Backoff(lambda low, high: low)
    backoff.asked_to_wait(3.5)
    assert backoff.next_wait() == 3.5
    assert backoff.next_wait() == 0.0


async def test_a_silent_connection_is_asked_whether_it_lives_and_then_left() -> None:
    clock = FastClock()
    async with linked(clock=clock) as them:
        socket = await them.connection()
        assert isinstance(await socket.sent.get(), Ping)
        asked = clock.seconds
        await them.connection()
        await quiet()
        assert socket.is_closed
        assert clock.seconds - asked < HELLO.limits.heartbeat_seconds


async def test_it_goes_by_the_relays_heartbeat_as_soon_as_hello_has_named_it() -> None:
    clock = FastClock()
    hasty = replace(HELLO, limits=replace(HELLO.limits, heartbeat_seconds=3))
    async with linked(clock=clock) as them:
        socket = await them.connection(hasty)
        await them.connection()
        await quiet()
        assert socket.is_closed
        assert clock.seconds < DEFAULT_HEARTBEAT_SECONDS
