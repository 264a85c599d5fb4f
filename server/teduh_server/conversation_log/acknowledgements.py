"""How far members have taken their logs, told to the store now and then rather than each time.

An acknowledgement is cumulative and only trims the log, so one may wait a moment for the next of its member:
at a high rate many become one, which spares the store a script each. One that frees much of the log goes at
once.

::

    Acknowledge, Append.has ──> many entries? ──> at once
                                └── few ──> kept per member, newest wins ──> the next round, a few at a time
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from itertools import islice

from teduh_signaling.relay.frames import Acknowledge

from teduh_server.redis_store import scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.commands import Answer
from teduh_server.redis_store.exceptions import StoreError
from teduh_server.session.connection import Connection, Subscription

WAIT_SECONDS = 4.0
MANY_ENTRIES = 128
"""So many are told at once, or half of what a log may hold."""
_AT_ONCE = 4
"""So many in one go, so that no append waits behind many of them; more where a round over all of them would
take longer than half of WAIT_SECONDS."""
_PAUSE_SECONDS = 0.002
_PAUSES = WAIT_SECONDS / 2 / _PAUSE_SECONDS


class Acknowledgements:
    """Those of one node's members that are not yet told."""

    __slots__ = (
        "_at_once",
        "_due_now",
        "_is_due",
        "_many",
        "_next_round",
        "_store",
        "_waiting",
    )

    def __init__(self, store: Store, most_entries: int) -> None:
        """`most_entries`: of one log."""
        self._store = store
        self._many = min(MANY_ENTRIES, most_entries // 2)
        self._is_due = False
        self._at_once = _AT_ONCE
        # Of the next round, and of this one: together, for a script for each would cost twice as much.
        self._waiting: dict[Subscription, None] = {}
        self._due_now: dict[Subscription, None] = {}
        self._next_round = 0.0

    def note(self, connection: Connection, frame: Acknowledge) -> None:
        """The member says so, and nothing else."""
        subscription = connection.subscriptions.get(frame.conversation_id)
        if subscription is not None:
            self.noted(subscription, frame.seq)

    def noted(self, subscription: Subscription, seq: int) -> None:
        """The member has all entries up to that place. Nearly every message passes here."""
        if seq > subscription.has:
            # What nobody has said yet, nobody has.
            newest = subscription.conversation.newest
            subscription.has = seq if seq < newest else newest
        if subscription.has - subscription.shared_has >= self._many:
            self._waiting.pop(subscription, None)
            self._notify(subscription)
        elif subscription not in self._waiting:
            self._waiting[subscription] = None
            if not self._is_due:
                self._is_due = True
                asyncio.get_running_loop().call_later(WAIT_SECONDS, self._begin_round)

    def flush(self) -> None:
        """Tell all that wait: the node stops."""
        waiting, self._waiting = {**self._due_now, **self._waiting}, {}
        self._due_now = {}
        for subscription in waiting:
            self._notify(subscription)

    def _begin_round(self) -> None:
        self._due_now, self._waiting = self._waiting, {}
        self._at_once = max(_AT_ONCE, int(len(self._due_now) / _PAUSES))
        self._next_round = time.monotonic() + WAIT_SECONDS
        self._notify_some()

    def _notify_some(self) -> None:
        due_now = self._due_now
        for subscription in list(islice(due_now, self._at_once)):
            del due_now[subscription]
            self._notify(subscription)
        loop = asyncio.get_running_loop()
        if due_now:
            loop.call_later(_PAUSE_SECONDS, self._notify_some)
        elif self._waiting:
            # Whoever was noted meanwhile waits as long as the others did.
            loop.call_later(max(0.0, self._next_round - time.monotonic()), self._begin_round)
        else:
            self._is_due = False

    def _notify(self, subscription: Subscription) -> None:
        seq = subscription.has
        if seq > subscription.shared_has:
            subscription.shared_has = seq
            command = scripts.acknowledge(subscription.conversation.keys, subscription.member, seq)
            self._store.call_joined(command, 0, partial(_answered, subscription), at_once=False)


def _answered(subscription: Subscription, answer: Answer) -> None:
    if isinstance(answer, StoreError):
        # The next one tells the same.
        subscription.shared_has = 0
