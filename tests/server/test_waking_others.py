"""Others are woken when nobody who is there can be asked, though somebody is there."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from support.clients.frame_client import frame_client
from support.clients.sdk_people import PATIENCE
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.push_service import push_service, push_settings
from support.relay.relay_process import relay_here
from teduh_crypto.credentials import Role
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.staff.push_message import TEXT
from teduh_signaling.relay.frames import Availability, Done, SetAvailability


@pytest.mark.parametrize(
    ("why", "mode"),
    [
        ("no seat is left", "claim"),
        ("no seat is left", "offer"),
        ("the shift has ended", "claim"),
        ("the shift has ended", "offer"),
        ("nobody is suitable", "offer"),
    ],
)
async def test_others_are_woken(
    valkey: EmbeddedValkey, organisation: RelayOrganisation, tmp_path: Path, why: str, mode: str
) -> None:
    path = organisation.write(tmp_path)
    settings = {"push": push_settings(tmp_path), "routing": {"mode": mode}}
    async with push_service() as browser, relay_here(path, valkey.url, **settings) as (_, url):
        await organisation.publish_revocations(url)
        async with frame_client(url) as device:
            await device.authenticate(organisation.staff("Budi"))
            await device.ask(browser.subscription, Done)
        seats = 0 if why == "no seat is left" else 3
        until = int(time.time()) - 3600 if why == "the shift has ended" else 0
        role = Role.MEDIC if why == "nobody is suitable" else Role.COUNSELOR
        async with frame_client(url) as staff, frame_client(url) as survivor:
            await staff.authenticate(organisation.staff(role=role))
            await staff.ask(SetAvailability(1, Availability.AVAILABLE, seats, None, None, until), Done)
            await survivor.open_request()
            body, _ = await asyncio.wait_for(browser.pushed.get(), min(PATIENCE, 8))
            assert browser.read(body) == TEXT
