"""A survivor whose counselor's device is gone looks for somebody else, and keeps her conversation.

::

    survivor  -- RequestReassignment -->  waits in the queue under the same conversation id
    staff     -- Claim, or AnswerOffer -->  Claimed with the epoch: noted as the one whom she may add
    survivor  <-- QueuePosition 0
    survivor  -- RequestReassignment -->  <-- KeyPackage of that device
    survivor  -- Append: her commit adds it, and removes who is silent --> it is invited as always

What she may add is decided where her commit is appended (append.lua), not here.

A staff member looks for a colleague in the same way, as `Claimed` looks the same to whoever takes it; it is
the staff member's commit then, after the survivor's yes. It ends with the device that began it.
"""

from __future__ import annotations

import time

from teduh_signaling.relay.frames import (
    SURVIVOR_MEMBER,
    Done,
    ErrorCode,
    KeyPackage,
    RequestReassignment,
    Urgency,
)

from teduh_server.conversation_log.delivery_service import DeliveryService
from teduh_server.matching.reported import Reported
from teduh_server.routing.queue import Queue
from teduh_server.session.connection import Connection
from teduh_server.staff.key_package_directory import KeyPackageDirectory
from teduh_server.transport.rate_limit import SourceLimit


class SecondRequests:
    """The frame RequestReassignment, on one node."""

    def __init__(
        self,
        queue: Queue,
        delivery: DeliveryService,
        key_packages: KeyPackageDirectory,
        limit: SourceLimit,
        reported: Reported,
    ) -> None:
        self._queue = queue
        self._delivery = delivery
        self._key_packages = key_packages
        self._limit = limit
        self._reported = reported

    async def seek(self, connection: Connection, frame: RequestReassignment) -> None:
        """Put her conversation into the queue, or give her who has taken it. Raises StoreError."""
        conversation_id = frame.conversation_id
        subscription = connection.subscriptions.get(conversation_id)
        epoch = 0 if subscription is None else await self._delivery.epoch_of(conversation_id)
        if subscription is None or not epoch:
            detail = "not a member of a conversation that somebody has taken"
            code = ErrorCode.UNKNOWN_CONVERSATION
            connection.refuse(code, detail, ref=frame.ref, conversation_id=conversation_id)
            return
        if subscription.member == SURVIVOR_MEMBER and conversation_id in self._reported:
            # Else it would wait again and again, without price and turns.
            connection.refuse(ErrorCode.REQUEST_GONE, "it was reported: ask anew", ref=frame.ref)
            return
        if not await self._queue.is_open(conversation_id) and self._is_too_often(connection, frame):
            return
        staff = None if subscription.member == SURVIVOR_MEMBER else connection.staff
        found = await self._queue.request_reassignment(connection, frame, staff)
        if isinstance(found, ErrorCode):
            gone = found is ErrorCode.REQUEST_GONE
            detail = "she has left" if gone else "somebody else here looks for somebody"
            connection.refuse(found, detail, ref=frame.ref)
            return
        key_package = None
        if found.taken_by:
            key_package = await self._key_packages.lend(conversation_id, epoch, found.taken_by)
        if not isinstance(key_package, bytes):
            connection.send(Done(frame.ref))
            if found.taken_by:
                self._queue.look_again(connection, conversation_id)
        else:
            connection.send(KeyPackage(frame.ref, found.taken_by, key_package))

    def _is_too_often(self, connection: Connection, frame: RequestReassignment) -> bool:
        wait = self._limit.try_take(connection.source, time.monotonic())
        if wait == 0 or frame.details.urgency is Urgency.EMERGENCY:
            return False
        after = min(int(wait * 1000) + 1, 2**31)
        detail = "too many requests from one source"
        connection.refuse(ErrorCode.RATE_LIMITED, detail, ref=frame.ref, retry_after_ms=after)
        return True
