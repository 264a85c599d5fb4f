"""What each frame of a client does: one function per frame type, found in one table.

Functions that return None have done their work; those that return an awaitable are awaited before the
client's next frame is read, so that frames of one connection take effect in their order.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from teduh_signaling.relay.codec import encode
from teduh_signaling.relay.frames import (
    SURVIVOR_MEMBER,
    Acknowledge,
    AcknowledgeInbox,
    AnswerOffer,
    AnyClientFrame,
    Append,
    AskToJoin,
    Authenticate,
    Authenticated,
    CancelRequest,
    Claim,
    Colleagues,
    Done,
    Ephemeral,
    Error,
    ErrorCode,
    FetchIceServers,
    FetchKeyPackage,
    FetchPushKey,
    Frame,
    KeyPackage,
    Leave,
    ListColleagues,
    MemberDisconnected,
    OpenRequest,
    Ping,
    Pong,
    PublishKeyPackages,
    ReportAbuse,
    RequestReassignment,
    SetAvailability,
    Subscribe,
    Subscribed,
    SubscribePush,
    Unsubscribe,
    UnsubscribePush,
    WatchBoard,
    WatchQueue,
)

from teduh_server.conversation_log.delivery_service import DeliveryService
from teduh_server.conversation_log.inbox import Inbox
from teduh_server.conversation_log.joining import Joining
from teduh_server.conversation_log.refused_append import RETRY_AFTER_MS
from teduh_server.conversation_log.store_reserve import StoreReserve
from teduh_server.handlers.admission import MOST_REQUESTS_PER_CONNECTION, Admission
from teduh_server.handlers.ice_servers import IceServerOffers
from teduh_server.handlers.intake import Action
from teduh_server.handlers.routing_services import RoutingServices
from teduh_server.handlers.second_requests import SecondRequests
from teduh_server.matching.unclaimed import Unclaimed
from teduh_server.operations import metrics
from teduh_server.organisation.staff_authentication import (
    AuthenticationRefused,
    StaffAuthentication,
    StaffDevice,
)
from teduh_server.redis_store.exceptions import StoreError
from teduh_server.redis_store.keys import conversation_of
from teduh_server.routing.ask_to_join import AsksToJoin
from teduh_server.routing.continuation import Continuations
from teduh_server.session.connection import Connection
from teduh_server.staff.key_package_directory import KeyPackageDirectory
from teduh_server.transport.rate_limit import SourceLimit, source_of_requests

_ROOM_AFTER_MS = 10_000

_F = TypeVar("_F", bound=Frame)


@dataclass(frozen=True, slots=True)
class Services:
    """What the handlers of one node work with."""

    delivery: DeliveryService
    routing: RoutingServices
    inbox: Inbox
    key_packages: KeyPackageDirectory
    asks_to_join: AsksToJoin
    authentication: StaffAuthentication
    ice_servers: IceServerOffers
    admission: Admission
    request_limit: SourceLimit
    subscriptions_per_connection: int
    unclaimed: Unclaimed
    reserve: StoreReserve
    continuations: Continuations


class FrameHandlers:
    """The frames of all connections of one node."""

    __slots__ = ("_routing", "_second_requests", "_services", "_statement_ends", "actions")

    def __init__(self, services: Services) -> None:
        self._services = services
        # A timer holds what it is called with, so one that is left behind would keep the connection for days.
        self._statement_ends: dict[Connection, asyncio.TimerHandle] = {}
        routing = services.routing.handlers(services.authentication, self._has_room)
        self._routing = routing
        self._second_requests = SecondRequests(
            services.routing.queue,
            services.delivery,
            services.key_packages,
            services.request_limit,
            services.routing.abuse.reported,
        )
        actions = (
            _action(Claim, routing.claim),
            _action(SetAvailability, routing.set_availability),
            _action(WatchQueue, routing.watch_queue),
            _action(AnswerOffer, routing.answer_offer),
            _action(WatchBoard, routing.watch_board),
            _action(FetchPushKey, routing.fetch_push_key),
            _action(SubscribePush, routing.subscribe_push),
            _action(UnsubscribePush, routing.unsubscribe_push),
            _action(ReportAbuse, routing.report_abuse),
            _action(Append, services.delivery.appends.append),
            _action(Acknowledge, services.delivery.acknowledgements.note),
            _action(Ephemeral, services.delivery.pass_on),
            _action(Ping, _ping),
            _action(Authenticate, self._authenticate),
            _action(OpenRequest, self._open_request),
            _action(CancelRequest, self._cancel_request),
            _action(RequestReassignment, self._second_requests.seek),
            _action(AskToJoin, services.asks_to_join.ask),
            _action(Subscribe, self._subscribe),
            _action(Unsubscribe, self._unsubscribe),
            _action(Leave, self._leave),
            _action(PublishKeyPackages, self._publish_key_packages),
            _action(FetchKeyPackage, self._fetch_key_package),
            _action(ListColleagues, self._list_colleagues),
            _action(AcknowledgeInbox, self._acknowledge_inbox),
            _action(FetchIceServers, self._fetch_ice_servers),
        )
        self.actions: dict[type[Frame], Action] = dict(actions)
        """What each kind of frame asks for; it returns what is left to be awaited."""

    async def finish(self, connection: Connection, frame: AnyClientFrame, rest: Awaitable[None]) -> None:
        """Await the rest; a store that does not answer becomes an Error."""
        try:
            await rest
        except StoreError:
            connection.refuse(
                ErrorCode.UNAVAILABLE,
                "the store did not answer",
                ref=getattr(frame, "ref", 0),
                conversation_id=getattr(frame, "conversation_id", None),
                retry_after_ms=RETRY_AFTER_MS,
            )

    def gone(self, connection: Connection) -> None:
        """The connection has ended: nothing of it stays."""
        services = self._services
        services.routing.queue.detach(connection)
        services.delivery.detach(connection)
        if connection.staff is not None:
            self._staff_gone(connection, connection.staff)

    def _staff_gone(self, connection: Connection, staff: StaffDevice) -> None:
        services = self._services
        if timer := self._statement_ends.pop(connection, None):
            timer.cancel()
        metrics.STAFF_CONNECTIONS.dec()
        self._routing.detach(connection)
        services.routing.presence.detach(connection)
        services.inbox.detach(connection, staff.device_id)
        hers = services.routing.presence.devices_here(staff.person)
        if all(device.device_id != staff.device_id for _, device in hers):
            services.key_packages.forget(staff.device_id)

    # --- survivors ---

    async def _open_request(self, connection: Connection, frame: OpenRequest) -> None:
        if _too_many_requests(connection, frame.ref) or self._too_many_subscriptions(connection, frame.ref):
            return
        services = self._services
        conversation_id = conversation_of(hashlib.sha256(frame.capability).digest())
        if await self._finds_no_room(connection, frame, conversation_id):
            return
        if not await services.admission.admits(connection, frame, conversation_id):
            return
        connection.requests += 1
        if await services.routing.queue.open(connection, frame):
            services.admission.opened(connection)

    async def _finds_no_room(
        self, connection: Connection, frame: OpenRequest, conversation_id: bytes
    ) -> bool:
        """Whether nothing more is kept of anybody, or of this source; then she has been told. Who waits
        already takes nothing more.
        """
        services = self._services
        is_full = services.reserve.refuses_requests
        if not is_full and services.unclaimed.has_room(
            source_of_requests(connection.source), len(encode(frame))
        ):
            return False
        if await services.routing.queue.is_open(conversation_id):
            return False
        code, detail = ErrorCode.RATE_LIMITED, "too much of one source waits"
        if is_full:
            code, detail = ErrorCode.UNAVAILABLE, "the store keeps what is left for conversations"
        connection.refuse(code, detail, ref=frame.ref, retry_after_ms=_ROOM_AFTER_MS)
        return True

    async def _cancel_request(self, connection: Connection, frame: CancelRequest) -> None:
        subscription = connection.subscriptions.get(frame.conversation_id)
        if subscription is None:
            _unknown(connection, frame.ref, frame.conversation_id)
            return
        staff = None if subscription.member == SURVIVOR_MEMBER else connection.staff
        queue = self._services.routing.queue
        try:
            await queue.cancel(frame.conversation_id, staff)
        except StoreError:
            queue.let_lapse(connection, frame.conversation_id)
            raise
        connection.send(Done(frame.ref))

    # --- members ---

    async def _subscribe(self, connection: Connection, frame: Subscribe) -> None:
        if frame.conversation_id not in connection.subscriptions and self._too_many_subscriptions(
            connection, frame.ref
        ):
            return
        joining = await self._prove(connection, frame)
        if joining is None:
            _unknown(connection, frame.ref, frame.conversation_id)
            return
        state = joining.state
        try:
            connection.send(
                Subscribed(
                    frame.ref,
                    frame.conversation_id,
                    state.member,
                    state.epoch,
                    # An earlier subscription of this connection may have brought entries since the proof;
                    # an answer that knew less than it delivered would look like a log that lost them.
                    max(state.last_seq, joining.conversation.newest),
                    state.first_seq,
                    state.counter,
                )
            )
            joining.attach(connection, frame.after)
            if not state.survivor_is_there:
                # She left while this member was away.
                connection.send(MemberDisconnected(frame.conversation_id, SURVIVOR_MEMBER))
        finally:
            joining.release()
        if state.member == SURVIVOR_MEMBER and state.epoch == 0:
            self._seen(connection, frame.conversation_id)

    def _seen(self, connection: Connection, conversation_id: bytes) -> None:
        routing = self._services.routing
        # One connection keeps no more requests waiting than it may open.
        if routing.news.followed_by(connection) < MOST_REQUESTS_PER_CONNECTION:
            routing.queue.seen(connection, conversation_id)

    async def _prove(self, connection: Connection, frame: Subscribe) -> Joining | None:
        delivery = self._services.delivery
        if frame.capability is not None:
            # Compared by the store as SHA-256, where timing tells nothing about the capability itself.
            capability_hash = hashlib.sha256(frame.capability).digest()
            return await delivery.prove(frame.conversation_id, capability_hash=capability_hash)
        if connection.staff is None:
            return None
        return await delivery.prove(frame.conversation_id, device_id=connection.staff.device_id)

    def _too_many_subscriptions(self, connection: Connection, ref: int) -> bool:
        if len(connection.subscriptions) < self._services.subscriptions_per_connection:
            return False
        connection.refuse(ErrorCode.TOO_MANY, "too many subscriptions on this connection", ref=ref)
        return True

    def _has_room(self, connection: Connection, ref: int) -> bool:
        return not self._too_many_subscriptions(connection, ref)

    def _unsubscribe(self, connection: Connection, frame: Unsubscribe) -> None:
        self._services.delivery.unsubscribe(connection, frame.conversation_id)

    async def _leave(self, connection: Connection, frame: Leave) -> None:
        if connection.staff is not None:
            # The colleague whom she looked for is not to come after her.
            await self._services.routing.queue.cancel(frame.conversation_id, connection.staff)
        left = await self._services.delivery.leave(connection, frame.conversation_id)
        if left is None:
            _unknown(connection, frame.ref, frame.conversation_id)
            return
        continuation = b""
        if connection.staff is None:
            # Nor anybody at all after she has gone.
            await self._services.routing.queue.cancel(frame.conversation_id)
            continuation = await self._services.continuations.seal(left.capability_hash, left.devices)
        connection.send(Done(frame.ref, continuation))

    async def _fetch_ice_servers(self, connection: Connection, frame: FetchIceServers) -> None:
        services = self._services
        subscription = connection.subscriptions.get(frame.conversation_id)
        if subscription is None:
            _unknown(connection, frame.ref, frame.conversation_id)
        elif await services.delivery.epoch_of(frame.conversation_id) == 0:
            detail = "nobody has let her in yet: there is nobody to call"
            connection.refuse(ErrorCode.NOT_PERMITTED, detail, ref=frame.ref)
        else:
            offer = services.ice_servers.offer(frame.ref, frame.conversation_id, subscription.member)
            connection.send(offer)

    # --- staff ---

    async def _authenticate(self, connection: Connection, frame: Authenticate) -> None:
        services = self._services
        try:
            staff = services.authentication.verify(frame, connection.nonce)
        except AuthenticationRefused as refused:
            _refuse(connection, refused)
            return
        connection.staff = staff
        metrics.STAFF_CONNECTIONS.inc()
        left = services.key_packages.left(staff.device_id)
        offers = services.routing.makes_offers
        connection.send(Authenticated(staff.device_id, staff.expires, left, offers))
        services.routing.presence.attach(connection)
        services.inbox.attach(connection, staff.device_id)
        left_seconds = max(0.0, staff.expires - time.time())
        self._statement_ends[connection] = asyncio.get_running_loop().call_later(
            left_seconds, _end_with_statement, connection
        )

    def _publish_key_packages(self, connection: Connection, frame: PublishKeyPackages) -> None:
        self._services.key_packages.publish(_staff(connection).device_id, frame.key_packages)
        connection.send(Done(frame.ref))

    async def _fetch_key_package(self, connection: Connection, frame: FetchKeyPackage) -> None:
        services = self._services
        conversation_id, epoch = frame.conversation_id or b"", 0
        if frame.conversation_id is not None:
            if frame.conversation_id not in connection.subscriptions:
                _unknown(connection, frame.ref, frame.conversation_id)
                return
            epoch = await services.delivery.epoch_of(frame.conversation_id)
        asker = _staff(connection).person
        found = await services.key_packages.lend(conversation_id, epoch, frame.device_id, asker)
        if isinstance(found, float):
            after = min(int(found * 1000) + 1, 2**31)
            detail = "too many key packages of one device"
            connection.refuse(ErrorCode.RATE_LIMITED, detail, ref=frame.ref, retry_after_ms=after)
        elif found is None:
            connection.refuse(ErrorCode.NO_KEY_PACKAGE, "the device has none here", ref=frame.ref)
        else:
            connection.send(KeyPackage(frame.ref, frame.device_id, found))

    def _list_colleagues(self, connection: Connection, frame: ListColleagues) -> None:
        colleagues, more = self._services.routing.presence.colleagues(
            _staff(connection).device_id, frame.after
        )
        connection.send(Colleagues(frame.ref, colleagues, more))

    def _acknowledge_inbox(self, connection: Connection, frame: AcknowledgeInbox) -> None:
        self._services.inbox.acknowledge(_staff(connection).device_id, frame.seq)


def _action(
    frame_type: type[_F], function: Callable[[Connection, _F], Awaitable[None] | None]
) -> tuple[type[Frame], Action]:
    return frame_type, function  # type: ignore[return-value]  # it is called with its key's type alone


def _ping(connection: Connection, frame: Ping) -> None:
    connection.write(encode(Pong(frame.ref)))


def _staff(connection: Connection) -> StaffDevice:
    # The protocol lets staff frames through only after Authenticated.
    assert connection.staff is not None
    return connection.staff


def _too_many_requests(connection: Connection, ref: int) -> bool:
    if connection.requests < MOST_REQUESTS_PER_CONNECTION:
        return False
    connection.refuse(ErrorCode.TOO_MANY, "too many requests on this connection", ref=ref)
    return True


def _unknown(connection: Connection, ref: int, conversation_id: bytes) -> None:
    connection.refuse(
        ErrorCode.UNKNOWN_CONVERSATION,
        "not a member of such a conversation",
        ref=ref,
        conversation_id=conversation_id,
    )


def _refuse(connection: Connection, refused: AuthenticationRefused) -> None:
    # Both times, where a clock is to blame: the client compares them for whoever uses it.
    now = int(time.time()) if refused.begins else 0
    connection.end_by(Error(refused.code, refused.detail, counter=now, expected=refused.begins, fatal=True))


def _end_with_statement(connection: Connection) -> None:
    connection.end(ErrorCode.STATEMENT_EXPIRED, "the statement has ended")
