"""A store that refuses for a moment, because it is full, must not end for good what the relay does in the
background.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.clients.frame_client import frame_client
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.exceptions import StoreRefused
from teduh_server.routing.router import Router
from teduh_signaling.relay.frames import (
    Availability,
    Claim,
    Claimed,
    Done,
    Offer,
    OpenRequest,
    QueuePosition,
    RequestDetails,
    RequestOpened,
    SetAvailability,
)


def _refused_rounds(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set once the store has refused what the router was to write."""
    route, refused = Router.route, asyncio.Event()

    async def noting(router: Router) -> None:
        try:
            await route(router)
        except StoreRefused:
            refused.set()
            raise

    monkeypatch.setattr(Router, "route", noting)
    return refused


async def test_offers_go_on_after_the_store_was_full(
    organisation: RelayOrganisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = _refused_rounds(monkeypatch)
    path = organisation.write(tmp_path)
    with start_valkey(durability=Durability.MEMORY) as valkey:
        async with relay_here(path, valkey.url, routing={"mode": "offer"}) as (relay, url):
            await organisation.publish_revocations(url)
            async with frame_client(url) as staff, frame_client(url) as survivor:
                await staff.authenticate(organisation.staff())
                await staff.ask(SetAvailability(1, Availability.AVAILABLE, 2), Done)
                store = relay.parts.store
                await store.ask((b"CONFIG", b"SET", b"maxmemory", b"1"))
                await refused.wait()
                await store.ask((b"CONFIG", b"SET", b"maxmemory", b"0"))
                # Until the next probe the relay keeps what it believes to be left for conversations.
                await eventually(lambda: not relay.parts.reserve.refuses_requests)
                asking = OpenRequest(1, survivor.capability, b"key package", RequestDetails())
                await survivor.ask(asking, RequestOpened)
                async with asyncio.timeout(8):
                    await staff.expect(Offer)


async def test_leases_end_after_the_disk_was_full(organisation: RelayOrganisation, tmp_path: Path) -> None:
    path = organisation.write(tmp_path)
    with start_valkey(durability=Durability.MEMORY) as valkey:
        async with relay_here(path, valkey.url, lease_seconds=3.0) as (relay, url):
            await organisation.publish_revocations(url)
            async with frame_client(url) as staff, frame_client(url) as survivor:
                await staff.authenticate(organisation.staff())
                await survivor.open_request()
                await staff.ask(Claim(1, None), Claimed)
                # A lease comes to its end while the disk takes nothing: MISCONF, for all that writes.
                store = relay.parts.store
                (valkey.folder / "dump.rdb" / "in the way").mkdir(parents=True)
                await store.ask((b"CONFIG", b"SET", b"save", b"3600 1"))
                await store.ask((b"BGSAVE",))
                await asyncio.sleep(4.5)
                await store.ask((b"CONFIG", b"SET", b"save", b""))
                await store.ask((b"CONFIG", b"SET", b"stop-writes-on-bgsave-error", b"no"))
                # She can be taken again.
                async with asyncio.timeout(8):
                    while (await survivor.expect(QueuePosition)).position != 1:
                        pass


async def test_routing_goes_on_after_a_fault_of_its_own(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    route, faults = Router.route, iter([ValueError("a fault")])

    async def route_with_faults(router: Router) -> None:
        for error in faults:
            raise error
        await route(router)

    monkeypatch.setattr(Router, "route", route_with_faults)
    async with relay_here(organisation.write(tmp_path), valkey.url, routing={"mode": "offer"}) as (_, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as staff, frame_client(url) as survivor:
            await staff.authenticate(organisation.staff())
            await staff.ask(SetAvailability(1, Availability.AVAILABLE, 2), Done)
            await survivor.open_request()
            await staff.expect(Offer)
    assert next(faults, None) is None
