"""Appends without a script, where this node alone has members of a conversation connected.

Of what a script costs the store, checking what the node knows already is more than putting the entry into the
log. So the script says when the node is alone, and the next appends are one plain command each:

::

    script ──> "at 7, and you are alone"
    XADD log NOMKSTREAM 8-0 e ENTRY ──> "8-0"       it is at 8: nobody else has put anything there
    XADD log NOMKSTREAM 9-0 e ENTRY ──> an error    somebody has, or the log has gone: by the script, all that
                                                    is under way, in order

While the script is asked, what comes behind it in a conversation of which it has said so is held
(`Tail.held`): else, where much is said, somebody would always be asking, and nothing would go directly.

Why that is safe. An id that is not greater than the last is refused, so nothing is overwritten; whatever
moves a conversation's epoch takes a place in its log, so a node that has missed it fails at its next append.
The state on the store lags behind: acknowledgements tell it how far the log goes (`told`), and one is made
for that where none comes (`on_untold`). Any script that must know counts what lies beyond (settle.lua), and
drops what stands behind an append that has failed. After such a one the node accepts nothing that was sent
behind it until the script has looked. Whoever joins elsewhere tells this node, which then tells the other to
look at the log once more: what went in meanwhile was not published. A node whose channel has been silent for
a second might not hear that, and does nothing so.

Not in a cluster, and not where answers are held until they are kept elsewhere: there what a log says last may
be taken back.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from struct import Struct
from typing import Final

from teduh_signaling.relay.entry import placed_entry
from teduh_signaling.relay.frames import Append

from teduh_server.redis_store.client import Store
from teduh_server.redis_store.exceptions import StoreUnavailable
from teduh_server.redis_store.scripts import LogLimits
from teduh_server.redis_store.wire import Answer, Wire
from teduh_server.subscription import LocalConversation, Subscription

MOST_ENTRIES: Final = 512
MOST_BYTES: Final = 256 * 1024
"""So many, and so much, at most of which the state on the store knows nothing: more than is under way where
the store is slow, for the script would make it slower; and no more than a script can count in passing."""
UNTOLD_ENTRIES: Final = 128
"""After so many the state is told of them, also where nobody acknowledges any."""
MOST_ENTRY_BYTES: Final = 4096
"""What is larger goes by the script."""
RENEW_SECONDS: Final = 45.0
"""Now and then the script must see the conversation, which renews its expiry."""
SHORTEST_RETENTION_SECONDS: Final = 120
"""With less, nothing goes directly: the state would expire before it is renewed."""

_told_head: Final = Struct(">QQ").pack
_told_member: Final = Struct(">IQQ").pack


def limits_of(store: Store, node: str, retention_ms: int, most_entries: int, most_bytes: int) -> LogLimits:
    """The limits of a node of this store, which appends directly if it may."""
    may = not store.sharded and not store.held_back and retention_ms >= 1000 * SHORTEST_RETENTION_SECONDS
    return LogLimits(
        node,
        retention_ms,
        most_entries,
        most_bytes,
        direct_entries=MOST_ENTRIES if may else 0,
        direct_bytes=MOST_BYTES,
    )


class Appending:
    """What becomes of an append that was tried here. A class: what inherits is called sooner, compiled."""

    def appended(self, subscription: Subscription, frame: Append, entry: bytes, seq: int) -> None:
        """It is in the log at `seq`, and `entry` bears that place."""
        raise NotImplementedError

    def by_script(self, subscription: Subscription, frame: Append) -> None:
        """It is in the log or is not: the script knows."""
        raise NotImplementedError

    def failed(self, subscription: Subscription, frame: Append, error: StoreUnavailable) -> None:
        """Whether it is in the log nobody knows."""
        raise NotImplementedError


class Tail:
    """Where a conversation's log ends, as its only node knows."""

    __slots__ = (
        "_appending",
        "_log",
        "_packed",
        "_packed_from",
        "_packed_until",
        "counters",
        "done",
        "done_bytes",
        "epoch",
        "held",
        "is_live",
        "is_near",
        "known",
        "known_bytes",
        "last",
        "look_at",
        "pending",
        "seq",
        "seq_bytes",
        "told",
        "told_bytes",
        "until",
        "used",
        "wire",
    )

    def __init__(self, conversation: LocalConversation, appending: Appending) -> None:
        self._appending = appending
        self._log = conversation.keys.log
        # An XADD up to its id, as RESP has it, for the places between these two: of so many digits.
        self._packed = b""
        self._packed_from = self._packed_until = 0
        self.is_live = False
        # Whether the script has said last that appends may go directly, once it is asked nothing more.
        self.is_near = False
        # What waits for that; only while the script is being asked. None if that is nothing.
        self.held: list[tuple[Subscription, Append]] | None = None
        # Whether something was appended of which another node, had there been one, would not have heard.
        self.used = False
        self.wire: Wire | None = None
        self.epoch = 0
        # Of each member, as far as known, the counter of its last append.
        self.counters: dict[int, int] = {}
        # The place that was given last, the last that the store has confirmed, and the last that the state
        # knows of; for each, how many bytes were appended up to there since this began.
        self.seq = self.done = self.known = 0
        self.seq_bytes = self.done_bytes = self.known_bytes = 0
        # Beyond this place it is to be looked at whether the state knows enough.
        self.look_at = 0
        self.until = 0.0
        self.pending: deque[tuple[Subscription, Append, bytes]] = deque()
        # Each member's last counter and place, of what was answered since this began. All of it is told each
        # time, so that nothing is missing when an earlier word was lost.
        self.last: dict[int, tuple[int, int]] = {}
        self.told = self.told_bytes = 0

    def command(self, place: int, entry: bytes) -> bytes:
        """`XADD log NOMKSTREAM <place>-0 e <entry>`."""
        if not self._packed_from <= place < self._packed_until:
            self._pack(len(b"%d" % place))
        return b"%b%d-0\r\n$1\r\ne\r\n$%d\r\n%b\r\n" % (self._packed, place, len(entry), entry)

    def _pack(self, digits: int) -> None:
        log = self._log
        head = b"*6\r\n$4\r\nXADD\r\n$%d\r\n%b\r\n$10\r\nNOMKSTREAM\r\n" % (len(log), log)
        self._packed = b"%b$%d\r\n" % (head, digits + len(b"-0"))
        self._packed_from, self._packed_until = 10 ** (digits - 1), 10**digits

    def answered(self, answer: Answer) -> None:
        """The store's answer to the oldest that waits. Every message passes here."""
        if not self.pending:
            # One before it has failed, and this one went with it.
            return
        if type(answer) is not bytes:
            self._not_appended(answer)
            return
        subscription, frame, entry = self.pending.popleft()
        self.done = seq = self.done + 1
        self.last[subscription.member] = (frame.counter, seq)
        self.done_bytes += len(entry)
        self._appending.appended(subscription, frame, entry, seq)

    def _not_appended(self, answer: Answer) -> None:
        pending, self.pending = self.pending, deque()
        self.stop()
        for subscription, frame, _ in pending:
            if isinstance(answer, StoreUnavailable):
                self._appending.failed(subscription, frame, answer)
            else:
                self._appending.by_script(subscription, frame)

    def tell(self) -> bytes:
        """What was appended and not told of yet, as acknowledge.lua takes it."""
        members = [_told_member(member, counter, place) for member, (counter, place) in self.last.items()]
        told = _told_head(self.done, self.done_bytes - self.told_bytes) + b"".join(members)
        self.told, self.told_bytes = self.done, self.done_bytes
        return told

    def stop(self) -> None:
        """What is known of the log may be wrong from now on."""
        self.is_live = self.is_near = False
        self.counters.clear()


