"""A coordinator's request: one token, one request, one minute."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.organisation.staffed_organisation import NOW, StaffedOrganisation
from teduh_crypto.credentials import (
    CoordinatorRequest,
    MalformedToken,
    RoleNotAllowed,
    StatementRevoked,
    TokenExpired,
    TokenNotYetValid,
    UnknownRoot,
    WrongRequest,
    sign_coordinator_request,
    sign_staff_statement,
    verify_coordinator_request,
)
from teduh_crypto.credentials.coordinator_request import _binding
from teduh_crypto.credentials.json_web_token import TokenType

REQUEST = CoordinatorRequest("https://relay.example", "PUT", "/v1/revocations", b'{"list":"..."}')


def test_a_request_that_the_root_signed_is_taken(organisation: StaffedOrganisation) -> None:
    token = sign_coordinator_request(REQUEST, organisation.authority, now=NOW)
    assert len(verify_coordinator_request(token, REQUEST, organisation.verifier(), now=NOW)) == 32


def test_every_request_has_an_id_of_its_own(organisation: StaffedOrganisation) -> None:
    first, second = (sign_coordinator_request(REQUEST, organisation.authority, now=NOW) for _ in range(2))
    verifier = organisation.verifier()
    assert verify_coordinator_request(first, REQUEST, verifier, now=NOW) != verify_coordinator_request(
        second, REQUEST, verifier, now=NOW
    )


@pytest.mark.parametrize(
    "change",
    [{"origin": "https://evil.example"}, {"method": "GET"}, {"target": "/v1/other"}, {"body": b"{}"}],
    ids=str,
)
def test_a_token_for_another_request_is_refused(
    organisation: StaffedOrganisation, change: dict[str, str]
) -> None:
    token = sign_coordinator_request(REQUEST, organisation.authority, now=NOW)
    other = replace(REQUEST, **change)  # type: ignore[arg-type]  # any field
    with pytest.raises(WrongRequest):
        verify_coordinator_request(token, other, organisation.verifier(), now=NOW)


def test_a_token_is_good_for_a_minute_and_a_slow_clock(organisation: StaffedOrganisation) -> None:
    token = sign_coordinator_request(REQUEST, organisation.authority, now=NOW)
    verify_coordinator_request(token, REQUEST, organisation.verifier(), now=NOW + 89)
    with pytest.raises(TokenExpired):
        verify_coordinator_request(token, REQUEST, organisation.verifier(), now=NOW + 90)
    with pytest.raises(TokenNotYetValid):
        verify_coordinator_request(token, REQUEST, organisation.verifier(), now=NOW - 31)


def test_a_token_that_lasts_longer_is_refused(organisation: StaffedOrganisation) -> None:
    claims = {**_binding(REQUEST), "jti": "x", "iat": NOW, "exp": NOW + 61}
    token = organisation.authority.sign(TokenType.COORDINATOR, claims)
    with pytest.raises(MalformedToken):
        verify_coordinator_request(token, REQUEST, organisation.verifier(), now=NOW)


def test_an_issuer_may_ask_until_it_is_revoked(
    organisation: StaffedOrganisation, device: Ed25519PrivateKey
) -> None:
    token = sign_coordinator_request(REQUEST, organisation.appoint_issuer(device), now=NOW)
    verify_coordinator_request(token, REQUEST, organisation.verifier(), now=NOW)
    revocations = organisation.revocations.revoking(statements=["issuer-statement"], now=NOW)
    with pytest.raises(StatementRevoked):
        verify_coordinator_request(token, REQUEST, organisation.verifier(revocations), now=NOW)


def test_a_counselor_may_not_ask(organisation: StaffedOrganisation, device: Ed25519PrivateKey) -> None:
    statement = sign_staff_statement(organisation.describe(device), organisation.authority)
    authority = replace(organisation.authority, key=device, issuer_statement=statement)
    token = sign_coordinator_request(REQUEST, authority, now=NOW)
    with pytest.raises(RoleNotAllowed):
        verify_coordinator_request(token, REQUEST, organisation.verifier(), now=NOW)


def test_a_stranger_may_not_ask(organisation: StaffedOrganisation) -> None:
    token = sign_coordinator_request(REQUEST, StaffedOrganisation(id=organisation.id).authority, now=NOW)
    with pytest.raises(UnknownRoot):
        verify_coordinator_request(token, REQUEST, organisation.verifier(), now=NOW)
