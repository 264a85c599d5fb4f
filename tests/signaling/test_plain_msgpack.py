"""The wire is plain MessagePack: the `msgpack` package alone writes what we read and reads what we write."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clients import plain_msgpack
from support.schemas.struct_strategies import structs
from teduh_signaling.relay.codec import decode_client_frame, decode_relay_frame, encode
from teduh_signaling.relay.frames import AnyClientFrame, AnyRelayFrame, Frame

FRAMES: tuple[type[Frame], ...] = (*get_args(AnyClientFrame), *get_args(AnyRelayFrame))
every_frame = pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.__name__)


def plain(value: object) -> object:
    """A frame as the plain arrays, numbers and bytes that PROTOCOL.md describes."""
    if hasattr(value, "__struct_fields__"):
        fields = [plain(getattr(value, name)) for name in value.__struct_fields__]
        tag = value.__struct_config__.tag  # type: ignore[attr-defined]  # every struct has it
        return fields if tag is None else [tag, *fields]
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return getattr(value, "value", value)


@every_frame
@given(data=st.data())
@settings(max_examples=20)
def test_plain_msgpack_reads_what_we_write(frame: type[Frame], data: st.DataObject) -> None:
    sent = data.draw(structs(frame))
    assert plain_msgpack.unpack(encode(sent)) == plain(sent)


@every_frame
@given(data=st.data())
@settings(max_examples=20)
def test_we_read_what_plain_msgpack_writes(frame: type[Frame], data: st.DataObject) -> None:
    expected = data.draw(structs(frame))
    decode = decode_relay_frame if frame.FROM_RELAY else decode_client_frame
    assert decode(plain_msgpack.pack(plain(expected))) == expected


@every_frame
def test_a_tag_says_who_speaks(frame: type[Frame]) -> None:
    """Clients use 0x01 to 0x3f, the relay 0x40 to 0x7f: all of them one byte on the wire."""
    tag = frame.__struct_config__.tag
    assert isinstance(tag, int)
    assert tag in (range(0x40, 0x80) if frame.FROM_RELAY else range(0x01, 0x40))


def test_no_tag_is_used_twice() -> None:
    tags = [frame.__struct_config__.tag for frame in FRAMES]
    assert len(set(tags)) == len(tags)
