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
from dataclasses import dataclass
from typing import Final

from teduh_signaling.call import actions
from teduh_signaling.call.actions import Action
from teduh_signaling.call.call_message_handler import CallMessageHandler
from teduh_signaling.call.call_state import Current, DeviceCallState
from teduh_signaling.call.exceptions import CallNotAllowed
from teduh_signaling.call.freshness import Freshness
from teduh_signaling.call.messages import (
    AnyCallMessage,
    Candidate,
    EndReason,
    Heartbeat,
    Media,
    MediaState,
    Recording,
    RecordingStep,
    Ring,
)
from teduh_signaling.call.peer import Peer
from teduh_signaling.call.recording import RecordingConsent
from teduh_signaling.call.timing import Timing
from teduh_signaling.call.transitions import CallHappening, CallState, PeerState

SILENT: Final = Media(audio=False, video=False)
"""Nothing is sent."""


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
        self._call_state = DeviceCallState(own, dict(present), can_restart_ice, timing or Timing())
        self._handler = CallMessageHandler(self._call_state)
        self._freshness = Freshness()
        self._new_call_id = new_call_id
        self._running: RunningCall | None = None

    # --- what it is -----------------------------------------------------------------------------------------

    @property
    def state(self) -> CallState:
        """Where we stand."""
        return self._call_state.state

    @property
    def call(self) -> bytes | None:
        """The call that we are in, or that rings."""
        return None if self._call_state.current is None else self._call_state.current.call

    @property
    def media(self) -> Media:
        """What we send."""
        return SILENT if self._call_state.current is None else self._call_state.current.media

    @property
    def peers(self) -> tuple[PeerView, ...]:
        """The others in our call."""
        peers = {} if self._call_state.current is None else self._call_state.current.peers
        return tuple(_view(leaf, peer) for leaf, peer in sorted(peers.items()))

    @property
    def awaited(self) -> tuple[int, ...]:
        """Whom we ring."""
        return () if self._call_state.current is None else tuple(sorted(self._call_state.current.awaited))

    @property
    def running(self) -> RunningCall | None:
        """A call of others that we can join, as long as we are in none."""
        return self._running

    @property
    def may_record(self) -> bool:
        """Whether everybody in the call has allowed us to record."""
        if self._call_state.state is not CallState.IN_CALL or self._call_state.current is None:
            return False
        return self._call_state.current.recording.is_allowed_by(self._call_state.current.peers)

    @property
    def next_timer(self) -> int | None:
        """When to call `tick`."""
        return min(self._call_state.deadlines(), default=None)

    # --- what the user does ---------------------------------------------------------------------------------

    def ring(self, media: Media, now: int, to: Collection[int] = ()) -> list[Action]:
        """Call everybody in the room, or `to`; in a call: ring somebody (again). Raises CallNotAllowed."""
        others = set(self._call_state.present) - {self._call_state.own}
        whom = sorted(others & set(to) if to else others)
        if self._call_state.current is not None:
            whom = [leaf for leaf in whom if leaf not in self._call_state.current.peers]
        if not whom:
            raise CallNotAllowed("there is nobody to call")
        self._call_state.follow(CallHappening.RING)
        if self._call_state.current is None:
            self._call_state.current = Current(self._new_call_id(), self._call_state.stamp(now), media)
            self._call_state.current.heartbeat_at = now + self._call_state.timing.heartbeat
            self._call_state.emit(actions.Calling(self._call_state.current.call, media))
        self._call_state.current.awaited |= dict.fromkeys(whom, now + self._call_state.timing.ring)
        current = self._call_state.current
        ring = Ring(
            current.call, now, current.joined, current.media, tuple(whom), self._call_state.can_restart_ice
        )
        self._call_state.send(ring)
        return self._done(now)

    def accept(self, media: Media, now: int) -> list[Action]:
        """Answer the ring. Raises CallNotAllowed."""
        self._call_state.follow(CallHappening.ACCEPT)
        assert self._call_state.current is not None
        self._call_state.enter(self._call_state.current.call, media, now)
        return self._done(now)

    def join(self, media: Media, now: int) -> list[Action]:
        """Go into the call that is running in the room. Raises CallNotAllowed."""
        if self._running is None:
            raise CallNotAllowed("no call is running")
        self._call_state.follow(CallHappening.JOIN)
        self._call_state.enter(self._running.call, media, now)
        return self._done(now)

    def decline(self, now: int) -> list[Action]:
        """Do not answer the ring. Raises CallNotAllowed."""
        self._call_state.follow(CallHappening.DECLINE)
        current = self._call_state.current
        assert current is not None
        assert current.by is not None
        self._call_state.refuse(current.call, current.by, EndReason.DECLINED, now)
        self._call_state.current = None
        self._call_state.emit(actions.Ended(current.call, EndReason.DECLINED))
        return self._done(now)

    def cancel(self, now: int) -> list[Action]:
        """Ring no longer. Raises CallNotAllowed."""
        self._call_state.follow(CallHappening.CANCEL)
        self._call_state.end(EndReason.CANCELLED, None, now)
        return self._done(now)

    def hang_up(self, now: int, reason: EndReason = EndReason.HUNG_UP) -> list[Action]:
        """Leave the call. Raises CallNotAllowed."""
        self._call_state.follow(CallHappening.HANG_UP)
        self._call_state.end(reason, None, now)
        return self._done(now)

    def leave(self, now: int) -> list[Action]:
        """Decline, cancel or hang up, whichever it takes."""
        match self._call_state.state:
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
            self._call_state.send(MediaState(current.call, now, current.joined, media))
        return self._done(now)

    def set_busy(self, is_busy: bool) -> None:
        """Whether rings are answered by *busy*, for there is a call in another conversation."""
        self._call_state.is_busy = is_busy

    # --- recording ------------------------------------------------------------------------------------------

    @property
    def _recording(self) -> RecordingConsent:
        if self._call_state.state is not CallState.IN_CALL or self._call_state.current is None:
            raise CallNotAllowed("there is no call")
        return self._call_state.current.recording

    def ask_recording(self, now: int) -> list[Action]:
        """Ask everybody in the call whether we may record it. Raises CallNotAllowed."""
        self._recording.has_asked = True
        # A yes that came late, or to an earlier question, is none to this one.
        self._recording.granted_by.clear()
        self._say_of_recording(RecordingStep.ASK, None, now)
        return self._done(now)

    def answer_recording(self, peer: int, granted: bool, now: int) -> list[Action]:
        """Let `peer` record us, or not, or no longer. Raises CallNotAllowed."""
        consent = self._recording
        if granted and (self._call_state.current is None or peer not in self._call_state.current.peers):
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
        if self._call_state.state is not CallState.IN_CALL or not self._recording.has_asked:
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

    def peer_alive(self, peer: int, generation: int, now: int) -> list[Action]:
        """The connection stands: it is there, though what it says may not arrive, for the relay is away.

        To be said every few seconds.
        """
        for one in self._peer(peer):
            if one.generation == generation and one.is_connected:
                self._lives(peer, now)
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
        before, self._call_state.present = self._call_state.present, dict(present)
        gone = [leaf for leaf, key in before.items() if present.get(leaf) != key]
        is_out = (
            own != self._call_state.own or self._call_state.own in gone or self._call_state.own not in present
        )
        self._call_state.own = own
        for leaf in gone:
            self._call_state.seen.remove(leaf)
            self._freshness.forget(leaf)
            self._handler.forget(leaf)
            if self._call_state.current is not None and leaf in self._call_state.current.awaited:
                self._call_state.no_longer_awaited(leaf, EndReason.REMOVED, now)
        if own not in present:
            self._call_state.seen.forget_all()
        if is_out and self._call_state.current is not None:
            self._call_state.follow(CallHappening.REMOVED)
            self._call_state.end(EndReason.REMOVED, None, now)
        return self._done(now)

    def tick(self, now: int) -> list[Action]:
        """Do what is due."""
        current = self._call_state.current
        due = now if current is None or current.heartbeat_at is None else current.heartbeat_at
        if now - due >= self._call_state.timing.heartbeat:
            # So late that we cannot have listened, either.
            self._call_state.seen.could_not_be_heard(now)
        self._call_state.seen.expire(now)
        self._call_state.expire(now)
        if current is not None:
            self._call_state.time_out(current, now)
        for one in self._all_peers():
            one.tick(now)
        self._call_state.agree(now)
        self._call_state.beat(now)
        return self._done(now)

    # --- what others say ------------------------------------------------------------------------------------

    def receive(self, sender: int, message: AnyCallMessage, now: int, is_live: bool = True) -> list[Action]:
        """Somebody's device said this; `is_live` unless it waited in the log while we were away."""
        if sender == self._call_state.own or sender not in self._call_state.present:
            return []
        age = self._freshness.age(sender, message.sent, now, is_live=is_live)
        if age >= (
            self._call_state.timing.silence if isinstance(message, Heartbeat) else self._call_state.timing.old
        ):
            return []
        self._handler.hear(sender, message, now - age, now)
        return self._done(now)

    # --- steps ----------------------------------------------------------------------------------------------

    def _done(self, now: int) -> list[Action]:
        self._call_state.agree(now)
        if self._call_state.state is CallState.IN_CALL:
            assert self._call_state.current is not None
            self._call_state.out += self._call_state.current.recording.look(self._call_state.current.peers)
        self._look_for_calls()
        out = [self._call_state.stamped(action, now) for action in self._call_state.out]
        # Peers hold on to this very list.
        self._call_state.out.clear()
        return out

    def _look_for_calls(self) -> None:
        """Whether there is a call that we can join, as long as we are in none."""
        before, self._running = self._running, None
        if self._call_state.state is not CallState.IDLE:
            return
        for call in self._call_state.seen.calls():
            members = tuple(self._call_state.seen.within(call))
            # One who is alone in the call that we have left is about to notice.
            if len(members) > 1 or call not in self._call_state.left:
                self._running = RunningCall(call, members)
                break
        if self._running is not None and self._running != before:
            self._call_state.emit(actions.Running(self._running.call, self._running.members))
        elif self._running is None and before is not None:
            self._call_state.emit(actions.Running(before.call, ()))

    def _say_of_recording(self, step: RecordingStep, to: int | None, now: int) -> None:
        current = self._require_call()
        self._call_state.send(Recording(current.call, now, current.joined, step, to))

    def _lives(self, peer: int, now: int) -> None:
        seen, current = self._call_state.seen, self._call_state.current
        if current is not None and seen.is_unheard(peer, now):
            # It may have taken back that we record, and would not be heard.
            current.recording.granted_by.discard(peer)
        seen.lives(peer, now)

    def _require_call(self) -> Current:
        if self._call_state.current is None or self._call_state.state is CallState.RINGING:
            raise CallNotAllowed("there is no call")
        return self._call_state.current

    def _peer(self, leaf: int) -> tuple[Peer, ...]:
        peer = None if self._call_state.current is None else self._call_state.current.peers.get(leaf)
        return () if peer is None else (peer,)

    def _all_peers(self) -> tuple[Peer, ...]:
        return () if self._call_state.current is None else tuple(self._call_state.current.peers.values())


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