class DirectLog:
    """The direct appends of one node."""

    __slots__ = ("_appending", "_hearing", "_store", "is_possible", "on_untold")

    def __init__(self, store: Store, appending: Appending, limits: LogLimits) -> None:
        self._store = store
        self._appending = appending
        # Whoever joins elsewhere tells this node, which must hear it.
        self._hearing = store.hearing
        self.is_possible = limits.direct_entries > 0
        """Whether this node ever appends so; then the other nodes of its store do, too."""
        self.on_untold: Callable[[Subscription], None] = lambda subscription: None
        """Has the store told of what is in the log of this subscription's conversation (`told`)."""

    def append(self, subscription: Subscription, frame: Append) -> bool:
        """Append a message where the log ends; False if the script must see it. Every message passes here."""
        tail = subscription.conversation.tail
        if tail is None or not tail.is_live or frame.kind:
            return False
        member, counter, epoch, payload = subscription.member, frame.counter, frame.epoch, frame.payload
        wire = tail.wire
        if (
            tail.counters.get(member) != counter - 1
            or epoch != tail.epoch
            or (tail.seq >= tail.look_at and not self._has_room(tail, subscription))
            or tail.seq_bytes - tail.known_bytes >= MOST_BYTES
            or len(payload) > MOST_ENTRY_BYTES
            or time.monotonic() > tail.until
            or wire is None
            or wire.lost
            or not self._hearing.is_up
        ):
            return False
        tail.used = True
        tail.counters[member] = counter
        tail.seq = place = tail.seq + 1
        entry = placed_entry(subscription.conversation.id, place, member, counter, 0, epoch, payload)
        tail.seq_bytes += len(entry)
        tail.pending.append((subscription, frame, entry))
        wire.call_packed(tail.command(place, entry), tail.answered)
        return True

    def _has_room(self, tail: Tail, subscription: Subscription) -> bool:
        """Whether the state knows of all but MOST_ENTRIES; it is told, where much is untold."""
        if tail.done - tail.told >= UNTOLD_ENTRIES:
            self.on_untold(subscription)
        tail.look_at = min(tail.seq + UNTOLD_ENTRIES, tail.known + MOST_ENTRIES)
        return tail.seq < tail.look_at

    def hold(self, subscription: Subscription, frame: Append) -> bool:
        """Keep it until the script is asked nothing more, if it may go directly then; all behind it, too."""
        conversation = subscription.conversation
        tail = conversation.tail
        if tail is None or not conversation.scripted:
            return False
        if tail.held is None:
            if not tail.is_near or not self._may_ever(tail, frame):
                return False
            tail.held = []
        tail.held.append((subscription, frame))
        return True

    def _may_ever(self, tail: Tail, frame: Append) -> bool:
        """Whether there is any use in waiting."""
        is_small = not frame.kind and len(frame.payload) <= MOST_ENTRY_BYTES
        return is_small and tail.wire is not None and not tail.wire.lost and self._hearing.is_up

    def release(self, conversation: LocalConversation) -> list[tuple[Subscription, Append]]:
        """What was kept, in order."""
        tail = conversation.tail
        if tail is None or tail.held is None:
            return []
        held, tail.held = tail.held, None
        return held

    def script_asked(self, conversation: LocalConversation) -> None:
        """Something else is appended: what comes behind it goes the same way, until that is answered."""
        conversation.scripted += 1
        if conversation.tail is not None:
            conversation.tail.is_live = False

    def stop(self, conversation: LocalConversation) -> None:
        """What this node knows of the conversation may be wrong from now on."""
        conversation.joins += 1
        if conversation.tail is not None:
            conversation.tail.stop()

    def forget(self, conversation: LocalConversation, member: int) -> None:
        """Whether this one may still say something, the script knows; also of what is held."""
        if conversation.tail is not None:
            conversation.tail.counters.pop(member, None)

    def end_alone(self, conversation: LocalConversation) -> bool:
        """The same, for others may be there; whether they may have missed something."""
        self.stop(conversation)
        tail = conversation.tail
        if tail is None or not tail.used:
            return False
        tail.used = False
        return True

    def learn(self, subscription: Subscription, frame: Append, seq: int, joins: int) -> None:
        """The script has put a message at `seq`, and this node is alone; `joins` is the conversation's of
        when the script was asked.
        """
        conversation = subscription.conversation
        wire = self._store.direct_wire
        if wire is None or joins != conversation.joins:
            return
        tail = conversation.tail
        if tail is None:
            tail = conversation.tail = Tail(conversation, self._appending)
        if tail.wire is not wire:
            tail.stop()
            tail.wire = wire
        tail.counters[subscription.member] = frame.counter
        tail.is_near = True
        if conversation.scripted or tail.pending:
            # Where the log ends is not known before the last of them is answered.
            return
        tail.is_live = True
        tail.seq = tail.done = tail.known = tail.told = seq
        tail.seq_bytes = tail.done_bytes = tail.known_bytes = tail.told_bytes = 0
        tail.look_at = seq + UNTOLD_ENTRIES
        tail.epoch = frame.epoch
        tail.until = time.monotonic() + RENEW_SECONDS
        tail.last = {}

    def told(self, conversation: LocalConversation) -> tuple[bytes, Callable[[Answer], None] | None]:
        """What an acknowledgement tells the store by the way, and who takes its answer."""
        tail = conversation.tail
        if (
            tail is None
            or tail.told == tail.done
            or not tail.is_live
            or tail.wire is not self._store.direct_wire
        ):
            return b"", None
        return tail.tell(), partial(self._known, tail, tail.done, tail.done_bytes)

    def _known(self, tail: Tail, upto: int, upto_bytes: int, answer: Answer) -> None:
        """If the state knows of all up to `upto` and this node may go on; else the script must look."""
        if not isinstance(answer, int) or answer >= 0:
            tail.stop()
        elif upto > tail.known:
            tail.known, tail.known_bytes = upto, upto_bytes
