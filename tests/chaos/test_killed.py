"""Nothing lost, nothing twice: whatever is killed in the middle of a stream, every accepted entry arrives
once, in order.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

from aiohttp import ClientSession
from support.chaos.trio import three_members
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_process
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import StatementVerifier, verify_directory
from teduh_server.organisation.signed_directory import national_directory, sign_directory
from yarl import URL

_MESSAGES = 150


async def test_killed_relay_loses_and_doubles_nothing(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    with relay_process(tmp_path / "relay", organisation.write(tmp_path)) as relay:
        await organisation.publish_revocations(relay.url)
        async with three_members(organisation, relay.url, [[relay.url]] * 3) as trio:
            talking = asyncio.create_task(trio.talk(_MESSAGES))
            for part in (50, 150, 300):
                await trio.until_accepted(part)
                relay.kill()
                await asyncio.to_thread(relay.start)
            await talking
            await trio.finish(_MESSAGES)
            assert all(member.connections >= 4 for member in trio.members)


async def test_killed_valkey_loses_and_doubles_nothing(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    with (
        start_valkey() as valkey,
        relay_process(tmp_path / "relay", organisation.write(tmp_path), valkey.url) as relay,
    ):
        await organisation.publish_revocations(relay.url)
        async with three_members(organisation, relay.url, [[relay.url]] * 3) as trio:
            talking = asyncio.create_task(trio.talk(_MESSAGES))
            for part in (50, 150, 300):
                await trio.until_accepted(part)
                await asyncio.to_thread(valkey.kill)
                await asyncio.to_thread(valkey.revive)
            await talking
            await trio.finish(_MESSAGES)


async def test_members_of_a_killed_node_move_to_the_other(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    path = organisation.write(tmp_path)
    with (
        start_valkey() as valkey,
        relay_process(tmp_path / "a", path, valkey.url) as a,
        relay_process(tmp_path / "b", path, valkey.url) as b,
    ):
        await organisation.publish_revocations(a.url)
        await organisation.publish_revocations(b.url)
        urls = [[a.url, b.url], [b.url, a.url], [a.url, b.url]]
        async with three_members(organisation, b.url, urls) as trio:
            talking = asyncio.create_task(trio.talk(_MESSAGES))
            await trio.until_accepted(100)
            a.kill()
            await talking
            await trio.finish(_MESSAGES)


async def test_paused_valkey_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """A store that hangs, rather than dies, leaves appends without an answer; they are answered when it
    goes on.
    """
    organisation = RelayOrganisation()
    with (
        start_valkey() as valkey,
        relay_process(tmp_path / "relay", organisation.write(tmp_path), valkey.url) as relay,
    ):
        await organisation.publish_revocations(relay.url)
        async with three_members(organisation, relay.url, [[relay.url]] * 3) as trio:
            talking = asyncio.create_task(trio.talk(_MESSAGES))
            await trio.until_accepted(60)
            assert valkey.pid is not None
            os.kill(valkey.pid, signal.SIGSTOP)
            await asyncio.sleep(0.3)
            os.kill(valkey.pid, signal.SIGCONT)
            await talking
            await trio.finish(_MESSAGES)


async def test_relay_killed_as_it_takes_up_a_directory_serves_it_when_it_is_back(tmp_path: Path) -> None:
    organisation = RelayOrganisation()
    path = organisation.write(tmp_path)
    public = organisation.public
    verifier = StatementVerifier(public.root_public_key, public.id)
    with relay_process(tmp_path / "relay", path) as relay:
        for _ in range(3):
            now = int(time.time())
            signed = sign_directory(tmp_path, national_directory(), organisation.authority, verifier, now=now)
            url = URL(relay.url)
            _, asking = await asyncio.open_connection(url.host, url.port)
            asking.write(b"GET /v1/directory HTTP/1.1\r\nHost: relay\r\n\r\n")
            await asking.drain()
            relay.kill()
            asking.close()
            await asyncio.to_thread(relay.start)
            async with ClientSession() as session, session.get(url.with_path("/v1/directory")) as response:
                answer = await response.json()
            content = answer["directory"].encode()
            found = verify_directory(answer["statement"], content, verifier, now=now)
            assert found.version == signed.version
