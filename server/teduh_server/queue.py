"""Who waits for help, in order of arrival; who has claimed whom; and what becomes of both when somebody
vanishes.

::

                    claim                     first commit accepted
    waiting  ------------------>  leased  ----------------------------->  taken
       ^  \\                         |
       |   \\ cancelled, or gone      | no commit within the lease
       |    -------> absent         |
       +--------------<-------------+   back to its old place
       OpenRequest again: absent -> waiting, at the end

The request lives in the {queue} slot, the membership in the conversation's slot; no script touches both.
What decides is the conversation: a lease has been kept exactly if its epoch has moved on from 0. So a node
may die between any two steps, and the sweep of another puts things right.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable, Coroutine, Iterable

from msgspec import msgpack
from teduh_signaling.relay.frames import (
    Claim,
    Claimed,
    ErrorCode,
    OpenRequest,
    QueueChanged,
    QueuePosition,
    RequestDetails,
    RequestOpened,
)

from teduh_server import metrics, node_channel
from teduh_server.connection import Connection
from teduh_server.delivery_service import DeliveryService
from teduh_server.node_channel import NodeChannel
from teduh_server.redis_store import scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL, ConversationKeys
from teduh_server.redis_store.wire import Command

_SWEEP_SECONDS = 1.0
_SETTLING_SECONDS = 0.1
"""How long changes are gathered before positions are sent."""
_SETTLING_SECONDS_EACH = 0.0005
"""How much longer for each who waits."""

_read_details = msgpack.Decoder(RequestDetails).decode


class Queue:
    """The queue as one node serves it."""

    def __init__(
        self,
        store: Store,
        channel: NodeChannel,
        delivery: DeliveryService,
        *,
        retention_ms: int,
        lease_seconds: float,
        absent_seconds: float,
        most_waiting: int,
        available_staff: Callable[[], Iterable[Connection]],
        spawn: Callable[[Coroutine[None, None, None]], None],
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._retention_ms = retention_ms
        self._lease_ms = int(lease_seconds * 1000)
        self._absent_ms = int(absent_seconds * 1000)
        self._most_waiting = most_waiting
        self._available_staff = available_staff
        self._spawn = spawn
        self._waiting: dict[bytes, dict[Connection, int]] = {}
        self._announced: int | None = None
        self._touched_ms = 0
        self._refresh_due = False
        delivery.on_first_commit = self._settle
        channel.on(node_channel.QUEUE_CHANGED, lambda _: self.refresh_soon())

    # --- survivors ---

    async def open(self, connection: Connection, frame: OpenRequest) -> None:
        """Put the request into the queue and subscribe its connection. Raises StoreError."""
        capability_hash = hashlib.sha256(frame.capability).digest()
        known = await self._store.ask(scripts.find_request(capability_hash))
        proposed = bytes.fromhex(known.decode()) if isinstance(known, bytes) else secrets.token_bytes(16)
        opened = await self._open(proposed, capability_hash, frame)
        if opened is None:
            connection.refuse(
                ErrorCode.TOO_MANY, "too many requests are waiting", ref=frame.ref, retry_after_ms=10_000
            )
            return
        before: tuple[Command, ...] = ()
        if opened.conversation_id != proposed:
            # The same capability opened a request at another node this very moment.
            before = (self._create(opened.conversation_id, capability_hash),)
        joining = await self._delivery.prove(
            opened.conversation_id, capability_hash=capability_hash, before=before
        )
        if joining is None:
            # She has left this conversation; a new request takes a new capability.
            connection.refuse(ErrorCode.REQUEST_GONE, "the conversation was left", ref=frame.ref)
            return
        try:
            connection.send(RequestOpened(frame.ref, opened.conversation_id, opened.position))
            if opened.conversation_id not in connection.subscriptions:
                joining.attach(connection, 0)
        finally:
            joining.release()
        self._waiting.setdefault(opened.conversation_id, {})[connection] = opened.position
        if opened.new:
            metrics.REQUESTS.inc()
        self._changed()

    async def _open(
        self, conversation_id: bytes, capability_hash: bytes, frame: OpenRequest
    ) -> scripts.Opened | None:
        # The conversation first: whoever claims the request must find it.
        self._store.send(self._create(conversation_id, capability_hash))
        reply = await self._store.ask(
            scripts.open_request(
                conversation_id,
                capability_hash,
                frame.key_package,
                msgpack.encode(frame.details),
                _now_ms(),
                self._retention_ms,
                self._most_waiting,
            )
        )
        return scripts.opened(reply)

    def _create(self, conversation_id: bytes, capability_hash: bytes) -> Command:
        keys = ConversationKeys.of(conversation_id)
        return scripts.create_conversation(keys, capability_hash, _now_ms(), self._retention_ms)

    async def cancel(self, conversation_id: bytes) -> None:
        """Take the request out of the queue, if it still waits. Raises StoreError."""
        await self._store.ask(scripts.withdraw_request(conversation_id))
        self._waiting.pop(conversation_id, None)
        self._changed()

    def seen(self, connection: Connection, conversation_id: bytes) -> None:
        """A survivor has subscribed: if her request waits, she is told her position again and keeps her
        place.
        """
        self._waiting.setdefault(conversation_id, {})[connection] = -1
        self._store.send(scripts.touch_seen([conversation_id], _now_ms()))
        self.refresh_soon()

    def detach(self, connection: Connection) -> None:
        """The connection has gone; her absence counts from now."""
        gone = [each for each in connection.subscriptions if connection in self._waiting.get(each, {})]
        for conversation_id in gone:
            connections = self._waiting[conversation_id]
            del connections[connection]
            if not connections:
                del self._waiting[conversation_id]
        if gone:
            self._store.send(scripts.touch_seen(gone, _now_ms()))

    # --- staff ---

    async def claim(self, connection: Connection, device_id: bytes, frame: Claim) -> None:
        """Give the oldest request, or the one asked for, to this device. Raises StoreError."""
        while True:
            command = scripts.claim_request(
                frame.conversation_id, device_id, _now_ms(), self._lease_ms, self._retention_ms
            )
            claimed = scripts.claimed_request(await self._store.ask(command))
            if claimed is None:
                self._nothing_to_claim(connection, frame)
                return
            self._changed()
            if await self._admit(connection, device_id, frame, claimed):
                metrics.CLAIMS.inc()
                return
            # Its conversation has expired or everybody has left it.
            await self._store.ask(scripts.settle_request(claimed.conversation_id))

    async def _admit(
        self, connection: Connection, device_id: bytes, frame: Claim, claimed: scripts.ClaimedRequest
    ) -> bool:
        conversation_id = claimed.conversation_id
        admit = scripts.admit_claimant(ConversationKeys.of(conversation_id), device_id)
        joining = await self._delivery.prove(conversation_id, device_id=device_id, before=(admit,))
        if joining is None:
            return False
        try:
            connection.send(
                Claimed(
                    ref=frame.ref,
                    conversation_id=conversation_id,
                    key_package=claimed.key_package,
                    details=_read_details(claimed.details),
                    waited_seconds=max(0, time.time_ns() // 1000 - claimed.opened_us) // 1_000_000,
                    lease_seconds=max(1, self._lease_ms // 1000),
                    member=joining.state.member,
                )
            )
            joining.attach(connection, joining.state.last_seq)
        finally:
            joining.release()
        return True

    @staticmethod
    def _nothing_to_claim(connection: Connection, frame: Claim) -> None:
        if frame.conversation_id is None:
            connection.refuse(ErrorCode.QUEUE_EMPTY, "nobody is waiting", ref=frame.ref)
        else:
            connection.refuse(
                ErrorCode.REQUEST_GONE,
                "the request was taken or withdrawn",
                ref=frame.ref,
                conversation_id=frame.conversation_id,
            )

    def _settle(self, conversation_id: bytes) -> None:
        self._store.send(scripts.settle_request(conversation_id))
        self._waiting.pop(conversation_id, None)

    # --- telling ---

    def _changed(self) -> None:
        self._store.send((b"PUBLISH", ALL_NODES_CHANNEL, bytes((node_channel.QUEUE_CHANGED,))))

    def refresh_soon(self) -> None:
        """Tell positions and the queue's length, once for all changes of the next moment."""
        if not self._refresh_due:
            self._refresh_due = True
            # The more wait, the more there is to look through, and the less anyone minds a moment's delay.
            settling = _SETTLING_SECONDS + len(self._waiting) * _SETTLING_SECONDS_EACH
            asyncio.get_running_loop().call_later(settling, self._refresh_now)

    def _refresh_now(self) -> None:
        self._refresh_due = False
        self._spawn(self._refresh())

    async def _refresh(self) -> None:
        try:
            if self._waiting:
                await self._tell_positions()
            await self._tell_length()
        except StoreUnavailable:
            self.refresh_soon()

    async def _tell_positions(self) -> None:
        order = scripts.conversation_ids(await self._store.ask(scripts.queue_order()))
        places = {conversation_id: place for place, conversation_id in enumerate(order, 1)}
        for conversation_id in list(self._waiting):
            position = places.get(conversation_id, 0)
            if position == 0 and await self._is_over(conversation_id):
                self._waiting.pop(conversation_id, None)
            for connection, told in list(self._waiting.get(conversation_id, {}).items()):
                if told != position:
                    self._waiting[conversation_id][connection] = position
                    connection.send(QueuePosition(conversation_id, position))

    async def _is_over(self, conversation_id: bytes) -> bool:
        return await self._store.ask(scripts.request_state(conversation_id)) not in (b"waiting", b"leased")

    async def _tell_length(self) -> None:
        length = await self._store.ask(scripts.queue_length())
        if not isinstance(length, int) or length == self._announced:
            return
        self._announced = length
        for connection in self._available_staff():
            connection.send(QueueChanged(length))

    async def tell(self, connection: Connection) -> None:
        """Tell one staff connection how many wait now. Raises StoreError."""
        length = await self._store.ask(scripts.queue_length())
        if isinstance(length, int):
            connection.send(QueueChanged(length))

    # --- sweeping ---

    async def sweep_forever(self) -> None:
        """Every second: end leases, drop the absent, note who is here. Every node does it; it may be done
        twice.
        """
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                await self.sweep()
            except StoreUnavailable:
                continue

    async def sweep(self) -> None:
        """One round. Raises StoreError."""
        now = _now_ms()
        if self._waiting and now - self._touched_ms >= self._absent_ms // 4:
            self._touched_ms = now
            self._store.send(scripts.touch_seen(list(self._waiting), now))
        for conversation_id in scripts.conversation_ids(await self._store.ask(scripts.leases_due(now))):
            await self._end_lease(conversation_id)
        unseen = await self._store.ask(scripts.unseen_since(now - self._absent_ms))
        for conversation_id in scripts.conversation_ids(unseen):
            command = scripts.withdraw_request(conversation_id, now - self._absent_ms)
            if await self._store.ask(command) == 1:
                self._changed()

    async def _end_lease(self, conversation_id: bytes) -> None:
        device_id = await self._store.ask(scripts.lease_holder(conversation_id))
        if not isinstance(device_id, bytes):
            await self._store.ask(scripts.drop_lease(conversation_id))
            return
        keys = ConversationKeys.of(conversation_id)
        status = scripts.lease_status(
            await self._store.ask(scripts.end_lease(keys, conversation_id, device_id))
        )
        if status == "ended":
            metrics.LEASES_ENDED.inc()
            await self._store.ask(scripts.return_request(conversation_id, device_id, self._retention_ms))
        else:
            await self._store.ask(scripts.settle_request(conversation_id))
        self._changed()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
