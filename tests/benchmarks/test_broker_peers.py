"""What the generator puts before each payload is a whole MQTT packet together with it."""

from __future__ import annotations

from typing import cast

from broker_peers import Mosquitto, publication_to
from load import MESSAGE_BYTES
from measured_peer import Client
from raw_socket import RawSocket


def remaining_length(packet: bytes) -> tuple[int, int]:
    """MQTT 3.1.1, 2.2.3: what it says, and where it ends."""
    value = 0
    for index, byte in enumerate(packet[1:]):
        value |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            return value, index + 2
    raise ValueError("no end")


def test_a_publication_is_as_long_as_it_says_and_asks_for_an_acknowledgement() -> None:
    head = publication_to(Client(cast(RawSocket, None), "0123456789abcdef", ""))
    length, begin = remaining_length(head)
    assert head[0] == 0x32
    assert len(head) - begin + MESSAGE_BYTES == length
    assert head[begin:].endswith(b"b/0123456789abcdef\x00\x01")


def test_a_log_in_asks_for_quality_of_service_1() -> None:
    (_, connect), (_, subscribe), _ = object.__new__(Mosquitto).log_in.turns
    for packet in (connect, subscribe):
        length, begin = remaining_length(packet)
        assert len(packet) == begin + length
    assert subscribe[-1] == 1
