"""The TypeScript SDK and the Python SDK talk with each other through the real relay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.clients.sdk_people import (
    PATIENCE,
    device_of,
    new_staff,
    several_colleagues,
    takes_key_packages,
    until,
)
from support.clients.web_peer import WebPeer, WebPeerRefused, organisation_json, web_peer
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import Role
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.exceptions import InvitationDeclined
from teduh_sdk.group.group_changes import CLASSIC_SUITE, HYBRID_SUITE, key_package_to_wire
from teduh_sdk.group.room import Participant
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_signaling.call.codec import encode_call
from teduh_signaling.call.messages import EndReason, HangUp, Heartbeat, Media, Phase
from teduh_signaling.relay.frames import OpenRequest, RequestDetails, RequestOpened


class CallEar:
    """Puts what is said about calls into a queue."""

    def __init__(self, heard: asyncio.Queue[tuple[str, bytes]]) -> None:
        self._heard = heard

    def call_signal(self, sender: Participant, data: bytes, is_live: bool) -> None:
        self._heard.put_nowait((str(sender), data))

    def room_changed(self) -> None:
        """Nobody comes or goes here."""

    def conversation_over(self) -> None:
        """It goes on to the end of the test."""


class Environment:
    """A relay and the organisation that it serves."""

    def __init__(self, url: str, organisation: RelayOrganisation) -> None:
        self.url = url
        self.organisation = organisation

    def staff(self, name: str = "Sari", role: Role = Role.COUNSELOR) -> Staff:
        return Staff(self.url, self.organisation.public, new_staff(self.organisation, name, role))

    async def web_survivor(self, peer: WebPeer, suite: int = HYBRID_SUITE) -> None:
        public = organisation_json(self.organisation.public)
        await peer.call("openSurvivor", url=self.url, organisation=public, suite=suite)

    def survivor(self, suite: int = HYBRID_SUITE) -> Survivor:
        return Survivor(self.url, self.organisation.public, suite=suite)

    async def web_staff(self, peer: WebPeer, name: str = "Sari", role: Role = Role.COUNSELOR) -> None:
        device = self.organisation.staff(name, role)
        private_key = device.key.private_bytes_raw().hex()
        await peer.call("haveDevice", privateKey=private_key, statement=device.statement)
        await self.open_web_staff(peer)

    async def open_web_staff(self, peer: WebPeer) -> None:
        public = organisation_json(self.organisation.public)
        await peer.call("openStaff", url=self.url, organisation=public)


async def invite(peer: WebPeer, **invitation: str) -> object:
    """Once the colleague's device, which is listed as soon as it is connected, has given a key package."""
    while True:
        try:
            return await peer.call("invite", **invitation)
        except WebPeerRefused as refused:
            if "no_key_package" not in str(refused):
                raise
            await asyncio.sleep(0.05)


@pytest.fixture
async def environment(tmp_path: Path) -> AsyncIterator[Environment]:
    organisation = RelayOrganisation()
    with start_valkey() as valkey:
        async with relay_here(organisation.write(tmp_path), valkey.url) as (_, url):
            await organisation.publish_revocations(url)
            yield Environment(url, organisation)


async def accepted(staff: Staff) -> Conversation:
    async for request in staff.requests(capacity=3):
        return await request.accept()
    raise AssertionError("there are always requests")


async def joined(staff: Staff) -> Conversation:
    async for invited in staff.invitations():
        return await invited.join()
    raise AssertionError("there are always invitations")


@pytest.mark.parametrize("suite", [HYBRID_SUITE, CLASSIC_SUITE])
async def test_a_survivor_in_the_browser_talks_with_staff_in_python(
    environment: Environment, suite: int
) -> None:
    async with web_peer() as her, environment.staff() as staff:
        await environment.web_survivor(her, suite)
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


async def test_typing_is_seen_both_ways(environment: Environment) -> None:
    async with web_peer() as her, environment.staff() as staff:
        await environment.web_survivor(her)
        await her.call("ask")
        his = await accepted(staff)
        await her.until("joined")
        # What is lost where an epoch ends is lost: she renews her keys as she joins.
        await her.call("confirmed")
        await her.call("typing", active=True)
        assert (await until(his, events.TypingSeen)).active
        await his.typing(active=False)
        assert (await her.until("typingSeen"))["active"] is False


