"""Opus and VP8 at the rates that a slow network bears.

    frames of any size and rate ──> AudioEncoder, VideoEncoder ──> packets ──> aiortc, which sends them

aiortc's own encoders are fixed at 96 kbit/s for Opus and at 250 kbit/s or more for VP8. A track may give it
packets instead of frames, so we encode before it does; and once for all peers, not once for each.

PyAV's libopus offers no discontinuous transmission before PyAV 19, and that has no Python 3.11; its silence
is small instead, some 3 kbit/s.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from av import AudioFrame, AudioResampler, CodecContext, VideoFrame
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.stream import VideoStream

from teduh_sdk.calls.settings import MediaProfile

AUDIO_CLOCK: Final = 48_000
"""RFC 7587, 4.1: Opus counts in 48 kHz, whatever it holds."""
SAMPLES: Final = 960
"""20 ms."""
VIDEO_CLOCK: Final = 90_000
if TYPE_CHECKING:
    # Generic for type checkers alone.
    Encoded: TypeAlias = Packet[AudioStream] | Packet[VideoStream]
else:
    Encoded = Packet
_AUDIO_BASE: Final = Fraction(1, AUDIO_CLOCK)
_VIDEO_BASE: Final = Fraction(1, VIDEO_CLOCK)


class AudioEncoder:
    """Frames to Opus packets of 20 ms, mono, with forward error correction."""

    kind: Final = "audio"

    def __init__(self, profile: MediaProfile) -> None:
        self._codec = _opus(profile)
        self._resampler = AudioResampler(format="s16", layout="mono", rate=AUDIO_CLOCK, frame_size=SAMPLES)
        self._next = 0

    def encode(self, frame: AudioFrame | VideoFrame, now: float) -> list[Encoded]:
        """The packets that `frame` completes; `now` in seconds by a steady clock that began with the call."""
        # Silence of whoever had no microphone for a while is a jump in the time stamps, as RTP wants it.
        if now * AUDIO_CLOCK > self._next + AUDIO_CLOCK:
            self._next = int(now * AUDIO_CLOCK)
        packets: list[Encoded] = []
        # Every source counts in its own time; the resampler shall not fill the gap between two of them.
        frame.pts = None
        for piece in self._resampler.resample(cast("AudioFrame", frame)):
            for packet in self._codec.encode(piece):
                packet.pts, packet.time_base = self._next, _AUDIO_BASE
                self._next += SAMPLES
                packets.append(packet)
        return packets

    def request_keyframe(self) -> None:
        """Sound has none."""


class VideoEncoder:
    """Frames to VP8 pictures, made small and few enough for the profile."""

    kind: Final = "video"

    def __init__(self, profile: MediaProfile) -> None:
        self._profile = profile
        self._codec: VideoCodecContext | None = None
        self._due = 0.0
        self._is_keyframe_wanted = False

    def encode(self, frame: AudioFrame | VideoFrame, now: float) -> list[Encoded]:
        """The packet of `frame`, or nothing if it came too soon after the last; `now` as for audio."""
        if now < self._due:
            return []
        self._due = max(self._due, now - 1 / self._profile.frame_rate) + 1 / self._profile.frame_rate
        picture = self._fitting(cast("VideoFrame", frame))
        picture.pts, picture.time_base = int(now * VIDEO_CLOCK), _VIDEO_BASE
        picture.pict_type = PictureType.I if self._is_keyframe_wanted else PictureType.NONE
        self._is_keyframe_wanted = False
        packets = self._encoder_of(picture).encode(picture)
        for packet in packets:
            packet.pts, packet.time_base = picture.pts, _VIDEO_BASE
        return list(packets)

    def request_keyframe(self) -> None:
        """The next picture shall stand for itself: somebody has joined, or lost too much."""
        self._is_keyframe_wanted = True

    def _fitting(self, frame: VideoFrame) -> VideoFrame:
        shrink = max(1.0, frame.width / self._profile.width, frame.height / self._profile.height)
        # VP8 halves the colour planes, so both sides are even.
        width, height = (max(2, int(side / shrink) // 2 * 2) for side in (frame.width, frame.height))
        return frame.reformat(width=width, height=height, format="yuv420p")

    def _encoder_of(self, picture: VideoFrame) -> VideoCodecContext:
        codec = self._codec
        if codec is None or (codec.width, codec.height) != (picture.width, picture.height):
            codec = self._codec = _vp8(self._profile, picture.width, picture.height)
        return codec


def _opus(profile: MediaProfile) -> AudioCodecContext:
    codec = CodecContext.create("libopus", "w")
    codec.bit_rate = profile.audio_rate
    codec.format, codec.layout, codec.sample_rate = "s16", "mono", AUDIO_CLOCK
    codec.time_base = _AUDIO_BASE
    codec.options = {"application": "voip", "fec": "1", "packet_loss": str(profile.expected_loss)}
    return codec


def _vp8(profile: MediaProfile, width: int, height: int) -> VideoCodecContext:
    codec = CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.bit_rate = profile.video_rate
    codec.time_base, codec.framerate = _VIDEO_BASE, Fraction(profile.frame_rate)
    # As for WebRTC elsewhere: constant rate (minrate = maxrate), no look-ahead, keyframes on request alone.
    codec.gop_size = 3000
    codec.options = {
        "minrate": str(profile.video_rate),
        "maxrate": str(profile.video_rate),
        "bufsize": str(profile.video_rate // 2),
        "deadline": "realtime",
        "cpu-used": "8",
        "lag-in-frames": "0",
        "error-resilient": "1",
        "undershoot-pct": "100",
        "overshoot-pct": "15",
        # What does not fit is left out rather than sent late.
        "drop-threshold": "30",
    }
    codec.thread_count = 1
    return codec
