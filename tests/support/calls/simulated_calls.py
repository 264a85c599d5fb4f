"""Several devices, a network that loses, delays, doubles and reorders, and connections that come and go.

The devices' clocks differ by hours. Media is modelled as far as signaling can see it: a connection stands
when both sides have the same generation of it and the offer was answered, and whoever is left alone with one
notices after a while. Time is the world's own, in milliseconds; nothing sleeps.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from teduh_signaling.call import actions
from teduh_signaling.call.actions import Action, CallEvent
from teduh_signaling.call.codec import decode_call, encode_call
from teduh_signaling.call.messages import AnyCallMessage, Candidate
from teduh_signaling.call.session import CallSession
from teduh_signaling.call.timing import Timing
from teduh_signaling.call.transitions import CallState

MAX_DELAY = 8_000
GATHERING = 30
CONNECTING = 200
NOTICING = 3_000


@dataclass
class Network:
    """What becomes of a message. Shares of 1; milliseconds."""

    lost: float = 0.0
    doubled: float = 0.0
    delay: int = 50
    media_works: bool = True
    cut: tuple[int, int] | None = None
    """Of these two, the second hears nothing of the first."""


@dataclass
class Connection:
    """One side of a connection between two devices."""

    generation: int
    session: CallSession
    offered: int = 0
    answered: int = 0
    is_up: bool = False


@dataclass
class Device:
    """One member: its session, its clock, and its connections."""

    leaf: int
    key: str
    session: CallSession
    clock: int
    present: dict[int, str]
    connections: dict[int, Connection] = field(default_factory=dict)
    told: list[CallEvent] = field(default_factory=list)
    is_running: bool = True


class World:
    """See the module."""

    def __init__(self, members: int, seed: int, timing: Timing | None = None) -> None:
        self.now = 1_700_000_000_000
        self.timing = timing or Timing()
        self.network = Network()
        self.random = random.Random(seed)
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._ids = itertools.count(1)
        self._keys = itertools.count(1)
        self.devices: dict[int, Device] = {}
        present = {leaf: self._new_key() for leaf in range(members)}
        for leaf in present:
            self._come(leaf, dict(present))

    # --- what people do -------------------------------------------------------------------------------------

    def do(self, leaf: int, step: Callable[[CallSession, int], list[Action]]) -> None:
        """A user does something; all of it is carried out."""
        device = self.devices[leaf]
        self._carry_out(device, step(device.session, self._time(device)))

    def reload(self, leaf: int) -> None:
        """The device forgets its calls and begins anew, under the same key."""
        old = self.devices[leaf]
        for peer in list(old.connections):
            self._close(old, peer)
        old.is_running = False
        self.run(60)
        self._come(leaf, old.present, key=old.key, clock=old.clock)

    def remove(self, leaf: int) -> None:
        """A commit removes a member; each learns it in its own time."""
        gone = self.devices.pop(leaf)
        for device in [gone, *self.devices.values()]:
            self._later(self.random.randrange(0, 2_000), partial(self._learn, device, leaf, None))

    def add(self, leaf: int) -> None:
        """A commit adds a device, perhaps where another one was."""
        key = self._new_key()
        present = {other: device.key for other, device in self.devices.items()} | {leaf: key}
        for device in list(self.devices.values()):
            self._later(self.random.randrange(0, 2_000), partial(self._learn, device, leaf, key))
        self._come(leaf, present, key=key)

    def break_connection(self, one: int, other: int) -> None:
        """The path between two is gone; both notice."""
        for leaf, peer in ((one, other), (other, one)):
            device = self.devices.get(leaf)
            if device is not None and peer in device.connections:
                self._fails(device, peer, device.connections[peer].generation)

    def run(self, milliseconds: int) -> None:
        """Let time pass."""
        until = self.now + milliseconds
        while self._queue and self._queue[0][0] <= until:
            self.now, _, work = heapq.heappop(self._queue)
            work()
        self.now = until

    # --- inside ---------------------------------------------------------------------------------------------

    def _new_key(self) -> str:
        return f"key {next(self._keys)}"

    def _come(
        self, leaf: int, present: dict[int, str], key: str | None = None, clock: int | None = None
    ) -> None:
        session = CallSession(
            leaf,
            present,
            new_call_id=lambda: next(self._ids).to_bytes(8, "big"),
            can_restart_ice=leaf % 2 == 0,
            timing=self.timing,
        )
        if clock is None:
            clock = self.random.randrange(-5_000_000, 5_000_000)
        self.devices[leaf] = Device(leaf, key or present[leaf], session, clock, present)

    def _time(self, device: Device) -> int:
        return self.now + device.clock

    def _later(self, milliseconds: int, work: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + milliseconds, next(self._order), work))

    def _learn(self, device: Device, leaf: int, key: str | None) -> None:
        if key is None:
            device.present.pop(leaf, None)
        else:
            device.present[leaf] = key
        if not device.is_running:
            # Reloaded meanwhile: it is the same member, which learns it from the log.
            device = self.devices.get(device.leaf, device)
        if device.is_running:
            self._carry_out(device, device.session.members(device.leaf, device.present, self._time(device)))

    def _carry_out(self, device: Device, todo: list[Action]) -> None:
        session = device.session
        for action in todo:
            match action:
                case actions.Send():
                    self._send(device, encode_call(action.message))
                case actions.CreateOffer() | actions.ApplyDescription():
                    self._negotiate(device, action)
                case actions.ClosePeer():
                    assert device.connections[action.peer].generation == action.generation
                    self._close(device, action.peer)
                case actions.AddCandidates():
                    assert device.connections[action.peer].generation == action.generation
                case actions.Tell():
                    device.told.append(action.event)
                case actions.StopMedia():
                    assert not device.connections
        timer = session.next_timer
        if timer is not None:
            self._later(max(1, timer - self._time(device)), lambda: self._tick(device, session))

    def _tick(self, device: Device, session: CallSession) -> None:
        timer = session.next_timer
        if device.is_running and timer is not None and timer <= self._time(device):
            self._carry_out(device, session.tick(self._time(device)))

    def _send(self, device: Device, data: bytes) -> None:
        for other in list(self.devices.values()):
            if other is device:
                continue
            is_cut = self.network.cut == (device.leaf, other.leaf)
            copies = 0 if is_cut or self.random.random() < self.network.lost else 1
            copies += self.random.random() < self.network.doubled
            for _ in range(copies):
                delay = self.random.randrange(1, self.network.delay + 1)
                self._later(delay, partial(self._deliver, device, other, data))

    def _deliver(self, sender: Device, receiver: Device, data: bytes) -> None:
        message: AnyCallMessage | None = decode_call(data)
        # MLS proves who said it, at the place of the log at which the receiver is.
        if message is not None and receiver.is_running and receiver.present.get(sender.leaf) == sender.key:
            now = self._time(receiver)
            self._carry_out(receiver, receiver.session.receive(sender.leaf, message, now))

    # --- connections ----------------------------------------------------------------------------------------

    def _negotiate(self, device: Device, action: actions.CreateOffer | actions.ApplyDescription) -> None:
        peer, generation, revision = action.peer, action.generation, action.revision
        connection = device.connections.get(peer)
        if connection is None:
            connection = device.connections[peer] = Connection(generation, device.session)
        assert connection.generation == generation
        if isinstance(action, actions.ApplyDescription) and not action.is_offer:
            connection.answered = revision
            self._later(CONNECTING, lambda: self._connect(device, peer, connection))
            return
        if action.restarts_ice:
            connection.is_up = False
        kind = "offer" if isinstance(action, actions.CreateOffer) else "answer"
        self._later(GATHERING, lambda: self._describe(device, peer, connection, revision, kind))

    def _describe(self, device: Device, peer: int, connection: Connection, revision: int, kind: str) -> None:
        if device.connections.get(peer) is not connection or not device.is_running:
            return
        connection.offered = revision
        sdp, now = f"{kind} of {device.leaf} {connection.generation}.{revision}", self._time(device)
        first, more = [Candidate(f"{sdp} first")], [Candidate(f"{sdp} more"), Candidate("")]
        session, generation = device.session, connection.generation
        self._carry_out(device, session.local_description(peer, generation, revision, sdp, first, now))
        self._carry_out(device, session.local_candidates(peer, generation, revision, more, now))

    def _connect(self, device: Device, peer: int, connection: Connection) -> None:
        """The offering side has the answer: if the other has the same connection, it stands on both."""
        other = self.devices.get(peer)
        theirs = None if other is None else other.connections.get(device.leaf)
        is_alive = device.connections.get(peer) is connection and device.session is connection.session
        if not is_alive or other is None or theirs is None or theirs.generation != connection.generation:
            return
        if not self.network.media_works:
            return
        connection.is_up = theirs.is_up = True
        for one, leaf in ((device, peer), (other, device.leaf)):
            generation = one.connections[leaf].generation
            self._carry_out(one, one.session.peer_connected(leaf, generation, self._time(one)))

    def _close(self, device: Device, peer: int) -> None:
        generation = device.connections.pop(peer).generation
        other = self.devices.get(peer)
        if other is not None:
            self._later(NOTICING, lambda: self._fails(other, device.leaf, generation))

    def _fails(self, device: Device, peer: int, generation: int) -> None:
        connection = device.connections.get(peer)
        if connection is None or connection.generation != generation or not connection.is_up:
            return
        connection.is_up = False
        now = self._time(device)
        self._carry_out(device, device.session.peer_failed(peer, generation, now))


# --- who believes what --------------------------------------------------------------------------------------


def joined_of(device: Device, peer: int) -> int | None:
    """Since when `device` believes `peer` to be in the call with it; None if it does not."""
    return next((one.joined for one in device.session.peers if one.leaf == peer), None)


def is_believed_rightly(world: World, one: Device, peer: int) -> bool:
    """Whether the peer is where `one` believes it to be, and believes `one` to be there as well."""
    other = world.devices.get(peer)
    if other is None or other.key != one.present.get(peer):
        return False
    same_call = other.session.call == one.session.call and other.session.state is not CallState.RINGING
    return same_call and joined_of(other, one.leaf) is not None


def disagreements(world: World) -> set[tuple[str, str]]:
    """Who believes somebody to be in a call with it, or to ring it, who is not or does not: pairs of keys."""
    wrong = set()
    for one in world.devices.values():
        for view in one.session.peers:
            if not is_believed_rightly(world, one, view.leaf):
                wrong.add((one.key, one.present[view.leaf]))
        if one.session.state is CallState.RINGING and not _somebody_is_in(world, one):
            wrong.add((one.key, "rings"))
    return wrong


def _somebody_is_in(world: World, one: Device) -> bool:
    return any(
        other is not one
        and other.session.call == one.session.call
        and other.session.state in (CallState.CALLING, CallState.IN_CALL)
        for other in world.devices.values()
    )
