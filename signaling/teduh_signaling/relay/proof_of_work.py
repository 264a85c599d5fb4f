"""The price of a request: memory-hard proof of work, bound to one request on one connection.

::

    OpenRequest  ----------------------->
    <-----------  Error(proof_of_work_required, price)      challenge, puzzles, bits, memory
    OpenRequest(proof_of_work)  -------->                   4 bytes for each puzzle
    <-----------  RequestOpened

Puzzle `i` is solved by an unsigned number `n` below 2^32 such that scrypt (RFC 7914) with the password `n`
(4 bytes, big-endian), the salt challenge || i (1 byte), N = 2^memory, r = 8, p = 1 gives 32 bytes that begin
with `bits` zero bits. One attempt takes 128 * r * N bytes of memory. Several puzzles of few bits take about
equally long each time, where one of many bits could take five times its average.

Who checks a proof looks at `CHECKED` puzzles of its own choice, unforeseeable to who has made it. Whoever
solves a share `f` of the puzzles is believed with a probability below `f` + 2^-bits for each that is looked
at, so leaving puzzles out costs more for each request that is let in than it saves.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from typing import Final

from teduh_signaling.relay.exceptions import LocalProtocolError, RemoteProtocolError
from teduh_signaling.relay.frames import MAX_PRICE_ATTEMPTS, ErrorCode, Price

CHECKED: Final = 3
"""Puzzles that are looked at; a scrypt each."""
_R: Final = 8
_NUMBER_BYTES: Final = 4


def solve(price: Price, is_wanted: Callable[[], bool] = lambda: True) -> bytes:
    """Find a solution; takes puzzles * 2^bits attempts on average, so run it in a thread.

    `is_wanted` is asked before each attempt; once it says no, the solution is empty. Raises
    LocalProtocolError if the price is more than the protocol lets a relay ask for.
    """
    if attempts(price) > MAX_PRICE_ATTEMPTS:
        raise LocalProtocolError(f"a relay may ask for at most {MAX_PRICE_ATTEMPTS} attempts")
    solution = b""
    for puzzle in range(price.puzzles):
        number = 0
        while is_wanted() and not _is_solved(price, puzzle, number.to_bytes(_NUMBER_BYTES)):
            number += 1
        solution += number.to_bytes(_NUMBER_BYTES)
    return solution if is_wanted() else b""


def attempts(price: Price) -> int:
    """How many a solution takes, on average."""
    return price.puzzles << price.bits


def verify(price: Price, solution: bytes) -> None:
    """Raise RemoteProtocolError (proof_of_work_required, not fatal) unless `solution` pays the price.

    Takes `CHECKED` attempts, during which other threads run.
    """
    if len(solution) == price.puzzles * _NUMBER_BYTES:
        looked_at = secrets.SystemRandom().sample(range(price.puzzles), min(CHECKED, price.puzzles))
        if all(_is_solved(price, each, _part(solution, each)) for each in looked_at):
            return
    raise RemoteProtocolError(ErrorCode.PROOF_OF_WORK_REQUIRED, "the proof of work does not pay the price")


def _part(solution: bytes, puzzle: int) -> bytes:
    return solution[puzzle * _NUMBER_BYTES : (puzzle + 1) * _NUMBER_BYTES]


def _is_solved(price: Price, puzzle: int, number: bytes) -> bool:
    salt = price.challenge + bytes((puzzle,))
    digest = hashlib.scrypt(number, salt=salt, n=1 << price.memory, r=_R, p=1, dklen=32)
    return int.from_bytes(digest) >> (256 - price.bits) == 0
