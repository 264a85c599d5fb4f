"""Messages about calls: all round-trip, newer ones are survived, none shows what it holds."""

from __future__ import annotations

import contextlib
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clients import plain_msgpack
from support.schemas.struct_strategies import limits, structs
from teduh_signaling.call.codec import KNOWN_CALL_TAGS, decode_call, encode_call, sent_at
from teduh_signaling.call.messages import (
    AnyCallMessage,
    CallMessage,
    Candidate,
    Description,
    EndReason,
    HangUp,
)
from teduh_signaling.chat.codec import decode_message
from teduh_signaling.chat.exceptions import LocalMessageError, RemoteMessageError
from teduh_signaling.chat.messages import CALL_TAGS, MAX_MESSAGE_BYTES, OfCall, Text

MESSAGES: tuple[type[CallMessage], ...] = get_args(AnyCallMessage)
CALL = bytes(8)

every_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)


@every_message
@given(data=st.data())
@settings(max_examples=30)
def test_every_message_round_trips(message: type[CallMessage], data: st.DataObject) -> None:
    sent = data.draw(structs(message))
    assert decode_call(encode_call(sent)) == sent


@every_message
@given(data=st.data())
@settings(max_examples=10)
def test_plain_msgpack_reads_and_writes_every_message(
    message: type[CallMessage], data: st.DataObject
) -> None:
    sent = data.draw(structs(message))
    plain = plain_msgpack.unpack(encode_call(sent))
    assert plain[:2] == [message.__struct_config__.tag, sent.call]
    assert decode_call(plain_msgpack.pack(plain)) == sent


@every_message
@given(data=st.data())
@settings(max_examples=5)
def test_each_bounded_field_is_refused_beyond_its_bound(
    message: type[CallMessage], data: st.DataObject
) -> None:
    """On both sides: the sender learns it at once, and a receiver does not act on it."""
    valid = data.draw(structs(message))
    for field, _, beyond in limits(message):
        wrong = msgspec.structs.replace(valid, **{field: beyond})
        with pytest.raises(LocalMessageError):
            encode_call(wrong)
        with pytest.raises(RemoteMessageError):
            decode_call(msgspec.msgpack.encode(wrong))


@every_message
@given(data=st.data())
@settings(max_examples=5)
def test_who_takes_no_part_in_calls_can_tell_them_from_what_people_say(
    message: type[CallMessage], data: st.DataObject
) -> None:
    encoded = encode_call(data.draw(structs(message)))
    assert decode_message(encoded) == OfCall(encoded)


@every_message
@given(data=st.data())
@settings(max_examples=5)
def test_when_it_was_sent_is_read_without_knowing_the_message(
    message: type[CallMessage], data: st.DataObject
) -> None:
    sent = data.draw(structs(message))
    assert sent_at(encode_call(sent)) == sent.sent


@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_raise_only_the_documented_error(data: bytes) -> None:
    sent_at(data)
    with contextlib.suppress(RemoteMessageError):
        decode_call(data)


@pytest.mark.parametrize("tag", sorted(set(CALL_TAGS) - KNOWN_CALL_TAGS))
def test_a_message_of_a_newer_client_is_survived(tag: int) -> None:
    newer = plain_msgpack.pack([tag, CALL, 17, "whatever"])
    assert decode_call(newer) is None
    assert sent_at(newer) == 17


def test_fields_that_a_newer_client_appends_are_ignored() -> None:
    plain = [*plain_msgpack.unpack(encode_call(HangUp(CALL, 1, 2, EndReason.HUNG_UP))), "newer"]
    assert decode_call(plain_msgpack.pack(plain)) == HangUp(CALL, 1, 2, EndReason.HUNG_UP)


@pytest.mark.parametrize(
    "data", [b"", b"\x90", b"\xc0", plain_msgpack.pack(["a"]), plain_msgpack.pack([0x20])]
)
def test_what_is_no_message_about_a_call_is_refused(data: bytes) -> None:
    assert sent_at(data) is None
    with pytest.raises(RemoteMessageError):
        decode_call(data)


def test_what_people_say_is_no_message_about_a_call() -> None:
    said = msgspec.msgpack.encode(Text(bytes(16), 1, "hai"))
    assert sent_at(said) is None
    with pytest.raises(RemoteMessageError):
        decode_call(said)


def test_a_message_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(RemoteMessageError):
        decode_call(bytes(MAX_MESSAGE_BYTES + 1))


def test_a_repr_shows_no_address_and_no_fingerprint() -> None:
    candidate = Candidate("candidate:1 1 udp 1 192.0.2.17 4711 typ host")
    description = Description(
        CALL, 1, 2, 3, 4, 5, 6, True, False, "a=fingerprint:sha-256 AB:CD", (candidate,)
    )
    assert repr(description) == "<Description>"
    assert repr(candidate) == "<Candidate>"
