"""Calls between programs, through aiortc and a real coturn: what is said here is heard there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from calling_room import calling, heard, through
from known_media import Ear, MovingBar, Tone
from teduh_sdk.calls.call import Call
from teduh_sdk.calls.calls import Calls
from turn_server import TurnServer, needs_turn_server, turn_server

pytestmark = needs_turn_server


@pytest.fixture
def turn(tmp_path: Path) -> Iterator[TurnServer]:
    with turn_server(tmp_path, allow_loopback_peers=True) as server:
        yield server


async def rung(calls: Calls) -> Call:
    async with asyncio.timeout(20):
        return await anext(calls)


def ears(call: Call) -> Ear:
    ear = Ear()
    call.on_audio(ear.hear)
    call.on_video(ear.see)
    return ear


async def test_each_hears_and_sees_the_other(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        calling_ = await hers.call([Tone(440), MovingBar()])
        her_ear = ears(calling_)
        answered = await rung(counselors)
        ear = ears(answered)
        await answered.accept([Tone(1000), MovingBar()])
        await heard(lambda: ear.hears(440) and her_ear.hears(1000))
        await heard(lambda: ear.sees_movement() and her_ear.sees_movement())
