"""What those who wait, and those who help, are told of the queue: by one node to its own connections.

::

    the queue or the staff have changed --> refresh, once for all changes of a moment
                                               |
        who waits:  QueuePosition with an estimate, PreferencesRelaxed, OpeningTime; each only when changed
        staff:      QueueChanged (how many), QueueListing (to those that watch)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, KeysView, Sequence, Set
from dataclasses import dataclass

from teduh_signaling.relay.frames import (
    MAX_LISTED_REQUESTS,
    ErrorCode,
    OpeningTime,
    Preference,
    PreferencesRelaxed,
    QueueChanged,
    QueueListing,
    QueuePosition,
)
from teduh_signaling.relay.frames import WaitingRequest as ListedRequest

from teduh_server.matching.opening_hours import OpeningHours
from teduh_server.matching.ranking import Policy, WaitingRequest, dropped
from teduh_server.matching.waiting_time import Estimate, estimate, is_passed_over
from teduh_server.redis_store import queue_scripts, routing_scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.exceptions import StoreError
from teduh_server.routing.waiting_list import next_waiting
from teduh_server.session.connection import Connection
from teduh_server.staff.presence import Presence

_GATHERING_SECONDS = 0.1
"""How long changes are gathered before anything is told."""
_GATHERING_SECONDS_EACH = 0.0005
"""How much longer for each who waits, here or elsewhere."""
AGAIN_SECONDS = 1.0
"""So long after somebody was told that her request is taken, and found nobody, she is told so again."""
_SILENT_SECONDS = 3.0
"""Who has said nothing for so long is seen when she was last heard, and not now."""
_TOLD_AT_ONCE = 50
_LOOKED_THROUGH = 256
"""So many of the next requests are looked through for preferences that are dropped."""


@dataclass(slots=True)
class _Notified:
    """What one connection has been told of one request."""

    position: int
    estimate: Estimate | None = None
    dropped: tuple[Preference, ...] = ()
    opens: int | None = 0
    again_at: float | None = None
    """When it is to be told again, though nothing has changed; monotonic."""
    place: int = -1
    since: float = 0.0
    """Since when she has this place, in seconds since 1970."""

    def is_news(self, position: int, guess: Estimate | None) -> bool:
        """Whether this is to be told; then it counts as told."""
        is_due = self.again_at is not None and time.monotonic() >= self.again_at
        if (self.position, self.estimate) == (position, guess) and not is_due:
            return False
        self.position, self.estimate, self.again_at = position, guess, None
        return True

    def is_passed_over(self, position: int, taken: Sequence[float], now: float) -> bool:
        """Whether she has kept her place while others behind her were taken."""
        if self.place != position:
            self.place, self.since = position, now
        return is_passed_over(taken, self.since)


class QueueNews:
    """The queue's news on one node."""

    def __init__(
        self,
        store: Store,
        presence: Presence,
        hours: OpeningHours | None,
        policy: Policy | None,
        spawn: Callable[[Coroutine[None, None, None]], None],
    ) -> None:
        """With a `policy` requests are offered, and their preferences dropped in time."""
        self._store = store
        self._presence = presence
        self._hours = hours
        self._policy = policy
        self._spawn = spawn
        self._waiting: dict[bytes, dict[Connection, _Notified]] = {}
        # The other way round: a connection may have ended its subscription, and follow the request still.
        self._followed: dict[Connection, set[bytes]] = {}
        self._watchers: set[Connection] = set()
        self._announced: int | None = None
        self._refresh_due = self._refreshing = False
        self._refreshes = 0

    # --- who is told ---

    @property
    def waiting_here(self) -> KeysView[bytes]:
        """The requests whose survivors are connected to this node."""
        return self._waiting.keys()

    def followed_by(self, connection: Connection) -> int:
        """How many requests this connection waits for."""
        return len(self._followed.get(connection, ()))

    def followers(self, conversation_id: bytes) -> list[Connection]:
        """Who is connected here and waits for it."""
        return list(self._waiting.get(conversation_id, ()))

    def last_heard(self, now_ms: int) -> dict[bytes, int]:
        """When whoever waits here was last heard, by the store's clock in milliseconds; who has been silent
        is asked for a sign of life.
        """
        now = time.monotonic()
        for connection in self._followed:
            if now - connection.protocol.last_heard > _SILENT_SECONDS:
                connection.ping()
        heard: dict[bytes, int] = {}
        for conversation_id, connections in self._waiting.items():
            least = min(now - each.protocol.last_heard for each in connections)
            heard[conversation_id] = now_ms - (int(least * 1000) if least > _SILENT_SECONDS else 0)
        return heard

    def follow(self, conversation_id: bytes, connection: Connection, position: int = -1) -> None:
        """Tell this connection of its request; `position` is what it has been told already."""
        following = self._follow(conversation_id, connection)
        before = following.get(connection)
        told = following[connection] = _Notified(position, opens=0 if before is None else before.opens)
        if position > 0:
            # At once: she is not to read of a place in a line that nobody serves.
            _notify_opening(conversation_id, connection, told, self._opens())

    def taken(self) -> None:
        """A request was taken here: who waits next is news, though the number may soon be the same again."""
        self._announced = None

    def go_on(self, conversation_id: bytes, connection: Connection) -> None:
        """Tell this connection of its request, but not what it knows: that it is taken."""
        self._follow(conversation_id, connection).setdefault(connection, _Notified(0))

    def go_on_later(self, conversation_id: bytes, connection: Connection) -> None:
        """The same, but she found nobody: she is told once more in a while, and asks again."""
        told = _Notified(0, again_at=time.monotonic() + AGAIN_SECONDS)
        self._follow(conversation_id, connection)[connection] = told
        asyncio.get_running_loop().call_later(AGAIN_SECONDS, self.refresh_soon)

    def forget(self, conversation_id: bytes, *, staff_too: bool = True) -> None:
        """The request is over; `staff_too`: also for a colleague who looks for somebody there."""
        for connection in list(self._waiting.get(conversation_id, ())):
            if staff_too or connection.staff is None:
                self.unfollow(conversation_id, connection)

    def unfollow(self, conversation_id: bytes, connection: Connection) -> None:
        """Whoever is at this connection waits for it no more; others may."""
        following = self._waiting.get(conversation_id, {})
        if following.pop(connection, None) is not None:
            self._unfollow(conversation_id, connection)
            if not following:
                del self._waiting[conversation_id]

    def _follow(self, conversation_id: bytes, connection: Connection) -> dict[Connection, _Notified]:
        self._followed.setdefault(connection, set()).add(conversation_id)
        return self._waiting.setdefault(conversation_id, {})

    def _unfollow(self, conversation_id: bytes, connection: Connection) -> None:
        followed = self._followed[connection]
        followed.discard(conversation_id)
        if not followed:
            del self._followed[connection]

    def detach(self, connection: Connection) -> list[bytes]:
        """The connection has gone; returns the requests that it followed."""
        self._watchers.discard(connection)
        gone = list(self._followed.pop(connection, ()))
        for conversation_id in gone:
            connections = self._waiting[conversation_id]
            del connections[connection]
            if not connections:
                del self._waiting[conversation_id]
        return gone

    async def watch(self, connection: Connection, watching: bool) -> None:
        """Send the listing now and whenever it changes, or no more."""
        if not watching:
            self._watchers.discard(connection)
            return
        before = self._refreshes
        try:
            listed = await next_waiting(self._store, MAX_LISTED_REQUESTS)
        except StoreError:
            # She is told as soon as the store answers: nobody asks for it again.
            if not connection.closed:
                self._watchers.add(connection)
                self.refresh_soon()
            return
        connection.send(self._listing_for(connection, *listed))
        if not connection.closed:
            self._watchers.add(connection)
            if self._refreshes != before:
                # What has changed while it was read was told to those who were watching by then.
                self.refresh_soon()

    async def notify(self, connection: Connection) -> None:
        """Tell one staff connection how many wait now. Raises StoreError."""
        length = await self._store.ask(queue_scripts.queue_length())
        if isinstance(length, int):
            connection.send(QueueChanged(length))

    # --- telling ---

    def refresh_soon(self) -> None:
        """Tell what has changed, once for all changes of the next moment."""
        if not self._refresh_due:
            self._refresh_due = True
            # The more wait, the more there is to look through, and the less anyone minds a moment's delay.
            waiting = max(len(self._waiting), self._announced or 0)
            delay = _GATHERING_SECONDS + waiting * _GATHERING_SECONDS_EACH
            asyncio.get_running_loop().call_later(delay, self._refresh_now)

    def _refresh_now(self) -> None:
        self._refresh_due = False
        if self._refreshing:
            # One after the other, or what is older might be told last.
            self.refresh_soon()
            return
        self._spawn(self._refresh())

    async def _refresh(self) -> None:
        self._refreshing = True
        self._refreshes += 1
        try:
            if self._waiting:
                await self._notify_positions()
                await self.notify_of_time()
            if self._watchers:
                await self._notify_watchers()
            await self._notify_length()
        except StoreError:
            self.refresh_soon()
        finally:
            self._refreshing = False

    async def _notify_positions(self) -> None:
        order, taken = await asyncio.gather(
            self._store.ask(queue_scripts.queue_order()), self._store.ask(routing_scripts.taken_times())
        )
        now = time.time() + self._store.clock_ahead
        times = sorted(routing_scripts.seconds(taken), reverse=True)
        # Nobody is told how long it takes while nobody takes anything.
        somebody_takes = self._opens() == 0
        places = {each: place for place, each in enumerate(queue_scripts.conversation_ids(order), 1)}
        for at, conversation_id in enumerate(list(self._waiting), 1):
            if at % _TOLD_AT_ONCE == 0:
                # Thousands may wait; what is said meanwhile must not.
                await asyncio.sleep(0)
            position = places.get(conversation_id, 0)
            if position == 0:
                state = await self._store.ask(queue_scripts.request_state(conversation_id))
                if state not in (b"waiting", b"leased"):
                    followers = self._followers(conversation_id)
                    self.forget(conversation_id)
                    _let_ask_anew(conversation_id, followers, is_lost=state is None)
            guess = estimate(times, position, now) if somebody_takes else None
            for connection, told in self._followers(conversation_id):
                foreseen = None if told.is_passed_over(position, times, now) else guess
                if told.is_news(position, foreseen):
                    connection.send(_position(conversation_id, position, foreseen))

    def _followers(self, conversation_id: bytes) -> Iterable[tuple[Connection, _Notified]]:
        return list(self._waiting.get(conversation_id, {}).items())

    async def notify_of_time(self) -> None:
        """Tell what time alone has changed: who will be there when, what no longer counts. Raises
        StoreError.
        """
        if not self._waiting:
            return
        await self._notify_openings()
        if self._policy is not None:
            _, requests = await next_waiting(self._store, _LOOKED_THROUGH)
            now = time.time() + self._store.clock_ahead
            for request in requests:
                self.notify_dropped(request.id, dropped(request, now, self._policy))

    async def _notify_openings(self) -> None:
        opens = self._opens()
        for at, conversation_id in enumerate(list(self._waiting), 1):
            if at % _TOLD_AT_ONCE == 0:
                await asyncio.sleep(0)
            for connection, told in self._followers(conversation_id):
                _notify_opening(conversation_id, connection, told, opens)

    def _opens(self) -> int | None:
        """When somebody will be there; 0 if somebody is, None if nobody knows."""
        now = time.time()
        if self._presence.somebody_takes(now):
            return 0
        # By the hours somebody should be there and is not: then the hours say nothing.
        if self._hours is None or self._hours.is_open(now):
            return None
        return self._hours.next_opening(now)

    def notify_dropped(self, conversation_id: bytes, now_dropped: tuple[Preference, ...]) -> None:
        """She is offered without regard to these; she is told before anybody can have said yes."""
        for connection, told in self._followers(conversation_id):
            if len(told.dropped) < len(now_dropped):
                told.dropped = now_dropped
                connection.send(PreferencesRelaxed(conversation_id, now_dropped))

    async def _notify_watchers(self) -> None:
        count, requests = await next_waiting(self._store, MAX_LISTED_REQUESTS)
        for connection in list(self._watchers):
            connection.send(self._listing_for(connection, count, requests))

    def _listing_for(
        self, connection: Connection, count: int, requests: Iterable[WaitingRequest]
    ) -> QueueListing:
        staff = connection.staff
        assert staff is not None
        devices = {staff.device_id, *self._presence.devices_of(staff.person)}
        now = time.time() + self._store.clock_ahead
        return QueueListing(count, tuple(_listed(request, now, devices) for request in requests))

    async def _notify_length(self) -> None:
        length = await self._store.ask(queue_scripts.queue_length())
        if not isinstance(length, int) or length == self._announced:
            return
        self._announced = length
        for connection in self._presence.available_here():
            connection.send(QueueChanged(length))


