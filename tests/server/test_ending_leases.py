"""Every node ends the leases that are due: what two of them do at once is done once, and to nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.clients.frame_client import FrameClient, frame_client
from support.eventually import becomes
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_server.app import Relay
from teduh_server.redis_store import queue_scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Command, Reply
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL, QUEUE_LEASES, ConversationKeys
from teduh_signaling.relay.frames import Availability, Done, MembershipEnded, Ping, Pong, SetAvailability

_NO_KIND = 0x7F
"""Of a message between nodes that means nothing."""


def _after(
    monkeypatch: pytest.MonkeyPatch,
    is_it: Callable[[Command], bool],
    meanwhile: Callable[[], Awaitable[None]],
) -> asyncio.Event:
    """Once, have something done between the answer to such a command and whoever asked; set when it is."""
    ask, done = Store.ask, asyncio.Event()

    async def slowly(store: Store, command: Command) -> Reply:
        answer = await ask(store, command)
        if answer and not done.is_set():
            monkeypatch.setattr(Store, "ask", ask)
            await meanwhile()
            done.set()
        return answer

    def asking(store: Store, command: Command) -> asyncio.Future[Reply]:
        return asyncio.ensure_future(slowly(store, command)) if is_it(command) else ask(store, command)

    monkeypatch.setattr(Store, "ask", asking)
    return done


async def _is_due(store: Store, request: bytes) -> None:
    await store.ask((b"ZADD", QUEUE_LEASES, b"XX", 1, request.hex()))


def _looks_for_leases(command: Command) -> bool:
    return command[:2] == (b"ZRANGE", QUEUE_LEASES)


async def _told_of_ends(relay: Relay, client: FrameClient) -> int:
    """How often it was told that it is a member no more, of all that was published so far."""
    heard = asyncio.Event()
    relay.parts.channel.on(_NO_KIND, lambda _: heard.set())
    await relay.parts.store.publish_confirmed(ALL_NODES_CHANNEL, bytes((_NO_KIND,)))
    await heard.wait()
    await client.ask(Ping(7), Pong)
    return sum(isinstance(frame, MembershipEnded) for frame in client.seen)


async def test_two_nodes_that_end_one_lease_give_one_seat_back(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, device = organisation.write(tmp_path), organisation.staff()
    async with relay_here(path, valkey.url) as (relay, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as one, frame_client(url) as two, frame_client(url) as staff:
            await staff.authenticate(device)
            await staff.ask(SetAvailability(1, Availability.AVAILABLE, 4), Done)
            presence = relay.parts.routing.presence
            (here,) = presence.here()
            assert here.staff is not None
            person = here.staff.person
            answered, ends = await one.open_request(), await two.open_request()
            await staff.claim(answered)
            await staff.append(answered, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")
            await staff.claim(ends)
            assert presence.seats(person) == 2
            looked_at = queue_scripts.lease_of(ends)
            # The other node is a step before this one, all the way.
            done = _after(
                monkeypatch, lambda command: command == looked_at, lambda: relay.parts.queue._end_lease(ends)
            )
            await _is_due(relay.parts.store, ends)
            async with asyncio.timeout(10):
                await done.wait()
            await becomes(lambda: relay.parts.store.ask(queue_scripts.request_state(ends)), b"waiting")
            await relay.parts.queue.sweep()
            told = await _told_of_ends(relay, staff)
            assert (presence.seats(person), told) == (3, 1)


async def test_whoever_takes_it_again_at_once_keeps_it(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that looked before another had ended the lease takes nothing from who has the next."""
    path = organisation.write(tmp_path)
    async with relay_here(path, valkey.url) as (relay, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as survivor, frame_client(url) as gone, frame_client(url) as staff:
            await gone.authenticate(organisation.staff("Budi"))
            device = (await staff.authenticate(organisation.staff())).device_id
            request = await survivor.open_request()
            await gone.claim(request)

            async def another_node() -> None:
                await relay.parts.queue._end_lease(request)
                await staff.claim(request)

            done = _after(monkeypatch, _looks_for_leases, another_node)
            await _is_due(relay.parts.store, request)
            async with asyncio.timeout(10):
                await done.wait()
            # Of the round that is under way, and of this one, nothing is to be felt.
            await relay.parts.queue.sweep()
            assert await relay.parts.store.ask(queue_scripts.lease_holder(request)) == device
            assert await _told_of_ends(relay, staff) == 0
            await staff.append(request, 1, b"commit", epoch=0, kind=1, welcome=b"welcome")


async def test_conversation_of_which_nothing_can_be_learnt_keeps_no_other_lease_from_ending(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    """As one whose master in a cluster is lost, and comes first each time."""
    async with relay_here(organisation.write(tmp_path), valkey.url) as (relay, url):
        await organisation.publish_revocations(url)
        store = relay.parts.store
        async with frame_client(url) as one, frame_client(url) as two, frame_client(url) as staff:
            await staff.authenticate(organisation.staff())
            await staff.ask(SetAvailability(1, Availability.AVAILABLE, 2), Done)
            broken, other = await one.open_request(), await two.open_request()
            for request in (broken, other):
                await staff.claim(request)
            await store.ask((b"SET", ConversationKeys.of(broken).state, b"no hash", b"EX", 60))
            for place, request in enumerate((broken, other), 1):
                await store.ask((b"ZADD", QUEUE_LEASES, b"XX", place, request.hex()))
            await becomes(lambda: store.ask(queue_scripts.request_state(other)), b"waiting")
