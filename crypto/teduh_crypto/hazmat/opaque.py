"""The length prefix of RFC 9420's variable-size vectors, for the labelled inputs of the primitives.

Only writing is needed here; the full codec, which also reads hostile input, is `teduh_crypto.mls.codec`.
"""

from __future__ import annotations

from teduh_crypto.exceptions import LocalError

MAX_LENGTH = (1 << 30) - 1
_SHORT = tuple(bytes((length,)) for length in range(64))


def length_prefix(length: int) -> bytes:
    """Return the shortest variable-length integer for `length` (RFC 9420, 2.1.2): 1, 2 or 4 bytes."""
    if length < 64:
        return _SHORT[length]
    if length < 16384:
        return (0x4000 | length).to_bytes(2, "big")
    if length <= MAX_LENGTH:
        return (0x80000000 | length).to_bytes(4, "big")
    raise LocalError("a vector of 2^30 bytes or more has no encoding")


def opaque(data: bytes) -> bytes:
    """Return `data` as the wire form of `opaque data<V>`."""
    length = len(data)
    return (_SHORT[length] if length < 64 else length_prefix(length)) + data
