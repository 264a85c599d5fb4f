"""JSON of which everybody reads the same: bytes that are the one encoding of what they say.

What is signed is decoded, encoded again and compared. Otherwise two readers could take different things from
one signed text: of a name that stands twice one takes the first and one the last, `1.0` is a whole number to
one and not to the other, and above 2**53 a third one rounds.

The encoding is that of `JSON.stringify` in JavaScript: UTF-8 without byte order mark or white space, names in
the order in which they were written, nothing escaped that need not be. So that JavaScript and Python agree on
it, numbers are whole and below 2**53, no name begins with a digit (JavaScript would move it to the front), no
string holds half a character, and values lie at most 8 deep in each other.
"""

from __future__ import annotations

import json
from typing import Final

MAX_DEPTH: Final = 8
"""Of objects and lists in each other."""
_LIMIT: Final = 2**53


def encode_canonical(value: object) -> bytes:
    """The one encoding of `value`; raises `ValueError` for half a character or a number that is none."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def decode_canonical(data: bytes) -> object:
    """What `data` says; raises `ValueError` unless it is the one encoding of that."""
    try:
        value = json.loads(data.decode(), parse_float=_refuse_number, parse_constant=_refuse_number)
    except RecursionError as error:
        raise ValueError("too deep") from error
    _check(value, MAX_DEPTH)
    if encode_canonical(value) != data:
        raise ValueError("not the one encoding of what it says")
    return value


def _refuse_number(text: str) -> object:
    raise ValueError(f"not a whole number: {text[:32]}")


def _check(value: object, depth: int) -> None:
    """Refuse what languages encode differently; `depth` is how many values may still lie in each other."""
    match value:
        case int():
            if not -_LIMIT < value < _LIMIT:
                raise ValueError("a number is too large")
        case dict() | list():
            if depth == 0:
                raise ValueError("too deep")
            if isinstance(value, dict) and any(name[:1] in "0123456789" and name for name in value):
                raise ValueError("a name begins with a digit")
            for item in value.values() if isinstance(value, dict) else value:
                _check(item, depth - 1)
        case _:
            pass
