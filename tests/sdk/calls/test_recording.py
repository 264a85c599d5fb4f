"""Nobody records a call alone: all must allow it, and it stops when one takes that back or comes later."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from av import AudioFrame, VideoFrame
from support.calls.calling_room import calling, ears, heard, in_call, rung, through, until
from support.calls.known_media import MovingBar, Tone, picture, samples_of, sound, strength
from support.calls.turn_server import TurnServer, turn_server
from teduh_sdk.calls import Call, EndReason, FolderRecorder, events
from teduh_sdk.exceptions import RecordingNotAllowed
from teduh_sdk.group.room import Participant


@pytest.fixture
def turn(tmp_path: Path) -> Iterator[TurnServer]:
    with turn_server(tmp_path, allow_loopback_peers=True) as server:
        yield server


class Tape:
    """A recorder that remembers whom it heard, and whether it was closed."""

    def __init__(self) -> None:
        self.heard: dict[int, int] = {}
        self.is_closed = False

    def audio(self, participant: Participant, frame: AudioFrame, at: float) -> None:
        assert not self.is_closed
        assert at >= 0
        self.heard[participant.leaf_index] = self.heard.get(participant.leaf_index, 0) + frame.samples

    def video(self, participant: Participant, frame: VideoFrame, at: float) -> None:
        assert not self.is_closed

    def close(self) -> None:
        self.is_closed = True


async def allowed(recording: Call, *others: Call) -> None:
    """The first asks, the others allow it."""
    await recording.ask_to_record()
    for other in others:
        asked = await until(other, events.RecordingAsked)
        await asked.allow()
    await until(recording, events.RecordingAllowed)


async def test_who_was_not_allowed_cannot_record(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        _, answered = await in_call(hers, counselors)
        with pytest.raises(RecordingNotAllowed):
            await answered.record(Tape())


async def test_who_was_refused_cannot_record(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        ringing, answered = await in_call(hers, counselors)
        await answered.ask_to_record()
        await (await until(ringing, events.RecordingAsked)).refuse()
        assert (await until(answered, events.RecordingAnswered)).granted is False
        with pytest.raises(RecordingNotAllowed):
            await answered.record(Tape())


async def test_everybody_is_on_the_tape_and_sees_that_it_runs(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        ringing, answered = await in_call(hers, counselors)
        await allowed(answered, ringing)
        tape = Tape()
        await answered.record(tape)
        assert (await until(ringing, events.PeerRecording)).is_recording is True
        await heard(lambda: set(tape.heard) == {0, 1})
        await answered.stop_recording()
        assert tape.is_closed
        assert (await until(ringing, events.PeerRecording)).is_recording is False
        with pytest.raises(RecordingNotAllowed):
            await answered.record(Tape())


async def test_recording_stops_when_one_takes_it_back(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        ringing, answered = await in_call(hers, counselors)
        await allowed(answered, ringing)
        tape = Tape()
        await answered.record(tape)
        assert (await until(ringing, events.PeerRecording)).is_recording is True
        await ringing.withdraw_recording()
        await until(answered, events.RecordingMustStop)
        assert tape.is_closed
        assert (await until(ringing, events.PeerRecording)).is_recording is False


async def test_recording_stops_when_somebody_comes(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn), through(turn)) as (room, (hers, counselors, medics)):
        ringing = await hers.call([Tone(440)], to=[room.people[1]])
        answered = await rung(counselors)
        await answered.accept([Tone(1000)])
        ear = ears(answered)
        await heard(lambda: ear.hears(440))
        await allowed(answered, ringing)
        tape = Tape()
        await answered.record(tape)
        await heard(lambda: medics.running)
        await medics.join([Tone(1700)])
        assert (await until(answered, events.RecordingMustStop)).participant == room.people[2]
        assert tape.is_closed


async def test_recording_ends_with_the_call(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        ringing, answered = await in_call(hers, counselors)
        await allowed(answered, ringing)
        tape = Tape()
        await answered.record(tape)
        await ringing.hang_up()
        await until(answered, events.Ended)
        assert tape.is_closed


class FullDisk(Tape):
    """A recorder for which there is no space left: neither for what comes, nor for closing its files."""

    def audio(self, participant: Participant, frame: AudioFrame, at: float) -> None:
        super().audio(participant, frame, at)
        raise OSError(errno.ENOSPC, "No space left on device")

    def close(self) -> None:
        super().close()
        raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_recorder_that_fails_ends_the_recording_and_not_the_call(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        ringing, answered = await in_call(hers, counselors)
        await allowed(answered, ringing)
        tape, faults = FullDisk(), faults_told()
        await answered.record(tape)
        assert (await until(ringing, events.PeerRecording)).is_recording is True
        assert (await until(ringing, events.PeerRecording)).is_recording is False
        assert tape.is_closed
        ear, her_ear = ears(answered), ears(ringing)
        await heard(lambda: ear.hears(440) and her_ear.hears(1000))
        assert {fault.errno for fault in faults} == {errno.ENOSPC}


def faults_told() -> list[OSError]:
    """What the application is told of its own recorder, as of any fault of its own: by the event loop."""
    faults: list[OSError] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))
    return faults


class Unclosable(Tape):
    """A recorder whose files cannot be closed."""

    def close(self) -> None:
        super().close()
        raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_recorder_that_cannot_be_closed_keeps_nobody_in_the_call(turn: TurnServer) -> None:
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        ringing, answered = await in_call(hers, counselors)
        await allowed(answered, ringing)
        tape, microphone, faults = Unclosable(), Tone(1000), faults_told()
        await answered.use("audio", microphone)
        await answered.record(tape)
        await answered.hang_up()
        assert tape.is_closed
        assert microphone.readyState == "ended"
        assert answered.ended is not None
        assert len(faults) == 1
        assert (await until(ringing, events.Ended)).reason is EndReason.HUNG_UP


async def test_a_folder_holds_each_voice_and_each_picture(turn: TurnServer, tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    folder.mkdir()
    async with calling(through(turn), through(turn)) as (_, (hers, counselors)):
        ringing, answered = await in_call(hers, counselors)
        ear = ears(answered)
        await allowed(answered, ringing)
        await answered.record(folder)
        await ringing.use("video", MovingBar())
        await heard(ear.sees_movement)
        await answered.stop_recording()
    assert {path.name for path in folder.iterdir()} == {
        "leaf-0-audio.ogg",
        "leaf-1-audio.ogg",
        "leaf-0-video.webm",
    }
    assert tone_in(folder / "leaf-0-audio.ogg", 440) > 0.6
    assert tone_in(folder / "leaf-1-audio.ogg", 1000) > 0.6
    with av.open(str(folder / "leaf-0-video.webm")) as film:
        assert len(list(film.decode(video=0))) >= 5


def test_nobody_else_on_the_machine_can_read_a_recording(tmp_path: Path) -> None:
    """Voices are in it as they were spoken."""
    (tmp_path / "leaf-1-audio.ogg").touch(mode=0o644)
    before = os.umask(0o022)
    try:
        recorder = FolderRecorder(tmp_path)
        for leaf in (0, 1):
            recorder.audio(Participant(leaf, b"key", None, "survivor"), sound(440, 0), 0.0)
        recorder.video(Participant(0, b"key", None, "survivor"), picture(0), 0.0)
        recorder.close()
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("leaf-0-audio.ogg", "leaf-1-audio.ogg", "leaf-0-video.webm"), 0o600)


def tone_in(path: Path, frequency: float) -> float:
    with av.open(str(path)) as file:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
        pieces = [samples_of(one) for frame in file.decode(audio=0) for one in resampler.resample(frame)]
    return strength(np.concatenate(pieces)[-12_000:], frequency)
