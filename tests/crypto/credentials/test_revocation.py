"""Revocation lists: fresh, ever newer, and shortened by nobody but the root."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.organisation.staffed_organisation import DAY, NOW, StaffedOrganisation, public_key
from teduh_crypto.credentials import (
    Authority,
    MalformedToken,
    RevocationList,
    RevocationListRollback,
    RevocationListStale,
    StatementRevoked,
    StatementVerifier,
    TokenNotYetValid,
    UnknownRoot,
    WrongOrganisation,
    first_revocation_list,
    sign_revocation_list,
)


def revoking(organisation: StaffedOrganisation, *statements: str) -> RevocationList:
    return organisation.revocations.revoking(statements=statements, now=NOW)


def test_an_adopted_list_is_in_force(organisation: StaffedOrganisation) -> None:
    verifier = organisation.verifier()
    newer = revoking(organisation, "lost")
    assert verifier.adopt_revocations(sign_revocation_list(newer, organisation.authority), now=NOW) == newer
    assert verifier.revocations == newer


def test_the_next_list_keeps_what_was_revoked(
    organisation: StaffedOrganisation, device: Ed25519PrivateKey
) -> None:
    first = organisation.revocations.revoking(
        statements=["a"], subjects=["b"], devices=[public_key(device)], now=NOW
    )
    second = first.revoking(now=NOW + DAY)
    assert second.includes(first)
    assert (second.version, second.issued, second.expires) == (NOW + DAY, NOW + DAY, NOW + 2 * DAY)


def test_a_first_list_needs_none_before(organisation: StaffedOrganisation) -> None:
    verifier = StatementVerifier(public_key(organisation.root), organisation.id)
    text = sign_revocation_list(organisation.revocations, organisation.authority)
    assert verifier.adopt_revocations(text, organisation.statement_at(NOW), now=NOW).version == 1


def test_the_same_list_again_is_no_rollback(organisation: StaffedOrganisation) -> None:
    text = sign_revocation_list(organisation.revocations, organisation.authority)
    verifier = organisation.verifier()
    verifier.adopt_revocations(text, now=NOW)
    verifier.adopt_revocations(text, now=NOW)


def test_an_older_list_is_refused(organisation: StaffedOrganisation) -> None:
    verifier = organisation.verifier(revoking(organisation, "lost"))
    older = sign_revocation_list(organisation.revocations, organisation.authority)
    with pytest.raises(RevocationListRollback):
        verifier.adopt_revocations(older, now=NOW)
    assert verifier.revocations == revoking(organisation, "lost")


def test_two_lists_of_one_version_are_refused(organisation: StaffedOrganisation) -> None:
    verifier = organisation.verifier(revoking(organisation, "lost"))
    other = sign_revocation_list(revoking(organisation, "stolen"), organisation.authority)
    with pytest.raises(RevocationListRollback):
        verifier.adopt_revocations(other, now=NOW)


def test_a_stale_list_is_not_adopted(organisation: StaffedOrganisation) -> None:
    text = sign_revocation_list(organisation.revocations, organisation.authority)
    with pytest.raises(RevocationListStale):
        organisation.verifier().adopt_revocations(text, now=NOW + DAY)


def test_a_list_from_the_future_is_not_adopted(organisation: StaffedOrganisation) -> None:
    text = sign_revocation_list(first_revocation_list(organisation.id, now=NOW + 301), organisation.authority)
    with pytest.raises(TokenNotYetValid):
        organisation.verifier().adopt_revocations(text, now=NOW)


def test_a_list_valid_for_longer_than_a_day_is_not_signed(organisation: StaffedOrganisation) -> None:
    lasting = replace(organisation.revocations, expires=NOW + DAY + 1)
    with pytest.raises(MalformedToken):
        sign_revocation_list(lasting, organisation.authority)


def test_another_root_cannot_revoke(organisation: StaffedOrganisation) -> None:
    stranger = StaffedOrganisation(id=organisation.id)
    text = sign_revocation_list(revoking(organisation, "x"), stranger.authority)
    with pytest.raises(UnknownRoot):
        organisation.verifier().adopt_revocations(text, now=NOW)


def test_the_same_root_cannot_revoke_for_another_organisation(organisation: StaffedOrganisation) -> None:
    other = first_revocation_list("another", now=NOW)
    text = sign_revocation_list(other, Authority("another", organisation.root))
    with pytest.raises(WrongOrganisation):
        organisation.verifier().adopt_revocations(text, now=NOW)


class TestIssuersList:
    """An issuer may renew the list and add to it."""

    @pytest.fixture
    def issuer(self, organisation: StaffedOrganisation, device: Ed25519PrivateKey) -> Authority:
        return organisation.appoint_issuer(device)

    def test_an_issuer_may_revoke(self, organisation: StaffedOrganisation, issuer: Authority) -> None:
        text = sign_revocation_list(revoking(organisation, "lost"), issuer)
        assert organisation.verifier().adopt_revocations(text, now=NOW).statements == {"lost"}

    def test_an_issuer_may_not_drop_an_entry(
        self, organisation: StaffedOrganisation, issuer: Authority
    ) -> None:
        held = revoking(organisation, "lost")
        text = sign_revocation_list(replace(held, version=held.version + 1, statements=frozenset()), issuer)
        with pytest.raises(RevocationListRollback):
            organisation.verifier(held).adopt_revocations(text, now=NOW)

    def test_the_root_may_drop_an_entry(self, organisation: StaffedOrganisation) -> None:
        held = revoking(organisation, "lost")
        text = sign_revocation_list(
            replace(held, version=held.version + 1, statements=frozenset()), organisation.authority
        )
        assert organisation.verifier(held).adopt_revocations(text, now=NOW).statements == frozenset()

    def test_a_revoked_issuer_cannot_pardon_itself(
        self, organisation: StaffedOrganisation, issuer: Authority
    ) -> None:
        held = revoking(organisation, "issuer-statement")
        text = sign_revocation_list(replace(held, version=held.version + 1, statements=frozenset()), issuer)
        with pytest.raises(StatementRevoked):
            organisation.verifier(held).adopt_revocations(text, now=NOW)


def test_a_long_list_fits(organisation: StaffedOrganisation) -> None:
    many = revoking(organisation, *(f"{n:032x}" for n in range(4096)))
    text = sign_revocation_list(many, organisation.authority)
    assert organisation.verifier().adopt_revocations(text, now=NOW) == many


def test_versions_follow_the_time_and_never_stand_still(organisation: StaffedOrganisation) -> None:
    first = organisation.revocations.revoking(now=NOW)
    assert first.version == NOW
    assert first.revoking(now=NOW).version == NOW + 1


def test_a_version_that_runs_ahead_of_the_time_is_refused(organisation: StaffedOrganisation) -> None:
    """Otherwise an issuer's stolen key could use up the versions, and the root never come after."""
    with pytest.raises(MalformedToken):
        sign_revocation_list(replace(organisation.revocations, version=NOW + 301), organisation.authority)


def test_two_lists_are_joined_without_losing_an_entry(organisation: StaffedOrganisation) -> None:
    ours, theirs = revoking(organisation, "ours"), revoking(organisation, "theirs").revoking(now=NOW)
    joined = ours.joined_with(theirs)
    assert joined.statements == {"ours", "theirs"}
    assert joined.version == theirs.version


def test_a_stale_list_is_read_as_it_was_when_it_was_issued(
    organisation: StaffedOrganisation, device: Ed25519PrivateKey
) -> None:
    stale = organisation.revocations.revoking(statements=["lost"], now=NOW)
    text = sign_revocation_list(stale, organisation.appoint_issuer(device))
    verifier = organisation.verifier()
    assert verifier.read_revocations(text) == stale
    assert verifier.revocations == organisation.revocations
    with pytest.raises(UnknownRoot):
        StaffedOrganisation(id=organisation.id).verifier().read_revocations(text)
