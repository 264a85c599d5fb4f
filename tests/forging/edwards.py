"""Arithmetic on edwards25519 (RFC 8032, 5.1), slow: for keys and signatures that no library makes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

P: Final = 2**255 - 19
L: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, P) % P
_ROOT_OF_MINUS_ONE: Final = pow(2, (P - 1) // 4, P)


@dataclass(frozen=True, slots=True)
class Point:
    """A point in affine coordinates."""

    x: int
    y: int

    def __add__(self, other: Point) -> Point:
        product = _D * self.x * other.x * self.y * other.y % P
        x = (self.x * other.y + self.y * other.x) * pow(1 + product, -1, P) % P
        y = (self.y * other.y + self.x * other.x) * pow(1 - product, -1, P) % P
        return Point(x, y)

    def times(self, factor: int) -> Point:
        """`factor` times this point."""
        total, power = Point(0, 1), self
        while factor:
            if factor & 1:
                total += power
            power += power
            factor >>= 1
        return total

    def encoded(self) -> bytes:
        """The one encoding of RFC 8032, 5.1.2."""
        return encoded(self.y, self.x & 1)


def encoded(y: int, sign: int) -> bytes:
    """Any `y` below 2**255 with a sign bit, of a point or not."""
    return (y | sign << 255).to_bytes(32, "little")


def x_of(y: int, sign: int) -> int | None:
    """The x with this sign bit for a y below P; None if there is no such point."""
    square = (y * y - 1) * pow(_D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * _ROOT_OF_MINUS_ONE % P
    if x * x % P != square:
        return None
    return P - x if x & 1 != sign and x else x


def _base() -> Point:
    y = 4 * pow(5, -1, P) % P
    x = x_of(y, 0)
    assert x is not None
    return Point(x, y)


BASE: Final = _base()


def torsion() -> list[Point]:
    """The eight points of small order, the neutral one first."""
    y = 3
    while True:
        x = x_of(y, 0)
        if x is not None:
            point = Point(x, y).times(L)
            if point.times(4) != Point(0, 1):
                return [point.times(times) for times in range(8)]
        y += 1


def challenge(r: bytes, public_key: bytes, message: bytes) -> int:
    """k of RFC 8032, 5.1.7."""
    return int.from_bytes(hashlib.sha512(r + public_key + message).digest(), "little") % L


def signature(r: bytes, s: int) -> bytes:
    """R and S, of any size below 2**256."""
    return r + s.to_bytes(32, "little")
