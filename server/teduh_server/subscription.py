"""What a node holds of a conversation, and each connection's place in it; `delivery_service` moves them on.

Kept small: a node has one of the first per conversation and one of the second per member who is connected.
"""

from __future__ import annotations

from teduh_signaling.relay.frames import SURVIVOR_MEMBER

from teduh_server.connection import Connection
from teduh_server.redis_store.keys import ConversationKeys
from teduh_server.redis_store.wire import Answer


class LocalConversation:
    """What this node holds of a conversation: who is subscribed, and the newest entry it knows of."""

    __slots__ = (
        "channel",
        "early",
        "id",
        "joining",
        "joins",
        "keys",
        "newest",
        "on_other_nodes",
        "silent_since",
        "staff_heard",
        "subscriptions",
        "watched_since",
    )

    def __init__(self, conversation_id: bytes) -> None:
        self.id = conversation_id
        self.keys = ConversationKeys.of(conversation_id)
        self.subscriptions: list[Subscription] = []
        # In a cluster, where this node hears of it from others.
        self.channel: bytes | None = None
        self.newest = 0
        # Entries that came before an earlier one, see `early_entries`; None if there is none.
        self.early: dict[int, tuple[bytes, Subscription | None]] | None = None
        self.on_other_nodes = False
        self.joining = 0
        # How often others may have come since this node knows of it.
        self.joins = 0
        # Monotonic, 0 for never; see `staff_reach`.
        self.watched_since = 0.0
        self.staff_heard = 0.0
        # Since when other nodes have heard nothing of staff, as the store told when somebody subscribed.
        self.silent_since = 0.0

    def heard_elsewhere(self, joins: int, answer: Answer) -> None:
        """Take the store's answer to what was passed on: how many other nodes still hold subscribers; `joins`
        is of when it was asked.
        """
        if answer == 0 and joins == self.joins:
            self.on_other_nodes = False

    @property
    def has_staff(self) -> bool:
        """Whether a staff device is connected here."""
        return any(
            each.member != SURVIVOR_MEMBER and not each.connection.closed for each in self.subscriptions
        )

    @property
    def staff_last(self) -> float:
        """When staff may have been there last: then anything later would have been heard of."""
        return self.staff_heard or self.silent_since or self.watched_since

    @property
    def is_active(self) -> bool:
        """Whether the survivor is connected here, and something has been said."""
        return self.newest > 0 and any(each.member == SURVIVOR_MEMBER for each in self.subscriptions)


class Subscription:
    """One connection's place in one conversation."""

    __slots__ = (
        "catching_up",
        "connection",
        "conversation",
        "cursor",
        "ended",
        "ends_after",
        "has",
        "member",
        "own",
        "told_has",
        "told_reachable",
    )

    def __init__(
        self, connection: Connection, conversation: LocalConversation, member: int, cursor: int
    ) -> None:
        self.connection = connection
        self.conversation = conversation
        self.member = member
        self.cursor = cursor
        self.catching_up = False
        self.ended = False
        # Where a membership ended while the cursor was behind: so far it is still read, and no further.
        self.ends_after: int | None = None
        # Entries that this connection appended and that the cursor has not reached: told by Accepted already.
        self.own: set[int] | None = None
        # How far this member has the log, as it says, and as the store was told; see `acknowledgements`.
        self.has = self.told_has = 0
        # What a survivor was told last of whether staff can be reached; see `staff_reach`.
        self.told_reachable: bool | None = None

    def is_over(self) -> bool:
        """Whether nothing more is to be delivered."""
        return self.ended or self.connection.closed

    @property
    def is_behind(self) -> bool:
        """Whether more is to be said of it than its cursor does."""
        return self.catching_up or self.ended or self.ends_after is not None or self.own is not None

    def has_own(self, seq: int) -> None:
        """Pass over the entry that this connection itself appended, now or when the cursor gets there."""
        if self.cursor == seq - 1 and not self.catching_up:
            self.cursor = seq
        elif self.cursor < seq:
            if self.own is None:
                self.own = set()
            self.own.add(seq)

    def is_own(self, seq: int) -> bool:
        if self.own is None or seq not in self.own:
            return False
        self.own.discard(seq)
        if not self.own:
            self.own = None
        return True
