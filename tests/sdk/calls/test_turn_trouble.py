"""TURN servers that refuse, die and come back: the call tells of it, and goes on or ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.calls.calling_room import HASTY, calling, ears, heard, in_call, rung, through, until
from support.calls.known_media import Tone
from support.calls.turn_server import TurnServer, turn_server
from teduh_sdk.calls import EndReason, events
from teduh_sdk.exceptions import NoRelayedPath


@pytest.fixture
def turn(tmp_path: Path) -> Iterator[TurnServer]:
    with turn_server(tmp_path, allow_loopback_peers=True) as server:
        yield server


@pytest.mark.parametrize("secret", ["not this one", None], ids=["wrong", "expired"])
async def test_refused_credentials_are_told_and_end_the_call(turn: TurnServer, secret: str | None) -> None:
    refused = through(turn, secret=secret, expires=1_000_000_000 if secret is None else None)
    async with calling(refused, through(turn)) as (_, (hers, counselors)):
        ringing = await hers.call([Tone(440)])
        answered = await rung(counselors)
        await answered.accept([Tone(1000)])
        told = await until(ringing, events.PathUnavailable, within=10)
        assert isinstance(told.reason, NoRelayedPath)
        assert str(told.reason) == (
            "the TURN server gave us no address: unreachable, or it refuses the credentials"
        )
        assert (await until(ringing, events.Ended)).reason is EndReason.FAILED
        await until(answered, events.Ended)


async def test_a_call_goes_on_when_the_turn_server_is_back(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn), settings=HASTY) as (_, (hers, counselors)):
        ringing, answered = await in_call(hers, counselors)
        turn.kill()
        turn.start()
        await until(ringing, events.PeerReconnecting)
        await until(ringing, events.PeerConnected)
        ear, other = ears(ringing), ears(answered)
        await heard(lambda: ear.hears(1000) and other.hears(440))


async def test_a_call_ends_when_the_turn_server_stays_away(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn), settings=HASTY) as (_, (hers, counselors)):
        ringing, answered = await in_call(hers, counselors)
        turn.kill()
        await until(ringing, events.PeerReconnecting)
        assert (await until(ringing, events.Ended)).reason is EndReason.FAILED
        await until(answered, events.Ended)


async def test_where_udp_is_blocked_the_next_server_of_the_list_is_tried(turn: TurnServer) -> None:
    open_ = through(turn, "tcp")
    blocked = replace(open_, urls=("turn:127.0.0.1:9?transport=udp", *open_.urls))
    async with calling(blocked, through(turn), settings=HASTY) as (_, (hers, counselors)):
        await in_call(hers, counselors)
