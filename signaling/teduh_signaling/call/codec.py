"""Messages about calls to the bytes that are padded and encrypted, and back."""

from __future__ import annotations

from typing import Final, get_args

from msgspec import DecodeError, Raw
from msgspec.msgpack import Decoder, Encoder

from teduh_signaling.call.messages import AnyCallMessage, CallMessage, Heartbeat, Milliseconds
from teduh_signaling.chat.exceptions import LocalMessageError, RemoteMessageError
from teduh_signaling.chat.messages import CALL_TAGS, MAX_MESSAGE_BYTES

_message = Decoder(AnyCallMessage)
_array = Decoder(list[Raw])
_tag = Decoder(int)
_milliseconds = Decoder(Milliseconds)
_encode = Encoder().encode

KNOWN_CALL_TAGS: Final[frozenset[int]] = frozenset(
    message.__struct_config__.tag for message in get_args(AnyCallMessage)
)
_SENT_AT: Final = 2

# As in `chat.codec`: msgspec's own errors, and Python's on hostile bytes.
_UNDECODABLE = (DecodeError, UnicodeDecodeError, RecursionError, MemoryError, OverflowError)


def encode_call(message: CallMessage) -> bytes:
    """The bytes of `message`, to be padded and encrypted; raises LocalMessageError if it breaks a limit."""
    data = _encode(message)
    try:
        decode_call(data)
    except RemoteMessageError as error:
        raise LocalMessageError(f"{type(message).__name__} breaks a limit") from error
    return data


def decode_call(data: bytes) -> AnyCallMessage | None:
    """What a member's device says about a call; None for what only a newer client understands.

    Raises RemoteMessageError if the bytes are no message about a call, or break a limit of one.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise RemoteMessageError("larger than a message may be")
    try:
        tag = _tag.decode(_array.decode(data)[0])
        if tag in CALL_TAGS and tag not in KNOWN_CALL_TAGS:
            return None
        message: AnyCallMessage = _message.decode(data)
    except (*_UNDECODABLE, IndexError):
        raise RemoteMessageError("not a call message of this version") from None
    return message


def is_heartbeat(data: bytes) -> bool:
    """Whether this is a Heartbeat, or garbage that begins like one."""
    try:
        tag = _tag.decode(_array.decode(data)[0])
    except (*_UNDECODABLE, IndexError):
        return False
    return tag == Heartbeat.__struct_config__.tag


def sent_at(data: bytes) -> int | None:
    """When a message about a call was sent, in milliseconds; None for any other message.

    By the sender's clock; known of the messages of newer clients as well.
    """
    try:
        elements = _array.decode(data)
        if _tag.decode(elements[0]) not in CALL_TAGS:
            return None
        sent: int = _milliseconds.decode(elements[_SENT_AT])
    except (*_UNDECODABLE, IndexError):
        return None
    return sent
