"""The typed wrappers of the scripts that open, claim and confirm requests: all in the queue's slot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from teduh_signaling.relay.frames import ErrorCode

from teduh_server.redis_store import keys, scripts
from teduh_server.redis_store.commands import Command, Reply
from teduh_server.redis_store.replies import as_bytes, as_int, as_list


def open_request(
    conversation_id: bytes,
    key_package: bytes,
    details: bytes,
    now_ms: int,
    retention_ms: int,
    head_start_seconds: int = 0,
    known_devices: bytes = b"",
) -> Command:
    names = (keys.QUEUE_WAITING, keys.QUEUE_SEEN, keys.queue_request(conversation_id))
    return scripts.OPEN_REQUEST.command(
        names,
        conversation_id.hex(),
        key_package,
        details,
        now_ms,
        retention_ms,
        head_start_seconds,
        known_devices,
        scripts.UNCLAIMED_MS,
    )


@dataclass(frozen=True, slots=True)
class Opened:
    position: int
    new: bool
    place: float
    """In the order of service, as seconds since 1970."""


def opened(reply: Reply) -> Opened:
    position, new, place = as_list(reply)
    return Opened(as_int(position), as_int(new) == 1, int(as_bytes(place)) / 1_000_000)


def hold_back(conversation_id: bytes, seconds: int) -> Command:
    """Another request of its source goes first."""
    return _turn(conversation_id, seconds, "")


def give_turn(conversation_id: bytes, held_back_seconds: int, head_start_seconds: int) -> Command:
    """None of its source is before it any more: it stands where it would if it had not been held back, or at
    the latest where it would if it were opened now.
    """
    return _turn(conversation_id, -held_back_seconds, head_start_seconds)


def _turn(conversation_id: bytes, seconds: int, head_start_seconds: int | str) -> Command:
    names = (keys.QUEUE_WAITING, keys.queue_request(conversation_id))
    return scripts.TURN.command(names, conversation_id.hex(), seconds, head_start_seconds)


def waiting_among(conversation_ids: list[bytes]) -> Command:
    """Which of them wait; there must be one at least."""
    return (b"ZMSCORE", keys.QUEUE_WAITING, *(each.hex() for each in conversation_ids))


def not_waiting(conversation_ids: list[bytes], reply: Reply) -> list[bytes]:
    """Of `waiting_among`: those that do not."""
    return [each for each, place in zip(conversation_ids, as_list(reply), strict=True) if place is None]


def requeue_request(
    conversation_id: bytes,
    details: bytes,
    now_ms: int,
    retention_ms: int,
    head_start_seconds: int,
    by: bytes = b"",
    person: bytes = b"",
    inside: bytes = b"",
) -> Command:
    """`by` is the device of the staff member, a `person`, who looks for a colleague; empty: the survivor.
    `inside` are the staff devices of the conversation, joined.
    """
    return scripts.REQUEUE_REQUEST.command(
        (keys.QUEUE_WAITING, keys.QUEUE_SEEN, keys.queue_request(conversation_id)),
        conversation_id.hex(),
        details,
        now_ms,
        retention_ms,
        head_start_seconds,
        by,
        person,
        inside,
    )


@dataclass(frozen=True, slots=True)
class Requeued:
    position: int
    new: bool
    taken_by: bytes
    """The device that has taken it, or empty."""


def requeued(reply: Reply) -> Requeued | ErrorCode:
    """not_permitted: somebody else in the conversation looks for somebody."""
    parts = as_list(reply)
    if len(parts) < 3:
        return ErrorCode.NOT_PERMITTED
    return Requeued(as_int(parts[0]), as_int(parts[1]) == 1, as_bytes(parts[2]))


NO_SEAT_NEEDED: Final = -1
"""Of a claim: it is a supervisor's, or was offered, or she is in that conversation."""


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
    seats: int | None = NO_SEAT_NEEDED,
) -> Command:
    """The lease is `consent_ms` if the conversation goes on. `only_offered`: only if it is offered to this
    person now. `seats`: how many she takes besides her leases as far as is known; None: she has never said.
    """
    return scripts.CLAIM_REQUEST.command(
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
        "one" if seats is None else "none" if seats == NO_SEAT_NEEDED else seats,
    )


@dataclass(frozen=True, slots=True)
class ClaimedRequest:
    conversation_id: bytes
    key_package: bytes
    details: bytes
    opened_us: int
    offered_to: bytes = b""
    """The person to whom it was offered when it was taken."""


def claimed_request(reply: Reply) -> ClaimedRequest | ErrorCode | None:
    """None: there is none to claim; too_many: she has no seat free."""
    if not reply:
        return None
    if reply == [b"full"]:
        return ErrorCode.TOO_MANY
    conversation, package, details, since, offered_to = (as_bytes(part) for part in as_list(reply))
    return ClaimedRequest(bytes.fromhex(conversation.decode()), package, details, int(since), offered_to)


def confirm_request(conversation_id: bytes, now_ms: int, window_ms: int, device_id: bytes = b"") -> Command:
    """`device_id`: only if nobody but this device has taken it since, and it does not wait anew."""
    request = keys.queue_request(conversation_id)
    names = (keys.QUEUE_LEASES, keys.QUEUE_SEEN, request, keys.QUEUE_WAITING, keys.QUEUE_SEATS)
    return scripts.CONFIRM_REQUEST.command(
        (*names, keys.QUEUE_TAKEN), conversation_id.hex(), now_ms, window_ms, device_id
    )


