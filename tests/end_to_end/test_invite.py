"""Bringing in a colleague where it does not go straight: asked twice, asked and gone, never come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.clients.sdk_people import new_staff, takes_key_packages, until
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_sdk import events
from teduh_sdk.exceptions import ColleagueAbsent, InvitationDeclined, NotLetIn
from teduh_sdk.group.group_changes import CLASSIC_SUITE
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_signaling.relay.frames import RequestDetails

ORGANISATION = RelayOrganisation()


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    with start_valkey() as valkey:
        async with relay_here(ORGANISATION.write(tmp_path), valkey.url) as (_, url):
            await ORGANISATION.publish_revocations(url)
            yield url


async def test_a_hand_over_to_whoever_was_invited_just_before_is_done(url: str) -> None:
    """She is still being asked about Maya when the shift ends, and asked once more; she says yes to both."""
    async with (
        Survivor(url, ORGANISATION.public, suite=CLASSIC_SUITE) as survivor,
        Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Sari"), suite=CLASSIC_SUITE) as sari,
        Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Maya"), suite=CLASSIC_SUITE) as maya,
    ):
        hers = await survivor.ask()
        his = await sari.claim()
        await maya.colleagues()
        (colleague,) = await sari.colleagues()
        inviting = asyncio.create_task(his.invite(colleague, "to help"))
        first = await until(hers, events.InvitationReceived)
        going = asyncio.create_task(
            his.hand_over(colleague, reason="my shift ends", note="Ask for Ibu Tini.")
        )
        second = await until(hers, events.InvitationReceived)
        await first.approve()
        assert (await inviting).name == "Maya"
        async for invitation in maya.invitations():
            theirs = await invitation.join()
            break
        await second.approve()
        async with asyncio.timeout(8):
            assert (await until(theirs, events.NoteReceived)).text == "Ask for Ibu Tini."
            assert (await going).name == "Maya"


async def test_her_yes_counts_though_the_console_was_locked_meanwhile(url: str) -> None:
    store = new_staff(ORGANISATION, "Sari")
    async with (
        Survivor(url, ORGANISATION.public, suite=CLASSIC_SUITE) as survivor,
        Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Maya"), suite=CLASSIC_SUITE) as maya,
    ):
        hers = await survivor.ask()
        async with Staff(url, ORGANISATION.public, store, suite=CLASSIC_SUITE) as sari:
            his = await sari.claim()
            await maya.colleagues()
            (colleague,) = await sari.colleagues()
            going = asyncio.create_task(
                his.hand_over(colleague, reason="my shift ends", note="Ask for Ibu Tini.")
            )
            asked = await until(hers, events.InvitationReceived)
            going.cancel()
        async with Staff(url, ORGANISATION.public, store, suite=CLASSIC_SUITE) as sari:
            (his,) = sari.conversations
            await asked.approve()
            answered = await until(his, events.InvitationAnswered)
            assert answered.accepted
            await his.add_invited(answered.invitation.device_id)
            async with asyncio.timeout(8):
                assert (await until(hers, events.Joined)).participant.name == "Maya"


async def test_whoever_is_brought_in_and_is_not_can_be_brought_in_as_often_as_before(url: str) -> None:
    """Her connection may last all day, and she gave eight key packages when it began."""
    async with (
        Survivor(url, ORGANISATION.public, suite=CLASSIC_SUITE) as survivor,
        Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Sari"), suite=CLASSIC_SUITE) as sari,
        Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Maya"), suite=CLASSIC_SUITE) as maya,
        Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Budi"), suite=CLASSIC_SUITE) as budi,
    ):
        hers = await survivor.ask()
        his = await sari.claim()
        for staff in (maya, budi):
            await staff.colleagues()
        device = {one.name: one for one in await sari.colleagues()}
        for one in device.values():
            await takes_key_packages(one.device_id, 1, sari)
        inviting = asyncio.create_task(his.invite(device["Maya"]))
        await (await until(hers, events.InvitationReceived)).approve()
        await inviting
        looking = asyncio.create_task(his.invite_from_queue(RequestDetails()))
        while (await until(his, events.Waiting)).position != 1:
            pass
        claiming = asyncio.create_task(budi.claim())
        await (await until(hers, events.InvitationReceived)).decline()
        for going, ends in ((looking, InvitationDeclined), (claiming, NotLetIn)):
            with pytest.raises(ends):
                await going
        for one in device.values():
            await takes_key_packages(one.device_id, 7, sari, maya, budi)


async def test_whoever_does_not_come_when_it_is_handed_over_is_a_member_no_longer(url: str) -> None:
    async with (
        Survivor(url, ORGANISATION.public, suite=CLASSIC_SUITE) as survivor,
        Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Sari"), suite=CLASSIC_SUITE) as sari,
        Staff(url, ORGANISATION.public, new_staff(ORGANISATION, "Maya"), suite=CLASSIC_SUITE) as maya,
    ):
        hers = await survivor.ask()
        his = await sari.claim()
        await maya.colleagues()
        (colleague,) = await sari.colleagues()
        going = asyncio.create_task(his.hand_over(colleague, reason="my shift ends", within=0.3))
        await (await until(hers, events.InvitationReceived)).approve()
        with pytest.raises(ColleagueAbsent):
            await going
        assert (await until(hers, events.Joined)).participant.name == "Maya"
        async with asyncio.timeout(5):
            assert (await until(hers, events.Left)).participant.name == "Maya"
        assert {one.name for one in hers.participants} == {None, "Sari"}
