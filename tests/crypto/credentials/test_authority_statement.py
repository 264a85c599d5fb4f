"""The authority statement as the root makes it; what clients take of it is in the shared vectors."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.organisation.staffed_organisation import DAY, NOW, StaffedOrganisation, public_key
from teduh_crypto.credentials import (
    AUTHORITY_VALIDITY,
    ROOT_ONLY_VALIDITY,
    AuthorityStatementStale,
    IssuerNotListed,
    MalformedToken,
    StatementVerifier,
    UnknownRoot,
    next_authority_statement,
    sign_authority_statement,
    sign_revocation_list,
    sign_staff_statement,
    split_chain,
)
from teduh_crypto.credentials.json_web_token import TokenType


@pytest.fixture
def organisation() -> StaffedOrganisation:
    return StaffedOrganisation()


@pytest.fixture
def issuer() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def pinned(organisation: StaffedOrganisation) -> StatementVerifier:
    """A verifier that has seen nothing yet."""
    return StatementVerifier(public_key(organisation.root), organisation.id)


def test_statement_is_valid_for_8_days_with_issuers_and_92_without(organisation: StaffedOrganisation) -> None:
    for issuers, days in ((frozenset({"dewi"}), 8), (frozenset[str](), 92)):
        statement = next_authority_statement(None, organisation.id, issuers=issuers, least=1, now=NOW)
        assert statement.expires - statement.issued == days * DAY
        text = sign_authority_statement(statement, organisation.authority)
        assert pinned(organisation).read_authority(text) == statement
    assert (AUTHORITY_VALIDITY, ROOT_ONLY_VALIDITY) == (8 * DAY, 92 * DAY)


def test_version_rises_also_where_two_are_signed_in_one_second(organisation: StaffedOrganisation) -> None:
    first = organisation.stated
    second = next_authority_statement(
        first, first.organisation_id, issuers=frozenset(), least=0, now=NOW - DAY
    )
    third = next_authority_statement(second, first.organisation_id, issuers=frozenset(), least=0, now=NOW)
    assert first.version < second.version < third.version


def test_issuer_signs_no_statement(organisation: StaffedOrganisation, issuer: Ed25519PrivateKey) -> None:
    with pytest.raises(UnknownRoot):
        sign_authority_statement(organisation.stated, organisation.appoint_issuer(issuer))


def test_statement_that_nobody_would_take_is_not_signed(organisation: StaffedOrganisation) -> None:
    longer = replace(organisation.stated, expires=organisation.stated.expires + 1)
    with pytest.raises(MalformedToken):
        sign_authority_statement(longer, organisation.authority)


def test_64_issuers_fit_into_one_token(organisation: StaffedOrganisation) -> None:
    many = replace(organisation.stated, issuers=frozenset(f"{number:032x}" for number in range(64)))
    text = sign_authority_statement(many, organisation.authority)
    assert pinned(organisation).read_authority(text) == many


class TestIssuerWhomTheRootListsNoMore:
    """Whatever it signs counts no longer, though its own statement is good and no list revokes it."""

    @pytest.fixture
    def delisted(self, organisation: StaffedOrganisation) -> StatementVerifier:
        verifier = organisation.verifier()
        text = sign_revocation_list(organisation.revocations, organisation.authority)
        statement = replace(organisation.stated, version=organisation.stated.version + 1, issuers=frozenset())
        verifier.adopt_revocations(text, sign_authority_statement(statement, organisation.authority), now=NOW)
        return verifier

    def test_vouches_for_nobody(
        self, organisation: StaffedOrganisation, delisted: StatementVerifier, issuer: Ed25519PrivateKey
    ) -> None:
        authority = organisation.appoint_issuer(issuer)
        chain = split_chain(sign_staff_statement(organisation.describe(issuer), authority))
        organisation.verifier().verify(*chain, now=NOW)
        for allow_stale_list in (False, True):
            with pytest.raises(IssuerNotListed):
                delisted.verify(*chain, now=NOW, allow_stale_list=allow_stale_list)

    def test_invites_nobody_and_asks_nothing_of_a_relay(
        self, organisation: StaffedOrganisation, delisted: StatementVerifier, issuer: Ed25519PrivateKey
    ) -> None:
        text = organisation.appoint_issuer(issuer).sign(TokenType.COORDINATOR, {})
        organisation.verifier().verified_claims(text, TokenType.COORDINATOR, now=NOW)
        with pytest.raises(IssuerNotListed):
            delisted.verified_claims(text, TokenType.COORDINATOR, now=NOW)

    def test_gives_a_coordinator_no_list_to_go_on_from(
        self, organisation: StaffedOrganisation, delisted: StatementVerifier, issuer: Ed25519PrivateKey
    ) -> None:
        text = sign_revocation_list(organisation.revocations, organisation.appoint_issuer(issuer))
        with pytest.raises(IssuerNotListed):
            delisted.read_revocations(text)


class TestListOfAnEarlierRelease:
    """It has no authority statement: whom it revokes stays revoked, and by it nobody is believed."""

    def test_is_held_and_bars_whom_it_revokes(
        self, organisation: StaffedOrganisation, issuer: Ed25519PrivateKey
    ) -> None:
        verifier, authority = pinned(organisation), organisation.appoint_issuer(issuer)
        newer = organisation.revocations.revoking(subjects=["staff-9"], now=NOW)
        assert verifier.resume_revocations(sign_revocation_list(newer, authority)) == newer
        chain = split_chain(sign_staff_statement(organisation.describe(issuer), organisation.authority))
        with pytest.raises(AuthorityStatementStale):
            verifier.verify(*chain, now=NOW)
        # Those who are in a conversation go on.
        verifier.verify(*chain, now=NOW, allow_stale_list=True)
        issued = split_chain(sign_staff_statement(organisation.describe(issuer), authority))
        with pytest.raises(AuthorityStatementStale):
            verifier.verify(*issued, now=NOW, allow_stale_list=True)

    def test_is_succeeded_by_the_roots_next_list(self, organisation: StaffedOrganisation) -> None:
        verifier = pinned(organisation)
        verifier.resume_revocations(sign_revocation_list(organisation.revocations, organisation.authority))
        newer = organisation.revocations.revoking(now=NOW)
        text = sign_revocation_list(newer, organisation.authority)
        assert verifier.adopt_revocations(text, organisation.statement_at(NOW), now=NOW) == newer
