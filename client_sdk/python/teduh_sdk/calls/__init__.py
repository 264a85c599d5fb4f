"""Calls: voice and video by aiortc.

    conversation.call(tracks=[...]), conversation.calls ──> Calls ──> Call: events, on_audio, on_video, record

An extra, `teduh-sdk[calls]`: who only writes needs none of it, and nothing here is imported before
`Conversation.calls` is asked for.
"""

from aiortc import MediaStreamTrack
from teduh_signaling.call.messages import EndReason, Media, MediaReason

from teduh_sdk.calls import events
from teduh_sdk.calls.call import Call
from teduh_sdk.calls.calls import Calls
from teduh_sdk.calls.recording import FolderRecorder, Recorder
from teduh_sdk.calls.route import RouteTest
from teduh_sdk.calls.settings import LOW_BANDWIDTH, STANDARD, CallSettings, MediaProfile

__all__ = [
    "LOW_BANDWIDTH",
    "STANDARD",
    "Call",
    "CallSettings",
    "Calls",
    "EndReason",
    "FolderRecorder",
    "Media",
    "MediaProfile",
    "MediaReason",
    "MediaStreamTrack",
    "Recorder",
    "RouteTest",
    "events",
]
