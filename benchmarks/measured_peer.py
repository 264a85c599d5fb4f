"""Another server under measurement: how its clients log in, and what they wrap around what they say."""

from __future__ import annotations

import secrets
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from conversations import Pair
from load import RANDOM_DIGITS, Kind, LoadGenerator, LogIn, SetUpResult, TextPeer
from measured_relay import Relay
from raw_socket import RawSocket


@dataclass(frozen=True, slots=True)
class Client:
    """One that has logged in: its connection, its name, and the last that it was told."""

    socket: RawSocket
    name: str
    told: str


class Peer(Relay):
    """A server that passes messages on, whatever its protocol wraps around them."""

    kind: ClassVar[Kind] = "bare"
    mode = "text"
    modes = ("text",)
    subprotocol = ""

    def __init__(self, core: int | None, folder: Path) -> None:
        self.folder = folder / secrets.token_hex(4)
        self.folder.mkdir()
        super().__init__(core)

    @property
    @abstractmethod
    def log_in(self) -> LogIn:
        """How a client begins."""

    def set_ups(self, generator: LoadGenerator, count: int, parallel: int) -> SetUpResult:
        return generator.log_ins(self.port, self.log_in, count=count, parallel=parallel)

    def _logged_in(self) -> Client:
        name, log_in, told = secrets.token_hex(8), self.log_in, b""
        path = log_in.path.replace(RANDOM_DIGITS, name)
        socket = RawSocket(self.port, log_in.subprotocol, path)
        send = socket.send if self.kind == "mqtt" else socket.send_text
        for wanted, said in log_in.turns:
            told = _await(socket, wanted) if wanted else b""
            if said:
                send(said.replace(RANDOM_DIGITS.encode(), name.encode()))
        return Client(socket, name, told.decode(errors="replace"))


def pair(one: Client, before_one: bytes, other: Client, before_other: bytes, behind: bytes) -> Pair:
    """Two clients, and what each puts before and behind what it tells the other."""
    return Pair(
        (one.socket, other.socket),
        (
            TextPeer(one.socket.fileno(), before_one, behind),
            TextPeer(other.socket.fileno(), before_other, behind),
        ),
    )


def _await(socket: RawSocket, wanted: bytes) -> bytes:
    """The next message with the wanted text; those before it are passed over."""
    while True:
        told = socket.receive()
        if wanted in told:
            return told
