"""What a request costs: nothing for who comes first at rest, more with the queue and with the source."""

from __future__ import annotations

import pytest
from teduh_server.matching import request_price
from teduh_server.matching.request_price import (
    BASE_BITS,
    MOST_DOUBLINGS,
    MOST_DOUBLINGS_OF_QUEUE,
    RequestPrice,
)
from teduh_signaling.relay.frames import MAX_PRICE_ATTEMPTS
from teduh_signaling.relay.proof_of_work import attempts

HERS, OTHER = b"hers", b"other"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """One element: the time."""
    now = [1000.0]
    monkeypatch.setattr("teduh_server.matching.request_price.time.monotonic", lambda: now[0])
    return now


def _price(waiting: int = 0) -> RequestPrice:
    price = RequestPrice(free_requests=3, calm_waiting=30)
    price.waiting = waiting
    return price


def test_at_rest_the_first_request_costs_nothing() -> None:
    assert _price().quote(HERS, 0, b"conversation") is None


def test_it_rises_with_the_queue_and_for_who_comes_first_to_no_more_than_ten_seconds_of_a_phone() -> None:
    bits = [_price(waiting).bits(HERS, 0) for waiting in (29, 30, 59, 60, 119, 120, 10_000)]
    assert bits == [0, 2, 2, 3, 3, 4, 4]
    assert BASE_BITS + MOST_DOUBLINGS_OF_QUEUE == 4


def test_it_rises_with_what_waits_of_the_same_source(clock: list[float]) -> None:
    bits = [_price().bits(HERS, waiting) for waiting in (2, 3, 4, 6, 10, 10_000)]
    assert bits == [0, 2, 3, 4, 5, BASE_BITS + MOST_DOUBLINGS]


def test_it_rises_with_what_came_of_late_from_the_same_source_and_is_forgotten(clock: list[float]) -> None:
    price = _price()
    for _ in range(3):
        price.count(HERS)
    assert price.bits(HERS, 0) == 2
    assert price.bits(OTHER, 0) == 0
    clock[0] += 121.0
    assert price.bits(HERS, 0) == 0


def test_queue_and_source_count_together() -> None:
    assert _price(60).bits(HERS, 3) == BASE_BITS + 3


def test_a_reported_source_pays_for_an_hour_what_all_pay_in_a_siege(clock: list[float]) -> None:
    price = _price()
    price.report(HERS)
    assert (price.bits(HERS, 0), price.bits(OTHER, 0)) == (BASE_BITS + MOST_DOUBLINGS_OF_QUEUE, 0)
    clock[0] += 3600.0
    assert price.bits(HERS, 0) == 0


def test_a_quote_is_for_one_request_and_ends(clock: list[float]) -> None:
    price = _price(120)
    one, other = price.quote(HERS, 0, b"one"), price.quote(HERS, 0, b"one")
    assert one is not None
    assert other is not None
    assert one.price.challenge != other.price.challenge
    assert one.is_for(b"one")
    assert not one.is_for(b"two")
    clock[0] += request_price.QUOTE_SECONDS
    assert not one.is_for(b"one")


def test_no_price_is_beyond_what_the_protocol_allows() -> None:
    quote = _price(1_000_000).quote(HERS, 1_000_000, b"one")
    assert quote is not None
    assert attempts(quote.price) <= MAX_PRICE_ATTEMPTS


def test_of_how_many_sources_it_knows_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_price, "_MOST_SOURCES", 10)
    price = _price()
    for number in range(50):
        price.count(bytes([number]))
        price.report(bytes([number]))
    assert len(price._recent) == len(price._reported) == 10
