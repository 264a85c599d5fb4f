"""Sound and pictures that are recognised again after a call: a tone, and a bar that moves.

Tone(440)       ──> call ──> strength(samples, 440) close to 1
MovingBar(red)  ──> call ──> bar_position(picture) moves on
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from fractions import Fraction
from typing import Final

import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame
from numpy.typing import NDArray

RATE: Final = 48_000
SAMPLES: Final = 960
LOUD: Final = 8_000
WIDTH, HEIGHT, BAR = 320, 240, 40
_STEP: Final = 8

Samples = NDArray[np.float64]


def sound(frequency: float, number: int) -> AudioFrame:
    """The 20 ms with this number of a pure tone."""
    at = (np.arange(SAMPLES) + number * SAMPLES) / RATE
    values = (LOUD * np.sin(2 * np.pi * frequency * at)).astype(np.int16)
    frame = AudioFrame.from_ndarray(values.reshape(1, -1), "s16", "mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, number * SAMPLES, Fraction(1, RATE)
    return frame


def picture(number: int) -> VideoFrame:
    """The picture with this number: a white bar on black, further right each time."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    left = bar_at(number)
    pixels[:, left : left + BAR] = 255
    frame = VideoFrame.from_ndarray(pixels, "rgb24")
    frame.pts, frame.time_base = number * 3000, Fraction(1, 90_000)
    return frame


def bar_at(number: int) -> int:
    """Where the bar of the picture with this number begins, in pixels from the left."""
    return number * _STEP % (WIDTH - BAR)


def strength(samples: Samples, frequency: float) -> float:
    """How much of the energy of `samples` is in this tone: 1 is all (the Goertzel algorithm's bin)."""
    energy = float(np.sum(samples**2)) * len(samples) / 2
    if energy == 0:
        return 0.0
    turn = np.exp(-2j * np.pi * frequency * np.arange(len(samples)) / RATE)
    return float(abs(np.sum(samples * turn)) ** 2 / energy)


def samples_of(frame: AudioFrame) -> Samples:
    """One channel of a decoded frame."""
    values = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
    return values[:, 0].astype(np.float64)


def bar_position(frame: VideoFrame) -> int | None:
    """Where the bright bar of a received picture begins; None if there is none."""
    grey = frame.reformat(width=WIDTH, height=HEIGHT, format="gray").to_ndarray().mean(axis=0)
    bright = np.flatnonzero(grey > 128)
    return int(bright[0]) if len(bright) >= BAR // 2 else None


class Tone(MediaStreamTrack):
    """A microphone that hears one tone, in real time."""

    kind = "audio"

    def __init__(self, frequency: float) -> None:
        super().__init__()
        self.frequency = frequency
        self.read = 0
        self._began = 0.0

    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        self._began = self._began or time.monotonic()
        await asyncio.sleep(self._began + self.read * SAMPLES / RATE - time.monotonic())
        self.read += 1
        return sound(self.frequency, self.read - 1)


class MovingBar(MediaStreamTrack):
    """A camera that sees a bar move, 15 times a second."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.read = 0
        self._began = 0.0

    async def recv(self) -> VideoFrame:
        if self.readyState != "live":
            raise MediaStreamError
        self._began = self._began or time.monotonic()
        await asyncio.sleep(self._began + self.read / 15 - time.monotonic())
        self.read += 1
        return picture(self.read - 1)


class Ear:
    """Remembers the last second of what somebody was heard to say, and the positions of the bar."""

    def __init__(self) -> None:
        self.frames = 0
        self.positions: set[int] = set()
        self._recent: deque[Samples] = deque(maxlen=25)

    def hear(self, _: object, frame: AudioFrame) -> None:
        self.frames += 1
        self._recent.append(samples_of(frame))

    def see(self, _: object, frame: VideoFrame) -> None:
        position = bar_position(frame)
        if position is not None:
            self.positions.add(position)

    def hears(self, frequency: float) -> bool:
        """Whether the last half second is this tone, for the most part."""
        return len(self._recent) == 25 and strength(np.concatenate(self._recent), frequency) > 0.6

    def sees_movement(self) -> bool:
        """Whether the bar was seen in several places."""
        return len(self.positions) >= 5
