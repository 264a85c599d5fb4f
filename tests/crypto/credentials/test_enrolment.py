"""Enrolment: an invitation, the proof that the device holds its key, and the statement's way back."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.organisation.staffed_organisation import DAY, NOW, StaffedOrganisation, public_key
from teduh_crypto.credentials import (
    MAX_INVITATION_VALIDITY,
    Invitation,
    InvitationCode,
    MalformedToken,
    ProofOfPossessionFailed,
    Role,
    StatementRevoked,
    TokenExpired,
    TokenNotYetValid,
    UnknownRoot,
    WrongTokenType,
    enrol,
    enrolment_id,
    invite,
    open_statement,
    seal_statement,
    sign_staff_statement,
    verify_enrolment,
    verify_invitation,
    verify_submission,
)
from teduh_crypto.credentials.json_web_token import (
    TokenType,
    confirmation,
    encode_base64url,
    sign_token,
    unverified_claims,
)


@pytest.fixture
def invited(organisation: StaffedOrganisation) -> tuple[Invitation, InvitationCode]:
    return invite(organisation.authority, subject="staff-1", role=Role.MEDIC, now=NOW)


def test_an_invitation_reads_as_it_was_made(
    organisation: StaffedOrganisation, invited: tuple[Invitation, InvitationCode]
) -> None:
    invitation, code = invited
    assert verify_invitation(code.invitation, organisation.verifier(), now=NOW) == invitation
    assert enrolment_id(code.invitation) == invitation.enrolment_id


def test_an_invitation_expires(
    organisation: StaffedOrganisation, invited: tuple[Invitation, InvitationCode]
) -> None:
    with pytest.raises(TokenExpired):
        verify_invitation(invited[1].invitation, organisation.verifier(), now=NOW + 3 * DAY)


def test_an_invitation_from_the_future_is_refused(
    organisation: StaffedOrganisation, invited: tuple[Invitation, InvitationCode]
) -> None:
    with pytest.raises(TokenNotYetValid):
        verify_invitation(invited[1].invitation, organisation.verifier(), now=NOW - 301)


def test_no_invitation_lasts_longer_than_14_days(organisation: StaffedOrganisation) -> None:
    invitation, _ = invite(
        organisation.authority, subject="staff-1", role=Role.MEDIC, now=NOW, validity=100 * DAY
    )
    assert invitation.expires - invitation.issued == MAX_INVITATION_VALIDITY


def test_a_stranger_cannot_invite(organisation: StaffedOrganisation) -> None:
    stranger = StaffedOrganisation(id=organisation.id)
    _, code = invite(stranger.authority, subject="staff-1", role=Role.MEDIC, now=NOW)
    with pytest.raises(UnknownRoot):
        verify_invitation(code.invitation, organisation.verifier(), now=NOW)


def test_an_issuer_may_invite_until_it_is_revoked(
    organisation: StaffedOrganisation, device: Ed25519PrivateKey
) -> None:
    _, code = invite(organisation.appoint_issuer(device), subject="staff-1", role=Role.MEDIC, now=NOW)
    assert verify_invitation(code.invitation, organisation.verifier(), now=NOW).role is Role.MEDIC
    assert enrolment_id(code.invitation)
    revocations = organisation.revocations.revoking(statements=["issuer-statement"], now=NOW)
    with pytest.raises(StatementRevoked):
        verify_invitation(code.invitation, organisation.verifier(revocations), now=NOW)


def test_a_code_round_trips_and_hides_its_key(invited: tuple[Invitation, InvitationCode]) -> None:
    code = invited[1]
    assert InvitationCode.parse(f" {code}\n") == code
    assert repr(code.sealing_key) not in repr(code)


@pytest.mark.parametrize("text", ["", "a.b.c", "a.b.c:", "a.b.c:AAAA", "a.b.c:!!"])
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(MalformedToken):
        InvitationCode.parse(text)


def test_an_enrolment_proves_the_devices_key(
    invited: tuple[Invitation, InvitationCode], device: Ed25519PrivateKey
) -> None:
    code = invited[1]
    enrolment = enrol(code, device)
    assert verify_enrolment(enrolment, code.invitation) == public_key(device)
    assert verify_submission(enrolment, code) == public_key(device)


def test_whoever_saw_the_invitation_alone_cannot_submit_a_key(
    invited: tuple[Invitation, InvitationCode],
) -> None:
    """A relay has the invitation of a submission that it holds back, and not the sealing key of the code."""
    code, relays_own = invited[1], Ed25519PrivateKey.generate()
    forged = enrol(InvitationCode(code.invitation, bytes(32)), relays_own)
    assert verify_enrolment(forged, code.invitation) == public_key(relays_own)
    with pytest.raises(ProofOfPossessionFailed, match="holder of the invitation code"):
        verify_submission(forged, code)


def test_a_mac_serves_for_one_key(
    invited: tuple[Invitation, InvitationCode], device: Ed25519PrivateKey
) -> None:
    code, relays_own = invited[1], Ed25519PrivateKey.generate()
    mac = unverified_claims(enrol(code, device), TokenType.ENROLMENT).text("mac", re.compile(".*"))
    digest = encode_base64url(hashlib.sha256(code.invitation.encode()).digest())
    claims = {"cnf": confirmation(public_key(relays_own)), "invitation": digest, "mac": mac}
    with pytest.raises(ProofOfPossessionFailed):
        verify_submission(sign_token(TokenType.ENROLMENT, claims, relays_own), code)


def test_a_submission_without_a_mac_is_refused(
    invited: tuple[Invitation, InvitationCode], device: Ed25519PrivateKey
) -> None:
    """As earlier releases made it: to the relay it is one, to the coordinator it is none."""
    code = invited[1]
    digest = encode_base64url(hashlib.sha256(code.invitation.encode()).digest())
    claims = {"cnf": confirmation(public_key(device)), "invitation": digest}
    earlier = sign_token(TokenType.ENROLMENT, claims, device)
    assert verify_enrolment(earlier, code.invitation) == public_key(device)
    with pytest.raises(MalformedToken):
        verify_submission(earlier, code)


def test_an_enrolment_for_another_invitation_is_refused(
    invited: tuple[Invitation, InvitationCode], device: Ed25519PrivateKey
) -> None:
    with pytest.raises(ProofOfPossessionFailed):
        verify_enrolment(enrol(replace(invited[1], invitation="another"), device), invited[1].invitation)


def test_a_key_that_is_not_held_cannot_be_enrolled(
    invited: tuple[Invitation, InvitationCode], device: Ed25519PrivateKey
) -> None:
    victim = public_key(Ed25519PrivateKey.generate())
    forged = sign_token(TokenType.ENROLMENT, {"cnf": confirmation(victim), "invitation": "A" * 43}, device)
    with pytest.raises(ProofOfPossessionFailed):
        verify_enrolment(forged, invited[1].invitation)


@pytest.mark.parametrize(
    "cnf", [None, {}, {"jwk": {}}, {"jwk": {"kty": "OKP", "crv": "X25519", "x": "A" * 43}}], ids=str
)
def test_an_enrolment_without_an_ed25519_key_is_refused(cnf: object, device: Ed25519PrivateKey) -> None:
    forged = sign_token(TokenType.ENROLMENT, {"cnf": cnf, "invitation": "A" * 43}, device)
    with pytest.raises(MalformedToken):
        verify_enrolment(forged, "invitation")


def test_a_statement_is_no_enrolment(
    organisation: StaffedOrganisation,
    invited: tuple[Invitation, InvitationCode],
    device: Ed25519PrivateKey,
) -> None:
    statement = sign_staff_statement(organisation.describe(device), organisation.authority)
    with pytest.raises(WrongTokenType):
        verify_enrolment(statement, invited[1].invitation)


def test_a_sealed_statement_opens_with_the_code_alone(invited: tuple[Invitation, InvitationCode]) -> None:
    invitation, code = invited
    sealed = seal_statement(code.sealing_key, invitation.enrolment_id, "a.b.c", "d.e.f")
    assert open_statement(code.sealing_key, invitation.enrolment_id, sealed) == ("a.b.c", "d.e.f")
    assert b"a.b.c" not in sealed


@pytest.mark.parametrize("change", ["key", "enrolment", "content", "empty"])
def test_a_sealed_statement_that_was_changed_is_refused(
    invited: tuple[Invitation, InvitationCode], change: str
) -> None:
    invitation, code = invited
    sealed = seal_statement(code.sealing_key, invitation.enrolment_id, "a.b.c")
    key = bytes(32) if change == "key" else code.sealing_key
    place = "another" if change == "enrolment" else invitation.enrolment_id
    sealed = {"content": sealed[:-1] + bytes([sealed[-1] ^ 1]), "empty": b""}.get(change, sealed)
    with pytest.raises(MalformedToken):
        open_statement(key, place, sealed)


def test_what_an_invitation_says_is_bounded(organisation: StaffedOrganisation) -> None:
    claims = {"jti": "x", "sub": "s", "role": "medic", "iat": NOW, "exp": NOW + MAX_INVITATION_VALIDITY + 1}
    text = organisation.authority.sign(TokenType.INVITATION, claims)
    with pytest.raises(MalformedToken):
        verify_invitation(text, organisation.verifier(), now=NOW)


def test_invitations_are_verified_though_the_list_is_stale(
    organisation: StaffedOrganisation, invited: tuple[Invitation, InvitationCode]
) -> None:
    """Otherwise an organisation that let its list lapse could not enrol the device that renews it."""
    stale = replace(organisation.revocations, issued=NOW - 2 * DAY, expires=NOW - DAY)
    assert verify_invitation(invited[1].invitation, organisation.verifier(stale), now=NOW) == invited[0]
