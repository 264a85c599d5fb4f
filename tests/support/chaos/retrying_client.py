"""A member that never gives up: streams numbered messages through relays that die, and keeps what it was
given.

It does what PROTOCOL.md asks of a client: repeats an append under the same counter until it is accepted,
subscribes anew after the last place that it has without gap, puts its own accepted entries in their place,
acknowledges, and leaves a relay that is silent.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import Sequence
from contextlib import suppress

import aiohttp
from teduh_signaling.relay.frames import Accepted, Acknowledge, Append, Entry, Error, Ping

from support.clients.frame_client import FrameClient, connect
from support.organisation.relay_organisation import StaffDevice

_WINDOW = 8
_PAUSE_SECONDS = 0.03
_PING_SECONDS = 1.0
_SILENT_SECONDS = 4.0


class Contradiction(Exception):
    """The log is not what it was: an entry has changed, or what was there is missing."""


class RetryingClient:
    """One member of one conversation. `log` is what its application has, by place."""

    def __init__(
        self,
        urls: Sequence[str],
        conversation_id: bytes,
        *,
        epoch: int,
        after: int,
        counter: int = 0,
        capability: bytes | None = None,
        device: StaffDevice | None = None,
    ) -> None:
        self._urls = itertools.cycle(urls)
        self._conversation = conversation_id
        self._epoch = epoch
        self._counter = counter
        self._capability = capability
        self._device = device
        self._member = -1
        self._outbox: dict[int, bytes] = {}
        self._sent = counter
        self.log: dict[int, bytes] = {}
        self.cursor = after
        self.accepted: set[bytes] = set()
        self.connections = 0
        self._client: FrameClient | None = None
        self._said_at: dict[int, float] = {}
        self.latencies: list[tuple[float, float]] = []
        """When each accepted message was said, by the monotonic clock, and how long its acceptance took."""

    @property
    def said(self) -> int:
        return len(self._said_at)

    def say(self, payload: bytes) -> None:
        """Put a message into the outbox."""
        self._counter += 1
        self._outbox[self._counter] = payload
        self._said_at[self._counter] = time.monotonic()

    @property
    def done(self) -> bool:
        """Whether everything said is accepted."""
        return not self._outbox

    def hop(self) -> None:
        """Lose the connection, and go on at the next relay."""
        if self._client is not None and (end := self._client.socket.get_extra_info("socket")) is not None:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, connect=5)) as session:
            while True:
                with suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
                    await self._connection(session)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _connection(self, session: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(_SILENT_SECONDS):
            client = await connect(session, next(self._urls))
        self.connections += 1
        self._client = client
        try:
            async with asyncio.timeout(_SILENT_SECONDS):
                if self._device is not None:
                    await client.authenticate(self._device)
                subscribed = await client.subscribe(self._conversation, self.cursor, self._capability)
            if subscribed.last_seq < self.cursor:
                raise Contradiction(f"{self.cursor} entries were accepted, {subscribed.last_seq} are left")
            self._member = subscribed.member
            self._drop_up_to(subscribed.counter)
            self._sent = subscribed.counter
            for frame in client.seen:
                self._take(frame)
            sending = asyncio.create_task(self._send(client))
            try:
                await self._receive(client)
            finally:
                # Before the next connection begins, or it would take over what that one has to send.
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        except AssertionError as refused:
            # The store was away for a moment.
            raise ConnectionError(str(refused)) from refused
        finally:
            await client.socket.close()

    async def _send(self, client: FrameClient) -> None:
        acknowledged, ping_at = 0, time.monotonic()
        while True:
            if time.monotonic() > ping_at:
                ping_at += _PING_SECONDS
                await client.send(Ping(9))
            for counter, payload in list(self._outbox.items())[:_WINDOW]:
                if counter > self._sent:
                    self._sent = counter
                    await client.send(Append(self._conversation, counter, 0, self._epoch, payload))
            if self.cursor > acknowledged:
                acknowledged = self.cursor
                await client.send(Acknowledge(self._conversation, acknowledged))
            await asyncio.sleep(0.001)

    async def _receive(self, client: FrameClient) -> None:
        while True:
            self._take(await client.receive(_SILENT_SECONDS))

    def _take(self, frame: object) -> None:
        if isinstance(frame, Entry):
            self._place(frame.seq, frame.payload)
            if frame.member == self._member:
                self.accepted.add(frame.payload)
        elif isinstance(frame, Accepted):
            payload = self._outbox.get(frame.counter)
            if payload is not None and frame.seq:
                self._place(frame.seq, payload)
            self._drop_up_to(frame.counter)
        elif isinstance(frame, Error):
            raise ConnectionError(frame.code.value)

    def _drop_up_to(self, counter: int) -> None:
        for each in [each for each in self._outbox if each <= counter]:
            self.accepted.add(self._outbox.pop(each))
            said = self._said_at[each]
            self.latencies.append((said, time.monotonic() - said))

    def _place(self, seq: int, payload: bytes) -> None:
        known = self.log.setdefault(seq, payload)
        if known != payload:
            raise Contradiction(f"two different entries at place {seq}")
        while self.cursor + 1 in self.log:
            self.cursor += 1
