"""Message brokers of Debian, through their WebSocket listeners; each client has a topic of its own name.

mosquitto   MQTT 3.1.1 with QoS 1 on both ways: the broker acknowledges what a client publishes, and
            the client what is delivered to it. Held in memory until then; nothing is on disk (QoS 1 is no
            log: who was not subscribed never gets it)
NATS        its core, which passes on and keeps nothing
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import ClassVar

from conversations import Pair
from load import MESSAGE_BYTES, RANDOM_DIGITS, LogIn
from measured_peer import Client, Peer, pair


class Broker(Peer):
    """A program of Debian with one file of settings."""

    program: ClassVar[str]

    @classmethod
    def missing(cls) -> str | None:
        return None if shutil.which(cls.program) else cls.program

    def _configured(self, settings: str) -> Sequence[str]:
        file = self.folder / f"{self.program}.conf"
        file.write_text(settings)
        return [self.program, "-c", str(file)]


class Mosquitto(Broker):
    name = "mosquitto, QoS 1"
    kind = "mqtt"
    program = "mosquitto"

    def _command(self) -> Sequence[str]:
        """With a plain listener beside, without which this version does not start."""
        return self._configured(
            f"""listener {self.port} 127.0.0.1
protocol websockets
listener 0 {self.folder}/socket
allow_anonymous true
persistence false
set_tcp_nodelay true
user root
log_type none
"""
        )

    @property
    def log_in(self) -> LogIn:
        """MQTT 3.1.1, 3.1 and 3.8: connect without keep-alive, subscribe with QoS 1."""
        connect = b"\x00\x04MQTT\x04\x02\x00\x00" + _string(RANDOM_DIGITS)
        subscribe = b"\x00\x01" + _topic(RANDOM_DIGITS) + b"\x01"
        turns = ((b"", _packet(0x10, connect)), (b"\x20\x02", _packet(0x82, subscribe)), (b"\x90\x03", b""))
        return LogIn("/mqtt", "mqtt", turns)

    def pair(self) -> Pair:
        one, other = self._logged_in(), self._logged_in()
        return pair(one, publication_to(other), other, publication_to(one), b"")


def _packet(first: int, body: bytes) -> bytes:
    return bytes([first, *_variable(len(body))]) + body


def _variable(length: int) -> list[int]:
    """MQTT 3.1.1, 2.2.3: seven bits in each byte, the lowest first."""
    low, rest = length & 0x7F, length >> 7
    return [low | 0x80, *_variable(rest)] if rest else [low]


def _string(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def _topic(name: str) -> bytes:
    return _string(f"b/{name}")


def publication_to(to: Client) -> bytes:
    """What stands before a payload of the usual length.

    The packet identifier is always the same, which is for the sender to know: the broker only sends it back.
    """
    head = _topic(to.name) + b"\x00\x01"
    return _packet(0x32, head + bytes(MESSAGE_BYTES))[:-MESSAGE_BYTES]


class Nats(Broker):
    name = "NATS core"
    program = "nats-server"

    def _command(self) -> Sequence[str]:
        return self._configured(
            f"""listen: "127.0.0.1:-1"
ping_interval: "1h"
max_connections: 100000
websocket {{ listen: "127.0.0.1:{self.port}", no_tls: true, compression: false }}
"""
        )

    @property
    def log_in(self) -> LogIn:
        subscribe = f"SUB b.{RANDOM_DIGITS} 1\r\nPING\r\n".encode()
        return LogIn("/", "", ((b"INFO ", b'CONNECT {"verbose":false}\r\n' + subscribe), (b"PONG", b"")))

    def pair(self) -> Pair:
        one, other = self._logged_in(), self._logged_in()
        before = "PUB b.{} {}\r\n".format
        to_other, to_one = before(other.name, MESSAGE_BYTES), before(one.name, MESSAGE_BYTES)
        return pair(one, to_other.encode(), other, to_one.encode(), b"\r\n")
