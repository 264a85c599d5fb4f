"""Relays whose clocks differ by a minute: whoever waits at one is not taken for absent by the other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.clients.frame_client import frame_client
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_process
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_signaling.relay.frames import (
    Availability,
    Claim,
    Claimed,
    Done,
    Offer,
    OpenRequest,
    RequestDetails,
    RequestOpened,
    SetAvailability,
)

_AHEAD = """
import time
_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + {seconds}
time.time_ns = lambda: _time_ns() + {seconds} * 1_000_000_000
"""


@pytest.fixture
def urls(
    tmp_path: Path,
    organisation: RelayOrganisation,
    valkey: EmbeddedValkey,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[tuple[str, str]]:
    """A relay whose clock is right, and one whose clock goes before."""
    seconds, settings = request.param
    path = organisation.write(tmp_path)
    (tmp_path / "ahead").mkdir()
    (tmp_path / "ahead" / "sitecustomize.py").write_text(_AHEAD.format(seconds=seconds))
    with ExitStack() as stack:
        right = stack.enter_context(relay_process(tmp_path / "right", path, valkey.url, **settings))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "ahead"))
        ahead = stack.enter_context(relay_process(tmp_path / "ahead", path, valkey.url, **settings))
        yield right.url, ahead.url


@pytest.mark.parametrize("urls", [(61, {})], indirect=True)
async def test_whoever_waits_is_not_absent(urls: tuple[str, str], organisation: RelayOrganisation) -> None:
    await organisation.publish_revocations(urls[0])
    async with frame_client(urls[0]) as survivor, frame_client(urls[0]) as staff:
        await staff.authenticate(organisation.staff())
        conversation = await survivor.open_request()
        await asyncio.sleep(3)
        # Refused as gone otherwise.
        await staff.ask(Claim(5, conversation), Claimed)


@pytest.mark.parametrize("urls", [(25, {"routing": {"mode": "offer"}})], indirect=True)
async def test_offer_is_shown_to_whom_it_is_made(
    urls: tuple[str, str], organisation: RelayOrganisation
) -> None:
    await organisation.publish_revocations(urls[0])
    await asyncio.sleep(3)
    async with frame_client(urls[0]) as survivor, frame_client(urls[1]) as staff:
        await staff.authenticate(organisation.staff())
        await staff.ask(SetAvailability(1, Availability.AVAILABLE, 3), Done)
        await asyncio.sleep(2)
        asking = OpenRequest(1, survivor.capability, b"key package", RequestDetails())
        await survivor.ask(asking, RequestOpened)
        async with asyncio.timeout(10):
            await staff.expect(Offer)
