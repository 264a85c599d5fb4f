"""Messages to the bytes that are padded and encrypted, and back."""

from __future__ import annotations

from typing import Annotated, get_args

from msgspec import DecodeError, Meta, Raw
from msgspec.msgpack import Decoder, Encoder

from teduh_signaling.chat.exceptions import LocalMessageError, RemoteMessageError
from teduh_signaling.chat.messages import (
    CALL_TAGS,
    MAX_MESSAGE_BYTES,
    AnyMessage,
    Message,
    OfCall,
    Unknown,
)

_message = Decoder(AnyMessage)
_array = Decoder(list[Raw])
# What JavaScript, too, can hold exactly.
_tag = Decoder(Annotated[int, Meta(gt=-(2**53), lt=2**53)])
_encode = Encoder().encode

KNOWN_TAGS: frozenset[int] = frozenset(message.__struct_config__.tag for message in get_args(AnyMessage))

# msgspec's own errors, and Python's on bad UTF-8, a nesting that would exhaust the stack, an impossible
# length.
_UNDECODABLE = (DecodeError, UnicodeDecodeError, RecursionError, MemoryError, OverflowError)


def encode_message(message: Message) -> bytes:
    """The bytes of `message`, to be padded and encrypted.

    Raises LocalMessageError if a field breaks its limit or the whole is larger than `MAX_MESSAGE_BYTES`.
    """
    data = _encode(message)
    try:
        decode_message(data)
    except RemoteMessageError as error:
        raise LocalMessageError(f"{type(message).__name__} breaks a limit") from error
    return data


def decode_message(data: bytes) -> AnyMessage | OfCall | Unknown:
    """What a member said, from decrypted bytes without padding.

    Raises RemoteMessageError if they are larger than `MAX_MESSAGE_BYTES`, are no message, or break a limit
    of one.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise RemoteMessageError("larger than a message may be")
    try:
        tag = _tag_of(data)
        if tag in CALL_TAGS:
            return OfCall(data)
        if tag not in KNOWN_TAGS:
            return Unknown(tag, data)
        message: AnyMessage = _message.decode(data)
    except _UNDECODABLE:
        raise RemoteMessageError("not a message of this version") from None
    return message


def _tag_of(data: bytes) -> int:
    elements = _array.decode(data)
    if not elements:
        raise DecodeError("an empty array has no tag")
    tag: int = _tag.decode(elements[0])
    return tag
