"""A relay in the test's own event loop with an organisation behind it, for plain clients."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from teduh_server.app import Relay

from support.clients.plain_msgpack_client import PlainClient, plain_client
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey


@dataclass(frozen=True)
class PlainRelay:
    """A running relay, and the root key by which it believes staff."""

    url: str
    relay: Relay
    organisation: RelayOrganisation

    @asynccontextmanager
    async def staff_client(self, name: str = "Sari") -> AsyncIterator[PlainClient]:
        """A client that has authenticated as a staff device of its own; its key is `client.key`."""
        device = self.organisation.staff(name)
        async with plain_client(self.url) as client:
            client.key = device.key
            await client.authenticate(device.statement, device.key)
            yield client

    def statement(self) -> tuple[str, Ed25519PrivateKey]:
        """A staff statement and its key."""
        device = self.organisation.staff()
        return device.statement, device.key

    def buffered_bytes(self) -> int:
        """What waits in the relay to be written to its clients."""
        return sum(connection.unsent_bytes for connection in self.relay.parts.sockets.connections)


@asynccontextmanager
async def plain_relay(**settings: object) -> AsyncIterator[PlainRelay]:
    """A relay on a Valkey of its own."""
    organisation = RelayOrganisation()
    with tempfile.TemporaryDirectory() as folder, start_valkey() as valkey:
        file = organisation.write(Path(folder))
        async with relay_here(file, valkey.url, **settings) as (relay, url):
            await organisation.publish_revocations(url)
            yield PlainRelay(url, relay, organisation)
