"""What a call can be fed with by `MediaPlayer`: a file with voice and pictures, and devices.

There is no camera here, nor a microphone; FFmpeg's made-up ones (lavfi) come in by the same way.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import av
import numpy as np
from aiortc.contrib.media import MediaPlayer
from av import VideoFrame
from support.calls.calling_room import calling, direct, ears, heard, rung, until
from support.calls.known_media import HEIGHT, RATE, WIDTH, picture, sound
from teduh_sdk.calls import EndReason, MediaReason, events

TONE = 1000
SECONDS = 3
DOCUMENT = Path(__file__).parents[3] / "docs/calls-python.md"


def film(folder: Path) -> Path:
    """A file in which a bar moves and a tone sounds."""
    path = folder / "film.webm"
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libvpx", rate=30)
        pictures.width, pictures.height, pictures.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sounds = container.add_stream("libopus", rate=RATE)
        for number in range(30 * SECONDS):
            container.mux(pictures.encode(picture(number)))
        for number in range(50 * SECONDS):
            container.mux(sounds.encode(sound(TONE, number)))
        container.mux(pictures.encode(None))
        container.mux(sounds.encode(None))
    return path


async def test_a_file_is_heard_and_seen_and_its_end_is_told(tmp_path: Path) -> None:
    player = MediaPlayer(str(film(tmp_path)))
    assert player.audio is not None
    assert player.video is not None
    async with calling(direct(), direct()) as (_, (hers, counselors)):
        call = await counselors.call([player.audio, player.video])
        ringing = await rung(hers)
        ear = ears(ringing)
        await ringing.accept()
        await heard(lambda: ear.hears(TONE) and ear.sees_movement())
        media = (await until(ringing, events.PeerMedia)).media
        while media.audio or media.video:
            media = (await until(ringing, events.PeerMedia)).media
        assert media.reason is MediaReason.CHOSEN
        await call.hang_up()


async def test_what_reads_devices_is_heard_and_seen_and_stopped_with_the_call() -> None:
    """By the very program and the very sources that the document shows."""
    document = DOCUMENT.read_text()
    shown: dict[str, Any] = {}
    (block,) = (one for one in re.findall(r"```python\n(.*?)```", document, re.DOTALL) if "call_with" in one)
    exec(block, shown)
    sources = [
        MediaPlayer(name, format="lavfi")
        for name in re.findall(r'MediaPlayer\("([^"]+)", format="lavfi"', document)
    ]
    colours: list[float] = []

    def see(_: object, frame: VideoFrame) -> None:
        colours.append(float(np.ptp(frame.reformat(format="gray").to_ndarray().mean(axis=0))))

    async with calling(direct(), direct()) as (_, (hers, counselors)):
        call = await shown["call_with"](counselors, *sources)
        ringing = await rung(hers)
        ear = ears(ringing)
        ringing.on_video(see)
        await ringing.accept()
        # Bars of different brightness stand side by side in FFmpeg's test picture.
        await heard(lambda: ear.hears(440) and any(spread > 50 for spread in colours))
        tracks = [track for source in sources for track in (source.audio, source.video) if track is not None]
        assert sorted(track.kind for track in tracks) == ["audio", "video"]
        await ringing.hang_up()
        assert (await until(call, events.Ended)).reason is EndReason.HUNG_UP
        assert {track.readyState for track in tracks} == {"ended"}
