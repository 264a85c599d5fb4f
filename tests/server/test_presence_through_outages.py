"""Whoever is there is not taken for gone because the store is away, by which nodes hear of each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.clients.frame_client import frame_client
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_cluster import valkey_cluster
from support.store.valkey_server import start_valkey
from teduh_server.app import Relay
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL
from teduh_server.staff import presence
from teduh_signaling.relay.frames import Availability, Done, OpeningTime, Ping, Pong, SetAvailability

FORGOTTEN_AFTER_SECONDS = 2.0


def _available(relay: Relay) -> int:
    return relay.parts.routing.presence.counted()[Availability.AVAILABLE]


async def test_staff_of_another_node_stay_there_through_an_outage(
    organisation: RelayOrganisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a node may be silent: she who waits is not told that nobody is there any more."""
    monkeypatch.setattr(presence, "FORGOTTEN_AFTER_SECONDS", FORGOTTEN_AFTER_SECONDS)
    monkeypatch.setattr(presence, "HEARTBEAT_SECONDS", 0.5)
    path, revocations = organisation.write(tmp_path), organisation.revoking()
    with start_valkey() as valkey:
        async with relay_here(path, valkey.url) as (here, one):
            async with relay_here(path, valkey.url) as (there, two):
                for url in (one, two):
                    await organisation.publish_revocations(url, revocations)
                async with frame_client(one) as survivor, frame_client(two) as staff:
                    await staff.authenticate(organisation.staff())
                    await staff.ask(SetAvailability(1, Availability.AVAILABLE, 2), Done)
                    await eventually(lambda: _available(here) == 1)
                    await survivor.open_request()
                    valkey.kill()
                    await eventually(lambda: not here.parts.store.available)
                    await asyncio.sleep(FORGOTTEN_AFTER_SECONDS + 0.5)
                    assert _available(here) == 1
                    await asyncio.to_thread(valkey.revive)
                    await eventually(lambda: here.parts.store.available and there.parts.store.available)
                    await here.parts.queue.sweep()
                    assert _available(here) == 1
                    await survivor.ask(Ping(7), Pong)
                    assert not [frame for frame in survivor.seen if isinstance(frame, OpeningTime)]
            # And who is gone is gone.
            await eventually(lambda: _available(here) == 0)


async def test_staff_of_another_node_stay_there_while_a_master_is_replaced(
    organisation: RelayOrganisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By one master of a cluster the nodes hear each other, and its replica comes later than silence may
    last.
    """
    monkeypatch.setattr(presence, "FORGOTTEN_AFTER_SECONDS", FORGOTTEN_AFTER_SECONDS)
    monkeypatch.setattr(presence, "HEARTBEAT_SECONDS", 0.5)
    path, revocations = organisation.write(tmp_path), organisation.revoking()
    with valkey_cluster(3, 1) as cluster:
        async with relay_here(path, cluster.url) as (here, one), relay_here(path, cluster.url) as (_, two):
            for url in (one, two):
                await organisation.publish_revocations(url, revocations)
            async with frame_client(two) as staff:
                await staff.authenticate(organisation.staff())
                await staff.ask(SetAvailability(1, Availability.AVAILABLE, 2), Done)
                await eventually(lambda: _available(here) == 1)
                counted: list[int] = []
                here.parts.routing.presence.changes.add(lambda: counted.append(_available(here)))
                master = cluster.master_of(ALL_NODES_CHANNEL)
                master.kill()
                await asyncio.to_thread(cluster.wait_until_replaced, ALL_NODES_CHANNEL, master)
                await asyncio.sleep(FORGOTTEN_AFTER_SECONDS + 0.5)
                assert _available(here) == 1
                assert 0 not in counted
