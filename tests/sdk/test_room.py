"""The rules of promise 5 by themselves: who may be in the room that comes next."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.organisation.staffed_organisation import NOW, StaffedOrganisation, public_key
from teduh_crypto.credentials import Role
from teduh_sdk.exceptions import RosterNotAdmitted
from teduh_sdk.group.room import Consent, Participant, Room, admit_first, admit_next
from teduh_sdk.trust.authentication_service import Roster, StaffParticipant, SurvivorParticipant

ORGANISATION = StaffedOrganisation()
HER_KEY = b"h" * 32


def somebody(leaf_index: int, name: str, role: Role = Role.COUNSELOR) -> StaffParticipant:
    key = Ed25519PrivateKey.generate()
    statement = replace(ORGANISATION.describe(key, f"statement-{name}"), name=name, role=role)
    return StaffParticipant(leaf_index, public_key(key), statement)


SARI, BUDI = somebody(0, "Sari"), somebody(2, "Budi", Role.MEDIC)


def room(*staff: StaffParticipant, her_key: bytes = HER_KEY) -> Room:
    return Room(Roster(SurvivorParticipant(1, her_key), staff))


def consent_to(someone: StaffParticipant) -> dict[bytes, Consent]:
    consent = Consent(someone.statement.device_id, someone.name, someone.role.value)
    return {consent.device_id: consent}


def test_she_enters_a_room_with_one_proven_staff_member() -> None:
    admit_first(room(SARI), HER_KEY, is_survivor=True)


def test_she_does_not_enter_a_room_in_which_she_is_somebody_else() -> None:
    with pytest.raises(RosterNotAdmitted):
        admit_first(room(SARI, her_key=b"x" * 32), HER_KEY, is_survivor=True)


def test_staff_do_not_enter_a_room_in_which_they_are_not() -> None:
    with pytest.raises(RosterNotAdmitted):
        admit_first(room(SARI), BUDI.signature_key, is_survivor=False)


def test_staff_do_not_enter_a_room_as_the_survivor() -> None:
    with pytest.raises(RosterNotAdmitted):
        admit_first(room(BUDI, her_key=SARI.signature_key), SARI.signature_key, is_survivor=False)


def test_a_newcomer_comes_in_with_consent() -> None:
    (newcomer,) = admit_next(
        room(SARI), room(SARI, BUDI), HER_KEY, is_survivor=True, consents=consent_to(BUDI)
    )
    assert newcomer.name == "Budi"


def test_a_newcomer_without_consent_is_refused() -> None:
    with pytest.raises(RosterNotAdmitted):
        admit_next(room(SARI), room(SARI, BUDI), HER_KEY, is_survivor=True, consents=consent_to(SARI))


def test_another_survivor_is_refused() -> None:
    with pytest.raises(RosterNotAdmitted):
        admit_next(
            room(SARI), room(SARI, her_key=b"x" * 32), SARI.signature_key, is_survivor=False, consents={}
        )


@pytest.mark.parametrize("change", [{"name": "Rini"}, {"role": Role.SUPERVISOR}])
def test_a_member_who_becomes_somebody_else_is_a_newcomer(change: dict[str, str]) -> None:
    changed = replace(SARI, statement=replace(SARI.statement, **change))  # type: ignore[arg-type]  # a name or a role
    with pytest.raises(RosterNotAdmitted):
        admit_next(room(SARI), room(changed), HER_KEY, is_survivor=True, consents={})


def test_a_renewed_statement_of_the_same_person_needs_no_consent() -> None:
    renewed = replace(SARI, statement=replace(SARI.statement, statement_id="another", expires=NOW + 1000))
    assert admit_next(room(SARI), room(renewed), HER_KEY, is_survivor=True, consents={}) == ()


def test_those_who_leave_need_no_consent() -> None:
    assert admit_next(room(SARI, BUDI), room(BUDI), HER_KEY, is_survivor=True, consents={}) == ()


def test_an_empty_room_has_no_survivor() -> None:
    with pytest.raises(RosterNotAdmitted):
        _ = Room().survivor


def test_people_are_shown_by_name_and_role_and_logged_without_a_name() -> None:
    sari = Participant(0, b"k" * 32, "Sari", "counselor")
    assert str(sari) == "Sari (counselor)"
    assert "Sari" not in repr(sari)
    assert str(Participant(1, b"k" * 32, None, "survivor")) == "survivor"
