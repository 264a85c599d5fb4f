"""Who is asked next: pure functions from who waits and who is there to whom each request is offered.

::

    waiting requests --> in_order --> each: preferences that still count (dropped)
                                                   |
    staff --> free and on shift --> suitable ones --+--> ranked: was with her before, has not declined her,
                                                                 in the fewest conversations, longest idle
                                                   |
                                              proposals: request -> people, best first

A proposal is only a wish. Whether it comes true the store decides, in one script: it looks whether the
request still waits and whether the person has a seat left, so that several nodes may plan at the same time
from pictures that are a little old.

**Order.** An urgent request gets a head start, as if it had been opened earlier. The order of two requests
then never changes while they wait, and whoever has waited for longer than the largest head start is before
everybody who comes now: nobody starves. Of each source only one request stands in that order, and the others
behind all (`turns`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from teduh_signaling.relay.frames import Preference, RequestDetails, Urgency

HEAD_START_SECONDS: Final[Mapping[Urgency, int]] = {
    Urgency.NORMAL: 0,
    Urgency.URGENT: 15 * 60,
    Urgency.EMERGENCY: 60 * 60,
}
CANDIDATES: Final = 8
"""People proposed for one request; the first who can still be asked is."""
_ROLES: Final[Mapping[str, str]] = {
    "counseling": "counselor",
    "medical": "medic",
    "legal": "legal_aid",
    "shelter": "shelter",
    "interpreter": "interpreter",
}
"""The role that a need asks for by name. A skill of the need's own name will do as well."""
_GENERALISTS: Final = frozenset({"counselor", "supervisor"})
"""Who is asked when she has not said what she needs, or needs somebody to come: they send a responder."""
_DISPATCH: Final = "dispatch"


