"""Every frame survives the wire, and nothing else gets in."""

from __future__ import annotations

import contextlib
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.schemas.struct_strategies import any_struct, limits, structs
from teduh_signaling.relay.codec import (
    decode_client_frame,
    decode_relay_frame,
    encode,
    encode_accepted,
)
from teduh_signaling.relay.exceptions import RemoteProtocolError
from teduh_signaling.relay.frames import (
    MAX_FRAME_BYTES,
    MAX_KEY_PACKAGES,
    MAX_MEMBERS_CHANGED,
    Accepted,
    AnyClientFrame,
    AnyRelayFrame,
    Append,
    Authenticate,
    ErrorCode,
    Frame,
    OpenRequest,
    PublishKeyPackages,
    Subscribe,
)

CLIENT_FRAMES: tuple[type[Frame], ...] = get_args(AnyClientFrame)
RELAY_FRAMES: tuple[type[Frame], ...] = get_args(AnyRelayFrame)
CONVERSATION = bytes(16)


def decode(frame: type[Frame], data: bytes) -> Frame:
    return decode_relay_frame(data) if frame.FROM_RELAY else decode_client_frame(data)


@pytest.mark.parametrize("frame", [*CLIENT_FRAMES, *RELAY_FRAMES], ids=lambda frame: frame.__name__)
@given(data=st.data())
@settings(max_examples=40)
def test_every_frame_round_trips(frame: type[Frame], data: st.DataObject) -> None:
    sent = data.draw(structs(frame))
    assert decode(frame, encode(sent)) == sent


@pytest.mark.parametrize("frame", [*CLIENT_FRAMES, *RELAY_FRAMES], ids=lambda frame: frame.__name__)
@given(data=st.data())
@settings(max_examples=5)
def test_each_bounded_field_is_refused_beyond_its_bound(frame: type[Frame], data: st.DataObject) -> None:
    """A value at the bound is taken, the next one is not; encoding itself does not look."""
    sent = data.draw(structs(frame))
    for name, within, beyond in limits(frame):
        taken = msgspec.structs.replace(sent, **{name: within})
        assert decode(frame, encode(taken)) == taken
        with pytest.raises(RemoteProtocolError):
            decode(frame, encode(msgspec.structs.replace(sent, **{name: beyond})))


@given(st.binary(max_size=200))
@settings(max_examples=500)
def test_arbitrary_bytes_raise_only_the_documented_error(data: bytes) -> None:
    for decoder in (decode_client_frame, decode_relay_frame):
        with contextlib.suppress(RemoteProtocolError):
            decoder(data)


@given(any_struct(AnyClientFrame), st.data())
@settings(max_examples=300)
def test_a_frame_with_changed_bytes_decodes_or_raises_the_documented_error(
    frame: msgspec.Struct, data: st.DataObject
) -> None:
    """Near misses reach deeper than noise does."""
    wire = bytearray(msgspec.msgpack.encode(frame))
    for place in data.draw(st.lists(st.integers(0, len(wire) - 1), min_size=1, max_size=3)):
        wire[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(RemoteProtocolError):
        decode_client_frame(bytes(wire))


@pytest.mark.parametrize(
    "data",
    [
        b"\x91" * 100_000,
        b"\x93\x10\x01" + b"\x91" * 200_000,
        b"\xdd\xff\xff\xff\xff\x10",
        b"\xc6\xff\xff\xff\xff",
        b"\x93\x0b\x01\xdd\xff\xff\xff\xff",
        b"\x92\x10\xd3" + b"\xff" * 8,
        b"\x95\x02\x01\xd9\xff",
        b"\x92\x01\xa2\xff\xfe",
    ],
    ids=["nested", "nested behind a frame", "array", "bytes", "tuple", "int", "truncated", "not UTF-8"],
)
def test_announced_lengths_and_depths_cost_nothing(data: bytes) -> None:
    """Lengths that no memory holds and nesting that no stack holds are malformed frames like any other."""
    with pytest.raises(RemoteProtocolError) as caught:
        decode_client_frame(data)
    assert (caught.value.code, caught.value.fatal) == (ErrorCode.MALFORMED_FRAME, True)


@pytest.mark.parametrize("decoder", [decode_client_frame, decode_relay_frame])
def test_a_frame_over_the_limit_is_refused_unread(decoder: object) -> None:
    assert callable(decoder)
    with pytest.raises(RemoteProtocolError) as caught:
        decoder(bytes(MAX_FRAME_BYTES + 1))
    assert caught.value.code is ErrorCode.FRAME_TOO_LARGE


@given(counter=st.integers(0, 2**64 - 1), seq=st.integers(0, 2**64 - 1))
def test_accepted_without_its_frame_is_the_same_bytes(counter: int, seq: int) -> None:
    assert encode_accepted(CONVERSATION, counter, seq) == encode(Accepted(CONVERSATION, counter, seq))


def test_the_error_says_nothing_of_the_input() -> None:
    """An error message may end in a log."""
    with pytest.raises(RemoteProtocolError) as caught:
        decode_client_frame(msgspec.msgpack.encode([0x09, "Jalan Kenanga 5", 1]))
    assert "Kenanga" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "frame",
    [
        Append(CONVERSATION, 1, 1, 0, b"x", added=(bytes(32),) * (MAX_MEMBERS_CHANGED + 1)),
        Append(CONVERSATION, 1, 1, 0, b"x", removed=(bytes(32),) * (MAX_MEMBERS_CHANGED + 1)),
        Append(CONVERSATION, 1, 1, 0, b"x", added=(bytes(31),)),
        PublishKeyPackages(1, ()),
        PublishKeyPackages(1, (b"x",) * (MAX_KEY_PACKAGES + 1)),
    ],
)
def test_lists_keep_their_lengths(frame: Frame) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_client_frame(encode(frame))


@pytest.mark.parametrize(
    "frame",
    [
        Subscribe(1, CONVERSATION, 0, b"capability-capability-capability"),
        OpenRequest(1, b"capability-capability-capability", b"package"),
        Authenticate("statement", bytes(64)),
    ],
)
def test_a_repr_shows_no_secret_and_no_name(frame: Frame) -> None:
    """A frame may be logged by mistake; its capability or statement may not."""
    assert "capability" not in repr(frame)
    assert "statement" not in repr(frame)
