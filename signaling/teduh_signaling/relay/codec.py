"""Bytes to frames and back: the only place where untrusted bytes of the wire are parsed.

One WebSocket message is one MessagePack array, its first element the tag. msgspec checks types, lengths and
ranges while it decodes, so that whoever holds a frame holds a valid one. Encoding does not check again:
`encode` trusts its caller, and the protocol (`teduh_signaling.relay.protocol`) is what checks frames on
their way out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import DecodeError
from msgspec.msgpack import Decoder, Encoder

from teduh_signaling.relay.exceptions import RemoteProtocolError
from teduh_signaling.relay.frames import (
    MAX_FRAME_BYTES,
    Accepted,
    AnyClientFrame,
    AnyRelayFrame,
    ConversationId,
    ErrorCode,
    Frame,
)

_decode_client: Final = Decoder(AnyClientFrame).decode
_decode_relay: Final = Decoder(AnyRelayFrame).decode
_encode_tuple: Final = Encoder().encode
_ACCEPTED: Final = Accepted.__struct_config__.tag
encode: Final[Callable[[Frame], bytes]] = Encoder().encode
"""The bytes of one WebSocket message. Limits are the caller's to keep; `Protocol.send` checks them."""

# What msgspec raises on bytes that it cannot take: its own errors, and Python's on bad UTF-8, on a nesting
# that would exhaust the stack, and on an announced length that no memory could hold.
_UNDECODABLE = (DecodeError, UnicodeDecodeError, RecursionError, MemoryError, OverflowError)


def encode_accepted(conversation_id: ConversationId, counter: int, seq: int) -> bytes:
    """The bytes of an Accepted frame. Every message has one, and to make that takes as long again."""
    return _encode_tuple((_ACCEPTED, conversation_id, counter, seq))


def decode_client_frame(data: bytes) -> AnyClientFrame:
    """Parse what a client sent.

    Raises RemoteProtocolError, always fatal: frame_too_large, or malformed_frame for all else.
    """
    if len(data) > MAX_FRAME_BYTES:
        raise _too_large()
    try:
        frame: AnyClientFrame = _decode_client(data)
        return frame
    except _UNDECODABLE:
        pass
    raise _malformed()


def decode_relay_frame(data: bytes) -> AnyRelayFrame:
    """Parse what the relay sent. Raises as `decode_client_frame` does."""
    if len(data) > MAX_FRAME_BYTES:
        raise _too_large()
    try:
        frame: AnyRelayFrame = _decode_relay(data)
        return frame
    except _UNDECODABLE:
        pass
    raise _malformed()


def _malformed() -> RemoteProtocolError:
    # msgspec's own message quotes parts of the input, hence a fixed one, raised where that one is forgotten.
    return RemoteProtocolError(ErrorCode.MALFORMED_FRAME, "not a frame of protocol version 1", fatal=True)


def _too_large() -> RemoteProtocolError:
    return RemoteProtocolError(ErrorCode.FRAME_TOO_LARGE, f"larger than {MAX_FRAME_BYTES} bytes", fatal=True)
