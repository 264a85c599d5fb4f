"""Writes proof_of_work.json: prices, and the first solution of each, as PROTOCOL.md describes them."""

from __future__ import annotations

import hashlib
import json
from itertools import count
from pathlib import Path

PRICES = ((1, 1, 4), (4, 3, 4), (8, 2, 6), (16, 1, 5), (2, 4, 11))
"""Puzzles, bits, memory."""


def _solves(challenge: bytes, puzzle: int, bits: int, memory: int, number: int) -> bool:
    digest = hashlib.scrypt(
        number.to_bytes(4, "big"), salt=challenge + bytes([puzzle]), n=2**memory, r=8, p=1, dklen=32
    )
    return "".join(f"{byte:08b}" for byte in digest).startswith("0" * bits)


def _vector(puzzles: int, bits: int, memory: int) -> dict[str, int | str]:
    challenge = hashlib.sha256(f"{puzzles} {bits} {memory}".encode()).digest()
    numbers = (
        next(number for number in count() if _solves(challenge, puzzle, bits, memory, number))
        for puzzle in range(puzzles)
    )
    solution = b"".join(number.to_bytes(4, "big") for number in numbers)
    return {
        "challenge": challenge.hex(),
        "puzzles": puzzles,
        "bits": bits,
        "memory": memory,
        "solution": solution.hex(),
    }


if __name__ == "__main__":
    vectors = [_vector(*price) for price in PRICES]
    target = Path(__file__).with_name("proof_of_work.json")
    target.write_text(json.dumps(vectors, indent=2) + "\n", encoding="utf-8")
