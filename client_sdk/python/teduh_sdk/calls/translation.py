"""What the state machine says by places in the group, to what an application is told by people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from teduh_signaling.call import actions

from teduh_sdk.calls import events
from teduh_sdk.group.room import Participant

AnswerRecording = Callable[[int, bool], Callable[[], Awaitable[None]]]
"""For a place in the group and yes or no: what says so."""


def translated(
    event: actions.CallEvent, people: Mapping[int, Participant], answer: AnswerRecording
) -> events.CallEvent | None:
    """The event for an application; None for what `Calls` tells in another way."""
    match event:
        case actions.Began():
            return events.Began()
        case actions.PeerJoined(peer, media):
            return events.PeerJoined(people[peer], media)
        case actions.PeerMedia(peer, media):
            return events.PeerMedia(people[peer], media)
        case actions.PeerLeft(peer, reason):
            return events.PeerLeft(people[peer], reason)
        case actions.PeerDeclined(peer, reason):
            return events.PeerDeclined(people[peer], reason)
        case actions.PeerConnected(peer):
            return events.PeerConnected(people[peer])
        case actions.PeerReconnecting(peer):
            return events.PeerReconnecting(people[peer])
        case actions.PeerUnreachable(peer):
            return events.PeerUnreachable(people[peer])
    return _of_recording(event, people, answer)


def _of_recording(
    event: actions.CallEvent, people: Mapping[int, Participant], answer: AnswerRecording
) -> events.CallEvent | None:
    match event:
        case actions.RecordingAsked(by):
            return events.RecordingAsked(people[by], answer(by, True), answer(by, False))
        case actions.RecordingAnswered(peer, granted):
            return events.RecordingAnswered(people[peer], granted)
        case actions.RecordingAllowed():
            return events.RecordingAllowed()
        case actions.RecordingMustStop(peer):
            return events.RecordingMustStop(people[peer])
        case actions.PeerRecording(peer, is_recording):
            return events.PeerRecording(people[peer], is_recording)
    return None
