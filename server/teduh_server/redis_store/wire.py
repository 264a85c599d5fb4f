"""One connection to the store, on hiredis alone: many commands in one write, replies to callbacks in order.

redis-py costs more per command than the server itself does, so it is left out of the way that every message
takes; parsing and packing are hiredis', which redis-py uses too. What one event-loop tick asks is sent in
one write at its end, but for the first append of a tick while nothing else is under way:

::

    call  call  call | tick ends |  one write  ---->  server
    on_reply <- on_reply <- on_reply  <- one read  <----
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, cast

import hiredis

from teduh_server.redis_store.commands import Answer, Argument, Command, OnAnswer, OnRedirect, Reply
from teduh_server.redis_store.exceptions import FULL_OR_FAILING, StoreRefused, StoreUnavailable
from teduh_server.redis_store.script_batch import ScriptBatch

_PASSING = frozenset(
    {"CLUSTERDOWN", "LOADING", "MASTERDOWN", "NOREPLICAS", "READONLY", "TRYAGAIN", "UNBLOCKED"}
)
"""Error replies of a server that cannot take the command now and did not."""

_pack: Callable[[Command], bytes] = hiredis.pack_command  # type: ignore[assignment]  # its stub: one element


class _Plain(asyncio.Protocol):
    """What Wire and ChannelWire share."""

    __slots__ = ("_transport",)

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by inheritance.
        self._transport = cast(asyncio.WriteTransport, transport)

    def eof_received(self) -> bool | None:
        """The server has ended: so does the connection."""
        return None

    def pause_writing(self) -> None:
        """What waits for answers is bounded by those who ask."""

    def resume_writing(self) -> None:
        """Nothing was paused."""


class Wire(_Plain):
    """A connection that answers commands in order. Used by one event loop."""

    _at_once: ClassVar[bool] = True
    __slots__ = (
        "_batch",
        "_batches",
        "_flushing",
        "_loop",
        "_on_lost",
        "_on_redirect",
        "_on_refused",
        "_reader",
        "_scripts",
        "_waiting",
        "lost",
    )

    def __init__(
        self,
        on_lost: Callable[[], None],
        scripts: Mapping[Argument, bytes],
        on_redirect: OnRedirect | None = None,
        on_refused: Callable[[str], None] = lambda cause: None,
    ) -> None:
        """`scripts` are the sources of the scripts that commands name by SHA-1.

        `on_redirect` takes what a node of a cluster did not do because it belongs to another node;
        `on_refused` is told when the server takes no writes, by its word for that (`FULL_OR_FAILING`).
        """
        super().__init__()
        self._scripts = scripts
        self._on_redirect = on_redirect
        self._on_refused = on_refused
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[OnAnswer, Command]] = deque()
        self._batch: list[bytes] = []
        self._batches: dict[Argument, ScriptBatch] = {}
        self._flushing = False
        self._on_lost = on_lost
        self.lost = False

    def call(self, command: Command, on_answer: OnAnswer) -> None:
        """Send a command with this tick's batch. `on_answer` is called exactly once, later, never from
        here.
        """
        if self._batches:
            self._end_joints()
        if self.lost:
            self._loop.call_soon(on_answer, StoreUnavailable("the connection to the store is lost"))
            return
        if not self._flushing:
            self._flush_soon()
        self._batch.append(_pack(command))
        self._waiting.append((on_answer, command))

    def call_joined(
        self, command: Command, shared: int, on_answer: OnAnswer, *, at_once: bool = True
    ) -> None:
        """`call` for a script that answers a list: with others of it in this tick it goes as one, until some
        `call` comes; unless this server is one of a cluster, where their keys would lie elsewhere.
        Against another script's it keeps no order.

        The first `shared` arguments are the same for all. `on_answer` is given this command's own answer.
        Where nothing is under way it goes at once; or, with `at_once` off, with what else this tick asks.
        """
        batch = self._batches.get(command[1])
        if batch is not None:
            if batch.add(command, on_answer):
                return
            self._end_joints()
        self._batches[command[1]] = ScriptBatch(command, shared, on_answer)
        if self._on_redirect is not None:
            self._end_joints()
        elif at_once and self._at_once and not self._waiting and not self._flushing:
            # Nothing is under way: where little is said, nothing is gained by waiting for the tick's end.
            self._flush()
        elif not self._flushing:
            self._flush_soon()

    def ask(self, command: Command) -> asyncio.Future[Reply]:
        """The same as a future; raises StoreUnavailable or StoreRefused."""
        future: asyncio.Future[Reply] = self._loop.create_future()
        self.call(command, resolving(future))
        return future

    def _end_joints(self) -> None:
        batches, self._batches = self._batches, {}
        for batch in batches.values():
            self.call(batch.command(), batch.answered)

    def _flush_soon(self) -> None:
        self._flushing = True
        self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._end_joints()
        self._flushing = False
        batch, self._batch = self._batch, []
        if batch and self._transport is not None and not self.lost:
            self._transport.write(b"".join(batch))

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
        text = str(error)
        word = text.partition(" ")[0]
        if word in FULL_OR_FAILING:
            self._on_refused(word)
        script = self._scripts.get(command[1]) if word == "NOSCRIPT" else None
        if script is not None:
            # The server has forgotten the script: send it whole, which also makes it known again.
            self._resend((b"EVAL", script, *command[2:]), on_answer)
        elif word in ("MOVED", "ASK") and self._on_redirect is not None:
            self._redirect(self._on_redirect, text, command, on_answer)
        elif word in _PASSING:
            on_answer(StoreUnavailable(text))
            if word == "READONLY":
                # A master that has become a replica: whoever connects anew finds the new one.
                self.abort()
        else:
            on_answer(StoreRefused(text))

    def _resend(self, command: Command, on_answer: OnAnswer) -> None:
        self.call(command, on_answer)

    def _redirect(self, on_redirect: OnRedirect, text: str, command: Command, on_answer: OnAnswer) -> None:
        on_redirect(text, command, on_answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_joints()
        self.lost = True
        waiting, self._waiting = self._waiting, deque()
        for on_answer, _ in waiting:
            on_answer(StoreUnavailable("the connection to the store broke"))
        self._on_lost()


class ChannelWire(_Plain):
    """A connection that listens to channels and hands over every message."""

    __slots__ = ("_on_confirmed", "_on_dropped", "_on_lost", "_on_message", "_reader", "heard")

    def __init__(
        self,
        on_message: Callable[[bytes], None],
        on_confirmed: Callable[[bytes], None],
        on_lost: Callable[[], None],
        on_dropped: Callable[[bytes], None],
    ) -> None:
        """`on_confirmed` gets each channel that the server begins to send, `on_dropped` each that it ends."""
        super().__init__()
        self._reader = hiredis.Reader()
        self._on_message = on_message
        self._on_confirmed = on_confirmed
        self._on_lost = on_lost
        self._on_dropped = on_dropped
        # Set with whatever comes; who watches clears it.
        self.heard = False

    def send(self, commands: Sequence[Command]) -> None:
        if self._transport is not None:
            self._transport.write(b"".join([_pack(command) for command in commands]))

    def data_received(self, data: bytes) -> None:
        self.heard = True
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            if isinstance(reply, hiredis.HiredisError) and str(reply).startswith("MISCONF"):
                # To a PING, from a server that cannot write its file: it lives, and tells what is published.
                continue
            if isinstance(reply, hiredis.HiredisError):
                # A channel that is another node's, or a server that is not ready: begin anew.
                self.abort()
            elif isinstance(reply, list):
                self._take(reply)

    def _take(self, reply: list[bytes]) -> None:
        word = reply[0]
        if word in (b"message", b"smessage"):
            self._on_message(reply[2])
        elif word in (b"subscribe", b"ssubscribe"):
            self._on_confirmed(reply[1])
        elif word == b"sunsubscribe":
            self._on_dropped(reply[1])

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost()


def resolving(future: asyncio.Future[Reply]) -> OnAnswer:
    """An `on_answer` that resolves `future`."""

    def resolve(answer: Answer) -> None:
        if future.done():
            return
        if isinstance(answer, StoreRefused | StoreUnavailable):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    return resolve
