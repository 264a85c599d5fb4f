"""The other workers of one machine, and a way to each of them that needs no store: messages in the kernel's
memory. A source that staff have reported is known at all of them by it (`abuse`), and nowhere else.

::

    supervisor: a pair of sockets for each worker, made before any of them is forked
        worker 0: reads its own box <── written by all the others, each message whole ── worker 1, worker 2

A worker that is started in the place of a dead one reads what was meant for that one. Nobody but the workers
of one supervisor has these sockets, and they have no name that anybody could open.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

MOST_BYTES = 64 * 1024
"""Of one message."""
_AT_ONCE = 64
"""So many are read before others have their turn."""

Receive = Callable[[bytes], None]


class SiblingWorkers:
    """What one worker has of them."""

    __slots__ = ("_box", "_others", "secret")

    def __init__(self, box: socket.socket, others: Sequence[socket.socket], secret: bytes) -> None:
        self._box = box
        self._others = others
        self.secret = secret
        """The same for all of them, and nobody else's: by it they know a source by the same name."""

    def listen(self, receive: Receive) -> None:
        """Hand over each message, until `close`."""
        asyncio.get_running_loop().add_reader(self._box, self._read, receive)

    def close(self) -> None:
        """Hear and say nothing more; what has not been read is for whoever is started in this place."""
        asyncio.get_running_loop().remove_reader(self._box)
        for each in (self._box, *self._others):
            each.close()

    def notify_all(self, message: bytes) -> None:
        """Say something to all others; who does not listen misses it."""
        for box in self._others:
            with suppress(OSError):
                box.send(message)

    def _read(self, receive: Receive) -> None:
        for _ in range(_AT_ONCE):
            try:
                message = self._box.recv(MOST_BYTES)
            except OSError:
                return
            if not message:
                # The supervisor has gone, and all others with it.
                asyncio.get_running_loop().remove_reader(self._box)
                return
            receive(message)


@dataclass(frozen=True)
class WorkerMailboxes:
    """Those of all workers, as their supervisor has them: for each, where it reads and where others write."""

    pairs: tuple[tuple[socket.socket, socket.socket], ...]
    secret: bytes = field(default_factory=partial(secrets.token_bytes, 32), repr=False)

    @classmethod
    def of(cls, workers: int) -> WorkerMailboxes | None:
        """None where the system has none that keep messages whole."""
        kind = getattr(socket, "SOCK_SEQPACKET", None)
        if kind is None:
            return None
        try:
            pairs = tuple(socket.socketpair(socket.AF_UNIX, kind) for _ in range(workers))
        except OSError:
            return None
        for each in (end for pair in pairs for end in pair):
            each.setblocking(False)
        return cls(pairs)

    def siblings_of(self, number: int) -> SiblingWorkers:
        """What this worker needs of them, once it is a process of its own."""
        own, _ = self.pairs[number]
        others = [write for other, (_, write) in enumerate(self.pairs) if other != number]
        copies = [socket.socket(fileno=os.dup(write.fileno())) for write in others]
        return SiblingWorkers(socket.socket(fileno=os.dup(own.fileno())), copies, self.secret)

    def close(self) -> None:
        for each in (end for pair in self.pairs for end in pair):
            each.close()
