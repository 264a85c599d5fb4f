"""Three relays on a cluster of three masters with replicas: whatever dies or hangs, nothing accepted is lost
or doubled, and no request is forgotten or answered twice.

The long version, with every fault in turn and figures, is `make chaos`.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from chaos_house import House, house_under_load, relays_on
from island import island, why_no_island
from relay_organisation import RelayOrganisation
from relay_process import eventually
from valkey_cluster import valkey_cluster
from valkey_process import ValkeyProcess

_QUIET_SECONDS = 60.0


@pytest.mark.timeout(300)
async def test_nothing_is_lost_when_masters_and_relays_die_hang_and_restart(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    with (
        valkey_cluster(3, 2, cluster_node_timeout="1500") as cluster,
        relays_on(cluster.url, tmp_path, organisation) as relays,
    ):
        async with house_under_load(
            cluster, relays, organisation, talks=6, messages_per_second=4, requests_per_second=2
        ) as house:
            await _until_all_goes_on(house)
            await _kill_a_master(house)
            await _kill_a_relay(house)
            await _freeze_a_master(house)
            await _restart_relays_one_by_one(house)
        delivered = await house.check()
        assert delivered == house.said == house.accepted
        assert len(house.requests.opened) > 10


@pytest.mark.timeout(180)
async def test_nothing_is_lost_when_a_machine_with_a_master_and_a_relay_is_cut_off(tmp_path: Path) -> None:
    """Both live on: the one believes itself to be the master, the other to have its clients, and they hear
    nobody else.
    """
    if (reason := why_no_island()) is not None:
        pytest.skip(reason)
    organisation = RelayOrganisation()
    with (
        island() as island_,
        valkey_cluster(3, 2, island_, cluster_node_timeout="1500") as cluster,
        relays_on(cluster.url, tmp_path, organisation, island=island_) as relays,
    ):
        async with house_under_load(
            cluster, relays, organisation, talks=6, messages_per_second=4, requests_per_second=1
        ) as house:
            await _until_all_goes_on(house)
            cut_off = cluster.nodes[0]
            island_.cut()
            await asyncio.to_thread(cluster.wait_until_masters_without, cut_off)
            await _until_all_goes_on(house)
            await house.until_presence_is_right(house.relays[1:])
            island_.mend()
            await asyncio.to_thread(cluster.wait_until_whole)
            await _until_all_goes_on(house)
            await house.until_presence_is_right(house.relays)
        assert await house.check() == house.said == house.accepted


async def _until_all_goes_on(house: House) -> None:
    """Everybody has something accepted that was said from now on."""
    since = time.monotonic()
    await eventually(
        lambda: all(each.latencies and each.latencies[-1][0] > since for each in house.members),
        within=_QUIET_SECONDS,
    )


async def _kill_a_master(house: House) -> None:
    master = house.cluster.master_of(b"{queue}")
    master.kill()
    await asyncio.to_thread(house.cluster.wait_until_replaced, b"{queue}", master)
    await _until_all_goes_on(house)
    await house.until_presence_is_right(house.relays)
    await _back_in_the_cluster(house, master)


async def _freeze_a_master(house: House) -> None:
    master = house.cluster.master_of(b"{queue}")
    master.freeze()
    await asyncio.to_thread(house.cluster.wait_until_replaced, b"{queue}", master)
    await _until_all_goes_on(house)
    master.thaw()
    await asyncio.to_thread(house.cluster.wait_until_whole)
    await _until_all_goes_on(house)


async def _back_in_the_cluster(house: House, node: ValkeyProcess) -> None:
    await asyncio.to_thread(node.start)
    await asyncio.to_thread(house.cluster.wait_until_whole)


async def _kill_a_relay(house: House) -> None:
    dead, *others = house.relays
    async with house.somebody_at(dead):
        dead.kill()
        await house.until_presence_is_right(others)
    await _until_all_goes_on(house)
    await asyncio.to_thread(dead.start)


async def _restart_relays_one_by_one(house: House) -> None:
    for relay in house.relays:
        await asyncio.to_thread(relay.stop)
        await asyncio.to_thread(relay.start)
        await _until_all_goes_on(house)
    await house.until_presence_is_right(house.relays)
