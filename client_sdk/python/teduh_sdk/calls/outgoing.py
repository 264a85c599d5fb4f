"""One source of sound or pictures, encoded once, for all who are in the call.

                                  ┌─> Branch ──> sender to one peer
    source ──> encoder ──> hub ───┼─> Branch ──> sender to another
                                  └─> tap: the recorder, if there is one

Microphone, camera or file can be changed, paused or taken away without the connections noticing: a branch
that gets nothing just waits. Nothing is read from a source before somebody listens.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame
from av.packet import Packet

from teduh_sdk.calls.encoding import AudioEncoder, Encoded, VideoEncoder

_MOST_WAITING: Final = 50
"""Packets; one second of sound."""


class Branch(MediaStreamTrack):
    """What one peer gets of an `Outgoing`; cut off at once by `stop`."""

    def __init__(self, kind: str, on_listening: Callable[[], None]) -> None:
        super().__init__()
        self.kind = kind
        self._on_listening = on_listening
        self._packets_waiting: deque[Encoded] = deque(maxlen=_MOST_WAITING)
        self._something = asyncio.Event()
        self.is_listening = False

    def put(self, packet: Encoded) -> None:
        """For the next `recv`; nothing is kept for a peer who does not listen yet."""
        if self.is_listening:
            if len(self._packets_waiting) == _MOST_WAITING:
                self._packets_waiting.clear()
                self._on_listening()
            self._packets_waiting.append(packet)
            self._something.set()

    async def recv(self) -> Encoded:
        """The next packet. Raises `MediaStreamError` once it was stopped."""
        if not self.is_listening:
            self.is_listening = True
            self._on_listening()
        while not self._packets_waiting or self.readyState != "live":
            if self.readyState != "live":
                raise MediaStreamError
            self._something.clear()
            await self._something.wait()
        return self._packets_waiting.popleft()

    def stop(self) -> None:
        """Nothing more goes to this peer."""
        super().stop()
        self._packets_waiting.clear()
        self._something.set()


class Outgoing:
    """The hub. `tap` is told of every frame that is sent, `on_ended` when a source ends by itself."""

    def __init__(
        self,
        encoder: AudioEncoder | VideoEncoder,
        tap: Callable[[AudioFrame | VideoFrame], None],
        on_ended: Callable[[], None],
    ) -> None:
        self._encoder: Final = encoder
        self._tap: Final = tap
        self._on_ended: Final = on_ended
        self._source: MediaStreamTrack | None = None
        self._branches: list[Branch] = []
        self._task: asyncio.Task[None] | None = None
        self._began: Final = time.monotonic()
        self.is_paused = False

    @property
    def has_source(self) -> bool:
        """Whether there is anything to send."""
        return self._source is not None

    @property
    def sends(self) -> bool:
        """Whether something is sent: there is a source, and it is not paused."""
        return self.has_source and not self.is_paused

    def use(self, source: MediaStreamTrack | None) -> None:
        """Send this from now on; the source before it is stopped."""
        self._let_go()
        self._source = source
        self._read_if_wanted()

    def branch(self) -> Branch:
        """For one more peer."""
        branch = Branch(self._encoder.kind, self._listened_to)
        self._branches = [one for one in self._branches if one.readyState == "live"]
        self._branches.append(branch)
        return branch

    def request_keyframe(self) -> None:
        """A peer cannot go on with what it has."""
        self._encoder.request_keyframe()

    def stop(self) -> None:
        """The call is over: source and branches stop at once."""
        self._let_go()
        for branch in self._branches:
            branch.stop()
        self._branches = []

    def _let_go(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._source is not None:
            self._source.stop()
            self._source = None

    def _listened_to(self) -> None:
        self._encoder.request_keyframe()
        self._read_if_wanted()

    def _read_if_wanted(self) -> None:
        is_heard = any(branch.is_listening for branch in self._branches)
        if is_heard and self._source is not None and self._task is None:
            self._task = asyncio.create_task(self._read(self._source))
            self._task.add_done_callback(self._read_to_its_end)

    def _read_to_its_end(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        # A source that raises is the application's; it hears of it as of any other fault of its own.
        if (error := task.exception()) is not None:
            context = {"message": "a track of a call raised", "exception": error}
            task.get_loop().call_exception_handler(context)
        if task is self._task:
            self._let_go()
            self._on_ended()

    async def _read(self, source: MediaStreamTrack) -> None:
        while True:
            try:
                media = await source.recv()
            except MediaStreamError:
                return
            # A paused source is read all the same, or what it holds would be sent, late, afterwards.
            if not self.is_paused:
                for packet in await self._packets(media):
                    self._give(packet)

    async def _packets(self, media: object) -> list[Encoded]:
        if isinstance(media, Packet):
            return [media]
        assert isinstance(media, AudioFrame | VideoFrame)
        self._tap(media)
        now = time.monotonic() - self._began
        return await asyncio.get_running_loop().run_in_executor(None, self._encoder.encode, media, now)

    def _give(self, packet: Encoded) -> None:
        for branch in self._branches:
            branch.put(packet)
