"""Recording a call, which nobody may do alone.

    Call.ask_to_record ──> everybody's client asks its person ──> RecordingAllowed ──> Call.record(Recorder)
                               one takes it back, or somebody comes ──> the recorder is closed at once

The rule is kept here and shown to all: who records says so inside the encryption. It cannot be forced on a
program that is not ours, which can keep whatever it hears; nobody should think otherwise.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path
from typing import Final, Protocol

import av
from av import AudioFrame, AudioResampler, VideoFrame
from av.container import OutputContainer

from teduh_sdk.calls.encoding import AUDIO_CLOCK
from teduh_sdk.group.room import Participant

_MILLISECONDS: Final = 1000
_SLACK: Final = 0.2
"""Seconds by which frames may come in bursts."""
_OURS: Final = 0o600
_AUDIO_RATE: Final = 32_000
_VIDEO_RATE: Final = 500_000


class Recorder(Protocol):
    """Where a recording goes. `at` is in seconds since it began.

    One that raises is closed, and the others are told that nobody records any more; the call goes on. The
    event loop's exception handler is told why.
    """

    def audio(self, participant: Participant, frame: AudioFrame, at: float) -> None:
        """20 ms of somebody's voice."""

    def video(self, participant: Participant, frame: VideoFrame, at: float) -> None:
        """One picture of somebody."""

    def close(self) -> None:
        """It is over; nothing follows."""


class FolderRecorder:
    """One file for each voice (Ogg, Opus) and each picture (WebM, VP8), in a folder that is there already.

    They are named after the place of the person in the group, `leaf-0-audio.ogg`; a second file of the same
    person, after her picture changed its size, is `leaf-0-video-2.webm`. Files are not encrypted: whoever
    records answers for them. Other users of the machine cannot read them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._voices: dict[int, _Voice] = {}
        self._pictures: dict[int, _Pictures] = {}
        self._count: dict[int, int] = {}

    def audio(self, participant: Participant, frame: AudioFrame, at: float) -> None:
        """See `Recorder`."""
        leaf = participant.leaf_index
        if leaf not in self._voices:
            self._voices[leaf] = _Voice(self._folder / f"leaf-{leaf}-audio.ogg", at)
        self._voices[leaf].add(frame, at)

    def video(self, participant: Participant, frame: VideoFrame, at: float) -> None:
        """See `Recorder`."""
        leaf = participant.leaf_index
        pictures = self._pictures.get(leaf)
        if pictures is None or pictures.size != (frame.width, frame.height):
            if pictures is not None:
                pictures.close()
            self._count[leaf] = number = self._count.get(leaf, 0) + 1
            suffix = "" if number == 1 else f"-{number}"
            path = self._folder / f"leaf-{leaf}-video{suffix}.webm"
            pictures = self._pictures[leaf] = _Pictures(path, (frame.width, frame.height))
        pictures.add(frame, at)

    def close(self) -> None:
        """See `Recorder`."""
        files: list[_Voice | _Pictures] = [*self._voices.values(), *self._pictures.values()]
        self._voices, self._pictures = {}, {}
        with ExitStack() as ending:
            # Each, also when there is no space left for the end of another.
            for file in files:
                ending.callback(file.close)


class _Voice:
    def __init__(self, path: Path, at: float) -> None:
        self._file = _new_file(path)
        self._stream = self._file.add_stream("libopus", rate=AUDIO_CLOCK, layout="mono")
        self._stream.bit_rate = _AUDIO_RATE
        self._resampler = AudioResampler(format="s16", layout="mono", rate=AUDIO_CLOCK, frame_size=960)
        self._next = int(at * AUDIO_CLOCK)

    def add(self, frame: AudioFrame, at: float) -> None:
        # What was lost on the way, or not said, takes its time here too.
        self._next = max(self._next, int((at - _SLACK) * AUDIO_CLOCK))
        copied = AudioFrame.from_ndarray(frame.to_ndarray(), frame.format.name, frame.layout.name)
        copied.sample_rate = frame.sample_rate
        for piece in self._resampler.resample(copied):
            piece.pts, piece.time_base = self._next, Fraction(1, AUDIO_CLOCK)
            self._next += piece.samples
            self._file.mux(self._stream.encode(piece))

    def close(self) -> None:
        with closing(self._file):
            self._file.mux(self._stream.encode(None))


class _Pictures:
    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self.size = size
        self._file = _new_file(path)
        self._stream = self._file.add_stream("libvpx", rate=30)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.bit_rate = _VIDEO_RATE
        self._stream.codec_context.time_base = Fraction(1, _MILLISECONDS)
        self._stream.options = {"deadline": "realtime", "cpu-used": "8"}
        self._last = -1

    def add(self, frame: VideoFrame, at: float) -> None:
        picture = frame.reformat(format="yuv420p")
        self._last = max(self._last + 1, int(at * _MILLISECONDS))
        picture.pts, picture.time_base = self._last, Fraction(1, _MILLISECONDS)
        self._file.mux(self._stream.encode(picture))

    def close(self) -> None:
        with closing(self._file):
            self._file.mux(self._stream.encode(None))


def _new_file(path: Path) -> OutputContainer:
    # Ours alone from the first byte on: FFmpeg would make it for everybody, and keeps to what is there.
    path.touch(mode=_OURS)
    path.chmod(_OURS)
    return av.open(str(path), "w")
