"""Which staff devices are connected, to which node, and whether they take conversations.

Nothing of it is stored: a staff statement holds a name, and names are written nowhere. Each node tells the
others what changes with its staff, and every five seconds that it lives; what a node has not said for
twelve seconds is forgotten, so the people of a dead node are offline within fifteen. While the store is away,
or the one master of a cluster by which they hear each other, nobody is heard, and nobody forgotten.

::

    PRESENCE_CHANGED  [node, version, devices, keys that are gone]     at once, gathered for a moment
    PRESENCE_BEAT     [node, version, active conversations]            every five seconds
    PRESENCE          [node, version, devices]                         all of them, when somebody asks
    PRESENCE_WANTED   [node, or empty: all]                            a version was missed, or I am new

`version` counts the changes of one node, so that whoever missed one notices with the next beat and asks for
all. A change costs its own size then, not that of everybody who is connected.

A person may have several devices: for routing they are one (`people`), as available as any of them is, with
the seats that are left of the most that one of them takes.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from msgspec import Struct, msgpack, structs
from teduh_signaling.relay.frames import MAX_COLLEAGUES, Availability, Colleague, SetAvailability

from teduh_server.cluster import node_channel
from teduh_server.cluster.node_channel import NodeChannel
from teduh_server.cluster.observers import Observers
from teduh_server.matching.ranking import Person
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL
from teduh_server.session.connection import Connection
from teduh_server.staff.staff_index import PresentDevice, StaffIndex, load_of, seats_of

HEARTBEAT_SECONDS = 5.0
FORGOTTEN_AFTER_SECONDS = 12.0
_GATHERING_SECONDS = 0.05
_COLLEAGUES_CHARACTERS = 200_000
"""What fits into one frame with room to spare."""


class _All(Struct, frozen=True, array_like=True):
    node_id: str
    version: int
    devices: list[PresentDevice]


class _Changed(Struct, frozen=True, array_like=True):
    node_id: str
    version: int
    devices: list[PresentDevice]
    gone: list[int]


class _Beat(Struct, frozen=True, array_like=True):
    node_id: str
    version: int
    active: int


_encode = msgpack.Encoder().encode
_decode_all = msgpack.Decoder(_All).decode
_decode_changed = msgpack.Decoder(_Changed).decode
_decode_beat = msgpack.Decoder(_Beat).decode


@dataclass(slots=True)
class _Node:
    """What another node has said of itself."""

    heard: float
    version: int = -1
    active: int = 0
    devices: dict[int, PresentDevice] = field(default_factory=dict)


class Presence:
    """This node's staff, and what the other nodes say of theirs."""

    def __init__(
        self,
        store: Store,
        channel: NodeChannel,
        node_id: str,
        count_active: Callable[[], int] = lambda: 0,
    ) -> None:
        """`count_active`: how many conversations are active on this node."""
        self._store = store
        self._node_id = node_id
        self._here: dict[Connection, PresentDevice] = {}
        self._here_by_person: dict[bytes, set[Connection]] = {}
        self._elsewhere: dict[str, _Node] = {}
        # When the store was away last: until then nobody was heard, and silence says nothing.
        self._deaf_at = float("-inf")
        self._staff = StaffIndex()
        self._keys = itertools.count(1)
        # How many requests each has taken since it said how many more it takes.
        self._taken: Counter[Connection] = Counter()
        self._version = 0
        self._changed: set[Connection] = set()
        self._gone: list[int] = []
        self._announcement_due = False
        self._count_active = count_active
        self.changes = Observers[[]]()
        """Told when somebody has come, gone, or changed her mind, here or elsewhere."""
        channel.on(node_channel.PRESENCE, self._hear_all)
        channel.on(node_channel.PRESENCE_CHANGED, self._hear_changed)
        channel.on(node_channel.PRESENCE_BEAT, self._hear_beat)
        channel.on(node_channel.PRESENCE_WANTED, self._hear_wanted)

    # --- this node's staff ---

    def attach(self, connection: Connection) -> None:
        """A staff device has connected; it is away until it says otherwise."""
        staff = connection.staff
        assert staff is not None
        device = PresentDevice(
            next(self._keys),
            staff.device_id,
            staff.person,
            staff.role.value,
            staff.languages,
            staff.skills,
            staff.statement,
            staff.issuer_statement,
            idle_since=time.time(),
        )
        self._put(connection, device)

    def set_availability(self, connection: Connection, frame: SetAvailability) -> None:
        device = structs.replace(
            _with_load(self._here[connection], len(connection.subscriptions)),
            availability=frame.availability,
            capacity=frame.capacity,
            gender=frame.gender,
            region=frame.region,
            until=frame.until,
        )
        self._taken.pop(connection, None)
        self._put(connection, device)

    def has_taken(self, connection: Connection) -> None:
        """She has taken a request: she is the last to be asked among her equals."""
        device = self._here.get(connection)
        if device is not None:
            load, left = len(connection.subscriptions), max(0, device.capacity - 1)
            taken = structs.replace(device, load=load, capacity=left, idle_since=time.time())
            self._taken[connection] += 1
            self._put(connection, taken)
            # At once: what another device of hers says in the next moment must not give the seat anew.
            self._announce()

    def has_not_taken(self, connection: Connection) -> None:
        """She is not let into what she has taken: the seat is free, unless she has said how many since."""
        device = self._here.get(connection)
        if device is not None and self._taken[connection]:
            self._taken[connection] -= 1
            self._put(connection, structs.replace(device, capacity=device.capacity + 1))

    def detach(self, connection: Connection) -> None:
        self._taken.pop(connection, None)
        device = self._here.pop(connection, None)
        if device is not None:
            self._staff.drop(self._node_id, device.key)
            connections = self._here_by_person[device.person]
            connections.discard(connection)
            if not connections:
                del self._here_by_person[device.person]
            self._gone.append(device.key)
            self._announce_soon()

    def _put(self, connection: Connection, device: PresentDevice) -> None:
        self._keep(connection, device)
        self._announce_soon()

    def _keep(self, connection: Connection, device: PresentDevice) -> None:
        self._here[connection] = device
        self._here_by_person.setdefault(device.person, set()).add(connection)
        self._staff.put(self._node_id, device)
        self._changed.add(connection)

    def available_here(self) -> Iterator[Connection]:
        """The connections of this node that take conversations."""
        return (
            connection
            for connection, device in self._here.items()
            if device.availability is Availability.AVAILABLE
        )

    def here(self) -> list[Connection]:
        return list(self._here)

    # --- everybody ---

    def nodes_of(self, device_id: bytes) -> list[str]:
        """The other nodes to which a device is connected."""
        return [
            name
            for name, node in self._heard()
            if any(each.device_id == device_id for each in node.devices.values())
        ]

    def devices_here(self, person: bytes) -> list[tuple[Connection, PresentDevice]]:
        """The connections of this person to this node."""
        connections = self._here_by_person.get(person, ())
        return [(connection, self._here[connection]) for connection in connections]

    def seats(self, person: bytes) -> int:
        """How many conversations more she takes, by what her available devices say."""
        self._forget_silent_nodes()
        return seats_of(self._staff.of(person))

    def said_seats(self, person: bytes) -> int | None:
        """The same; None if none of her devices has said anything."""
        devices = self._staff.of(person)
        if all(each.availability is Availability.AWAY for each in devices):
            return None
        return self.seats(person)

    def devices_of(self, person: bytes) -> set[bytes]:
        """The devices of this person that are connected anywhere."""
        return {each.device_id for each in self._staff.of(person)}

    def device_ids(self) -> set[bytes]:
        """All devices that are connected anywhere."""
        return {each.device_id for each in self._everybody()}

    def people(self) -> list[Person]:
        """Everybody who is available on any device."""
        self._forget_silent_nodes()
        return self._staff.available()

    def counted(self) -> dict[Availability, int]:
        """How many people are how available, each as available as any of her devices."""
        self._forget_silent_nodes()
        counts = dict.fromkeys(Availability, 0)
        for devices in self._staff.everybody():
            counts[max(each.availability for each in devices)] += 1
        return counts

    def somebody_takes(self, now: float) -> bool:
        """Whether anybody takes requests, if not at this moment: available or busy, and her shift goes on."""
        return any(
            each.availability is not Availability.AWAY and not 0 < each.until <= now
            for each in self._everybody()
        )

    def load(self) -> int:
        """In how many conversations staff are, counted per person."""
        return sum(map(load_of, self._staff.everybody()))

    def active(self) -> int:
        """How many conversations are active on all nodes."""
        return self._count_active() + sum(node.active for _, node in self._heard())

    def colleagues(self, but: bytes, after: bytes | None = None) -> tuple[tuple[Colleague, ...], bool]:
        """Who is connected, by device id, as many as fit into one frame; and whether there are others.

        Each device once, as available as it is anywhere, without `but` and only those beyond `after`.
        """
        best: dict[bytes, PresentDevice] = {}
        for device in sorted(self._everybody(), key=lambda each: each.availability):
            best[device.device_id] = device
        wanted = [best[each] for each in sorted(best) if each != but and (after is None or each > after)]
        return self._as_many_as_fit(wanted)

    def _as_many_as_fit(self, devices: list[PresentDevice]) -> tuple[tuple[Colleague, ...], bool]:
        room = _COLLEAGUES_CHARACTERS
        chosen = []
        for device in devices[:MAX_COLLEAGUES]:
            room -= len(device.statement) + len(device.issuer_statement or "") + 64
            if room < 0:
                break
            chosen.append(self._colleague(device))
        return tuple(chosen), len(chosen) < len(devices)

    def _colleague(self, device: PresentDevice) -> Colleague:
        return Colleague(
            device.device_id,
            device.availability,
            device.statement,
            device.issuer_statement,
            load_of(self._staff.of(device.person)),
        )

    def _everybody(self) -> Iterator[PresentDevice]:
        yield from self._here.values()
        for _, node in self._heard():
            yield from node.devices.values()

    def _heard(self) -> Iterator[tuple[str, _Node]]:
        now = time.monotonic()
        if not self._store.available or not self._store.hears(ALL_NODES_CHANNEL):
            self._deaf_at = now
        horizon = now - FORGOTTEN_AFTER_SECONDS
        last = self._deaf_at
        return ((name, node) for name, node in self._elsewhere.items() if max(node.heard, last) > horizon)

    # --- telling the other nodes ---

    async def announce_forever(self) -> None:
        """Say that this node lives, and forget nodes that no longer do."""
        self._publish(node_channel.PRESENCE_WANTED, b"")
        while True:
            self._notice_loads()
            self._announce()
            self._publish(
                node_channel.PRESENCE_BEAT, _encode(_Beat(self._node_id, self._version, self._count_active()))
            )
            await asyncio.sleep(HEARTBEAT_SECONDS)
            self._forget_silent_nodes()

    def _notice_loads(self) -> None:
        for connection, device in list(self._here.items()):
            load = len(connection.subscriptions)
            if load != device.load:
                self._keep(connection, _with_load(device, load))

    def _forget_silent_nodes(self) -> None:
        alive = dict(self._heard())
        if len(alive) != len(self._elsewhere):
            for name in self._elsewhere.keys() - alive.keys():
                self._staff.drop_node(name)
            self._elsewhere = alive
            self.changes.notify()

    def _announce_soon(self) -> None:
        self.changes.notify()
        if not self._announcement_due:
            self._announcement_due = True
            asyncio.get_running_loop().call_later(_GATHERING_SECONDS, self._announce)

    def _announce(self) -> None:
        """Tell the other nodes what has changed since the last time."""
        self._announcement_due = False
        changed = [self._here[connection] for connection in self._changed if connection in self._here]
        gone, self._gone = self._gone, []
        self._changed.clear()
        if changed or gone:
            self._version += 1
            message = _Changed(self._node_id, self._version, changed, gone)
            self._publish(node_channel.PRESENCE_CHANGED, _encode(message))

    def _publish(self, kind: int, message: bytes) -> None:
        self._store.publish(ALL_NODES_CHANNEL, bytes((kind,)) + message)

    # --- hearing the other nodes ---

    def _hear_all(self, message: bytes) -> None:
        said = _decode_all(message)
        node = self._node(said.node_id)
        if node is not None and said.version >= node.version:
            node.version, node.devices = said.version, {device.key: device for device in said.devices}
            self._staff.drop_node(said.node_id)
            for device in said.devices:
                self._staff.put(said.node_id, device)
            self.changes.notify()

    def _hear_changed(self, message: bytes) -> None:
        said = _decode_changed(message)
        node = self._node(said.node_id)
        if node is None:
            return
        if said.version != node.version + 1:
            self._ask(said.node_id)
            return
        node.version = said.version
        node.devices |= {device.key: device for device in said.devices}
        for device in said.devices:
            self._staff.put(said.node_id, device)
        for key in said.gone:
            node.devices.pop(key, None)
            self._staff.drop(said.node_id, key)
        self.changes.notify()

    def _hear_beat(self, message: bytes) -> None:
        said = _decode_beat(message)
        node = self._node(said.node_id)
        if node is not None:
            node.active = said.active
            if said.version != node.version:
                self._ask(said.node_id)

    def _node(self, name: str) -> _Node | None:
        """Another node, just heard; None for ourselves."""
        if name == self._node_id:
            return None
        node = self._elsewhere.setdefault(name, _Node(0.0))
        node.heard = time.monotonic()
        return node

    def _ask(self, name: str) -> None:
        self._publish(node_channel.PRESENCE_WANTED, name.encode())

    def _hear_wanted(self, wanted: bytes) -> None:
        if wanted in (b"", self._node_id.encode()):
            # What is due to be told is in it; but only a change of version makes others look.
            self._announce()
            everybody = _All(self._node_id, self._version, list(self._here.values()))
            self._publish(node_channel.PRESENCE, _encode(everybody))


def _with_load(device: PresentDevice, load: int) -> PresentDevice:
    """Whoever has come out of a conversation is idle from then on, however long it was."""
    idle_since = time.time() if load < device.load else device.idle_since
    return structs.replace(device, load=load, idle_since=idle_since)
