"""No microphone and no camera is read before somebody said so, or longer than anybody listens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.calls.calling_room import calling, direct, ears, heard, in_call, rung, through, until
from support.calls.known_media import MovingBar, Tone
from support.calls.turn_server import TurnServer, turn_server
from teduh_sdk.calls import EndReason, events
from teduh_sdk.exceptions import CallNotPossible, CallsUnavailable
from teduh_sdk.net.ice_servers import IceServers
from teduh_signaling.relay.frames import CallPolicy

OFF = IceServers(CallPolicy.OFF)


@pytest.fixture
def turn(tmp_path: Path) -> Iterator[TurnServer]:
    with turn_server(tmp_path, allow_loopback_peers=True) as server:
        yield server


async def test_nothing_is_read_while_it_rings(turn: TurnServer) -> None:
    microphone, theirs = Tone(440), Tone(1000)
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        await hers.call([microphone])
        answered = await rung(counselors)
        assert microphone.read == 0
        ear = ears(answered)
        await answered.accept([theirs])
        await heard(lambda: ear.frames and microphone.read)


async def test_who_answers_without_tracks_hears_and_is_not_heard(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        ringing = await hers.call([Tone(440)])
        answered = await rung(counselors)
        ear, silent = ears(answered), ears(ringing)
        await answered.accept()
        joined = await until(ringing, events.PeerJoined)
        assert (joined.media.audio, joined.media.video) == (False, False)
        await heard(lambda: ear.hears(440))
        assert silent.frames == 0


@pytest.mark.parametrize("by_caller", [True, False])
async def test_hanging_up_stops_every_track_on_both_sides(turn: TurnServer, by_caller: bool) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        microphone, camera, theirs = Tone(440), MovingBar(), Tone(1000)
        ringing = await hers.call([microphone, camera])
        answered = await rung(counselors)
        ear = ears(answered)
        await answered.accept([theirs])
        await heard(lambda: ear.hears(440))
        await (ringing if by_caller else answered).hang_up()
        for call in (ringing, answered):
            assert (await until(call, events.Ended)).reason is EndReason.HUNG_UP
        assert {track.readyState for track in (microphone, camera, theirs)} == {"ended"}


async def test_a_declined_call_stops_what_it_was_begun_with() -> None:
    async with calling(direct(), direct()) as (_, (hers, counselors)):
        microphone = Tone(440)
        ringing = await hers.call([microphone])
        await (await rung(counselors)).decline()
        assert (await until(ringing, events.PeerDeclined)).reason is EndReason.DECLINED
        assert (await until(ringing, events.Ended)).reason is EndReason.DECLINED
        assert (microphone.read, microphone.readyState) == (0, "ended")


async def test_who_is_busy_is_not_rung() -> None:
    async with calling(direct(), direct()) as (_, (hers, counselors)):
        counselors.set_busy(busy=True)
        ringing = await hers.call([Tone(440)])
        assert (await until(ringing, events.PeerDeclined)).reason is EndReason.BUSY
        assert counselors.current is None


async def test_nothing_that_is_given_while_it_rings_is_sent_by_who_answers_to_listen() -> None:
    """Nobody could be told of it then; and what is muted then would look as if it were heard."""
    async with calling(direct(), direct()) as (_, (hers, counselors)):
        await hers.call([Tone(440)])
        answered = await rung(counselors)
        microphone = Tone(1000)
        with pytest.raises(CallNotPossible):
            await answered.use("audio", microphone)
        with pytest.raises(CallNotPossible):
            await answered.pause("audio")
        assert microphone.readyState == "ended"
        await answered.accept()
        assert not answered.outgoing["audio"].has_source
        assert not answered.outgoing["audio"].is_paused


async def test_a_call_that_rings_no_more_cannot_be_accepted() -> None:
    async with calling(direct(), direct()) as (_, (hers, counselors)):
        ringing = await hers.call([Tone(440)])
        missed = await rung(counselors)
        await ringing.hang_up()
        assert (await until(missed, events.Ended)).reason is EndReason.CANCELLED
        microphone = Tone(1000)
        with pytest.raises(CallNotPossible):
            await missed.accept([microphone])
        assert microphone.readyState == "ended"


async def test_where_the_relay_offers_no_calls_nothing_rings() -> None:
    async with calling(OFF, OFF) as (room, (hers, counselors)):
        microphone = Tone(440)
        with pytest.raises(CallsUnavailable):
            await hers.call([microphone])
        assert microphone.readyState == "ended"
        assert room.seats[0].sent == []
        assert counselors.current is None


async def test_there_is_one_call_at_a_time() -> None:
    async with calling(direct(), direct()) as (_, (hers, *_)):
        await hers.call([Tone(440)])
        with pytest.raises(CallNotPossible):
            await hers.call([Tone(440)])


async def test_nobody_can_be_called_in_an_empty_room() -> None:
    async with calling(direct()) as (_, (hers,)):
        with pytest.raises(CallNotPossible):
            await hers.call([Tone(440)])


async def test_who_rings_each_other_is_in_one_call(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        first = await hers.call([Tone(440)])
        second = await counselors.call([Tone(1000)])
        ear, other = ears(first), ears(second)
        await heard(lambda: ear.hears(1000) and other.hears(440))


async def test_after_a_call_there_can_be_another(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        first, second = await in_call(hers, counselors)
        await first.hang_up()
        await until(second, events.Ended)
        await in_call(counselors, hers)


@pytest.mark.parametrize(
    "what", ["accept", "decline", "ask_to_record", "withdraw_recording", "network_changed"]
)
async def test_what_is_said_to_a_call_that_is_over_is_not_said_of_the_next(what: str) -> None:
    """As when the answer to a ring takes so long that she rings again."""
    async with calling(direct(), direct()) as (_, (hers, counselors)):
        first = await hers.call([Tone(440)])
        missed = await rung(counselors)
        await first.hang_up()
        await until(missed, events.Ended)
        ringing = await hers.call([Tone(440)])
        second = await rung(counselors)
        if what not in ("accept", "decline"):
            await second.accept([Tone(1000)])
        with pytest.raises(CallNotPossible):
            await getattr(missed, what)()
        assert (ringing.ended, second.ended) == (None, None)
        if what in ("accept", "decline"):
            await second.accept([Tone(1000)])
        assert (await until(ringing, events.PeerJoined)).media.audio is True


async def test_a_yes_to_a_recording_of_a_call_that_is_over_allows_none_of_the_next() -> None:
    async with calling(direct(), direct()) as (_, (hers, counselors)):
        ringing = await hers.call([Tone(440)])
        answered = await rung(counselors)
        await answered.accept([Tone(1000)])
        await until(answered, events.PeerJoined)
        await answered.ask_to_record()
        asked = await until(ringing, events.RecordingAsked)
        await answered.hang_up()
        await until(ringing, events.Ended)
        again = await hers.call([Tone(440)])
        await (await rung(counselors)).accept([Tone(1000)])
        await until(again, events.PeerJoined)
        with pytest.raises(CallNotPossible):
            await asked.allow()
