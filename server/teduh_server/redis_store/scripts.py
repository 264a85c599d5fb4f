"""The Lua scripts and one typed wrapper for each; what they mean stands at the head of each file.

Here are the wrappers of conversations; those of the queue, of what routing does with it, and of inboxes
stand in `queue_scripts`, `routing_scripts` and `inbox_scripts`. A wrapper only turns arguments into a
command and the reply into a type. `Store` sends it, by SHA-1 once the server knows the script, and anew as
a whole when the server has forgotten it (a restart, SCRIPT FLUSH).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from struct import Struct
from typing import cast

from teduh_signaling.relay.entry import place_entry

from teduh_server.redis_store.commands import Answer, Argument, Command, OnAnswer, Reply
from teduh_server.redis_store.keys import ConversationKeys
from teduh_server.redis_store.replies import as_bytes, as_int, as_list

_FREEING = ("acknowledge", "drop_push", "drop_unclaimed", "leave", "subscribe", "unregister")
"""A store that is full must take these: they free it, or come before what does."""


class Script:
    """One Lua file, behind the libraries that it uses: its source, and how it is called."""

    __slots__ = ("name", "sha1", "source")

    def __init__(self, name: str, *libraries: str) -> None:
        self.name = name
        folder = files(__package__) / "lua"
        self.source = b"".join((folder / f"{each}.lua").read_bytes() for each in (*libraries, name))
        if name in _FREEING:
            self.source = b"#!lua flags=allow-oom\n" + self.source
        # Redis names scripts so; it is no security.
        self.sha1 = hashlib.sha1(self.source, usedforsecurity=False).hexdigest().encode()

    def command(self, keys: tuple[bytes, ...], *arguments: Argument) -> Command:
        return (b"EVALSHA", self.sha1, len(keys), *keys, *arguments)

    def __repr__(self) -> str:
        return f"<Script {self.name}>"


CREATE_CONVERSATION = Script("create_conversation")
DROP_UNCLAIMED = Script("drop_unclaimed")
KEEP_UNCLAIMED = Script("keep_unclaimed")
APPEND = Script("append", "reconcile")
ACKNOWLEDGE = Script("acknowledge")
SUBSCRIBE = Script("subscribe", "publish_to_node", "reconcile")
REJOIN = Script("rejoin", "publish_to_node")
LAST_SEQ = Script("last_seq", "reconcile")
UNREGISTER = Script("unregister")
INVITED = Script("invited")
NOTE_STAFF = Script("note_staff")
PASS_ON = Script("pass_on", "publish_to_node")
LEAVE = Script("leave")
ADMIT_CLAIMANT = Script("admit_claimant")
END_LEASE = Script("end_lease", "publish_to_node")
END_CLAIM = Script("end_claim")
OPEN_REQUEST = Script("open_request")
TURN = Script("turn")
CLAIM_REQUEST = Script("claim_request")
CONFIRM_REQUEST = Script("confirm_request")
RETURN_REQUEST = Script("return_request")
WITHDRAW_REQUEST = Script("withdraw_request")
OFFER_REQUESTS = Script("offer_requests")
END_OFFER = Script("end_offer")
SET_SEATS = Script("set_seats")
COUNT_TAKEN = Script("count_taken")
READ_REQUESTS = Script("read_requests")
LEAD = Script("lead")
MARK_NOTIFIED = Script("mark_notified")
COUNT_DAY = Script("count_day")
PUT_PUSH = Script("put_push")
DROP_PUSH = Script("drop_push")
STAFF_OF = Script("staff_of")
REQUEUE_REQUEST = Script("requeue_request")
NAME_CLAIMANT = Script("name_claimant")
ADD_INBOX_ITEM = Script("add_inbox_item")
ACKNOWLEDGE_INBOX = Script("acknowledge_inbox")
FORGET_INBOX_ITEM = Script("forget_inbox_item")

SOURCES: dict[Argument, bytes] = {
    script.sha1: script.source
    for script in (
        CREATE_CONVERSATION,
        DROP_UNCLAIMED,
        KEEP_UNCLAIMED,
        APPEND,
        ACKNOWLEDGE,
        SUBSCRIBE,
        REJOIN,
        LAST_SEQ,
        UNREGISTER,
        INVITED,
        NOTE_STAFF,
        PASS_ON,
        LEAVE,
        ADMIT_CLAIMANT,
        END_LEASE,
        END_CLAIM,
        OPEN_REQUEST,
        CLAIM_REQUEST,
        CONFIRM_REQUEST,
        TURN,
        RETURN_REQUEST,
        WITHDRAW_REQUEST,
        OFFER_REQUESTS,
        END_OFFER,
        SET_SEATS,
        COUNT_TAKEN,
        READ_REQUESTS,
        LEAD,
        MARK_NOTIFIED,
        COUNT_DAY,
        PUT_PUSH,
        DROP_PUSH,
        STAFF_OF,
        REQUEUE_REQUEST,
        NAME_CLAIMANT,
        ADD_INBOX_ITEM,
        ACKNOWLEDGE_INBOX,
        FORGET_INBOX_ITEM,
    )
}


UNCLAIMED_MS = 600_000
"""So long a request, and a conversation that nobody has taken, last where no node keeps or drops them any
more: all have died. It is longer than the store may be away without anybody losing her place."""

SHARED = 1
"""How many arguments are the same for all appends of a node: the limits."""
_append_head = Struct(">IQBQQ").pack
_limits = Struct(">QQQ16s").pack


class LogLimits:
    """How much one conversation log may hold, and for how long; and which node (16 characters) asks."""

    __slots__ = ("most_entries", "node", "packed", "retention_ms")

    def __init__(self, node: str, retention_ms: int, most_entries: int, most_bytes: int) -> None:
        self.node = node
        self.retention_ms = retention_ms
        self.most_entries = most_entries
        # As append.lua takes it, once for all.
        self.packed = _limits(retention_ms, most_entries, most_bytes, node.encode())


# --- conversations ---


def create_conversation(
    conversation: ConversationKeys, capability_hash: bytes, node: str, now_ms: int, retention_ms: int
) -> Command:
    """Answered by `begun`."""
    lasts_ms = min(UNCLAIMED_MS, retention_ms)
    return CREATE_CONVERSATION.command((conversation.state,), capability_hash, now_ms, lasts_ms, node)


def drop_unclaimed(conversation: ConversationKeys, before_ms: int) -> Command:
    """If nobody has come to it since then; of a conversation that somebody has taken nothing happens."""
    return DROP_UNCLAIMED.command((conversation.state, conversation.log), before_ms)


def keep_unclaimed(conversation: ConversationKeys) -> Command:
    """Answered by `is_unclaimed`."""
    return KEEP_UNCLAIMED.command((conversation.state, conversation.log), UNCLAIMED_MS)


def is_unclaimed(reply: Reply) -> bool:
    """Of `keep_unclaimed` and `read_state`: whether there is such a conversation and nobody has taken it."""
    if isinstance(reply, bytes):
        return epoch_of(reply) == 0
    return reply == 0


def append(
    conversation: ConversationKeys,
    member: int,
    counter: int,
    kind: int,
    epoch: int,
    entry: bytes,
    now_ms: int,
    limits: LogLimits,
) -> Command:
    """A message, to be joined with SHARED. Without Script.command: every message passes here."""
    head = _append_head(member, counter, kind, epoch, now_ms)
    return (b"EVALSHA", APPEND.sha1, b"2", conversation.state, conversation.log, limits.packed, head, entry)


def append_commit(
    conversation: ConversationKeys,
    member: int,
    counter: int,
    epoch: int,
    entry: bytes,
    now_ms: int,
    limits: LogLimits,
    welcome: bytes = b"",
    added: tuple[bytes, ...] = (),
    removed: tuple[bytes, ...] = (),
) -> Command:
    """A commit. It cannot be joined; see `alone`."""
    plain = append(conversation, member, counter, 1, epoch, entry, now_ms, limits)
    return (*plain, welcome, len(added), *added, *removed)


@dataclass(frozen=True, slots=True)
class Appended:
    """It is in the log at `seq`; `repeated` if it was before. `seq` 0: before, at a place no longer known."""

    seq: int
    repeated: bool = False
    committed: bool = False
    removed_members: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NotAppended:
    """Why not: `unknown`, `counter_gap`, `wrong_epoch`, `not_claimed`, `full` or `too_often`.

    `expected` as the Error frame has it; with `too_often` the milliseconds until it may be tried again.
    """

    reason: str
    expected: int = 0


def alone(on_answer: OnAnswer) -> OnAnswer:
    """For a script that answers a list, called for one: `on_answer` is given what is in it."""

    def take(answer: Answer) -> None:
        on_answer(answer[0] if isinstance(answer, list) else answer)

    return take


def append_result(reply: Reply) -> Appended | NotAppended:
    """Of one append."""
    if isinstance(reply, int):
        return Appended(reply)
    status, *numbers = as_list(reply)
    if status == b"committed":
        seq, *removed = (as_int(number) for number in numbers)
        return Appended(seq, committed=True, removed_members=tuple(removed))
    if status == b"duplicate":
        return Appended(as_int(numbers[0]), repeated=True)
    return NotAppended(as_bytes(status).decode(), as_int(numbers[0]) if numbers else 0)


def acknowledge(conversation: ConversationKeys, member: int, seq: int) -> Command:
    """To be joined; nothing is shared."""
    return (b"EVALSHA", ACKNOWLEDGE.sha1, b"2", conversation.state, conversation.log, member, seq)


def subscribe(
    conversation: ConversationKeys,
    conversation_id: bytes,
    node: str,
    now_ms: int,
    retention_ms: int,
    *,
    capability_hash: bytes | None = None,
    device_id: bytes | None = None,
) -> Command:
    """Exactly one of `capability_hash` and `device_id` is given."""
    kind, proof = (b"capability", capability_hash) if capability_hash is not None else (b"device", device_id)
    assert proof is not None
    keys_ = (conversation.state, conversation.log)
    lasts_ms = min(UNCLAIMED_MS, retention_ms)
    return SUBSCRIBE.command(keys_, kind, proof, conversation_id, node, now_ms, retention_ms, lasts_ms)


@dataclass(frozen=True, slots=True)
class MemberState:
    """Where a member and its conversation stand."""

    member: int
    epoch: int
    last_seq: int
    first_seq: int
    counter: int
    may_read_after: int
    on_other_nodes: bool
    survivor_is_there: bool
    staff_seen_ms: int
    """When staff were last heard of, if that is noted; else 0."""
    not_invited: tuple[tuple[bytes, int], ...] = ()
    """Devices that a commit has added at some place, and that may not know of it."""


_BEGUN = MemberState(
    member=0,
    epoch=0,
    last_seq=0,
    first_seq=1,
    counter=0,
    may_read_after=0,
    on_other_nodes=False,
    survivor_is_there=True,
    staff_seen_ms=0,
)


def begun(reply: Reply) -> MemberState | None:
    """Where the survivor of a new conversation stands; None: there is one already."""
    return _BEGUN if reply == 1 else None


def member_state(reply: Reply) -> MemberState | None:
    """None: no such member of such a conversation."""
    if not reply:
        return None
    *numbers, waiting = as_list(reply)
    member, epoch, last, first, counter, after, others, survivor, seen = (as_int(each) for each in numbers)
    added = as_bytes(waiting)
    not_invited = tuple(
        (added[at + 8 : at + 40], int.from_bytes(added[at : at + 8])) for at in range(0, len(added), 40)
    )
    return MemberState(
        member, epoch, last, first, counter, after, others == 1, survivor == 1, seen, not_invited
    )


def rejoin(
    conversation: ConversationKeys, conversation_id: bytes, node: str, members: tuple[int, ...]
) -> Command:
    return REJOIN.command((conversation.state,), node, conversation_id, *members)


@dataclass(frozen=True, slots=True)
class Rejoined:
    last_seq: int
    on_other_nodes: bool
    ended_members: tuple[int, ...]


def rejoined(reply: Reply) -> Rejoined | None:
    """None: the conversation has gone."""
    if not reply:
        return None
    last, others, *ended = (as_int(number) for number in as_list(reply))
    return Rejoined(last, others == 1, tuple(ended))


def note_staff(conversation: ConversationKeys, seen_ms: int) -> Command:
    return NOTE_STAFF.command((conversation.state,), seen_ms)


def unregister_node(conversation: ConversationKeys, node: str) -> Command:
    return UNREGISTER.command((conversation.state,), node)


def read_log(conversation: ConversationKeys, after: int, count: int) -> Command:
    return (b"XRANGE", conversation.log, b"(%d-0" % after, b"+", b"COUNT", count)


def log_entries(reply: Reply) -> list[bytes]:
    """The Entry frames of a `read_log`, in order, each at its place."""
    return [_placed(as_list(item)) for item in as_list(reply)]


def _placed(item: list[Reply]) -> bytes:
    place, fields = item
    return place_entry(as_bytes(as_list(fields)[1]), int(as_bytes(place).partition(b"-")[0]))


def read_last_seq(conversation: ConversationKeys) -> Command:
    return LAST_SEQ.command((conversation.state, conversation.log))


def last_seq(reply: Reply) -> int | None:
    """None: the conversation has gone."""
    last = as_int(reply)
    return None if last < 0 else last


def pass_on(conversation: ConversationKeys, node: str, message: bytes) -> Command:
    return PASS_ON.command((conversation.state,), node, message)


def leave(conversation: ConversationKeys, member: int, *, is_noted: bool = False) -> Command:
    """`is_noted`: a staff device that leaves is noted in the conversation's state."""
    return LEAVE.command((conversation.state, conversation.log), member, int(is_noted))


