"""A supervisor asks a staff member to be brought into a conversation, and learns of none by it.

The question goes from device to device, through another node's channel if need be, and is kept nowhere: a
device that is not connected is not asked.
"""

from __future__ import annotations

from msgspec import Struct, msgpack
from teduh_crypto.credentials import Role
from teduh_signaling.relay.frames import AskToJoin, Done, ErrorCode, JoinAsked

from teduh_server.cluster import node_channel
from teduh_server.cluster.node_channel import NodeChannel
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.keys import node_channel as channel_of
from teduh_server.session.connection import Connection
from teduh_server.staff.presence import Presence


class _Asked(Struct, frozen=True, array_like=True):
    to: bytes
    device_id: bytes
    statement: str
    issuer_statement: str | None


_encode = msgpack.Encoder().encode
_decode = msgpack.Decoder(_Asked).decode


class AsksToJoin:
    """The frame AskToJoin, on one node."""

    def __init__(self, store: Store, channel: NodeChannel, presence: Presence) -> None:
        self._store = store
        self._presence = presence
        channel.on(node_channel.JOIN_ASKED, self._hear)

    def ask(self, connection: Connection, frame: AskToJoin) -> None:
        """Pass the question on to wherever the device is connected."""
        staff = connection.staff
        assert staff is not None
        if staff.role is not Role.SUPERVISOR:
            connection.refuse(ErrorCode.NOT_PERMITTED, "that is for supervisors", ref=frame.ref)
            return
        asked = _Asked(frame.device_id, staff.device_id, staff.statement, staff.issuer_statement)
        nodes = self._presence.nodes_of(frame.device_id)
        for node in nodes:
            self._store.publish(channel_of(node), bytes((node_channel.JOIN_ASKED,)) + _encode(asked))
        if self._notify(asked) or nodes:
            connection.send(Done(frame.ref))
        else:
            connection.refuse(ErrorCode.NO_KEY_PACKAGE, "the device is not connected", ref=frame.ref)

    def _hear(self, message: bytes) -> None:
        self._notify(_decode(message))

    def _notify(self, asked: _Asked) -> bool:
        frame = JoinAsked(asked.device_id, asked.statement, asked.issuer_statement)
        connections = [
            each for each in self._presence.here() if each.staff and each.staff.device_id == asked.to
        ]
        for each in connections:
            each.send(frame)
        return bool(connections)
