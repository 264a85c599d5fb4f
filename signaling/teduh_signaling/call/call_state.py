"""Where one device stands with the calls of its conversation, and the steps from there.

What the others say is noted in `Participations`; `agree` then makes the call agree with it: who is seen in
our call becomes a peer, who is not seen there any more is closed, and who is alone has no call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from teduh_signaling.call import actions
from teduh_signaling.call.actions import Action, Send, StopMedia, Tell
from teduh_signaling.call.exceptions import CallNotAllowed
from teduh_signaling.call.messages import (
    MAX_CALL_MEMBERS,
    Addressed,
    AnyCallMessage,
    Cancel,
    Decline,
    EndReason,
    HangUp,
    Heartbeat,
    Join,
    Media,
    Phase,
    Present,
)
from teduh_signaling.call.participation import Participation, Participations
from teduh_signaling.call.peer import Ends, Peer
from teduh_signaling.call.recording import RecordingConsent
from teduh_signaling.call.timing import Timing
from teduh_signaling.call.transitions import CALL_TRANSITIONS, CallHappening, CallState


@dataclass(slots=True)
class Current:
    """The call that we are in, or that rings, here or there."""

    call: bytes
    joined: int
    media: Media
    by: int | None = None
    until: int | None = None
    """When it has rung long enough here."""
    awaited: dict[int, int] = field(default_factory=dict)
    """Whom we ring, and until when."""
    peers: dict[int, Peer] = field(default_factory=dict)
    unseen_since: dict[int, int] = field(default_factory=dict)
    """Whose heartbeats did not name us, and since when."""
    recording: RecordingConsent = field(default_factory=RecordingConsent)
    heartbeat_at: int | None = None
    has_begun: bool = False


@dataclass(frozen=True, slots=True)
class Rung:
    """The last ring for a call that we heard of, and why we do not come: said again if it rings on."""

    sent: int
    refused: EndReason | None
    until: int


@dataclass(slots=True)
class DeviceCallState:
    """See the module. Whatever is to be done is put into `out`."""

    own: int
    present: dict[int, str]
    can_restart_ice: bool
    timing: Timing
    state: CallState = CallState.IDLE
    current: Current | None = None
    is_busy: bool = False
    rung: dict[bytes, Rung] = field(default_factory=dict)
    """How we were rung for a call; remembered for a while."""
    left: dict[bytes, tuple[EndReason, int]] = field(default_factory=dict)
    """The calls that we left, why, and until when to remember."""
    early: list[tuple[int, int, Addressed]] = field(default_factory=list)
    """What overtook its sender's joining: sender, when it came, message."""
    heard_media: dict[int, int] = field(default_factory=dict)
    last_generation: dict[int, int] = field(default_factory=dict)
    out: list[Action] = field(default_factory=list)
    seen: Participations = field(init=False)
    last_sent: int = -1

    def __post_init__(self) -> None:
        self.seen = Participations(self.timing)

    def follow(self, happening: CallHappening) -> None:
        """Go where the table says; raises CallNotAllowed if it says nothing."""
        following = CALL_TRANSITIONS[self.state].get(happening)
        if following is None:
            raise CallNotAllowed(f"not while {self.state.value}: {happening.value}")
        self.state = following

    def enter(self, call: bytes, media: Media, now: int) -> None:
        """We are in `call` from now on."""
        current = Current(call, self.stamp(now), media)
        current.heartbeat_at = now + self.timing.heartbeat
        current.has_begun = True
        self.current = current
        self.left.pop(call, None)
        self.send(Join(call, now, current.joined, media, self.can_restart_ice))
        self.emit(actions.Began(call))
        self.agree(now)

    def end(self, reason: EndReason, by: int | None, now: int) -> None:
        """The state was changed already: close everything, and say so."""
        current = self.current
        assert current is not None
        self.current = None
        for leaf, peer in sorted(current.peers.items()):
            peer.close()
            self.last_generation[leaf] = peer.generation
        self.heard_media.clear()
        self.out.append(StopMedia())
        if current.by is None and reason is not EndReason.REMOVED:
            goodbye = HangUp if current.has_begun else Cancel
            self.send(goodbye(current.call, now, current.joined, reason))
        self.left[current.call] = reason, now + self.timing.ring + self.timing.old
        self.emit(actions.Ended(current.call, reason, by))

    def refuse(self, call: bytes, by: int, reason: EndReason, now: int, rung: int | None = None) -> None:
        """We do not come; `rung` is the ring that this answers, by default the one that is heard."""
        ringer = self.seen.of(by)
        joined = 0 if ringer is None else ringer.joined
        self.send(Decline(call, now, joined, reason))
        current = self.current
        if rung is None:
            rung = current.joined if current is not None else now
        self.note_ring(call, rung, reason, now)

    def note_ring(self, call: bytes, sent: int, refused: EndReason | None, now: int) -> None:
        """Remember how we were rung, and what we answered."""
        self.rung[call] = Rung(sent, refused, now + self.timing.ring + self.timing.old)

    def has_refused(self, call: bytes) -> bool:
        """Whether we said that we do not come."""
        known = self.rung.get(call)
        return known is not None and known.refused is not None

    def answer_again(self, call: bytes, by: int, now: int) -> None:
        """It rings on: our answer was lost, or is on its way."""
        known, ringer = self.rung.get(call), self.seen.of(by)
        is_ours = self.current is not None and self.current.call == call
        if known is not None and known.refused is not None and ringer is not None and not is_ours:
            self.send(Decline(call, now, ringer.joined, known.refused))

    def peer_in(self, call: bytes, sender: int, joined: int) -> Peer | None:
        """The peer that this part of `sender` in `call` is."""
        current = self.current
        peer = None if current is None or current.call != call else current.peers.get(sender)
        return peer if peer is not None and peer.ends.peer_joined == joined else None

    def send(self, message: AnyCallMessage, *, is_ephemeral: bool = False) -> None:
        """Put it out; the time is set when it leaves."""
        self.out.append(Send(message, is_ephemeral))

    def emit(self, event: actions.CallEvent) -> None:
        """Put it out for the application."""
        self.out.append(Tell(event))

    def stamp(self, now: int) -> int:
        """Our clock, but never the same time twice: others tell by it what was said later."""
        self.last_sent = max(now, self.last_sent + 1)
        return self.last_sent

    def stamped(self, action: Action, now: int) -> Action:
        """The action as it leaves: what is sent gets its time."""
        if not isinstance(action, Send):
            return action
        return Send(replace(action.message, sent=self.stamp(now)), action.is_ephemeral)

    # --- making the call agree with who is in it ------------------------------------------------------------

    def agree(self, now: int) -> None:
        """Make the call agree with who is seen in it."""
        current = self.current
        if current is None:
            return
        within = self.seen.within(current.call)
        if self.state is CallState.CALLING and within:
            self.follow(CallHappening.ANSWERED)
            current.has_begun = True
            self.emit(actions.Began(current.call))
        if self.state is CallState.IN_CALL:
            self._agree_on_peers(current, within, now)
        elif self.state is CallState.RINGING and not within and current.by is not None:
            self.follow(CallHappening.ALONE)
            self.current = None
            reason = self.seen.reason(current.by)
            self.emit(actions.Missed(current.call, current.by, reason))

    def _agree_on_peers(self, current: Current, within: Mapping[int, Participation], now: int) -> None:
        last: tuple[EndReason, int] | None = None
        for leaf, peer in list(current.peers.items()):
            one = within.get(leaf)
            if one is None or one.joined != peer.ends.peer_joined:
                reason = self.seen.reason(leaf) if one is None else EndReason.REPLACED
                self._part(current, leaf, reason)
                last = (reason, leaf)
        for leaf, one in within.items():
            if leaf not in current.peers:
                self._meet(current, leaf, one, now)
        if not current.peers and not current.awaited:
            self.follow(CallHappening.ALONE)
            reason, by = last or (EndReason.LOST, None)
            self.end(reason, by, now)
        elif not current.awaited and all(one.is_unreachable for one in current.peers.values()):
            self.follow(CallHappening.FAILED)
            self.end(EndReason.FAILED, None, now)

    def _meet(self, current: Current, leaf: int, one: Participation, now: int) -> None:
        current.awaited.pop(leaf, None)
        ends = Ends(current.call, self.own, current.joined, leaf, one.joined)
        restarts = self.can_restart_ice and one.can_restart_ice
        peer = Peer(ends, one.media, restarts, self.timing, self.out)
        peer.generation = self.last_generation.get(leaf, 0) if ends.we_offer else 0
        current.peers[leaf] = peer
        self.emit(actions.PeerJoined(leaf, one.media))
        peer.begin(now)
        early, self.early = self.early, []
        for sender, came, message in early:
            if sender == leaf and message.joined == one.joined:
                peer.receive(message, now)
            else:
                self.early.append((sender, came, message))

    def _part(self, current: Current, leaf: int, reason: EndReason) -> None:
        peer = current.peers.pop(leaf)
        current.unseen_since.pop(leaf, None)
        self.heard_media.pop(leaf, None)
        peer.close()
        self.last_generation[leaf] = peer.generation
        self.out += current.recording.gone(leaf)
        self.emit(actions.PeerLeft(leaf, reason))

    def no_longer_awaited(self, leaf: int, reason: EndReason, now: int) -> None:
        """Somebody whom we ring does not come."""
        current = self.current
        assert current is not None
        del current.awaited[leaf]
        self.emit(actions.PeerDeclined(leaf, reason))
        if self.state is CallState.CALLING and not current.awaited:
            self.follow(CallHappening.TIME_OUT if reason is EndReason.TIMED_OUT else CallHappening.ALONE)
            self.end(reason, leaf, now)

    # --- time -----------------------------------------------------------------------------------------------

    def time_out(self, current: Current, now: int) -> None:
        """Stop what has rung long enough."""
        if self.state is CallState.RINGING and current.until is not None and now >= current.until:
            assert current.by is not None
            self.follow(CallHappening.TIME_OUT)
            self.note_ring(current.call, current.joined, EndReason.TIMED_OUT, now)
            self.current = None
            self.emit(actions.Missed(current.call, current.by, EndReason.TIMED_OUT))
        for leaf, until in sorted(current.awaited.items()):
            if self.current is current and now >= until:
                self.no_longer_awaited(leaf, EndReason.TIMED_OUT, now)

    def beat(self, now: int) -> None:
        """Say that we are here, and how we see the call, when it is time."""
        current = self.current
        if current is None or current.heartbeat_at is None or now < current.heartbeat_at:
            return
        current.heartbeat_at = now + self.timing.heartbeat
        beat = Heartbeat(
            current.call,
            now,
            current.joined,
            Phase.CALLING if self.state is CallState.CALLING else Phase.IN_CALL,
            current.media,
            self.can_restart_ice,
            tuple(sorted(current.awaited))[:MAX_CALL_MEMBERS],
            tuple(
                Present(leaf, peer.ends.peer_joined)
                for leaf, peer in sorted(current.peers.items())[:MAX_CALL_MEMBERS]
            ),
            tuple(sorted(current.recording.granted_to)),
            current.recording.is_recording,
        )
        self.send(beat, is_ephemeral=True)

    def expire(self, now: int) -> None:
        """Forget what is past."""
        self.early = [one for one in self.early if now < one[1] + self.timing.old]
        for call, rung in list(self.rung.items()):
            if now >= rung.until:
                del self.rung[call]
        for call, (_, until) in list(self.left.items()):
            if now >= until:
                del self.left[call]

    def deadlines(self) -> Iterable[int]:
        """When something is due."""
        yield from self.seen.deadlines()
        current = self.current
        if current is None:
            return
        yield from current.awaited.values()
        yield from (time for time in (current.until, current.heartbeat_at) if time is not None)
        for peer in current.peers.values():
            yield from peer.deadlines
