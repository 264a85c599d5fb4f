"""Who has said that she takes nobody any more is offered nothing, whatever the planner still believes."""

from __future__ import annotations

from msgspec import msgpack
from support.store.stored_conversation import NOW_MS, RETENTION_MS
from teduh_server.redis_store import queue_scripts, routing_scripts
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import RequestDetails


async def test_who_said_none_is_not_offered(valkey: EmbeddedValkey) -> None:
    store = Store(StoreAddress.parse(valkey.url), (), lambda message: None)
    await store.start()
    try:
        person, request = b"p" * 16, b"r" * 16
        await store.ask(
            queue_scripts.open_request(request, b"kp", msgpack.encode(RequestDetails()), NOW_MS, RETENTION_MS)
        )
        await store.ask(routing_scripts.set_seats(person, 1, RETENTION_MS))
        await store.ask(routing_scripts.set_seats(person, 0, RETENTION_MS))
        reply = await store.ask(
            routing_scripts.offer_requests([(request, [person])], NOW_MS, 20_000, RETENTION_MS, {person: 1})
        )
        assert routing_scripts.offered(reply) == [None] or not any(routing_scripts.offered(reply))
    finally:
        await store.close()
