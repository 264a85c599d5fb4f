"""Whom the authentication service lets be in the room: every refusal of the design, one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.organisation.staffed_organisation import DAY, NOW, StaffedOrganisation, public_key
from teduh_crypto.credentials import (
    STAFF_CREDENTIAL_TYPE,
    AnotherSurvivor,
    Authority,
    CredentialError,
    DuplicateStatement,
    MalformedStatement,
    NoAnonymousMember,
    RevocationList,
    RevocationListStale,
    Role,
    RoleNotAllowed,
    StaffStatement,
    StatementExpired,
    StatementNotYetValid,
    StatementRevoked,
    TwoAnonymousMembers,
    UnknownCredentialType,
    UnknownRoot,
    WrongConfirmationKey,
    encode_credential,
    sign_revocation_list,
    sign_staff_statement,
    split_chain,
)
from teduh_crypto.mls.credential import BasicCredential, Credential, OpaqueCredential, X509Credential
from teduh_sdk.trust.authentication_service import (
    AuthenticationService,
    StaffParticipant,
    SurvivorParticipant,
)


@dataclass(frozen=True)
class Member:
    """A member as an MLS group shows it."""

    leaf_index: int
    credential: Credential
    signature_key: bytes


SURVIVOR_KEY = bytes(range(32))
SURVIVOR = Member(0, BasicCredential(bytes(16)), SURVIVOR_KEY)
SARI = Ed25519PrivateKey.from_private_bytes(bytes(32))
DEWI = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)


@pytest.fixture(scope="module")
def organisation() -> StaffedOrganisation:
    return StaffedOrganisation()


def staff(
    leaf_index: int,
    key: Ed25519PrivateKey,
    statement: StaffStatement,
    authority: Authority,
) -> Member:
    """A staff member whose statement `authority` signed."""
    content = encode_credential(*split_chain(sign_staff_statement(statement, authority)))
    return Member(leaf_index, OpaqueCredential(STAFF_CREDENTIAL_TYPE, content), public_key(key))


@pytest.fixture
def sari(organisation: StaffedOrganisation) -> Member:
    return staff(1, SARI, organisation.describe(SARI, "sari"), organisation.authority)


@pytest.fixture
def dewi(organisation: StaffedOrganisation) -> Member:
    medic = replace(organisation.describe(DEWI, "dewi"), name="Dewi", role=Role.MEDIC)
    return staff(2, DEWI, medic, organisation.authority)


def service(
    organisation: StaffedOrganisation, revocations: RevocationList | None = None
) -> AuthenticationService:
    return AuthenticationService.of(
        organisation.public, revocations or organisation.revocations, organisation.stated
    )


class TestBelieved:
    """What a roster says when everybody is known."""

    def test_the_survivor_and_the_staff_are_told_apart(
        self, organisation: StaffedOrganisation, sari: Member, dewi: Member
    ) -> None:
        roster = service(organisation).verify([sari, SURVIVOR, dewi], now=NOW, survivor_key=SURVIVOR_KEY)
        assert roster.survivor == SurvivorParticipant(0, SURVIVOR_KEY)
        assert [(member.name, member.role) for member in roster.staff] == [
            ("Sari", Role.COUNSELOR),
            ("Dewi", Role.MEDIC),
        ]

    def test_leaf_0_is_found_as_any_other(self, organisation: StaffedOrganisation, sari: Member) -> None:
        """RFC 9420 counts leaves from 0, which Python takes for false."""
        first, second = replace(sari, leaf_index=0), replace(SURVIVOR, leaf_index=1)
        roster = service(organisation).verify([first, second], now=NOW)
        assert isinstance(roster.participant(0), StaffParticipant)
        assert roster.participant(1) is roster.survivor
        with pytest.raises(KeyError):
            roster.participant(2)

    def test_who_joined_and_who_left(
        self, organisation: StaffedOrganisation, sari: Member, dewi: Member
    ) -> None:
        before = service(organisation).verify([SURVIVOR, sari], now=NOW)
        after = service(organisation).verify([SURVIVOR, dewi], now=NOW, previous=before)
        assert [member.name for member in after.joined_since(before)] == ["Dewi"]
        assert [member.name for member in after.left_since(before)] == ["Sari"]

    def test_an_issuers_staff_is_believed(self, organisation: StaffedOrganisation) -> None:
        issuer = organisation.appoint_issuer(Ed25519PrivateKey.generate())
        member = staff(1, SARI, organisation.describe(SARI), issuer)
        assert service(organisation).verify([SURVIVOR, member], now=NOW).staff[0].name == "Sari"

    def test_one_person_may_be_there_with_two_devices(self, organisation: StaffedOrganisation) -> None:
        members = [
            staff(leaf, key, organisation.describe(key, f"statement-{leaf}"), organisation.authority)
            for leaf, key in ((1, SARI), (2, DEWI))
        ]
        assert len(service(organisation).verify([SURVIVOR, *members], now=NOW).staff) == 2


class TestStatementsRefused:
    """Each reason not to believe a staff member."""

    def refuse(
        self,
        organisation: StaffedOrganisation,
        member: Member,
        reason: type[CredentialError],
        now: int = NOW,
        revocations: RevocationList | None = None,
    ) -> None:
        with pytest.raises(reason):
            service(organisation, revocations).verify([SURVIVOR, member], now=now)

    def test_an_unknown_root(self, organisation: StaffedOrganisation) -> None:
        stranger = StaffedOrganisation(id=organisation.id)
        member = staff(1, SARI, stranger.describe(SARI), stranger.authority)
        self.refuse(organisation, member, UnknownRoot)

    def test_a_wrong_cnf(self, organisation: StaffedOrganisation, sari: Member) -> None:
        """Somebody else shows Sari's statement."""
        self.refuse(organisation, replace(sari, signature_key=public_key(DEWI)), WrongConfirmationKey)

    def test_expired(self, organisation: StaffedOrganisation, sari: Member) -> None:
        renewed = replace(organisation.revocations, version=2, issued=NOW + DAY, expires=NOW + 2 * DAY)
        self.refuse(organisation, sari, StatementExpired, now=NOW + DAY, revocations=renewed)

    def test_not_yet_valid(self, organisation: StaffedOrganisation) -> None:
        later = replace(organisation.describe(SARI), not_before=NOW + 1)
        self.refuse(organisation, staff(1, SARI, later, organisation.authority), StatementNotYetValid)

    def test_revoked(self, organisation: StaffedOrganisation, sari: Member) -> None:
        revocations = organisation.revocations.revoking(statements=["sari"], now=NOW)
        self.refuse(organisation, sari, StatementRevoked, revocations=revocations)

    def test_a_stale_revocation_list(self, organisation: StaffedOrganisation) -> None:
        lasting = replace(organisation.describe(SARI), expires=NOW + 10 * DAY)
        member = staff(1, SARI, lasting, organisation.authority)
        self.refuse(organisation, member, RevocationListStale, now=NOW + DAY)

    def test_no_revocation_list(self, organisation: StaffedOrganisation, sari: Member) -> None:
        with pytest.raises(RevocationListStale):
            AuthenticationService.of(organisation.public).verify([SURVIVOR, sari], now=NOW)

    def test_a_role_not_allowed(self, organisation: StaffedOrganisation) -> None:
        """An issuer takes part in no conversation."""
        issuer = replace(organisation.describe(SARI), role=Role.ISSUER)
        self.refuse(organisation, staff(1, SARI, issuer, organisation.authority), RoleNotAllowed)

    def test_a_role_that_the_application_does_not_allow(
        self, organisation: StaffedOrganisation, sari: Member
    ) -> None:
        only_medics = AuthenticationService(organisation.verifier(), frozenset({Role.MEDIC}))
        with pytest.raises(RoleNotAllowed):
            only_medics.verify([SURVIVOR, sari], now=NOW)

    @pytest.mark.parametrize("content", [b"", b"garbage", b"\xff", b"a~b~c", b"a" * 100_000])
    def test_garbage(self, organisation: StaffedOrganisation, content: bytes) -> None:
        member = Member(1, OpaqueCredential(STAFF_CREDENTIAL_TYPE, content), public_key(SARI))
        self.refuse(organisation, member, MalformedStatement)

    @pytest.mark.parametrize("credential", [OpaqueCredential(0x0A0A, b""), X509Credential((b"",))], ids=repr)
    def test_another_credential_type(self, organisation: StaffedOrganisation, credential: Credential) -> None:
        self.refuse(organisation, Member(1, credential, public_key(SARI)), UnknownCredentialType)


