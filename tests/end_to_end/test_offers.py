"""Offers, listings and boards through the SDK and a real relay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.clients.sdk_people import enrolled, until
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import Role
from teduh_sdk import Preference, Shift, Staff, Survivor, Urgency, events
from teduh_sdk.exceptions import RelayRefused
from teduh_sdk.group.group_changes import CLASSIC_SUITE
from teduh_server.redis_store.durability import Durability


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[tuple[str, RelayOrganisation]]:
    organisation = RelayOrganisation()
    path = organisation.write(tmp_path)
    path.write_text(path.read_text() + '[opening]\ntime_zone = "Asia/Jakarta"\nclosed = []\n')
    routing = {
        "mode": "offer",
        "widen_after_refusals": 1,
        "again_after_seconds": 0,
        "alert_after_seconds": 0.1,
    }
    with start_valkey(durability=Durability.MEMORY) as valkey:
        async with relay_here(path, valkey.url, routing=routing) as (_, url):
            await organisation.publish_revocations(url)
            yield url, organisation


def _staff(relay: tuple[str, RelayOrganisation], name: str, role: Role = Role.COUNSELOR) -> Staff:
    url, organisation = relay
    return Staff(url, organisation.public, enrolled(organisation.staff(name, role)), suite=CLASSIC_SUITE)


def _survivor(relay: tuple[str, RelayOrganisation]) -> Survivor:
    return Survivor(relay[0], relay[1].public, suite=CLASSIC_SUITE)


async def test_request_is_taken_by_accepting_the_offer(relay: tuple[str, RelayOrganisation]) -> None:
    async with _staff(relay, "Sari") as sari, _survivor(relay) as survivor:
        await sari.set_available(2)
        conversation = await survivor.ask(language="id")
        async with asyncio.timeout(30):
            async for request in sari.requests(capacity=2):
                hers = await request.accept()
                break
        await until(conversation, events.Joined)
        assert [str(person) for person in hers.participants]
        assert sari.routing.open_offers == {}


@pytest.mark.parametrize("urgency", [None, Urgency.NORMAL, Urgency.URGENT])
async def test_staff_learn_what_she_said_of_the_urgency_or_that_she_said_nothing(
    relay: tuple[str, RelayOrganisation], urgency: Urgency | None
) -> None:
    """Also once she looks for somebody else, for whom her request goes into the queue as it was."""
    async with _staff(relay, "Sari") as sari, _survivor(relay) as survivor:
        await sari.set_available(2)
        hers = await survivor.ask(urgency=urgency)
        async with asyncio.timeout(30):
            async for offer in sari.routing.offers():
                assert offer.details.urgency_said is urgency
                await offer.accept()
                break
        await until(hers, events.Joined)
        async with _staff(relay, "Budi") as budi:
            await budi.set_available(2)
            await hers.request_reassignment()
            async with asyncio.timeout(30):
                async for offer in budi.routing.offers():
                    assert offer.details.urgency_said is urgency
                    break


async def test_what_was_said_of_the_shift_holds_when_requests_are_taken(
    relay: tuple[str, RelayOrganisation],
) -> None:
    """Or who has said where she is would be passed over as soon as she listens for requests."""
    async with _staff(relay, "Sari") as sari, _survivor(relay) as survivor:
        await sari.set_available(1, Shift(gender="female", region="west"))
        conversation = await survivor.ask(region="west", preferred_gender="female")
        async with asyncio.timeout(30):
            async for request in sari.requests(capacity=2):
                await request.accept()
                break
        await until(conversation, events.Joined)
        async with asyncio.timeout(30):
            await survivor.ask(region="west", preferred_gender="female")
            async for offer in sari.routing.offers():
                assert offer.dropped == ()
                break


async def test_she_hears_what_is_dropped_and_the_next_one_comes(
    relay: tuple[str, RelayOrganisation],
) -> None:
    async with _staff(relay, "Sari") as sari, _survivor(relay) as survivor:
        await sari.set_available(2, Shift(region="west"))
        conversation = await survivor.ask(language="id", region="west")
        async with asyncio.timeout(30):
            async for offer in sari.routing.offers():
                if offer.dropped:
                    await offer.accept()
                    break
                await offer.decline()
        assert (await until(conversation, events.PreferencesRelaxed)).dropped == (Preference.REGION,)
        await until(conversation, events.Joined)


async def test_she_hears_whether_somebody_is_there(relay: tuple[str, RelayOrganisation]) -> None:
    async with _survivor(relay) as survivor:
        conversation = await survivor.ask()
        closed = events.StaffAvailable(somebody=False, opens=None)
        assert await until(conversation, events.StaffAvailable) == closed
        async with _staff(relay, "Sari") as sari:
            await sari.set_available(1)
            assert await until(conversation, events.StaffAvailable) == events.StaffAvailable(somebody=True)


async def test_supervisor_sees_the_board_and_takes_who_finds_nobody(
    relay: tuple[str, RelayOrganisation],
) -> None:
    async with _staff(relay, "Ratna", Role.SUPERVISOR) as ratna, _survivor(relay) as survivor:
        await survivor.ask(language="mad")
        async with asyncio.timeout(30):
            async for alert in ratna.routing.alerts():
                async for board in ratna.routing.board():
                    assert (board.waiting, board.available) == (1, 0)
                    assert [(each.name, each.count) for each in board.languages] == [("mad", None)]
                    assert board.days[0].opened is None
                    break
                await ratna.claim(alert.conversation_id)
                break


async def test_listing_shows_who_waits_and_nobody_else_claims(relay: tuple[str, RelayOrganisation]) -> None:
    async with _staff(relay, "Sari") as sari, _survivor(relay) as survivor:
        await survivor.ask(need="legal", language="id")
        async with asyncio.timeout(30):
            async for listing in sari.routing.listing():
                if listing.requests:
                    (request,) = listing.requests
                    assert (request.details.need, request.details.language) == ("legal", "id")
                    with pytest.raises(RelayRefused, match="not_permitted"):
                        await sari.claim(request.conversation_id)
                    break
