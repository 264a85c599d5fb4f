"""The load generator speaks what other servers speak: shown to it over a pair of sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from load import LoadGenerator, TextPeer, compile_generator

TEXT, BINARY = 0x81, 0x82
MASK_BYTES = 4


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_generator(tmp_path_factory.mktemp("generator"))


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's end, and the client's, which the generator gets."""
    server, client = socket.socketpair()
    with server, client:
        server.settimeout(10)
        yield server, client


def frame(first: int, payload: bytes) -> bytes:
    return bytes((first, 126)) + len(payload).to_bytes(2, "big") + payload


def messages(received: bytes) -> tuple[list[bytes], bytes]:
    """The payloads of whole frames, whose mask is zero, and what is left."""
    found = []
    while len(received) > 8:
        short = received[1] & 0x7F
        head = 4 if short == 126 else 2
        length = int.from_bytes(received[2:4], "big") if short == 126 else short
        end = head + MASK_BYTES + length
        if len(received) < end:
            break
        found.append(received[head + MASK_BYTES : end])
        received = received[end:]
    return found, received


def return_in_heaps(server: socket.socket) -> None:
    """Give back what came, three messages in one, and the rest when nothing comes any more."""
    server.settimeout(0.2)
    received, kept = b"", list[bytes]()
    while True:
        try:
            data = server.recv(65536)
        except TimeoutError:
            data = b""
            if not kept:
                continue
        except OSError:
            return
        else:
            if not data:
                return
        found, received = messages(received + data)
        kept += found
        if len(kept) >= 3 or not data:
            server.sendall(frame(TEXT, b"".join(kept)))
            kept = []


def test_messages_that_come_in_one_are_all_counted(
    program: Path, sockets: tuple[socket.socket, socket.socket]
) -> None:
    server, client = sockets
    thread = threading.Thread(target=return_in_heaps, args=(server,), daemon=True)
    thread.start()
    with LoadGenerator(program, "bare", [TextPeer(client.fileno(), b"PUB ", b"")], None) as generator:
        result = generator.run("text", 100, 0.3, 100)
    client.close()
    thread.join(10)
    assert result.sent > 3
    assert result.received == result.sent


def test_what_came_with_qos_1_is_acknowledged_and_what_came_without_is_not(
    program: Path, sockets: tuple[socket.socket, socket.socket]
) -> None:
    """MQTT 3.1.1, 3.4: with the packet identifier of what is acknowledged."""
    server, client = sockets
    topic = b"\x00\x03b/n"
    without = bytes((0x30, len(topic) + 1)) + topic + b"x"
    with_it = bytes((0x32, len(topic) + 3)) + topic + b"\x12\x34" + b"x"
    with LoadGenerator(program, "mqtt", [TextPeer(client.fileno(), b"\x30", b"")], None):
        server.sendall(frame(BINARY, without + with_it))
        received = server.recv(65536)
        while len(received) < 2 + MASK_BYTES + 4:
            received += server.recv(65536)
    assert received[0] == BINARY
    assert messages(received)[0] == [b"\x40\x02\x12\x34"]
