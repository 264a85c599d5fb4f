"""Also a farewell, and who comes back to acknowledge, frees a store that is full."""

from __future__ import annotations

import aiohttp
from frame_client import frame_client, talking_pair
from relay_organisation import RelayOrganisation
from relay_process import becomes
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.keys import ConversationKeys
from teduh_signaling.relay.frames import Acknowledge


async def test_a_farewell_is_taken_where_the_store_is_full(
    relay_url: str, organisation: RelayOrganisation, valkey: EmbeddedValkey
) -> None:
    store = Store(StoreAddress.parse(valkey.url), (), lambda message: None)
    await store.start()
    try:
        async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
            await survivor.append(conversation, 1, bytes(100))
            await store.ask((b"CONFIG", b"SET", b"maxmemory", 1000))
            async with (
                aiohttp.ClientSession() as http,
                http.post(f"{relay_url}/v1/farewells", data=conversation + survivor.capability) as answer,
            ):
                assert answer.status == 204
    finally:
        await store.ask((b"CONFIG", b"SET", b"maxmemory", 0))
        await store.close()


async def test_who_comes_back_frees_a_full_store(
    relay_url: str, organisation: RelayOrganisation, valkey: EmbeddedValkey
) -> None:
    store = Store(StoreAddress.parse(valkey.url), (), lambda message: None)
    await store.start()
    try:
        device = organisation.staff()
        async with talking_pair(relay_url, device) as (survivor, staff, conversation):
            for counter in range(1, 11):
                await survivor.append(conversation, counter, bytes(10_000))
            await survivor.send(Acknowledge(conversation, 12))
            await staff.socket.close()
            await store.ask((b"CONFIG", b"SET", b"maxmemory", 1000))
            async with frame_client(relay_url) as again:
                await again.authenticate(device)
                await again.subscribe(conversation, 2)
                await again.entries(10)
                await again.send(Acknowledge(conversation, 12))
                await becomes(lambda: store.ask((b"XLEN", ConversationKeys.of(conversation).log)), 0)
    finally:
        await store.ask((b"CONFIG", b"SET", b"maxmemory", 0))
        await store.close()
