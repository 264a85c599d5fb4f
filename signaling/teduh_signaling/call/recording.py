"""Who in a call has allowed whom to record.

    ask ──> everybody's client asks its user ──> grant | refuse, any time, also later
                                                   │
          all who are in the call have granted ────┴──> may record; one refusal or one newcomer: must stop

Heartbeats repeat what was granted, so that a withdrawal that was lost stops a recording a few seconds later.
They grant nothing, and no later word counts as old for them: they come beside the log, where one member
could speak for another, and where one may overtake what was said before it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from teduh_signaling.call import actions
from teduh_signaling.call.actions import Action, Tell
from teduh_signaling.call.messages import Heartbeat, Recording, RecordingStep


@dataclass(slots=True)
class RecordingConsent:
    """One device's part in it, during one call. Leaves name devices."""

    has_asked: bool = False
    is_recording: bool = False
    granted_to: set[int] = field(default_factory=set)
    """Who may record us."""
    granted_by: set[int] = field(default_factory=set)
    """Who lets us record them."""
    recorders: set[int] = field(default_factory=set)
    """Who records now."""
    _was_allowed: bool = False
    _heard: dict[int, int] = field(default_factory=dict)
    _reported: dict[int, int] = field(default_factory=dict)
    """When each said last, of this, something in the log, and something by a heartbeat."""
    _without: dict[int, int] = field(default_factory=dict)
    """Of the latter, the last without a yes."""

    def is_allowed_by(self, others: Collection[int]) -> bool:
        """Whether all in the call have allowed us to record them."""
        return self.has_asked and bool(others) and set(others) <= self.granted_by

    def receive(self, sender: int, message: Recording, own: int) -> list[Action]:
        """Somebody in the call asks, answers, starts or stops."""
        if message.sent <= self._heard.get(sender, -1):
            return []
        self._heard[sender] = message.sent
        match message.step:
            case RecordingStep.ASK:
                # An earlier yes was to an earlier question.
                self.granted_to.discard(sender)
                return [Tell(actions.RecordingAsked(sender))]
            case RecordingStep.GRANT if message.to == own:
                # It has been taken back since where a heartbeat that overtook it knows nothing of it.
                is_yes = message.sent > self._without.get(sender, -1)
                return self._answered(sender, granted=True) if is_yes else []
            case RecordingStep.REFUSE if message.to == own:
                return self._answered(sender, granted=False)
            case RecordingStep.STARTED | RecordingStep.STOPPED:
                return self._sees(sender, is_recording=message.step is RecordingStep.STARTED)
        return []

    def reported(self, sender: int, beat: Heartbeat, own: int) -> list[Action]:
        """What a heartbeat says of it."""
        if beat.sent <= max(self._heard.get(sender, -1), self._reported.get(sender, -1)):
            return []
        self._reported[sender] = beat.sent
        if own not in beat.grants:
            self._without[sender] = beat.sent
        happened = self._sees(sender, is_recording=beat.is_recording)
        # Any member could have made it in the sender's name: it takes a yes back, and gives none.
        if self.has_asked and own not in beat.grants and sender in self.granted_by:
            happened += self._answered(sender, granted=False)
        return happened

    def gone(self, peer: int) -> list[Action]:
        """Somebody is no longer in the call; whoever comes back is asked anew."""
        self.granted_to.discard(peer)
        self.granted_by.discard(peer)
        for said in (self._heard, self._reported, self._without):
            said.pop(peer, None)
        return self._sees(peer, is_recording=False)

    def look(self, others: Collection[int]) -> list[Action]:
        """Whether the answer to "may we record?" has changed, with these others in the call."""
        is_allowed = self.is_allowed_by(others)
        was_allowed, self._was_allowed = self._was_allowed, is_allowed
        if is_allowed and not was_allowed:
            return [Tell(actions.RecordingAllowed())]
        if was_allowed and not is_allowed and others:
            missing = min(set(others) - self.granted_by, default=min(others))
            return [Tell(actions.RecordingMustStop(missing))]
        return []

    def _answered(self, peer: int, *, granted: bool) -> list[Action]:
        if granted:
            self.granted_by.add(peer)
        else:
            self.granted_by.discard(peer)
        return [Tell(actions.RecordingAnswered(peer, granted))]

    def _sees(self, peer: int, *, is_recording: bool) -> list[Action]:
        if is_recording is (peer in self.recorders):
            return []
        if is_recording:
            self.recorders.add(peer)
        else:
            self.recorders.discard(peer)
            # Whoever has stopped has to ask again.
            self.granted_to.discard(peer)
        return [Tell(actions.PeerRecording(peer, is_recording))]
