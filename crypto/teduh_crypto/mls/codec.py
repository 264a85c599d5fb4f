"""The one way in and out of bytes: a bounded reader and a few writers for the RFC's presentation language.

Every structure of the protocol is hand-written on top of these, for speed and so that each file reads like
the RFC's own listing. A reader never looks past its end, and a vector narrows that end while its items are
read, so an inner length can not reach outside the outer one:

    |<------------------ reader ------------------>|
    | ... | length | item | item | item |   ...    |
                   |<-- end moves here while -->|
                        the items are read

Writing goes into one growing `bytearray`. A vector whose length is not known in advance is written in place
and its prefix is slid in front of it afterwards, which costs one `memmove` instead of a buffer per level.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol, Self, TypeVar

from teduh_crypto.exceptions import DecodingError, LocalError

MAX_ENCODED_LENGTH: Final = 16 * 1024 * 1024
"""Bytes. No decoder reads an input longer than this; a tree of 10,000 members takes about 4 MiB."""

MAX_ITEMS: Final = 1 << 17
"""Items of one vector. It bounds what a small input of many empty items can cost in memory."""

_MAX_VECTOR_LENGTH: Final = (1 << 30) - 1

T = TypeVar("T")


class Writable(Protocol):
    """Anything that can append its own encoding."""

    def write_to(self, out: bytearray) -> None: ...


class Structure(ABC):
    """A structure of the protocol: it writes itself, and is read by its class.

    `from_bytes` raises `DecodingError`, and nothing else, on any bytes that are not exactly one encoding.
    """

    __slots__ = ()

    @abstractmethod
    def write_to(self, out: bytearray) -> None:
        """Append the encoding of this structure to `out`."""

    @classmethod
    @abstractmethod
    def read_from(cls, reader: Reader) -> Self:
        """Read one structure and leave the reader behind it; raises `DecodingError`."""

    def to_bytes(self) -> bytes:
        """The encoding of this structure."""
        out = bytearray()
        self.write_to(out)
        return bytes(out)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode `data`, all of it; raises `DecodingError`."""
        return decode(cls.read_from, data)


class Reader:
    """A position in `data` that only moves forward; missing bytes raise `DecodingError`, in every method."""

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes, *, max_length: int = MAX_ENCODED_LENGTH) -> None:
        if len(data) > max_length:
            raise DecodingError(f"{len(data)} bytes are more than the {max_length} that are read")
        self._data = data
        self._position = 0
        self._end = len(data)

    @property
    def remaining(self) -> int:
        """Bytes left before the end of the input, or of the vector being read."""
        return self._end - self._position

    def take(self, length: int) -> bytes:
        """The next `length` bytes."""
        start = self._position
        stop = start + length
        if stop > self._end:
            raise DecodingError(f"{length} bytes are needed and {self._end - start} are left")
        self._position = stop
        return self._data[start:stop]

    def uint8(self) -> int:
        """One byte as a number."""
        position = self._position
        if position >= self._end:
            raise DecodingError("a byte is needed and none is left")
        self._position = position + 1
        return self._data[position]

    def uint16(self) -> int:
        """Two bytes, big-endian."""
        data, start = self._data, self._position
        if start + 2 > self._end:
            raise DecodingError("two bytes are needed and fewer are left")
        self._position = start + 2
        return data[start] << 8 | data[start + 1]

    def uint32(self) -> int:
        """Four bytes, big-endian."""
        return int.from_bytes(self.take(4), "big")

    def uint64(self) -> int:
        """Eight bytes, big-endian."""
        return int.from_bytes(self.take(8), "big")

    def vector_length(self) -> int:
        """A variable-size length header of one, two or four bytes, in its shortest form."""
        first = self.uint8()
        if first < 0x40:
            return first
        if first < 0x80:
            length = (first & 0x3F) << 8 | self.uint8()
            minimum = 0x40
        elif first < 0xC0:
            length = (first & 0x3F) << 24 | self.uint8() << 16 | self.uint16()
            minimum = 0x4000
        else:
            # RFC 9420, 2.1.2: the prefix 0b11 is invalid, and so is a longer form than needed.
            raise DecodingError("a vector length begins with the invalid prefix 0b11")
        if length < minimum:
            raise DecodingError(f"the vector length {length} is not in its shortest form")
        return length

    def opaque(self) -> bytes:
        """The contents of an `opaque<V>`."""
        data, start = self._data, self._position + 1
        if start <= self._end and data[start - 1] < 0x40:
            # Most vectors are short, and this is the busiest line of every decoder.
            stop = start + data[start - 1]
            if stop <= self._end:
                self._position = stop
                return data[start:stop]
        return self.take(self.vector_length())

    def vector(self, read_item: Callable[[Reader], T], *, max_items: int = MAX_ITEMS) -> tuple[T, ...]:
        """The items of a `T<V>`, each read by `read_item` from within the vector alone."""
        outer_end = self._enter_vector()
        items: list[T] = []
        while self._position < self._end:
            if len(items) == max_items:
                raise DecodingError(f"a vector has more than the {max_items} items that are read")
            items.append(read_item(self))
        self._end = outer_end
        return tuple(items)

    def _enter_vector(self) -> int:
        length = self.vector_length()
        stop = self._position + length
        if stop > self._end:
            raise DecodingError(f"a vector of {length} bytes does not fit into the {self.remaining} left")
        outer_end, self._end = self._end, stop
        return outer_end

    def optional(self, read_value: Callable[[Reader], T]) -> T | None:
        """An `optional<T>`: a presence byte of 0 or 1, then the value if it is 1."""
        present = self.uint8()
        if present == 0:
            return None
        if present != 1:
            raise DecodingError(f"the presence byte {present} is neither 0 nor 1")
        return read_value(self)

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(self.remaining)

    def finish(self) -> None:
        """Nothing may be left; trailing bytes are an error."""
        if self._position != self._end:
            raise DecodingError(f"{self.remaining} bytes trail behind the structure")


