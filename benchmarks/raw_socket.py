"""A blocking WebSocket client that can give its socket away: it reads no byte beyond the frame asked for.

The benchmarks set connections up with it, then hand the sockets to the load generator. Masked with the key 0.
"""

from __future__ import annotations

import secrets
import socket
import struct

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "{subprotocol}\r\n"
)
SOCKET_PATH = "/v1/socket"
TEXT, BINARY = 1, 2
PING, PONG, CLOSE = 9, 10, 8
TIMEOUT_SECONDS = 30


def upgrade_request(port: int, subprotocol: str, path: str = SOCKET_PATH) -> bytes:
    """What a client says first; an empty subprotocol offers none."""
    offer = f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else ""
    return UPGRADE.format(path=path, port=port, subprotocol=offer).encode()


def frame_header(opcode: int, length: int) -> bytes:
    """What stands before a payload of so many bytes; the mask, which is 0, at its end."""
    if length < 126:
        header = struct.pack(">BB", 0x80 | opcode, 0x80 | length)
    elif length < 2**16:
        header = struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, length)
    else:
        header = struct.pack(">BBQ", 0x80 | opcode, 0x80 | 127, length)
    return header + bytes(4)


def loopback_address() -> tuple[str, int]:
    """One of loopback's, and any port.

    What waits unanswered is limited for each address, and the load's are many people's.
    """
    return f"127.{1 + secrets.randbelow(250)}.{secrets.randbelow(250)}.{1 + secrets.randbelow(250)}", 0


class RawSocket:
    """One upgraded connection to 127.0.0.1, from an address of its own."""

    __slots__ = ("connection",)

    def __init__(self, port: int, subprotocol: str, path: str = SOCKET_PATH) -> None:
        """An empty subprotocol offers none."""
        self.connection = socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS, loopback_address())
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.sendall(upgrade_request(port, subprotocol, path))
        self._skip_answer()

    def send(self, payload: bytes) -> None:
        self._send_frame(BINARY, payload)

    def send_text(self, text: bytes) -> None:
        self._send_frame(TEXT, text)

    def receive(self) -> bytes:
        """The next message; pings are answered on the way. Raises ConnectionError when the peer closes."""
        while True:
            opcode, payload = self._receive_frame()
            if opcode == CLOSE:
                raise ConnectionError(f"closed by the relay: {payload[2:].decode(errors='replace')}")
            if opcode != PING:
                return payload
            self._send_frame(PONG, payload)

    def fileno(self) -> int:
        return self.connection.fileno()

    def close(self) -> None:
        self.connection.close()

    def _send_frame(self, opcode: int, payload: bytes) -> None:
        self.connection.sendall(frame_header(opcode, len(payload)) + payload)

    def _receive_frame(self) -> tuple[int, bytes]:
        first, second = self._receive_exactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self._receive_exactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._receive_exactly(8))
        return first & 0x0F, self._receive_exactly(length)

    def _receive_exactly(self, length: int) -> bytes:
        parts = bytearray()
        while len(parts) < length:
            part = self.connection.recv(length - len(parts))
            if not part:
                raise ConnectionError("the relay hung up")
            parts += part
        return bytes(parts)

    def _skip_answer(self) -> None:
        """Take the answer to the upgrade, and leave the frames that may already follow it."""
        end = -1
        while end < 0:
            seen = self.connection.recv(4096, socket.MSG_PEEK)
            if not seen:
                raise ConnectionError("the relay hung up")
            end = seen.find(b"\r\n\r\n")
        answer = self._receive_exactly(end + 4)
        if not answer.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(answer.decode(errors="replace").splitlines()[0])
