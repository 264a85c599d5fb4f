"""Three relays on a cluster of three masters with replicas: whatever dies or hangs, nothing accepted is lost
or doubled, and no request is forgotten or answered twice.

The long version, with every fault in turn and figures, is `make chaos`.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from support.chaos.environment import Environment, environment_under_load, relays_on
from support.chaos.isolated_network import isolated_network, why_not_isolated
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.store.valkey_cluster import valkey_cluster
from support.store.valkey_process import ValkeyProcess

_QUIET_SECONDS = 60.0


@pytest.mark.timeout(300)
async def test_nothing_is_lost_when_masters_and_relays_die_hang_and_restart(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    with (
        valkey_cluster(3, 2, cluster_node_timeout="1500") as cluster,
        relays_on(cluster.url, tmp_path, organisation) as relays,
    ):
        async with environment_under_load(
            cluster, relays, organisation, talks=6, messages_per_second=4, requests_per_second=2
        ) as environment:
            await _until_all_goes_on(environment)
            await _kill_a_master(environment)
            await _kill_a_relay(environment)
            await _freeze_a_master(environment)
            await _restart_relays_one_by_one(environment)
        delivered = await environment.check()
        assert delivered == environment.said == environment.accepted
        assert len(environment.requests.opened) > 10


@pytest.mark.timeout(180)
async def test_nothing_is_lost_when_a_machine_with_a_master_and_a_relay_is_cut_off(tmp_path: Path) -> None:
    """Both live on: the one believes itself to be the master, the other to have its clients, and they hear
    nobody else.
    """
    if (reason := why_not_isolated()) is not None:
        pytest.skip(reason)
    organisation = RelayOrganisation()
    with (
        isolated_network() as isolated,
        valkey_cluster(3, 2, isolated, cluster_node_timeout="1500") as cluster,
        relays_on(cluster.url, tmp_path, organisation, network=isolated) as relays,
    ):
        async with environment_under_load(
            cluster, relays, organisation, talks=6, messages_per_second=4, requests_per_second=1
        ) as environment:
            await _until_all_goes_on(environment)
            cut_off = cluster.nodes[0]
            isolated.cut()
            await asyncio.to_thread(cluster.wait_until_masters_without, cut_off)
            await _until_all_goes_on(environment)
            await environment.until_presence_is_right(environment.relays[1:])
            isolated.mend()
            await asyncio.to_thread(cluster.wait_until_whole)
            await _until_all_goes_on(environment)
            await environment.until_presence_is_right(environment.relays)
        assert await environment.check() == environment.said == environment.accepted


async def _until_all_goes_on(environment: Environment) -> None:
    """Everybody has something accepted that was said from now on."""
    since = time.monotonic()
    await eventually(
        lambda: all(each.latencies and each.latencies[-1][0] > since for each in environment.members),
        within=_QUIET_SECONDS,
    )


async def _kill_a_master(environment: Environment) -> None:
    master = environment.cluster.master_of(b"{queue}")
    master.kill()
    await asyncio.to_thread(environment.cluster.wait_until_replaced, b"{queue}", master)
    await _until_all_goes_on(environment)
    await environment.until_presence_is_right(environment.relays)
    await _back_in_the_cluster(environment, master)


async def _freeze_a_master(environment: Environment) -> None:
    master = environment.cluster.master_of(b"{queue}")
    master.freeze()
    await asyncio.to_thread(environment.cluster.wait_until_replaced, b"{queue}", master)
    await _until_all_goes_on(environment)
    master.thaw()
    await asyncio.to_thread(environment.cluster.wait_until_whole)
    await _until_all_goes_on(environment)


async def _back_in_the_cluster(environment: Environment, node: ValkeyProcess) -> None:
    await asyncio.to_thread(node.start)
    await asyncio.to_thread(environment.cluster.wait_until_whole)


async def _kill_a_relay(environment: Environment) -> None:
    dead, *others = environment.relays
    async with environment.somebody_at(dead):
        dead.kill()
        await environment.until_presence_is_right(others)
    await _until_all_goes_on(environment)
    await asyncio.to_thread(dead.start)


async def _restart_relays_one_by_one(environment: Environment) -> None:
    for relay in environment.relays:
        await asyncio.to_thread(relay.stop)
        await asyncio.to_thread(relay.start)
        await _until_all_goes_on(environment)
    await environment.until_presence_is_right(environment.relays)
