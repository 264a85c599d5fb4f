"""Who waits for help, in the order of service; who has claimed whom; and what becomes of both when somebody
vanishes.

::

                    claim                     first commit accepted
    waiting  ------------------>  leased  ----------------------------->  taken
       ^  \\                         |
       |   \\ cancelled, or gone      | no commit within the lease
       |    -------> forgotten      |
       +--------------<-------------+   back to its old place
       OpenRequest again: a new request, at the end

The request lives in the {queue} slot, the membership in the conversation's slot; no script touches both.
What nobody has taken goes with its opener: the sweep that finds her gone has the conversation forgotten, too.
What decides is the conversation: a lease has been kept exactly if its epoch has moved on from 0. So a node
may die between any two steps, and the sweep of another puts things right.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

from msgspec import msgpack
from teduh_signaling.relay.frames import (
    Claim,
    Claimed,
    ErrorCode,
    OpenRequest,
    RequestDetails,
    RequestOpened,
    RequestReassignment,
)

from teduh_server.cluster import node_channel
from teduh_server.conversation_log.delivery_service import DeliveryService
from teduh_server.conversation_log.joining import Joining
from teduh_server.matching.ranking import HEAD_START_SECONDS
from teduh_server.matching.reported import Reported
from teduh_server.matching.unclaimed import Unclaimed
from teduh_server.matching.waiting_time import WINDOW_SECONDS
from teduh_server.operations import metrics
from teduh_server.organisation.staff_authentication import StaffDevice
from teduh_server.redis_store import queue_scripts, routing_scripts, scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Command, Reply
from teduh_server.redis_store.exceptions import StoreError
from teduh_server.redis_store.keys import ALL_NODES_CHANNEL, ConversationKeys, conversation_of
from teduh_server.redis_store.replies import as_int
from teduh_server.routing.continuation import Continuations
from teduh_server.routing.queue_news import QueueNews
from teduh_server.routing.service_order import ServiceOrder
from teduh_server.session.connection import Connection
from teduh_server.transport.rate_limit import source_of_requests

_SWEEP_SECONDS = 1.0
_LATE_MS = 3000
"""Where a sweep comes so long after the one before, or longer, the other nodes may have felt the same."""
_AT_ONCE = 50
_GATHERING_SECONDS = 0.02
"""Changes of the queue are told to the nodes no more often."""

_T = TypeVar("_T")

_read_details = msgpack.Decoder(RequestDetails).decode


class Queue:
    """The queue as one node serves it."""

    def __init__(
        self,
        store: Store,
        news: QueueNews,
        delivery: DeliveryService,
        order: ServiceOrder,
        *,
        retention_ms: int,
        lease_seconds: float,
        consent_seconds: float,
        absent_seconds: float,
        goal_seconds: float,
        count: Callable[..., None],
        spawn: Callable[[Coroutine[None, None, None]], None],
        unclaimed: Unclaimed,
        reported: Reported,
        continuations: Continuations,
    ) -> None:
        """`count` takes what has happened, for the day's numbers."""
        self._unclaimed = unclaimed
        self._reported = reported
        self._continuations = continuations
        self._store = store
        self._news = news
        self._delivery = delivery
        self._order = order
        self._retention_ms = retention_ms
        self._lease_ms = int(lease_seconds * 1000)
        self._consent_ms = int(consent_seconds * 1000)
        self._absent_ms = int(absent_seconds * 1000)
        self._goal_ms = int(goal_seconds * 1000)
        self._count = count
        self._spawn = spawn
        self._touched_ms = self._swept_ms = self._released_ms = 0
        # From when on all nodes have been able to say who is with them, as far as this one knows.
        self._seen_from_ms = 0
        self._notified_just_now = self._to_notify = False
        self.length = 0
        """How many wait at all nodes, of late."""
        delivery.first_commits.add(self._confirm)

    # --- survivors ---

    async def open(self, connection: Connection, frame: OpenRequest) -> bool:
        """Put the request into the queue and subscribe its connection; whether it is a new one. Raises
        StoreError.
        """
        capability_hash = hashlib.sha256(frame.capability).digest()
        conversation_id = conversation_of(capability_hash)
        known_devices = b""
        if frame.continues is not None:
            known_devices = await self._known(frame.continues, frame.continuation)
        source = source_of_requests(connection.source)
        held_back = self._order.enter(source, conversation_id, frame.details.urgency)
        try:
            return await self._put(connection, frame, conversation_id, known_devices, held_back)
        finally:
            self._order.entered(conversation_id)

    async def _put(
        self,
        connection: Connection,
        frame: OpenRequest,
        conversation_id: bytes,
        known_devices: bytes,
        held_back: int,
    ) -> bool:
        capability_hash = hashlib.sha256(frame.capability).digest()
        opening, joining = await self._open(conversation_id, capability_hash, frame, known_devices, held_back)
        try:
            # Where the store does not answer, whether it waits is not known: the sweep looks.
            opened = queue_scripts.opened(await opening)
            if opened.new and (joining is None or joining.state.epoch > 0):
                # It was answered so long ago that the store has forgotten the request.
                await self._store.ask(queue_scripts.withdraw_request(conversation_id))
                opened = queue_scripts.Opened(position=0, new=False, place=opened.place)
            if opened.position == 0:
                # Somebody has taken it before.
                self._order.leave(conversation_id)
            elif not opened.new:
                self._order.stands(conversation_id, opened.place)
            if joining is None:
                # She has left this conversation; a new request takes a new capability.
                connection.refuse(ErrorCode.REQUEST_GONE, "the conversation was left", ref=frame.ref)
                return False
            if opened.position:
                given_bytes = len(frame.key_package) + len(msgpack.encode(frame.details))
                source = source_of_requests(connection.source)
                self._unclaimed.open(source, conversation_id, given_bytes)
            connection.send(RequestOpened(frame.ref, conversation_id, opened.position))
            if conversation_id not in connection.subscriptions:
                joining.attach(connection, 0)
        finally:
            if joining is not None:
                joining.release()
        self._news.follow(conversation_id, connection, opened.position)
        if opened.new:
            metrics.REQUESTS.inc()
            self._count("opened")
            self.length += 1
        self._changed()
        return opened.new

    async def _open(
        self,
        conversation_id: bytes,
        capability_hash: bytes,
        frame: OpenRequest,
        known_devices: bytes,
        held_back: int,
    ) -> tuple[asyncio.Future[Reply], Joining | None]:
        """What the store says to the request, and her place in the conversation, in one write.

        The conversation comes first, for whoever claims the request must find it; a cluster has it elsewhere,
        so there it is waited for.
        """
        command = queue_scripts.open_request(
            conversation_id,
            frame.key_package,
            msgpack.encode(frame.details),
            self._store.now_ms(),
            self._retention_ms,
            HEAD_START_SECONDS[frame.details.urgency] - held_back,
            known_devices,
        )
        if self._store.sharded:
            joining = await self._delivery.begin(conversation_id, capability_hash)
            return self._ask(command), joining
        opening: list[asyncio.Future[Reply]] = []
        joining = await self._delivery.begin(
            conversation_id, capability_hash, lambda: opening.append(self._ask(command))
        )
        return opening[0], joining

    def _ask(self, command: Command) -> asyncio.Future[Reply]:
        """As the store's; that it failed may matter to nobody, when another of the same write did too."""
        future = self._store.ask(command)
        future.add_done_callback(_note_failure)
        return future

    async def _known(self, capability: bytes, continuation: bytes) -> bytes:
        """The staff devices of the conversation that this capability opened, joined: as the store has them
        while it goes on, then as the token `continuation` has them. Raises StoreError.
        """
        capability_hash = hashlib.sha256(capability).digest()
        keys = ConversationKeys.of(conversation_of(capability_hash))
        found = scripts.joined_devices(await self._store.ask(scripts.staff_of(keys, capability_hash)))
        return found or await self._continuations.open(continuation, capability_hash)

    async def request_reassignment(
        self, connection: Connection, frame: RequestReassignment, staff: StaffDevice | None
    ) -> queue_scripts.Requeued | ErrorCode:
        """Put a conversation that goes on back into the queue, or look how it goes there.

        For `staff`, who looks for a colleague, or for the survivor. Raises StoreError.
        """
        details = frame.details
        seeker: tuple[bytes, ...] = ()
        if staff is not None:
            members = scripts.read_members(ConversationKeys.of(frame.conversation_id))
            inside = scripts.staff_with_her(await self._store.ask(members))
            if inside is None:
                return ErrorCode.REQUEST_GONE
            seeker = (staff.device_id, staff.person, inside)
        command = queue_scripts.requeue_request(
            frame.conversation_id,
            msgpack.encode(details),
            self._store.now_ms(),
            self._retention_ms,
            HEAD_START_SECONDS[details.urgency],
            *seeker,
        )
        found = queue_scripts.requeued(await self._store.ask(command))
        if isinstance(found, queue_scripts.Requeued):
            if found.taken_by:
                # The answer says so. As news it would make her ask again, which would be news.
                self._news.go_on(frame.conversation_id, connection)
            else:
                self._news.follow(frame.conversation_id, connection)
                self._changed()
        return found

    def look_again(self, connection: Connection, conversation_id: bytes) -> None:
        """What she asked for is not there yet: she is told that it is taken, in a while, and asks again."""
        self._news.go_on_later(conversation_id, connection)

    async def is_open(self, conversation_id: bytes) -> bool:
        """Whether it waits, or somebody has taken it. Raises StoreError."""
        return await self._store.ask(queue_scripts.request_state(conversation_id)) in (b"waiting", b"leased")

    async def take_out(self, conversation_id: bytes) -> None:
        """Take a request out that waits, though its survivor may be there: she is disconnected, and asks
        again. Raises StoreError.
        """
        if await self._withdraw(conversation_id, is_given_up=False):
            followers = self._news.followers(conversation_id)
            self._news.forget(conversation_id)
            for connection in followers:
                connection.end(ErrorCode.UNAVAILABLE, "the request was taken out: ask again")
            self._changed()

    def forget(self, conversation_id: bytes) -> None:
        """Nobody is sought for it: its survivor waits for no news of it any more."""
        self._news.forget(conversation_id)

    def let_lapse(self, connection: Connection, conversation_id: bytes) -> None:
        """It could not be cancelled now: nobody says any more that whoever sought is there, and it drops out
        like that of somebody who has gone.
        """
        self._news.unfollow(conversation_id, connection)

    async def cancel(self, conversation_id: bytes, staff: StaffDevice | None = None) -> None:
        """Take the request out of the queue, if it still waits; for `staff`, what that device put there.

        Raises StoreError.
        """
        by = b"" if staff is None else staff.device_id
        if by and await self._store.ask(queue_scripts.requested_by(conversation_id)) != by:
            return
        await self._withdraw(conversation_id, by=by)
        # A colleague who looks for somebody there has not ended it, and is told that it is over.
        self._news.forget(conversation_id, staff_too=staff is not None)
        self._changed()

    async def _withdraw(
        self, conversation_id: bytes, last_seen_ms: int = -1, by: bytes = b"", *, is_given_up: bool = True
    ) -> bool:
        command = queue_scripts.withdraw_request(conversation_id, last_seen_ms, by)
        withdrawn = queue_scripts.withdrawn(await self._store.ask(command))
        if withdrawn.waited:
            self._order.leave(conversation_id)
        self._offer_ended(conversation_id, withdrawn.offered_to)
        if withdrawn.taken_by:
            await self._end_claim(conversation_id, withdrawn.taken_by, withdrawn.person)
        # A conversation that goes on was counted when it was opened, and answered.
        if withdrawn.waited and is_given_up and not withdrawn.goes_on:
            self._count("abandoned")
        if withdrawn.waited and not withdrawn.goes_on:
            self._drop(conversation_id, last_seen_ms)
        return withdrawn.waited

    def _drop(self, conversation_id: bytes, last_seen_ms: int = -1) -> None:
        """Nobody has taken the conversation, and its opener has gone: nothing of it stays, unless she has
        come back since she was last seen.
        """
        before_ms = self._store.now_ms() if last_seen_ms < 0 else last_seen_ms
        self._store.send(scripts.drop_unclaimed(ConversationKeys.of(conversation_id), before_ms))
        self._unclaimed.release(conversation_id)
        self._delivery.forget(conversation_id)

    async def _end_claim(self, conversation_id: bytes, device_id: bytes, person: bytes) -> None:
        """Nobody is sought any more: whoever had taken it is in by now, or is told at once that she will not
        be.
        """
        ended = await self._store.ask(scripts.end_claim(ConversationKeys.of(conversation_id), device_id))
        if scripts.is_in(ended):
            self._store.send(routing_scripts.count_taken(person))
        else:
            self._not_let_in(conversation_id, device_id, person)

    def seen(self, connection: Connection, conversation_id: bytes) -> None:
        """A survivor has subscribed: if her request waits, she is told her position again and keeps her
        place.
        """
        self._news.follow(conversation_id, connection)
        self._store.send(queue_scripts.touch_seen({conversation_id: self._store.now_ms()}))
        self._news.refresh_soon()

    def detach(self, connection: Connection) -> None:
        """The connection has gone; her absence counts from now."""
        gone = self._news.detach(connection)
        if gone:
            self._store.send(queue_scripts.touch_seen(dict.fromkeys(gone, self._store.now_ms())))

    # --- staff ---

    async def claim(
        self,
        connection: Connection,
        frame: Claim,
        *,
        only_offered: bool = False,
        seats: int | None = queue_scripts.NO_SEAT_NEEDED,
    ) -> bool:
        """Give the next request, or the one asked for, to this device; whether there was one.

        `only_offered`: only if it is offered to this person now; `seats` as `claim_request` has it. Raises
        StoreError.
        """
        staff = connection.staff
        assert staff is not None
        while True:
            command = queue_scripts.claim_request(
                frame.conversation_id,
                staff.device_id,
                staff.person,
                self._store.now_ms(),
                self._lease_ms,
                self._consent_ms,
                self._retention_ms,
                only_offered=only_offered,
                seats=seats,
            )
            claimed = queue_scripts.claimed_request(await self._store.ask(command))
            if isinstance(claimed, ErrorCode):
                connection.refuse(claimed, "say first that you take one more", ref=frame.ref)
                return False
            if claimed is None:
                self._nothing_to_claim(connection, frame)
                return False
            self._order.leave(claimed.conversation_id)
            self._news.taken()
            self._changed()
            self._offer_ended(claimed.conversation_id, claimed.offered_to)
            if await self._admit(connection, staff.device_id, frame, claimed):
                metrics.CLAIMS.inc()
                return True
            # Its conversation has expired or everybody has left it.
            await self._store.ask(self._confirmed(claimed.conversation_id, staff.device_id))

    async def _admit(
        self, connection: Connection, device_id: bytes, frame: Claim, claimed: queue_scripts.ClaimedRequest
    ) -> bool:
        conversation_id = claimed.conversation_id
        if not claimed.key_package:
            return await self._name(connection, device_id, frame, claimed)
        admitted = self._ask(scripts.admit_claimant(ConversationKeys.of(conversation_id), device_id))
        joining = await self._delivery.prove(conversation_id, device_id=device_id)
        if joining is None and as_int(await admitted) > 0:
            # The store had forgotten that script, and was given it anew, behind the question.
            joining = await self._delivery.prove(conversation_id, device_id=device_id)
        if joining is None:
            return False
        try:
            connection.send(self._claimed(frame, claimed, member=joining.state.member))
            joining.attach(connection, joining.state.last_seq)
        finally:
            joining.release()
        return True

    async def _name(
        self, connection: Connection, device_id: bytes, frame: Claim, claimed: queue_scripts.ClaimedRequest
    ) -> bool:
        # The conversation goes on: its survivor adds this device, or nobody does.
        keys = ConversationKeys.of(claimed.conversation_id)
        named = scripts.named(await self._store.ask(scripts.name_claimant(keys, device_id)))
        if named is None:
            return False
        if await self._store.ask(queue_scripts.lease_holder(claimed.conversation_id)) != device_id:
            # Nobody is sought any more since it was claimed, a moment ago.
            await self._store.ask(scripts.end_claim(keys, device_id))
            return False
        if named.member:
            # The device that was not reached has come back, and takes its own conversation: nobody is sought.
            await self._store.ask(self._confirmed(claimed.conversation_id, device_id))
            self._changed()
        connection.send(self._claimed(frame, claimed, named.member, named.epoch))
        return True

    def _claimed(
        self, frame: Claim, claimed: queue_scripts.ClaimedRequest, member: int = 0, epoch: int = 0
    ) -> Claimed:
        return Claimed(
            ref=frame.ref,
            conversation_id=claimed.conversation_id,
            key_package=claimed.key_package,
            details=_read_details(claimed.details),
            waited_seconds=max(0, self._store.now_ms() * 1000 - claimed.opened_us) // 1_000_000,
            lease_seconds=max(1, (self._consent_ms if epoch else self._lease_ms) // 1000),
            member=member,
            epoch=epoch,
        )

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

    def _confirm(self, conversation_id: bytes) -> None:
        self._spawn(self._confirm_soon(conversation_id))
        self._unclaimed.release(conversation_id)
        self._news.forget(conversation_id)

    async def _confirm_soon(self, conversation_id: bytes) -> None:
        # What is not confirmed because the store is away, the end of its lease will confirm.
        with suppress(StoreError):
            self._answered(await self._store.ask(self._confirmed(conversation_id)))

    def _confirmed(self, conversation_id: bytes, device_id: bytes = b"") -> Command:
        """Of the lease of this device; without one, whoever has it."""
        window_ms = int(WINDOW_SECONDS * 1000)
        return queue_scripts.confirm_request(conversation_id, self._store.now_ms(), window_ms, device_id)

    def _answered(self, reply: Reply) -> None:
        waited_ms = queue_scripts.waited_ms(reply)
        if waited_ms is not None:
            within = ("within_goal",) if waited_ms <= self._goal_ms else ()
            self._count("answered", *within)

    # --- telling ---

    def _changed(self) -> None:
        """Tell all nodes: at once, and what comes within the next moment once, at its end."""
        if self._notified_just_now:
            self._to_notify = True
            return
        self._notified_just_now = True
        self._store.publish(ALL_NODES_CHANNEL, bytes((node_channel.QUEUE_CHANGED,)))
        asyncio.get_running_loop().call_later(_GATHERING_SECONDS, self._notify_rest)

    def _notify_rest(self) -> None:
        self._notified_just_now = False
        if self._to_notify:
            self._to_notify = False
            self._changed()

    def _offer_ended(self, conversation_id: bytes, person: bytes) -> None:
        if person:
            message = bytes((node_channel.OFFER_ENDED,)) + person + conversation_id
            self._store.publish(ALL_NODES_CHANNEL, message)

    def _not_let_in(self, conversation_id: bytes, device_id: bytes, person: bytes) -> None:
        message = bytes((node_channel.NOT_LET_IN,)) + person + device_id + conversation_id
        self._store.publish(ALL_NODES_CHANNEL, message)

    # --- sweeping ---

    async def sweep_forever(self) -> None:
        """Every second: end leases, drop the absent, note who is here. Every node does it; it may be done
        twice.
        """
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                await self.sweep()
            except StoreError:
                continue

    async def sweep(self) -> None:
        """One round. Raises StoreError."""
        await self._store.look_at_clock()
        now = self._store.now_ms()
        if not 0 <= now - self._swept_ms <= max(self._absent_ms // 4, _LATE_MS):
            # The store was away or full, or one with another clock has taken its place: nobody could be seen.
            self._seen_from_ms = now
        await self._order.look(self._news.waiting_here)
        self.length = as_int(await self._store.ask(queue_scripts.queue_length()))
        if self._news.waiting_here and now - self._touched_ms >= self._absent_ms // 4:
            # Asked, not sent: while the store is away nobody is seen, and whoever is here must be seen before
            # the absent are looked for.
            for heard in _in_parts(list(self._news.last_heard(now).items())):
                await self._store.ask(queue_scripts.touch_seen(dict(heard)))
            await self._keep(list(self._news.waiting_here))
            self._touched_ms = now
            self._news.refresh_soon()
        await self._release_claimed(now)
        failed: StoreError | None = None
        for conversation_id in queue_scripts.conversation_ids(
            await self._store.ask(queue_scripts.leases_due(now))
        ):
            try:
                await self._end_lease(conversation_id)
            except StoreError as error:
                # Its part of the store is away, or broken: that holds up nobody else.
                failed = error
        if now - self._seen_from_ms >= self._absent_ms:
            await self._drop_absent(now - self._absent_ms)
        self._swept_ms = now
        await self._news.notify_of_time()
        if failed is not None:
            raise failed

    async def _keep(self, waiting_here: Sequence[bytes]) -> None:
        """Let last what was opened by those who are here. Raises StoreError."""
        for few in _in_parts(waiting_here):
            for conversation_id in few:
                self._store.send(queue_scripts.keep_request(conversation_id))
                self._store.send(scripts.keep_unclaimed(ConversationKeys.of(conversation_id)))
            # Behind these, and before the next, comes what is said meanwhile.
            await self._store.ask(queue_scripts.queue_length())

    async def _release_claimed(self, now: int) -> None:
        """Ask what has become of the conversations that count for their sources. Raises StoreError."""
        counted = self._unclaimed.conversations
        if not counted or now - self._released_ms < self._absent_ms // 4:
            return
        self._released_ms = now
        for few in _in_parts(counted):
            questions = [self._ask(scripts.read_state(ConversationKeys.of(each))) for each in few]
            for conversation_id, reply in zip(few, await asyncio.gather(*questions), strict=True):
                if not scripts.is_unclaimed(reply):
                    self._unclaimed.release(conversation_id)

    async def _drop_absent(self, since_ms: int) -> None:
        while await self._drop_some_absent(since_ms):
            continue

    async def _drop_some_absent(self, since_ms: int) -> bool:
        """Whether there may be more."""
        unseen = queue_scripts.conversation_ids(await self._store.ask(queue_scripts.unseen_since(since_ms)))
        if unseen:
            # A store that is full takes nobody for seen, but lets everybody go: so this, of nobody, first.
            try:
                await self._store.ask(queue_scripts.touch_seen({b"": since_ms}))
            except StoreError:
                self._seen_from_ms = self._store.now_ms()
                raise
        dropped = await asyncio.gather(*(self._withdraw(each, since_ms) for each in unseen))
        if any(dropped):
            self._changed()
        # Those that are leased stay, and would be looked at again and again.
        return len(unseen) >= queue_scripts.UNSEEN_AT_ONCE and all(dropped)

    async def _end_lease(self, conversation_id: bytes) -> None:
        # In this order: what another node does in between makes the deadline a later one, or none.
        found, until = await asyncio.gather(
            self._store.ask(queue_scripts.lease_of(conversation_id)),
            self._store.ask(queue_scripts.lease_until(conversation_id)),
        )
        lease = queue_scripts.lease(found)
        if lease is None:
            # Unless somebody has taken it since: then the lease is hers.
            await self._store.ask(queue_scripts.return_request(conversation_id, b"", self._retention_ms))
            return
        if not queue_scripts.is_due(until, self._store.now_ms()):
            # Another node has ended the one that was due.
            return
        device_id, person, goes_on = lease
        keys = ConversationKeys.of(conversation_id)
        ended = await self._store.ask(scripts.end_lease(keys, conversation_id, device_id, goes_on=goes_on))
        status = scripts.lease_status(ended)
        if status == "confirmed":
            self._answered(await self._store.ask(self._confirmed(conversation_id, device_id)))
        else:
            returned = await self._store.ask(
                queue_scripts.return_request(conversation_id, device_id, self._retention_ms)
            )
            if returned == 1:
                # Of two nodes that do this at once, one; else she would have a seat more than she has.
                self._lease_ended(conversation_id, device_id, person, ended)
            if conversation_id in self._reported:
                await self.take_out(conversation_id)
            if status == "gone":
                # All have left it, or it has expired: nobody has answered, and nobody is there.
                await self._withdraw(conversation_id)
        self._changed()

    def _lease_ended(self, conversation_id: bytes, device_id: bytes, person: bytes, ended: Reply) -> None:
        metrics.LEASES_ENDED.inc()
        if scripts.lease_status(ended) == "gone":
            return
        if scripts.was_member(ended):
            self._store.publish(ALL_NODES_CHANNEL, bytes((node_channel.LET_GO,)) + person + device_id)
        else:
            self._not_let_in(conversation_id, device_id, person)


def _in_parts(all_of_them: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Thousands may wait: what is asked about all of them at once would hold up what is said."""
    for at in range(0, len(all_of_them), _AT_ONCE):
        yield all_of_them[at : at + _AT_ONCE]


def _note_failure(future: asyncio.Future[Reply]) -> None:
    if not future.cancelled():
        future.exception()