async def test_what_is_said_about_a_call_arrives_both_ways_in_the_log_and_beside_it(
    environment: Environment,
) -> None:
    async with web_peer() as her, environment.staff() as staff:
        await environment.web_survivor(her)
        await her.call("ask")
        his = await accepted(staff)
        await her.until("joined")
        heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        his.listen_to_calls(CallEar(heard))
        now = 1000 * int(time.time())
        hang_up = HangUp(b"8 bytes.", now, now, EndReason.HUNG_UP)
        beat = Heartbeat(b"8 bytes.", now, now, Phase.IN_CALL, Media(audio=True, video=False), True, (), ())
        for is_ephemeral, said in ((False, encode_call(hang_up)), (True, encode_call(beat))):
            await her.call("sendCallSignal", text=said.hex(), active=is_ephemeral)
            assert await asyncio.wait_for(heard.get(), PATIENCE) == ("survivor", said)
            his.send_call_signal(said, is_ephemeral=is_ephemeral)
            signal = await her.until("callSignal")
            assert (signal["sender"], signal["data"]) == ("Sari (counselor)", said.hex())


async def test_she_is_asked_before_a_colleague_comes_in_and_sees_her_come(environment: Environment) -> None:
    async with (
        web_peer() as her,
        environment.staff() as staff,
        environment.staff("Dewi", Role.MEDIC) as medic,
    ):
        await environment.web_survivor(her)
        await her.call("ask")
        his = await accepted(staff)
        await her.until("joined")
        (colleague,) = [one for one in await staff.colleagues() if one.name == "Dewi"]
        inviting = asyncio.create_task(his.invite(colleague, "for the bruises"))
        invitation = (await her.until("invitationReceived"))["invitation"]
        assert isinstance(invitation, dict)
        assert (invitation["name"], invitation["role"], invitation["reason"]) == (
            "Dewi",
            "medic",
            "for the bruises",
        )
        await her.call("approve")
        assert (await inviting).name == "Dewi"
        theirs = await joined(medic)
        await her.until("joined")
        await her.call("send", text="Hello, Dewi")
        assert (await until(theirs, events.TextReceived)).text == "Hello, Dewi"
        await theirs.leave()
        await her.until("left")


async def test_leaving_ends_it_for_those_who_stay(environment: Environment) -> None:
    async with web_peer() as her, environment.staff() as staff:
        await environment.web_survivor(her)
        await her.call("ask")
        his = await accepted(staff)
        await her.until("joined")
        await her.call("leave")
        await her.until("ended")
        ended = await until(his, events.Ended)
        assert ended.by is not None
        assert ended.by.is_survivor


@pytest.mark.parametrize("suite", [HYBRID_SUITE, CLASSIC_SUITE])
async def test_a_survivor_in_python_talks_with_staff_in_the_browser(
    environment: Environment, suite: int
) -> None:
    async with web_peer() as his, environment.survivor(suite) as survivor:
        await environment.web_staff(his)
        hers = await survivor.ask(need="counseling")
        await hers.send("Is somebody there?")
        await his.call("acceptRequest")
        assert (await his.until("textReceived"))["text"] == "Is somebody there?"
        await his.call("markRead")
        assert (await until(hers, events.Read)).by.name == "Sari"
        await his.call("send", text="Yes, I am.")
        assert (await until(hers, events.TextReceived)).text == "Yes, I am."
        await hers.typing()
        assert (await his.until("typingSeen"))["active"] is True
        await his.call("end")
        ended = await until(hers, events.Ended)
        assert str(ended.by) == "Sari (counselor)"


