"""The negotiation with one other device in a call.

    offers (the lower leaf)                             answers
      CreateOffer, local_description ── offer ──────────> ApplyDescription, local_description
      ApplyDescription <──────────────────────── answer ──
      <─────────────────────── candidates, in batches ────────────────────>
      <──────────────────────────── Renegotiate ── wants something new: another revision or generation

A *generation* is one connection, a *revision* one offer within it. A connection that fails gets a new path
(another revision) if both sides can restart ICE, and is otherwise made anew (another generation). What is not
answered is said again; what is late, double or of an earlier connection is ignored; what is early waits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from teduh_signaling.call import actions
from teduh_signaling.call.actions import Action, Send, Tell
from teduh_signaling.call.messages import (
    MAX_CANDIDATES,
    Addressed,
    Candidate,
    Candidates,
    Description,
    Media,
    NegotiationWish,
    Renegotiate,
)
from teduh_signaling.call.timing import Timing
from teduh_signaling.call.transitions import PEER_TRANSITIONS, PeerHappening, PeerState

_MOST_KEPT: Final = 8
"""Messages with candidates that wait for their description."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The two ends of a connection: the call, ourselves in it, and the other."""

    call: bytes
    own: int
    own_joined: int
    peer: int
    peer_joined: int

    @property
    def we_offer(self) -> bool:
        """Whether the offers are ours to make."""
        return self.own < self.peer


