"""Fuzz targets of the signaling decoders: each accepts the documented exceptions and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from teduh_sdk.directory.referral import referral_to
from teduh_signaling.call.codec import decode_call, encode_call, sent_at
from teduh_signaling.chat.codec import decode_message, encode_message
from teduh_signaling.chat.exceptions import RemoteMessageError
from teduh_signaling.chat.messages import Message
from teduh_signaling.directory.format import InvalidDirectory, read_directory, write_directory
from teduh_signaling.directory.search import Query, search
from teduh_signaling.relay.codec import decode_client_frame, decode_relay_frame, encode
from teduh_signaling.relay.exceptions import RemoteProtocolError
from teduh_signaling.relay.frames import Hello, Limits
from teduh_signaling.relay.protocol import ClientSideProtocol, RelaySideProtocol


def client_frame(data: bytes) -> None:
    """What the relay reads from anybody. What it takes, it can also write, and it is the same."""
    with contextlib.suppress(RemoteProtocolError):
        frame = decode_client_frame(data)
        assert decode_client_frame(encode(frame)) == frame


def relay_frame(data: bytes) -> None:
    """What a client reads from a relay that it need not trust."""
    with contextlib.suppress(RemoteProtocolError):
        frame = decode_relay_frame(data)
        assert decode_relay_frame(encode(frame)) == frame


def relay_protocol(data: bytes) -> None:
    """Both sides receive a series of frames, in whatever order, and go on after what is not fatal."""
    for protocol in (_greeted_relay(), ClientSideProtocol(0.0)):
        for message in _messages(data):
            with contextlib.suppress(RemoteProtocolError):
                protocol.receive(message, 0.0)


def chat_message(data: bytes) -> None:
    """What a member of the conversation sends to another."""
    with contextlib.suppress(RemoteMessageError):
        message = decode_message(data)
        assert not isinstance(message, Message) or decode_message(encode_message(message)) == message


def call_message(data: bytes) -> None:
    """What a member's device says about a call; who only passes it on reads when it was sent."""
    sent_at(data)
    with contextlib.suppress(RemoteMessageError):
        message = decode_call(data)
        assert message is None or decode_call(encode_call(message)) == message


def directory(data: bytes) -> None:
    """The directory of services, as whoever took an issuer's key might sign it: read, searched, told of."""
    with contextlib.suppress(InvalidDirectory):
        read = read_directory(data)
        assert read_directory(write_directory(read)) == read
        for now in (0, 1_900_000_000, 253_402_300_799):
            for found in search(read, Query(need="legal", region="ID-JK", language="id", open_now=True), now):
                assert found.is_open
        for found in search(read, Query(), 1_900_000_000):
            told = referral_to(found.service, 1, message_id=bytes(16), sent=1)
            assert decode_message(encode_message(told)) == told


def _greeted_relay() -> RelaySideProtocol:
    relay = RelaySideProtocol(0.0)
    relay.send(Hello(1, bytes(32), 0, Limits(1 << 18, 1 << 17, 8, 8, 20)))
    return relay


def _messages(data: bytes) -> Iterator[bytes]:
    """Cut the input into messages, each behind one byte that tells its length."""
    while data:
        length, data = data[0], data[1:]
        yield data[:length]
        data = data[length:]


TARGETS: dict[str, Callable[[bytes], None]] = {
    "ClientFrame": client_frame,
    "RelayFrame": relay_frame,
    "RelayProtocol": relay_protocol,
    "ChatMessage": chat_message,
    "CallMessage": call_message,
    "Directory": directory,
}
