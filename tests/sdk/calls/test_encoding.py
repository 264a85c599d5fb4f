"""Voice and picture stay within what a slow network bears, and can still be heard and seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from aiortc.codecs.opus import OpusDecoder
from aiortc.codecs.vpx import Vp8Decoder
from aiortc.jitterbuffer import JitterFrame
from av import AudioFrame, VideoFrame
from support.calls.known_media import bar_at, bar_position, picture, samples_of, sound, strength
from teduh_sdk.calls import LOW_BANDWIDTH, STANDARD, MediaProfile
from teduh_sdk.calls.encoding import AudioEncoder, Encoded, VideoEncoder

SECONDS = 3
each_profile = pytest.mark.parametrize("profile", [LOW_BANDWIDTH, STANDARD], ids=["low", "standard"])


def voices() -> Iterator[tuple[float, AudioFrame]]:
    for number in range(SECONDS * 50):
        yield number / 50, sound(440, number)


def noise(number: int) -> VideoFrame:
    """The hardest picture there is: nothing in it follows from anything else."""
    pixels = np.random.default_rng(number).integers(0, 255, (480, 640, 3), np.uint8)
    return VideoFrame.from_ndarray(pixels, "rgb24")


def bits_per_second(packets: list[Encoded]) -> float:
    return sum(packet.size for packet in packets) * 8 / SECONDS


def encoded_voices(profile: MediaProfile) -> list[Encoded]:
    encoder = AudioEncoder(profile)
    return [packet for now, frame in voices() for packet in encoder.encode(frame, now)]


@each_profile
def test_a_voice_keeps_to_its_rate(profile: MediaProfile) -> None:
    assert bits_per_second(encoded_voices(profile)) < profile.audio_rate * 1.1


def test_the_low_profile_is_within_what_was_promised() -> None:
    assert 16_000 <= LOW_BANDWIDTH.audio_rate <= 24_000
    assert LOW_BANDWIDTH.video_rate <= 150_000


def test_a_tone_is_still_that_tone() -> None:
    decoder = OpusDecoder()
    frames = [
        frame
        for packet in encoded_voices(LOW_BANDWIDTH)
        for frame in decoder.decode(JitterFrame(bytes(packet), packet.pts or 0))
        if isinstance(frame, AudioFrame)
    ]
    assert strength(np.concatenate([samples_of(frame) for frame in frames[-25:]]), 440) > 0.9


def test_silence_costs_next_to_nothing() -> None:
    encoder, packets = AudioEncoder(LOW_BANDWIDTH), list[Encoded]()
    for number in range(SECONDS * 50):
        packets += encoder.encode(sound(0, number), number / 50)
    assert bits_per_second(packets) < 5_000


def test_a_pause_is_a_jump_in_the_time_stamps() -> None:
    encoder = AudioEncoder(LOW_BANDWIDTH)
    (first,) = encoder.encode(sound(440, 0), 0.0)
    (second,) = encoder.encode(sound(440, 1), 10.0)
    assert (first.pts, second.pts) == (0, 480_000)


@each_profile
def test_the_hardest_pictures_keep_to_their_rate(profile: MediaProfile) -> None:
    encoder, packets = VideoEncoder(profile), list[Encoded]()
    for number in range(SECONDS * 30):
        packets += encoder.encode(noise(number), number / 30)
    assert bits_per_second(packets) < profile.video_rate * 1.3
    assert len(packets) <= profile.frame_rate * SECONDS + 1


def test_a_moving_bar_is_seen_where_it_is() -> None:
    encoder, decoder = VideoEncoder(LOW_BANDWIDTH), Vp8Decoder()
    for number in range(30):
        for packet in encoder.encode(picture(number), number / 15):
            (seen,) = decoder.decode(JitterFrame(bytes(packet), packet.pts or 0))
    assert isinstance(seen, VideoFrame)
    position = bar_position(seen)
    assert position is not None
    assert abs(position - bar_at(29)) <= 8


def test_large_pictures_are_made_small_and_keep_their_shape() -> None:
    encoder, decoder = VideoEncoder(LOW_BANDWIDTH), Vp8Decoder()
    tall = VideoFrame.from_ndarray(np.zeros((1280, 721, 3), np.uint8), "rgb24")
    (packet,) = encoder.encode(tall, 0.0)
    (seen,) = decoder.decode(JitterFrame(bytes(packet), 0))
    assert isinstance(seen, VideoFrame)
    assert (seen.width, seen.height) == (134, 240)


def test_a_keyframe_comes_when_it_is_asked_for() -> None:
    encoder = VideoEncoder(LOW_BANDWIDTH)
    packets = [packet for number in range(3) for packet in encoder.encode(picture(number), number / 10)]
    encoder.request_keyframe()
    packets += encoder.encode(picture(3), 0.3)
    assert [packet.is_keyframe for packet in packets] == [True, False, False, True]
