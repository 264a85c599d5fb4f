"""The composition root: what a relay node consists of, how it starts and how it stops.

::

    settings --> embedded Valkey (unless there is a store_url)
                     |
                   Store --- NodeChannel
                     |
      Inbox  DeliveryService  Queue  Presence  KeyPackageDirectory  StaffAuthentication
                     |
               FrameHandlers
                     |
    /v1/socket  SocketHandler      /v1/enrolments /v1/revocations      / /x /console/      /healthz /metrics
                     |                          |                           |                  |
           ConnectionListener ----------+------- aiohttp -----------+------------------+

It serves from the start, and takes the store as it comes: one that is away or still reads its file is no
reason to end. Until it takes writes, clients are told `unavailable` and `/readyz` says 503.

A stop drains: no new connections, clients are asked to move, appends in flight are answered, then the rest
is closed.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial

from aiohttp import web
from teduh_crypto.credentials import Organisation, RevocationList, StatementVerifier
from teduh_signaling.relay.frames import Append, CloseCode

from teduh_server.cluster.node_channel import REVOCATIONS_CHANGED, NodeChannel
from teduh_server.cluster.sibling_workers import SiblingWorkers
from teduh_server.config.page_settings import PageSettings
from teduh_server.config.settings import Settings
from teduh_server.conversation_log.delivery_service import DeliveryService
from teduh_server.conversation_log.inbox import Inbox
from teduh_server.conversation_log.store_reserve import StoreReserve
from teduh_server.handlers.admission import Admission
from teduh_server.handlers.frames import FrameHandlers, Services
from teduh_server.handlers.ice_servers import IceServerOffers
from teduh_server.handlers.routing_services import Node, RoutingServices
from teduh_server.handlers.socket import SocketHandler
from teduh_server.http.directory import directory_routes
from teduh_server.http.enrolment import enrolment_routes
from teduh_server.http.health import health_routes, metrics_routes
from teduh_server.http.leave_beacon import leave_beacon_routes
from teduh_server.http.pages import page_routes
from teduh_server.http.served_pages import BUILT, NO_STORE, Origins
from teduh_server.matching.request_price import RequestPrice
from teduh_server.matching.turns import Turns
from teduh_server.matching.unclaimed import Unclaimed
from teduh_server.operations import metrics
from teduh_server.operations.log_policy import Trouble, fault, log
from teduh_server.operations.loop_lag import LoopLag
from teduh_server.organisation.enrolment_store import EnrolmentStore
from teduh_server.organisation.revocation_feed import RevocationFeed
from teduh_server.organisation.signed_directory import ServedDirectory
from teduh_server.organisation.staff_authentication import AuthenticationRefused, StaffAuthentication
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.exceptions import FULL_OR_FAILING, StoreError, StoreUnavailable, cause_of
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL, new_node_id, node_channel
from teduh_server.redis_store.location import ClusterLocation, parse_location
from teduh_server.redis_store.scripts import LogLimits
from teduh_server.routing.ask_to_join import AsksToJoin
from teduh_server.routing.continuation import Continuations
from teduh_server.routing.staff_liveness import StaffLiveness
from teduh_server.session.connection import Connection
from teduh_server.staff.key_package_directory import KeyPackageDirectory
from teduh_server.transport.browser_origin import BrowserOrigins, hosts_of
from teduh_server.transport.listener import ConnectionListener
from teduh_server.transport.rate_limit import SourceLimit, source_of_requests
from teduh_server.transport.unused_connections import UnusedConnections

SOCKET_PATH = "/v1/socket"
_REQUEST_BURST = 6.0
_HTTP_PER_SECOND, _HTTP_BURST = 2.0, 60.0
_POLL_SECONDS = 0.02
_CLOSE_SECONDS = 1.0
_BEGUN_ANEW_SECONDS = 1.0
_TELLING_SECONDS = 0.05


class Relay:
    """One relay node. `start`, then `stop`; both once."""

    def __init__(
        self,
        settings: Settings,
        *,
        demonstration: bool = False,
        shared_port: bool = False,
        siblings: SiblingWorkers | None = None,
    ) -> None:
        """A demonstration's console says that it is one, and is at `localhost`. With `shared_port` other
        processes may listen on the same port; `sibling_workers` are those of this machine.
        """
        self._siblings = siblings
        self._settings = settings
        self._shared_port = shared_port
        self._demonstration = demonstration
        self._location = None if settings.store_url is None else parse_location(settings.store_url)
        self.node_id = new_node_id(sharded=isinstance(self._location, ClusterLocation))
        self.organisation = Organisation.load(settings.organisation_file)
        self._page_settings = PageSettings.load(settings.organisation_file)
        self.verifier = StatementVerifier(self.organisation.root_public_key, self.organisation.id)
        self.origin = self.console_origin = ""
        self._valkey: EmbeddedValkey | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._takes_tasks = True
        self._runners: list[web.AppRunner] = []
        self._listening: list[asyncio.Server] = []
        self._listeners: list[ConnectionListener] = []
        self._stopping = False
        self._begun = asyncio.Event()
        self._lag = LoopLag()

    # --- starting ---

    async def start(self) -> None:
        """Listen and serve, whether the store is there yet or not. Raises OSError (the port is taken),
        FolderInUse.
        """
        listener = _listen(self._settings.listen_host, self._settings.listen_port, shared=self._shared_port)
        try:
            await self._start_store()
            self._compose(listener)
            await self._start_services()
            await self._serve(self._application(), listener)
        except BaseException:
            listener.close()
            await self.stop()
            raise
        port = listener.getsockname()[1]
        log().info("relay started", origin=self.origin, port=port)

    async def _start_store(self) -> None:
        settings = self._settings
        location, durability = self._location, settings.durability
        if location is None:
            self._valkey = EmbeddedValkey(settings.data_folder / "valkey", durability)
            await asyncio.to_thread(self._valkey.start)
            location = StoreAddress.parse(self._valkey.url)
        self._channel = NodeChannel()
        self._store = Store(
            location,
            (node_channel(self.node_id), ALL_NODES_CHANNEL),
            self._channel.receive,
            self._listening_again,
            durability=durability,
            replicas=settings.replicas,
        )
        self._store.begin()

    def _compose(self, listener: socket.socket) -> None:
        settings = self._settings
        host, port = listener.getsockname()[:2]
        self.origin = settings.public_origin or f"http://{_url_host(host)}:{port}"
        self.console_origin = settings.console_origin or self.origin
        if self._demonstration:
            # Quick exit from the survivor's page must not empty the console's origin; passkeys want a name.
            self.console_origin = f"http://localhost:{port}"
        store, channel = self._store, self._channel
        limits = LogLimits(
            self.node_id,
            settings.retention_ms,
            settings.conversation_entries,
            settings.conversation_bytes,
        )
        self._inbox = Inbox(store, channel, settings.retention_ms, self.spawn)
        noted_ms = min(settings.routing.continue_ms, settings.retention_ms)
        self._continuations = Continuations(store, noted_ms)
        self._unclaimed, self._reserve = Unclaimed(), StoreReserve(store)
        self._delivery = DeliveryService(
            store,
            channel,
            limits,
            self._inbox,
            self.spawn,
            notes_staff=noted_ms > 0,
            may_say_early=self._may_say_early,
        )
        price, turns = RequestPrice(settings.free_requests, settings.calm_waiting), Turns()
        node = Node(
            self.node_id,
            store,
            channel,
            self._delivery,
            self.spawn,
            self._unclaimed,
            self._notify_workers,
        )
        self._routing = RoutingServices(settings, node, price, turns, self.verifier, self._continuations)
        self._reach = StaffLiveness(
            store, channel, self._delivery, self.node_id, settings.unreachable_seconds
        )
        self._presence, self._queue = self._routing.presence, self._routing.queue
        own_origins = dict.fromkeys((self.origin, self.console_origin))
        self._authentication = StaffAuthentication(self.verifier, *own_origins)
        self.enrolments = EnrolmentStore(store)
        self._feed = RevocationFeed(self.enrolments, self.verifier, self._revocations_adopted)
        channel.on(REVOCATIONS_CHANGED, self._revocations_changed)
        services = Services(
            delivery=self._delivery,
            routing=self._routing,
            inbox=self._inbox,
            key_packages=KeyPackageDirectory(store, channel, self._presence, self.node_id),
            asks_to_join=AsksToJoin(store, channel, self._presence),
            authentication=self._authentication,
            ice_servers=IceServerOffers(settings.calls),
            admission=Admission(self._queue, turns, price, most_waiting=settings.waiting_requests),
            request_limit=SourceLimit(settings.requests_per_minute / 60, _REQUEST_BURST),
            subscriptions_per_connection=settings.subscriptions_per_connection,
            unclaimed=self._unclaimed,
            reserve=self._reserve,
            continuations=self._continuations,
        )
        hosts = hosts_of(*own_origins) if settings.public_origin else None
        browsers = BrowserOrigins(frozenset((*own_origins, *settings.allowed_origins)), hosts)
        secret = None if self._siblings is None else self._siblings.secret
        self._sockets = SocketHandler(settings, FrameHandlers(services), browsers, secret)
        self._unused = UnusedConnections(2 * settings.heartbeat_seconds, self._sockets.source)

    async def _start_services(self) -> None:
        await self._feed.start()
        self.spawn(self._begin_with_store())
        self._routing.start(self.keep)
        self.keep(self._continuations.renew_forever)
        self.keep(self._lag.look_forever)
        self.keep(self._reach.watch_forever)
        self.keep(self._sockets.beat_forever)
        if self._siblings is not None:
            self._siblings.listen(self._routing.abuse.take_out)
        if self._valkey is not None:
            self.keep(partial(_tend_forever, self._valkey))

    async def _begin_with_store(self) -> None:
        """What a node asks the store first, as soon as it can."""
        await self._store.ready()
        with suppress(StoreError):
            await self._store.look_at_clock()
        await self._look_for_revocations()
        self._begun.set()

    @property
    def ready(self) -> bool:
        """Whether an append would succeed now, and this node is not about to stop."""
        has_begun = self._begun.is_set() and not self._stopping
        return has_begun and self._store.available and self._store.trouble is None

    async def until_ready(self) -> None:
        """Wait until it is, for what has to be done at the start."""
        while not self.ready:  # noqa: ASYNC110 -- what it depends on is in other processes
            await asyncio.sleep(_POLL_SECONDS)

    def _application(self) -> web.Application:
        application = web.Application()
        application.on_response_prepare.append(_keep_nowhere)
        http_limit = SourceLimit(_HTTP_PER_SECOND, _HTTP_BURST)
        routes = health_routes(lambda: self.ready)
        routes += enrolment_routes(
            self.enrolments,
            self.verifier,
            self._feed,
            origin=self.origin,
            allow=lambda request: http_limit.try_take(self._sockets.source(request), time.monotonic()) == 0,
        )
        settings = self._settings
        directory_file = settings.served_directory_file
        routes += directory_routes(
            ServedDirectory(directory_file, self.verifier),
            lambda request: http_limit.try_take(self._sockets.source(request), time.monotonic()) == 0,
            origin=self.origin,
        )
        routes += leave_beacon_routes(
            self._leave_by_beacon,
            lambda request: http_limit.try_take(self._sockets.source(request), time.monotonic()) == 0,
        )
        routes += page_routes(
            self.organisation,
            self._page_settings,
            Origins(self.origin, self.console_origin),
            BUILT,
            demonstration=self._demonstration,
            has_directory=directory_file.is_file(),
        )
        application.add_routes([self._unused.in_time(route) for route in routes])
        application.add_routes([web.get(SOCKET_PATH, self._sockets.serve)])
        return application

    async def _serve(self, application: web.Application, listener: socket.socket) -> None:
        others = await self._run(application)
        await self._listen(
            ConnectionListener(SOCKET_PATH, self._sockets.enter, others, self._unused), listener
        )
        if self._settings.metrics_port is not None:
            watchers = web.Application()
            unused = UnusedConnections(2 * self._settings.heartbeat_seconds)
            watchers.add_routes([unused.in_time(route) for route in metrics_routes(self._measure)])
            measures = ConnectionListener(None, _nobody_enters, await self._run(watchers), unused)
            try:
                port = _listen(self._settings.metrics_host, self._settings.metrics_port)
            except OSError as error:
                if not self._shared_port:
                    raise
                # Of several workers it would be this one alone that ends, again and again.
                fault("metrics_port_taken", error)
                return
            await self._listen(measures, port)

    async def _run(self, application: web.Application) -> web.Server:
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        self._runners.append(runner)
        assert runner.server is not None
        return runner.server

    async def _listen(self, connections: ConnectionListener, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._listening.append(await loop.create_server(connections, sock=listener, backlog=1024))
        self._listeners.append(connections)
        self.keep(connections.sweep_forever)

    def _may_say_early(self, connection: Connection, frame: Append) -> bool:
        """Whether a survivor may append this before anybody has taken her conversation."""
        if self._reserve.refuses_unclaimed:
            return False
        size = len(frame.payload) + len(frame.welcome or b"")
        source = source_of_requests(connection.source)
        return self._unclaimed.try_append(source, frame.conversation_id, size)

    async def _leave_by_beacon(self, conversation_id: bytes, capability_hash: bytes) -> None:
        if await self._delivery.leave_by_beacon(conversation_id, capability_hash):
            # Had she been waiting still, nobody is to be offered her request.
            await self._queue.cancel(conversation_id)

    # --- running ---

    async def adopt_revocations(self, text: str, authority: str | None = None) -> None:
        """Take a revocation list and its authority statement into force here and on all nodes; raises what
        `RevocationFeed.put` does.
        """
        await self._feed.put(text, authority)

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run something in the background for as long as the relay runs; a fault is logged."""
        if not self._takes_tasks:
            # A timer that was set before the relay stopped.
            work.close()
            return
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def keep(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run something that has no end: where it fails it is begun anew a moment later, for without it
        nobody might be offered anything any more.
        """
        self.spawn(self._keep(work))

    async def _keep(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 -- whatever it is, what depends on this must go on
                _failed(error)
            await asyncio.sleep(_BEGUN_ANEW_SECONDS)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _failed(error)

    def _listening_again(self) -> None:
        if hasattr(self, "_delivery"):
            self.spawn(self._delivery.rejoin())
            self._inbox.look_again()
            self._routing.news.refresh_soon()
            self._routing.alerts.look_again()

    def _revocations_changed(self, _: bytes) -> None:
        self.spawn(self._look_for_revocations())

    async def _look_for_revocations(self) -> None:
        # If the store is away, the feed looks again by itself.
        with suppress(StoreError):
            await self._feed.refresh()

    def _notify_workers(self, source: bytes) -> None:
        if self._siblings is not None:
            self._siblings.notify_all(source)

    def _notify_of_revocations(self) -> None:
        self._store.publish(ALL_NODES_CHANNEL, bytes((REVOCATIONS_CHANGED,)))

    def _revocations_adopted(self, revocations: RevocationList) -> None:
        # The others look at the store then; each node adopts a list once.
        asyncio.get_running_loop().call_later(_TELLING_SECONDS, self._notify_of_revocations)
        for connection in self._presence.here():
            assert connection.staff is not None
            try:
                self._authentication.still_believed(connection.staff)
            except AuthenticationRefused as refused:
                connection.end(refused.code, refused.detail)

    def _measure(self) -> None:
        metrics.CONVERSATIONS.set(self._delivery.conversation_count)
        metrics.ACCEPTED.set(self._delivery.appends.accepted)
        authority, revocations = self.verifier.authority, self.verifier.revocations
        metrics.AUTHORITY_EXPIRES.set(0 if authority is None else authority.expires)
        metrics.REVOCATIONS_EXPIRES.set(0 if revocations is None else revocations.expires)
        metrics.TASKS.set(len(asyncio.all_tasks()))
        metrics.STORE_FILL.set(self._store.fill.share)
        metrics.STORE_READY.set(self.ready)
        metrics.LIST_AGE.set(-1 if revocations is None else time.time() - revocations.issued)
        metrics.LOOP_LAG.set(self._lag.longest)

    # --- stopping ---

    async def stop(self) -> None:
        """Drain, close, and end what was started, within a bounded time."""
        self._stopping = True
        if self._listening:
            log().info("relay stopping")
            await self._drain(self._settings.drain_seconds)
        if self._siblings is not None:
            self._siblings.close()
        for door in self._listeners:
            door.close()
        for runner in self._runners:
            await runner.cleanup()
        if hasattr(self, "_feed"):
            await self._feed.close()
        self._takes_tasks = False
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if hasattr(self, "_store"):
            await self._store.close()
        if self._valkey is not None:
            await asyncio.to_thread(self._valkey.stop)
        log().info("relay stopped")

    async def _drain(self, seconds: float) -> None:
        for server in self._listening:
            # Connections that there are stay.
            server.close()
        self._sockets.drain(seconds)
        await _until(lambda: not self._sockets.connections, seconds)
        await _until(lambda: self._delivery.appends.in_flight == 0, seconds)
        self._delivery.acknowledgements.flush()
        self._routing.board.flush()
        self._sockets.close_all(CloseCode.GOING_AWAY)
        await _until(lambda: not self._sockets.connections, _CLOSE_SECONDS)


def _nobody_enters(transport: asyncio.Transport, headers: Mapping[str, str], unread: bytes) -> bool:
    """Of a port on which there are no WebSockets."""
    return False


async def _until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait for `condition`, but no longer than so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110 -- no event says so, and it is rare
        await asyncio.sleep(_POLL_SECONDS)


async def _keep_nowhere(_: web.Request, response: web.StreamResponse) -> None:
    """Browsers keep even "not found", and with it this relay's address, unless they are told not to."""
    response.headers.setdefault("Cache-Control", NO_STORE)


def _failed(error: BaseException) -> None:
    """Some work in the background. What a full or failing store refuses is counted: that it takes nothing is
    told once.
    """
    cause = cause_of(error)
    if isinstance(error, StoreUnavailable) or cause in FULL_OR_FAILING:
        metrics.STORE_REFUSED.labels(cause).inc()
    else:
        fault("background_work_failed", error)


async def _tend_forever(valkey: EmbeddedValkey) -> None:
    trouble = Trouble("embedded Valkey does not run")
    while True:
        await asyncio.sleep(1.0)
        try:
            is_well = await asyncio.to_thread(valkey.tend)
        except (OSError, RuntimeError) as error:
            trouble.is_(cause_of(error))
            continue
        trouble.is_(None if is_well else "ended")
        if not is_well:
            metrics.NOT_KEPT.inc()


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket with this address, `shared` with others that bind it so; raises OSError when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only where the protocol is named asyncio sets TCP_NODELAY; else small frames wait for the other side.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
        bound.setblocking(False)
    except BaseException:
        bound.close()
        raise
    return bound


def _listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening socket; raises OSError when the address is taken."""
    listener = bind(host, port, shared=shared)
    try:
        listener.listen(1024)
    except BaseException:
        listener.close()
        raise
    return listener


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
