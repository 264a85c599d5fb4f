"""A connected store on an empty Valkey."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.store.stored_conversation import StoredConversation
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey


@pytest.fixture
async def store(valkey: EmbeddedValkey) -> AsyncIterator[Store]:
    store = Store(StoreAddress.parse(valkey.url))
    await store.start()
    yield store
    await store.close()


@pytest.fixture
async def stored(store: Store) -> StoredConversation:
    """One conversation with its survivor."""
    stored = StoredConversation(store)
    await stored.create()
    return stored
