"""Whatever dies while requests are offered, none is forgotten, and none is given to two people.

Lead, offers, seats and leases are all in the store; the relays that plan, ask and hear are what dies here,
and then the store itself.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.chaos.environment import eventually_believed
from support.chaos.request_load import RequestLoad
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_process
from support.store.valkey_server import start_valkey

_SETTINGS = {
    "routing": {"mode": "offer", "offer_seconds": 2.0, "again_after_seconds": 0.0},
    "lease_seconds": 3,
    "absent_seconds": 55,
}


@pytest.mark.timeout(180)
async def test_offered_requests_are_neither_forgotten_nor_given_twice(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    path = organisation.write(tmp_path)
    with (
        start_valkey() as valkey,
        relay_process(tmp_path / "a", path, valkey.url, None, None, **_SETTINGS) as a,
        relay_process(tmp_path / "b", path, valkey.url, None, None, **_SETTINGS) as b,
    ):
        urls = [a.url, b.url]
        await organisation.publish_revocations(a.url)
        for url in urls:
            await eventually_believed(url, organisation)
        load = RequestLoad(
            urls, [organisation.staff(f"Counselor {number}") for number in range(3)], 4, offered=True
        )
        load.start()
        try:
            await _until_more_are_answered(load)
            # One of the two leads, whichever; each is killed once.
            for relay in (a, b):
                relay.kill()
                await _until_more_are_answered(load)
                await asyncio.to_thread(relay.start)
            await asyncio.to_thread(valkey.kill)
            await asyncio.to_thread(valkey.revive)
            await _until_more_are_answered(load)
            await load.drain(within=60)
            await load.check()
        finally:
            await load.stop()


async def _until_more_are_answered(load: RequestLoad) -> None:
    before = len(load.answered)
    await eventually(lambda: len(load.answered) >= before + 4, within=60)