def decode(read: Callable[[Reader], T], data: bytes, *, max_length: int = MAX_ENCODED_LENGTH) -> T:
    """Read one value that takes up the whole of `data`; raises `DecodingError`."""
    reader = Reader(bytes(data), max_length=max_length)
    value = read(reader)
    reader.finish()
    return value


def write_uint8(out: bytearray, value: int) -> None:
    """Append one byte."""
    out.append(value)


def write_uint16(out: bytearray, value: int) -> None:
    """Append two bytes, big-endian."""
    out += value.to_bytes(2, "big")


def write_uint32(out: bytearray, value: int) -> None:
    """Append four bytes, big-endian."""
    out += value.to_bytes(4, "big")


def write_uint64(out: bytearray, value: int) -> None:
    """Append eight bytes, big-endian."""
    out += value.to_bytes(8, "big")


def vector_header(length: int) -> bytes:
    """The shortest header for a vector of `length` bytes; raises `LocalError` above 2^30 - 1."""
    if length < 0x40:
        return length.to_bytes(1, "big")
    if length < 0x4000:
        return (length | 0x4000).to_bytes(2, "big")
    if length <= _MAX_VECTOR_LENGTH:
        return (length | 0x80000000).to_bytes(4, "big")
    raise LocalError(f"a vector of {length} bytes can not be encoded")


def write_opaque(out: bytearray, data: bytes) -> None:
    """Append an `opaque<V>`."""
    length = len(data)
    if length < 0x40:
        out.append(length)
    else:
        out += vector_header(length)
    out += data


def end_vector(out: bytearray, start: int) -> None:
    """Slide the length header in front of everything written since `start`."""
    out[start:start] = vector_header(len(out) - start)


def write_vector(out: bytearray, items: Iterable[Writable]) -> None:
    """Append a `T<V>` of structures."""
    start = len(out)
    for item in items:
        item.write_to(out)
    end_vector(out, start)


def write_vector_with(out: bytearray, items: Iterable[T], write: Callable[[bytearray, T], None]) -> None:
    """Append a `T<V>` whose items are written by `write`."""
    start = len(out)
    for item in items:
        write(out, item)
    end_vector(out, start)


def write_optional(out: bytearray, value: Writable | None) -> None:
    """Append an `optional<T>`."""
    if value is None:
        out.append(0)
    else:
        out.append(1)
        value.write_to(out)


def write_uint16_vector(out: bytearray, values: Sequence[int]) -> None:
    """Append a `uint16<V>`, as capabilities hold them."""
    write_opaque(out, struct.pack(f">{len(values)}H", *values))


def read_uint16_vector(reader: Reader) -> tuple[int, ...]:
    """Read a `uint16<V>`; raises `DecodingError`."""
    data = reader.opaque()
    if len(data) % 2:
        raise DecodingError("a vector of two-byte numbers has an odd length")
    return struct.unpack(f">{len(data) // 2}H", data)