@dataclass(frozen=True, slots=True)
class Left:
    """The reply to `leave`."""

    members: int
    """How many are left."""
    devices: tuple[bytes, ...]
    """Of the survivor: the staff devices that were with her, those that still are first. Of staff: none."""
    capability_hash: bytes
    """Of the survivor: the SHA-256 of her capability. Of staff: empty."""


def left(reply: Reply) -> Left | None:
    """The reply to `leave`; None: it was no member."""
    parts = as_list(reply)
    if as_int(parts[0]) < 0:
        return None
    joined = as_bytes(parts[1])
    devices = tuple(joined[at : at + 32] for at in range(0, len(joined), 32))
    return Left(as_int(parts[0]), devices, as_bytes(parts[2]))


# --- claims ---


def admit_claimant(conversation: ConversationKeys, device_id: bytes) -> Command:
    return ADMIT_CLAIMANT.command((conversation.state,), device_id)


def name_claimant(conversation: ConversationKeys, device_id: bytes) -> Command:
    """Answered by `named`."""
    return NAME_CLAIMANT.command((conversation.state,), device_id)


@dataclass(frozen=True, slots=True)
class Named:
    """A claimant of a conversation that goes on; `member` is 0 unless it is one already."""

    epoch: int
    member: int


def named(reply: Reply) -> Named | None:
    """None: there is no such conversation, or its survivor has left."""
    parts = as_list(reply)
    return Named(as_int(parts[0]), as_int(parts[1])) if parts else None


