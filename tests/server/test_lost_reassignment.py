"""Whoever takes a request, and is lost before she is let in, ends no search and keeps nobody waiting."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from support.clients.frame_client import frame_client, talking_pair
from support.eventually import becomes
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from teduh_server.redis_store import queue_scripts, scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Command, Reply
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.redis_store.keys import QUEUE_LEASES, ConversationKeys
from teduh_server.routing.queue import Queue
from teduh_signaling.relay.frames import (
    CancelRequest,
    Done,
    ErrorCode,
    QueuePosition,
    RequestDetails,
    RequestReassignment,
)
from teduh_signaling.relay.frames import Error as RelayError


async def test_her_search_goes_on_when_a_node_dies_between_the_claim_and_the_name(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path
) -> None:
    async with relay_here(organisation.write(tmp_path), valkey.url) as (relay, url):
        await organisation.publish_revocations(url)
        async with talking_pair(url, organisation.staff()) as (survivor, _, conversation):
            await survivor.ask(RequestReassignment(5, conversation), Done)
            # What another node did before it died, or before its store went away: the first of two steps.
            now_ms = time.time_ns() // 1_000_000
            claim = queue_scripts.claim_request(conversation, b"d" * 32, b"p" * 16, now_ms, 10, 10, 60_000)
            assert queue_scripts.claimed_request(await relay.parts.store.ask(claim)) is not None
            await becomes(
                lambda: relay.parts.store.ask(queue_scripts.request_state(conversation)), b"waiting"
            )
            while (await survivor.expect(QueuePosition)).position != 1:
                pass


async def test_a_lease_that_begins_while_another_node_ends_an_older_one_has_its_end(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes sweep: one has returned the request, somebody has taken it, the other is a step behind."""
    async with relay_here(organisation.write(tmp_path), valkey.url, lease_seconds=30) as (relay, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as survivor, frame_client(url) as staff:
            await staff.authenticate(organisation.staff())
            conversation = await survivor.open_request()
            ask, looked_at = Store.ask, queue_scripts.lease_of(conversation)

            async def behind(store: Store) -> Reply:
                answer = await ask(store, looked_at)
                monkeypatch.setattr(Store, "ask", ask)
                await staff.claim(conversation)
                return answer

            def ask_behind(store: Store, command: Command) -> asyncio.Future[Reply]:
                return asyncio.ensure_future(behind(store)) if command == looked_at else ask(store, command)

            monkeypatch.setattr(Store, "ask", ask_behind)
            await relay.parts.queue._end_lease(conversation)
            state = await ask(relay.parts.store, queue_scripts.request_state(conversation))
            assert (state, await ask(relay.parts.store, (b"ZCARD", QUEUE_LEASES))) == (b"leased", 1)


async def test_her_search_begun_anew_while_somebody_takes_the_one_before_goes_on(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """She stops and begins again between the two steps of a claim."""
    async with relay_here(organisation.write(tmp_path), valkey.url) as (relay, url):
        await organisation.publish_revocations(url)
        async with (
            talking_pair(url, organisation.staff()) as (survivor, _, conversation),
            frame_client(url) as colleague,
        ):
            device = (await colleague.authenticate(organisation.staff("Budi"))).device_id
            await survivor.ask(RequestReassignment(5, conversation), Done)
            ask, named = Store.ask, scripts.name_claimant(ConversationKeys.of(conversation), device)

            async def meanwhile(store: Store) -> Reply:
                answer = await ask(store, named)
                monkeypatch.setattr(Store, "ask", ask)
                await survivor.ask(CancelRequest(6, conversation), Done)
                await survivor.ask(RequestReassignment(7, conversation), Done)
                return answer

            def ask_slowly(store: Store, command: Command) -> asyncio.Future[Reply]:
                return asyncio.ensure_future(meanwhile(store)) if command == named else ask(store, command)

            monkeypatch.setattr(Store, "ask", ask_slowly)
            # Of what waits by then she is given the one that she had asked for.
            await colleague.claim(conversation)
            assert await ask(relay.parts.store, queue_scripts.lease_holder(conversation)) == device


async def test_search_that_is_stopped_while_the_store_cannot_be_asked_ends_all_the_same(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A colleague who takes it waits for nothing, and her device does not stop it again by itself."""
    withdraw = Queue._withdraw

    async def unavailable(*_: object, **__: object) -> bool:
        monkeypatch.setattr(Queue, "_withdraw", withdraw)
        raise StoreUnavailable

    async with relay_here(organisation.write(tmp_path), valkey.url, absent_seconds=2.0) as (relay, url):
        await organisation.publish_revocations(url)
        async with talking_pair(url, organisation.staff()) as (_, staff, conversation):
            await staff.ask(RequestReassignment(5, conversation, RequestDetails("interpreter")), Done)
            monkeypatch.setattr(Queue, "_withdraw", unavailable)
            refused = await staff.ask(CancelRequest(6, conversation), RelayError)
            assert refused.code is ErrorCode.UNAVAILABLE
            await becomes(lambda: relay.parts.store.ask(queue_scripts.request_state(conversation)), None)
            await staff.append(conversation, 2, b"goes on")