def _let_ask_anew(
    conversation_id: bytes, followers: Iterable[tuple[Connection, _Notified]], *, is_lost: bool
) -> None:
    """The request is not in the queue any more. If nobody has taken it, its survivor believes that she waits,
    and asks again when she connects anew. A colleague who looks for somebody asks again whatever has become
    of it, for whoever ends it herself does not follow it.
    """
    for connection, _ in followers:
        if connection.staff is not None:
            connection.send(QueuePosition(conversation_id, 0))
        elif is_lost:
            connection.end(ErrorCode.UNAVAILABLE, "the request is not in the queue any more")


def _listed(request: WaitingRequest, now: float, devices: Set[bytes]) -> ListedRequest:
    waited = max(0, int(now - request.opened))
    return ListedRequest(request.id, request.details, waited, bool(devices & request.known_devices))


def _notify_opening(
    conversation_id: bytes, connection: Connection, last: _Notified, opens: int | None
) -> None:
    if last.opens != opens and last.position != 0:
        last.opens = opens
        connection.send(OpeningTime(conversation_id, opens))


def _position(conversation_id: bytes, position: int, guess: Estimate | None) -> QueuePosition:
    if guess is None:
        return QueuePosition(conversation_id, position)
    return QueuePosition(conversation_id, position, guess.least, guess.most)
