"""Who waits in vain after a lease that ended unanswered: a supervisor at the board hears of it again."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.clients.frame_client import frame_client
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_crypto.credentials import Role
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import Done, QueueAlert, WatchBoard


async def test_the_board_hears_again_after_a_lease(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    path = organisation.write(tmp_path)
    settings = {"lease_seconds": 2.0, "routing": {"alert_after_seconds": 1.0}}
    async with relay_here(path, valkey.url, **settings) as (_, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as supervisor, frame_client(url) as staff, frame_client(url) as survivor:
            await supervisor.authenticate(organisation.staff("Ibu Ratna", Role.SUPERVISOR))
            await supervisor.ask(WatchBoard(1), Done)
            await staff.authenticate(organisation.staff())
            conversation = await survivor.open_request()
            async with asyncio.timeout(5):
                await supervisor.expect(QueueAlert)
            await staff.claim(conversation)
            async with asyncio.timeout(8):
                await supervisor.expect(QueueAlert)
