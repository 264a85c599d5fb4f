"""Nobody is absent before every node could say who is with it: the store may have been away, or full."""

from __future__ import annotations

import asyncio
from pathlib import Path

from msgspec import msgpack
from support.eventually import becomes, eventually
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_server.app import Relay
from teduh_server.redis_store import queue_scripts
from teduh_server.redis_store.durability import Durability
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import RequestDetails

ABSENT_SECONDS = 4.0
ELSEWHERE = b"waits elsewhere."


async def _state(relay: Relay) -> object:
    return await relay.parts.store.ask(queue_scripts.request_state(ELSEWHERE))


async def _waits_elsewhere(relay: Relay) -> None:
    """By another node, to which her link stands all the time."""
    details, now_ms = msgpack.encode(RequestDetails()), relay.parts.store.now_ms()
    opening = queue_scripts.open_request(ELSEWHERE, b"package", details, now_ms, 60_000)
    assert queue_scripts.opened(await relay.parts.store.ask(opening)).new


async def test_whoever_waits_at_another_node_keeps_her_place_when_the_store_is_back(
    organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """This node is the first to find it again."""
    path = organisation.write(tmp_path)
    with start_valkey(durability=Durability.AOF) as valkey:
        async with relay_here(path, valkey.url, absent_seconds=ABSENT_SECONDS) as (relay, _):
            await asyncio.sleep(ABSENT_SECONDS + 1)
            await _waits_elsewhere(relay)
            valkey.kill()
            await eventually(lambda: not relay.parts.store.available)
            await asyncio.sleep(ABSENT_SECONDS + 0.5)
            await asyncio.to_thread(valkey.revive)
            await eventually(lambda: relay.parts.store.available)
            await relay.parts.queue.sweep()
            assert await _state(relay) == b"waiting"
            # Of whom no node says so, she is absent all the same.
            await becomes(lambda: _state(relay), None)


async def test_whoever_waits_at_another_node_keeps_her_place_while_the_store_is_full(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """It takes no word of who is there, and nobody waits at this node."""
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url, absent_seconds=ABSENT_SECONDS) as (relay, _):
        await asyncio.sleep(ABSENT_SECONDS + 1)
        await _waits_elsewhere(relay)
        await relay.parts.store.ask((b"CONFIG", b"SET", b"maxmemory", 1000))
        try:
            await asyncio.sleep(ABSENT_SECONDS + 1.5)
            assert await _state(relay) == b"waiting"
        finally:
            await relay.parts.store.ask((b"CONFIG", b"SET", b"maxmemory", 0))
        await relay.parts.queue.sweep()
        assert await _state(relay) == b"waiting"
        await becomes(lambda: _state(relay), None)
