"""People talk through the real relay on a real Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.clients.sdk_people import PATIENCE, collect, device_of, enrolled, new_staff, until
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import Role
from teduh_sdk import events
from teduh_sdk.conversation.conversation import Conversation
from teduh_sdk.conversation.conversation_state import ConversationState
from teduh_sdk.device.key_store import KeyStore
from teduh_sdk.exceptions import (
    AuthenticationRefused,
    ClientClosed,
    ColleagueAbsent,
    InvitationDeclined,
    NotLetIn,
    RequestGone,
    RequestUnusable,
    RosterNotAdmitted,
)
from teduh_sdk.group.group_changes import CLASSIC_SUITE, HYBRID_SUITE, key_package_to_wire
from teduh_sdk.group.room import Participant
from teduh_sdk.staff.staff import Staff
from teduh_sdk.survivor import Survivor
from teduh_server.routing.continuation import Continuations
from teduh_server.routing.queue_news import QueueNews
from teduh_signaling.relay.frames import OpenRequest, RequestDetails, RequestOpened


@dataclass
class Environment:
    """A relay and the organisation that it serves."""

    url: str
    organisation: RelayOrganisation = field(repr=False)

    def survivor(self, suite: int = HYBRID_SUITE) -> Survivor:
        return Survivor(self.url, self.organisation.public, suite=suite)

    def staff(self, name: str = "Sari", role: Role = Role.COUNSELOR, store: KeyStore | None = None) -> Staff:
        return Staff(self.url, self.organisation.public, store or new_staff(self.organisation, name, role))


@pytest.fixture
async def environment(tmp_path: Path) -> AsyncIterator[Environment]:
    organisation = RelayOrganisation()
    with start_valkey() as valkey:
        async with relay_here(organisation.write(tmp_path), valkey.url) as (_, url):
            await organisation.publish_revocations(url)
            yield Environment(url, organisation)


@asynccontextmanager
async def talking(
    environment: Environment, suite: int = HYBRID_SUITE
) -> AsyncIterator[tuple[Conversation, Conversation, Staff]]:
    """A survivor and a counselor who have come together: her conversation, his, and his device."""
    async with environment.survivor(suite) as survivor, environment.staff() as staff:
        hers = await survivor.ask(need="counseling")
        async for request in staff.requests(capacity=3):
            his = await request.accept()
            break
        await hers.joined()
        yield hers, his, staff


@pytest.mark.parametrize("suite", [HYBRID_SUITE, CLASSIC_SUITE])
async def test_two_people_talk(environment: Environment, suite: int) -> None:
    async with talking(environment, suite) as (hers, his, _):
        await hers.send("He is not here now.")
        heard = await until(his, events.TextReceived)
        assert (heard.text, heard.sender.is_survivor) == ("He is not here now.", True)
        await heard.mark_read()
        assert (await until(hers, events.Read)).by.name == "Sari"
        await his.send("I am listening.")
        answer = await until(hers, events.TextReceived)
        assert (answer.text, str(answer.sender)) == ("I am listening.", "Sari (counselor)")


async def test_a_fault_in_one_conversation_leaves_the_others_alone(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ours, or one that somebody found: it ends where it is, and is told there."""
    async with (
        environment.survivor() as first,
        environment.survivor() as second,
        environment.staff() as staff,
    ):
        hers, one = [], []
        requests = staff.requests(capacity=3)
        for survivor in (first, second):
            hers.append(await survivor.ask())
            one.append(await (await anext(requests)).accept())
            await hers[-1].joined()
        monkeypatch.setattr(type(one[0].state), "receive", _failing_for(one[0]))
        await hers[0].send("Are you there?")
        stopped = await until(one[0], events.Stopped)
        assert isinstance(stopped.reason.__cause__, KeyError)
        await hers[1].send("And you?")
        assert (await until(one[1], events.TextReceived)).text == "And you?"


def _failing_for(conversation: Conversation) -> Callable[..., None]:
    receive = type(conversation.state).receive

    def receive_or_fail(state: ConversationState, *frame: Any) -> None:
        if state is conversation.state:
            raise KeyError(7)
        receive(state, *frame)

    return receive_or_fail


