"""The node that leads makes the offers: it looks at who waits and who is there, plans, and lets the store
decide.

::

    queue or staff have changed (if offers are made), or a second has passed
        --> do I lead?  (one script; the lead ends three seconds after its node)
        --> the next requests, the people who are there --> routing.plan --> proposals
        --> offer_requests (one script)  --> OFFERED to all nodes
        --> requests that find nobody    --> `alerts`

That one node leads saves work, and is not needed for anything else: two that plan at once propose, and the
script gives each request to one person, and each seat to one request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from teduh_server.matching.ranking import (
    Person,
    Policy,
    Proposal,
    WaitingRequest,
    can_be_asked,
    plan,
    somebody_suits_nobody,
)
from teduh_server.redis_store import routing_scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.exceptions import StoreError
from teduh_server.routing.alerts import Alerts
from teduh_server.routing.offers import Offered, Offers
from teduh_server.routing.waiting_list import next_waiting
from teduh_server.staff.presence import Presence
from teduh_server.staff.push import Push

_TICK_SECONDS = 1.0
_GATHERING_SECONDS = 0.02
"""How long changes are gathered before it plans anew."""
_LEAD_MS = 3000
_LOOKED_AT_FIRST = 32
"""So many of the next requests are planned as soon as something has changed..."""
_LOOKED_THROUGH = 256
"""...and so many each second. Where thousands wait and something changes all the time, to plan for all of
these each time held up what is said.
"""
_FULL_SECONDS = 2.0
"""A person whom the store found without a seat is not proposed for so long."""


class Router:
    """Offers requests to people, and has supervisors told of those that find nobody."""

    def __init__(
        self,
        store: Store,
        presence: Presence,
        offers: Offers,
        alerts: Alerts,
        push: Push | None,
        policy: Policy,
        node_id: str,
        *,
        makes_offers: bool,
        retention_ms: int,
    ) -> None:
        """`push` wakes staff who are not connected, where there is one."""
        self._store = store
        self._presence = presence
        self._offers = offers
        self._alerts = alerts
        self._policy = policy
        self._node_id = node_id
        self._makes_offers = makes_offers
        self._retention_ms = retention_ms
        self._full: dict[bytes, float] = {}
        self._looked = 0.0
        # To whom something behind the first few was offered when all were looked at.
        self._offered_behind: set[bytes | None] = set()
        self._poked = asyncio.Event()
        self._push = push

    def poke(self) -> None:
        """Something has changed: look soon. Where staff pick, once a second is soon enough."""
        if self._makes_offers:
            self._poked.set()

    async def route_forever(self) -> None:
        """Look whenever something has changed, and every second."""
        while True:
            try:
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._poked.wait()
                # What changes in the next moment is looked at together.
                await asyncio.sleep(_GATHERING_SECONDS)
            except TimeoutError:
                pass
            self._poked.clear()
            try:
                await self.route()
            except StoreError:
                # Also a store that refuses, because it is full: this goes on when it takes writes again.
                continue

    async def route(self) -> None:
        """One round. Raises StoreError."""
        if await self._store.ask(routing_scripts.take_lead(self._node_id, _LEAD_MS)) != 1:
            return
        if self._makes_offers:
            somebody_waits, in_vain = await self._route_by_offers()
        else:
            somebody_waits, in_vain = await self._alerts.look()
        if self._push is not None and somebody_waits and (in_vain or not self._somebody_can_be_asked()):
            await self._push.wake()

    def _somebody_can_be_asked(self) -> bool:
        now = time.time()
        return any(can_be_asked(person, now) for person in self._presence.people())

    async def _route_by_offers(self) -> tuple[bool, bool]:
        """Whether anybody waits, and whether anybody does in vain, as far as it was looked at."""
        await self._offers.sweep()
        count, waiting = await next_waiting(self._store, _LOOKED_AT_FIRST)
        is_whole = count <= _LOOKED_AT_FIRST
        if not is_whole and time.monotonic() - self._looked >= _TICK_SECONDS:
            _, waiting = await next_waiting(self._store, _LOOKED_THROUGH)
            self._looked, is_whole = time.monotonic(), True
        if is_whole:
            self._offered_behind = {each.offered_to for each in waiting[_LOOKED_AT_FIRST:]} - {None}
        suits_nobody = False
        if waiting:
            now, people = time.time() + self._store.clock_ahead, self._presence.people()
            await self._withdraw_from_the_gone(waiting, people)
            seats = {person.id: person.seats for person in people}
            await self._offer(plan(waiting, self._free(people, waiting), now, self._policy), seats, now)
            suits_nobody = self._push is not None and somebody_suits_nobody(
                waiting, people, now, self._policy
            )
        if not is_whole:
            return bool(waiting), False
        return bool(waiting), await self._alerts.notify(waiting) or suits_nobody

    async def _withdraw_from_the_gone(self, waiting: Sequence[WaitingRequest], people: list[Person]) -> None:
        """Do not wait for the answer of somebody who is not there any more; who is back is asked again."""
        there = {person.id for person in people}
        for request in waiting:
            if request.offered_to is not None and request.offered_to not in there:
                await self._offers.end(request.id, request.offered_to, is_gone=True)

    def _free(self, people: list[Person], waiting: Sequence[WaitingRequest]) -> list[Person]:
        now = time.monotonic()
        self._full = {person: until for person, until in self._full.items() if until > now}
        asked = self._offered_behind.union(request.offered_to for request in waiting)
        return [person for person in people if person.id not in asked and person.id not in self._full]

    async def _offer(self, proposals: Sequence[Proposal], seats: Mapping[bytes, int], now: float) -> None:
        if not proposals:
            return
        until = now + self._policy.offer_seconds
        wishes = [(proposal.request.id, proposal.people) for proposal in proposals]
        command = routing_scripts.offer_requests(
            wishes, int(now * 1000), int(self._policy.offer_seconds * 1000), self._retention_ms, seats
        )
        chosen = routing_scripts.offered(await self._store.ask(command))
        for proposal, person in zip(proposals, chosen, strict=True):
            self._note_full(proposal, person)
            if person:
                request = proposal.request
                self._offers.notify(
                    Offered(request.id, person, request.details, request.opened, until, proposal.dropped)
                )

    def _note_full(self, proposal: Proposal, person: bytes) -> None:
        passed_over = proposal.people.index(person) if person else len(proposal.people)
        until = time.monotonic() + _FULL_SECONDS
        for each in proposal.people[:passed_over]:
            self._full[each] = until
        if passed_over:
            # There may be others behind those who were proposed.
            self.poke()