def read_state(conversation: ConversationKeys) -> Command:
    return (b"HGET", conversation.state, b"v")


def epoch_of(reply: Reply) -> int:
    """Of `read_state`; 0 if there is no such conversation."""
    return int.from_bytes(reply[8:16]) if isinstance(reply, bytes) else 0


def read_members(conversation: ConversationKeys) -> Command:
    return (b"HKEYS", conversation.state)


def staff_with_her(reply: Reply) -> bytes | None:
    """Of `read_members`: the device ids of the staff, joined; None if the survivor is there no more."""
    names = cast("list[bytes]", reply)
    return b"".join(name[2:] for name in names if name.startswith(b"d:")) if b"m0" in names else None


def end_lease(
    conversation: ConversationKeys, conversation_id: bytes, device_id: bytes, *, goes_on: bool = False
) -> Command:
    return END_LEASE.command((conversation.state,), device_id, conversation_id, int(goes_on))


def lease_status(reply: Reply) -> str:
    """`gone`, `confirmed` or `ended`."""
    return as_bytes(as_list(reply)[0]).decode()


def was_member(reply: Reply) -> bool:
    """Of a lease that has ended: whether a member held it, who is told as such that it is none any more."""
    return as_int(as_list(reply)[1]) >= 0


def end_claim(conversation: ConversationKeys, device_id: bytes) -> Command:
    return END_CLAIM.command((conversation.state,), device_id)


def is_in(reply: Reply) -> bool:
    """Of `end_claim`: whether the device is a member by now."""
    return reply == 1


def staff_of(conversation: ConversationKeys, capability_hash: bytes) -> Command:
    return STAFF_OF.command((conversation.state,), capability_hash)


def invited(conversation: ConversationKeys, seq: int) -> Command:
    """All whom the commit at `seq` has added."""
    return INVITED.command((conversation.state,), seq)


def joined_devices(reply: Reply) -> bytes:
    """Of `staff_of`: the device ids, joined."""
    return as_bytes(reply)
