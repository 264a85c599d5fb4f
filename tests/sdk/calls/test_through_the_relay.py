"""A survivor and a counselor call each other in their conversation: real relay, real Valkey, real coturn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from calling_room import ears, heard, rung, until
from known_media import MovingBar, Tone
from relay_organisation import RelayOrganisation
from relay_process import relay_here
from sdk_people import new_staff
from teduh_crypto.credentials import Role
from teduh_sdk import Conversation, Staff, Survivor
from teduh_sdk.calls import EndReason, events
from teduh_sdk.exceptions import CallsUnavailable
from turn_server import needs_turn_server, turn_server
from valkey_server import start_valkey


@asynccontextmanager
async def talking(folder: Path, calls: dict[str, object]) -> AsyncIterator[tuple[Conversation, Conversation]]:
    """Her conversation and his, with a relay that offers calls in this way."""
    organisation = RelayOrganisation()
    with start_valkey() as valkey:
        async with relay_here(organisation.write(folder), valkey.url, calls=calls) as (_, url):
            await organisation.publish_revocations(url)
            store = new_staff(organisation, "Sari", Role.COUNSELOR)
            survivor, staff = Survivor(url, organisation.public), Staff(url, organisation.public, store)
            async with survivor, staff:
                hers = await survivor.ask(need="counseling")
                async for request in staff.requests():
                    his = await request.accept()
                    break
                await hers.joined()
                yield hers, his


@needs_turn_server
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


@needs_turn_server
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
