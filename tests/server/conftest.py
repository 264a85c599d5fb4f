"""A Valkey per worker process, emptied between tests, and a relay per test."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.embedded import EmbeddedValkey


@pytest.fixture(scope="session")
def _shared_valkey() -> Iterator[EmbeddedValkey]:
    with start_valkey(durability=Durability.MEMORY) as valkey:
        yield valkey


@pytest.fixture
def valkey(_shared_valkey: EmbeddedValkey) -> EmbeddedValkey:
    """An empty Valkey; one for all tests of the process, so do not kill it."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(_shared_valkey.socket_path))
        client.sendall(b"FLUSHALL\r\n")
        assert client.recv(16) == b"+OK\r\n"
    return _shared_valkey


@pytest.fixture
def organisation() -> RelayOrganisation:
    return RelayOrganisation()


@pytest.fixture
async def relay_url(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> AsyncIterator[str]:
    """A relay that believes the organisation's staff."""
    async with relay_here(organisation.write(tmp_path), valkey.url) as (_, url):
        await organisation.publish_revocations(url)
        yield url
