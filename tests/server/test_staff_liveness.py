"""When a survivor is told that nobody on the other side can be reached, on a clock of the test's own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from teduh_server.cluster.node_channel import STAFF_ASKED, NodeChannel
from teduh_server.conversation_log.delivery_service import DeliveryService
from teduh_server.redis_store.client import Store
from teduh_server.routing.staff_liveness import StaffLiveness
from teduh_server.session.connection import Connection, LocalConversation, Subscription
from teduh_signaling.relay.frames import SURVIVOR_MEMBER, StaffReachable

AFTER = 60.0


class Watched:
    """A conversation whose survivor is connected here since `now`, and staff, if anywhere, elsewhere."""

    def __init__(self, *, now: float, silent_since: float = 0.0) -> None:
        self.conversation = LocalConversation(b"conversation id!")
        self.conversation.newest, self.conversation.on_other_nodes = 3, True
        self.conversation.silent_since = silent_since
        self.told: list[bool] = []
        self.asked = 0
        connection = SimpleNamespace(closed=False, send=self._notify)
        her = Subscription(cast("Connection", connection), self.conversation, SURVIVOR_MEMBER, 0)
        self.conversation.subscriptions.append(her)
        store = SimpleNamespace(available=True, call=self._pass_on)
        delivery = SimpleNamespace(conversations=(self.conversation,))
        self.reach = StaffLiveness(
            cast("Store", store), NodeChannel(), cast("DeliveryService", delivery), "node", AFTER
        )
        # As if the store had been there for long.
        self.reach._store_was_there = 0.0
        self.now = now
        self.look(0)

    def look(self, seconds: float) -> list[bool]:
        """What she has been told so many seconds later."""
        self.now += seconds
        self.reach.look(self.now)
        return self.told

    def _notify(self, frame: StaffReachable) -> None:
        self.told.append(frame.reachable)

    def _pass_on(self, command: tuple[object, ...], _: object) -> None:
        self.asked += bytes((STAFF_ASKED,)) in bytes(cast("bytes", command[-1]))[:1]


def test_without_a_note_the_time_begins_with_her_coming() -> None:
    watched = Watched(now=1000.0)
    assert watched.look(AFTER - 1) == []
    assert watched.look(1) == [False]


@pytest.mark.parametrize("silent", [10.0, 40.0])
def test_the_time_goes_on_where_it_was_when_she_moves_to_another_node(silent: float) -> None:
    watched = Watched(now=1000.0, silent_since=1000.0 - silent)
    assert watched.look(AFTER - silent - 1) == []
    assert watched.look(1) == [False]


def test_an_old_note_is_believed_only_when_the_other_nodes_were_asked_and_said_nothing() -> None:
    watched = Watched(now=1000.0, silent_since=100.0)
    assert watched.asked == 1
    assert watched.look(5) == []
    assert watched.asked == 2
    assert watched.look(5) == [False]


def test_a_note_says_that_nobody_is_there_and_never_that_somebody_is() -> None:
    assert Watched(now=1000.0, silent_since=999.0).look(1) == []
