"""A member between its proof and its subscription."""

from __future__ import annotations

from typing import Protocol

from teduh_server.redis_store.scripts import MemberState
from teduh_server.session.connection import Connection, LocalConversation


class Subscribing(Protocol):
    """What subscribes a connection, and waits for those who are about to be."""

    def attach(
        self, connection: Connection, conversation: LocalConversation, member: int, after: int
    ) -> None:
        """Begin to deliver to `connection` what comes after `after`."""

    def released(self, conversation: LocalConversation) -> None:
        """One who was about to be subscribed is, or will not be."""


class Joining:
    """A proven member that is about to be subscribed: first its answer goes out, then `attach`, always
    `release`.
    """

    __slots__ = ("_delivery", "conversation", "state")

    def __init__(self, delivery: Subscribing, conversation: LocalConversation, state: MemberState) -> None:
        self._delivery = delivery
        self.conversation = conversation
        self.state = state

    def attach(self, connection: Connection, after: int) -> None:
        """Deliver what comes after `after`, as far as this member may read."""
        start = max(after, self.state.may_read_after)
        self._delivery.attach(connection, self.conversation, self.state.member, start)

    def release(self) -> None:
        self._delivery.released(self.conversation)
