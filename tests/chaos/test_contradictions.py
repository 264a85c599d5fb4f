"""The members who judge the other tests of this folder: they notice a log that is not what it was."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.chaos.retrying_client import Contradiction, RetryingClient
from support.clients.frame_client import talking_pair
from support.eventually import eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.keys import ConversationKeys
from teduh_server.redis_store.location import parse_location


async def test_store_that_has_forgotten_what_was_accepted_is_noticed(tmp_path: Path) -> None:
    """As after a failover to a replica that never had it."""
    organisation = RelayOrganisation()
    path = organisation.write(tmp_path)
    with start_valkey(durability=Durability.MEMORY) as valkey:
        store = Store(parse_location(valkey.url))
        await store.start()
        async with relay_here(path, valkey.url) as (_, url):
            await organisation.publish_revocations(url)
            async with talking_pair(url, organisation.staff()) as (survivor, _, conversation):
                capability = survivor.capability
            keys = ConversationKeys.of(conversation)
            before = await store.ask((b"DUMP", keys.state))
            member = RetryingClient([url], conversation, epoch=1, after=2, capability=capability)
            running = asyncio.create_task(member.run())
            for number in range(3):
                member.say(b"%d" % number)
            await eventually(lambda: member.cursor == 5)
            assert isinstance(before, bytes)
            await store.ask((b"RESTORE", keys.state, 0, before, b"REPLACE"))
        async with relay_here(path, valkey.url, listen_port=int(url.rpartition(":")[2])):
            with pytest.raises(Contradiction):
                async with asyncio.timeout(20):
                    await running
        await store.close()
