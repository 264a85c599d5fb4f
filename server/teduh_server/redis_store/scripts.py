"""The Lua scripts and one typed wrapper for each; what they mean stands at the head of each file.

A wrapper only turns arguments into a command and the reply into a type. `Store` sends it, by SHA-1 once the
server knows the script, and anew as a whole when the server has forgotten it (a restart, SCRIPT FLUSH).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from struct import Struct

from teduh_server.redis_store import keys
from teduh_server.redis_store.keys import ConversationKeys, InboxKeys
from teduh_server.redis_store.wire import Argument, Command, Reply


class Script:
    """One Lua file: its source, and how it is called."""

    __slots__ = ("name", "sha1", "source")

    def __init__(self, name: str) -> None:
        self.name = name
        self.source = (files(__package__) / "lua" / f"{name}.lua").read_bytes()
        # Redis names scripts so; it is no security.
        self.sha1 = hashlib.sha1(self.source, usedforsecurity=False).hexdigest().encode()

    def command(self, keys: tuple[bytes, ...], *arguments: Argument) -> Command:
        return (b"EVALSHA", self.sha1, len(keys), *keys, *arguments)

    def __repr__(self) -> str:
        return f"<Script {self.name}>"


CREATE_CONVERSATION = Script("create_conversation")
APPEND = Script("append")
ACKNOWLEDGE = Script("acknowledge")
SUBSCRIBE = Script("subscribe")
REJOIN = Script("rejoin")
UNREGISTER = Script("unregister")
PASS_ON = Script("pass_on")
LEAVE = Script("leave")
ADMIT_CLAIMANT = Script("admit_claimant")
END_LEASE = Script("end_lease")
OPEN_REQUEST = Script("open_request")
CLAIM_REQUEST = Script("claim_request")
SETTLE_REQUEST = Script("settle_request")
RETURN_REQUEST = Script("return_request")
WITHDRAW_REQUEST = Script("withdraw_request")
OFFER_REQUESTS = Script("offer_requests")
END_OFFER = Script("end_offer")
SET_SEATS = Script("set_seats")
LIST_WAITING = Script("list_waiting")
LEAD = Script("lead")
MARK_TOLD = Script("mark_told")
COUNT_DAY = Script("count_day")
PUT_PUSH = Script("put_push")
STAFF_OF = Script("staff_of")
REQUEUE_REQUEST = Script("requeue_request")
NAME_CLAIMANT = Script("name_claimant")
ADD_INBOX_ITEM = Script("add_inbox_item")
ACKNOWLEDGE_INBOX = Script("acknowledge_inbox")

SOURCES: dict[Argument, bytes] = {
    script.sha1: script.source
    for script in (
        CREATE_CONVERSATION,
        APPEND,
        ACKNOWLEDGE,
        SUBSCRIBE,
        REJOIN,
        UNREGISTER,
        PASS_ON,
        LEAVE,
        ADMIT_CLAIMANT,
        END_LEASE,
        OPEN_REQUEST,
        CLAIM_REQUEST,
        SETTLE_REQUEST,
        RETURN_REQUEST,
        WITHDRAW_REQUEST,
        OFFER_REQUESTS,
        END_OFFER,
        SET_SEATS,
        LIST_WAITING,
        LEAD,
        MARK_TOLD,
        COUNT_DAY,
        PUT_PUSH,
        STAFF_OF,
        REQUEUE_REQUEST,
        NAME_CLAIMANT,
        ADD_INBOX_ITEM,
        ACKNOWLEDGE_INBOX,
    )
}


_append_head = Struct(">IQBQQ").pack
_limits = Struct(">QQQ16s").pack


class LogLimits:
    """How much one conversation log may hold, and for how long; and which node (16 characters) asks."""

    __slots__ = ("node", "packed", "retention_ms")

    def __init__(self, node: str, retention_ms: int, most_entries: int, most_bytes: int) -> None:
        self.node = node
        self.retention_ms = retention_ms
        # As append.lua takes it, once for all.
        self.packed = _limits(retention_ms, most_entries, most_bytes, node.encode())


# --- conversations ---


def create_conversation(
    conversation: ConversationKeys, capability_hash: bytes, now_ms: int, retention_ms: int
) -> Command:
    return CREATE_CONVERSATION.command((conversation.state,), capability_hash, now_ms, retention_ms)


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
    """A message. Not through Script.command, for every message passes here."""
    head = _append_head(member, counter, kind, epoch, now_ms)
    return (b"EVALSHA", APPEND.sha1, b"2", conversation.state, conversation.log, head, entry, limits.packed)


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
    """Why not: `unknown`, `counter_gap`, `wrong_epoch` or `full`; `expected` as the Error frame has it."""

    reason: str
    expected: int = 0


def append_result(reply: Reply) -> Appended | NotAppended:
    if isinstance(reply, int):
        return Appended(reply)
    status, *numbers = _list(reply)
    if status == b"committed":
        seq, *removed = (_int(number) for number in numbers)
        return Appended(seq, committed=True, removed_members=tuple(removed))
    if status == b"duplicate":
        return Appended(_int(numbers[0]), repeated=True)
    return NotAppended(_bytes(status).decode(), _int(numbers[0]) if numbers else 0)


def acknowledge(conversation: ConversationKeys, member: int, seq: int) -> Command:
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
    return SUBSCRIBE.command(keys_, kind, proof, conversation_id, node, now_ms, retention_ms)


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


def member_state(reply: Reply) -> MemberState | None:
    """None: no such member of such a conversation."""
    if not reply:
        return None
    numbers = [_int(number) for number in _list(reply)]
    member, epoch, last, first, counter, after, others, survivor = numbers
    return MemberState(member, epoch, last, first, counter, after, others == 1, survivor == 1)


def rejoin(conversation: ConversationKeys, node: str, members: tuple[int, ...]) -> Command:
    return REJOIN.command((conversation.state,), node, *members)


@dataclass(frozen=True, slots=True)
class Rejoined:
    last_seq: int
    on_other_nodes: bool
    ended_members: tuple[int, ...]


def rejoined(reply: Reply) -> Rejoined | None:
    """None: the conversation has gone."""
    if not reply:
        return None
    last, others, *ended = (_int(number) for number in _list(reply))
    return Rejoined(last, others == 1, tuple(ended))


def unregister_node(conversation: ConversationKeys, node: str) -> Command:
    return UNREGISTER.command((conversation.state,), node)


def read_log(conversation: ConversationKeys, after: int, count: int) -> Command:
    return (b"XRANGE", conversation.log, b"(%d-0" % after, b"+", b"COUNT", count)


def log_entries(reply: Reply) -> list[bytes]:
    """The Entry frames of a `read_log`, in order."""
    return [_bytes(_list(_list(item)[1])[1]) for item in _list(reply)]


def read_last_seq(conversation: ConversationKeys) -> Command:
    return (b"HGET", conversation.state, b"v")


def last_seq(reply: Reply) -> int | None:
    """None: the conversation has gone."""
    return int.from_bytes(_bytes(reply)[:8], "big") if reply else None


def pass_on(conversation: ConversationKeys, node: str, message: bytes) -> Command:
    return PASS_ON.command((conversation.state,), node, message)


def leave(conversation: ConversationKeys, member: int) -> Command:
    return LEAVE.command((conversation.state, conversation.log), member)


def members_left(reply: Reply) -> int | None:
    """None: it was no member."""
    left = _int(reply)
    return None if left < 0 else left


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
    parts = _list(reply)
    return Named(_int(parts[0]), _int(parts[1])) if parts else None


def read_state(conversation: ConversationKeys) -> Command:
    return (b"HGET", conversation.state, b"v")


def epoch_of(reply: Reply) -> int:
    """Of `read_state`; 0 if there is no such conversation."""
    return int.from_bytes(reply[8:16]) if isinstance(reply, bytes) else 0


def end_lease(conversation: ConversationKeys, conversation_id: bytes, device_id: bytes) -> Command:
    return END_LEASE.command((conversation.state,), device_id, conversation_id)


def lease_status(reply: Reply) -> str:
    """`gone`, `settled` or `ended`."""
    return _bytes(_list(reply)[0]).decode()


def staff_of(conversation: ConversationKeys, capability_hash: bytes) -> Command:
    return STAFF_OF.command((conversation.state,), capability_hash)


def joined_devices(reply: Reply) -> bytes:
    """Of `staff_of`: the device ids, joined."""
    return _bytes(reply)


# --- the queue ---


def open_request(
    proposed_id: bytes,
    capability_hash: bytes,
    key_package: bytes,
    details: bytes,
    now_ms: int,
    retention_ms: int,
    most_waiting: int,
    head_start_seconds: int = 0,
    known_devices: bytes = b"",
) -> Command:
    names = (
        keys.QUEUE_WAITING,
        keys.QUEUE_SEEN,
        keys.queue_capability(capability_hash),
        keys.queue_request(proposed_id),
    )
    return OPEN_REQUEST.command(
        names,
        proposed_id.hex(),
        key_package,
        details,
        now_ms,
        retention_ms,
        keys.QUEUE_REQUEST_PREFIX,
        most_waiting,
        head_start_seconds,
        known_devices,
    )


@dataclass(frozen=True, slots=True)
class Opened:
    conversation_id: bytes
    position: int
    new: bool


def opened(reply: Reply) -> Opened | None:
    """None: the queue is full."""
    parts = _list(reply)
    if len(parts) < 3:
        return None
    return Opened(bytes.fromhex(_bytes(parts[0]).decode()), _int(parts[1]), _int(parts[2]) == 1)


def requeue_request(
    conversation_id: bytes,
    details: bytes,
    now_ms: int,
    retention_ms: int,
    most_waiting: int,
    head_start_seconds: int,
) -> Command:
    return REQUEUE_REQUEST.command(
        (keys.QUEUE_WAITING, keys.QUEUE_SEEN, keys.queue_request(conversation_id)),
        conversation_id.hex(),
        details,
        now_ms,
        retention_ms,
        most_waiting,
        head_start_seconds,
    )


@dataclass(frozen=True, slots=True)
class Requeued:
    position: int
    new: bool
    taken_by: bytes
    """The device that has taken it, or empty."""


def requeued(reply: Reply) -> Requeued | None:
    """None: the queue is full."""
    parts = _list(reply)
    if len(parts) < 3:
        return None
    return Requeued(_int(parts[0]), _int(parts[1]) == 1, _bytes(parts[2]))


def find_request(capability_hash: bytes) -> Command:
    return (b"GET", keys.queue_capability(capability_hash))


def claim_request(
    conversation_id: bytes | None,
    device_id: bytes,
    person: bytes,
    now_ms: int,
    lease_ms: int,
    consent_ms: int,
    retention_ms: int,
    *,
    only_offered: bool = False,
) -> Command:
    """The lease is `consent_ms` if the conversation goes on. `only_offered`: only if it is offered to this
    person now.
    """
    return CLAIM_REQUEST.command(
        (keys.QUEUE_WAITING, keys.QUEUE_LEASES, keys.QUEUE_OFFERS, keys.QUEUE_SEATS),
        conversation_id.hex() if conversation_id else "",
        device_id,
        now_ms,
        lease_ms,
        retention_ms,
        keys.QUEUE_REQUEST_PREFIX,
        person,
        int(only_offered),
        consent_ms,
    )


@dataclass(frozen=True, slots=True)
class ClaimedRequest:
    conversation_id: bytes
    key_package: bytes
    details: bytes
    opened_us: int
    offered_to: bytes = b""
    """The person to whom it was offered when it was taken."""


def claimed_request(reply: Reply) -> ClaimedRequest | None:
    """None: there is none to claim."""
    if not reply:
        return None
    conversation, package, details, since, offered_to = (_bytes(part) for part in _list(reply))
    return ClaimedRequest(bytes.fromhex(conversation.decode()), package, details, int(since), offered_to)


def settle_request(conversation_id: bytes, now_ms: int, window_ms: int) -> Command:
    request = keys.queue_request(conversation_id)
    names = (keys.QUEUE_LEASES, keys.QUEUE_SEEN, request, keys.QUEUE_WAITING, keys.QUEUE_SEATS)
    return SETTLE_REQUEST.command((*names, keys.QUEUE_TAKEN), conversation_id.hex(), now_ms, window_ms)


def waited_ms(reply: Reply) -> int | None:
    """Of `settle_request`: how long she had waited when it was claimed; None if no lease became an answer."""
    waited = _int(reply)
    return waited if waited >= 0 else None


def return_request(conversation_id: bytes, device_id: bytes, retention_ms: int) -> Command:
    request = keys.queue_request(conversation_id)
    names = (keys.QUEUE_WAITING, keys.QUEUE_LEASES, keys.QUEUE_SEEN, request, keys.QUEUE_SEATS)
    return RETURN_REQUEST.command(names, conversation_id.hex(), device_id, retention_ms)


def withdraw_request(conversation_id: bytes, last_seen_ms: int = -1) -> Command:
    request = keys.queue_request(conversation_id)
    names = (
        keys.QUEUE_WAITING,
        keys.QUEUE_SEEN,
        request,
        keys.QUEUE_OFFERS,
        keys.QUEUE_SEATS,
        keys.QUEUE_LEASES,
    )
    return WITHDRAW_REQUEST.command(names, conversation_id.hex(), last_seen_ms)


def withdrawn(reply: Reply) -> tuple[bool, bytes, bool]:
    """Whether it was waiting, the person to whom it was offered or nobody (empty), and whether its
    conversation goes on.
    """
    waiting, offered_to, goes_on = _list(reply)
    return waiting == 1, _bytes(offered_to), goes_on == 1


def queue_rank(conversation_id: bytes) -> Command:
    return (b"ZRANK", keys.QUEUE_WAITING, conversation_id.hex())


def queue_order() -> Command:
    return (b"ZRANGE", keys.QUEUE_WAITING, b"0", b"-1")


def request_state(conversation_id: bytes) -> Command:
    return (b"HGET", keys.queue_request(conversation_id), b"state")


def queue_length() -> Command:
    return (b"ZCARD", keys.QUEUE_WAITING)


def touch_seen(conversation_ids: list[bytes], now_ms: int) -> Command:
    """Only those that wait have a place in `seen`; the others are not brought back."""
    pairs = [part for conversation in conversation_ids for part in (now_ms, conversation.hex())]
    return (b"ZADD", keys.QUEUE_SEEN, b"XX", *pairs)


def unseen_since(before_ms: int) -> Command:
    return (b"ZRANGE", keys.QUEUE_SEEN, b"-inf", before_ms, b"BYSCORE", b"LIMIT", b"0", b"100")


def leases_due(now_ms: int) -> Command:
    return (b"ZRANGE", keys.QUEUE_LEASES, b"-inf", now_ms, b"BYSCORE", b"LIMIT", b"0", b"100")


def conversation_ids(reply: Reply) -> list[bytes]:
    return [bytes.fromhex(_bytes(item).decode()) for item in _list(reply)]


def lease_holder(conversation_id: bytes) -> Command:
    return (b"HGET", keys.queue_request(conversation_id), b"device")


def drop_lease(conversation_id: bytes) -> Command:
    return (b"ZREM", keys.QUEUE_LEASES, conversation_id.hex())


# --- inboxes ---


def add_inbox_item(inbox: InboxKeys, conversation_id: bytes, after: int, retention_ms: int) -> Command:
    return ADD_INBOX_ITEM.command((inbox.state, inbox.items), conversation_id, after, retention_ms)


def read_inbox(inbox: InboxKeys, after: int, count: int) -> Command:
    return (b"XRANGE", inbox.items, b"(%d-0" % after, b"+", b"COUNT", count)


@dataclass(frozen=True, slots=True)
class Invitation:
    seq: int
    conversation_id: bytes
    after: int


def invitations(reply: Reply) -> list[Invitation]:
    return [_invitation(_list(item)) for item in _list(reply)]


def _invitation(item: list[Reply]) -> Invitation:
    seq = int(_bytes(item[0]).partition(b"-")[0])
    _, conversation, _, after = _list(item[1])
    return Invitation(seq, _bytes(conversation), int(_bytes(after)))


def acknowledge_inbox(inbox: InboxKeys, seq: int) -> Command:
    return ACKNOWLEDGE_INBOX.command((inbox.items,), seq)


# --- replies, typed ---


def _list(reply: Reply) -> list[Reply]:
    if not isinstance(reply, list):
        raise TypeError("the store answered with something else than a list")
    return reply


def _int(reply: Reply) -> int:
    if not isinstance(reply, int):
        raise TypeError("the store answered with something else than a number")
    return reply


def _bytes(reply: Reply) -> bytes:
    if not isinstance(reply, bytes):
        raise TypeError("the store answered with something else than a string")
    return reply
