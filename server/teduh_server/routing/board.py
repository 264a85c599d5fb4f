"""The board for supervisors: how it goes, in numbers, and nothing that could be about one person.

Live totals are what every staff member sees anyway (how many wait, who is there); breakdowns and days are
only for supervisors, and say nothing about a count of one to four. Days are counted in the store by the
organisation's clock, and kept as long as everything else.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from teduh_signaling.relay.frames import MAX_BOARD_DAYS, MAX_TALLIES, Availability, BoardDay, Tally
from teduh_signaling.relay.frames import Board as BoardFrame

from teduh_server.matching.opening_hours import OpeningHours
from teduh_server.matching.ranking import WaitingRequest
from teduh_server.redis_store import routing_scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.exceptions import StoreError
from teduh_server.routing.waiting_list import next_waiting
from teduh_server.session.connection import Connection
from teduh_server.staff.presence import Presence

SMALLEST_COUNT = 5
"""Smaller counts of something are not told, but that there are some."""
_REFRESH_SECONDS = 2.0
_COUNTING_SECONDS = 0.1
"""How long counts are gathered before the store is told."""
_LOOKED_THROUGH = 10_000
_DAY_MS = 24 * 3600 * 1000


class Board:
    """The board as one node shows it to the supervisors that are connected to it."""

    def __init__(
        self,
        store: Store,
        presence: Presence,
        hours: OpeningHours | None,
        *,
        goal_seconds: float,
        retention_ms: int,
    ) -> None:
        self._store = store
        self._presence = presence
        self._hours = hours
        self._goal_seconds = int(goal_seconds)
        self._retention_ms = retention_ms
        self._days = min(MAX_BOARD_DAYS, 1 + retention_ms // _DAY_MS)
        self._watchers: set[Connection] = set()
        self._counted: Counter[str] = Counter()

    def count(self, *happened: str) -> None:
        """Something has happened to a request: opened, answered, within_goal, abandoned."""
        if not self._counted:
            asyncio.get_running_loop().call_later(_COUNTING_SECONDS, self.flush)
        self._counted.update(happened)

    def flush(self) -> None:
        """Tell the store what was counted here."""
        if self._counted:
            counted, self._counted = self._counted, Counter()
            today = self._dates(time.time())[0]
            self._store.send(routing_scripts.count_day(today, self._retention_ms, counted))

    async def watch(self, connection: Connection, watching: bool) -> None:
        """Send the board now and every two seconds, or no more."""
        if not watching:
            self._watchers.discard(connection)
            return
        # Where the store is away, as soon as it answers: nobody asks for it again.
        with suppress(StoreError):
            connection.send(await self._look())
        if not connection.closed:
            self._watchers.add(connection)

    def detach(self, connection: Connection) -> None:
        self._watchers.discard(connection)

    async def show_forever(self) -> None:
        """Every two seconds, to those that watch."""
        while True:
            await asyncio.sleep(_REFRESH_SECONDS)
            if self._watchers:
                try:
                    board = await self._look()
                except StoreError:
                    continue
                for connection in list(self._watchers):
                    connection.send(board)

    async def _look(self) -> BoardFrame:
        self.flush()
        now = time.time() + self._store.clock_ahead
        dates = self._dates(now)
        days = await asyncio.gather(*(self._store.ask(routing_scripts.read_day(date)) for date in dates))
        count, listed = await next_waiting(self._store, _LOOKED_THROUGH)
        # Where staff look for a colleague the person has somebody already, and does not wait.
        waiting = [request for request in listed if not request.seeks_colleague]
        sought = len(listed) - len(waiting)
        people = self._presence.counted()
        return BoardFrame(
            waiting=count - sought,
            longest_wait_seconds=_longest(waiting, now),
            active=self._presence.active(),
            available=people[Availability.AVAILABLE],
            busy=people[Availability.BUSY],
            away=people[Availability.AWAY],
            seats=sum(person.seats for person in self._presence.people()),
            load=self._presence.load(),
            goal_seconds=self._goal_seconds,
            needs=tallies(request.details.need for request in waiting),
            languages=tallies(request.details.language for request in waiting),
            days=tuple(
                board_day(date, routing_scripts.day_counts(day))
                for date, day in zip(dates, days, strict=True)
                if day
            ),
            sought=sought,
        )

    def _dates(self, now: float) -> list[str]:
        """The days that are kept, today first."""
        today = datetime.fromtimestamp(now, UTC).date() if self._hours is None else self._hours.today(now)
        return [(today - timedelta(days=back)).isoformat() for back in range(self._days)]


def suppressed(count: int) -> int | None:
    """The count, or None for one so small that it could be a person."""
    return count if count == 0 or count >= SMALLEST_COUNT else None


def tallies(names: Iterable[str | None]) -> tuple[Tally, ...]:
    """How many of each, the most frequent first; small ones in an order that does not tell how small."""
    counted = Counter(names)
    told = [Tally(name, suppressed(count)) for name, count in counted.items()]
    return tuple(sorted(told, key=lambda tally: (-(tally.count or 0), tally.name or "")))[:MAX_TALLIES]


def board_day(date: str, counts: dict[str, int]) -> BoardDay:
    """One day as it is shown."""
    return BoardDay(
        date,
        *(suppressed(counts.get(name, 0)) for name in ("opened", "answered", "within_goal", "abandoned")),
    )


def _longest(waiting: Iterable[WaitingRequest], now: float) -> int:
    return max((max(0, int(now - request.opened)) for request in waiting), default=0)
