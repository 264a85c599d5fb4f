"""Of what a relay node consists, and how its parts are put together; `app` starts and stops them.

::

                   Store --- NodeChannel
                     |
      Inbox  DeliveryService  Queue  Presence  KeyPackageDirectory  StaffAuthentication
                     |
               FrameHandlers
                     |
               SocketHandler

Each part is given what it needs by its constructor. Where one has to hear of another that is made later, the
later one adds itself to the `Observers` of the earlier.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from teduh_crypto.credentials import RevocationList, StatementVerifier
from teduh_signaling.relay.frames import Append

from teduh_server.cluster.node_channel import REVOCATIONS_CHANGED, NodeChannel
from teduh_server.cluster.sibling_workers import SiblingWorkers
from teduh_server.config.settings import Settings
from teduh_server.conversation_log.delivery_service import DeliveryService
from teduh_server.conversation_log.inbox import Inbox
from teduh_server.conversation_log.store_reserve import StoreReserve
from teduh_server.handlers.admission import Admission
from teduh_server.handlers.frames import FrameHandlers, Services
from teduh_server.handlers.ice_servers import IceServerOffers
from teduh_server.handlers.routing_services import Node, RoutingServices
from teduh_server.handlers.socket import SocketHandler
from teduh_server.http.served_pages import Origins
from teduh_server.matching.request_price import RequestPrice
from teduh_server.matching.turns import Turns
from teduh_server.matching.unclaimed import Unclaimed
from teduh_server.operations.background_tasks import BackgroundTasks
from teduh_server.organisation.enrolment_store import EnrolmentStore
from teduh_server.organisation.revocation_feed import RevocationFeed
from teduh_server.organisation.staff_authentication import AuthenticationRefused, StaffAuthentication
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.exceptions import StoreError
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL, node_channel
from teduh_server.redis_store.location import Location
from teduh_server.redis_store.scripts import LogLimits
from teduh_server.routing.ask_to_join import AsksToJoin
from teduh_server.routing.continuation import Continuations
from teduh_server.routing.queue import Queue
from teduh_server.routing.staff_liveness import StaffLiveness
from teduh_server.session.connection import Connection
from teduh_server.staff.key_package_directory import KeyPackageDirectory
from teduh_server.transport.browser_origin import BrowserOrigins, hosts_of
from teduh_server.transport.rate_limit import SourceLimit, source_of_requests

_REQUEST_BURST: Final = 6.0
_GATHERING_SECONDS: Final = 0.05


class Parts:
    """Those of one node. Nothing runs before `start`."""

    def __init__(
        self,
        settings: Settings,
        location: Location,
        node_id: str,
        verifier: StatementVerifier,
        origins: Origins,
        tasks: BackgroundTasks,
        siblings: SiblingWorkers | None,
    ) -> None:
        """Raises `InvalidOpeningHours`, `InvalidPushKey`, `OSError`."""
        self._tasks, self._siblings = tasks, siblings
        self.channel = channel = NodeChannel()
        self.store = store = Store(
            location,
            (node_channel(node_id), ALL_NODES_CHANNEL),
            channel.receive,
            self._listening_again,
            durability=settings.durability,
            replicas=settings.replicas,
        )
        limits = LogLimits(
            node_id, settings.retention_ms, settings.conversation_entries, settings.conversation_bytes
        )
        self.inbox = Inbox(store, channel, settings.retention_ms, tasks.spawn)
        noted_ms = min(settings.routing.continue_ms, settings.retention_ms)
        self.continuations = Continuations(store, noted_ms)
        self.unclaimed, self.reserve = Unclaimed(), StoreReserve(store)
        self.delivery = DeliveryService(
            store,
            channel,
            limits,
            self.inbox,
            tasks.spawn,
            notes_staff=noted_ms > 0,
            may_say_early=self._may_say_early,
        )
        price, turns = RequestPrice(settings.free_requests, settings.calm_waiting), Turns()
        notify_workers = _nobody if siblings is None else siblings.notify_all
        node = Node(node_id, store, channel, self.delivery, tasks.spawn, self.unclaimed, notify_workers)
        self.routing = RoutingServices(settings, node, price, turns, verifier, self.continuations)
        self.staff_liveness = StaffLiveness(
            store, channel, self.delivery, node_id, settings.unreachable_seconds
        )
        own_origins = dict.fromkeys((origins.relay, origins.console))
        self._authentication = StaffAuthentication(verifier, *own_origins)
        self.enrolments = EnrolmentStore(store)
        self.feed = RevocationFeed(self.enrolments, verifier, self._revocations_adopted)
        channel.on(REVOCATIONS_CHANGED, self._revocations_changed)
        services = Services(
            delivery=self.delivery,
            routing=self.routing,
            inbox=self.inbox,
            key_packages=KeyPackageDirectory(store, channel, self.routing.presence, node_id),
            asks_to_join=AsksToJoin(store, channel, self.routing.presence),
            authentication=self._authentication,
            ice_servers=IceServerOffers(settings.calls),
            admission=Admission(self.queue, turns, price, most_waiting=settings.waiting_requests),
            request_limit=SourceLimit(settings.requests_per_minute / 60, _REQUEST_BURST),
            subscriptions_per_connection=settings.subscriptions_per_connection,
            unclaimed=self.unclaimed,
            reserve=self.reserve,
            continuations=self.continuations,
        )
        hosts = hosts_of(*own_origins) if settings.public_origin else None
        browsers = BrowserOrigins(frozenset((*own_origins, *settings.allowed_origins)), hosts)
        secret = None if siblings is None else siblings.secret
        self.sockets = SocketHandler(settings, FrameHandlers(services), browsers, secret)

    @property
    def queue(self) -> Queue:
        """The requests that wait."""
        return self.routing.queue

    async def start(self) -> None:
        """Begin all that runs in the background."""
        keep = self._tasks.keep
        await self.feed.start()
        self.routing.start(keep)
        keep(self.continuations.renew_forever)
        keep(self.staff_liveness.watch_forever)
        keep(self.sockets.beat_forever)
        if self._siblings is not None:
            self._siblings.listen(self.routing.abuse.take_out)

    async def begin_with_store(self) -> None:
        """What a node asks the store first, as soon as it can."""
        await self.store.ready()
        with suppress(StoreError):
            await self.store.look_at_clock()
        await self._look_for_revocations()

    async def leave_by_beacon(self, conversation_id: bytes, capability_hash: bytes) -> None:
        """End her membership, and her request with it. Raises StoreError."""
        if await self.delivery.leave_by_beacon(conversation_id, capability_hash):
            # Had she been waiting still, nobody is to be offered her request.
            await self.queue.cancel(conversation_id)

    def _may_say_early(self, connection: Connection, frame: Append) -> bool:
        """Whether a survivor may append this before anybody has taken her conversation."""
        if self.reserve.refuses_unclaimed:
            return False
        size = len(frame.payload) + len(frame.welcome or b"")
        source = source_of_requests(connection.source)
        return self.unclaimed.try_append(source, frame.conversation_id, size)

    def _listening_again(self) -> None:
        self._tasks.spawn(self.delivery.rejoin())
        self.inbox.look_again()
        self.routing.news.refresh_soon()
        self.routing.alerts.look_again()

    def _revocations_changed(self, _: bytes) -> None:
        self._tasks.spawn(self._look_for_revocations())

    async def _look_for_revocations(self) -> None:
        # If the store is away, the feed looks again by itself.
        with suppress(StoreError):
            await self.feed.refresh()

    def _revocations_adopted(self, revocations: RevocationList) -> None:
        # The others look at the store then; each node adopts a list once.
        asyncio.get_running_loop().call_later(_GATHERING_SECONDS, self._publish_revocations_changed)
        for connection in self.routing.presence.here():
            assert connection.staff is not None
            try:
                self._authentication.still_believed(connection.staff)
            except AuthenticationRefused as refused:
                connection.end(refused.code, refused.detail)

    def _publish_revocations_changed(self) -> None:
        self.store.publish(ALL_NODES_CHANNEL, bytes((REVOCATIONS_CHANGED,)))


def _nobody(source: bytes) -> None:
    """There are no other workers to be told of a source that was reported."""
