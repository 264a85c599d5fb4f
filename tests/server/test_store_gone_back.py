"""A store that comes back with less than it had (a failover, a killed server that wrote every second): what
is accepted afterwards reaches everybody, or they hear that something is wrong.
"""

from __future__ import annotations

import asyncio

import pytest
from support.clients.frame_client import frame_client, talking_pair
from support.organisation.relay_organisation import RelayOrganisation
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.keys import ConversationKeys
from teduh_server.redis_store.replies import as_bytes
from teduh_signaling.relay.frames import Accepted, Append, Error


async def test_what_is_accepted_after_the_loss_is_delivered_or_the_reader_is_told(
    relay_url: str, organisation: RelayOrganisation, valkey: EmbeddedValkey
) -> None:
    store = Store(StoreAddress.parse(valkey.url), (), lambda message: None)
    await store.start()
    try:
        async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
            keys = ConversationKeys.of(conversation)
            await survivor.append(conversation, 1, b"before")
            await staff.append(conversation, 2, b"before")
            await survivor.entries(1), await staff.entries(1)
            kept = [(key, as_bytes(await store.ask((b"DUMP", key)))) for key in (keys.state, keys.log)]
            # This is lost; both have read it.
            for counter in (3, 4):
                await staff.append(conversation, counter, b"lost")
            await survivor.entries(2)
            for key, value in kept:
                await store.ask((b"RESTORE", key, 600_000, value, b"REPLACE"))
            await store.ask((b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"yes"))
            await store.ask((b"CLIENT", b"KILL", b"TYPE", b"pubsub"))
            await asyncio.sleep(1.5)
            seq = 0
            try:
                async with asyncio.timeout(10):
                    while not seq:
                        await survivor.send(Append(conversation, 2, 0, 1, b"he is at the door"))
                        answer = await survivor.receive()
                        if isinstance(answer, Accepted):
                            seq = answer.seq
                        elif isinstance(answer, Error):
                            await asyncio.sleep(0.2)
            except ConnectionError:
                # She is told, comes anew and reads in `Subscribed` that something is missing.
                return
            assert seq == 5
            try:
                assert (await asyncio.wait_for(staff.entries(1), 3))[0].payload == b"he is at the door"
            except ConnectionError:
                return
            except TimeoutError:
                pytest.fail(
                    "accepted, and the connected counselor hears neither it nor that anything is wrong"
                )
    finally:
        await store.close()


async def test_who_comes_back_is_told_how_far_the_log_really_goes(
    relay_url: str, organisation: RelayOrganisation, valkey: EmbeddedValkey
) -> None:
    """Also where others have stayed connected to that node."""
    store = Store(StoreAddress.parse(valkey.url), (), lambda message: None)
    await store.start()
    try:
        device = organisation.staff()
        async with talking_pair(relay_url, device) as (survivor, staff, conversation):
            keys = ConversationKeys.of(conversation)
            await survivor.append(conversation, 1, b"before")
            kept = [(key, as_bytes(await store.ask((b"DUMP", key)))) for key in (keys.state, keys.log)]
            for counter in (2, 3):
                await survivor.append(conversation, counter, b"lost")
            await staff.entries(3)
            for key, value in kept:
                await store.ask((b"RESTORE", key, 600_000, value, b"REPLACE"))
            await store.ask((b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"yes"))
            await store.ask((b"CLIENT", b"KILL", b"TYPE", b"pubsub"))
            await asyncio.sleep(1.5)
            async with frame_client(relay_url) as again:
                await again.authenticate(device)
                assert (await again.subscribe(conversation, 5)).last_seq == 3
    finally:
        await store.close()
