"""One device's part in the calls of one conversation, without I/O.

      ring, accept, hang_up ...      receive      tick, members      local_description, peer_failed ...
                 │                      │              │                          │
                 v                      v              v                          v
        ┌── state of the call <── Participations: who is in which call ──> one Peer each ──┐
        └──────────────────────────────┬───────────────────────────────────────────────────┘
                                       v
                        actions: Send, CreateOffer, ClosePeer, Tell ...

What the others say is first noted in `Participations`; then the call is made to agree with it (`_agree`): who
is seen in our call becomes a peer, who is not seen there any more is closed, and who is alone has no call. So
it does not matter by which message something became known, nor in which order, and a heartbeat can stand for
whatever was lost.

Time is passed in, in milliseconds since 1970. The session chooses nothing at random but the id of a call,
which is passed in as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from teduh_signaling.call import actions
from teduh_signaling.call.actions import Action, Send, StopMedia, Tell
from teduh_signaling.call.exceptions import CallNotAllowed
from teduh_signaling.call.freshness import Freshness
from teduh_signaling.call.messages import (
    MAX_MEMBERS,
    Addressed,
    AnyCallMessage,
    Cancel,
    Candidate,
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
    RecordingStep,
    Renegotiate,
    Ring,
)
from teduh_signaling.call.participation import Participation, Participations
from teduh_signaling.call.peer import Ends, Peer
from teduh_signaling.call.recording import RecordingConsent
from teduh_signaling.call.timing import Timing
from teduh_signaling.call.transitions import CALL_TRANSITIONS, CallHappening, CallState, PeerState

SILENT: Final = Media(audio=False, video=False)
"""Nothing is sent."""
_MOST_EARLY: Final = 32


def _view(leaf: int, peer: Peer) -> PeerView:
    ends = peer.ends
    return PeerView(
        leaf,
        ends.peer_joined,
        peer.generation,
        peer.state,
        peer.is_connected,
        peer.is_unreachable,
        peer.media,
    )


@dataclass(frozen=True, slots=True)
class PeerView:
    """One other device in the call, as an application may show it."""

    leaf: int
    joined: int
    generation: int
    state: PeerState
    is_connected: bool
    is_unreachable: bool
    media: Media


@dataclass(frozen=True, slots=True)
class RunningCall:
    """A call of others that we can join."""

    call: bytes
    members: tuple[int, ...]


@dataclass(slots=True)
class _Current:
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
class _Answered:
    """What was answered to a ring; said again when it rings on."""

    rung: int
    reason: EndReason
    until: int


class CallSession:
    """See the module. All inputs return what is to be done, in order.

    `own` is our leaf, `present` who is in the room: the key of the device at each leaf, ours among them.
    """

    def __init__(
        self,
        own: int,
        present: Mapping[int, str],
        *,
        new_call_id: Callable[[], bytes],
        can_restart_ice: bool = False,
        timing: Timing | None = None,
    ) -> None:
        self._own = own
        self._present = dict(present)
        self._new_call_id = new_call_id
        self._can_restart_ice = can_restart_ice
        self._timing = timing or Timing()
        self._seen = Participations(self._timing)
        self._freshness = Freshness()
        self._state = CallState.IDLE
        self._current: _Current | None = None
        self._running: RunningCall | None = None
        self._is_busy = False
        self._last_sent = -1
        self._answered: dict[bytes, _Answered] = {}
        self._left: dict[bytes, tuple[EndReason, int]] = {}
        self._heard_decline: dict[int, int] = {}
        self._heard_media: dict[int, int] = {}
        self._last_generation: dict[int, int] = {}
        self._early: list[tuple[int, int, Addressed]] = []
        self._out: list[Action] = []

    # --- what it is -----------------------------------------------------------------------------------------

    @property
    def state(self) -> CallState:
        """Where we stand."""
        return self._state

    @property
    def call(self) -> bytes | None:
        """The call that we are in, or that rings."""
        return None if self._current is None else self._current.call

    @property
    def media(self) -> Media:
        """What we send."""
        return SILENT if self._current is None else self._current.media

    @property
    def peers(self) -> tuple[PeerView, ...]:
        """The others in our call."""
        peers = {} if self._current is None else self._current.peers
        return tuple(_view(leaf, peer) for leaf, peer in sorted(peers.items()))

    @property
    def awaited(self) -> tuple[int, ...]:
        """Whom we ring."""
        return () if self._current is None else tuple(sorted(self._current.awaited))

    @property
    def running(self) -> RunningCall | None:
        """A call of others that we can join, as long as we are in none."""
        return self._running

    @property
    def may_record(self) -> bool:
        """Whether everybody in the call has allowed us to record."""
        if self._state is not CallState.IN_CALL or self._current is None:
            return False
        return self._current.recording.is_allowed_by(self._current.peers)

    @property
    def next_timer(self) -> int | None:
        """When to call `tick`."""
        return min(self._deadlines(), default=None)

    # --- what the user does ---------------------------------------------------------------------------------

    def ring(self, media: Media, now: int, to: Collection[int] = ()) -> list[Action]:
        """Call everybody in the room, or `to`; in a call: ring somebody (again). Raises CallNotAllowed."""
        others = set(self._present) - {self._own}
        whom = sorted(others & set(to) if to else others)
        if self._current is not None:
            whom = [leaf for leaf in whom if leaf not in self._current.peers]
        if not whom:
            raise CallNotAllowed("there is nobody to call")
        self._follow(CallHappening.RING)
        if self._current is None:
            self._current = _Current(self._new_call_id(), self._stamp(now), media)
            self._current.heartbeat_at = now + self._timing.heartbeat
            self._tell(actions.Calling(self._current.call, media))
        self._current.awaited |= dict.fromkeys(whom, now + self._timing.ring)
        current = self._current
        ring = Ring(current.call, now, current.joined, current.media, tuple(whom), self._can_restart_ice)
        self._send(ring)
        return self._done(now)

    def accept(self, media: Media, now: int) -> list[Action]:
        """Answer the ring. Raises CallNotAllowed."""
        self._follow(CallHappening.ACCEPT)
        assert self._current is not None
        self._enter(self._current.call, media, now)
        return self._done(now)

    def join(self, media: Media, now: int) -> list[Action]:
        """Go into the call that is running in the room. Raises CallNotAllowed."""
        if self._running is None:
            raise CallNotAllowed("no call is running")
        self._follow(CallHappening.JOIN)
        self._enter(self._running.call, media, now)
        return self._done(now)

    def decline(self, now: int) -> list[Action]:
        """Do not answer the ring. Raises CallNotAllowed."""
        self._follow(CallHappening.DECLINE)
        current = self._current
        assert current is not None
        assert current.by is not None
        self._refuse(current.call, current.by, EndReason.DECLINED, now)
        self._current = None
        self._tell(actions.Ended(current.call, EndReason.DECLINED))
        return self._done(now)

    def cancel(self, now: int) -> list[Action]:
        """Ring no longer. Raises CallNotAllowed."""
        self._follow(CallHappening.CANCEL)
        self._end(EndReason.CANCELLED, None, now)
        return self._done(now)

    def hang_up(self, now: int, reason: EndReason = EndReason.HUNG_UP) -> list[Action]:
        """Leave the call. Raises CallNotAllowed."""
        self._follow(CallHappening.HANG_UP)
        self._end(reason, None, now)
        return self._done(now)

    def leave(self, now: int) -> list[Action]:
        """Decline, cancel or hang up, whichever it takes."""
        match self._state:
            case CallState.RINGING:
                return self.decline(now)
            case CallState.CALLING:
                return self.cancel(now)
            case CallState.IN_CALL:
                return self.hang_up(now)
        return []

    def set_media(self, media: Media, now: int) -> list[Action]:
        """What we send has changed. Raises CallNotAllowed."""
        current = self._require_call()
        if media != current.media:
            current.media = media
            self._send(MediaState(current.call, now, current.joined, media))
        return self._done(now)

    def set_busy(self, is_busy: bool) -> None:
        """Whether rings are answered by *busy*, for there is a call in another conversation."""
        self._is_busy = is_busy

    # --- recording ------------------------------------------------------------------------------------------

    @property
    def _recording(self) -> RecordingConsent:
        if self._state is not CallState.IN_CALL or self._current is None:
            raise CallNotAllowed("there is no call")
        return self._current.recording

    def ask_recording(self, now: int) -> list[Action]:
        """Ask everybody in the call whether we may record it. Raises CallNotAllowed."""
        self._recording.has_asked = True
        self._say_of_recording(RecordingStep.ASK, None, now)
        return self._done(now)

    def answer_recording(self, peer: int, granted: bool, now: int) -> list[Action]:
        """Let `peer` record us, or not, or no longer. Raises CallNotAllowed."""
        consent = self._recording
        if granted and (self._current is None or peer not in self._current.peers):
            raise CallNotAllowed("not in the call")
        if granted:
            consent.granted_to.add(peer)
        else:
            consent.granted_to.discard(peer)
        step = RecordingStep.GRANT if granted else RecordingStep.REFUSE
        self._say_of_recording(step, peer, now)
        return self._done(now)

    def withdraw_recording(self, now: int, peer: int | None = None) -> list[Action]:
        """Nobody, or `peer`, may record us any longer. Raises CallNotAllowed."""
        whom = sorted(self._recording.granted_to) if peer is None else [peer]
        return [action for one in whom for action in self.answer_recording(one, False, now)]

    def recording_started(self, now: int) -> list[Action]:
        """We record: the others show it. Raises CallNotAllowed unless `may_record`."""
        if not self.may_record:
            raise CallNotAllowed("not everybody has allowed it")
        self._recording.is_recording = True
        self._say_of_recording(RecordingStep.STARTED, None, now)
        return self._done(now)

    def recording_stopped(self, now: int) -> list[Action]:
        """We record no longer, and would have to ask again."""
        if self._state is not CallState.IN_CALL or not self._recording.has_asked:
            return []
        self._recording.is_recording = self._recording.has_asked = False
        self._recording.granted_by.clear()
        self._say_of_recording(RecordingStep.STOPPED, None, now)
        return self._done(now)

    # --- our own WebRTC -------------------------------------------------------------------------------------

    def local_description(
        self,
        peer: int,
        generation: int,
        revision: int,
        sdp: str,
        candidates: Iterable[Candidate],
        now: int,
    ) -> list[Action]:
        """The offer or answer that was asked for, with the candidates that are known already."""
        for one in self._peer(peer):
            one.local_description(generation, revision, sdp, tuple(candidates), now)
        return self._done(now)

    def local_candidates(
        self, peer: int, generation: int, revision: int, candidates: Iterable[Candidate], now: int
    ) -> list[Action]:
        """More candidates; what comes close together is sent together."""
        for one in self._peer(peer):
            one.local_candidates(generation, revision, tuple(candidates), now)
        return self._done(now)

    def peer_connected(self, peer: int, generation: int, now: int) -> list[Action]:
        """The connection stands."""
        for one in self._peer(peer):
            one.connected(generation)
        return self._done(now)

    def peer_failed(self, peer: int, generation: int, now: int) -> list[Action]:
        """The connection broke: another is made."""
        for one in self._peer(peer):
            one.failed(generation, now)
        return self._done(now)

    def network_changed(self, now: int) -> list[Action]:
        """Every connection needs another path."""
        for one in self._all_peers():
            one.network_changed(now)
        return self._done(now)

    def renegotiate(self, now: int, peer: int | None = None) -> list[Action]:
        """Something was added that needs an offer: to `peer`, or to everybody."""
        for one in self._all_peers() if peer is None else self._peer(peer):
            one.negotiate(now)
        return self._done(now)

    # --- the room and the time ------------------------------------------------------------------------------

    def members(self, own: int, present: Mapping[int, str], now: int) -> list[Action]:
        """Who is in the room now. Whoever was removed loses its connections at once."""
        before, self._present = self._present, dict(present)
        gone = [leaf for leaf, key in before.items() if present.get(leaf) != key]
        is_out = own != self._own or self._own in gone or self._own not in present
        self._own = own
        for leaf in gone:
            self._seen.remove(leaf)
            self._freshness.forget(leaf)
            self._heard_decline.pop(leaf, None)
            if self._current is not None and leaf in self._current.awaited:
                self._no_longer_awaited(leaf, EndReason.REMOVED, now)
        if is_out and self._current is not None:
            self._follow(CallHappening.REMOVED)
            self._end(EndReason.REMOVED, None, now)
        return self._done(now)

    def tick(self, now: int) -> list[Action]:
        """Do what is due."""
        self._seen.expire(now)
        self._expire(now)
        current = self._current
        if current is not None:
            self._time_out(current, now)
        for one in self._all_peers():
            one.tick(now)
        self._agree(now)
        self._beat(now)
        return self._done(now)

    # --- what others say ------------------------------------------------------------------------------------

    def receive(self, sender: int, message: AnyCallMessage, now: int, is_live: bool = True) -> list[Action]:
        """Somebody's device said this; `is_live` unless it waited in the log while we were away."""
        if sender == self._own or sender not in self._present:
            return []
        age = self._freshness.age(sender, message.sent, now, is_live=is_live)
        if age >= (self._timing.silence if isinstance(message, Heartbeat) else self._timing.old):
            return []
        self._take(sender, message, now - age, now)
        return self._done(now)

    def _take(self, sender: int, message: AnyCallMessage, said: int, now: int) -> None:
        match message:
            case Ring():
                self._seen.enters(sender, message, said)
                self._agree(now)
                self._hear_ring(sender, message, said, now)
            case Join():
                self._seen.enters(sender, message, said)
            case Heartbeat():
                self._hear_heartbeat(sender, message, said, now)
            case Cancel() | HangUp():
                self._seen.leaves(sender, message.joined, message.reason, now)
            case Decline():
                self._hear_decline(sender, message, now)
            case _:
                self._hear_in_call(sender, message, said, now)

    def _hear_ring(self, sender: int, ring: Ring, said: int, now: int) -> None:
        is_for_us = not ring.to or self._own in ring.to
        if not is_for_us or not self._seen.is_current(sender, ring.call, ring.joined):
            return
        answered = self._answered.get(ring.call)
        if answered is None or ring.sent > answered.rung:
            self._be_rung(sender, ring.call, ring.media, ring.sent, said, now)
        else:
            self._answer_again(ring.call, sender, now)

    def _be_rung(self, by: int, call: bytes, media: Media, rung: int, said: int, now: int) -> None:
        current = self._current
        if current is not None and current.call == call:
            return
        is_mutual = current is not None and by in current.awaited
        if is_mutual and self._state is CallState.CALLING and self._goes_before_ours(by):
            self._yield_to(call, now)
        elif is_mutual:
            # It yields to us, as soon as it has heard our ring.
            return
        elif self._state in (CallState.CALLING, CallState.IN_CALL) or self._is_busy:
            self._refuse(call, by, EndReason.BUSY, now, rung)
        elif current is None or (current.by is not None and by < current.by):
            self._follow(CallHappening.RUNG)
            until = said + self._timing.ring
            self._answered.pop(call, None)
            self._current = _Current(call, rung, media, by, until)
            self._tell(actions.Ringing(call, by, media))

    def _goes_before_ours(self, by: int) -> bool:
        ringer = self._seen.of(by)
        return by < self._own or (ringer is not None and ringer.phase is Phase.IN_CALL)

    def _yield_to(self, call: bytes, now: int) -> None:
        """We ring each other: what we rang with is what we answer with."""
        assert self._current is not None
        media, ours = self._current.media, self._current
        self._follow(CallHappening.YIELD)
        self._send(Cancel(ours.call, now, ours.joined, EndReason.REPLACED))
        self._enter(call, media, now)

    def _hear_heartbeat(self, sender: int, beat: Heartbeat, said: int, now: int) -> None:
        current = self._current
        sees_us = current is not None and Present(self._own, current.joined) in beat.peers
        self._correct(beat, now)
        if beat.phase is Phase.IN_CALL and self._seen.is_blind(sender, sees_us=sees_us):
            return
        if not self._seen.enters(sender, beat, said):
            return
        self._agree(now)
        if self._own in beat.awaited:
            if beat.call in self._answered:
                self._answer_again(beat.call, sender, now)
            else:
                self._be_rung(sender, beat.call, beat.media, beat.sent, said, now)
        peer = self._peer_in(beat.call, sender, beat.joined)
        if peer is not None:
            self._take_media(sender, peer, beat.media, beat.sent)
            self._out += self._recording.reported(sender, beat, self._own)
            self._note_sight(sender, now, sees_us=sees_us or beat.phase is Phase.CALLING)

    def _correct(self, beat: Heartbeat, now: int) -> None:
        """Whoever takes us for what we were before we left, or were reloaded, is told so."""
        current = self._current
        for one in beat.peers:
            is_now = current is not None and (beat.call, one.joined) == (current.call, current.joined)
            if one.leaf == self._own and not is_now:
                reason, _ = self._left.get(beat.call, (EndReason.REPLACED, 0))
                self._send(HangUp(beat.call, now, one.joined, reason))

    def _note_sight(self, sender: int, now: int, *, sees_us: bool) -> None:
        """Whoever is heard but does not hear us is not in a call with us."""
        assert self._current is not None
        unseen = self._current.unseen_since
        if sees_us:
            unseen.pop(sender, None)
        elif now - unseen.setdefault(sender, now) >= self._timing.silence:
            self._seen.does_not_see_us(sender, now)

    def _hear_decline(self, sender: int, message: Decline, now: int) -> None:
        current = self._current
        if message.sent <= self._heard_decline.get(sender, -1):
            return
        self._heard_decline[sender] = message.sent
        if current is not None and message.call == current.call and sender in current.awaited:
            self._no_longer_awaited(sender, message.reason, now)

    def _hear_in_call(self, sender: int, message: AnyCallMessage, said: int, now: int) -> None:
        if self._seen.is_current(sender, message.call, message.joined):
            self._seen.speaks(sender, said)
        peer = self._peer_in(message.call, sender, message.joined)
        match message:
            case Description() | Candidates() | Renegotiate():
                self._hear_peer(sender, peer, message, now)
            case MediaState() if peer is not None:
                self._take_media(sender, peer, message.media, message.sent)
            case Recording() if peer is not None:
                self._out += self._recording.receive(sender, message, self._own)
            case _:
                pass

    def _hear_peer(self, sender: int, peer: Peer | None, message: Addressed, now: int) -> None:
        current = self._current
        if current is None or (message.call, message.to) != (current.call, self._own):
            return
        if message.to_joined != current.joined or self._state is CallState.RINGING:
            return
        if peer is not None:
            peer.receive(message, now)
        else:
            # It was overtaken by what follows: its sender is not known to be in the call yet.
            self._early = [*self._early[-_MOST_EARLY + 1 :], (sender, now, message)]

    def _take_media(self, sender: int, peer: Peer, media: Media, sent: int) -> None:
        if sent <= self._heard_media.get(sender, -1):
            return
        self._heard_media[sender] = sent
        if media != peer.media:
            peer.media = media
            self._tell(actions.PeerMedia(sender, media))

    # --- making the call agree with who is in it ------------------------------------------------------------

    def _agree(self, now: int) -> None:
        current = self._current
        if current is None:
            return
        within = self._seen.within(current.call)
        if self._state is CallState.CALLING and within:
            self._follow(CallHappening.ANSWERED)
            current.has_begun = True
            self._tell(actions.Began(current.call))
        if self._state is CallState.IN_CALL:
            self._agree_on_peers(current, within, now)
        elif self._state is CallState.RINGING and not within and current.by is not None:
            self._follow(CallHappening.ALONE)
            self._current = None
            reason = self._seen.reason(current.by)
            self._tell(actions.Missed(current.call, current.by, reason))

    def _agree_on_peers(self, current: _Current, within: Mapping[int, Participation], now: int) -> None:
        last: tuple[EndReason, int] | None = None
        for leaf, peer in list(current.peers.items()):
            one = within.get(leaf)
            if one is None or one.joined != peer.ends.peer_joined:
                reason = self._seen.reason(leaf) if one is None else EndReason.REPLACED
                self._part(current, leaf, reason)
                last = (reason, leaf)
        for leaf, one in within.items():
            if leaf not in current.peers:
                self._meet(current, leaf, one, now)
        if not current.peers and not current.awaited:
            self._follow(CallHappening.ALONE)
            reason, by = last or (EndReason.LOST, None)
            self._end(reason, by, now)
        elif not current.awaited and all(one.is_unreachable for one in current.peers.values()):
            self._follow(CallHappening.FAILED)
            self._end(EndReason.FAILED, None, now)

    def _meet(self, current: _Current, leaf: int, one: Participation, now: int) -> None:
        current.awaited.pop(leaf, None)
        ends = Ends(current.call, self._own, current.joined, leaf, one.joined)
        restarts = self._can_restart_ice and one.can_restart_ice
        peer = Peer(ends, one.media, restarts, self._timing, self._out)
        peer.generation = self._last_generation.get(leaf, 0) if ends.we_offer else 0
        current.peers[leaf] = peer
        self._tell(actions.PeerJoined(leaf, one.media))
        peer.begin(now)
        early, self._early = self._early, []
        for sender, came, message in early:
            if sender == leaf and message.joined == one.joined:
                peer.receive(message, now)
            else:
                self._early.append((sender, came, message))

    def _part(self, current: _Current, leaf: int, reason: EndReason) -> None:
        peer = current.peers.pop(leaf)
        current.unseen_since.pop(leaf, None)
        self._heard_media.pop(leaf, None)
        peer.close()
        self._last_generation[leaf] = peer.generation
        self._out += current.recording.gone(leaf)
        self._tell(actions.PeerLeft(leaf, reason))

    def _no_longer_awaited(self, leaf: int, reason: EndReason, now: int) -> None:
        current = self._current
        assert current is not None
        del current.awaited[leaf]
        self._tell(actions.PeerDeclined(leaf, reason))
        if self._state is CallState.CALLING and not current.awaited:
            self._follow(CallHappening.TIME_OUT if reason is EndReason.TIMED_OUT else CallHappening.ALONE)
            self._end(reason, leaf, now)

    # --- time -----------------------------------------------------------------------------------------------

    def _time_out(self, current: _Current, now: int) -> None:
        if self._state is CallState.RINGING and current.until is not None and now >= current.until:
            assert current.by is not None
            self._follow(CallHappening.TIME_OUT)
            self._note_answer(current.call, current.joined, EndReason.TIMED_OUT, now)
            self._current = None
            self._tell(actions.Missed(current.call, current.by, EndReason.TIMED_OUT))
        for leaf, until in sorted(current.awaited.items()):
            if self._current is current and now >= until:
                self._no_longer_awaited(leaf, EndReason.TIMED_OUT, now)

    def _beat(self, now: int) -> None:
        current = self._current
        if current is None or current.heartbeat_at is None or now < current.heartbeat_at:
            return
        current.heartbeat_at = now + self._timing.heartbeat
        beat = Heartbeat(
            current.call,
            now,
            current.joined,
            Phase.CALLING if self._state is CallState.CALLING else Phase.IN_CALL,
            current.media,
            self._can_restart_ice,
            self.awaited[:MAX_MEMBERS],
            tuple(
                Present(leaf, peer.ends.peer_joined)
                for leaf, peer in sorted(current.peers.items())[:MAX_MEMBERS]
            ),
            tuple(sorted(current.recording.granted_to)),
            current.recording.is_recording,
        )
        self._send(beat, is_ephemeral=True)

    def _expire(self, now: int) -> None:
        self._early = [one for one in self._early if now < one[1] + self._timing.old]
        for call, answered in list(self._answered.items()):
            if now >= answered.until:
                del self._answered[call]
        for call, (_, until) in list(self._left.items()):
            if now >= until:
                del self._left[call]

    def _deadlines(self) -> Iterable[int]:
        yield from self._seen.deadlines()
        current = self._current
        if current is None:
            return
        yield from current.awaited.values()
        yield from (time for time in (current.until, current.heartbeat_at) if time is not None)
        for peer in current.peers.values():
            yield from peer.deadlines

    # --- steps ----------------------------------------------------------------------------------------------

    def _done(self, now: int) -> list[Action]:
        self._agree(now)
        if self._state is CallState.IN_CALL:
            assert self._current is not None
            self._out += self._current.recording.look(self._current.peers)
        self._look_for_calls()
        out = [self._stamped(action, now) for action in self._out]
        # Peers hold on to this very list.
        self._out.clear()
        return out

    def _stamped(self, action: Action, now: int) -> Action:
        if not isinstance(action, Send):
            return action
        return Send(replace(action.message, sent=self._stamp(now)), action.is_ephemeral)

    def _look_for_calls(self) -> None:
        """Whether there is a call that we can join, as long as we are in none."""
        before, self._running = self._running, None
        if self._state is not CallState.IDLE:
            return
        for call in self._seen.calls():
            members = tuple(self._seen.within(call))
            # One who is alone in the call that we have left is about to notice.
            if len(members) > 1 or call not in self._left:
                self._running = RunningCall(call, members)
                break
        if self._running is not None and self._running != before:
            self._tell(actions.Running(self._running.call, self._running.members))
        elif self._running is None and before is not None:
            self._tell(actions.Running(before.call, ()))

    def _follow(self, happening: CallHappening) -> None:
        following = CALL_TRANSITIONS[self._state].get(happening)
        if following is None:
            raise CallNotAllowed(f"not while {self._state.value}: {happening.value}")
        self._state = following

    def _enter(self, call: bytes, media: Media, now: int) -> None:
        """We are in `call` from now on."""
        current = _Current(call, self._stamp(now), media)
        current.heartbeat_at = now + self._timing.heartbeat
        current.has_begun = True
        self._current = current
        self._answered.pop(call, None)
        self._left.pop(call, None)
        self._send(Join(call, now, current.joined, media, self._can_restart_ice))
        self._tell(actions.Began(call))
        self._agree(now)

    def _end(self, reason: EndReason, by: int | None, now: int) -> None:
        """The state was changed already: close everything, and say so."""
        current = self._current
        assert current is not None
        self._current = None
        for leaf, peer in sorted(current.peers.items()):
            peer.close()
            self._last_generation[leaf] = peer.generation
        self._heard_media.clear()
        self._out.append(StopMedia())
        if current.by is None and reason is not EndReason.REMOVED:
            goodbye = HangUp if current.has_begun else Cancel
            self._send(goodbye(current.call, now, current.joined, reason))
        self._left[current.call] = reason, now + self._timing.ring + self._timing.old
        self._tell(actions.Ended(current.call, reason, by))

    def _refuse(self, call: bytes, by: int, reason: EndReason, now: int, rung: int | None = None) -> None:
        ringer = self._seen.of(by)
        joined = 0 if ringer is None else ringer.joined
        self._send(Decline(call, now, joined, reason))
        current = self._current
        if rung is None:
            rung = current.joined if current is not None else now
        self._note_answer(call, rung, reason, now)

    def _note_answer(self, call: bytes, rung: int, reason: EndReason, now: int) -> None:
        self._answered[call] = _Answered(rung, reason, now + self._timing.ring + self._timing.old)

    def _answer_again(self, call: bytes, by: int, now: int) -> None:
        current = self._current
        if current is not None and current.call == call:
            return
        ringer = self._seen.of(by)
        if ringer is not None:
            self._send(Decline(call, now, ringer.joined, self._answered[call].reason))

    def _say_of_recording(self, step: RecordingStep, to: int | None, now: int) -> None:
        current = self._require_call()
        self._send(Recording(current.call, now, current.joined, step, to))

    def _require_call(self) -> _Current:
        if self._current is None or self._state is CallState.RINGING:
            raise CallNotAllowed("there is no call")
        return self._current

    def _peer_in(self, call: bytes, sender: int, joined: int) -> Peer | None:
        current = self._current
        peer = None if current is None or current.call != call else current.peers.get(sender)
        return peer if peer is not None and peer.ends.peer_joined == joined else None

    def _peer(self, leaf: int) -> tuple[Peer, ...]:
        peer = None if self._current is None else self._current.peers.get(leaf)
        return () if peer is None else (peer,)

    def _all_peers(self) -> tuple[Peer, ...]:
        return () if self._current is None else tuple(self._current.peers.values())

    def _send(self, message: AnyCallMessage, *, is_ephemeral: bool = False) -> None:
        self._out.append(Send(message, is_ephemeral))

    def _tell(self, event: actions.CallEvent) -> None:
        self._out.append(Tell(event))

    def _stamp(self, now: int) -> int:
        """Our clock, but never the same time twice: others tell by it what was said later."""
        self._last_sent = max(now, self._last_sent + 1)
        return self._last_sent
