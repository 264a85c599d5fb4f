"""Routing under the histories that Hypothesis thinks of: nobody starves, nobody unsuitable is asked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from teduh_server.matching.ranking import (
    CANDIDATES,
    Person,
    Policy,
    WaitingRequest,
    alert_at,
    can_be_asked,
    dropped,
    in_order,
    is_suitable,
    may_be_asked_again,
    needs_alert,
    plan,
    somebody_suits_nobody,
    stated,
)
from teduh_signaling.relay.frames import Preference, RequestDetails, Urgency

NEEDS = ("counseling", "medical", "legal", "dispatch")
LANGUAGES = ("id", "en", "jv")
ROLES = ("counselor", "medic", "legal_aid", "supervisor")
GENDERS = ("female", "male")
REGIONS = ("west", "east")


def _maybe(values: tuple[str, ...]) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(values)


details = st.builds(
    RequestDetails,
    need=_maybe(NEEDS),
    language=_maybe(LANGUAGES),
    preferred_gender=_maybe(GENDERS),
    region=_maybe(REGIONS),
    urgency=st.sampled_from(Urgency),
)
persons = st.builds(
    Person,
    id=st.binary(min_size=16, max_size=16),
    role=st.sampled_from(ROLES),
    languages=st.frozensets(st.sampled_from(LANGUAGES), min_size=1),
    skills=st.frozensets(st.sampled_from(NEEDS), max_size=2),
    gender=_maybe(GENDERS),
    region=_maybe(REGIONS),
    seats=st.integers(0, 3),
    load=st.integers(0, 5),
    idle_since=st.floats(0, 1000),
    until=st.none() | st.floats(0, 2000),
)
staffs = st.lists(persons, max_size=8, unique_by=lambda person: person.id)
requests = st.builds(
    WaitingRequest,
    id=st.binary(min_size=16, max_size=16),
    details=details,
    opened=st.integers(0, 1000).map(float),
    refusals=st.integers(0, 12),
)
queues = st.lists(requests, max_size=12, unique_by=lambda request: request.id)
NOW = 1000.0
POLICY = Policy()


LONGEST_HEAD_START = 3600.0
"""As PROTOCOL.md has it: an emergency goes before all that have waited for less than an hour longer."""
ANYBODY = Policy(widen_after_seconds=1.0, again_after_seconds=0.0)
"""Under which everybody suits everybody a few seconds later."""


def _served(waiting: list[WaitingRequest], now: float, count: int) -> list[WaitingRequest]:
    """The first so many, in the order in which they are given to as many people."""
    staff = [Person(bytes([number]) * 16, "counselor", frozenset({"id"})) for number in range(count)]
    return [proposal.request for proposal in plan(waiting, staff, now, ANYBODY)]


@given(queues, st.data())
def test_the_order_of_two_requests_never_changes_while_they_wait(
    queue: list[WaitingRequest], choose: st.DataObject
) -> None:
    """Whoever else comes or goes, however late it is, and however often either was refused."""
    before = [request.id for request in _served(queue, NOW + 10, len(queue))]
    assert len(before) == len(queue)
    left = (
        choose.draw(st.lists(st.sampled_from(queue), unique_by=lambda request: request.id)) if queue else []
    )
    later = NOW + choose.draw(st.floats(10, 20_000))
    changed = [
        replace(
            request,
            refusals=request.refusals + choose.draw(st.integers(0, 9)),
            refused_by=dict.fromkeys(choose.draw(st.sets(st.sampled_from([b"\0" * 16]))), NOW),
            known_devices=choose.draw(st.sampled_from([frozenset[bytes](), frozenset({b"d" * 32})])),
        )
        for request in left
    ]
    newcomer = WaitingRequest(b"newcomer", RequestDetails(), later)
    after = [request.id for request in _served([*changed, newcomer], later, len(left) + 1)]
    assert [each for each in after if each != newcomer.id] == [
        each for each in before if each in {request.id for request in left}
    ]


@given(requests, st.integers(0, 2000))
def test_supervisors_look_when_nothing_is_left_to_drop_or_she_has_waited_too_long(
    request: WaitingRequest, waited: int
) -> None:
    now = request.opened + waited
    further = max(request.refusals // POLICY.widen_after_refusals, waited // int(POLICY.widen_after_seconds))
    nothing_left = further > len(stated(request.details))
    assert needs_alert(request, now, POLICY) == (nothing_left or waited >= POLICY.alert_after_seconds)
    assert needs_alert(request, now, POLICY) == (now >= alert_at(request, POLICY))


@given(
    st.lists(st.tuples(st.sampled_from(Urgency), st.integers(0, 900)), min_size=2, max_size=60),
    st.integers(60, 600),
)
def test_nobody_starves_however_many_urgent_requests_keep_coming(
    arrivals: list[tuple[Urgency, int]], pace: int
) -> None:
    """One is served in each round: whoever has waited for longer than the largest head start goes before all
    who came later than that, whatever they came with.
    """
    coming: list[WaitingRequest] = []
    opened = 0
    for number, (urgency, gap) in enumerate(arrivals):
        opened += gap
        coming.append(WaitingRequest(bytes([number]), RequestDetails(urgency=urgency), float(opened)))
    waiting: list[WaitingRequest] = []
    now = 0.0
    while coming or waiting:
        now += pace
        waiting += [request for request in coming if request.opened <= now - 10]
        coming = [request for request in coming if request.opened > now - 10]
        for taken in _served(waiting, now, 1):
            waiting.remove(taken)
            for other in waiting:
                assert taken.opened <= other.opened + LONGEST_HEAD_START
                if taken.details.urgency <= other.details.urgency:
                    assert taken.opened <= other.opened


@given(requests, requests)
def test_urgent_goes_before_but_not_before_who_has_waited_longer_than_the_largest_head_start(
    one: WaitingRequest, other: WaitingRequest
) -> None:
    if one.details.urgency >= other.details.urgency and one.opened < other.opened:
        assert one.place < other.place
    much_later = replace(other, opened=one.opened + LONGEST_HEAD_START + 1)
    assert one.place < much_later.place
    emergency = replace(other, id=b"emergency", details=RequestDetails(urgency=Urgency.EMERGENCY))
    normal = replace(
        one, id=b"normal", details=RequestDetails(), opened=other.opened - LONGEST_HEAD_START + 1
    )
    assert in_order([normal, emergency]) == [emergency, normal]


@given(queues, staffs)
def test_a_plan_asks_only_who_is_suitable_free_and_on_shift(
    queue: list[WaitingRequest], staff: list[Person]
) -> None:
    by_id = {person.id: person for person in staff}
    for proposal in plan(queue, staff, NOW, POLICY):
        assert 0 < len(proposal.people) <= CANDIDATES
        assert proposal.dropped == dropped(proposal.request, NOW, POLICY)
        for each in proposal.people:
            person = by_id[each]
            assert person.seats > 0
            assert person.until is None or person.until > NOW
            assert is_suitable(person, proposal.request.details, proposal.dropped)
            assert may_be_asked_again(each, proposal.request, NOW, POLICY)


@given(queues, staffs)
def test_a_plan_asks_nobody_first_for_two_requests(queue: list[WaitingRequest], staff: list[Person]) -> None:
    first = [proposal.people[0] for proposal in plan(queue, staff, NOW, POLICY)]
    assert len(first) == len(set(first))


@given(queues, staffs)
def test_nobody_is_passed_over_for_whom_somebody_is_free(
    queue: list[WaitingRequest], staff: list[Person]
) -> None:
    """A request without a proposal: all who suit it are proposed first for somebody before it."""
    proposals = plan(queue, staff, NOW, POLICY)
    proposed = {proposal.request.id for proposal in proposals}
    order = {request.id: place for place, request in enumerate(in_order(queue))}
    for request in queue:
        if request.id in proposed:
            continue
        taken_before = {each.people[0] for each in proposals if order[each.request.id] < order[request.id]}
        without = dropped(request, NOW, POLICY)
        for person in staff:
            free = person.seats > 0 and (person.until is None or person.until > NOW)
            if free and is_suitable(person, request.details, without):
                assert person.id in taken_before


@given(staffs, details)
def test_the_least_loaded_is_asked_and_then_who_has_been_idle_the_longest(
    staff: list[Person], wanted: RequestDetails
) -> None:
    by_id = {person.id: person for person in staff}
    for proposal in plan([WaitingRequest(bytes(16), wanted, NOW)], staff, NOW, POLICY):
        ranks = [(by_id[each].load, by_id[each].idle_since) for each in proposal.people]
        assert ranks == sorted(ranks)


@given(staffs, details)
def test_whoever_was_with_her_before_is_asked_first(staff: list[Person], wanted: RequestDetails) -> None:
    device = b"d" * 32
    known = [
        replace(person, devices=frozenset({device} if place == 0 else ()))
        for place, person in enumerate(sorted(staff, key=lambda person: -person.load))
    ]
    request = WaitingRequest(bytes(16), wanted, NOW, known_devices=frozenset({device}))
    proposed = [each for proposal in plan([request], known, NOW, POLICY) for each in proposal.people]
    alone = [each for proposal in plan([request], known[:1], NOW, POLICY) for each in proposal.people]
    assert proposed[: len(alone)] == alone


@given(queues, staffs)
def test_others_are_to_be_woken_for_her_whom_nobody_there_suits(
    waiting: list[WaitingRequest], staff: list[Person]
) -> None:
    """Not for one who waits until somebody suitable has answered another offer."""
    there = [person for person in staff if can_be_asked(person, NOW)]
    alone = [
        request
        for request in waiting
        if request.offered_to is None
        and not any(is_suitable(person, request.details, dropped(request, NOW, POLICY)) for person in there)
    ]
    assert somebody_suits_nobody(waiting, staff, NOW, POLICY) == bool(alone)


@given(details, st.floats(0, 5000), st.integers(0, 40))
def test_preferences_are_dropped_in_their_order_and_never_come_back(
    wanted: RequestDetails, waited: float, refusals: int
) -> None:
    request = WaitingRequest(bytes(16), wanted, 0.0, refusals)
    now = dropped(request, waited, POLICY)
    later = dropped(replace(request, refusals=refusals + 1), waited + 60, POLICY)
    assert now == stated(wanted)[: len(now)]
    assert later[: len(now)] == now


@given(persons, st.sampled_from(["dispatch", None]))
def test_whoever_can_send_somebody_is_asked_for_somebody_to_come(person: Person, need: str | None) -> None:
    """As is who has that skill; and nobody else, as for a request that says nothing."""
    may = person.role in ("counselor", "supervisor") or (need is not None and need in person.skills)
    assert is_suitable(person, RequestDetails(need=need)) == may


@given(persons, details)
def test_whoever_is_suitable_stays_so_when_preferences_are_dropped(
    person: Person, wanted: RequestDetails
) -> None:
    suited = [is_suitable(person, wanted, list(Preference)[:count]) for count in range(5)]
    assert suited == sorted(suited)
    assert suited[-1]


@dataclass
class _Seats:
    """What the store knows of one person."""

    left: int
    offered: bytes | None = None


@dataclass
class _Life:
    request: WaitingRequest


@dataclass
class _Model:
    seats: dict[bytes, _Seats] = field(default_factory=dict)
    waiting: dict[bytes, _Life] = field(default_factory=dict)
    taken: dict[bytes, bytes] = field(default_factory=dict)


class Routing(RuleBasedStateMachine):
    """A queue over time, with people who accept, decline and do not answer.

    The store's part is played by a few lines, which give each request to the first who is proposed. What the
    scripts do when the picture is old, under any race, is shown in the tests of the scripts.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.policy = Policy(again_after_seconds=30)
        self.model = _Model()
        self.staff: list[Person] = []
        self.count = 0

    @initialize(staff=st.lists(persons, min_size=1, max_size=4, unique_by=lambda person: person.id))
    def people_come(self, staff: list[Person]) -> None:
        self.staff = [replace(person, until=None, seats=2, load=0) for person in staff]
        self.model.seats = {person.id: _Seats(2) for person in self.staff}

    @rule(wanted=details)
    def somebody_asks(self, wanted: RequestDetails) -> None:
        self.count += 1
        name = self.count.to_bytes(16)
        self.model.waiting[name] = _Life(WaitingRequest(name, wanted, self.now))

    @rule(seconds=st.floats(0.1, 90))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def the_router_plans(self) -> None:
        free = [
            replace(person, seats=self.model.seats[person.id].left)
            for person in self.staff
            if self.model.seats[person.id].offered is None
        ]
        waiting = [life.request for life in self.model.waiting.values()]
        for proposal in plan(waiting, free, self.now, self.policy):
            self._offer(proposal.request, proposal.people)

    def _offer(self, request: WaitingRequest, people: tuple[bytes, ...]) -> None:
        # From a picture that is right, the first is always one who can be asked.
        first = self.model.seats[people[0]]
        assert first.offered is None
        assert first.left > 0
        first.offered, first.left = request.id, first.left - 1
        self.model.waiting[request.id].request = replace(request, offered_to=people[0])

    def _open_offers(self) -> list[tuple[bytes, bytes]]:
        return [
            (each, seats.offered) for each, seats in self.model.seats.items() if seats.offered is not None
        ]

    @precondition(lambda self: self._open_offers())
    @rule(choose=st.data())
    def somebody_accepts(self, choose: st.DataObject) -> None:
        person, request = choose.draw(st.sampled_from(self._open_offers()))
        assert request not in self.model.taken, "taken twice"
        self.model.taken[request] = person
        self.model.seats[person].offered = None
        del self.model.waiting[request]

    @precondition(lambda self: self._open_offers())
    @rule(choose=st.data())
    def somebody_declines(self, choose: st.DataObject) -> None:
        person, request = choose.draw(st.sampled_from(self._open_offers()))
        seats, life = self.model.seats[person], self.model.waiting[request]
        seats.offered, seats.left = None, seats.left + 1
        refused = {**life.request.refused_by, person: self.now}
        refusals = life.request.refusals + 1
        life.request = replace(life.request, offered_to=None, refused_by=refused, refusals=refusals)

    @invariant()
    def nobody_has_more_than_her_seats(self) -> None:
        for person, seats in self.model.seats.items():
            held = sum(1 for each in self.model.taken.values() if each == person)
            assert held + (seats.offered is not None) <= 2

    def teardown(self) -> None:
        """Nobody starves: when people say yes from now on, everybody is answered in the order of service."""
        for person in self.model.seats.values():
            if person.offered is not None:
                life = self.model.waiting[person.offered]
                life.request = replace(life.request, offered_to=None)
                person.offered = None
        self._after(self.policy.widen_after_seconds * (len(Preference) + 1))
        while self.model.waiting:
            for seats in self.model.seats.values():
                seats.left = 1
            before = len(self.model.waiting)
            expected = in_order(life.request for life in self.model.waiting.values())
            self.the_router_plans()
            offered = {request for _, request in self._open_offers()}
            assert offered == {request.id for request in expected[: len(self.staff)]}
            for who, request in self._open_offers():
                self.model.seats[who].offered = None
                self.model.taken[request] = who
                del self.model.waiting[request]
            assert len(self.model.waiting) < before

    def _after(self, seconds: float) -> None:
        self.now += seconds


TestRouting = Routing.TestCase
TestRouting.settings = settings(max_examples=40, stateful_step_count=25)
