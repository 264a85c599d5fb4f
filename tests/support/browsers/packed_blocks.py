"""Two block formats in which Firefox writes, unpacked: LZ4 (its session) and Snappy (what pages store).

Both say: so many bytes as they are, then so many again from so far back. A word of which the halves stood
before is written as two references, and stands nowhere byte by byte.
"""

from __future__ import annotations

from typing import Final

MOZ_LZ4: Final = b"mozLz40\0"
"""How Firefox's LZ4 files begin; the size of the content follows, in 4 bytes, little-endian."""
_LEAST_COPY: Final = 4


class NotPacked(Exception):
    """The bytes are no block of this format."""


def moz_lz4(data: bytes) -> bytes:
    """The content of a file that begins with `MOZ_LZ4`; raises NotPacked."""
    head = len(MOZ_LZ4)
    return lz4_block(data[head + 4 :], int.from_bytes(data[head : head + 4], "little"))


def lz4_block(data: bytes, size: int) -> bytes:
    """The `size` bytes of which this is the block (LZ4 Block Format); raises NotPacked."""
    out = bytearray()
    at = 0
    try:
        while True:
            token = data[at]
            literals, at = _lz4_length(data, at + 1, token >> 4)
            out += data[at : at + literals]
            at += literals
            if at >= len(data):
                break
            distance = int.from_bytes(data[at : at + 2], "little")
            length, at = _lz4_length(data, at + 2, token & 15)
            _copy(out, distance, length + _LEAST_COPY)
    except IndexError:
        raise NotPacked("the block ends too early") from None
    return _whole(out, size)


def _lz4_length(data: bytes, at: int, length: int) -> tuple[int, int]:
    """A length that begins with these four bits, and where it ends."""
    if length < 15:
        return length, at
    while True:
        length += data[at]
        at += 1
        if data[at - 1] < 255:
            return length, at


def snappy_block(data: bytes) -> bytes:
    """The bytes of which this is the block (Snappy's format description); raises NotPacked."""
    out = bytearray()
    try:
        size, at = _varint(data)
        while at < len(data):
            kind, tag = data[at] & 3, data[at] >> 2
            at += 1
            if kind == 0:
                extra = max(0, tag - 59)
                length = (int.from_bytes(data[at : at + extra], "little") if extra else tag) + 1
                at += extra
                out += data[at : at + length]
                at += length
            elif kind == 1:
                _copy(out, (tag >> 3) << 8 | data[at], (tag & 7) + _LEAST_COPY)
                at += 1
            else:
                wide = 2 if kind == 2 else 4
                _copy(out, int.from_bytes(data[at : at + wide], "little"), tag + 1)
                at += wide
    except IndexError:
        raise NotPacked("the block ends too early") from None
    return _whole(out, size)


def _varint(data: bytes) -> tuple[int, int]:
    size = 0
    for at in range(5):
        size |= (data[at] & 0x7F) << 7 * at
        if data[at] < 0x80:
            return size, at + 1
    raise NotPacked("no size")


def _copy(out: bytearray, distance: int, length: int) -> None:
    """Append so many bytes from so far back; they may reach into what is being appended."""
    if not 0 < distance <= len(out):
        raise NotPacked("a reference to before the beginning")
    period = bytes(out[-distance:])
    out += (period * -(-length // distance))[:length]


def _whole(out: bytearray, size: int) -> bytes:
    if len(out) != size:
        raise NotPacked(f"{len(out)} bytes instead of {size}")
    return bytes(out)
