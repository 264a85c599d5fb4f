"""Writes ed25519.json: which Ed25519 keys are taken, and which signatures hold, in every implementation.

Everything comes from fixed numbers, so the file is the same each time. Run it after a change:
``python tests/vectors/make_ed25519.py``.

The rule is RFC 8032, 5.1.7, and where that leaves a choice: a key is the one encoding of a point that is not
of small order; S is below L; and R is compared as bytes with the encoding of S·B - k·A (no factor of 8).

Format. Bytes are hexadecimal. ``key`` tells whether ``public_key`` may be a key at all, ``holds`` whether
``signature`` of ``message`` holds under it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypedDict

HERE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from forging import edwards  # noqa: E402 - the path to the tests comes first
from forging.edwards import BASE, L, P, Point, challenge, signature, torsion, x_of  # noqa: E402

SECRET: Final = 0x5EC4E7 << 200
HONEST: Final = BASE.times(SECRET)
TORSION: Final = torsion()
NEUTRAL: Final = TORSION[0]


class Case(TypedDict):
    name: str
    public_key: str
    message: str
    signature: str
    key: bool
    holds: bool


def case(
    name: str, public: bytes, message: bytes, made: bytes, *, key: bool = True, holds: bool = False
) -> Case:
    return Case(
        name=name, public_key=public.hex(), message=message.hex(), signature=made.hex(), key=key, holds=holds
    )


def message_for(r: bytes, public: bytes, *, remainder: int | None) -> bytes:
    """A message whose k leaves this remainder by 8; with None, one that is not 0."""
    for number in range(1000):
        message = b"message %d" % number
        left = challenge(r, public, message) % 8
        if left == remainder or (remainder is None and left):
            return message
    raise AssertionError("one in eight does")


def signed(public: bytes, message: bytes, r: bytes, nonce: int) -> bytes:
    return signature(r, (nonce + challenge(r, public, message) * SECRET) % L)


def honest() -> Iterator[Case]:
    public, nonce = HONEST.encoded(), 77 << 190
    r = BASE.times(nonce).encoded()
    made = signed(public, b"hello", r, nonce)
    yield case("an honest signature", public, b"hello", made, holds=True)
    yield case("of another message", public, b"hullo", made)
    yield case("without its last byte", public, b"hello", made[:-1])
    yield case("with one byte more", public, b"hello", made + b"\x00")
    yield case("nothing", public, b"hello", b"")
    s = int.from_bytes(made[32:], "little")
    yield case("S + L", public, b"hello", signature(r, s + L))
    yield case("S + 8L", public, b"hello", signature(r, s + 8 * L))
    yield case("S with its highest bit set", public, b"hello", signature(r, s | 1 << 255))
    yield case("S = L under R = 0", public, b"hello", signature(NEUTRAL.encoded(), L))


def small_order_keys() -> Iterator[Case]:
    """Whoever has such a key need not know anything to sign: S·B = R for every message, or one in eight."""
    encodings = {
        f"of order {order_of(point)}, point {at}": point.encoded() for at, point in enumerate(TORSION)
    }
    for sign in (0, 1):
        encodings[f"y = p, sign {sign}"] = edwards.encoded(P, sign)
        encodings[f"y = p + 1, sign {sign}"] = edwards.encoded(P + 1, sign)
    encodings["the neutral point with a sign"] = edwards.encoded(1, 1)
    encodings["y = -1 with a sign"] = edwards.encoded(P - 1, 1)
    r = BASE.times(5).encoded()
    for name, public in encodings.items():
        message = message_for(r, public, remainder=0)
        yield case(f"a key {name}", public, message, signature(r, 5), key=False)


def order_of(point: Point) -> int:
    return next(order for order in (1, 2, 4, 8) if point.times(order) == NEUTRAL)


def other_keys() -> Iterator[Case]:
    """Keys that are no encoding, or not the one; and keys with a part of small order, which are taken."""
    for above in range(2, 19):
        if x_of(above, 0) is not None:
            public = edwards.encoded(P + above, 0)
            yield case(f"a key of y = p + {above}", public, b"", signature(BASE.encoded(), 1), key=False)
    mixed = (HONEST + TORSION[1]).encoded()
    r = BASE.times(9).encoded()
    for remainder in (0, None):
        message = message_for(r, mixed, remainder=remainder)
        name = f"a key with a part of order 8, k {'is' if remainder == 0 else 'is not'} a multiple of 8"
        yield case(name, mixed, message, signed(mixed, message, r, 9), holds=remainder == 0)


def other_rs() -> Iterator[Case]:
    public = HONEST.encoded()
    for name, r, holds in (
        ("R is the neutral point", NEUTRAL.encoded(), True),
        ("R is the neutral point as y = p + 1", edwards.encoded(P + 1, 0), False),
        ("R is the neutral point with a sign", edwards.encoded(1, 1), False),
    ):
        yield case(name, public, b"hello", signed(public, b"hello", r, 0), holds=holds)
    for at, point in enumerate(TORSION[1:], 1):
        r = (BASE.times(3) + point).encoded()
        yield case(f"R with a part of small order, {at}", public, b"hello", signed(public, b"hello", r, 3))
    no_point = next(y for y in range(2, 99) if x_of(y, 0) is None)
    r = edwards.encoded(no_point, 0)
    yield case("R is no point", public, b"hello", signed(public, b"hello", r, 0))


def vectors() -> str:
    cases = [*honest(), *small_order_keys(), *other_keys(), *other_rs()]
    return json.dumps(cases, indent=1) + "\n"


if __name__ == "__main__":
    (HERE / "ed25519.json").write_text(vectors(), "utf-8")
