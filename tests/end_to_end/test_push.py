"""Opting in to being woken, by both SDKs through a real relay, until the push service is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.clients.frame_client import frame_client
from support.clients.sdk_people import PATIENCE, enrolled
from support.clients.web_peer import WebPeer, organisation_json, web_peer
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.push_service import Browser, push_service, push_settings
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_sdk import PushAddress, Staff
from teduh_sdk.exceptions import RelayRefused
from teduh_server.redis_store.durability import Durability
from teduh_server.staff.push_message import TEXT


@dataclass
class Environment:
    url: str
    organisation: RelayOrganisation

    async def open(self, peer: WebPeer) -> None:
        """Connect the device that the peer has."""
        await peer.call("openStaff", url=self.url, organisation=organisation_json(self.organisation.public))


@pytest.fixture
async def environment(tmp_path: Path) -> AsyncIterator[Environment]:
    organisation = RelayOrganisation()
    with start_valkey(durability=Durability.MEMORY) as valkey:
        async with relay_here(organisation.write(tmp_path), valkey.url, push=push_settings(tmp_path)) as (
            _,
            url,
        ):
            await organisation.publish_revocations(url)
            yield Environment(url, organisation)


async def _is_woken(environment: Environment, browser: Browser, *, and_not: Browser) -> None:
    """Somebody waits: one of the two is woken, over and over, and the other is not."""
    async with frame_client(environment.url) as survivor:
        await survivor.open_request()
        body, _ = await asyncio.wait_for(browser.pushed.get(), PATIENCE)
        assert browser.read(body) == TEXT
        # What was on its way before has come by now.
        while not and_not.pushed.empty():
            and_not.pushed.get_nowait()
        for _ in range(2):
            await asyncio.wait_for(browser.pushed.get(), PATIENCE)
        assert and_not.pushed.empty()


async def test_a_device_of_each_sdk_opts_in_and_out(environment: Environment) -> None:
    sari, budi = environment.organisation.staff(), environment.organisation.staff("Budi")

    def opened() -> Staff:
        return Staff(environment.url, environment.organisation.public, enrolled(sari))

    async with push_service() as hers, push_service() as his, web_peer() as peer:
        async with opened() as staff:
            key = await staff.routing.push_key()
            assert key is not None
            await staff.routing.subscribe_push(PushAddress(hers.endpoint, hers.public_key, hers.secret))
            elsewhere = PushAddress("https://push.example/one", hers.public_key, hers.secret)
            with pytest.raises(RelayRefused, match="not_permitted"):
                await staff.routing.subscribe_push(elsewhere)
        await _is_woken(environment, hers, and_not=his)
        private_key = budi.key.private_bytes_raw().hex()
        await peer.call("haveDevice", privateKey=private_key, statement=budi.statement)
        await environment.open(peer)
        assert await peer.call("pushKey") == key.hex()
        address = {"url": his.endpoint, "publicKey": his.public_key.hex(), "secret": his.secret.hex()}
        await peer.call("subscribePush", **address)
        await peer.call("close")
        async with opened() as staff:
            await staff.routing.unsubscribe_push()
        await _is_woken(environment, his, and_not=hers)
        await environment.open(peer)
        await peer.call("unsubscribePush")
        await peer.call("close")
        async with opened() as staff:
            await staff.routing.subscribe_push(PushAddress(hers.endpoint, hers.public_key, hers.secret))
        await _is_woken(environment, hers, and_not=his)
