"""Which staff devices are connected, to which node, and whether they take conversations.

Nothing of it is stored: a staff statement holds a name, and names are written nowhere. Each node tells the
others every five seconds, and at once when something changes, who is connected to it; what a node has not
repeated for fifteen seconds is forgotten, so the people of a dead node are offline by then.

    PRESENCE message: MessagePack [node id, [[device id, availability, capacity, statement, issuer
    statement], ...]]
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from msgspec import Struct, msgpack
from teduh_signaling.relay.frames import MAX_COLLEAGUES, Availability, Colleague

from teduh_server import node_channel
from teduh_server.connection import Connection
from teduh_server.node_channel import NodeChannel
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL

HEARTBEAT_SECONDS = 5.0
FORGOTTEN_AFTER_SECONDS = 15.0
_SETTLING_SECONDS = 0.05
_COLLEAGUES_CHARACTERS = 200_000
"""What fits into one frame with room to spare."""


class PresentDevice(Struct, frozen=True, array_like=True):
    """One staff device as its node describes it."""

    device_id: bytes
    availability: Availability
    capacity: int
    statement: str
    issuer_statement: str | None


class NodePresence(Struct, frozen=True, array_like=True):
    node_id: str
    devices: list[PresentDevice]


_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(NodePresence).decode


class Presence:
    """This node's staff, and what the other nodes say of theirs."""

    def __init__(self, store: Store, channel: NodeChannel, node_id: str) -> None:
        self._store = store
        self._node_id = node_id
        self._here: dict[Connection, PresentDevice] = {}
        self._elsewhere: dict[str, tuple[float, list[PresentDevice]]] = {}
        self._announcement_due = False
        channel.on(node_channel.PRESENCE, self._hear)
        channel.on(node_channel.PRESENCE_WANTED, lambda _: self.announce_soon())

    def attach(self, connection: Connection) -> None:
        """A staff device has connected; it is away until it says otherwise."""
        self.set_availability(connection, Availability.AWAY, 0)

    def set_availability(self, connection: Connection, availability: Availability, capacity: int) -> None:
        staff = connection.staff
        assert staff is not None
        self._here[connection] = PresentDevice(
            staff.device_id, availability, capacity, staff.statement, staff.issuer_statement
        )
        self.announce_soon()

    def detach(self, connection: Connection) -> None:
        if self._here.pop(connection, None) is not None:
            self.announce_soon()

    def available_here(self) -> Iterator[Connection]:
        """The connections of this node that take conversations."""
        return (
            connection
            for connection, device in self._here.items()
            if device.availability is Availability.AVAILABLE
        )

    def here(self) -> list[Connection]:
        return list(self._here)

    def nodes_of(self, device_id: bytes) -> list[str]:
        """The other nodes to which a device is connected."""
        return [
            node for node, devices in self._heard() if any(each.device_id == device_id for each in devices)
        ]

    def colleagues(self, but: bytes, after: bytes | None = None) -> tuple[tuple[Colleague, ...], bool]:
        """Who is connected, by device id, as many as fit into one frame; and whether there are others.

        Each device once, as available as it is anywhere, without `but` and only those beyond `after`.
        """
        best: dict[bytes, PresentDevice] = {}
        everybody = [*self._here.values(), *(device for _, devices in self._heard() for device in devices)]
        for device in sorted(everybody, key=lambda each: each.availability):
            best[device.device_id] = device
        wanted = [best[each] for each in sorted(best) if each != but and (after is None or each > after)]
        return _as_many_as_fit(wanted)

    def _heard(self) -> Iterator[tuple[str, list[PresentDevice]]]:
        horizon = time.monotonic() - FORGOTTEN_AFTER_SECONDS
        return ((node, devices) for node, (heard, devices) in self._elsewhere.items() if heard > horizon)

    async def announce_forever(self) -> None:
        """Repeat who is here, and forget nodes that repeat nothing."""
        self._publish(bytes((node_channel.PRESENCE_WANTED,)))
        while True:
            self.announce()
            await asyncio.sleep(HEARTBEAT_SECONDS)
            self._elsewhere = {node: self._elsewhere[node] for node, _ in self._heard()}

    def announce_soon(self) -> None:
        if not self._announcement_due:
            self._announcement_due = True
            asyncio.get_running_loop().call_later(_SETTLING_SECONDS, self.announce)

    def announce(self) -> None:
        """Tell the other nodes now who is connected to this one."""
        self._announcement_due = False
        presence = NodePresence(self._node_id, list(self._here.values()))
        self._publish(bytes((node_channel.PRESENCE,)) + _encode(presence))

    def _publish(self, message: bytes) -> None:
        self._store.send((b"PUBLISH", ALL_NODES_CHANNEL, message))

    def _hear(self, message: bytes) -> None:
        presence = _decode(message)
        if presence.node_id != self._node_id:
            self._elsewhere[presence.node_id] = (time.monotonic(), presence.devices)


def _as_many_as_fit(devices: list[PresentDevice]) -> tuple[tuple[Colleague, ...], bool]:
    room = _COLLEAGUES_CHARACTERS
    chosen = []
    for device in devices[:MAX_COLLEAGUES]:
        room -= len(device.statement) + len(device.issuer_statement or "") + 64
        if room < 0:
            break
        chosen.append(
            Colleague(device.device_id, device.availability, device.statement, device.issuer_statement)
        )
    return tuple(chosen), len(chosen) < len(devices)
