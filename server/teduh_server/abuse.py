"""Requests that were none: staff say so, and the node to which their sender is connected asks her for more.

Who is reported is known to that node only, as the keyed hash of an address, in memory, for an hour.
Emergencies pay the price too, and are never turned away.
"""

from __future__ import annotations

from teduh_server import node_channel
from teduh_server.delivery_service import DeliveryService
from teduh_server.node_channel import NodeChannel
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL
from teduh_server.request_price import RequestPrice


class AbuseReports:
    """Reports by the staff of this node, and about the survivors of this node."""

    def __init__(
        self, store: Store, channel: NodeChannel, delivery: DeliveryService, price: RequestPrice
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._price = price
        channel.on(node_channel.ABUSE, self._hear)

    def report(self, conversation_id: bytes) -> None:
        """Tell whichever node it concerns."""
        self._store.publish(ALL_NODES_CHANNEL, bytes((node_channel.ABUSE,)) + conversation_id)

    def _hear(self, conversation_id: bytes) -> None:
        for connection in self._delivery.survivors(conversation_id):
            self._price.report(connection.source)