def waited_ms(reply: Reply) -> int | None:
    """Of `confirm_request`: how long she had waited when it was claimed; None if no lease was confirmed."""
    waited = as_int(reply)
    return waited if waited >= 0 else None


def return_request(conversation_id: bytes, device_id: bytes, retention_ms: int) -> Command:
    request = keys.queue_request(conversation_id)
    names = (keys.QUEUE_WAITING, keys.QUEUE_LEASES, keys.QUEUE_SEEN, request, keys.QUEUE_SEATS)
    return scripts.RETURN_REQUEST.command(names, conversation_id.hex(), device_id, retention_ms)


def withdraw_request(conversation_id: bytes, last_seen_ms: int = -1, by: bytes = b"") -> Command:
    """`by`: only if this staff device put it there."""
    request = keys.queue_request(conversation_id)
    names = (
        keys.QUEUE_WAITING,
        keys.QUEUE_SEEN,
        request,
        keys.QUEUE_OFFERS,
        keys.QUEUE_SEATS,
        keys.QUEUE_LEASES,
    )
    return scripts.WITHDRAW_REQUEST.command(names, conversation_id.hex(), last_seen_ms, by)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    waited: bool
    offered_to: bytes
    """A person, or nobody (empty)."""
    goes_on: bool
    """Whether its conversation does."""
    taken_by: bytes
    """Where it does: the device whose lease has ended by this, or empty."""
    person: bytes
    """Whose device that is."""


def withdrawn(reply: Reply) -> Withdrawn:
    waiting, offered_to, goes_on, device, person = as_list(reply)
    return Withdrawn(waiting == 1, as_bytes(offered_to), goes_on == 1, as_bytes(device), as_bytes(person))


def queue_order(most: int | None = None) -> Command:
    """Of all that wait, or the next ones."""
    return (b"ZRANGE", keys.QUEUE_WAITING, b"0", b"-1" if most is None else most - 1)


def queue_places(most: int) -> Command:
    """Of the next ones, their places."""
    return (*queue_order(most), b"WITHSCORES")


def request_state(conversation_id: bytes) -> Command:
    return (b"HGET", keys.queue_request(conversation_id), b"state")


def requested_by(conversation_id: bytes) -> Command:
    """The staff device that looks for a colleague."""
    return (b"HGET", keys.queue_request(conversation_id), b"by")


def queue_length() -> Command:
    return (b"ZCARD", keys.QUEUE_WAITING)


def touch_seen(seen_ms: Mapping[bytes, int]) -> Command:
    """When the survivors of these requests were last seen, by whichever node has seen them last. Only those
    that wait have a place in `seen`; the others are not brought back.
    """
    pairs = [part for conversation, at in seen_ms.items() for part in (at, conversation.hex())]
    return (b"ZADD", keys.QUEUE_SEEN, b"XX", b"GT", *pairs)


UNSEEN_AT_ONCE: Final = 200


def keep_request(conversation_id: bytes) -> Command:
    """For whoever seeks is there."""
    return (b"PEXPIRE", keys.queue_request(conversation_id), scripts.UNCLAIMED_MS)


def unseen_since(before_ms: int) -> Command:
    return (b"ZRANGE", keys.QUEUE_SEEN, b"-inf", before_ms, b"BYSCORE", b"LIMIT", b"0", UNSEEN_AT_ONCE)


def leases_due(now_ms: int) -> Command:
    return (b"ZRANGE", keys.QUEUE_LEASES, b"-inf", now_ms, b"BYSCORE", b"LIMIT", b"0", b"100")


def conversation_ids(reply: Reply) -> list[bytes]:
    return [bytes.fromhex(as_bytes(item).decode()) for item in as_list(reply)]


Place = tuple[bytes, bytes]
"""A conversation id, and where it stands in the order of service, as the store has it. Whoever waits a second
time stands elsewhere."""


def places(reply: Reply) -> list[Place]:
    """Of `queue_places`, in the order of service."""
    flat = cast("list[bytes]", reply)
    return [(bytes.fromhex(each.decode()), at) for each, at in zip(flat[::2], flat[1::2], strict=True)]


def lease_holder(conversation_id: bytes) -> Command:
    return (b"HGET", keys.queue_request(conversation_id), b"device")


def lease_of(conversation_id: bytes) -> Command:
    return (b"HMGET", keys.queue_request(conversation_id), b"device", b"person", b"key_package")


def lease_until(conversation_id: bytes) -> Command:
    """Answered by `is_due`."""
    return (b"ZSCORE", keys.QUEUE_LEASES, conversation_id.hex())


def is_due(reply: Reply, now_ms: int) -> bool:
    """Of `lease_until`: whether there is a lease that has ended by now."""
    return isinstance(reply, bytes) and float(reply) <= now_ms


def lease(reply: Reply) -> tuple[bytes, bytes, bool] | None:
    """The device and the person that hold it, and whether the conversation goes on; None: nobody does."""
    device, person, package = as_list(reply)
    return None if device is None else (as_bytes(device), as_bytes(person), package == b"")
