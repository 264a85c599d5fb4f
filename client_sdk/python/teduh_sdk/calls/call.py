"""One call, as an application holds it: answer it, speak, listen, leave, and iterate over what happens.

    call = await conversation.call(tracks=[microphone])      or      async for call in conversation.calls: ...
    call.on_audio(hear)
    async for event in call: ...

Nothing is read from a microphone or camera before it was given to `accept`, `call` or `use`, and somebody is
there to hear it; at the end all of them are stopped.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiortc import MediaStreamTrack
from av import AudioFrame, VideoFrame
from teduh_signaling.call.actions import Action
from teduh_signaling.call.messages import EndReason, Media, MediaReason
from teduh_signaling.call.session import CallSession

from teduh_sdk.calls import events
from teduh_sdk.calls.encoding import AudioEncoder, VideoEncoder
from teduh_sdk.calls.events import CallEvent
from teduh_sdk.calls.incoming import Incoming, OnAudio, OnVideo
from teduh_sdk.calls.outgoing import Outgoing
from teduh_sdk.calls.recording import FolderRecorder, Recorder
from teduh_sdk.calls.settings import MediaProfile
from teduh_sdk.exceptions import CallNotPossible, RecordingNotAllowed
from teduh_sdk.group.room import Participant

Input = Callable[[CallSession, int], list[Action]]
"""Something for the session, given the time in milliseconds."""


_POOR: Final = 0.12
"""Of the packets; up to there, what is lost of a voice can be made up for."""
_POOR_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class Line:
    """What a call needs of `Calls`.

    `perform` raises `CallNotPossible`, `prepare` what `ice_servers` raises.
    """

    perform: Callable[[Input], None]
    prepare: Callable[[], Awaitable[None]]
    me: Callable[[], Participant | None]
    profile: MediaProfile


class Call:
    """Made by `Calls`. One task at a time may iterate over it."""

    def __init__(self, line: Line, *, by: Participant | None, media: Media) -> None:
        self.by: Final = by
        """Who rang us; None if we ring, or join."""
        self.media: Final = media
        """What the call began with: voice alone, or pictures too."""
        self._line = line
        self.incoming: Final = Incoming()
        self.outgoing: Final[Mapping[str, Outgoing]] = {
            "audio": Outgoing(AudioEncoder(line.profile), self._tap, self._source_ended),
            "video": Outgoing(VideoEncoder(line.profile), self._tap, self._source_ended),
        }
        self._events: deque[CallEvent] = deque()
        self._something = asyncio.Event()
        self._ended: events.Ended | None = None
        self._recorder: Recorder | None = None
        self._recording_began = 0.0
        self._lossy: dict[int, int] = {}
        self.incoming.on_audio(self._record)
        self.incoming.on_video(self._record)

    def __repr__(self) -> str:
        return f"<Call {'over' if self._ended else 'going on'}>"

    def __aiter__(self) -> Call:
        return self

    async def __anext__(self) -> CallEvent:
        while not self._events:
            if self._ended is not None:
                raise StopAsyncIteration
            self._something.clear()
            await self._something.wait()
        return self._events.popleft()

    @property
    def ended(self) -> events.Ended | None:
        """How it ended; None as long as it goes on."""
        return self._ended

    # --- what a person does ---------------------------------------------------------------------------------

    async def accept(self, tracks: Iterable[MediaStreamTrack] = ()) -> None:
        """Answer a call that rings, with what shall be heard and seen of us.

        Raises `CallNotPossible` if it rings no more, `CallsUnavailable`, and what `ice_servers` raises.
        """
        given = list(tracks)
        try:
            await self._line.prepare()
            self._perform(lambda session, now: session.accept(media_of(given), now))
        except BaseException:
            stop_all(given)
            raise
        self._take(given)

    async def decline(self) -> None:
        """Do not answer. Raises `CallNotPossible` if it rings no more."""
        self._perform(lambda session, now: session.decline(now))

    async def hang_up(self, reason: EndReason = EndReason.HUNG_UP) -> None:
        """Leave, whether it rings or goes on; nothing happens if it is over."""
        if self._ended is None:
            if reason is EndReason.NETWORK:
                self._perform(lambda session, now: session.hang_up(now, reason))
            else:
                self._perform(lambda session, now: session.leave(now))

    async def use(
        self, kind: str, track: MediaStreamTrack | None, reason: MediaReason = MediaReason.CHOSEN
    ) -> None:
        """Let this be heard ("audio") or seen ("video"), or nothing; the one before it is stopped.

        Raises `CallNotPossible` when the call is over or rings here; what was given is stopped then.
        """
        try:
            self._require_answered()
            if track is not None and track.kind != kind:
                raise CallNotPossible(f"a track of kind {track.kind} cannot be used for {kind}")
        except BaseException:
            stop_all([] if track is None else [track])
            raise
        self.outgoing[kind].use(track)
        self._say_media(reason)

    async def pause(self, kind: str, *, paused: bool = True) -> None:
        """Mute the microphone or switch the picture off, or on again. The others are told.

        Raises `CallNotPossible` when the call is over or rings here.
        """
        self._require_answered()
        self.outgoing[kind].is_paused = paused
        self._say_media(MediaReason.CHOSEN)

    async def network_changed(self) -> None:
        """This device has another network now: find another path, before the old one is seen to be dead."""
        self._perform(lambda session, now: session.network_changed(now))

    def on_audio(self, callback: OnAudio) -> None:
        """Call this with everybody's sound, 20 ms at a time; it runs in the event loop, and must be quick."""
        self.incoming.on_audio(callback)

    def on_video(self, callback: OnVideo) -> None:
        """Call this with everybody's pictures; it runs in the event loop, and must be quick."""
        self.incoming.on_video(callback)

    # --- recording ------------------------------------------------------------------------------------------

    async def ask_to_record(self) -> None:
        """Ask everybody in the call; `RecordingAllowed` comes when all have allowed it."""
        self._perform(lambda session, now: session.ask_recording(now))

    async def record(self, to: Recorder | Path) -> None:
        """Record everybody, ourselves too, until `stop_recording`, or until not all allow it any more.

        Raises `RecordingNotAllowed` unless everybody in the call has allowed it.
        """
        try:
            self._perform(lambda session, now: session.recording_started(now))
        except CallNotPossible as refused:
            raise RecordingNotAllowed("not everybody in the call has allowed it") from refused
        self._close_recorder()
        self._recording_began = time.monotonic()
        self._recorder = FolderRecorder(to) if isinstance(to, Path) else to

    async def stop_recording(self) -> None:
        """Close the recording, and say so. Who wants another has to ask again."""
        if self._recorder is not None:
            self._close_recorder()
            self._perform(lambda session, now: session.recording_stopped(now))

    async def withdraw_recording(self) -> None:
        """Nobody may record us any longer."""
        self._perform(lambda session, now: session.withdraw_recording(now))

    # --- used by Calls --------------------------------------------------------------------------------------

    def emit(self, event: CallEvent) -> None:
        """For whoever iterates; the end ends everything."""
        if self._ended is not None:
            return
        if isinstance(event, events.RecordingMustStop) and self._recorder is not None:
            # The others are told, or they would be shown a recording until the call ends.
            self._close_recorder()
            self._perform(lambda session, now: session.recording_stopped(now))
        if isinstance(event, events.Ended):
            self._ended = event
            self.stop()
        self._events.append(event)
        self._something.set()

    def measured(self, leaf: int, loss: float) -> None:
        """So much is lost on the way to this device. Where voices have to struggle, pictures give way."""
        self._lossy[leaf] = self._lossy.get(leaf, 0) + 1 if loss > _POOR else 0
        if self._lossy[leaf] >= _POOR_SECONDS and self.outgoing["video"].sends:
            self.outgoing["video"].use(None)
            self.emit(events.PicturesGaveWay())
            self._say_media(MediaReason.NETWORK)

    def begin(self, tracks: Iterable[MediaStreamTrack]) -> None:
        """We ring, or join, with these."""
        self._take(tracks)

    def stop(self) -> None:
        """Camera, microphone and ears off, at once."""
        self._close_recorder()
        self.incoming.stop()
        for one in self.outgoing.values():
            one.stop()

    # --- inside ---------------------------------------------------------------------------------------------

    def _take(self, tracks: Iterable[MediaStreamTrack]) -> None:
        for track in tracks:
            if self._ended is None:
                self.outgoing[track.kind].use(track)
            else:
                track.stop()

    def _perform(self, what: Input) -> None:
        # There may be another call by now, of which this is not said.
        self._require_going_on()
        self._line.perform(what)

    def _say_media(self, reason: MediaReason) -> None:
        media = Media(self.outgoing["audio"].sends, self.outgoing["video"].sends, False, reason)
        self._perform(lambda session, now: session.set_media(media, now))

    def _require_answered(self) -> None:
        # Of what is sent the others are told, and before `accept` they cannot be.
        self._perform(lambda session, now: session.set_media(session.media, now))

    def _require_going_on(self) -> None:
        if self._ended is not None:
            raise CallNotPossible("the call is over")

    def _source_ended(self) -> None:
        # A file was played to its end, or a device was taken away: the others shall not wait for it.
        if self._ended is None:
            self._say_media(MediaReason.CHOSEN)

    def _tap(self, frame: AudioFrame | VideoFrame) -> None:
        me = self._line.me()
        if me is not None:
            self._record(me, frame)

    def _record(self, participant: Participant, frame: AudioFrame | VideoFrame) -> None:
        recorder = self._recorder
        if recorder is None:
            return
        at = time.monotonic() - self._recording_began
        try:
            if isinstance(frame, AudioFrame):
                recorder.audio(participant, frame, at)
            else:
                recorder.video(participant, frame, at)
        except Exception as error:  # noqa: BLE001 -- a full disk ends the recording, not what people say
            _report(error)
            if self._recorder is recorder:
                self._close_recorder()
                self._perform(lambda session, now: session.recording_stopped(now))

    def _close_recorder(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        try:
            recorder.close()
        except Exception as error:  # noqa: BLE001 -- whoever leaves must not be kept in the call by it
            _report(error)


def _report(error: Exception) -> None:
    # A recorder that raises is the application's; it hears of it as of any other fault of its own.
    context = {"message": "a recorder of a call raised", "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)


def media_of(tracks: Iterable[MediaStreamTrack]) -> Media:
    """What these tracks make heard and seen."""
    kinds = {track.kind for track in tracks}
    return Media("audio" in kinds, "video" in kinds)


def stop_all(tracks: Iterable[MediaStreamTrack]) -> None:
    """None of these is heard or seen."""
    for track in tracks:
        track.stop()
