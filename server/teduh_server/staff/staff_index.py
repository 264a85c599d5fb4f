"""All staff devices by person, kept up as they change: routing asks for everybody many times a second.

(node, key) --> device --> person --> her devices --> Person     made anew only when one of them changed
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from msgspec import Struct
from teduh_signaling.relay.frames import Availability

from teduh_server.matching.ranking import Person

Place = tuple[str, int]
"""A node, and its key for one connection."""


class PresentDevice(Struct, frozen=True, array_like=True):
    """One connection of a staff device, as its node describes it. Times in seconds since 1970."""

    key: int
    """Names it among those of its node."""
    device_id: bytes
    person: bytes
    role: str
    languages: tuple[str, ...]
    skills: tuple[str, ...]
    statement: str
    issuer_statement: str | None
    availability: Availability = Availability.AWAY
    capacity: int = 0
    gender: str | None = None
    region: str | None = None
    until: int = 0
    load: int = 0
    """Conversations to which it is subscribed."""
    idle_since: float = 0.0


class StaffIndex:
    """The devices that are connected anywhere, by person."""

    __slots__ = ("_changed", "_devices", "_people", "_places")

    def __init__(self) -> None:
        self._places: dict[Place, PresentDevice] = {}
        self._devices: dict[bytes, dict[Place, PresentDevice]] = {}
        self._people: dict[bytes, Person] = {}
        self._changed: set[bytes] = set()

    def put(self, node: str, device: PresentDevice) -> None:
        place = node, device.key
        self._places[place] = device
        self._devices.setdefault(device.person, {})[place] = device
        self._changed.add(device.person)

    def drop(self, node: str, key: int) -> None:
        device = self._places.pop((node, key), None)
        if device is not None:
            devices = self._devices[device.person]
            del devices[node, key]
            if devices:
                self._changed.add(device.person)
            else:
                # Nothing of her stays, also where nobody ever asks who is available.
                del self._devices[device.person]
                self._people.pop(device.person, None)
                self._changed.discard(device.person)

    def drop_node(self, node: str) -> None:
        for place in [place for place in self._places if place[0] == node]:
            self.drop(*place)

    def everybody(self) -> Iterator[Collection[PresentDevice]]:
        """The devices of each person."""
        return (devices.values() for devices in self._devices.values())

    def of(self, person: bytes) -> Collection[PresentDevice]:
        """Her devices."""
        return self._devices.get(person, {}).values()

    def available(self) -> list[Person]:
        """Everybody who is available on any device."""
        for person in self._changed:
            devices = self.of(person)
            if any(each.availability is Availability.AVAILABLE for each in devices):
                self._people[person] = _person(devices)
            else:
                self._people.pop(person, None)
        self._changed.clear()
        return list(self._people.values())


def seats_of(devices: Collection[PresentDevice]) -> int:
    """How many conversations more one person takes: no device counts what she is in on the others.

    So it is the most that an available one says for itself, less those; each device by its fullest
    connection, for one that has just come back may have two.
    """
    loads = _loads(devices)
    everywhere = sum(loads.values())
    says = (
        each.capacity + loads[each.device_id]
        for each in devices
        if each.availability is Availability.AVAILABLE
    )
    return max(0, max(says, default=0) - everywhere)


def load_of(devices: Collection[PresentDevice]) -> int:
    """In how many conversations one person is, on all her devices."""
    return sum(_loads(devices).values())


def _loads(devices: Collection[PresentDevice]) -> dict[bytes, int]:
    loads: dict[bytes, int] = {}
    for each in devices:
        loads[each.device_id] = max(each.load, loads.get(each.device_id, 0))
    return loads


def _person(devices: Collection[PresentDevice]) -> Person:
    """What all devices of one person say together; what they differ in, the available one with most seats
    says.
    """
    available = [each for each in devices if each.availability is Availability.AVAILABLE]
    speaker = max(available, key=lambda each: (each.capacity, each.key))
    return Person(
        id=speaker.person,
        role=speaker.role,
        languages=frozenset(speaker.languages),
        skills=frozenset(speaker.skills),
        gender=speaker.gender,
        region=speaker.region,
        seats=seats_of(devices),
        load=load_of(devices),
        idle_since=max(each.idle_since for each in devices),
        devices=frozenset(each.device_id for each in devices),
        until=speaker.until or None,
    )