async def test_what_is_typed_in_the_queue_is_heard_when_somebody_comes(environment: Environment) -> None:
    async with environment.survivor() as survivor, environment.staff() as staff:
        hers = await survivor.ask()
        assert (await until(hers, events.Waiting)).position == 1
        await hers.send("Please")
        await hers.send("be quick")
        async for request in staff.requests():
            his = await request.accept()
            break
        assert [heard.text for heard in await collect(his, events.TextReceived, 2)] == ["Please", "be quick"]


async def test_two_who_accept_the_same_request_get_it_once(environment: Environment) -> None:
    async with (
        environment.survivor() as survivor,
        environment.staff("Sari") as one,
        environment.staff("Budi") as other,
    ):
        await survivor.ask()
        async for first in one.requests():
            async for second in other.requests():
                await first.accept()
                with pytest.raises(RequestGone):
                    await second.accept()
                break
            break


async def test_a_colleague_comes_in_when_she_agrees(environment: Environment) -> None:
    async with (
        talking(environment) as (hers, his, staff),
        environment.staff("Maya", Role.MEDIC) as medic,
    ):
        await medic.colleagues()
        (colleague,) = await staff.colleagues()
        assert (colleague.name, colleague.role) == ("Maya", "medic")
        inviting = asyncio.create_task(his.invite(colleague, "for your wrist"))
        asked = await until(hers, events.InvitationReceived)
        assert str(asked) == "Sari (counselor) would like to bring in Maya (medic)"
        await asked.approve()
        newcomer = await inviting
        assert newcomer.name == "Maya"
        async for invitation in medic.invitations():
            theirs = await invitation.join()
            break
        assert (await until(hers, events.Joined)).participant.name == "Maya"
        await hers.send("It hurts here.")
        assert (await until(theirs, events.TextReceived)).text == "It hurts here."
        await theirs.send("Do not move it.")
        assert (await until(hers, events.TextReceived)).sender.name == "Maya"
        await theirs.leave()
        assert (await until(hers, events.Left)).participant.name == "Maya"


async def test_a_colleague_who_left_and_comes_again_counts_anew_and_is_heard_from_the_first(
    environment: Environment,
) -> None:
    """The relay makes her a new member; the others expect 1, and she where each of them was."""
    async with (
        talking(environment) as (hers, his, staff),
        environment.staff("Maya", Role.MEDIC) as medic,
    ):
        await medic.colleagues()
        for time in ("first", "second"):
            (colleague,) = await staff.colleagues()
            inviting = asyncio.create_task(his.invite(colleague))
            await (await until(hers, events.InvitationReceived)).approve()
            await inviting
            theirs = await (await anext(medic.invitations())).join()
            await hers.send(f"the {time} time")
            assert (await until(theirs, events.TextReceived)).text == f"the {time} time"
            await theirs.send("I am here")
            assert (await until(hers, events.TextReceived)).sender.name == "Maya"
            assert {one.name for one in theirs.participants} == {None, "Sari", "Maya"}
            assert theirs.me is not None
            assert his.state.membership.senders.first[theirs.me.device_key] == 1
            await theirs.leave()
            await until(hers, events.Left)
            await his.confirmed()


async def test_a_colleague_takes_over_with_a_note_and_the_first_leaves(environment: Environment) -> None:
    """She began the group; the colleague removes her, and only the colleague reads the note."""
    async with talking(environment) as (hers, his, staff), environment.staff("Maya") as maya:
        await maya.colleagues()
        (colleague,) = await staff.colleagues()
        going = asyncio.create_task(
            his.hand_over(colleague, reason="my shift ends", note="Ask for Ibu Tini.")
        )
        asked = await until(hers, events.InvitationReceived)
        assert asked.invitation.reason == "my shift ends"
        await asked.approve()
        async for invitation in maya.invitations():
            theirs = await invitation.join()
            break
        note = await until(theirs, events.NoteReceived)
        assert (note.text, note.sender.name) == ("Ask for Ibu Tini.", "Sari")
        assert (await going).name == "Maya"
        told = await until(hers, events.NoteHandedOver)
        assert (told.sender.name, told.to and told.to.name) == ("Sari", "Maya")
        assert (await until(hers, events.Left)).participant.name == "Sari"
        await theirs.send("I know of you already.")
        assert (await until(hers, events.TextReceived)).text == "I know of you already."
        await hers.send("Good.")
        assert (await until(theirs, events.TextReceived)).text == "Good."
        assert {str(one) for one in hers.state.membership.room} == {"survivor", "Maya (counselor)"}


