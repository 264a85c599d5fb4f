"""Entries as bytes: the place is filled in later, and any decoder reads the result."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.clients import plain_msgpack
from teduh_signaling.relay.codec import decode_relay_frame
from teduh_signaling.relay.entry import (
    SEQ_END,
    SEQ_OFFSET,
    entry_conversation_id,
    entry_seq,
    entry_template,
    place_entry,
)
from teduh_signaling.relay.frames import Entry, EntryKind

numbers = st.integers(0, 2**53 - 1)
CONVERSATION = bytes(range(16))


@given(
    seq=numbers,
    member=st.integers(0, 2**32 - 1),
    counter=numbers,
    epoch=numbers,
    payload=st.binary(min_size=1),
)
def test_a_placed_entry_is_the_entry(seq: int, member: int, counter: int, epoch: int, payload: bytes) -> None:
    """Whatever the numbers, the spliced bytes decode to the same Entry."""
    template = entry_template(CONVERSATION, member, counter, EntryKind.COMMIT, epoch, payload)
    expected = Entry(CONVERSATION, seq, member, counter, EntryKind.COMMIT, epoch, payload)
    assert decode_relay_frame(place_entry(template, seq)) == expected


def test_plain_msgpack_reads_a_placed_entry() -> None:
    """A uint64 of fixed width is read as the same number, though a shorter form exists."""
    entry = place_entry(entry_template(CONVERSATION, 0, 3, EntryKind.MESSAGE, 1, b"x"), 5)
    assert plain_msgpack.unpack(entry) == [0x47, CONVERSATION, 5, 0, 3, 0, 1, b"x"]


def test_the_template_itself_is_an_entry_without_a_place() -> None:
    template = entry_template(CONVERSATION, 0, 3, EntryKind.MESSAGE, 1, b"x")
    assert entry_seq(template) == 0


def test_place_and_conversation_are_read_without_decoding() -> None:
    entry = place_entry(entry_template(CONVERSATION, 0, 3, EntryKind.WELCOME, 1, b"x"), 2**40)
    assert (entry_seq(entry), entry_conversation_id(entry)) == (2**40, CONVERSATION)


def test_seq_is_where_the_layout_says() -> None:
    """A script on another side of the system splices by these offsets."""
    entry = place_entry(entry_template(CONVERSATION, 0, 3, EntryKind.WELCOME, 1, b"x"), 0x0102030405060708)
    assert entry[SEQ_OFFSET - 1 : SEQ_END] == bytes.fromhex("cf0102030405060708")
