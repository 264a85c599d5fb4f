"""A request that the relay refuses for now is put again when the relay says, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from support.eventually import eventually
from teduh_sdk import survivor as survivor_module
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.exceptions import RelayMisbehaved, RelayRefused
from teduh_sdk.group.group_changes import CLASSIC_SUITE
from teduh_sdk.survivor import Survivor, _Request
from teduh_signaling.relay.frames import ErrorCode, OpenRequest, Price, RequestDetails
from teduh_signaling.relay.proof_of_work import solve


class Relay:
    """Refuses as often as it is told to, and then takes the request."""

    def __init__(self, *refusals: RelayRefused) -> None:
        self.refusals = list(refusals)
        self.hello = object()
        self.asked = 0
        self.proofs: list[bytes] = []

    async def wait_until_up(self) -> None:
        return

    def is_with(self, hello: object) -> bool:
        return self.hello is hello

    async def ask(self, make: Callable[[int], OpenRequest], *_: object) -> None:
        self.asked += 1
        self.proofs.append(make(1).proof_of_work)
        if self.refusals:
            raise self.refusals.pop(0)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it was waited, each time; in truth no time passes."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(survivor_module, "asyncio", SimpleNamespace(sleep=sleep, to_thread=asyncio.to_thread))
    return waits


def _request(relay: Relay) -> _Request:
    clock = SimpleNamespace(time=lambda now: now)
    survivor = SimpleNamespace(_suite=CLASSIC_SUITE, _link=relay, _service=clock, _requests={})
    return _Request(cast(Survivor, survivor), RequestDetails(), None)


async def test_it_is_put_again_no_earlier_than_the_relay_says(waits: list[float]) -> None:
    relay = Relay(
        RelayRefused(ErrorCode.RATE_LIMITED, "", 20_000),
        RelayRefused(ErrorCode.UNAVAILABLE, ""),
        RelayRefused(ErrorCode.RATE_LIMITED, "", 2**31),
    )
    await _request(relay).open()
    assert relay.asked == 4
    for waited, least in zip(waits, (20.0, 1.0, 60.0), strict=True):
        assert least <= waited <= 1.25 * least


async def test_a_full_queue_ends_a_new_request_and_not_one_that_comes_back(waits: list[float]) -> None:
    relay = Relay(RelayRefused(ErrorCode.TOO_MANY, "", 10_000))
    with pytest.raises(RelayRefused):
        await _request(relay).open()
    relay = Relay(RelayRefused(ErrorCode.TOO_MANY, "", 10_000))
    comes_back = _request(relay)
    comes_back.conversation = cast(Conversation, SimpleNamespace(is_over=False))
    await comes_back.open()
    assert (relay.asked, len(waits)) == (2, 1)


PRICE = Price(bytes(range(32)), 2, 2, 4)


def _quotes(price: Price = PRICE) -> RelayRefused:
    return RelayRefused(ErrorCode.PROOF_OF_WORK_REQUIRED, "", 10_000, price)


async def test_she_pays_what_the_relay_quotes_and_is_asked_at_once(waits: list[float]) -> None:
    relay = Relay(_quotes())
    await _request(relay).open()
    assert relay.proofs == [b"", solve(PRICE)]
    assert waits == []


async def test_what_an_older_relay_does_not_quote_is_asked_again_later(waits: list[float]) -> None:
    relay = Relay(RelayRefused(ErrorCode.PROOF_OF_WORK_REQUIRED, "", 0))
    await _request(relay).open()
    assert relay.proofs == [b"", b""]
    assert len(waits) == 1


async def test_what_one_connection_was_quoted_is_not_paid_on_another(waits: list[float]) -> None:
    relay = Relay(_quotes(), _quotes(Price(bytes(32), 2, 1, 4)))
    asked = relay.ask

    async def ask(*arguments: Any) -> None:
        if relay.asked == 0:
            relay.hello = object()
        await asked(*arguments)

    relay.ask = ask  # type: ignore[assignment,method-assign]  # it breaks as soon as it has quoted a price
    request = _request(relay)
    await request.open()
    assert relay.proofs == [b"", b"", solve(Price(bytes(32), 2, 1, 4))]


async def test_nobody_works_on_for_who_has_given_up(waits: list[float]) -> None:
    dear = Price(bytes(32), 16, 7, 10)
    relay = Relay(_quotes(dear))
    opening = asyncio.create_task(_request(relay).open())
    await eventually(lambda: relay.asked)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await asyncio.get_running_loop().shutdown_default_executor()
    assert relay.asked == 1


async def test_a_relay_that_asks_for_more_than_it_may_is_not_paid(waits: list[float]) -> None:
    relay = Relay(_quotes(Price(bytes(32), 16, 10, 14)))
    with pytest.raises(RelayMisbehaved):
        await _request(relay).open()