async def test_nothing_is_handed_over_when_she_declines_or_nobody_comes(environment: Environment) -> None:
    async with talking(environment) as (hers, his, staff), environment.staff("Maya") as maya:
        await maya.colleagues()
        (colleague,) = await staff.colleagues()
        going = asyncio.create_task(his.hand_over(colleague, note="words"))
        await (await until(hers, events.InvitationReceived)).decline()
        with pytest.raises(InvitationDeclined):
            await going
        again = asyncio.create_task(his.hand_over(colleague, within=0.1))
        await (await until(hers, events.InvitationReceived)).approve()
        with pytest.raises(ColleagueAbsent):
            await again
        await his.send("I am still here.")
        assert (await until(hers, events.TextReceived)).text == "I am still here."


async def test_a_supervisor_who_asks_is_brought_in_if_staff_and_she_agree(environment: Environment) -> None:
    """As a visible member like any other; the relay and she know of no conversation before."""
    async with talking(environment) as (hers, his, staff), environment.staff("Rina", Role.SUPERVISOR) as rina:
        (colleague,) = [one for one in await rina.colleagues() if one.name == "Sari"]
        await rina.ask_to_join(colleague)
        asking = await anext(staff.asks_to_join())
        assert (asking.name, asking.role) == ("Rina", "supervisor")
        inviting = asyncio.create_task(his.invite(asking, "to help both of us"))
        asked = await until(hers, events.InvitationReceived)
        assert (asked.invitation.role, asked.invitation.reason) == ("supervisor", "to help both of us")
        await asked.decline()
        with pytest.raises(InvitationDeclined):
            await inviting
        assert len(hers.participants) == 2
        inviting = asyncio.create_task(his.invite(asking, "to help both of us"))
        await (await until(hers, events.InvitationReceived)).approve()
        async for invitation in rina.invitations():
            theirs = await invitation.join()
            break
        assert str(await inviting) == "Rina (supervisor)"
        assert (await until(hers, events.Joined)).participant.role == "supervisor"
        await hers.send("Hello, Rina.")
        assert (await until(theirs, events.TextReceived)).text == "Hello, Rina."


async def test_nobody_comes_in_when_she_declines(environment: Environment) -> None:
    async with talking(environment) as (hers, his, staff), environment.staff("Maya", Role.MEDIC) as medic:
        await medic.colleagues()
        (colleague,) = await staff.colleagues()
        inviting = asyncio.create_task(his.invite(colleague))
        await (await until(hers, events.InvitationReceived)).decline()
        with pytest.raises(InvitationDeclined):
            await inviting
        assert len(hers.participants) == 2


async def test_her_leaving_ends_it_for_staff(environment: Environment) -> None:
    async with talking(environment) as (hers, his, _):
        await hers.leave()
        await until(his, events.Ended)
        assert his.is_over
        assert hers.is_over


async def test_typing_is_seen(environment: Environment) -> None:
    async with talking(environment) as (hers, his, _):
        await hers.typing()
        seen = await until(his, events.TypingSeen)
        assert seen.active
        assert seen.participant.is_survivor


async def test_a_request_that_cannot_be_answered_is_taken_off_the_queue(environment: Environment) -> None:
    """Its key package is garbage, or not one of an anonymous member; those behind it are served."""
    staff_like = device_of(environment.organisation.staff("Impostor")).new_key_package(HYBRID_SUITE)
    garbage = (b"garbage", key_package_to_wire(staff_like.key_package))
    async with environment.staff() as staff, environment.survivor() as survivor:
        for number, key_package in enumerate(garbage):
            await survivor._link.ask(partial(open_request, bytes([number]) * 32, key_package), RequestOpened)
        hers = await survivor.ask()
        requests = staff.requests(capacity=3)
        for _ in garbage:
            request = await anext(requests)
            with pytest.raises(RequestUnusable):
                await request.accept()
        his = await (await anext(requests)).accept()
        await hers.joined()
        await his.send("now you")
        assert (await until(hers, events.TextReceived)).text == "now you"


