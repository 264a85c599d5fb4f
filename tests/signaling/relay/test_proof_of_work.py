"""The price of a request: memory-hard puzzles, solved by attempts, checked by three of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from teduh_signaling.relay.exceptions import LocalProtocolError, RemoteProtocolError
from teduh_signaling.relay.frames import ErrorCode, Price
from teduh_signaling.relay.proof_of_work import CHECKED, attempts, solve, verify

PRICE = Price(bytes(range(32)), 4, 2, 4)
VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "proof_of_work.json").read_text(encoding="utf-8")
)


def _digest(price: Price, puzzle: int, number: bytes) -> bytes:
    """As PROTOCOL.md has it."""
    salt = price.challenge + bytes([puzzle])
    return hashlib.scrypt(number, salt=salt, n=2**price.memory, r=8, p=1, dklen=32)


@pytest.mark.parametrize("bits", [1, 2, 5])
def test_every_puzzle_is_solved(bits: int) -> None:
    price = Price(PRICE.challenge, 4, bits, 4)
    solution = solve(price)
    assert len(solution) == 16
    for puzzle in range(4):
        digest = _digest(price, puzzle, solution[4 * puzzle : 4 * puzzle + 4])
        assert int.from_bytes(digest) >> (256 - bits) == 0
    verify(price, solution)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['puzzles']} of {vector['bits']}")
def test_solutions_are_those_of_the_vectors(vector: dict[str, int | str]) -> None:
    price = Price(
        bytes.fromhex(str(vector["challenge"])),
        int(vector["puzzles"]),
        int(vector["bits"]),
        int(vector["memory"]),
    )
    assert solve(price).hex() == vector["solution"]


@pytest.mark.parametrize("solution", [b"", bytes(15), bytes(17), bytes(64)])
def test_what_has_another_length_is_refused_without_closing(solution: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        verify(PRICE, solution)
    assert (caught.value.code, caught.value.fatal) == (ErrorCode.PROOF_OF_WORK_REQUIRED, False)


def test_what_solves_nothing_is_refused() -> None:
    price = Price(PRICE.challenge, CHECKED, 10, 4)
    with pytest.raises(RemoteProtocolError):
        verify(price, bytes(4 * CHECKED))


def test_each_of_three_puzzles_counts() -> None:
    price = Price(PRICE.challenge, CHECKED, 8, 4)
    solution = solve(price)
    for puzzle in range(CHECKED):
        wrong = bytearray(solution)
        wrong[4 * puzzle] ^= 0x55
        with pytest.raises(RemoteProtocolError):
            verify(price, bytes(wrong))


def test_who_solves_half_of_it_is_believed_less_than_half_of_the_times() -> None:
    """So it is no cheaper to leave some out: 28 of 56 samples of three of eight would be 4 in 56."""
    price = Price(PRICE.challenge, 8, 6, 1)
    solution = solve(price)
    half = solution[:16] + bytes(byte ^ 0x55 for byte in solution[16:])
    believed = 0
    for _ in range(300):
        try:
            verify(price, half)
        except RemoteProtocolError:
            continue
        believed += 1
    assert believed < 150


def test_a_solution_is_worth_nothing_for_another_challenge() -> None:
    """Nothing can be computed before the relay has quoted a price."""
    price = Price(bytes(32), CHECKED, 8, 4)
    with pytest.raises(RemoteProtocolError):
        verify(price, solve(Price(bytes(31) + b"\1", CHECKED, 8, 4)))


def test_a_relay_may_not_ask_for_more_than_the_protocol_allows() -> None:
    """A hostile relay could otherwise keep her phone busy for hours."""
    dearest = Price(bytes(32), 16, 10, 14)
    assert attempts(dearest) == 16 * 1024
    with pytest.raises(LocalProtocolError):
        solve(dearest)


def test_it_stops_when_nobody_wants_it_any_more() -> None:
    asked = iter([True, True])
    assert solve(Price(bytes(32), 2, 10, 4), lambda: next(asked, False)) == b""
