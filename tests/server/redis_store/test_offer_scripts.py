"""The scripts that offer requests: one person for each request, one offer and no more than her seats for each
person, under any race.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

from support.store.stored_conversation import NOW_MS, RETENTION_MS
from teduh_server.redis_store import keys, queue_scripts, routing_scripts, scripts
from teduh_server.redis_store.client import Store
from teduh_server.redis_store.queue_scripts import Withdrawn
from teduh_server.routing.waiting_list import next_waiting

OFFER_MS, LEASE_MS, CONSENT_MS = 20_000, 30_000, 120_000
SARI, BUDI, DEWI = b"s" * 16, b"b" * 16, b"d" * 16


def _id(number: int) -> bytes:
    return bytes([number]) * 16


async def _open(store: Store, *numbers: int) -> None:
    for number in numbers:
        command = queue_scripts.open_request(
            _id(number), b"kp", b"\x95\xc0\xc0\xc0\xc0\x00", NOW_MS, RETENTION_MS
        )
        await store.ask(command)


async def _seats(store: Store, **people: int) -> None:
    named = {"sari": SARI, "budi": BUDI, "dewi": DEWI}
    for name, seats in people.items():
        await store.ask(routing_scripts.set_seats(named[name], seats, RETENTION_MS))


async def _offer(
    store: Store,
    *proposals: tuple[int, tuple[bytes, ...]],
    now_ms: int = NOW_MS,
    known: Mapping[bytes, int] | None = None,
) -> list[bytes]:
    wishes = [(_id(number), people) for number, people in proposals]
    command = routing_scripts.offer_requests(wishes, now_ms, OFFER_MS, RETENTION_MS, known or {})
    return routing_scripts.offered(await store.ask(command))


async def _end(store: Store, number: int, person: bytes = b"", due_ms: int = -1) -> bytes:
    command = routing_scripts.end_offer(_id(number), NOW_MS, person, due_ms)
    return routing_scripts.offer_ended(await store.ask(command))


async def _claim(store: Store, number: int, person: bytes) -> bool:
    """Take it though it is offered to nobody, as supervisors do."""
    command = queue_scripts.claim_request(
        _id(number), person * 2, person, NOW_MS, LEASE_MS, CONSENT_MS, RETENTION_MS
    )
    return queue_scripts.claimed_request(await store.ask(command)) is not None


async def _accept(store: Store, number: int, person: bytes, now_ms: int = NOW_MS) -> bool:
    command = queue_scripts.claim_request(
        _id(number), person * 2, person, now_ms, LEASE_MS, CONSENT_MS, RETENTION_MS, only_offered=True
    )
    return queue_scripts.claimed_request(await store.ask(command)) is not None


async def test_request_is_offered_to_the_first_who_has_a_seat(store: Store) -> None:
    await _open(store, 1, 2)
    await _seats(store, sari=0, budi=1)
    assert await _offer(store, (1, (SARI, BUDI)), (2, (BUDI, DEWI))) == [BUDI, b""]


async def test_person_has_one_offer_at_a_time(store: Store) -> None:
    await _open(store, 1, 2)
    await _seats(store, sari=5)
    assert await _offer(store, (1, (SARI,)), (2, (SARI,))) == [SARI, b""]
    assert await _accept(store, 1, SARI)
    assert await _offer(store, (2, (SARI,))) == [SARI]


async def test_only_the_person_to_whom_it_is_offered_accepts_in_time(store: Store) -> None:
    await _open(store, 1)
    await _seats(store, sari=1, budi=1)
    assert not await _accept(store, 1, SARI)
    await _offer(store, (1, (SARI,)))
    assert not await _accept(store, 1, BUDI)
    assert not await _accept(store, 1, SARI, now_ms=NOW_MS + OFFER_MS + 1)
    assert await _accept(store, 1, SARI)


async def test_declined_offer_gives_the_seat_back_and_is_remembered(store: Store) -> None:
    await _open(store, 1)
    await _seats(store, sari=1)
    await _offer(store, (1, (SARI,)))
    assert await _end(store, 1, BUDI) == b""
    assert await _end(store, 1, SARI) == SARI
    assert await _end(store, 1, SARI) == b""
    count, (request,) = await next_waiting(store, 10)
    assert (count, request.refusals, request.offered_to) == (1, 1, None)
    assert request.refused_by == {SARI: NOW_MS / 1000}
    assert await _offer(store, (1, (SARI,))) == [SARI]


async def test_offer_ends_at_its_deadline_and_not_before(store: Store) -> None:
    await _open(store, 1)
    await _seats(store, sari=1)
    await _offer(store, (1, (SARI,)))
    deadline = NOW_MS + OFFER_MS
    assert await store.ask(routing_scripts.offers_due(deadline - 1)) == []
    assert await _end(store, 1, due_ms=deadline - 1) == b""
    assert queue_scripts.conversation_ids(await store.ask(routing_scripts.offers_due(deadline))) == [_id(1)]
    assert await _end(store, 1, due_ms=deadline) == SARI


async def test_withdrawn_request_gives_the_seat_back(store: Store) -> None:
    await _open(store, 1, 2)
    await _seats(store, sari=1)
    await _offer(store, (1, (SARI,)))
    withdrawn = queue_scripts.withdrawn(await store.ask(queue_scripts.withdraw_request(_id(1))))
    assert withdrawn == Withdrawn(True, SARI, goes_on=False, taken_by=b"", person=b"")
    assert await _offer(store, (2, (SARI,))) == [SARI]


async def test_lease_counts_once_where_what_she_said_is_lost(store: Store) -> None:
    """Of the two that she takes the nodes know one more, for they have seen her take the first."""
    await _open(store, 1, 2, 3)
    assert await _claim(store, 1, SARI)
    assert await _offer(store, (2, (SARI,)), known={SARI: 1}) == [SARI]
    # And so it stays when the lease has become a conversation,
    await store.ask(queue_scripts.confirm_request(_id(1), NOW_MS, 1000))
    assert await _end(store, 2, SARI) == SARI
    assert await _offer(store, (3, (SARI,)), known={SARI: 1}) == [SARI]
    # and the second seat is the last.
    assert await _accept(store, 3, SARI)
    assert await _offer(store, (2, (SARI,)), known={SARI: 0}) == [b""]


async def test_lease_that_ends_gives_its_seat_back_where_what_she_said_is_lost(store: Store) -> None:
    await _open(store, 1, 2, 3)
    assert await _claim(store, 1, SARI)
    assert await _offer(store, (2, (SARI,)), known={SARI: 1}) == [SARI]
    assert await _accept(store, 2, SARI)
    assert await _offer(store, (3, (SARI,)), known={SARI: 0}) == [b""]
    await store.ask(queue_scripts.return_request(_id(1), SARI * 2, RETENTION_MS))
    assert await _offer(store, (3, (SARI,)), known={SARI: 1}) == [SARI]


async def test_seats_are_used_up_until_they_are_told_anew(store: Store) -> None:
    await _open(store, 1, 2, 3)
    await _seats(store, sari=1)
    await _offer(store, (1, (SARI,)))
    await _accept(store, 1, SARI)
    await store.ask(queue_scripts.confirm_request(_id(1), NOW_MS, 1000))
    assert await _offer(store, (2, (SARI,))) == [b""]
    await _seats(store, sari=1)
    assert await _offer(store, (2, (SARI,))) == [SARI]
    await _seats(store, sari=1)
    assert await _offer(store, (3, (SARI,))) == [b""], "the open offer counts"


async def test_lease_that_ends_gives_the_seat_back(store: Store) -> None:
    await _open(store, 1)
    await _seats(store, sari=1)
    await _offer(store, (1, (SARI,)))
    await _accept(store, 1, SARI)
    assert await store.ask(queue_scripts.return_request(_id(1), SARI * 2, RETENTION_MS)) == 1
    assert await _offer(store, (1, (SARI,))) == [SARI]


async def test_under_a_race_of_planners_nothing_is_given_twice(store: Store) -> None:
    """Twenty nodes propose everything to everybody at once, over and over, and everybody accepts at once."""
    people = [bytes([100 + number]) * 16 for number in range(6)]
    await _open(store, *range(1, 31))
    for person in people:
        await store.ask(routing_scripts.set_seats(person, 3, RETENTION_MS))
    taken: Counter[bytes] = Counter()
    requests: list[int] = []
    for _ in range(12):
        wishes = [(number, tuple(people)) for number in range(1, 31)]
        plans = await asyncio.gather(*(_offer(store, *wishes) for _ in range(20)))
        given = [(number, person) for plan in plans for number, person in enumerate(plan, 1) if person]
        assert len({person for _, person in given}) == len(given) == len({number for number, _ in given})
        answers = await asyncio.gather(*(_accept(store, *each) for each in given + given))
        assert answers == [True] * len(answers), "the holder may ask again"
        requests += [number for number, _ in given]
        taken.update(person for _, person in given)
    assert len(requests) == len(set(requests)) == 18
    assert set(taken.values()) == {3}


async def test_one_node_leads_until_it_says_nothing_more(store: Store) -> None:
    assert await store.ask(routing_scripts.take_lead("one", 60_000)) == 1
    assert await store.ask(routing_scripts.take_lead("two", 60_000)) == 0
    assert await store.ask(routing_scripts.take_lead("one", 1)) == 1
    async with asyncio.timeout(10):
        # The lead ends by the store's clock.
        while await store.ask(routing_scripts.take_lead("two", 60_000)) == 0:
            pass


async def test_every_key_of_routing_expires(store: Store) -> None:
    await _open(store, 1)
    await _seats(store, sari=1)
    await _offer(store, (1, (SARI,)))
    await store.ask(routing_scripts.count_day("2026-03-08", RETENTION_MS, {"opened": 2, "answered": 1}))
    await store.ask(routing_scripts.put_push(SARI * 2, b"address", 5000))
    await store.ask(routing_scripts.put_push(BUDI * 2, b"address", 1000))
    for key in (keys.QUEUE_OFFERS, keys.QUEUE_SEATS, keys.queue_day("2026-03-08"), keys.PUSH_DEVICES):
        left = await store.ask((b"PTTL", key))
        assert isinstance(left, int)
        assert 0 < left <= RETENTION_MS
    assert routing_scripts.day_counts(await store.ask(routing_scripts.read_day("2026-03-08"))) == {
        "opened": 2,
        "answered": 1,
    }


async def test_of_who_takes_none_any_more_and_of_who_never_said_how_many_nothing_stays(store: Store) -> None:
    await _open(store, 1, 2, 3)
    await _seats(store, sari=2)
    assert await _offer(store, (1, (SARI,))) == [SARI]
    assert await _accept(store, 1, SARI)
    claim = queue_scripts.claim_request(
        _id(2), BUDI * 2, BUDI, NOW_MS, LEASE_MS, CONSENT_MS, RETENTION_MS, only_offered=False
    )
    assert await store.ask(claim)
    for number in (1, 2):
        await store.ask(queue_scripts.confirm_request(_id(number), NOW_MS, RETENTION_MS))
    await store.ask(routing_scripts.count_taken(DEWI))
    assert await store.ask((b"HGETALL", keys.QUEUE_SEATS)) == [SARI + b"c", b"2", SARI + b"t", b"1"]
    assert await _offer(store, (3, (BUDI, SARI))) == [SARI]
    await _seats(store, sari=0)
    assert await _end(store, 3) == SARI
    assert await store.ask((b"HGETALL", keys.QUEUE_SEATS)) == []


async def test_seats_that_are_told_again_are_less_by_what_was_taken_meanwhile(store: Store) -> None:
    """She takes two; the store hears of it when she has taken one of them, or is asked about the other."""
    await _open(store, 1, 2, 3)
    assert await _claim(store, 1, SARI)
    await store.ask(routing_scripts.set_seats(SARI, 1, RETENTION_MS, again=True))
    assert await _offer(store, (2, (SARI,))) == [SARI]
    await store.ask(routing_scripts.set_seats(SARI, 1, RETENTION_MS, again=True))
    assert await _accept(store, 2, SARI)
    for number in (1, 2):
        await store.ask(queue_scripts.confirm_request(_id(number), NOW_MS, RETENTION_MS))
    assert await _offer(store, (3, (SARI,))) == [b""]


async def test_staff_of_a_conversation_are_told_to_its_survivor_alone(store: Store) -> None:
    conversation, capability = keys.ConversationKeys.of(_id(9)), b"c" * 32
    await store.ask(scripts.create_conversation(conversation, capability, "", NOW_MS, RETENTION_MS))
    await store.ask(scripts.admit_claimant(conversation, b"x" * 32))
    assert scripts.joined_devices(await store.ask(scripts.staff_of(conversation, capability))) == b"x" * 32
    assert scripts.joined_devices(await store.ask(scripts.staff_of(conversation, b"o" * 32))) == b""