@dataclass(slots=True)
class Peer:
    """See the module. Whatever it wants done is put into `out`."""

    ends: Ends
    media: Media
    restarts_ice: bool
    """Whether both sides can."""
    timing: Timing
    out: list[Action]
    generation: int = 0
    revision: int = 0
    state: PeerState = PeerState.ABSENT
    is_connected: bool = False
    is_unreachable: bool = False
    was_connected: bool = False
    _is_open: bool = False
    _is_restart: bool = False
    _attempts: int = 1
    _connect_by: int | None = None
    _say_again: int | None = None
    _wish: NegotiationWish | None = None
    _asked: bool = False
    _described: Description | None = None
    _batch: list[Candidate] = field(default_factory=list)
    _batch_revision: int = 0
    _flush_at: int | None = None
    _applied: tuple[int, int] = (0, 0)
    _restarted: int = 0
    _kept: list[Candidates] = field(default_factory=list)
    _known: set[tuple[int, str, str | None, int | None]] = field(default_factory=set)
    _heard_answer: int = -1
    _heard_wish: int = -1

    def begin(self, now: int) -> None:
        """The other is in the call: offer, or wait for an offer."""
        self._connect_by = now + self.timing.connect
        if self.ends.we_offer:
            self._follow(PeerHappening.WE_OFFER)
            self._offer(now, is_new=True)
        else:
            self._follow(PeerHappening.THEY_OFFER)
            self._say_again = now + self.timing.heartbeat

    def close(self) -> None:
        """The other has left, or we have."""
        self._follow(PeerHappening.GONE)
        self._close_generation()

    # --- from our own WebRTC --------------------------------------------------------------------------------

    def local_description(
        self, generation: int, revision: int, sdp: str, candidates: tuple[Candidate, ...], now: int
    ) -> None:
        """Our offer or answer is made."""
        is_offer = self.state is PeerState.OFFERING
        wanted = is_offer or self.state is PeerState.ANSWERING
        if not wanted or (generation, revision) != (self.generation, self.revision):
            return
        self._follow(PeerHappening.LOCAL_OFFER if is_offer else PeerHappening.LOCAL_ANSWER)
        early = tuple(self._batch) if self._batch_revision == revision else ()
        self._clear_batch()
        first, rest = _parted(candidates + early)
        self._described = Description(*self._address(now), revision, is_offer, self._is_restart, sdp, first)
        self.out.append(Send(self._described))
        if is_offer:
            self._say_again = now + self.timing.heartbeat
        if rest:
            self.local_candidates(generation, revision, rest, now)
        if not is_offer:
            self._go_on(now)

    def local_candidates(
        self, generation: int, revision: int, candidates: tuple[Candidate, ...], now: int
    ) -> None:
        """More candidates of ours; sent together with those that follow soon."""
        if generation != self.generation or revision > self.revision:
            return
        if revision != self._batch_revision:
            self._flush(now)
            self._batch_revision = revision
        self._batch += candidates
        is_described = self.state not in (PeerState.OFFERING, PeerState.ANSWERING) or revision < self.revision
        if is_described and self._flush_at is None:
            self._flush_at = now + self.timing.batch

    def connected(self, generation: int) -> None:
        """The connection stands."""
        if generation != self.generation or self.is_connected:
            return
        self.is_connected = self.was_connected = True
        self.is_unreachable = False
        self._attempts, self._connect_by = 1, None
        self.out.append(Tell(actions.PeerConnected(self.ends.peer)))

    def failed(self, generation: int, now: int) -> None:
        """The connection broke, or does not come about."""
        if generation != self.generation or self.is_unreachable:
            return
        if self.is_connected:
            self._lose_connection()
            self._connect(now)
        else:
            self._try_again(now)

    def network_changed(self, now: int) -> None:
        """Another path is needed, though the old one may not have failed yet."""
        self._attempts, self.is_unreachable = 1, False
        self._lose_connection()
        self._connect(now)

    def negotiate(self, now: int) -> None:
        """Something was added here that needs an offer."""
        if self.ends.we_offer:
            self._want(NegotiationWish.MEDIA, now)
        elif self._is_open:
            self._asked = True
            self._say_again = now + self.timing.heartbeat
            self._ask(NegotiationWish.MEDIA, now)

    # --- from the other -------------------------------------------------------------------------------------

    def receive(self, message: Addressed, now: int) -> None:
        """A message about this connection."""
        match message:
            case Description(is_offer=True) if not self.ends.we_offer:
                self._take_offer(message, now)
            case Description(is_offer=False) if self.ends.we_offer:
                self._take_answer(message, now)
            case Candidates():
                self._take_candidates(message)
            case Renegotiate() if self.ends.we_offer:
                self._take_wish(message, now)

    def tick(self, now: int) -> None:
        """Do what is due."""
        if self._flush_at is not None and now >= self._flush_at:
            self._flush(now)
        if self._say_again is not None and now >= self._say_again:
            self._repeat(now)
        if self._connect_by is not None and now >= self._connect_by:
            self._try_again(now)

    @property
    def deadlines(self) -> tuple[int, ...]:
        """When something is due."""
        times = (self._flush_at, self._say_again, self._connect_by)
        return tuple(time for time in times if time is not None)

    # --- inside ---------------------------------------------------------------------------------------------

    def _follow(self, happening: PeerHappening) -> None:
        self.state = PEER_TRANSITIONS[self.state][happening]

    def _address(self, now: int) -> tuple[bytes, int, int, int, int, int]:
        ends = self.ends
        return ends.call, now, ends.own_joined, ends.peer, ends.peer_joined, self.generation

    def _offer(self, now: int, *, is_new: bool, restarts_ice: bool = False) -> None:
        if is_new:
            self._close_generation()
            self._enter_generation(self.generation + 1)
            self.revision = 1
        else:
            self.revision += 1
        self._is_restart = restarts_ice
        self._say_again = self._wish = None
        if is_new or restarts_ice:
            self._connect_by = now + self.timing.connect
            self._restarted = self.revision
        offer = actions.CreateOffer(self.ends.peer, self.generation, self.revision, restarts_ice)
        self.out.append(offer)

    def _close_generation(self) -> None:
        if self._is_open:
            self.out.append(actions.ClosePeer(self.ends.peer, self.generation))

    def _enter_generation(self, generation: int) -> None:
        self.generation, self._is_open = generation, True
        self._lose_connection()
        self.was_connected = False
        self._described = None
        self._restarted = 0
        self._clear_batch()
        self._known.clear()

    def _want(self, wish: NegotiationWish, now: int) -> None:
        """As the side that offers: a new offer, now or when the present one is answered."""
        is_under_way = self.state in (PeerState.OFFERING, PeerState.OFFERED)
        if wish is not NegotiationWish.REBUILD and is_under_way:
            self._wish = max(wish, self._wish or wish)
            return
        self._follow(PeerHappening.NEGOTIATE)
        can_restart = wish is NegotiationWish.RESTART and self.restarts_ice
        is_new = wish is not NegotiationWish.MEDIA and not can_restart
        self._offer(now, is_new=is_new, restarts_ice=can_restart)

    def _connect(self, now: int) -> None:
        """Another path, or another connection where there can be none."""
        self._connect_by = now + self.timing.connect
        may_restart = self.restarts_ice and self.was_connected
        wish = NegotiationWish.RESTART if may_restart else NegotiationWish.REBUILD
        if self.ends.we_offer:
            self._want(wish, now)
        else:
            self._ask(wish, now)

    def _ask(self, wish: NegotiationWish, now: int) -> None:
        self.out.append(Send(Renegotiate(*self._address(now), wish)))

    def _try_again(self, now: int) -> None:
        self._attempts += 1
        self._lose_connection()
        if self._attempts > self.timing.attempts and not self.is_unreachable:
            self._connect_by, self._say_again = now + self.timing.old, None
            self.is_unreachable = True
            self.out.append(Tell(actions.PeerUnreachable(self.ends.peer)))
            return
        # Whoever cannot be reached is tried once in a while; the others of the call go on meanwhile.
        self._connect_by = now + (self.timing.old if self.is_unreachable else self.timing.connect)
        if self.ends.we_offer:
            self._want(NegotiationWish.REBUILD, now)
        else:
            self._ask(NegotiationWish.REBUILD, now)

    def _go_on(self, now: int) -> None:
        wish, self._wish = self._wish, None
        if wish is not None and self.ends.we_offer:
            self._want(wish, now)

    def _take_offer(self, offer: Description, now: int) -> None:
        order = (offer.generation, offer.revision)
        if order < (self.generation, self.revision):
            return
        if order == (self.generation, self.revision):
            # The answer was lost, or is on its way; it is said again with all candidates that are known.
            if self.state is PeerState.STABLE and self._described is not None:
                self.out.append(Send(replace(self._described, sent=now)))
            return
        if offer.generation > self.generation:
            self._close_generation()
            self._enter_generation(offer.generation)
            self._connect_by = now + self.timing.connect
        elif offer.restarts_ice:
            self._lose_connection()
            self._connect_by = now + self.timing.connect
        self._follow(PeerHappening.OFFER)
        self.revision = offer.revision
        self._is_restart = offer.restarts_ice
        self._say_again, self._asked = None, False
        self._apply(offer)

    def _take_answer(self, answer: Description, now: int) -> None:
        is_wanted = (answer.generation, answer.revision) == (self.generation, self.revision)
        if self.state is not PeerState.OFFERED or not is_wanted:
            return
        self._follow(PeerHappening.ANSWER)
        self._say_again = None
        self._heard_answer = answer.sent
        self._apply(answer)
        self._go_on(now)

    def _apply(self, description: Description) -> None:
        self._applied = (description.generation, description.revision)
        if description.is_offer and description.restarts_ice:
            self._restarted = description.revision
        self.out.append(
            actions.ApplyDescription(
                self.ends.peer,
                description.generation,
                description.revision,
                description.is_offer,
                description.restarts_ice,
                description.sdp,
            )
        )
        self._add(description.revision, description.candidates)
        kept, self._kept = self._kept, []
        for message in kept:
            self._take_candidates(message)

    def _take_candidates(self, message: Candidates) -> None:
        if (message.generation, message.revision) > self._applied:
            self._kept = [*self._kept[-_MOST_KEPT + 1 :], message]
        elif message.generation == self.generation and message.revision >= self._restarted:
            self._add(message.revision, message.candidates)

    def _add(self, revision: int, candidates: tuple[Candidate, ...]) -> None:
        new = []
        for one in candidates:
            name = (revision, one.candidate, one.sdp_mid, one.sdp_m_line_index)
            if name not in self._known:
                self._known.add(name)
                new.append(one)
        if new:
            self.out.append(actions.AddCandidates(self.ends.peer, self.generation, tuple(new)))

    def _take_wish(self, message: Renegotiate, now: int) -> None:
        if message.sent <= self._heard_wish:
            return
        self._heard_wish = message.sent
        is_older = message.generation < self.generation
        if self.state is PeerState.OFFERED and is_older:
            # It crossed our offer, or the offer was lost.
            self._repeat(now)
        elif not self._makes_what_is_wished(message.wish, is_older=is_older):
            self._grant(message.wish, message.sent, is_older=is_older, now=now)

    def _makes_what_is_wished(self, wish: NegotiationWish, *, is_older: bool) -> bool:
        """Whether the offer under way is what it wants already."""
        if self.state is PeerState.OFFERING and (is_older or wish is NegotiationWish.REBUILD):
            return True
        is_under_way = self.state in (PeerState.OFFERING, PeerState.OFFERED)
        is_path_new = self._is_restart or not self.was_connected
        return wish is NegotiationWish.RESTART and is_under_way and is_path_new

    def _grant(self, wish: NegotiationWish, sent: int, *, is_older: bool, now: int) -> None:
        if is_older and sent <= self._heard_answer:
            return
        if is_older:
            # Whoever does not know our connection any more needs a new one.
            wish = NegotiationWish.REBUILD
        if wish is not NegotiationWish.MEDIA:
            self._lose_connection()
            self._connect_by = now + self.timing.connect
        self._want(wish, now)

    def _lose_connection(self) -> None:
        if self.is_connected:
            self.is_connected = False
            self.out.append(Tell(actions.PeerReconnecting(self.ends.peer)))

    def _repeat(self, now: int) -> None:
        self._say_again = now + self.timing.heartbeat
        if self.state is PeerState.AWAITING:
            self._ask(NegotiationWish.REBUILD, now)
        elif self._asked:
            self._ask(NegotiationWish.MEDIA, now)
        elif self._described is not None:
            self.out.append(Send(replace(self._described, sent=now)))

    def _flush(self, now: int) -> None:
        batch, revision = tuple(self._batch), self._batch_revision
        self._clear_batch()
        for start in range(0, len(batch), MAX_CANDIDATES):
            part = batch[start : start + MAX_CANDIDATES]
            self.out.append(Send(Candidates(*self._address(now), revision, part)))
        if batch and self._described is not None and self._described.revision == revision:
            # What is said again is said with all that is known.
            known, _ = _parted(self._described.candidates + batch)
            self._described = replace(self._described, candidates=known)

    def _clear_batch(self) -> None:
        self._batch, self._flush_at = [], None


def _parted(candidates: tuple[Candidate, ...]) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    return candidates[:MAX_CANDIDATES], candidates[MAX_CANDIDATES:]
