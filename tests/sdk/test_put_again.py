"""A request that the relay refuses for now is put again when the relay says, and not for ever."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from teduh_sdk import survivor as survivor_module
from teduh_sdk.conversation import Conversation
from teduh_sdk.exceptions import RelayRefused
from teduh_sdk.group_changes import CLASSIC_SUITE
from teduh_sdk.survivor import Survivor, _Request
from teduh_signaling.relay.frames import ErrorCode, RequestDetails


class Relay:
    """Refuses as often as it is told to, and then takes the request."""

    def __init__(self, *refusals: RelayRefused) -> None:
        self.refusals = list(refusals)
        self.hello = SimpleNamespace(proof_of_work_bits=0)
        self.asked = 0

    async def wait_until_up(self) -> None:
        return

    async def ask(self, *_: object) -> None:
        self.asked += 1
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
