"""A survivor and a counselor call each other in their conversation: real relay, real Valkey, real coturn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.calls.calling_room import ear_for, ears, heard, rung, until
from support.calls.known_media import MovingBar, Tone
from support.calls.turn_server import turn_server
from support.clients.sdk_people import new_staff
from support.clients.sdk_people import until as conversation_until
from support.organisation.relay_organisation import RelayOrganisation
from support.relay.relay_process import relay_here
from support.store.valkey_server import start_valkey
from teduh_crypto.credentials import Role
from teduh_sdk import Conversation, Staff, Survivor
from teduh_sdk import events as conversation_events
from teduh_sdk.calls import EndReason, events
from teduh_sdk.exceptions import CallsUnavailable
from teduh_sdk.group.group_changes import RemoveMember


@dataclass(frozen=True, slots=True)
class Environment:
    """A relay and whom it serves."""

    url: str
    organisation: RelayOrganisation

    def staff(self, name: str, role: Role) -> Staff:
        return Staff(self.url, self.organisation.public, new_staff(self.organisation, name, role))


@asynccontextmanager
async def environment(folder: Path, calls: dict[str, object]) -> AsyncIterator[Environment]:
    """A relay that offers calls in this way."""
    organisation = RelayOrganisation()
    with start_valkey() as valkey:
        async with relay_here(organisation.write(folder), valkey.url, calls=calls) as (_, url):
            await organisation.publish_revocations(url)
            yield Environment(url, organisation)


@asynccontextmanager
async def together(environment: Environment) -> AsyncIterator[tuple[Conversation, Conversation, Staff]]:
    """Her conversation, his, and his device."""
    survivor, staff = (
        Survivor(environment.url, environment.organisation.public),
        environment.staff("Sari", Role.COUNSELOR),
    )
    async with survivor, staff:
        hers = await survivor.ask(need="counseling")
        async for request in staff.requests():
            his = await request.accept()
            break
        await hers.joined()
        yield hers, his, staff


@asynccontextmanager
async def talking(folder: Path, calls: dict[str, object]) -> AsyncIterator[tuple[Conversation, Conversation]]:
    """Her conversation and his."""
    async with environment(folder, calls) as where, together(where) as (hers, his, _):
        yield hers, his


async def brought_in(hers: Conversation, his: Conversation, staff: Staff, colleague: Staff) -> Conversation:
    """The conversation of a colleague to whom she has agreed."""
    (found,) = await staff.colleagues()
    inviting = asyncio.create_task(his.invite(found))
    await (await conversation_until(hers, conversation_events.InvitationReceived)).approve()
    await inviting
    async for invited in colleague.invitations():
        theirs = await invited.join()
        break
    await conversation_until(hers, conversation_events.Joined)
    return theirs


async def test_a_counselor_rings_and_she_answers(tmp_path: Path) -> None:
    with turn_server(tmp_path, allow_loopback_peers=True) as turn:
        async with talking(tmp_path, turn.calls()) as (hers, his):
            ringing = await his.call([Tone(440), MovingBar()])
            answered = await rung(hers.calls)
            assert answered.by is not None
            assert answered.by.name == "Sari"
            assert (answered.media.audio, answered.media.video) == (True, True)
            ear, other = ears(answered), ears(ringing)
            await answered.accept([Tone(1000)])
            await heard(lambda: ear.hears(440) and ear.sees_movement() and other.hears(1000))


async def test_leaving_the_conversation_ends_the_call(tmp_path: Path) -> None:
    with turn_server(tmp_path, allow_loopback_peers=True) as turn:
        async with talking(tmp_path, turn.calls()) as (hers, his):
            microphone = Tone(440)
            ringing = await hers.call([microphone])
            answered = await rung(his.calls)
            ear = ears(answered)
            await answered.accept([Tone(1000)])
            await heard(lambda: ear.hears(440))
            await hers.leave()
            assert (await until(ringing, events.Ended)).reason is EndReason.REMOVED
            assert microphone.readyState == "ended"
            await until(answered, events.Ended)


async def test_a_relay_without_turn_servers_offers_no_calls(tmp_path: Path) -> None:
    async with talking(tmp_path, {}) as (hers, _):
        with pytest.raises(CallsUnavailable):
            await hers.call([Tone(440)])


async def test_a_member_who_is_removed_loses_the_call_at_once(tmp_path: Path) -> None:
    """Removed from the group, with nobody asking her device to hang up."""
    with turn_server(tmp_path, allow_loopback_peers=True) as turn:
        async with (
            environment(tmp_path, turn.calls()) as where,
            together(where) as (hers, his, staff),
            where.staff("Maya", Role.MEDIC) as medic,
        ):
            await medic.colleagues()
            theirs = await brought_in(hers, his, staff, medic)
            ringing = await his.call([Tone(440)])
            answered, also = await rung(hers.calls), await rung(theirs.calls)
            maya = theirs.me
            assert maya is not None
            of_maya, of_him = ear_for(answered, maya.leaf_index), ears(also)
            microphone = Tone(1700)
            await answered.accept([Tone(1000)])
            await also.accept([microphone])
            await heard(lambda: of_maya.hears(1700) and of_him.frames)
            his.state.change(RemoveMember(maya.device_key), int(time.time()))
            his.flush()
            for call in (ringing, answered):
                left = await until(call, events.PeerLeft)
                assert (left.participant.name, left.reason) == ("Maya", EndReason.REMOVED)
            after = of_maya.frames
            ear, other = ears(ringing), ears(answered)
            await heard(lambda: ear.hears(1000) and other.hears(440))
            assert of_maya.frames == after
            assert (await until(also, events.Ended)).reason is EndReason.REMOVED
            assert microphone.readyState == "ended"
