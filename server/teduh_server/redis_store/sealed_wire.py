"""A connection whose answers are believed only once they are kept as promised: replicated, or on disk.

::

    call call | call call call       one batch at a time is under way; what comes meanwhile is the next
        |             |
        v             v
    [commands, mark, WAIT]  --->  answers are held ... WAIT says 1  --->  on_answer, on_answer
                                                       WAIT says 0  --->  StoreUnavailable for all

WAIT speaks of what this connection has written. An answer to a *read* could tell of what another connection
wrote and no replica has; believed and passed on, it would be missing after a failover. So every batch
writes a mark that is replicated, and WAIT for it covers whatever the server did before: a message to a
channel that nobody hears, or in a cluster, where those do not go to replicas, an empty key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from teduh_server.redis_store.commands import Answer, Argument, Command, OnAnswer, OnRedirect
from teduh_server.redis_store.durability import Seal
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.redis_store.slots import key_of
from teduh_server.redis_store.wire import Wire

_MARK = b"#!lua flags=allow-oom\nreturn redis.call('SET', KEYS[1], '', 'PX', 1000)"
"""A write that is replicated, also while the store is full."""


class SealedWire(Wire):
    """A Wire that ends each batch with a seal. Used by one event loop."""

    # What comes while one batch is sealed waits for it, so nothing goes ahead alone.
    _at_once = False
    __slots__ = ("_held", "_mark", "_seal", "_sealing")

    def __init__(
        self,
        on_lost: Callable[[], None],
        scripts: Mapping[Argument, bytes],
        on_redirect: OnRedirect | None,
        on_refused: Callable[[str], None],
        seal: Seal,
    ) -> None:
        super().__init__(on_lost, scripts, on_redirect, on_refused)
        self._seal = seal
        self._held: list[tuple[OnAnswer, Answer]] = []
        self._mark: bytes | None = None
        self._sealing = False

    def call(self, command: Command, on_answer: OnAnswer) -> None:
        """As `Wire.call`, but the answer comes when it is kept."""
        self._resend(command, _Held(self, on_answer))

    def hold(self, on_answer: OnAnswer, answer: Answer) -> None:
        """Keep an answer until its batch is sealed."""
        if isinstance(answer, StoreUnavailable) or not self._sealing:
            on_answer(answer)
        else:
            self._held.append((on_answer, answer))

    def _resend(self, command: Command, on_answer: OnAnswer) -> None:
        if self._mark is None:
            self._mark = key_of(command)
        super().call(command, on_answer)

    def _flush(self) -> None:
        if self._sealing:
            self._flushing = False
            return
        self._end_joints()
        if not self._batch:
            self._flushing = False
            return
        mark, self._mark = self._mark, None
        # Without a key there is nothing to keep: a PING, scripts made known.
        if mark is not None:
            self._sealing = True
            super().call(self._mark_of(mark), _ignore)
            super().call(self._seal.command, self._sealed)
        super()._flush()

    def _mark_of(self, key: bytes) -> Command:
        if self._on_redirect is None:
            return (b"SPUBLISH", key, b"")
        # In a cluster what is published goes by its bus, not to replicas, and WAIT would not cover it.
        return (b"EVAL", _MARK, 1, b"seal:{" + _tag_of(key) + b"}")

    def _sealed(self, answer: Answer) -> None:
        self._sealing = False
        held, self._held = self._held, []
        kept, cause = self._seal.holds(answer), self._seal.cause
        if not kept and not isinstance(answer, StoreUnavailable):
            self._on_refused(cause)
        for on_answer, each in held:
            on_answer(each if kept else StoreUnavailable(f"{cause} not kept as promised yet"))
        self._flush()

    def _redirect(self, on_redirect: OnRedirect, text: str, command: Command, on_answer: OnAnswer) -> None:
        # Another connection will answer, and hold its answer itself.
        own = on_answer.on_answer if isinstance(on_answer, _Held) else on_answer
        super()._redirect(on_redirect, text, command, own)

    def connection_lost(self, exc: Exception | None) -> None:
        held, self._held = self._held, []
        for on_answer, _ in held:
            on_answer(StoreUnavailable("the connection to the store broke"))
        super().connection_lost(exc)


class _Held:
    """Where an answer goes, by way of its seal."""

    __slots__ = ("_wire", "on_answer")

    def __init__(self, wire: SealedWire, on_answer: OnAnswer) -> None:
        self._wire = wire
        self.on_answer = on_answer

    def __call__(self, answer: Answer) -> None:
        self._wire.hold(self.on_answer, answer)


def _tag_of(key: bytes) -> bytes:
    """What of a key decides its slot."""
    _, brace, rest = key.partition(b"{")
    tag, end, _ = rest.partition(b"}")
    return tag if brace and end and tag else key


def _ignore(answer: Answer) -> None:
    """The mark's own answer matters to nobody."""
