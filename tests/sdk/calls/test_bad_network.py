"""On a network that loses 15 % and takes 300 ms each way, she is still heard, and hears."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from support.calls.bad_wire import bad_wire
from support.calls.calling_room import QUICK, calling, ears, heard, rung, through, until
from support.calls.known_media import MovingBar, Tone
from support.calls.turn_server import turn_server
from teduh_sdk.calls import MediaReason, events
from teduh_signaling.call.timing import Timing

LOSS, DELAY = 0.15, 0.3
FIRST, SECOND = 450, 1000
"""Hz; whole numbers of waves in 20 ms, so that a lost packet leaves no step in the wave."""
MEASURED = 200
"""Packets: four seconds."""
PATIENT = replace(QUICK, gather=8.0, stall=10.0)


async def test_voices_survive_loss_and_delay(tmp_path: Path) -> None:
    with turn_server(tmp_path, allow_loopback_peers=True) as turn:
        async with bad_wire(("127.0.0.1", turn.port), loss=LOSS, delay=DELAY) as wire:
            good = through(turn)
            hers = replace(through(turn), urls=(wire.url,))
            async with calling(hers, good, settings=PATIENT, timing=Timing()) as (_, (her_calls, counselors)):
                microphone, other = Tone(FIRST), Tone(SECOND)
                ringing = await her_calls.call([microphone])
                answered = await rung(counselors)
                her_ear, ear = ears(ringing), ears(answered)
                await answered.accept([other])
                await heard(lambda: ear.hears(FIRST) and her_ear.hears(SECOND), within=60)
                said, other_said = microphone.read, other.read
                came, other_came = ear.frames, her_ear.frames
                await heard(
                    lambda: microphone.read - said >= MEASURED and other.read - other_said >= MEASURED
                )
                assert (ear.frames - came) / (microphone.read - said) > 0.65
                assert (her_ear.frames - other_came) / (other.read - other_said) > 0.65
                assert ear.hears(FIRST)
                assert her_ear.hears(SECOND)
            assert wire.lost / (wire.lost + wire.passed) > 0.1


async def test_pictures_give_way_to_voices(tmp_path: Path) -> None:
    with turn_server(tmp_path, allow_loopback_peers=True) as turn:
        async with bad_wire(("127.0.0.1", turn.port), loss=0.0, delay=0.02) as wire:
            hers = replace(through(turn), urls=(wire.url,))
            async with calling(hers, through(turn), settings=PATIENT, timing=Timing()) as (
                _,
                (her_calls, others),
            ):
                camera = MovingBar()
                ringing = await her_calls.call([Tone(FIRST), camera])
                answered = await rung(others)
                ear = ears(answered)
                await answered.accept([Tone(SECOND)])
                await heard(lambda: ear.hears(FIRST) and ear.sees_movement())
                wire.loss = 0.3
                await until(ringing, events.PicturesGaveWay, within=60)
                assert camera.readyState == "ended"
                media = (await until(answered, events.PeerMedia)).media
                assert (media.audio, media.video, media.reason) == (True, False, MediaReason.NETWORK)
                await heard(lambda: ear.hears(FIRST))
