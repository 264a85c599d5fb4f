"""The disk of the embedded Valkey fills while people talk: nothing accepted is lost, and when there is room
again they go on.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from support.chaos.failing_machine import small_disk, why_no_small_disk
from support.chaos.trio import three_members
from support.eventually import becomes
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_process

_MESSAGES = 150


async def test_full_disk_loses_and_doubles_nothing(tmp_path: Path) -> None:
    if why := why_no_small_disk():
        pytest.skip(why)
    organisation, folder = RelayOrganisation(), tmp_path / "relay"
    file = organisation.write(tmp_path)
    with (
        small_disk(folder / "data") as disk,
        relay_process(folder, file, machine=disk.machine) as relay,
    ):

        async def readyz() -> int:
            async with aiohttp.ClientSession() as session, session.get(f"{relay.url}/readyz") as answer:
                return answer.status

        await organisation.publish_revocations(relay.url)
        async with three_members(organisation, relay.url, [[relay.url]] * 3) as trio:
            talking = asyncio.create_task(trio.talk(_MESSAGES))
            await trio.until_accepted(60)
            await asyncio.to_thread(disk.fill)
            await talking
            await becomes(readyz, 503)
            disk.free()
            await trio.finish(_MESSAGES)
            await becomes(readyz, 200)
