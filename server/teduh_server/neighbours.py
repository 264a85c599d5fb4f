"""The other workers of one machine, and a way to each of them that needs no store: messages in the kernel's
memory, which may bring a socket along.

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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

MOST_BYTES = 64 * 1024
"""Of one message."""
_AT_ONCE = 64
"""So many are read before others have their turn."""
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)

Receive = Callable[[bytes, list[socket.socket]], None]


class Neighbours:
    """What one worker has of them."""

    __slots__ = ("_box", "_others", "number", "secret")

    def __init__(
        self, number: int, box: socket.socket, others: Mapping[int, socket.socket], secret: bytes
    ) -> None:
        self._box = box
        self._others = others
        self.number = number
        """Which of the workers this one is."""
        self.secret = secret
        """The same for all of them, and nobody else's: by it they know a source by the same name."""

    def listen(self, receive: Receive) -> None:
        """Hand over each message, with the sockets that it brought, until `close`."""
        asyncio.get_running_loop().add_reader(self._box, self._read, receive)

    def close(self) -> None:
        """Hear and say nothing more; what has not been read is for whoever is started in this place."""
        asyncio.get_running_loop().remove_reader(self._box)
        for each in (self._box, *self._others.values()):
            each.close()

    def tell_all(self, message: bytes) -> None:
        """Say something to all others; who does not listen misses it."""
        for number in self._others:
            self.tell(number, message)

    def tell(self, number: int, message: bytes, descriptor: int | None = None) -> bool:
        """Say something to one, and give it a copy of a socket; False if it cannot be said now."""
        if len(message) > MOST_BYTES or number not in self._others:
            return False
        descriptors = [] if descriptor is None else [descriptor]
        try:
            socket.send_fds(self._others[number], [message], descriptors)
        except OSError:
            return False
        return True

    def _read(self, receive: Receive) -> None:
        for _ in range(_AT_ONCE):
            try:
                message, descriptors, _, _ = socket.recv_fds(self._box, MOST_BYTES, 1, _CLOSE_ON_EXEC)
            except OSError:
                return
            if not message:
                # The supervisor has gone, and all others with it.
                asyncio.get_running_loop().remove_reader(self._box)
                return
            receive(message, [socket.socket(fileno=each) for each in descriptors])


@dataclass(frozen=True)
class Boxes:
    """Those of all workers, as their supervisor has them: for each, where it reads and where others write."""

    pairs: tuple[tuple[socket.socket, socket.socket], ...]
    secret: bytes = field(default_factory=partial(secrets.token_bytes, 32), repr=False)

    @classmethod
    def of(cls, workers: int) -> Boxes | None:
        """None where the system has none that keep messages whole."""
        kind = getattr(socket, "SOCK_SEQPACKET", None)
        if kind is None or not hasattr(socket, "send_fds"):
            return None
        try:
            pairs = tuple(socket.socketpair(socket.AF_UNIX, kind) for _ in range(workers))
        except OSError:
            return None
        for each in (end for pair in pairs for end in pair):
            each.setblocking(False)
        return cls(pairs)

    def neighbours_of(self, number: int) -> Neighbours:
        """What this worker needs of them, once it is a process of its own."""
        own, _ = self.pairs[number]
        others = {other: write for other, (_, write) in enumerate(self.pairs) if other != number}
        copies = {other: socket.socket(fileno=os.dup(write.fileno())) for other, write in others.items()}
        return Neighbours(number, socket.socket(fileno=os.dup(own.fileno())), copies, self.secret)

    def close(self) -> None:
        for each in (end for pair in self.pairs for end in pair):
            each.close()
