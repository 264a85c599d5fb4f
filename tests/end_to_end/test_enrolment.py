"""A new device enrols with an invitation code, and then serves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientResponse, ClientSession, web
from aiohttp.test_utils import TestServer
from support.clients.sdk_people import PATIENCE
from support.organisation.coordinator import Coordinator
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import comparison_words, sign_revocation_list
from teduh_sdk import EncryptedKeyStore, MemoryKeyStore, Staff, enrol_device, stored_device
from teduh_sdk.exceptions import EnrolmentFailed

HOUR = 3600
ORGANISATION = RelayOrganisation()


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    with start_valkey() as valkey:
        async with relay_here(ORGANISATION.write(tmp_path), valkey.url) as (_, url):
            await ORGANISATION.publish_revocations(url)
            yield url


async def test_an_invited_device_is_approved_and_serves(url: str, tmp_path: Path) -> None:
    coordinator = Coordinator.inviting(url, ORGANISATION)
    enrolment = await enrol_device(url, ORGANISATION.public, str(coordinator.code))
    enrolment_id, device_key = await coordinator.look()
    assert enrolment.words == comparison_words(device_key, invitation=coordinator.code.invitation)
    await coordinator.approve(enrolment_id, device_key)
    keys = EncryptedKeyStore.create(tmp_path / "keys", "only for this test")
    async with asyncio.timeout(PATIENCE):
        device = await enrolment.wait(keys)
    assert stored_device(keys).public_key == device.public_key == device_key
    async with Staff(url, ORGANISATION.public, keys) as staff, asyncio.timeout(PATIENCE):
        assert await staff.colleagues() == ()


async def _asked(url: str, request: web.Request) -> tuple[ClientResponse, bytes]:
    """The relay's own answer, and its content."""
    kind, data = {"Content-Type": request.content_type}, await request.read()
    async with (
        ClientSession() as session,
        session.request(request.method, url + request.path, data=data, headers=kind) as answer,
    ):
        return answer, await answer.read()


