"""How the parts of presence, queue and routing are put together on one node.

::

    Presence ---- changes ----> QueueNews, Router
    Queue ----- QUEUE_CHANGED (all nodes) --> QueueNews (tells), Router (offers) --> Offers
      \\-------- what has happened --> Board
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from teduh_crypto.credentials import StatementVerifier

from teduh_server.cluster import node_channel
from teduh_server.cluster.node_channel import NodeChannel
from teduh_server.config.push_settings import PushSettings
from teduh_server.config.settings import Settings
from teduh_server.conversation_log.delivery_service import DeliveryService
from teduh_server.handlers.routing import RoutingHandlers
from teduh_server.matching.opening_hours import OpeningHours
from teduh_server.matching.reported import Reported
from teduh_server.matching.request_price import RequestPrice
from teduh_server.matching.turns import Turns
from teduh_server.matching.unclaimed import Unclaimed
from teduh_server.organisation.staff_authentication import StaffAuthentication
from teduh_server.redis_store.client import Store
from teduh_server.routing.abuse import AbuseReports
from teduh_server.routing.alerts import Alerts
from teduh_server.routing.board import Board
from teduh_server.routing.continuation import Continuations
from teduh_server.routing.offers import Offers
from teduh_server.routing.queue import Queue
from teduh_server.routing.queue_news import QueueNews
from teduh_server.routing.router import Router
from teduh_server.routing.service_order import ServiceOrder
from teduh_server.session.connection import Connection
from teduh_server.staff.presence import Presence
from teduh_server.staff.push import Push, PushServices

Spawn = Callable[[Coroutine[None, None, None]], None]


def _nothing(source: bytes) -> None:
    """There are no other workers."""


@dataclass(frozen=True, slots=True)
class Node:
    """What one node's services stand on."""

    id: str
    store: Store
    channel: NodeChannel
    delivery: DeliveryService
    spawn: Spawn
    unclaimed: Unclaimed
    notify_workers: Callable[[bytes], None] = _nothing
    """Tell the other workers of this machine that a source was reported."""


class RoutingServices:
    """Presence, queue, offers, board and push of one node."""

    def __init__(
        self,
        settings: Settings,
        node: Node,
        price: RequestPrice,
        turns: Turns,
        verifier: StatementVerifier,
        continuations: Continuations,
    ) -> None:
        """Raises `InvalidOpeningHours`, `InvalidPushKey`, `OSError`."""
        store, channel, delivery = node.store, node.channel, node.delivery
        hours = OpeningHours.load(settings.organisation_file)
        routing = settings.routing
        policy = routing.policy
        retention_ms = settings.retention_ms
        self.makes_offers = routing.makes_offers
        self.presence = Presence(store, channel, node.id, delivery.count_active)
        self.board = Board(
            store, self.presence, hours, goal_seconds=routing.goal_seconds, retention_ms=retention_ms
        )
        self.news = QueueNews(store, self.presence, hours, policy if self.makes_offers else None, node.spawn)
        reported = Reported()
        self.queue = Queue(
            store,
            self.news,
            delivery,
            ServiceOrder(store, turns),
            retention_ms=retention_ms,
            lease_seconds=settings.lease_seconds,
            consent_seconds=settings.consent_seconds,
            absent_seconds=settings.absent_seconds,
            goal_seconds=routing.goal_seconds,
            count=self.board.count,
            spawn=node.spawn,
            unclaimed=node.unclaimed,
            reported=reported,
            continuations=continuations,
        )
        self.offers = Offers(store, channel, self.presence, self.queue, self.news, retention_ms=retention_ms)
        self.alerts = Alerts(store, channel, self.presence, policy)
        self.push = _push(settings.push, node, self.presence, verifier)
        self.router = Router(
            store,
            self.presence,
            self.offers,
            self.alerts,
            self.push,
            policy,
            node.id,
            makes_offers=self.makes_offers,
            retention_ms=retention_ms,
        )
        self.abuse = AbuseReports(
            store, channel, self.queue, turns, price, reported, node.spawn, node.notify_workers
        )
        self.presence.changes.add(self._changed)
        channel.on(node_channel.QUEUE_CHANGED, lambda _: self._changed())

    def start(self, keep: Callable[[Callable[[], Coroutine[None, None, None]]], None]) -> None:
        """Begin what runs for as long as the node does, with `keep`, which begins anew what fails."""
        keep(self.queue.sweep_forever)
        keep(self.presence.announce_forever)
        keep(self.router.route_forever)
        keep(self.board.show_forever)
        keep(self.alerts.show_forever)

    def handlers(
        self, authentication: StaffAuthentication, has_room: Callable[[Connection, int], bool]
    ) -> RoutingHandlers:
        """What answers the frames of routing."""
        return RoutingHandlers(
            self.queue,
            self.news,
            self.offers,
            self.presence,
            self.board,
            self.alerts,
            self.abuse,
            self.push,
            authentication,
            has_room,
            self.makes_offers,
        )

    def _changed(self) -> None:
        self.news.refresh_soon()
        self.router.poke()


def _push(settings: PushSettings, node: Node, presence: Presence, verifier: StatementVerifier) -> Push | None:
    if settings.key_file is None:
        return None
    # Only here: whoever wakes nobody does without these libraries' memory.
    from teduh_server.staff.push_message import PushKey

    def is_believed(device_id: bytes, statement_id: str, subject: str) -> bool:
        revoked = verifier.revocations
        return revoked is None or (
            statement_id not in revoked.statements
            and subject not in revoked.subjects
            and _text(device_id) not in revoked.devices
        )

    return Push(
        node.store,
        PushServices(settings.services, unsafe_loopback=settings.unsafe_loopback),
        PushKey.load(settings.key_file, settings.contact or ""),
        presence.device_ids,
        is_believed,
        node.spawn,
        every_seconds=settings.every_seconds,
    )


def _text(device_id: bytes) -> str:
    """A device as the revocation list has it."""
    return base64.urlsafe_b64encode(device_id).rstrip(b"=").decode()