async def test_browser_and_browser_talk_and_bring_in_a_colleague(environment: Environment) -> None:
    async with web_peer() as her, web_peer() as his, web_peer() as medic:
        await environment.web_staff(his)
        await environment.web_staff(medic, "Dewi", Role.MEDIC)
        await environment.web_survivor(her)
        await her.call("ask")
        await his.call("acceptRequest")
        await her.until("joined")
        assert await his.call("colleagues") == ["Dewi (medic)"]
        inviting = asyncio.create_task(invite(his, name="Dewi", reason="for the bruises"))
        await her.until("invitationReceived")
        await her.call("approve")
        assert await inviting == "Dewi (medic)"
        await medic.call("joinInvited")
        await her.until("joined")
        await medic.call("send", text="Hello")
        assert (await her.until("textReceived"))["text"] == "Hello"
        assert (await his.until("textReceived"))["text"] == "Hello"
        await medic.call("leave")
        await her.until("left")
        await his.until("left")
        await her.call("send", text="Thank her")
        assert (await his.until("textReceived"))["text"] == "Thank her"
        assert await his.call("participants") == ["Sari (counselor)", "survivor"]


async def test_a_browser_brings_in_somebody_of_a_role_and_whoever_takes_it_from_the_queue(
    environment: Environment,
) -> None:
    async with (
        web_peer() as his,
        environment.survivor() as survivor,
        environment.staff("Ani", Role.INTERPRETER) as ani,
        environment.staff("Bayu", Role.INTERPRETER) as bayu,
    ):
        await environment.web_staff(his)
        hers = await survivor.ask()
        await his.call("acceptRequest")
        await hers.joined()
        for interpreter in (ani, bayu):
            await interpreter.set_available(2)
        # Ani, whose name is first, does not come.
        inviting = asyncio.create_task(his.call("inviteRole", name="interpreter", language="id", within=0.5))
        for name in ("Ani", "Bayu"):
            asked = await until(hers, events.InvitationReceived)
            assert asked.invitation.name == name
            await asked.approve()
        await joined(bayu)
        assert await inviting == "Bayu (interpreter)"
        assert "Ani (interpreter)" not in str(await his.call("participants"))
        details = {"need": "interpreter", "language": "id"}
        inviting = asyncio.create_task(his.call("inviteFromQueue", details=details, reason="for your mother"))
        while (await his.until("waiting"))["position"] != 1:
            pass
        joining = asyncio.create_task(ani.claim())
        asked = await until(hers, events.InvitationReceived)
        assert (asked.invitation.name, asked.invitation.reason) == ("Ani", "for your mother")
        await asked.approve()
        assert await inviting == "Ani (interpreter)"
        await (await joining).send("I translate.")
        assert (await until(hers, events.TextReceived)).sender.name == "Ani"


async def test_she_may_say_no(environment: Environment) -> None:
    async with web_peer() as her, web_peer() as his, environment.staff("Dewi", Role.MEDIC) as medic:
        await medic.colleagues()
        await environment.web_staff(his)
        await environment.web_survivor(her)
        await her.call("ask")
        await his.call("acceptRequest")
        await her.until("joined")
        inviting = asyncio.create_task(invite(his, name="Dewi"))
        await her.until("invitationReceived")
        await her.call("decline")
        with pytest.raises(WebPeerRefused, match="InvitationDeclined"):
            await inviting
        # Whoever has taken it from the queue hears of her no at once, long before the lease ends.
        async with web_peer() as theirs:
            await environment.web_staff(theirs, "Ani", Role.INTERPRETER)
            inviting = asyncio.create_task(his.call("inviteFromQueue", details={}, reason="to translate"))
            while (await his.until("waiting"))["position"] != 1:
                pass
            claiming = asyncio.create_task(theirs.call("claim"))
            await her.until("invitationReceived")
            await her.call("decline")
            with pytest.raises(WebPeerRefused, match="InvitationDeclined"):
                await inviting
            with pytest.raises(WebPeerRefused, match="NotLetIn"):
                await claiming


