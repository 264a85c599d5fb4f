"""A store that is full takes what frees it: acknowledgements, leaving, and coming back to do so."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from support.clients.frame_client import frame_client, talking_pair
from support.eventually import becomes
from support.organisation.relay_organisation import RelayOrganisation
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.keys import ConversationKeys
from teduh_signaling.relay.frames import Acknowledge, Append, Done, Leave
from teduh_signaling.relay.frames import Error as RelayError


@pytest.fixture
async def store(valkey: EmbeddedValkey) -> AsyncIterator[Store]:
    """The relay's, which has room again afterwards."""
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()
    yield store
    await store.ask((b"CONFIG", b"SET", b"maxmemory", 0))
    await store.close()


async def _fill(store: Store) -> None:
    await store.ask((b"CONFIG", b"SET", b"maxmemory", 1000))


async def test_acknowledgements_free_a_full_store(
    relay_url: str, organisation: RelayOrganisation, store: Store
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, staff, conversation):
        for counter in range(1, 21):
            await survivor.append(conversation, counter, bytes(10_000))
        last = 22
        await _fill(store)
        await survivor.send(Append(conversation, 21, 0, 1, b"more"))
        await survivor.expect(RelayError)
        for client in (survivor, staff):
            await client.send(Acknowledge(conversation, last))
        await becomes(lambda: store.ask((b"XLEN", ConversationKeys.of(conversation).log)), 0)


async def test_who_wants_to_leave_may_do_so_where_the_store_is_full(
    relay_url: str, organisation: RelayOrganisation, store: Store
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
        for counter in range(1, 6):
            await survivor.append(conversation, counter, bytes(100))
        await _fill(store)
        await survivor.ask(Leave(1, conversation), Done)


async def test_a_leave_beacon_is_taken_where_the_store_is_full(
    relay_url: str, organisation: RelayOrganisation, store: Store
) -> None:
    async with talking_pair(relay_url, organisation.staff()) as (survivor, _, conversation):
        await survivor.append(conversation, 1, bytes(100))
        await _fill(store)
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{relay_url}/", data=conversation + survivor.capability) as answer,
        ):
            assert answer.status == 204


async def test_who_comes_back_frees_a_full_store(
    relay_url: str, organisation: RelayOrganisation, store: Store
) -> None:
    device = organisation.staff()
    async with talking_pair(relay_url, device) as (survivor, staff, conversation):
        for counter in range(1, 11):
            await survivor.append(conversation, counter, bytes(10_000))
        await survivor.send(Acknowledge(conversation, 12))
        await staff.socket.close()
        await _fill(store)
        async with frame_client(relay_url) as again:
            await again.authenticate(device)
            await again.subscribe(conversation, 2)
            await again.entries(10)
            await again.send(Acknowledge(conversation, 12))
            await becomes(lambda: store.ask((b"XLEN", ConversationKeys.of(conversation).log)), 0)
