"""A revocation list that was taken into force stays in force, also when the store has lost it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.clients.frame_client import frame_client
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.replies import as_bytes

LIST = b"revocations:{revocations}:list"


async def test_who_was_revoked_is_not_believed_by_a_node_that_starts_after_a_failover(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """The replica that became the master had not seen the newest list; another node has it in force."""
    path, stolen = organisation.write(tmp_path), organisation.staff()
    async with relay_here(path, valkey.url) as (one, origin):
        await organisation.publish_revocations(origin)
        fields = await one.parts.store.ask((b"HGETALL", LIST))
        assert isinstance(fields, list)
        # Answered with 204: in force.
        await organisation.publish_revocations(origin, organisation.revoking(stolen))
        await one.parts.store.ask((b"DEL", LIST))
        await one.parts.store.ask((b"HSET", LIST, *map(as_bytes, fields)))
        await asyncio.sleep(5)
        async with relay_here(path, valkey.url) as (_, started_later), frame_client(started_later) as thief:
            with pytest.raises(AssertionError, match="revoked"):
                await thief.authenticate(stolen)


async def test_list_that_the_store_has_lost_is_given_back(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """Otherwise nobody can begin a conversation at a node that starts now."""
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url) as (one, origin):
        await organisation.publish_revocations(origin)
        await one.parts.store.ask((b"DEL", LIST))
        await asyncio.sleep(5)
        async with relay_here(path, valkey.url) as (two, _):
            assert two.verifier.revocations is not None
