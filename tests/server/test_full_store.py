"""A store that is full takes acknowledgements, for they free it."""

from __future__ import annotations

from frame_client import talking_pair
from relay_organisation import RelayOrganisation
from relay_process import becomes
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.keys import ConversationKeys
from teduh_signaling.relay.frames import Acknowledge, Append, Done, Leave
from teduh_signaling.relay.frames import Error as RelayError


async def test_acknowledgements_free_a_full_store(
    relay_url: str, organisation: RelayOrganisation, valkey: EmbeddedValkey
) -> None:
    store = Store(StoreAddress.parse(valkey.url), (), lambda message: None)
    await store.start()
    try:
        async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
            for counter in range(1, 21):
                await survivor.append(conversation, counter, bytes(10_000))
            last = 22
            await store.ask((b"CONFIG", b"SET", b"maxmemory", 1000))
            await survivor.send(Append(conversation, 21, 0, 1, b"more"))
            await survivor.expect(RelayError)
            for client in (survivor, staff):
                await client.send(Acknowledge(conversation, last))
            await becomes(lambda: store.ask((b"XLEN", ConversationKeys.of(conversation).log)), 0)
    finally:
        await store.ask((b"CONFIG", b"SET", b"maxmemory", 0))
        await store.close()


async def test_who_wants_to_leave_may_do_so_where_the_store_is_full(
    relay_url: str, organisation: RelayOrganisation, valkey: EmbeddedValkey
) -> None:
    store = Store(StoreAddress.parse(valkey.url), (), lambda message: None)
    await store.start()
    try:
        async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
            for counter in range(1, 6):
                await survivor.append(conversation, counter, bytes(100))
            await store.ask((b"CONFIG", b"SET", b"maxmemory", 1000))
            await survivor.ask(Leave(1, conversation), Done)
    finally:
        await store.ask((b"CONFIG", b"SET", b"maxmemory", 0))
        await store.close()
