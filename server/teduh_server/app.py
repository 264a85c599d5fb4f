"""A relay node: how it starts, what it serves, and how it stops.

::

    settings --> embedded Valkey (unless there is a store_url)
                     |
                   Parts (`composition`)
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
from functools import partial

from aiohttp import web
from teduh_crypto.credentials import Organisation, StatementVerifier
from teduh_signaling.relay.frames import CloseCode

from teduh_server.cluster.sibling_workers import SiblingWorkers
from teduh_server.composition import Parts
from teduh_server.config.page_settings import PageSettings
from teduh_server.config.settings import Settings
from teduh_server.http.directory import directory_routes
from teduh_server.http.enrolment import enrolment_routes
from teduh_server.http.health import health_routes, metrics_routes
from teduh_server.http.leave_beacon import leave_beacon_routes
from teduh_server.http.pages import page_routes
from teduh_server.http.served_pages import BUILT, NO_STORE, Origins
from teduh_server.operations import metrics
from teduh_server.operations.background_tasks import BackgroundTasks
from teduh_server.operations.log_policy import Trouble, fault, log
from teduh_server.operations.loop_lag import LoopLag
from teduh_server.organisation.enrolment_store import EnrolmentStore
from teduh_server.organisation.signed_directory import ServedDirectory
from teduh_server.redis_store.address import StoreAddress
from teduh_server.redis_store.embedded import EmbeddedValkey
from teduh_server.redis_store.exceptions import FULL_OR_FAILING, StoreUnavailable, cause_of
from teduh_server.redis_store.keys import new_node_id
from teduh_server.redis_store.location import ClusterLocation, Location, parse_location
from teduh_server.transport.listener import ConnectionListener
from teduh_server.transport.listening_socket import listen, url_of
from teduh_server.transport.rate_limit import SourceLimit
from teduh_server.transport.unused_connections import UnusedConnections

SOCKET_PATH = "/v1/socket"
_HTTP_PER_SECOND, _HTTP_BURST = 2.0, 60.0
_POLL_SECONDS = 0.02
_CLOSE_SECONDS = 1.0


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
        processes may listen on the same port; `siblings` are the workers of this machine.
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
        self._parts: Parts | None = None
        self._tasks = BackgroundTasks(_failed)
        self._runners: list[web.AppRunner] = []
        self._listening: list[asyncio.Server] = []
        self._listeners: list[ConnectionListener] = []
        self._stopping = False
        self._begun = asyncio.Event()
        self._lag = LoopLag()

    @property
    def parts(self) -> Parts:
        """Of what it consists, once it is started."""
        assert self._parts is not None, "the relay is not started"
        return self._parts

    @property
    def enrolments(self) -> EnrolmentStore:
        """Devices that ask for a statement."""
        return self.parts.enrolments

    # --- starting ---

    async def start(self) -> None:
        """Listen and serve, whether the store is there yet or not. Raises OSError (the port is taken),
        FolderInUse.
        """
        settings = self._settings
        listener = listen(settings.listen_host, settings.listen_port, shared=self._shared_port)
        try:
            location = self._location or await self._start_valkey()
            self._name_origins(listener)
            parts = self._parts = Parts(
                settings,
                location,
                self.node_id,
                self.verifier,
                Origins(self.origin, self.console_origin),
                self._tasks,
                self._siblings,
            )
            parts.store.begin()
            await parts.start()
            self.spawn(self._begin_with_store(parts))
            self.keep(self._lag.look_forever)
            if self._valkey is not None:
                self.keep(partial(_tend_forever, self._valkey))
            unused = UnusedConnections(2 * settings.heartbeat_seconds, parts.sockets.source)
            await self._serve(self._application(parts, unused), parts, unused, listener)
        except BaseException:
            listener.close()
            await self.stop()
            raise
        log().info("relay started", origin=self.origin, port=listener.getsockname()[1])

    async def _start_valkey(self) -> Location:
        self._valkey = EmbeddedValkey(self._settings.data_folder / "valkey", self._settings.durability)
        await asyncio.to_thread(self._valkey.start)
        return StoreAddress.parse(self._valkey.url)

    def _name_origins(self, listener: socket.socket) -> None:
        self.origin = self._settings.public_origin or url_of(listener)
        self.console_origin = self._settings.console_origin or self.origin
        if self._demonstration:
            # Quick exit from the survivor's page must not empty the console's origin; passkeys want a name.
            self.console_origin = f"http://localhost:{listener.getsockname()[1]}"

    async def _begin_with_store(self, parts: Parts) -> None:
        await parts.begin_with_store()
        self._begun.set()

    @property
    def ready(self) -> bool:
        """Whether an append would succeed now, and this node is not about to stop."""
        if not self._begun.is_set() or self._stopping:
            return False
        store = self.parts.store
        return store.available and store.trouble is None

    async def until_ready(self) -> None:
        """Wait until it is, for what has to be done at the start."""
        while not self.ready:  # noqa: ASYNC110 -- what it depends on is in other processes
            await asyncio.sleep(_POLL_SECONDS)

    def _application(self, parts: Parts, unused: UnusedConnections) -> web.Application:
        application = web.Application()
        application.on_response_prepare.append(_keep_nowhere)
        http_limit = SourceLimit(_HTTP_PER_SECOND, _HTTP_BURST)
        routes = health_routes(lambda: self.ready)
        routes += enrolment_routes(
            parts.enrolments,
            self.verifier,
            parts.feed,
            origin=self.origin,
            allow=lambda request: http_limit.try_take(parts.sockets.source(request), time.monotonic()) == 0,
        )
        directory_file = self._settings.served_directory_file
        routes += directory_routes(
            ServedDirectory(directory_file, self.verifier),
            lambda request: http_limit.try_take(parts.sockets.source(request), time.monotonic()) == 0,
            origin=self.origin,
        )
        routes += leave_beacon_routes(
            parts.leave_by_beacon,
            lambda request: http_limit.try_take(parts.sockets.source(request), time.monotonic()) == 0,
        )
        routes += page_routes(
            self.organisation,
            self._page_settings,
            Origins(self.origin, self.console_origin),
            BUILT,
            demonstration=self._demonstration,
            has_directory=directory_file.is_file(),
        )
        application.add_routes([unused.in_time(route) for route in routes])
        application.add_routes([web.get(SOCKET_PATH, parts.sockets.serve)])
        return application

    async def _serve(
        self, application: web.Application, parts: Parts, unused: UnusedConnections, listener: socket.socket
    ) -> None:
        others = await self._run(application)
        await self._listen(ConnectionListener(SOCKET_PATH, parts.sockets.enter, others, unused), listener)
        if self._settings.metrics_port is not None:
            watchers = web.Application()
            silent = UnusedConnections(2 * self._settings.heartbeat_seconds)
            watchers.add_routes([silent.in_time(route) for route in metrics_routes(self._measure)])
            measures = ConnectionListener(None, _nobody_enters, await self._run(watchers), silent)
            try:
                port = listen(self._settings.metrics_host, self._settings.metrics_port)
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

    # --- running ---

    async def adopt_revocations(self, text: str, authority: str | None = None) -> None:
        """Take a revocation list and its authority statement into force here and on all nodes; raises what
        `RevocationFeed.put` does.
        """
        await self.parts.feed.put(text, authority)

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run something in the background for as long as the relay runs; a fault is logged."""
        self._tasks.spawn(work)

    def keep(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run something that has no end: where it fails it is begun anew a moment later."""
        self._tasks.keep(work)

    def _measure(self) -> None:
        delivery = self.parts.delivery
        metrics.CONVERSATIONS.set(delivery.conversation_count)
        metrics.ACCEPTED.set(delivery.appends.accepted)
        authority, revocations = self.verifier.authority, self.verifier.revocations
        metrics.AUTHORITY_EXPIRES.set(0 if authority is None else authority.expires)
        metrics.REVOCATIONS_EXPIRES.set(0 if revocations is None else revocations.expires)
        metrics.TASKS.set(len(asyncio.all_tasks()))
        metrics.STORE_FILL.set(self.parts.store.fill.share)
        metrics.STORE_READY.set(self.ready)
        metrics.LIST_AGE.set(-1 if revocations is None else time.time() - revocations.issued)
        metrics.LOOP_LAG.set(self._lag.longest)

    # --- stopping ---

    async def stop(self) -> None:
        """Drain, close, and end what was started, within a bounded time."""
        self._stopping = True
        parts = self._parts
        if parts is not None and self._listening:
            log().info("relay stopping")
            await self._drain(parts, self._settings.drain_seconds)
        if self._siblings is not None:
            self._siblings.close()
        for listener in self._listeners:
            listener.close()
        for runner in self._runners:
            await runner.cleanup()
        if parts is not None:
            await parts.feed.close()
        await self._tasks.close()
        if parts is not None:
            await parts.store.close()
        if self._valkey is not None:
            await asyncio.to_thread(self._valkey.stop)
        log().info("relay stopped")

    async def _drain(self, parts: Parts, seconds: float) -> None:
        for server in self._listening:
            # Connections that there are stay.
            server.close()
        sockets, delivery = parts.sockets, parts.delivery
        sockets.drain(seconds)
        await _until(lambda: not sockets.connections, seconds)
        await _until(lambda: delivery.appends.in_flight == 0, seconds)
        delivery.acknowledgements.flush()
        parts.routing.board.flush()
        sockets.close_all(CloseCode.GOING_AWAY)
        await _until(lambda: not sockets.connections, _CLOSE_SECONDS)


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
