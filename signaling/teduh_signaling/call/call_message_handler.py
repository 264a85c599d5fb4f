"""What it means that another device says something about a call."""

from __future__ import annotations

from typing import Final

from teduh_signaling.call import actions
from teduh_signaling.call.call_state import Current, DeviceCallState
from teduh_signaling.call.messages import (
    Addressed,
    AnyCallMessage,
    Cancel,
    Candidates,
    Decline,
    Description,
    EndReason,
    HangUp,
    Heartbeat,
    Join,
    Media,
    MediaState,
    Phase,
    Present,
    Recording,
    Renegotiate,
    Ring,
)
from teduh_signaling.call.peer import Peer
from teduh_signaling.call.transitions import CallHappening, CallState

_MOST_EARLY: Final = 32


class CallMessageHandler:
    """One device's ears."""

    def __init__(self, call_state: DeviceCallState) -> None:
        self._call_state = call_state
        self._heard_decline: dict[int, int] = {}

    def forget(self, leaf: int) -> None:
        """Another device may get this leaf."""
        self._heard_decline.pop(leaf, None)

    def hear(self, sender: int, message: AnyCallMessage, said: int, now: int) -> None:
        """It was said at `said`, by our clock."""
        match message:
            case Ring():
                self._call_state.seen.enters(sender, message, said)
                self._call_state.agree(now)
                self._hear_ring(sender, message, said, now)
            case Join():
                self._call_state.seen.enters(sender, message, said)
            case Heartbeat():
                self._hear_heartbeat(sender, message, said, now)
            case Cancel() | HangUp():
                self._hear_end(sender, message, now)
            case Decline():
                self._hear_decline(sender, message, now)
            case _:
                self._hear_in_call(sender, message, said, now)

    def _hear_end(self, sender: int, message: Cancel | HangUp, now: int) -> None:
        is_new = self._call_state.seen.leaves(sender, message.joined, message.reason, now)
        current = self._call_state.current
        if is_new and current is not None and message.call == current.call and sender in current.awaited:
            # It has come and gone before we heard that it came.
            self._call_state.no_longer_awaited(sender, message.reason, now)

    def _hear_ring(self, sender: int, ring: Ring, said: int, now: int) -> None:
        is_for_us = not ring.to or self._call_state.own in ring.to
        if not is_for_us or not self._call_state.seen.is_current(sender, ring.call, ring.joined):
            return
        known = self._call_state.rung.get(ring.call)
        if known is None or ring.sent > known.sent:
            self._be_rung(sender, ring.call, ring.media, ring.sent, said, now)
        else:
            self._call_state.answer_again(ring.call, sender, now)

    def _be_rung(self, by: int, call: bytes, media: Media, rung: int, said: int, now: int) -> None:
        current = self._call_state.current
        if current is not None and current.call == call:
            return
        is_mutual = current is not None and by in current.awaited
        if is_mutual and self._call_state.state is CallState.CALLING and self._goes_before_ours(by):
            self._yield_to(call, now)
        elif is_mutual:
            # It yields to us, as soon as it has heard our ring.
            return
        elif self._call_state.state in (CallState.CALLING, CallState.IN_CALL) or self._call_state.is_busy:
            self._call_state.refuse(call, by, EndReason.BUSY, now, rung)
        elif current is None or (current.by is not None and by < current.by):
            self._call_state.follow(CallHappening.RUNG)
            until = said + self._call_state.timing.ring
            self._call_state.note_ring(call, rung, None, now)
            self._call_state.current = Current(call, rung, media, by, until)
            self._call_state.emit(actions.Ringing(call, by, media))

    def _goes_before_ours(self, by: int) -> bool:
        ringer = self._call_state.seen.of(by)
        return by < self._call_state.own or (ringer is not None and ringer.phase is Phase.IN_CALL)

    def _yield_to(self, call: bytes, now: int) -> None:
        """We ring each other: what we rang with is what we answer with."""
        assert self._call_state.current is not None
        media, ours = self._call_state.current.media, self._call_state.current
        self._call_state.follow(CallHappening.YIELD)
        self._call_state.send(Cancel(ours.call, now, ours.joined, EndReason.REPLACED))
        self._call_state.enter(call, media, now)

    def _hear_heartbeat(self, sender: int, beat: Heartbeat, said: int, now: int) -> None:
        call_state, current = self._call_state, self._call_state.current
        sees_us = current is not None and Present(self._call_state.own, current.joined) in beat.peers
        self._correct(beat, now)
        if beat.phase is Phase.IN_CALL and self._call_state.seen.is_blind(sender, sees_us=sees_us):
            return
        if not self._call_state.seen.enters(sender, beat, said):
            return
        self._call_state.agree(now)
        if call_state.own in beat.awaited and beat.call not in call_state.left:
            if call_state.has_refused(beat.call):
                call_state.answer_again(beat.call, sender, now)
            else:
                self._be_rung(sender, beat.call, beat.media, beat.sent, said, now)
        peer, current = call_state.peer_in(beat.call, sender, beat.joined), call_state.current
        if peer is not None and current is not None:
            self._take_media(sender, peer, beat.media, beat.sent)
            call_state.out += current.recording.reported(sender, beat, call_state.own)
            self._note_sight(sender, now, sees_us=sees_us or beat.phase is Phase.CALLING)

    def _correct(self, beat: Heartbeat, now: int) -> None:
        """Whoever takes us for what we were before we left, or were reloaded, is told so."""
        current = self._call_state.current
        is_ours = current is not None and current.call == beat.call
        seen = [one.joined for one in beat.peers if one.leaf == self._call_state.own]
        if seen and not (is_ours and current is not None and max(seen) == current.joined):
            reason, _ = self._call_state.left.get(beat.call, (EndReason.REPLACED, 0))
            self._call_state.send(HangUp(beat.call, now, max(seen), reason))

    def _note_sight(self, sender: int, now: int, *, sees_us: bool) -> None:
        """Whoever is heard but does not hear us is not in a call with us."""
        assert self._call_state.current is not None
        unseen = self._call_state.current.unseen_since
        if sees_us:
            unseen.pop(sender, None)
        elif now - unseen.setdefault(sender, now) >= self._call_state.timing.silence:
            self._call_state.seen.does_not_see_us(sender, now)

    def _hear_decline(self, sender: int, message: Decline, now: int) -> None:
        current = self._call_state.current
        if message.sent <= self._heard_decline.get(sender, -1):
            return
        self._heard_decline[sender] = message.sent
        if current is not None and message.call == current.call and sender in current.awaited:
            self._call_state.no_longer_awaited(sender, message.reason, now)

    def _hear_in_call(self, sender: int, message: AnyCallMessage, said: int, now: int) -> None:
        if self._call_state.seen.is_current(sender, message.call, message.joined):
            self._call_state.seen.speaks(sender, said)
        current = self._call_state.current
        peer = self._call_state.peer_in(message.call, sender, message.joined)
        match message:
            case Description() | Candidates() | Renegotiate():
                self._hear_peer(sender, peer, message, now)
            case MediaState() if peer is not None:
                self._take_media(sender, peer, message.media, message.sent)
            case Recording() if peer is not None and current is not None:
                self._call_state.out += current.recording.receive(sender, message, self._call_state.own)
            case _:
                pass

    def _hear_peer(self, sender: int, peer: Peer | None, message: Addressed, now: int) -> None:
        current = self._call_state.current
        if current is None or (message.call, message.to) != (current.call, self._call_state.own):
            return
        if message.to_joined != current.joined or self._call_state.state is CallState.RINGING:
            return
        if peer is not None:
            peer.receive(message, now)
        else:
            # It was overtaken by what follows: its sender is not known to be in the call yet.
            self._call_state.early = [*self._call_state.early[-_MOST_EARLY + 1 :], (sender, now, message)]

    def _take_media(self, sender: int, peer: Peer, media: Media, sent: int) -> None:
        if sent <= self._call_state.heard_media.get(sender, -1):
            return
        self._call_state.heard_media[sender] = sent
        if media != peer.media:
            peer.media = media
            self._call_state.emit(actions.PeerMedia(sender, media))
