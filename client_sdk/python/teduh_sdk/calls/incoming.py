"""What comes from the others, frame by frame, to whoever wants it: callbacks, and the recorder.

Frames are taken from aiortc whether or not anybody wants them, for it keeps what nobody takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

from teduh_sdk.group.room import Participant

OnAudio = Callable[[Participant, AudioFrame], None]
OnVideo = Callable[[Participant, VideoFrame], None]


class Incoming:
    """The ears of one call. Callbacks run in the event loop, and must be quick."""

    def __init__(self) -> None:
        self._on_audio: Final[list[OnAudio]] = []
        self._on_video: Final[list[OnVideo]] = []
        self._tasks: Final[dict[int, list[asyncio.Task[None]]]] = {}

    def on_audio(self, callback: OnAudio) -> None:
        """Call this with every 20 ms of sound."""
        self._on_audio.append(callback)

    def on_video(self, callback: OnVideo) -> None:
        """Call this with every picture."""
        self._on_video.append(callback)

    def listen(self, participant: Participant, track: MediaStreamTrack) -> None:
        """Pass on what comes by this track, until it ends or `cut`."""
        task = asyncio.create_task(self._pass_on(participant, track))
        task.add_done_callback(_report)
        self._tasks.setdefault(participant.leaf_index, []).append(task)

    def cut(self, leaf: int) -> None:
        """Nothing of this device is passed on any more."""
        for task in self._tasks.pop(leaf, ()):
            task.cancel()

    def stop(self) -> None:
        """Nothing of anybody."""
        for leaf in tuple(self._tasks):
            self.cut(leaf)

    async def _pass_on(self, participant: Participant, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if isinstance(frame, AudioFrame):
                for on_audio in self._on_audio:
                    on_audio(participant, frame)
            elif isinstance(frame, VideoFrame):
                for on_video in self._on_video:
                    on_video(participant, frame)


def _report(task: asyncio.Task[None]) -> None:
    # A callback that raises is the application's fault; it hears of it as of any other of its own.
    if not task.cancelled() and (error := task.exception()) is not None:
        context = {"message": "a callback of a call raised", "exception": error}
        task.get_loop().call_exception_handler(context)
