"""Whom a verifier believes: every reason to refuse, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.organisation.staffed_organisation import DAY, NOW, StaffedOrganisation, public_key
from teduh_crypto.credentials import (
    MalformedStatement,
    MalformedToken,
    RevocationListStale,
    Role,
    RoleNotAllowed,
    StatementExpired,
    StatementNotYetValid,
    StatementRevoked,
    StatementVerifier,
    UnknownRoot,
    WrongConfirmationKey,
    WrongOrganisation,
    sign_revocation_list,
    sign_staff_statement,
    split_chain,
)


@pytest.fixture
def statement(organisation: StaffedOrganisation, device: Ed25519PrivateKey) -> str:
    return sign_staff_statement(organisation.describe(device), organisation.authority)


def test_a_good_statement_is_believed(
    organisation: StaffedOrganisation, device: Ed25519PrivateKey, statement: str
) -> None:
    verified = organisation.verifier().verify(statement, now=NOW, device_key=public_key(device))
    assert verified == organisation.describe(device)


def test_an_unknown_root_is_refused(organisation: StaffedOrganisation, statement: str) -> None:
    with pytest.raises(UnknownRoot):
        StaffedOrganisation(id=organisation.id).verifier().verify(statement, now=NOW)


def test_another_confirmation_key_is_refused(organisation: StaffedOrganisation, statement: str) -> None:
    with pytest.raises(WrongConfirmationKey):
        organisation.verifier().verify(statement, now=NOW, device_key=bytes(32))


def test_an_expired_statement_is_refused_from_the_second_it_ends(
    organisation: StaffedOrganisation, statement: str
) -> None:
    verifier = organisation.verifier(
        replace(organisation.revocations, issued=NOW + DAY, expires=NOW + 2 * DAY)
    )
    verifier.verify(statement, now=NOW + DAY - 1)
    with pytest.raises(StatementExpired):
        verifier.verify(statement, now=NOW + DAY)


def test_a_statement_is_refused_until_the_second_it_begins(
    organisation: StaffedOrganisation, statement: str
) -> None:
    verifier = organisation.verifier(replace(organisation.revocations, issued=NOW - DAY // 2))
    verifier.verify(statement, now=NOW - 300)
    with pytest.raises(StatementNotYetValid):
        verifier.verify(statement, now=NOW - 301)


@pytest.mark.parametrize("by", ["statement", "subject", "device"])
def test_a_revoked_statement_is_refused(
    organisation: StaffedOrganisation, device: Ed25519PrivateKey, statement: str, by: str
) -> None:
    described = organisation.describe(device)
    revocations = {
        "statement": organisation.revocations.revoking(statements=[described.statement_id], now=NOW),
        "subject": organisation.revocations.revoking(subjects=[described.subject], now=NOW),
        "device": organisation.revocations.revoking(devices=[described.device_key], now=NOW),
    }[by]
    with pytest.raises(StatementRevoked):
        organisation.verifier(revocations).verify(statement, now=NOW)


def test_a_statement_that_was_believed_is_refused_once_it_is_revoked(
    organisation: StaffedOrganisation, statement: str
) -> None:
    """What is remembered is the signature, not the belief."""
    verifier = organisation.verifier()
    verifier.verify(statement, now=NOW)
    revocations = organisation.revocations.revoking(statements=["statement-1"], now=NOW)
    verifier.adopt_revocations(sign_revocation_list(revocations, organisation.authority), now=NOW)
    with pytest.raises(StatementRevoked):
        verifier.verify(statement, now=NOW)


def test_a_stale_list_bars_everybody(organisation: StaffedOrganisation, device: Ed25519PrivateKey) -> None:
    long = replace(organisation.describe(device), expires=NOW + 10 * DAY)
    statement = sign_staff_statement(long, organisation.authority)
    with pytest.raises(RevocationListStale):
        organisation.verifier().verify(statement, now=NOW + DAY)
    assert organisation.verifier().verify(statement, now=NOW + DAY, allow_stale_list=True) == long


def test_without_a_list_nobody_is_believed(organisation: StaffedOrganisation, statement: str) -> None:
    verifier = StatementVerifier(public_key(organisation.root), organisation.id)
    with pytest.raises(RevocationListStale):
        verifier.verify(statement, now=NOW, allow_stale_list=True)


def test_a_role_that_is_not_asked_for_is_refused(organisation: StaffedOrganisation, statement: str) -> None:
    with pytest.raises(RoleNotAllowed):
        organisation.verifier().verify(statement, now=NOW, roles=frozenset({Role.SUPERVISOR}))


def test_an_issuer_is_no_staff_member(organisation: StaffedOrganisation, device: Ed25519PrivateKey) -> None:
    issuer = organisation.appoint_issuer(device)
    assert issuer.issuer_statement is not None
    with pytest.raises(RoleNotAllowed):
        organisation.verifier().verify(issuer.issuer_statement, now=NOW)


class TestIssuer:
    """A chain of two: the root signs the issuer, the issuer signs the staff."""

    @pytest.fixture
    def issuer_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.generate()

    def test_what_an_issuer_signs_is_believed(
        self, organisation: StaffedOrganisation, device: Ed25519PrivateKey, issuer_key: Ed25519PrivateKey
    ) -> None:
        chain = sign_staff_statement(organisation.describe(device), organisation.appoint_issuer(issuer_key))
        assert organisation.verifier().verify(*split_chain(chain), now=NOW).name == "Sari"

    def test_without_the_issuers_statement_it_is_not(
        self, organisation: StaffedOrganisation, device: Ed25519PrivateKey, issuer_key: Ed25519PrivateKey
    ) -> None:
        chain = sign_staff_statement(organisation.describe(device), organisation.appoint_issuer(issuer_key))
        with pytest.raises(UnknownRoot):
            organisation.verifier().verify(split_chain(chain)[0], now=NOW)

    def test_a_counselor_cannot_be_an_issuer(
        self, organisation: StaffedOrganisation, device: Ed25519PrivateKey, issuer_key: Ed25519PrivateKey
    ) -> None:
        counselor = sign_staff_statement(organisation.describe(issuer_key), organisation.authority)
        authority = replace(organisation.authority, key=issuer_key, issuer_statement=counselor)
        chain = sign_staff_statement(organisation.describe(device, "another"), authority)
        with pytest.raises(RoleNotAllowed):
            organisation.verifier().verify(*split_chain(chain), now=NOW)

    def test_an_issuer_cannot_appoint_issuers(
        self, organisation: StaffedOrganisation, device: Ed25519PrivateKey, issuer_key: Ed25519PrivateKey
    ) -> None:
        second = replace(organisation.describe(device), role=Role.ISSUER)
        chain = sign_staff_statement(second, organisation.appoint_issuer(issuer_key))
        with pytest.raises(RoleNotAllowed):
            organisation.verifier().verify(*split_chain(chain), now=NOW, roles=frozenset(Role))

    def test_a_chain_of_three_is_refused(self) -> None:
        with pytest.raises(MalformedToken):
            split_chain("a.b.c~d.e.f~g.h.i")

    @pytest.mark.parametrize("change", [{"expires": NOW + 8 * DAY}, {"not_before": NOW - 301}], ids=str)
    def test_a_statement_cannot_reach_beyond_its_issuers(
        self,
        organisation: StaffedOrganisation,
        device: Ed25519PrivateKey,
        issuer_key: Ed25519PrivateKey,
        change: dict[str, int],
    ) -> None:
        reaching = replace(organisation.describe(device), **change)  # type: ignore[arg-type]  # times only
        chain = sign_staff_statement(reaching, organisation.appoint_issuer(issuer_key))
        with pytest.raises(UnknownRoot):
            organisation.verifier().verify(*split_chain(chain), now=NOW)

    def test_revoking_an_issuer_ends_all_that_it_signed(
        self, organisation: StaffedOrganisation, device: Ed25519PrivateKey, issuer_key: Ed25519PrivateKey
    ) -> None:
        chain = sign_staff_statement(organisation.describe(device), organisation.appoint_issuer(issuer_key))
        revocations = organisation.revocations.revoking(statements=["issuer-statement"], now=NOW)
        with pytest.raises(StatementRevoked):
            organisation.verifier(revocations).verify(*split_chain(chain), now=NOW)

    def test_an_issuer_of_another_root_is_refused(
        self, organisation: StaffedOrganisation, device: Ed25519PrivateKey, issuer_key: Ed25519PrivateKey
    ) -> None:
        other = StaffedOrganisation(id=organisation.id)
        chain = sign_staff_statement(organisation.describe(device), other.appoint_issuer(issuer_key))
        with pytest.raises(UnknownRoot):
            organisation.verifier().verify(*split_chain(chain), now=NOW)


def test_garbage_is_refused(organisation: StaffedOrganisation) -> None:
    with pytest.raises(MalformedStatement):
        organisation.verifier().verify("not a token", now=NOW)


def test_a_verifier_takes_only_its_own_organisations_list(organisation: StaffedOrganisation) -> None:
    with pytest.raises(WrongOrganisation):
        StatementVerifier(public_key(organisation.root), "another", organisation.revocations)


def test_a_root_key_has_32_bytes(organisation: StaffedOrganisation) -> None:
    with pytest.raises(MalformedToken):
        StatementVerifier(b"short", organisation.id)
