"""A relay as a process: it starts, is ready, says so when it cannot start, and stops in good order."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import aiohttp
import pytest
from support.clients.frame_client import frame_client, talking_pair
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import RelayProcess, relay_here, relay_process
from support.store.valkey_server import start_valkey
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import Append, CloseCode, Error, ErrorCode, Moving, OpenRequest


async def test_relay_with_embedded_valkey_serves_a_conversation(
    tmp_path: Path, organisation: RelayOrganisation
) -> None:
    with relay_process(tmp_path / "relay", organisation.write(tmp_path)) as relay:
        await organisation.publish_revocations(relay.url)
        async with talking_pair(relay.url, organisation.staff()) as (survivor, _, conversation):
            assert (await survivor.append(conversation, 1, b"hello")).seq == 3


async def test_stopping_relay_asks_to_move_and_closes_with_going_away(
    tmp_path: Path, organisation: RelayOrganisation, valkey: EmbeddedValkey
) -> None:
    with relay_process(tmp_path / "relay", organisation.write(tmp_path), valkey.url) as relay:
        await organisation.publish_revocations(relay.url)
        async with talking_pair(relay.url, organisation.staff()) as (survivor, staff, conversation):
            await relay.begin_to_stop()
            assert (await survivor.expect(Moving)).within_ms == 1000
            # What is under way is still done ...
            assert (await survivor.append(conversation, 1, b"last words")).seq == 3
            assert [entry.payload for entry in await staff.entries(1)] == [b"last words"]
            # ... but nothing new begins.
            refused = await survivor.ask(OpenRequest(5, bytes(32), b"kp"), Error)
            assert refused.code is ErrorCode.SHUTTING_DOWN
            assert await survivor.closed() == CloseCode.GOING_AWAY
        assert relay.wait() == 0


async def test_relay_that_has_stopped_begins_nothing(
    tmp_path: Path, organisation: RelayOrganisation, valkey: EmbeddedValkey
) -> None:
    async with relay_here(organisation.write(tmp_path), valkey.url) as (relay, _):
        pass
    work = asyncio.sleep(0)
    relay.spawn(work)
    assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED


async def test_relay_refuses_a_taken_port_with_a_sentence(
    tmp_path: Path, organisation: RelayOrganisation, valkey: EmbeddedValkey
) -> None:
    path = organisation.write(tmp_path)
    with relay_process(tmp_path / "one", path, valkey.url) as one:
        two = RelayProcess(tmp_path / "two", path, valkey.url)
        two.port = one.port
        with pytest.raises(RuntimeError, match=r"listens on .* already"):
            two.start()


async def test_while_the_store_is_away_nothing_is_accepted_and_readyz_says_503(
    tmp_path: Path, organisation: RelayOrganisation
) -> None:
    with (
        start_valkey() as own,
        relay_process(tmp_path / "relay", organisation.write(tmp_path), own.url) as relay,
    ):
        await organisation.publish_revocations(relay.url)
        async with talking_pair(relay.url, organisation.staff()) as (survivor, _, conversation):
            own.kill()
            refused = await survivor.ask(Append(conversation, 1, 0, 1, b"lost?"), Error)
            assert (refused.code, refused.counter) == (ErrorCode.UNAVAILABLE, 1)
            assert refused.retry_after_ms > 0
            assert await _status(f"{relay.url}/readyz") == 503
            assert await _status(f"{relay.url}/healthz") == 200
            own.revive()
            await _until_status(f"{relay.url}/readyz", 200)
            assert (await survivor.append(conversation, 1, b"lost?")).seq == 3


async def test_relay_revives_its_embedded_valkey(tmp_path: Path, organisation: RelayOrganisation) -> None:
    with relay_process(tmp_path / "relay", organisation.write(tmp_path)) as relay:
        await organisation.publish_revocations(relay.url)
        async with talking_pair(relay.url, organisation.staff()) as (survivor, _, conversation):
            EmbeddedValkey(tmp_path / "relay" / "data" / "valkey").kill()
            await survivor.ask(Append(conversation, 1, 0, 1, b"lost?"), Error)
            await _until_status(f"{relay.url}/readyz", 200)
            assert (await survivor.append(conversation, 1, b"lost?")).seq == 3


async def test_upgrade_without_the_subprotocol_is_refused(relay_url: str) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{relay_url}/v1/socket")
        assert refused.value.status == 400


async def test_hello_comes_first_and_names_the_limits(relay_url: str) -> None:
    async with frame_client(relay_url) as client:
        assert client.hello.version == 1
        assert len(client.hello.nonce) == 32
        assert client.hello.limits.appends_in_flight > 0


async def _status(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status


async def _until_status(url: str, wanted: int) -> None:
    async with asyncio.timeout(20):
        while await _status(url) != wanted:  # noqa: ASYNC110 -- the condition is in another process
            await asyncio.sleep(0.05)