class TestRostersRefused:
    """Members who may each be good, and do not fit together."""

    def test_two_anonymous_members(self, organisation: StaffedOrganisation, sari: Member) -> None:
        ghost = Member(2, BasicCredential(bytes([1]) * 16), bytes(32))
        with pytest.raises(TwoAnonymousMembers):
            service(organisation).verify([SURVIVOR, sari, ghost], now=NOW)

    def test_no_anonymous_member(self, organisation: StaffedOrganisation, sari: Member) -> None:
        with pytest.raises(NoAnonymousMember):
            service(organisation).verify([sari], now=NOW)

    def test_nobody(self, organisation: StaffedOrganisation) -> None:
        with pytest.raises(NoAnonymousMember):
            service(organisation).verify([], now=NOW)

    def test_a_duplicate_statement(self, organisation: StaffedOrganisation, sari: Member) -> None:
        with pytest.raises(DuplicateStatement):
            service(organisation).verify([SURVIVOR, sari, replace(sari, leaf_index=2)], now=NOW)

    def test_somebody_else_as_the_survivor(self, organisation: StaffedOrganisation, sari: Member) -> None:
        with pytest.raises(AnotherSurvivor):
            service(organisation).verify([SURVIVOR, sari], now=NOW, survivor_key=bytes(32))

    def test_another_survivor_than_before(self, organisation: StaffedOrganisation, sari: Member) -> None:
        before = service(organisation).verify([SURVIVOR, sari], now=NOW)
        swapped = replace(SURVIVOR, signature_key=bytes(32))
        with pytest.raises(AnotherSurvivor):
            service(organisation).verify([swapped, sari], now=NOW, previous=before)

    def test_an_anonymous_identity_of_another_length(
        self, organisation: StaffedOrganisation, sari: Member
    ) -> None:
        named = replace(SURVIVOR, credential=BasicCredential(b"Counselor Sari"))
        with pytest.raises(UnknownCredentialType):
            service(organisation).verify([named, sari], now=NOW)