@dataclass(frozen=True, slots=True)
class Policy:
    """How long people are waited for, as the operator has set it; times in seconds."""

    offer_seconds: float = 20.0
    again_after_seconds: float = 60.0
    widen_after_refusals: int = 3
    widen_after_seconds: float = 120.0
    alert_after_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Person:
    """A staff member as all her devices together show her; times in seconds since 1970."""

    id: bytes
    """16 bytes, the same for all her devices."""
    role: str
    languages: frozenset[str]
    skills: frozenset[str] = frozenset()
    gender: str | None = None
    region: str | None = None
    seats: int = 1
    """How many conversations more she takes."""
    load: int = 0
    idle_since: float = 0.0
    devices: frozenset[bytes] = frozenset()
    until: float | None = None
    """The end of her shift."""


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """A request as the queue has it; times in seconds since 1970."""

    id: bytes
    details: RequestDetails
    opened: float
    refusals: int = 0
    refused_by: Mapping[bytes, float] = field(default_factory=dict)
    """Who has declined it, or let an offer of it pass, and when."""
    offered_to: bytes | None = None
    known_devices: frozenset[bytes] = field(default=frozenset())
    """The staff devices of the conversation that it continues."""
    seeks_colleague: bool = False
    """Whether it is staff who look for somebody; nobody waits for a first answer."""
    is_known: bool = False
    """Whether supervisors have been told that it waits in vain."""
    inside: frozenset[bytes] = field(default=frozenset())
    """The staff devices of the conversation for which staff look for a colleague: it is not for them."""
    placed: float | None = None
    """Its place in the order of service, as the queue has it; None: by its opening and its urgency."""

    @property
    def place(self) -> float:
        """Its place in the order of service: the smaller, the sooner."""
        if self.placed is not None:
            return self.placed
        return self.opened - HEAD_START_SECONDS[self.details.urgency]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Offer this request to the first of these people who can be asked."""

    request: WaitingRequest
    people: tuple[bytes, ...]
    dropped: tuple[Preference, ...]


def in_order(waiting: Iterable[WaitingRequest]) -> list[WaitingRequest]:
    """The order of service."""
    return sorted(waiting, key=lambda request: (request.place, request.id))


def stated(details: RequestDetails) -> tuple[Preference, ...]:
    """The preferences that count, in the order in which they are dropped.

    The need always does: who has not said any is looked after by a counselor, as long as there is one.
    """
    counts = {
        Preference.REGION: details.region is not None,
        Preference.GENDER: details.preferred_gender is not None,
        Preference.NEED: True,
        Preference.LANGUAGE: details.language is not None,
    }
    return tuple(preference for preference in Preference if counts[preference])


def dropped(request: WaitingRequest, now: float, policy: Policy) -> tuple[Preference, ...]:
    """What no longer counts: one preference more after so many refusals, or so long a wait."""
    return stated(request.details)[: _steps(request, now, policy)]


def needs_alert(request: WaitingRequest, now: float, policy: Policy) -> bool:
    """Whether supervisors should look: nothing is left to drop, or she has waited for too long."""
    return alert_at(request, policy) <= now


def alert_at(request: WaitingRequest, policy: Policy) -> float:
    """When supervisors should look, by what has been refused so far; in seconds since 1970."""
    steps = len(stated(request.details)) + 1
    if request.refusals >= steps * policy.widen_after_refusals:
        return request.opened
    return request.opened + min(steps * policy.widen_after_seconds, policy.alert_after_seconds)


def _steps(request: WaitingRequest, now: float, policy: Policy) -> int:
    by_refusals = request.refusals // policy.widen_after_refusals
    by_time = int(max(0.0, now - request.opened) // policy.widen_after_seconds)
    return max(by_refusals, by_time)


def is_suitable(person: Person, details: RequestDetails, without: Iterable[Preference] = ()) -> bool:
    """Whether she can be offered this request, without regard to some preferences."""
    ignored = frozenset(without)
    return (
        (Preference.NEED in ignored or _meets_need(person, details.need))
        and (Preference.LANGUAGE in ignored or _speaks(person.languages, details.language))
        and (Preference.GENDER in ignored or details.preferred_gender in (None, person.gender))
        and (Preference.REGION in ignored or details.region in (None, person.region))
    )


def _meets_need(person: Person, need: str | None) -> bool:
    if need is None:
        return person.role in _GENERALISTS
    if need == _DISPATCH and person.role in _GENERALISTS:
        return True
    return need in person.skills or _ROLES.get(need, "") == person.role


def _speaks(languages: frozenset[str], wanted: str | None) -> bool:
    """By the primary subtag: who speaks `id` is suitable for `id-ID`, and the other way round."""
    if wanted is None:
        return True
    primary = _primary(wanted)
    return any(_primary(language) == primary for language in languages)


def _primary(language: str) -> str:
    return language.partition("-")[0].lower()


def may_be_asked_again(person: bytes, request: WaitingRequest, now: float, policy: Policy) -> bool:
    """Whether she has not refused this request a moment ago."""
    return now - request.refused_by.get(person, -policy.again_after_seconds) >= policy.again_after_seconds


def can_be_asked(person: Person, now: float) -> bool:
    """Whether she has a seat left, and her shift has not ended."""
    return person.seats > 0 and (person.until is None or now < person.until)


def _rank(person: Person, request: WaitingRequest) -> tuple[bool, float, int, float, bytes]:
    was_with_her = not person.devices.isdisjoint(request.known_devices)
    refused = request.refused_by.get(person.id, 0.0)
    return not was_with_her or refused > 0, refused, person.load, person.idle_since, person.id


def plan(
    waiting: Iterable[WaitingRequest], staff: Iterable[Person], now: float, policy: Policy
) -> list[Proposal]:
    """What to propose now: at most one request for each person first, and nothing to nobody.

    `staff` are the available people who have no offer open. Requests that are offered already are passed
    over.
    """
    free = sorted(
        (person for person in staff if can_be_asked(person, now)),
        key=lambda person: (person.load, person.idle_since, person.id),
    )
    asked: set[bytes] = set()
    suited = _Suited(free)
    proposals = []
    for request in in_order(waiting):
        if request.offered_to is not None or len(asked) == len(free):
            continue
        without = dropped(request, now, policy)
        suitable: Iterable[Person] = suited.of(request.details, without)
        if request.refused_by or request.known_devices or request.inside:
            suitable = _for(request, suitable, now, policy)
        people = _first(suitable, asked)
        if people:
            asked.add(people[0])
            proposals.append(Proposal(request, people, without))
    return proposals


def somebody_suits_nobody(
    waiting: Iterable[WaitingRequest], staff: Iterable[Person], now: float, policy: Policy
) -> bool:
    """Whether for somebody among those who wait nobody is there to whom she could be offered as yet, if only
    after other offers.
    """
    suited = _Suited([person for person in staff if can_be_asked(person, now)])
    return any(
        next(iter(suited.of(request.details, dropped(request, now, policy))), None) is None
        for request in waiting
        if request.offered_to is None
    )


def _for(request: WaitingRequest, suitable: Iterable[Person], now: float, policy: Policy) -> list[Person]:
    """Those who may be asked for this very request, in its own order."""
    asked = (
        person
        for person in suitable
        if may_be_asked_again(person.id, request, now, policy) and person.devices.isdisjoint(request.inside)
    )
    return sorted(asked, key=lambda person: _rank(person, request))


def _first(suitable: Iterable[Person], asked: set[bytes]) -> tuple[bytes, ...]:
    """The first few to whom nobody before her in the queue is to be offered."""
    chosen: list[bytes] = []
    for person in suitable:
        if person.id not in asked:
            chosen.append(person.id)
            if len(chosen) == CANDIDATES:
                break
    return tuple(chosen)


class _Suited:
    """Who suits which wishes, as far as anybody asked: many requests wish the same."""

    __slots__ = ("_found", "_free")

    def __init__(self, free: list[Person]) -> None:
        self._free = free
        self._found: dict[tuple[object, ...], _Found] = {}

    def of(self, details: RequestDetails, without: tuple[Preference, ...]) -> _Found:
        """Those who are suitable, in the order of `free`."""
        key = (details.need, details.language, details.preferred_gender, details.region, without)
        found = self._found.get(key)
        if found is None:
            found = _Found(person for person in self._free if is_suitable(person, details, without))
            self._found[key] = found
        return found


class _Found:
    """What an iterator has given so far, and gives further: each is looked for once."""

    __slots__ = ("_further", "_known")

    def __init__(self, further: Iterator[Person]) -> None:
        self._further = further
        self._known: list[Person] = []

    def __iter__(self) -> Iterator[Person]:
        yield from self._known
        for person in self._further:
            self._known.append(person)
            yield person
