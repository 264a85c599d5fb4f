"""Of many relays in one run only the one that is measured runs, with all that belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from measured_relay import Relay
from relays import TeduhRelay
from support.eventually import eventually


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[TeduhRelay]:
    with TeduhRelay(None, tmp_path) as relay:
        yield relay


def stopped(relay: Relay) -> set[bool]:
    """Of each of its processes, whether it is."""
    own = psutil.Process(relay.pid)
    found = set()
    for each in (own, *own.children(recursive=True)):
        # Valkey has one for a moment, which writes its file anew.
        with suppress(psutil.NoSuchProcess):
            found.add(each.status() == psutil.STATUS_STOPPED)
    return found


async def test_a_halted_relay_stands_still_with_its_store_until_it_is_measured(relay: TeduhRelay) -> None:
    relay.halt()
    await eventually(lambda: stopped(relay) == {True})
    with relay.awake(0.1):
        assert stopped(relay) == {False}
        relay.pair().close()
    await eventually(lambda: stopped(relay) == {True})


def test_one_that_is_not_halted_goes_on(relay: TeduhRelay) -> None:
    with relay.awake(10**9):
        relay.pair().close()
    assert stopped(relay) == {False}
