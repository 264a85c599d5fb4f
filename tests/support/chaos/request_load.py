"""Survivors who ask for help and counselors who take requests, through relays that fail; and what became of
every request.

A survivor repeats her request under the same capability until it is opened; a counselor takes what waits, or
what she is offered, and goes on until its first commit is accepted, or the relay tells her that her lease has
ended.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
from teduh_signaling.relay.frames import (
    Accepted,
    AnswerOffer,
    AnyClientFrame,
    AnyRelayFrame,
    Append,
    Availability,
    Claim,
    Claimed,
    Done,
    Error,
    ErrorCode,
    Offer,
    OpenRequest,
    RequestOpened,
    SetAvailability,
    Subscribe,
    Subscribed,
    Unsubscribe,
)

from support.clients.frame_client import FrameClient, connect
from support.eventually import eventually
from support.organisation.relay_organisation import StaffDevice

_F = TypeVar("_F", bound=AnyRelayFrame)
_PAUSE_SECONDS = 0.1
_SILENT_SECONDS = 4.0
_OFFER_SECONDS = 1.0
"""How long she waits for an offer before she says again that she is there, and sees whether the relay is."""
_BACK_SECONDS = 30.0
_GIVE_UP = (aiohttp.ClientError, ConnectionError, TimeoutError, AssertionError)


class RequestLoad:
    """Requests at a steady pace, and everybody who answers them."""

    def __init__(
        self,
        urls: Sequence[str],
        devices: Sequence[StaffDevice],
        per_second: float,
        *,
        offered: bool = False,
    ) -> None:
        """`offered`: the relays offer requests, rather than let counselors claim them."""
        self._urls = urls
        self._counselor = _OfferedCounselor if offered else _Counselor
        self.devices = devices
        self._per_second = per_second
        self.opened: dict[bytes, bytes] = {}
        """Capabilities, by conversation."""
        self.answered: dict[bytes, list[bytes]] = {}
        """Whose first commit was accepted, by conversation."""
        self._opening: set[asyncio.Task[None]] = set()
        self._claiming: list[asyncio.Task[None]] = []
        self._asking: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._claiming = [
            asyncio.create_task(self._counselor(self._urls, number, device, self.answered).run())
            for number, device in enumerate(self.devices)
        ]
        self._asking = asyncio.create_task(self._ask())

    async def drain(self, within: float) -> None:
        """No more requests; wait until all are answered."""
        assert self._asking is not None
        self._asking.cancel()
        async with asyncio.timeout(within):
            await asyncio.gather(*self._opening)
            await eventually(lambda: len(self.answered) >= len(self.opened), within)

    async def stop(self) -> None:
        tasks = [*self._claiming, *self._opening, *([self._asking] if self._asking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def check(self) -> None:
        """Every request that was opened was answered once, by one device."""
        assert set(self.answered) == set(self.opened), "a request was forgotten"
        assert all(len(by) == 1 for by in self.answered.values()), "a request was answered twice"
        async with aiohttp.ClientSession() as session:
            client = await connect(session, self._urls[0])
            for conversation, capability in self.opened.items():
                state = await _member_state(client, Subscribe(1, conversation, 0, capability))
                assert (state.epoch, state.last_seq) == (1, 2), "a conversation was begun twice"
                await client.send(Unsubscribe(conversation))
            await client.socket.close()

    async def _ask(self) -> None:
        for number in itertools.count():
            task = asyncio.create_task(self._open(number))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
            await asyncio.sleep(1 / self._per_second)

    async def _open(self, number: int) -> None:
        capability = secrets.token_bytes(32)
        urls = _from(self._urls, number)
        async with aiohttp.ClientSession() as session:
            while True:
                with suppress(*_GIVE_UP):
                    async with asyncio.timeout(_SILENT_SECONDS):
                        client = await connect(session, next(urls))
                        opened = await client.ask(OpenRequest(1, capability, b"key package"), RequestOpened)
                        self.opened[opened.conversation_id] = capability
                        await client.socket.close()
                    return
                await asyncio.sleep(_PAUSE_SECONDS)


@dataclass(slots=True)
class _Counselor:
    """One device that takes one request after the other."""

    urls: Sequence[str]
    number: int
    device: StaffDevice
    answered: dict[bytes, list[bytes]]
    claimed: bytes | None = None

    async def run(self) -> None:
        urls = _from(self.urls, self.number)
        async with aiohttp.ClientSession() as session:
            while True:
                with suppress(*_GIVE_UP):
                    async with asyncio.timeout(_SILENT_SECONDS):
                        client = await connect(session, next(urls))
                        await client.authenticate(self.device)
                    try:
                        await self._work(client)
                    finally:
                        await client.socket.close()
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _work(self, client: FrameClient) -> None:
        while True:
            async with asyncio.timeout(_SILENT_SECONDS):
                if self.claimed is not None:
                    await self._go_on(client, self.claimed)
                else:
                    await self._take_next(client)

    async def _take_next(self, client: FrameClient) -> None:
        await self._taken(client, await _answer(client, Claim(2, None), Claimed))

    async def _taken(self, client: FrameClient, answer: Claimed | Error) -> None:
        if isinstance(answer, Claimed):
            self.claimed = answer.conversation_id
            await self._begin(client, self.claimed)
        else:
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _go_on(self, client: FrameClient, conversation: bytes) -> None:
        """The connection broke before the first commit was known to be accepted."""
        answer = await _answer(client, Subscribe(3, conversation, 0, None), Subscribed)
        if isinstance(answer, Subscribed) and answer.counter:
            self._done(conversation)
        elif isinstance(answer, Subscribed):
            await self._begin(client, conversation)
        elif answer.code is ErrorCode.UNKNOWN_CONVERSATION:
            self.claimed = None  # The lease has ended.
        else:
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _begin(self, client: FrameClient, conversation: bytes) -> None:
        commit = Append(conversation, 1, 1, 0, b"commit", b"welcome")
        answer = await _answer(client, commit, Accepted)
        if isinstance(answer, Accepted):
            self._done(conversation)
        elif answer.code is not ErrorCode.UNAVAILABLE:
            self.claimed = None

    def _done(self, conversation: bytes) -> None:
        self.claimed = None
        self.answered.setdefault(conversation, []).append(self.device.id)


class _OfferedCounselor(_Counselor):
    """The same, who says that she has a seat, and accepts what she is offered."""

    async def _take_next(self, client: FrameClient) -> None:
        # Told anew each time: what she has taken counts against what she said before.
        await _answer(client, SetAvailability(2, Availability.AVAILABLE, 1), Done)
        with suppress(TimeoutError):
            offer = await asyncio.wait_for(client.expect(Offer), _OFFER_SECONDS)
            accepted = AnswerOffer(4, offer.conversation_id, accepted=True)
            await self._taken(client, await _answer(client, accepted, Claimed))


def _from(urls: Sequence[str], number: int) -> Iterator[str]:
    """All of them again and again, from a certain one on."""
    return itertools.islice(itertools.cycle(urls), number % len(urls), None)


async def _member_state(client: FrameClient, frame: Subscribe) -> Subscribed:
    """Where a conversation stands; asked again while the relay finds its way back to the store."""
    async with asyncio.timeout(_BACK_SECONDS):
        while True:
            answer = await _answer(client, frame, Subscribed)
            if isinstance(answer, Subscribed):
                return answer
            assert answer.code is ErrorCode.UNAVAILABLE, answer.code
            await asyncio.sleep(_PAUSE_SECONDS)


async def _answer(client: FrameClient, frame: AnyClientFrame, wanted: type[_F]) -> _F | Error:
    await client.send(frame)
    while True:
        received = await client.receive()
        if isinstance(received, wanted | Error):
            return received
        if isinstance(received, Offer):
            client.seen.append(received)
