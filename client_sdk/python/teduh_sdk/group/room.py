"""Who is in the room, and who may come in: promise 5, as a rule on two rosters.

                      members of the MLS state
                               |  authentication service: one anonymous, all others proven
                               v
    room before ──────────> room after ──────────> adopted, or the whole state is discarded
                  newcomers must be those whom
                  the survivor accepted by name,
                  or the one whom she lets in herself

A room exists only verified. Everybody in the conversation applies the same rule, not the survivor alone, so
that a staff member who adds somebody unasked finds nobody left to talk to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from teduh_crypto.credentials import device_id
from teduh_crypto.mls import Member

from teduh_sdk.exceptions import RosterNotAdmitted
from teduh_sdk.trust.authentication_service import AuthenticationService, Roster, StaffParticipant

SURVIVOR: Final = "survivor"
"""The role of the one member without a name."""


@dataclass(frozen=True, slots=True)
class Participant:
    """One verified member. `name` is the working name in the staff statement; the survivor has none."""

    leaf_index: int
    device_key: bytes
    name: str | None
    role: str

    def __repr__(self) -> str:
        return f"<Participant {self.role} at leaf {self.leaf_index}>"

    def __str__(self) -> str:
        return self.role if self.name is None else f"{self.name} ({self.role})"

    @property
    def is_survivor(self) -> bool:
        """Whether this is she for whom the conversation exists."""
        return self.name is None

    @property
    def device_id(self) -> bytes:
        """SHA-256 of the device's key, by which the relay and invitations name a staff device."""
        return device_id(self.device_key)

    def is_same_person(self, other: Participant) -> bool:
        """Whether key, name and role are the same; the leaf may differ."""
        return (self.device_key, self.name, self.role) == (other.device_key, other.name, other.role)


@dataclass(frozen=True, slots=True)
class Consent:
    """What the survivor said yes to: this device, under this name and role."""

    device_id: bytes
    name: str
    role: str

    def covers(self, newcomer: Participant) -> bool:
        """Whether `newcomer` is the one she accepted."""
        return (self.device_id, self.name, self.role) == (newcomer.device_id, newcomer.name, newcomer.role)


class Room:
    """The verified participants of one epoch; empty as long as there is no epoch."""

    __slots__ = ("_by_leaf", "roster")

    def __init__(self, roster: Roster | None = None) -> None:
        self.roster: Final = roster
        self._by_leaf = {one.leaf_index: one for one in _participants(roster)}

    def __iter__(self) -> Iterator[Participant]:
        return iter(self._by_leaf.values())

    def __len__(self) -> int:
        return len(self._by_leaf)

    def at(self, leaf_index: int) -> Participant:
        """The participant at a leaf; raises KeyError if there is none."""
        return self._by_leaf[leaf_index]

    def with_key(self, device_key: bytes) -> Participant | None:
        """The participant with this signature key."""
        return next((someone for someone in self if someone.device_key == device_key), None)

    @property
    def survivor(self) -> Participant:
        """She; raises `RosterNotAdmitted` when she is not there."""
        for someone in self:
            if someone.is_survivor:
                return someone
        raise RosterNotAdmitted("the survivor is not in the room")

    @property
    def staff(self) -> tuple[Participant, ...]:
        """Everybody else, by leaf."""
        return tuple(someone for someone in self if not someone.is_survivor)


VerifyRoom = Callable[[Sequence[Member], int, Room], Room]
"""Proves every member at a time (seconds), given the room before; raises a `CredentialError`."""


def verify_room(service: AuthenticationService) -> VerifyRoom:
    """How `service` proves a room."""

    def verify(members: Sequence[Member], now: int, before: Room) -> Room:
        return Room(service.verify(members, now=now, previous=before.roster))

    return verify


def _participants(roster: Roster | None) -> list[Participant]:
    if roster is None:
        return []
    survivor = roster.survivor
    everybody = [Participant(survivor.leaf_index, survivor.signature_key, None, SURVIVOR)]
    everybody += [_staff(someone) for someone in roster.staff]
    return sorted(everybody, key=lambda someone: someone.leaf_index)


def _staff(someone: StaffParticipant) -> Participant:
    return Participant(someone.leaf_index, someone.signature_key, someone.name, someone.role.value)


def admit_first(room: Room, own_key: bytes, *, is_survivor: bool) -> None:
    """Check the room that a Welcome leads into; raises `RosterNotAdmitted`."""
    _require_own_place(room, own_key, is_survivor=is_survivor)
    if is_survivor and len(room) != 2:
        raise RosterNotAdmitted("somebody else is in the room besides the one who took the request")


def admit_next(
    before: Room,
    after: Room,
    own_key: bytes,
    *,
    is_survivor: bool,
    consents: Mapping[bytes, Consent],
    by_survivor: bool = False,
) -> tuple[Participant, ...]:
    """Check the room that a commit leads into; returns the newcomers. Raises `RosterNotAdmitted`.

    `by_survivor`: it is her own commit, which is her consent. Her device commits to renew its keys, which
    changes nobody; or because nobody on the other side answers, and she lets in one who does. Who goes by
    that is hers to say.
    """
    _require_own_place(after, own_key, is_survivor=is_survivor)
    if after.survivor.device_key != before.survivor.device_key:
        raise RosterNotAdmitted("somebody has taken the survivor's place")
    newcomers = []
    for someone in after.staff:
        known = before.with_key(someone.device_key)
        if known is not None and known.is_same_person(someone):
            continue
        consent = consents.get(someone.device_id)
        if not by_survivor and (consent is None or not consent.covers(someone)):
            raise RosterNotAdmitted("a member was brought in whom the survivor did not accept")
        newcomers.append(someone)
    if by_survivor and len(newcomers) != 1 and (newcomers or len(after) != len(before)):
        raise RosterNotAdmitted("the survivor's device changes the room only to let one person in")
    return tuple(newcomers)


def _require_own_place(room: Room, own_key: bytes, *, is_survivor: bool) -> None:
    own = room.with_key(own_key)
    if own is None or own.is_survivor is not is_survivor:
        raise RosterNotAdmitted("we are not in the room as who we are")
