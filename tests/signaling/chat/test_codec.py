"""Messages inside the encryption: all round-trip, newer ones are survived, no repr shows them."""

from __future__ import annotations

import contextlib
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clients import plain_msgpack
from support.schemas.struct_strategies import limits, structs
from teduh_signaling.chat.codec import KNOWN_TAGS, decode_message, encode_message
from teduh_signaling.chat.exceptions import LocalMessageError, MessageError, RemoteMessageError
from teduh_signaling.chat.messages import (
    MAX_MESSAGE_BYTES,
    MAX_RECEIPT_IDS,
    MAX_TEXT_CHARACTERS,
    Answer,
    AnyMessage,
    Attachment,
    Form,
    Message,
    Receipt,
    ReceiptKind,
    Text,
    Unknown,
)

MESSAGES: tuple[type[Message], ...] = get_args(AnyMessage)
ID = bytes(range(16))

every_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)


@every_message
@given(data=st.data())
@settings(max_examples=40)
def test_every_message_round_trips(message: type[Message], data: st.DataObject) -> None:
    sent = data.draw(structs(message))
    assert decode_message(encode_message(sent)) == sent


@every_message
@given(data=st.data())
@settings(max_examples=10)
def test_plain_msgpack_reads_and_writes_every_message(message: type[Message], data: st.DataObject) -> None:
    """The format is MessagePack arrays and nothing else, for clients in any language."""
    sent = data.draw(structs(message))
    plain = plain_msgpack.unpack(encode_message(sent))
    assert plain[0] == message.__struct_config__.tag
    assert decode_message(plain_msgpack.pack(plain)) == sent


@every_message
@given(data=st.data())
@settings(max_examples=5)
def test_each_bounded_field_is_refused_beyond_its_bound(message: type[Message], data: st.DataObject) -> None:
    """On both sides: the sender learns it at once, and a receiver is not made to show it."""
    sent = data.draw(structs(message))
    for name, _, beyond in limits(message):
        wrong = msgspec.structs.replace(sent, **{name: beyond})
        with pytest.raises(LocalMessageError):
            encode_message(wrong)
        with pytest.raises(RemoteMessageError):
            decode_message(msgspec.msgpack.encode(wrong))


@given(st.binary(max_size=200))
@settings(max_examples=500)
def test_arbitrary_bytes_raise_only_the_documented_error(data: bytes) -> None:
    with contextlib.suppress(RemoteMessageError):
        decode_message(data)


@pytest.mark.parametrize("tag", [0, 0x7F, 0x0E, 10**6])
def test_a_message_of_a_newer_client_is_survived(tag: int) -> None:
    """It is handed on as unknown, so that the person can be told that something came."""
    assert tag not in KNOWN_TAGS
    raw = plain_msgpack.pack([tag, ID, {"whatever": [1, 2]}])
    assert decode_message(raw) == Unknown(tag, raw)


def test_fields_that_a_newer_client_appends_are_ignored() -> None:
    plain = [*plain_msgpack.unpack(encode_message(Text(ID, 1, "hai"))), "newer", 5]
    assert decode_message(plain_msgpack.pack(plain)) == Text(ID, 1, "hai")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x90",
        b"\xc0",
        b"\x91\xa1x",
        b"\x91\x01",
        b"\x91" * 50_000,
        b"\xdd\xff\xff\xff\xff",
        b"\x92\x63",
    ],
)
def test_what_has_no_tag_or_no_end_is_no_message(data: bytes) -> None:
    with pytest.raises(RemoteMessageError):
        decode_message(data)


def test_a_message_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(RemoteMessageError):
        decode_message(plain_msgpack.pack([0x7F, bytes(MAX_MESSAGE_BYTES)]))


def test_the_longest_text_fits_in_any_script() -> None:
    """The limit counts characters, so that no language gets less than another."""
    text = Text(ID, 1, "𝔘" * MAX_TEXT_CHARACTERS)
    assert decode_message(encode_message(text)) == text


def test_the_longest_receipt_fits() -> None:
    receipt = Receipt(ReceiptKind.READ, tuple(bytes([n % 256]) * 16 for n in range(MAX_RECEIPT_IDS)))
    assert decode_message(encode_message(receipt)) == receipt


def test_a_form_whose_answers_are_too_long_together_is_refused_at_the_sender() -> None:
    answers = tuple(Answer("q", "x" * 1000) for _ in range(64))
    with pytest.raises(LocalMessageError):
        encode_message(Form(ID, 1, "safety plan", answers))


def test_whose_fault_it_is_can_be_told_apart() -> None:
    assert issubclass(LocalMessageError, MessageError)
    assert not issubclass(LocalMessageError, RemoteMessageError)


@pytest.mark.parametrize(
    "message",
    [
        Text(ID, 1, "rahasia"),
        Attachment(ID, 1, bytes(16), b"rahasia!" * 4, bytes(32), 5, "image/jpeg", "rahasia.jpg"),
        Form(ID, 1, "rahasia", (Answer("rahasia", "rahasia"),)),
        Answer("rahasia", "rahasia"),
        Unknown(99, b"rahasia"),
    ],
)
def test_a_repr_shows_nothing_of_what_was_said(message: object) -> None:
    """A traceback or a log line may hold a repr; it may not hold her words."""
    assert "rahasia" not in repr(message)
