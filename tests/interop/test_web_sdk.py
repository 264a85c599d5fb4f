"""The TypeScript SDK and the Python SDK talk with each other through the real relay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from relay_organisation import RelayOrganisation
from relay_process import relay_here
from sdk_people import new_staff, until
from teduh_crypto.credentials import Role
from teduh_sdk import events
from teduh_sdk.conversation import Conversation
from teduh_sdk.group_changes import CLASSIC_SUITE, HYBRID_SUITE
from teduh_sdk.staff import Staff
from valkey_server import start_valkey
from web_peer import WebPeer, organisation_json, web_peer


class House:
    """A relay and the organisation that it serves."""

    def __init__(self, url: str, organisation: RelayOrganisation) -> None:
        self.url = url
        self.organisation = organisation

    def staff(self, name: str = "Sari", role: Role = Role.COUNSELOR) -> Staff:
        return Staff(self.url, self.organisation.public, new_staff(self.organisation, name, role))

    async def web_survivor(self, peer: WebPeer, suite: int = HYBRID_SUITE) -> None:
        public = organisation_json(self.organisation.public)
        await peer.call("openSurvivor", url=self.url, organisation=public, suite=suite)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    organisation = RelayOrganisation()
    with start_valkey() as valkey:
        async with relay_here(organisation.write(tmp_path), valkey.url) as (_, url):
            await organisation.publish_revocations(url)
            yield House(url, organisation)


async def accepted(staff: Staff) -> Conversation:
    async for request in staff.requests(capacity=3):
        return await request.accept()
    raise AssertionError("there are always requests")


async def joined(staff: Staff) -> Conversation:
    async for invited in staff.invitations():
        return await invited.join()
    raise AssertionError("there are always invitations")


@pytest.mark.parametrize("suite", [HYBRID_SUITE, CLASSIC_SUITE])
async def test_a_survivor_in_the_browser_talks_with_staff_in_python(house: House, suite: int) -> None:
    async with web_peer() as her, house.staff() as staff:
        await house.web_survivor(her, suite)
        await her.call("ask", details={"need": "counseling", "language": "id"})
        assert (await her.until("waiting"))["position"] == 1
        waiting_id = await her.call("send", text="Please be quick")
        his = await accepted(staff)
        assert (await until(his, events.TextReceived)).text == "Please be quick"
        assert (await her.until("sent"))["messageId"] == waiting_id
        assert (await her.until("delivered"))["messageId"] == waiting_id
        await his.send("I am listening.")
        assert (await her.until("textReceived"))["text"] == "I am listening."
        await her.call("markRead")
        assert str((await until(his, events.Read)).by) == "survivor"
        assert await her.call("participants") == ["Sari (counselor)", "survivor"]


async def test_typing_is_seen_both_ways(house: House) -> None:
    async with web_peer() as her, house.staff() as staff:
        await house.web_survivor(her)
        await her.call("ask")
        his = await accepted(staff)
        await her.until("joined")
        await her.call("typing", active=True)
        assert (await until(his, events.TypingSeen)).active
        await his.typing(active=False)
        assert (await her.until("typingSeen"))["active"] is False


async def test_she_is_asked_before_a_colleague_comes_in_and_sees_her_come(house: House) -> None:
    async with web_peer() as her, house.staff() as staff, house.staff("Dewi", Role.MEDIC) as medic:
        await house.web_survivor(her)
        await her.call("ask")
        his = await accepted(staff)
        await her.until("joined")
        (colleague,) = [one for one in await staff.colleagues() if one.name == "Dewi"]
        bringing = asyncio.create_task(his.invite(colleague, "for the bruises"))
        invitation = (await her.until("invitationReceived"))["invitation"]
        assert isinstance(invitation, dict)
        assert (invitation["name"], invitation["role"], invitation["reason"]) == (
            "Dewi",
            "medic",
            "for the bruises",
        )
        await her.call("approve")
        assert (await bringing).name == "Dewi"
        theirs = await joined(medic)
        await her.until("joined")
        await her.call("send", text="Hello, Dewi")
        assert (await until(theirs, events.TextReceived)).text == "Hello, Dewi"
        await theirs.leave()
        await her.until("left")


async def test_leaving_ends_it_for_those_who_stay(house: House) -> None:
    async with web_peer() as her, house.staff() as staff:
        await house.web_survivor(her)
        await her.call("ask")
        his = await accepted(staff)
        await her.until("joined")
        await her.call("leave")
        await her.until("ended")
        ended = await until(his, events.Ended)
        assert ended.by is not None
        assert ended.by.is_survivor
