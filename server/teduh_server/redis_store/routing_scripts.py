"""The typed wrappers of the scripts that offer requests, count seats and tell who waits: all in one slot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import cast

from msgspec import msgpack
from teduh_signaling.relay.frames import RequestDetails

from teduh_server.matching.ranking import WaitingRequest
from teduh_server.redis_store import keys, scripts
from teduh_server.redis_store.commands import Argument, Command, Reply

PERSON_BYTES = 16
_DEVICE_BYTES = 32
_FIELDS = 10
_read_details = msgpack.Decoder(RequestDetails).decode


def read_requests(conversation_ids: Sequence[bytes]) -> Command:
    return scripts.READ_REQUESTS.command(tuple(keys.queue_request(each) for each in conversation_ids))


def requests(conversation_ids: Sequence[bytes], reply: Reply) -> list[WaitingRequest]:
    """Those of them that wait, in the same order."""
    found = cast("list[bytes]", reply)
    return [
        _waiting(each, found[at : at + _FIELDS])
        for each, at in zip(conversation_ids, range(0, len(found), _FIELDS), strict=True)
        if found[at]
    ]


def _waiting(conversation_id: bytes, found: Sequence[bytes]) -> WaitingRequest:
    details, opened, misses, refused, offer, known, by, told, inside, place = found
    return WaitingRequest(
        id=conversation_id,
        details=_read_details(details),
        opened=int(opened) / 1_000_000,
        placed=int(place) / 1_000_000,
        refusals=int(misses or 0),
        refused_by=dict(_refusal(each) for each in _parts(refused, PERSON_BYTES + 8)),
        offered_to=offer or None,
        known_devices=frozenset(_parts(known, _DEVICE_BYTES)),
        seeks_colleague=bool(by),
        is_known=bool(told),
        inside=frozenset(_parts(inside, _DEVICE_BYTES)),
    )


def _refusal(packed: bytes) -> tuple[bytes, float]:
    return packed[:PERSON_BYTES], int.from_bytes(packed[PERSON_BYTES:]) / 1000


def _parts(joined: bytes, size: int) -> Iterable[bytes]:
    return (joined[at : at + size] for at in range(0, len(joined), size))


def offer_requests(
    proposals: Iterable[tuple[bytes, Sequence[bytes]]],
    now_ms: int,
    offer_ms: int,
    retention_ms: int,
    seats: Mapping[bytes, int] = MappingProxyType({}),
) -> Command:
    """Each proposal: a conversation id, and the people to whom it may be offered, best first. `seats` is how
    many more each takes, as far as the nodes know: it counts where the store knows nothing of it.
    """
    flat: list[Argument] = []
    for conversation_id, people in proposals:
        flat += [conversation_id.hex(), len(people)]
        for person in people:
            flat += [person, seats.get(person, 0)]
    return scripts.OFFER_REQUESTS.command(
        (keys.QUEUE_OFFERS, keys.QUEUE_SEATS),
        now_ms,
        offer_ms,
        retention_ms,
        keys.QUEUE_REQUEST_PREFIX,
        *flat,
    )


def offered(reply: Reply) -> list[bytes]:
    """For each proposal the person to whom it is offered now, or nobody (empty)."""
    return cast("list[bytes]", reply)


def end_offer(
    conversation_id: bytes, now_ms: int, person: bytes = b"", due_ms: int = -1, *, is_gone: bool = False
) -> Command:
    """Of this person, or whoever has it; `due_ms`: only if its deadline is at or before. Who `is_gone` has
    not refused it.
    """
    names = (keys.QUEUE_OFFERS, keys.QUEUE_SEATS, keys.queue_request(conversation_id))
    return scripts.END_OFFER.command(
        names, conversation_id.hex(), person, now_ms.to_bytes(8), due_ms, int(is_gone)
    )


def offer_ended(reply: Reply) -> bytes:
    """The person to whom it was offered, or nobody (empty)."""
    return cast(bytes, reply)


def offers_due(now_ms: int) -> Command:
    return (b"ZRANGE", keys.QUEUE_OFFERS, b"-inf", now_ms, b"BYSCORE", b"LIMIT", b"0", b"100")


def set_seats(person: bytes, seats: int, retention_ms: int, *, again: bool = False) -> Command:
    """`again`: she said so before, and `seats` are less by what she has taken since."""
    return scripts.SET_SEATS.command((keys.QUEUE_SEATS,), person, seats, retention_ms, int(again))


def count_taken(person: bytes) -> Command:
    """She has taken one more since she said how many."""
    return scripts.COUNT_TAKEN.command((keys.QUEUE_SEATS,), person)


def take_lead(node_id: str, lead_ms: int) -> Command:
    return scripts.LEAD.command((keys.QUEUE_ROUTER,), node_id, lead_ms)


def mark_notified(conversation_id: bytes) -> Command:
    """Note that supervisors know of it, if it still waits."""
    return scripts.MARK_NOTIFIED.command((keys.queue_request(conversation_id),))


def taken_times() -> Command:
    return (b"LRANGE", keys.QUEUE_TAKEN, b"0", b"-1")


def seconds(reply: Reply) -> list[float]:
    """Of `taken_times`: when requests were answered, in seconds since 1970."""
    return [int(each) / 1000 for each in cast("list[bytes]", reply)]


def count_day(date: str, kept_ms: int, happened: Mapping[str, int]) -> Command:
    """`happened`: what, and how often."""
    pairs = (part for pair in happened.items() for part in pair)
    return scripts.COUNT_DAY.command((keys.queue_day(date),), kept_ms, *pairs)


def read_day(date: str) -> Command:
    return (b"HGETALL", keys.queue_day(date))


def day_counts(reply: Reply) -> dict[str, int]:
    """What happened on a day, and how often."""
    flat = cast("list[bytes]", reply)
    return {name.decode(): int(count) for name, count in zip(flat[::2], flat[1::2], strict=True)}


def put_push(device_id: bytes, address: bytes, kept_ms: int) -> Command:
    return scripts.PUT_PUSH.command((keys.PUSH_DEVICES,), device_id, address, kept_ms)


def drop_push(device_id: bytes, address: bytes = b"") -> Command:
    """`address`: only if it has no other since."""
    return scripts.DROP_PUSH.command((keys.PUSH_DEVICES,), device_id, address)


def read_push() -> Command:
    return (b"HGETALL", keys.PUSH_DEVICES)


def push_addresses(reply: Reply) -> dict[bytes, bytes]:
    """How each device is woken."""
    flat = cast("list[bytes]", reply)
    return dict(zip(flat[::2], flat[1::2], strict=True))


def begin_waking(every_ms: int) -> Command:
    """Answers nothing if it was done less than `every_ms` ago."""
    return (b"SET", keys.PUSH_WOKEN, b"1", b"NX", b"PX", every_ms)