@asynccontextmanager
async def _in_between(
    pass_on: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    application = web.Application()
    application.add_routes([web.route("*", "/{path:.*}", pass_on)])
    async with TestServer(application) as server:
        yield str(server.make_url("/")).rstrip("/")


@asynccontextmanager
async def losing_every_first_answer(url: str) -> AsyncIterator[str]:
    """The same relay over a network on which each question arrives, and its first answer does not."""
    asked: set[tuple[str, str]] = set()

    async def pass_on(request: web.Request) -> web.Response:
        answer, content = await _asked(url, request)
        if (request.method, request.path) not in asked:
            asked.add((request.method, request.path))
            assert request.transport is not None
            request.transport.abort()
        return web.Response(body=content, status=answer.status, content_type=answer.content_type)

    async with _in_between(pass_on) as between:
        yield between


@asynccontextmanager
async def answering_in_pieces(url: str) -> AsyncIterator[str]:
    """The same relay over a network whose packets come one after the other."""

    async def pass_on(request: web.Request) -> web.StreamResponse:
        answer, content = await _asked(url, request)
        response = web.StreamResponse(status=answer.status, headers={"Content-Length": str(len(content))})
        await response.prepare(request)
        for at in range(0, len(content), 100):
            await response.write(content[at : at + 100])
            # Whoever asked reads what there is before the next one comes.
            for _ in range(50):
                await asyncio.sleep(0)
        return response

    async with _in_between(pass_on) as between:
        yield between


async def test_answers_that_come_in_pieces_are_read_whole(url: str) -> None:
    """The sealed statement and the revocation list are longer than a packet."""
    coordinator = Coordinator.inviting(url, ORGANISATION)
    async with answering_in_pieces(url) as slow, asyncio.timeout(PATIENCE):
        enrolment = await enrol_device(slow, ORGANISATION.public, str(coordinator.code))
        enrolment_id, device_key = await coordinator.look()
        await coordinator.approve(enrolment_id, device_key)
        assert (await enrolment.wait(MemoryKeyStore())).public_key == device_key


async def test_lost_answers_cost_nobody_her_invitation(url: str) -> None:
    """A device that tried with another key, or gave up, would have to be invited anew."""
    coordinator = Coordinator.inviting(url, ORGANISATION)
    async with losing_every_first_answer(url) as lossy, asyncio.timeout(PATIENCE):
        enrolment = await enrol_device(lossy, ORGANISATION.public, str(coordinator.code))
        waiting = asyncio.create_task(enrolment.wait(MemoryKeyStore()))
        enrolment_id, device_key = await coordinator.look()
        await coordinator.approve(enrolment_id, device_key)
        assert (await waiting).public_key == device_key


async def test_a_device_whose_clock_is_behind_is_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its clock the statement begins later; its invitation would be used up, and serve nobody."""
    organisation = RelayOrganisation()
    now = int(time.time())
    this_morning = replace(organisation.revocations(), issued=now - 4 * HOUR, expires=now + 20 * HOUR)
    with start_valkey() as valkey:
        async with relay_here(organisation.write(tmp_path), valkey.url) as (_, url):
            text = sign_revocation_list(this_morning, organisation.authority)
            await organisation.publish_revocations(url, text)
            coordinator = Coordinator.inviting(url, organisation)
            enrolment = await enrol_device(url, organisation.public, str(coordinator.code))
            await coordinator.approve_waiting()
            monkeypatch.setattr(time, "time", lambda: now - 3 * HOUR)
            async with asyncio.timeout(PATIENCE):
                device = await enrolment.wait(MemoryKeyStore())
            invitation = coordinator.code.invitation
            assert comparison_words(device.public_key, invitation=invitation) == enrolment.words


async def test_a_device_whose_clock_is_days_ahead_is_told_and_let_in_once_it_is_right(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator = Coordinator.inviting(url, ORGANISATION)
    enrolment = await enrol_device(url, ORGANISATION.public, str(coordinator.code))
    await coordinator.approve_waiting()
    async with asyncio.timeout(PATIENCE):
        with monkeypatch.context() as wrong:
            later = time.time() + 48 * HOUR
            wrong.setattr(time, "time", lambda: later)
            with pytest.raises(EnrolmentFailed, match="clock"):
                await enrolment.wait(MemoryKeyStore())
        device = await enrolment.wait(MemoryKeyStore())
    invitation = coordinator.code.invitation
    assert comparison_words(device.public_key, invitation=invitation) == enrolment.words


async def test_a_statement_about_another_key_is_not_taken(url: str) -> None:
    """A coordinator's machine, or the relay, that swapped the key."""
    coordinator = Coordinator.inviting(url, ORGANISATION)
    enrolment = await enrol_device(url, ORGANISATION.public, str(coordinator.code))
    enrolment_id, _ = await coordinator.look()
    await coordinator.approve(enrolment_id, ORGANISATION.staff("Eve").about.device_key)
    keys = MemoryKeyStore()
    with pytest.raises(EnrolmentFailed):
        await enrolment.wait(keys)
    assert keys.names("") == ()


async def test_an_invitation_serves_one_device(url: str) -> None:
    coordinator = Coordinator.inviting(url, ORGANISATION)
    await enrol_device(url, ORGANISATION.public, str(coordinator.code))
    with pytest.raises(EnrolmentFailed):
        await enrol_device(url, ORGANISATION.public, str(coordinator.code))


@pytest.mark.parametrize("code", ["", "nonsense", "a.b.c:AAAA"])
async def test_what_is_no_code_is_refused_before_anything_is_sent(code: str) -> None:
    with pytest.raises(EnrolmentFailed):
        await enrol_device("http://127.0.0.1:9", ORGANISATION.public, code)


async def test_a_relay_that_cannot_be_reached_is_said_to_be() -> None:
    coordinator = Coordinator.inviting("http://127.0.0.1:9", ORGANISATION)
    with pytest.raises(EnrolmentFailed):
        await enrol_device(coordinator.url, ORGANISATION.public, str(coordinator.code))
