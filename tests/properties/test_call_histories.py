"""Two to four devices, everything that users do, and a bad network: nobody is misled for long.

Two things are held. *While it is bad*: a device that takes another to be in a call with it, or to ring it, is
right within the time-outs. *Once it is good again*: everybody agrees on everything, all connections stand,
and nothing rings.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.calls.simulated_calls import MAX_DELAY, Network, World, disagreements
from teduh_signaling.call.actions import Action
from teduh_signaling.call.exceptions import CallNotAllowed
from teduh_signaling.call.messages import EndReason, Media
from teduh_signaling.call.session import CallSession
from teduh_signaling.call.timing import Timing
from teduh_signaling.call.transitions import CallState, PeerState

TIMING = Timing()
LEAVES = st.integers(0, 3)
MEDIA = st.builds(Media, st.booleans(), st.booleans(), st.booleans())
# What was said may be on its way for a while; then silence must last; and what one hears of the other's view
# is as old again.
LONGEST_ERROR = 2 * TIMING.silence + 2 * TIMING.heartbeat + 2 * MAX_DELAY
SETTLED = TIMING.ring + 2 * TIMING.silence + TIMING.old + TIMING.connect * (TIMING.attempts + 1)


class Calls(RuleBasedStateMachine):
    """Users and the network, against the sessions."""

    @initialize(members=st.integers(2, 4), seed=st.integers(0, 2**32 - 1))
    def begin(self, members: int, seed: int) -> None:
        self.world = World(members, seed, TIMING)
        self.wrong_since: dict[tuple[str, str], int] = {}

    def _do(self, leaf: int, step: Callable[[CallSession, int], list[Action]]) -> None:
        if leaf in self.world.devices:
            try:
                self.world.do(leaf, step)
            except CallNotAllowed:
                # A button that the application would not have shown.
                return

    # --- users ----------------------------------------------------------------------------------------------

    @rule(leaf=LEAVES, media=MEDIA, to=st.sets(LEAVES, max_size=2))
    def ring(self, leaf: int, media: Media, to: set[int]) -> None:
        self._do(leaf, lambda session, now: session.ring(media, now, to))

    @rule(one=LEAVES, other=LEAVES, media=MEDIA)
    def ring_each_other(self, one: int, other: int, media: Media) -> None:
        for leaf in (one, other):
            self._do(leaf, lambda session, now: session.ring(media, now))

    @rule(leaf=LEAVES, media=MEDIA)
    def accept(self, leaf: int, media: Media) -> None:
        self._do(leaf, lambda session, now: session.accept(media, now))

    @rule(media=MEDIA)
    def everybody_accepts(self, media: Media) -> None:
        for leaf in list(self.world.devices):
            self._do(leaf, lambda session, now: session.accept(media, now))

    @rule(leaf=LEAVES, media=MEDIA)
    def join(self, leaf: int, media: Media) -> None:
        self._do(leaf, lambda session, now: session.join(media, now))

    @rule(leaf=LEAVES)
    def leave(self, leaf: int) -> None:
        self._do(leaf, lambda session, now: session.leave(now))

    @rule(leaf=LEAVES)
    def fall_back_to_text(self, leaf: int) -> None:
        self._do(leaf, lambda session, now: session.hang_up(now, EndReason.NETWORK))

    @rule(leaf=LEAVES, media=MEDIA)
    def change_media(self, leaf: int, media: Media) -> None:
        self._do(leaf, lambda session, now: session.set_media(media, now))
        self._do(leaf, lambda session, now: session.renegotiate(now))

    @rule(leaf=LEAVES)
    def change_network(self, leaf: int) -> None:
        self._do(leaf, lambda session, now: session.network_changed(now))

    @rule(one=LEAVES, other=LEAVES, granted=st.booleans())
    def ask_and_answer_about_recording(self, one: int, other: int, granted: bool) -> None:
        self._do(one, lambda session, now: session.ask_recording(now))
        self._do(other, lambda session, now: session.answer_recording(one, granted, now))
        self._do(one, lambda session, now: session.recording_started(now))

    # --- the world ------------------------------------------------------------------------------------------

    @rule(leaf=LEAVES)
    def reload(self, leaf: int) -> None:
        if leaf in self.world.devices:
            self.world.reload(leaf)

    @rule(leaf=LEAVES, media=MEDIA)
    def reload_and_join_again(self, leaf: int, media: Media) -> None:
        self.reload(leaf)
        self.time_passes(3_000)
        self._do(leaf, lambda session, now: session.join(media, now))

    @precondition(lambda self: len(self.world.devices) > 1)
    @rule(leaf=LEAVES)
    def remove(self, leaf: int) -> None:
        if leaf in self.world.devices:
            self.world.remove(leaf)

    @rule(leaf=LEAVES)
    def add(self, leaf: int) -> None:
        if leaf not in self.world.devices:
            # MLS orders commits: nobody is added before all have seen the removal.
            self._run(2_000)
            self.world.add(leaf)

    @rule(one=LEAVES, other=LEAVES)
    def break_connection(self, one: int, other: int) -> None:
        self.world.break_connection(one, other)

    @rule(
        lost=st.sampled_from([0.0, 0.2, 0.6, 1.0]),
        doubled=st.sampled_from([0.0, 0.3]),
        delay=st.sampled_from([20, 400, MAX_DELAY]),
        media_works=st.booleans(),
        cut=st.none() | st.tuples(LEAVES, LEAVES),
    )
    def network_becomes(
        self, lost: float, doubled: float, delay: int, media_works: bool, cut: tuple[int, int] | None
    ) -> None:
        self.world.network = Network(lost, doubled, delay, media_works, cut)

    @rule(milliseconds=st.sampled_from([10, 300, 3_000, 12_000, 45_000]))
    def time_passes(self, milliseconds: int) -> None:
        self._run(milliseconds)

    def _run(self, milliseconds: int) -> None:
        for _ in range(0, milliseconds, 1_000):
            self.world.run(min(milliseconds, 1_000))
            self._look_for_errors()

    def _look_for_errors(self) -> None:
        wrong = disagreements(self.world)
        self.wrong_since = {pair: self.wrong_since.get(pair, self.world.now) for pair in wrong}
        for pair, since in self.wrong_since.items():
            assert self.world.now - since <= LONGEST_ERROR, f"{pair} is wrong for too long"

    # --- what must hold -------------------------------------------------------------------------------------

    @invariant()
    def nobody_has_a_connection_to_whom_it_does_not_see(self) -> None:
        for device in getattr(self, "world", World(0, 0)).devices.values():
            assert set(device.connections) <= {one.leaf for one in device.session.peers}

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.network = Network()
        self._run(SETTLED)
        assert not disagreements(self.world)
        for device in self.world.devices.values():
            self._check_idle(device.leaf)

    def _check_idle(self, leaf: int) -> None:
        device = self.world.devices[leaf]
        session = device.session
        assert session.state in (CallState.IDLE, CallState.IN_CALL)
        assert session.awaited == ()
        others = [other for other in self.world.devices.values() if other is not device]
        if session.state is CallState.IDLE:
            assert not device.connections
            calls = {other.session.call for other in others} - {None}
            running = session.running
            assert (running is not None and running.call in calls) or (running is None and not calls)
            return
        with_us = {other.leaf for other in others if other.session.call == session.call}
        assert {peer.leaf for peer in session.peers} == with_us
        for peer in session.peers:
            other = self.world.devices[peer.leaf].session
            back = next(one for one in other.peers if one.leaf == leaf)
            assert peer.state is PeerState.STABLE
            assert peer.generation == back.generation
            assert peer.media == other.media
            assert peer.is_connected


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