class TestGoingOn:
    """A stale list bars those who come, and does not end the conversation of those who are there."""

    @pytest.fixture
    def lasting(self, organisation: StaffedOrganisation) -> Member:
        statement = replace(organisation.describe(SARI, "sari"), expires=NOW + 10 * DAY)
        return staff(1, SARI, statement, organisation.authority)

    def test_those_who_were_there_go_on(self, organisation: StaffedOrganisation, lasting: Member) -> None:
        room = service(organisation)
        before = room.verify([SURVIVOR, lasting], now=NOW)
        assert room.verify([SURVIVOR, lasting], now=NOW + DAY, previous=before) == before

    def test_nobody_joins(self, organisation: StaffedOrganisation, lasting: Member) -> None:
        room = service(organisation)
        before = room.verify([SURVIVOR, lasting], now=NOW)
        statement = replace(organisation.describe(DEWI, "dewi"), expires=NOW + 10 * DAY)
        joining = staff(2, DEWI, statement, organisation.authority)
        with pytest.raises(RevocationListStale):
            room.verify([SURVIVOR, lasting, joining], now=NOW + DAY, previous=before)

    def test_who_is_revoked_meanwhile_is_refused(
        self, organisation: StaffedOrganisation, lasting: Member
    ) -> None:
        room = service(organisation)
        before = room.verify([SURVIVOR, lasting], now=NOW)
        revocations = organisation.revocations.revoking(statements=["sari"], now=NOW)
        room.adopt_revocations(sign_revocation_list(revocations, organisation.authority), now=NOW)
        with pytest.raises(StatementRevoked):
            room.verify([SURVIVOR, lasting], now=NOW, previous=before)


class TestClockThatIsBehind:
    """It shows by what the organisation has signed, and keeps nobody away."""

    def test_a_list_of_tomorrow_is_believed_and_says_what_time_it_is(
        self, organisation: StaffedOrganisation, sari: Member
    ) -> None:
        room = AuthenticationService.of(organisation.public)
        text = sign_revocation_list(organisation.revocations, organisation.authority)
        issued = organisation.revocations.issued
        stated = organisation.statement_at(NOW)
        assert room.adopt_revocations(text, stated, now=issued - 3 * DAY) == organisation.revocations
        assert room.time(issued - 3 * DAY) == issued
        assert room.time(issued + 60) == issued + 60
        # Her statement began two days ago, which is tomorrow by that clock.
        assert room.verify([SURVIVOR, sari], now=issued - 3 * DAY).staff

    def test_whoever_was_appointed_after_the_list_was_signed_is_believed_by_it_too(
        self, organisation: StaffedOrganisation
    ) -> None:
        """As long as the list is good: what it cannot say of her, it says of nobody."""
        room = service(organisation)
        issued, expires = organisation.revocations.issued, organisation.revocations.expires
        new = replace(organisation.describe(SARI), not_before=issued + 4 * 3600, expires=expires + DAY)
        assert room.verify(
            [SURVIVOR, staff(1, SARI, new, organisation.authority)], now=issued - 3 * DAY
        ).staff
        later = replace(new, not_before=expires)
        with pytest.raises(RevocationListStale):
            room.verify([SURVIVOR, staff(1, SARI, later, organisation.authority)], now=issued - 3 * DAY)

    def test_nobody_is_believed_by_it_for_longer_than_by_a_right_one(
        self, organisation: StaffedOrganisation
    ) -> None:
        room = service(organisation)
        over = replace(organisation.describe(SARI, "sari"), expires=organisation.revocations.issued)
        with pytest.raises(StatementExpired):
            room.verify([SURVIVOR, staff(1, SARI, over, organisation.authority)], now=NOW - 3 * DAY)

    def test_a_list_that_somebody_else_dated_says_nothing(self, organisation: StaffedOrganisation) -> None:
        room = service(organisation)
        later = replace(organisation.revocations, version=2, issued=NOW + DAY, expires=NOW + 2 * DAY)
        forged = sign_revocation_list(later, Authority(organisation.public.id, SARI))
        with pytest.raises(UnknownRoot):
            room.adopt_revocations(forged, now=NOW)
        assert room.time(NOW) == NOW
