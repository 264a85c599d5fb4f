"""The frames of presence and routing: who takes requests, who sees the queue, who answers an offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from teduh_crypto.credentials import Role
from teduh_signaling.relay.frames import (
    AnswerOffer,
    Availability,
    Claim,
    Done,
    ErrorCode,
    FetchPushKey,
    PushKey,
    ReportAbuse,
    SetAvailability,
    SubscribePush,
    UnsubscribePush,
    WatchBoard,
    WatchQueue,
)

from teduh_server.organisation.staff_authentication import (
    AuthenticationRefused,
    StaffAuthentication,
    StaffDevice,
)
from teduh_server.redis_store.queue_scripts import NO_SEAT_NEEDED
from teduh_server.routing.abuse import AbuseReports
from teduh_server.routing.alerts import Alerts
from teduh_server.routing.board import Board
from teduh_server.routing.offers import Offers
from teduh_server.routing.queue import Queue
from teduh_server.routing.queue_news import QueueNews
from teduh_server.session.connection import Connection
from teduh_server.staff.presence import Presence
from teduh_server.staff.push import EndpointNotAllowed, Push


@dataclass(frozen=True, slots=True)
class RoutingHandlers:
    """What staff ask about requests, on one node."""

    queue: Queue
    news: QueueNews
    offers: Offers
    presence: Presence
    board: Board
    alerts: Alerts
    abuse: AbuseReports
    push: Push | None
    """None: nobody is woken."""
    authentication: StaffAuthentication
    has_room: Callable[[Connection, int], bool]
    """Whether the connection may subscribe once more; otherwise it has been told."""
    makes_offers: bool

    async def set_availability(self, connection: Connection, frame: SetAvailability) -> None:
        self.presence.set_availability(connection, frame)
        self.offers.set_seats(connection)
        connection.send(Done(frame.ref))
        if frame.availability is Availability.AVAILABLE:
            self.offers.show(connection)
            await self.news.notify(connection)

    async def claim(self, connection: Connection, frame: Claim) -> None:
        if self.makes_offers and _staff(connection).role is not Role.SUPERVISOR:
            _not_permitted(connection, frame.ref, "this relay offers requests; only supervisors claim them")
            return
        seats = self._seats(connection, frame)
        if self._may_begin(connection, frame.ref) and await self.queue.claim(connection, frame, seats=seats):
            self.presence.has_taken(connection)

    def _seats(self, connection: Connection, frame: Claim) -> int | None:
        """How many seats a claim finds, as `Queue.claim` has it."""
        if self.makes_offers or frame.conversation_id in connection.subscriptions:
            # A supervisor's; or whoever was with her is back, and takes her own conversation.
            return NO_SEAT_NEEDED
        return self.presence.said_seats(_staff(connection).person)

    async def answer_offer(self, connection: Connection, frame: AnswerOffer) -> None:
        if not frame.accepted or self._may_begin(connection, frame.ref):
            await self.offers.answer(connection, frame)

    async def watch_queue(self, connection: Connection, frame: WatchQueue) -> None:
        connection.send(Done(frame.ref))
        await self.news.watch(connection, frame.watching)

    async def watch_board(self, connection: Connection, frame: WatchBoard) -> None:
        if _staff(connection).role is not Role.SUPERVISOR:
            _not_permitted(connection, frame.ref, "the board is for supervisors")
            return
        connection.send(Done(frame.ref))
        await self.board.watch(connection, frame.watching)
        if not frame.watching:
            self.alerts.forget(connection)
        elif not connection.closed:
            await self.alerts.show(connection)

    def fetch_push_key(self, connection: Connection, frame: FetchPushKey) -> None:
        connection.send(PushKey(frame.ref, None if self.push is None else self.push.public_key))

    async def subscribe_push(self, connection: Connection, frame: SubscribePush) -> None:
        if self.push is None:
            _not_permitted(connection, frame.ref, "this relay wakes nobody")
            return
        try:
            await self.push.subscribe(_staff(connection), frame)
        except EndpointNotAllowed as refused:
            _not_permitted(connection, frame.ref, f"the endpoint is {refused}")
            return
        connection.send(Done(frame.ref))

    async def unsubscribe_push(self, connection: Connection, frame: UnsubscribePush) -> None:
        if self.push is not None:
            await self.push.unsubscribe(_staff(connection).device_id)
        connection.send(Done(frame.ref))

    def report_abuse(self, connection: Connection, frame: ReportAbuse) -> None:
        if frame.conversation_id not in connection.subscriptions:
            connection.refuse(
                ErrorCode.UNKNOWN_CONVERSATION,
                "not a member of such a conversation",
                ref=frame.ref,
                conversation_id=frame.conversation_id,
            )
            return
        wait = self.abuse.report(_staff(connection).device_id, frame.conversation_id)
        if wait > 0:
            connection.refuse(
                ErrorCode.RATE_LIMITED,
                "too many reports",
                ref=frame.ref,
                retry_after_ms=int(wait * 1000) + 1,
            )
            return
        connection.send(Done(frame.ref))

    def detach(self, connection: Connection) -> None:
        """A staff connection has gone."""
        self.board.detach(connection)
        self.alerts.forget(connection)

    def _may_begin(self, connection: Connection, ref: int) -> bool:
        try:
            self.authentication.may_begin_conversations()
        except AuthenticationRefused as refused:
            connection.refuse(refused.code, refused.detail, ref=ref, retry_after_ms=10_000)
            return False
        return self.has_room(connection, ref)


def _staff(connection: Connection) -> StaffDevice:
    # The protocol lets staff frames through only after Authenticated.
    assert connection.staff is not None
    return connection.staff


def _not_permitted(connection: Connection, ref: int, detail: str) -> None:
    connection.refuse(ErrorCode.NOT_PERMITTED, detail, ref=ref)
