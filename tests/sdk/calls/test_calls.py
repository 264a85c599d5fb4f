"""Calls between programs, through aiortc and a real coturn: what is said here is heard there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from av import AudioFrame
from support.calls.calling_room import (
    calling,
    ear_for,
    ears,
    heard,
    in_call,
    own_candidates,
    rung,
    three,
    through,
    until,
)
from support.calls.known_media import MovingBar, Tone
from support.calls.turn_server import TurnServer, turn_server
from teduh_sdk.calls import EndReason, events


@pytest.fixture
def turn(tmp_path: Path) -> Iterator[TurnServer]:
    with turn_server(tmp_path, allow_loopback_peers=True) as server:
        yield server


@pytest.mark.parametrize("via", ["udp", "tcp"])
async def test_each_hears_and_sees_the_other(turn: TurnServer, via: str) -> None:
    async with calling(through(turn, via), through(turn)) as (_, (hers, counselors)):
        ringing = await hers.call([Tone(440), MovingBar()])
        her_ear = ears(ringing)
        answered = await rung(counselors)
        ear = ears(answered)
        await answered.accept([Tone(1000), MovingBar()])
        await heard(lambda: ear.hears(440) and her_ear.hears(1000))
        await heard(lambda: ear.sees_movement() and her_ear.sees_movement())


async def test_nothing_that_is_sent_names_an_address_but_that_of_the_turn_server(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (room, (hers, counselors)):
        await in_call(hers, counselors)
        said = b"".join(data for seat in room.seats for data in seat.sent).decode("latin-1")
        candidates = [line for line in said.splitlines() if "candidate:" in line]
        assert candidates
        assert all(" typ relay raddr 0.0.0.0 rport 9" in line for line in candidates)
        assert {line for line in said.splitlines() if line.startswith(("c=", "o="))} == {
            line
            for line in said.splitlines()
            if line == "c=IN IP4 0.0.0.0" or (line.startswith("o=") and line.endswith(" 0.0.0.0"))
        }


async def test_nothing_but_relayed_candidates_is_gathered(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        await in_call(hers, counselors)
        for calls in (hers, counselors):
            assert {candidate.type for candidate in own_candidates(calls)} == {"relay"}


async def test_a_muted_microphone_is_not_heard_and_the_others_are_told(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        ringing, answered = await in_call(hers, counselors)
        await ringing.pause("audio")
        told = await until(answered, events.PeerMedia)
        assert told.media.audio is False
        ear, other = ears(answered), ears(ringing)
        await heard(lambda: other.frames >= 50)
        # What was under way may still come: the jitter buffer holds 16 frames.
        assert ear.frames < 20
        await ringing.pause("audio", paused=False)
        assert (await until(answered, events.PeerMedia)).media.audio is True
        await heard(lambda: ear.hears(440))


async def test_a_camera_can_be_switched_on_in_a_call_of_voices(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        ringing, answered = await in_call(hers, counselors)
        ear = ears(answered)
        await ringing.use("video", MovingBar())
        assert (await until(answered, events.PeerMedia)).media.video is True
        await heard(ear.sees_movement)
        camera = MovingBar()
        await ringing.use("video", camera)
        await ringing.use("video", None)
        assert camera.readyState == "ended"


async def test_who_is_removed_hears_and_is_heard_no_more(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn), through(turn)) as (room, (hers, counselors, medics)):
        ringing, second, third = await three(hers, counselors, medics)
        medic = room.people[2]
        room.remove(medic)
        of_medic, by_medic, ear = ear_for(ringing, 2), ears(third), ear_for(second, 0)
        assert isinstance(third.ended, events.Ended)
        assert third.ended.reason is EndReason.REMOVED
        left = await until(ringing, events.PeerLeft)
        assert (left.participant, left.reason) == (medic, EndReason.REMOVED)
        await heard(lambda: ear.hears(440))
        assert (of_medic.frames, by_medic.frames) == (0, 0)


async def test_two_who_hear_each_other_go_on_while_the_relay_is_away(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (room, (hers, counselors)):
        ringing, answered = await in_call(hers, counselors)
        room.is_relay_away = True
        before = [seat.beats for seat in room.seats]
        # Ten seconds by their heartbeats, where who is silent for four is gone.
        await heard(lambda: all(seat.beats > one + 20 for seat, one in zip(room.seats, before, strict=True)))
        assert (ringing.ended, answered.ended) == (None, None)
        ear, other = ears(ringing), ears(answered)
        await heard(lambda: ear.hears(1000) and other.hears(440))
        room.is_relay_away = False
        await ringing.hang_up()
        assert (await until(answered, events.Ended)).reason is EndReason.HUNG_UP


async def test_a_source_that_ends_is_told_and_another_can_follow(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        ringing, answered = await in_call(hers, counselors)
        await ringing.use("audio", Announcement())
        assert (await until(answered, events.PeerMedia)).media.audio is False
        ear = ears(answered)
        await ringing.use("audio", Tone(1700))
        await heard(lambda: ear.hears(1700))


class Announcement(Tone):
    """Half a second, and no more."""

    def __init__(self) -> None:
        super().__init__(440)

    async def recv(self) -> AudioFrame:
        if self.read == 25:
            self.stop()
        return await super().recv()