async def test_a_browser_that_is_brought_in_and_is_not_can_be_brought_in_as_often_as_before(
    environment: Environment,
) -> None:
    """Its connection may last all day, and it gave eight key packages when that began."""
    async with (
        web_peer() as dewi,
        web_peer() as ani,
        environment.survivor() as survivor,
        environment.staff() as staff,
    ):
        await environment.web_staff(dewi, "Dewi", Role.MEDIC)
        await environment.web_staff(ani, "Ani", Role.INTERPRETER)
        hers = await survivor.ask()
        his = await accepted(staff)
        device = {one.name: one for one in await several_colleagues(staff, 2)}
        for one in device.values():
            await takes_key_packages(one.device_id, 1, staff)
        inviting = asyncio.create_task(his.invite(device["Dewi"]))
        await (await until(hers, events.InvitationReceived)).approve()
        await inviting
        looking = asyncio.create_task(his.invite_from_queue(RequestDetails()))
        while (await until(his, events.Waiting)).position != 1:
            pass
        claiming = asyncio.create_task(ani.call("claim"))
        await (await until(hers, events.InvitationReceived)).decline()
        with pytest.raises(InvitationDeclined):
            await looking
        with pytest.raises(WebPeerRefused, match="NotLetIn"):
            await claiming
        async with environment.staff() as second, environment.staff() as third:
            for one in device.values():
                await takes_key_packages(one.device_id, 7, staff, second, third)


async def test_a_console_that_is_opened_again_goes_on_where_it_was(environment: Environment) -> None:
    async with web_peer() as his, environment.survivor() as survivor:
        await environment.web_staff(his)
        hers = await survivor.ask()
        await his.call("acceptRequest")
        await hers.joined()
        await his.call("send", text="before")
        assert (await until(hers, events.TextReceived)).text == "before"
        await his.call("close")
        await hers.send("are you there?")
        await hers.confirmed()
        await environment.open_web_staff(his)
        assert (await his.until("textReceived", 1))["text"] == "are you there?"
        await his.call("send", conversation=1, text="yes")
        assert (await until(hers, events.TextReceived)).text == "yes"


async def test_a_console_that_is_opened_again_and_cannot_go_on_says_why(environment: Environment) -> None:
    """Somebody in the room is revoked by then."""
    sari = environment.organisation.staff("Sari")
    async with web_peer() as his, environment.survivor() as survivor:
        await his.call("haveDevice", privateKey=sari.key.private_bytes_raw().hex(), statement=sari.statement)
        await environment.open_web_staff(his)
        hers = await survivor.ask()
        await his.call("acceptRequest")
        await hers.joined()
        await his.call("close")
        await environment.organisation.publish_revocations(
            environment.url, environment.organisation.revoking(sari)
        )
        await environment.open_web_staff(his)
        await his.until("stopped", 1)


async def test_a_console_whose_statement_has_ended_by_its_clock_takes_nobody_out_of_the_queue(
    environment: Environment,
) -> None:
    sari = environment.organisation.staff("Sari", expires_in=3600)
    async with web_peer() as hers_not, environment.survivor() as survivor, environment.staff("Dewi") as dewi:
        private_key = sari.key.private_bytes_raw().hex()
        await hers_not.call("haveDevice", privateKey=private_key, statement=sari.statement)
        await hers_not.call("setClock", within=2 * 3600)
        await environment.open_web_staff(hers_not)
        hers = await survivor.ask()
        with pytest.raises(WebPeerRefused, match="DeviceNotProven"):
            await hers_not.call("acceptRequest")
        await accepted(dewi)
        assert (await until(hers, events.Joined)).participant.name == "Dewi"


async def test_a_console_takes_a_request_that_cannot_be_answered_off_the_queue(
    environment: Environment,
) -> None:
    """Its key package is not one of an anonymous member; whoever comes behind it is served."""
    bundle = device_of(environment.organisation.staff("Impostor")).new_key_package(HYBRID_SUITE)
    key_package = key_package_to_wire(bundle.key_package)
    async with web_peer() as his, environment.survivor() as survivor:
        await environment.web_staff(his)
        await survivor._link.ask(lambda ref: OpenRequest(ref, bytes(32), key_package), RequestOpened)
        with pytest.raises(WebPeerRefused, match="RequestUnusable"):
            await his.call("acceptRequest")
        hers = await survivor.ask()
        await his.call("acceptRequest")
        await hers.joined()


async def test_quick_exit_forgets_everything_at_once(environment: Environment) -> None:
    async with web_peer() as her, environment.staff() as staff:
        await environment.web_survivor(her)
        await her.call("ask")
        await accepted(staff)
        await her.until("joined")
        await her.call("vanish")
        await her.until("ended")
        assert await her.call("participants") == []
        with pytest.raises(WebPeerRefused, match="ConversationOver"):
            await her.call("send", text="too late")
