"""One connection to the store, on hiredis alone: many commands in one write, replies to callbacks in order.

redis-py costs more per command than the server itself does, so it is left out of the way that every message
takes; parsing and packing are hiredis', which redis-py uses too. What one event-loop tick asks is sent in
one write at its end:

::

    call  call  call | tick ends |  one write  ---->  server
    on_reply <- on_reply <- on_reply  <- one read  <----
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import hiredis

from teduh_server.redis_store.exceptions import StoreRefused, StoreUnavailable

Argument = bytes | str | int
Command = tuple[Argument, ...]
Reply = None | int | bytes | list["Reply"]
Answer = Reply | StoreRefused | StoreUnavailable
OnAnswer = Callable[[Answer], None]

# hiredis' stub says a tuple of exactly one element.
_pack: Callable[[Command], bytes] = hiredis.pack_command  # type: ignore[assignment]


class Wire(asyncio.Protocol):
    """A connection that answers commands in order. Used by one event loop."""

    __slots__ = ("_batch", "_loop", "_lost", "_on_lost", "_reader", "_scripts", "_transport", "_waiting")

    def __init__(self, on_lost: Callable[[], None], scripts: Mapping[Argument, bytes]) -> None:
        """`scripts` are the sources of the scripts that commands name by SHA-1."""
        self._scripts = scripts
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[OnAnswer, Command]] = deque()
        self._batch: list[bytes] = []
        self._transport: asyncio.WriteTransport | None = None
        self._on_lost = on_lost
        self._lost = False

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._lost

    def call(self, command: Command, on_answer: OnAnswer) -> None:
        """Send a command with this tick's batch. `on_answer` is called exactly once, later, never from
        here.
        """
        if self._lost:
            self._loop.call_soon(on_answer, StoreUnavailable("the connection to the store is lost"))
            return
        if not self._batch:
            self._loop.call_soon(self._flush)
        self._batch.append(_pack(command))
        self._waiting.append((on_answer, command))

    def ask(self, command: Command) -> asyncio.Future[Reply]:
        """The same as a future; raises StoreUnavailable or StoreRefused."""
        future: asyncio.Future[Reply] = self._loop.create_future()
        self.call(command, settling(future))
        return future

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        if self._transport is not None and not self._lost:
            self._transport.write(b"".join(batch))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by inheritance.
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        reader, waiting = self._reader, self._waiting
        reader.feed(data)
        while True:
            reply = reader.gets()
            if reply is False:
                return
            on_answer, command = waiting.popleft()
            if isinstance(reply, hiredis.HiredisError):
                self._refused(reply, on_answer, command)
            else:
                on_answer(reply)

    def _refused(self, error: hiredis.HiredisError, on_answer: OnAnswer, command: Command) -> None:
        script = self._scripts.get(command[1]) if str(error).startswith("NOSCRIPT") else None
        if script is None:
            on_answer(StoreRefused(str(error)))
        else:
            # The server has forgotten the script: send it whole, which also makes it known again.
            self.call((b"EVAL", script, *command[2:]), on_answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        waiting, self._waiting = self._waiting, deque()
        for on_answer, _ in waiting:
            on_answer(StoreUnavailable("the connection to the store broke"))
        self._on_lost()


class ChannelWire(asyncio.Protocol):
    """A connection that listens to channels and hands over every message."""

    __slots__ = ("_on_lost", "_on_message", "_on_subscribed", "_reader", "_transport")

    def __init__(
        self,
        on_message: Callable[[bytes], None],
        on_subscribed: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._reader = hiredis.Reader()
        self._on_message = on_message
        self._on_subscribed = on_subscribed
        self._on_lost = on_lost
        self._transport: asyncio.WriteTransport | None = None

    def send(self, commands: Sequence[Command]) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(_pack(command) for command in commands))

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by inheritance.
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            if isinstance(reply, hiredis.HiredisError):
                self.abort()
            elif isinstance(reply, list) and reply[0] == b"message":
                self._on_message(reply[2])
            elif isinstance(reply, list) and reply[0] == b"subscribe":
                self._on_subscribed()

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost()


def settling(future: asyncio.Future[Reply]) -> OnAnswer:
    """An `on_answer` that settles `future`."""

    def settle(answer: Answer) -> None:
        if future.done():
            return
        if isinstance(answer, StoreRefused | StoreUnavailable):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    return settle