async def test_she_whose_request_cannot_be_answered_is_told(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else will come, for it is off the queue; she can ask again."""
    monkeypatch.setattr("teduh_sdk.survivor.key_package_to_wire", lambda _: b"garbage")
    async with environment.survivor() as survivor, environment.staff() as staff:
        hers = await survivor.ask()
        async for request in staff.requests():
            with pytest.raises(RequestUnusable):
                await request.accept()
            break
        assert isinstance((await until(hers, events.Stopped)).reason, RequestUnusable)
        monkeypatch.undo()
        again = await survivor.ask()
        async for request in staff.requests():
            await request.accept()
            break
        await again.joined()


def open_request(capability: bytes, key_package: bytes, ref: int) -> OpenRequest:
    return OpenRequest(ref, capability, key_package)


async def test_a_kept_conversation_that_cannot_be_gone_on_with_tells_what_was_said_and_why(
    environment: Environment,
) -> None:
    sari = environment.organisation.staff("Sari")
    store = enrolled(sari)
    async with environment.survivor() as survivor:
        hers = await survivor.ask()
        async with environment.staff(store=store) as staff:
            async for request in staff.requests():
                await request.accept()
                break
            await hers.joined()
            await hers.send("He has found the telephone.")
            await until(hers, events.Delivered)
        await environment.organisation.publish_revocations(
            environment.url, environment.organisation.revoking(sari)
        )
        async with environment.staff(store=store) as again:
            assert again.conversations == ()
            (lost,) = again.lost
            heard, stopped = [event async for event in lost]
    assert isinstance(heard, events.TextReceived)
    assert heard.text == "He has found the telephone."
    assert isinstance(stopped, events.Stopped)
    assert isinstance(stopped.reason, RosterNotAdmitted)
    # Its keys are gone, and it is told of once.
    assert store.names("conversation/") == ()


async def test_a_colleague_who_is_revoked_ends_it_when_the_list_comes(environment: Environment) -> None:
    sari = environment.organisation.staff("Sari")
    async with environment.survivor() as survivor:
        hers = await survivor.ask()
        async with environment.staff(store=enrolled(sari)) as staff:
            async for request in staff.requests():
                await request.accept()
                break
            await hers.joined()
            await environment.organisation.publish_revocations(
                environment.url, environment.organisation.revoking(sari)
            )
            assert await survivor._revocations.once()
            await until(hers, events.RosterRefused)
            assert hers.is_over


async def test_staff_whom_the_relay_refuses_are_told(environment: Environment) -> None:
    stranger = RelayOrganisation(id=environment.organisation.id)
    async with Staff(environment.url, environment.organisation.public, new_staff(stranger, "Eve")) as staff:
        with pytest.raises(AuthenticationRefused):
            await anext(staff.requests())
        with pytest.raises(AuthenticationRefused):
            await anext(staff.invitations())


async def test_an_ended_conversation_is_forgotten(environment: Environment) -> None:
    store = new_staff(environment.organisation, "Sari")
    async with environment.survivor() as survivor, environment.staff(store=store) as staff:
        hers = await survivor.ask()
        async for request in staff.requests():
            his = await request.accept()
            break
        assert store.names("conversation/")
        await hers.joined()
        await hers.leave()
        await until(his, events.Ended)
        assert store.names("conversation/") == ()
        assert staff.conversations == survivor.conversations == ()


async def test_a_closed_client_asks_for_nothing(environment: Environment) -> None:
    async with environment.survivor() as survivor:
        await survivor.ask()
    with pytest.raises(ClientClosed):
        await survivor.ask()


async def test_somebody_of_a_role_is_brought_in_the_next_if_the_first_does_not_come(
    environment: Environment,
) -> None:
    """One at a time, by name; nobody is asked about who is busy, or has another role or language."""
    async with (
        talking(environment) as (hers, his, staff),
        environment.staff("Ani", Role.INTERPRETER) as ani,
        environment.staff("Bayu", Role.INTERPRETER) as bayu,
        environment.staff("Citra", Role.INTERPRETER) as citra,
        environment.staff("Aan", Role.MEDIC) as medic,
    ):
        for one in (ani, bayu, medic):
            await one.set_available(2)
        await citra.set_busy()
        with pytest.raises(ColleagueAbsent):
            await staff.invite_role(his, "interpreter", language="ja")
        named: list[str] = []

        async def add_invited(within: float) -> Participant:
            return await staff.invite_role(
                his,
                "interpreter",
                language="id-ID",
                reason="so that you can speak as at home",
                within=within,
                proposed=lambda name, _: named.append(name),
            )

        inviting = asyncio.create_task(add_invited(60))
        await (await until(hers, events.InvitationReceived)).decline()
        with pytest.raises(InvitationDeclined):
            await inviting
        assert named == ["Ani"]
        inviting = asyncio.create_task(add_invited(0.5))
        for _ in range(2):
            await (await until(hers, events.InvitationReceived)).approve()
        async for invitation in bayu.invitations():
            await invitation.join()
            break
        assert str(await inviting) == "Bayu (interpreter)"
        assert named == ["Ani", "Ani", "Bayu"]
        # Ani, who did not come, is out again.
        assert {one.name for one in his.participants} == {None, "Sari", "Bayu"}


async def test_whoever_takes_it_from_the_queue_comes_in_when_she_agrees(environment: Environment) -> None:
    async with (
        talking(environment) as (hers, his, staff),
        environment.staff("Ani", Role.INTERPRETER) as ani,
    ):
        details = RequestDetails("interpreter", "id")
        for agrees in (False, True):
            inviting = asyncio.create_task(his.invite_from_queue(details, "for your mother"))
            while (await until(his, events.Waiting)).position != 1:
                pass
            joining = asyncio.create_task(ani.claim())
            asked = await until(hers, events.InvitationReceived)
            assert str(asked) == "Sari (counselor) would like to bring in Ani (interpreter)"
            assert asked.invitation.reason == "for your mother"
            if agrees:
                await asked.approve()
                break
            await asked.decline()
            with pytest.raises(InvitationDeclined):
                await inviting
            # She hears it at once, long before her lease ends.
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(NotLetIn):
                    await joining
        assert str(await inviting) == "Ani (interpreter)"
        theirs = await joining
        await theirs.send("I translate.")
        assert (await until(hers, events.TextReceived)).sender.name == "Ani"
        with pytest.raises(RequestGone):
            await staff.claim()


async def test_she_comes_back_as_somebody_new_to_the_same_counselor(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another `Survivor`. Whoever takes it sees it wait no more before the relay says so."""

    async def says_nothing(_: QueueNews) -> None:
        """Beyond the first listing."""

    monkeypatch.setattr(QueueNews, "_notify_watchers", says_nothing)
    async with environment.staff("Sari") as sari, environment.staff("Budi") as budi:
        async with environment.survivor() as before:
            first = await before.ask()
            await sari.claim(first.id)
            await first.joined()
            await first.leave()
        async with environment.survivor() as anew:
            # An older request of somebody else, which whoever takes the next would get.
            await anew.ask(need="legal")
            again = await anew.ask(need="counseling", continues=first)
            for one, knows_her in ((budi, False), (sari, True)):
                async for listing in (listings := one.routing.listing()):
                    if listing.waiting == 2:
                        break
                assert [each.known for each in listing.requests] == [False, knows_her]
            his = await sari.claim(again.id)
            async with asyncio.timeout(PATIENCE):
                left = await anext(listings)
            assert [each.details.need for each in left.requests] == ["legal"]
            await again.joined()
            await his.send("It is me again.")
            assert str((await until(again, events.TextReceived)).sender) == "Sari (counselor)"


async def _after_both_have_left(environment: Environment) -> bool:
    """Whether the one who was with her knows that she comes back."""
    async with environment.staff("Sari") as sari, environment.survivor() as survivor:
        first = await survivor.ask()
        hers = await sari.claim(first.id)
        await first.joined()
        # She goes first; then the relay has nothing of it left.
        await first.leave()
        await hers.leave()
        await survivor.ask(continues=first)
        async for listing in sari.routing.listing():
            if listing.waiting:
                return listing.requests[0].known
    raise AssertionError


async def test_whoever_was_with_her_is_known_after_both_have_left(environment: Environment) -> None:
    assert await _after_both_have_left(environment)


async def test_with_a_relay_one_release_older_she_asks_for_anybody(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives no token; she is heard all the same."""

    async def none(*_: object) -> bytes:
        return b""

    monkeypatch.setattr(Continuations, "seal", none)
    assert not await _after_both_have_left(environment)
