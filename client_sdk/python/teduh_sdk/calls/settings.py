"""How a call sounds and looks, and how long to wait: chosen once, before the first call.

The default is made for a cheap phone on a slow network at the other end: voice first, a small picture second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class MediaProfile:
    """What is sent at most: bit/s, frames per second, pixels (a picture keeps its shape)."""

    audio_rate: int
    video_rate: int
    frame_rate: int
    width: int
    height: int
    expected_loss: int = 15
    """Per cent of packets against which Opus protects what it sends (in-band FEC)."""


LOW_BANDWIDTH: Final = MediaProfile(
    audio_rate=24_000, video_rate=150_000, frame_rate=15, width=320, height=240
)
"""Understandable voice and a face on 400 kbit/s."""
STANDARD: Final = MediaProfile(audio_rate=32_000, video_rate=600_000, frame_rate=25, width=640, height=480)
"""For two who both have a good connection."""


@dataclass(frozen=True, slots=True)
class CallSettings:
    """Of all calls of one conversation; times in seconds."""

    profile: MediaProfile = LOW_BANDWIDTH
    gather: float = 8.0
    """How long a TURN server may take to give us an address."""
    stall: float = 8.0
    """After which a connection over which nothing comes is broken; reports come every second or two."""
    goodbye: float = 5.0
    """How long closing a connection may take; TURN servers that are gone are not waited for."""
