"""Nothing lost, nothing twice: whatever is killed in the middle of a stream, every accepted entry arrives
once, in order.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from chaos_stage import three_members
from relay_organisation import RelayOrganisation
from relay_process import relay_process
from valkey_server import start_valkey

_MESSAGES = 150


async def test_killed_relay_loses_and_doubles_nothing(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    with relay_process(tmp_path / "relay", organisation.write(tmp_path)) as relay:
        await organisation.publish_revocations(relay.url)
        async with three_members(organisation, relay.url, [[relay.url]] * 3) as stage:
            talking = asyncio.create_task(stage.talk(_MESSAGES))
            for part in (50, 150, 300):
                await stage.until_accepted(part)
                relay.kill()
                await asyncio.to_thread(relay.start)
            await talking
            await stage.finish(_MESSAGES)
            assert all(member.connections >= 4 for member in stage.members)


async def test_killed_valkey_loses_and_doubles_nothing(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    with (
        start_valkey() as valkey,
        relay_process(tmp_path / "relay", organisation.write(tmp_path), valkey.url) as relay,
    ):
        await organisation.publish_revocations(relay.url)
        async with three_members(organisation, relay.url, [[relay.url]] * 3) as stage:
            talking = asyncio.create_task(stage.talk(_MESSAGES))
            for part in (50, 150, 300):
                await stage.until_accepted(part)
                await asyncio.to_thread(valkey.kill)
                await asyncio.to_thread(valkey.revive)
            await talking
            await stage.finish(_MESSAGES)


async def test_members_of_a_killed_node_move_to_the_other(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    path = organisation.write(tmp_path)
    with (
        start_valkey() as valkey,
        relay_process(tmp_path / "a", path, valkey.url) as a,
        relay_process(tmp_path / "b", path, valkey.url) as b,
    ):
        await organisation.publish_revocations(a.url)
        await organisation.publish_revocations(b.url)
        urls = [[a.url, b.url], [b.url, a.url], [a.url, b.url]]
        async with three_members(organisation, b.url, urls) as stage:
            talking = asyncio.create_task(stage.talk(_MESSAGES))
            await stage.until_accepted(100)
            a.kill()
            await talking
            await stage.finish(_MESSAGES)


async def test_paused_valkey_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """A store that hangs, rather than dies, leaves appends without an answer; they are answered when it
    goes on.
    """
    organisation = RelayOrganisation()
    with (
        start_valkey() as valkey,
        relay_process(tmp_path / "relay", organisation.write(tmp_path), valkey.url) as relay,
    ):
        await organisation.publish_revocations(relay.url)
        async with three_members(organisation, relay.url, [[relay.url]] * 3) as stage:
            talking = asyncio.create_task(stage.talk(_MESSAGES))
            await stage.until_accepted(60)
            assert valkey.pid is not None
            os.kill(valkey.pid, signal.SIGSTOP)
            await asyncio.sleep(0.3)
            os.kill(valkey.pid, signal.SIGCONT)
            await talking
            await stage.finish(_MESSAGES)
