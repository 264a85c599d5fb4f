"""Staff that signs in all at once: each connection proves possession of the key in a statement of its own.

Each proof is a signature over the relay's fresh nonce, which the C generator cannot make and nobody can make
beforehand; so this storm is Python's, on the generator's core. It does as little as it can for a connection
(the upgrade and the frame are ready, but for the signature), and says how much of that core it used.

::

    connect, upgrade ──> Hello: its nonce is signed ──> Authenticate ──> Authenticated: the next one connects
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from conversations import StaffDevice
from load import SetUpResult
from raw_socket import BINARY, frame_header, upgrade_request
from teduh_signaling.relay.codec import decode_relay_frame, encode
from teduh_signaling.relay.frames import SUBPROTOCOL, Authenticated, Hello, RelayFrame

PARALLEL = 32
SECONDS = 60


@dataclass(slots=True)
class _SigningIn:
    """One connection on its way; `received` is what is not yet a whole message."""

    device: StaffDevice
    socket: socket.socket
    received: bytes = b""
    upgraded: bool = False
    done: bool = False

    def take(self, data: bytes) -> None:
        """Go on as far as the bytes allow. Raises ConnectionError if the relay refuses."""
        if not data:
            raise ConnectionError("the relay hung up")
        self.received += data
        if not self.upgraded:
            head, end, rest = self.received.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise ConnectionError(head.decode(errors="replace").splitlines()[0])
            self.received, self.upgraded = rest, True
        while (frame := self._next_frame()) is not None:
            if isinstance(frame, Hello):
                answer = encode(self.device.authenticate(frame))
                self.socket.send(frame_header(BINARY, len(answer)) + answer)
            elif isinstance(frame, Authenticated):
                self.done = True
            else:
                raise ConnectionError(f"not signed in: {frame}")

    def _next_frame(self) -> RelayFrame | None:
        received = self.received
        if self.done or len(received) < 2:
            return None
        short = received[1] < 126
        length = received[1] if short else int.from_bytes(received[2:4], "big")
        begin = 2 if short else 4
        if len(received) < begin + length:
            return None
        self.received = received[begin + length :]
        return decode_relay_frame(received[begin : begin + length])


class _Storm:
    """Some sign in at a time; all stay connected to the end. A context manager: leaving it hangs up."""

    def __init__(self, port: int, devices: Sequence[StaffDevice]) -> None:
        self._port = port
        self._request = upgrade_request(port, SUBPROTOCOL)
        self._count = len(devices)
        self._waiting = iter(devices)
        self._connected: list[_SigningIn] = []
        self._selector = selectors.DefaultSelector()
        self.finished = 0

    def run(self, until: float) -> None:
        """Raises ConnectionError if one is refused, TimeoutError when it is too late."""
        for _ in range(PARALLEL):
            self._connect_next()
        while self.finished < self._count:
            if time.monotonic() > until:
                raise TimeoutError(f"{self.finished} of {self._count} have signed in")
            for key, _ in self._selector.select(1):
                self._go_on(key.data)

    def _connect_next(self) -> None:
        if (device := next(self._waiting, None)) is not None:
            connection = socket.create_connection(("127.0.0.1", self._port))
            connection.setblocking(False)
            connection.send(self._request)
            self._connected.append(_SigningIn(device, connection))
            self._selector.register(connection, selectors.EVENT_READ, self._connected[-1])

    def _go_on(self, each: _SigningIn) -> None:
        each.take(each.socket.recv(65536))
        if each.done:
            self._selector.unregister(each.socket)
            self.finished += 1
            self._connect_next()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for each in self._connected:
            each.socket.close()


def storm_of_staff(port: int, devices: Sequence[StaffDevice]) -> SetUpResult:
    """All devices sign in, a few at a time. Raises as `_Storm.run` does."""
    with _Storm(port, devices) as storm:
        begin, processor = time.monotonic(), time.process_time()
        storm.run(begin + SECONDS)
        seconds, busy = time.monotonic() - begin, time.process_time() - processor
        return SetUpResult(storm.finished, 0, 0, "", seconds, busy / seconds)
