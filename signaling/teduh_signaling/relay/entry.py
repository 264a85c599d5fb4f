"""Entries as bytes: made once, before their place in the log is known, then stored and forwarded as they are.

The relay's hot path is to take an Append, let one script choose the entry's ``seq``, and hand the same
entry to every member. All but ``seq`` is known beforehand, so ``seq`` is written as a MessagePack uint64 of
fixed width (the format 0xcf; any decoder reads it, whatever the value) at a fixed place:

::

    offset  0     1     2      4                 20    21                29
            0x98  0x47  c4 10  conversation id   0xcf  seq, big-endian   member, counter, kind, epoch, payload
            |     tag   bin8   16 bytes                8 bytes           as MessagePack chooses
            array of 8

It is stored unplaced, under its ``seq``, and placed when it is read.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from msgspec.msgpack import Encoder

from teduh_signaling.relay.frames import ConversationId, Entry

SEQ_OFFSET: Final = 21
"""Where the eight bytes of ``seq`` begin."""
SEQ_END: Final = 29

_HEAD: Final = bytes((0x90 | (1 + len(Entry.__struct_fields__)), 0x47, 0xC4, 16))
_UNPLACED: Final = b"\xcf" + bytes(8)
_uint64: Final = Struct(">Q")
_encode: Final = Encoder().encode


def entry_template(
    conversation_id: ConversationId, member: int, counter: int, kind: int, epoch: int, payload: bytes
) -> bytes:
    """The bytes of an Entry frame with ``seq`` 0: what is stored, until `place_entry` gives it its place.

    ``kind`` is an EntryKind or its number: every message passes here, and making an enum's member of a number
    costs as much as all the rest.
    """
    # The first byte of the encoded tuple says "array of 5"; the elements themselves follow.
    return _HEAD + conversation_id + _UNPLACED + _encode((member, counter, kind, epoch, payload))[1:]


def place_entry(template: bytes, seq: int) -> bytes:
    """The same Entry frame at ``seq``."""
    return b"".join((template[:SEQ_OFFSET], _uint64.pack(seq), template[SEQ_END:]))


def entry_seq(entry: bytes) -> int:
    """The ``seq`` of an entry that `entry_template` made; not for bytes that came from a client."""
    seq: int = _uint64.unpack_from(entry, SEQ_OFFSET)[0]
    return seq


def entry_conversation_id(entry: bytes) -> ConversationId:
    """The conversation of an entry that `entry_template` made; not for bytes that came from a client."""
    return entry[4:20]
