"""The price of a request: found by work, checked by one hash."""

from __future__ import annotations

import hashlib

import pytest
from teduh_signaling.relay.exceptions import LocalProtocolError, RemoteProtocolError
from teduh_signaling.relay.frames import ErrorCode
from teduh_signaling.relay.proof_of_work import solve, verify

NONCE = bytes(range(32))


@pytest.mark.parametrize("bits", [0, 1, 7, 8, 9, 12])
def test_a_solution_is_accepted(bits: int) -> None:
    verify(NONCE, solve(NONCE, bits), bits)


def test_the_solution_begins_with_as_many_zero_bits() -> None:
    digest = hashlib.sha256(NONCE + solve(NONCE, 12)).digest()
    assert int.from_bytes(digest, "big") >> 244 == 0


def test_a_price_of_nothing_needs_no_solution() -> None:
    assert solve(NONCE, 0) == b""


def test_a_wrong_solution_is_refused_without_closing() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        verify(NONCE, b"", 20)
    assert (caught.value.code, caught.value.fatal) == (ErrorCode.PROOF_OF_WORK_REQUIRED, False)


def test_a_solution_is_worth_nothing_under_another_nonce() -> None:
    """Nothing can be computed before the relay has said hello."""
    with pytest.raises(RemoteProtocolError):
        verify(bytes(32), solve(NONCE, 16), 16)


def test_an_overlong_solution_is_refused() -> None:
    long_ones = (bytes(60) + number.to_bytes(8, "big") for number in range(1000))
    solution = next(one for one in long_ones if hashlib.sha256(NONCE + one).digest()[0] < 128)
    with pytest.raises(RemoteProtocolError):
        verify(NONCE, solution, 1)


def test_a_relay_may_not_ask_for_more_than_the_protocol_allows() -> None:
    """A hostile relay could otherwise keep her phone busy for days."""
    with pytest.raises(LocalProtocolError):
        solve(NONCE, 33)


def test_one_bit_less_is_not_enough() -> None:
    """A solution whose hash begins with exactly eight zero bits pays for eight, and not for nine."""
    solutions = (number.to_bytes(8, "big") for number in range(100_000))
    eight = next(
        one for one in solutions if hashlib.sha256(NONCE + one).hexdigest()[:3] in ("008", "009", "00a")
    )
    verify(NONCE, eight, 8)
    with pytest.raises(RemoteProtocolError):
        verify(NONCE, eight, 9)
