"""Who is in the room: the authentication service of RFC 9420, 3, for a conversation.

MLS proves that each member holds its leaf's key; this says whose key that is. It is asked about the whole
roster before a client adopts an epoch, and it either knows everybody or raises:

    members of the epoch ──> exactly one anonymous member       the survivor
                             every other: a staff statement     root key ──> ... ──> this leaf's signature key
                             no statement twice                 minus the revocation list

A revocation list or authority statement that has gone stale bars everybody who was not in the verified roster
before; the conversation of those who were goes on. A revoked or ended statement, or one by an issuer whom the
root lists no more, ends it whatever the list's age.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Final, Protocol

from teduh_crypto.credentials import (
    STAFF_CREDENTIAL_TYPE,
    STAFF_ROLES,
    AnotherSurvivor,
    AuthorityStatement,
    DuplicateStatement,
    NoAnonymousMember,
    Organisation,
    RevocationList,
    Role,
    StaffStatement,
    StatementVerifier,
    TwoAnonymousMembers,
    UnknownCredentialType,
    decode_credential,
)
from teduh_crypto.credentials.json_web_token import TokenType, unverified_claims
from teduh_crypto.mls import BasicCredential, Credential, OpaqueCredential

ANONYMOUS_IDENTITY_LENGTH: Final = 16
"""Bytes of a survivor's random identity, fresh for each conversation."""


class RosterMember(Protocol):
    """A member as the MLS group shows it."""

    @property
    def leaf_index(self) -> int: ...
    @property
    def credential(self) -> Credential: ...
    @property
    def signature_key(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class SurvivorParticipant:
    """The one anonymous member."""

    leaf_index: int
    signature_key: bytes


@dataclass(frozen=True, slots=True)
class StaffParticipant:
    """A staff member whose statement was verified."""

    leaf_index: int
    signature_key: bytes
    statement: StaffStatement

    @property
    def name(self) -> str:
        """The working name, as the organisation vouches for it."""
        return self.statement.name

    @property
    def role(self) -> Role:
        """The role, as the organisation vouches for it."""
        return self.statement.role


Participant = SurvivorParticipant | StaffParticipant


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody in one epoch of a conversation, verified."""

    survivor: SurvivorParticipant
    staff: tuple[StaffParticipant, ...]

    def participant(self, leaf_index: int) -> Participant:
        """Who sits at a leaf; raises `KeyError` if nobody does."""
        everybody: tuple[Participant, ...] = (self.survivor, *self.staff)
        for participant in everybody:
            if participant.leaf_index == leaf_index:
                return participant
        raise KeyError(leaf_index)

    def joined_since(self, earlier: Roster) -> tuple[StaffParticipant, ...]:
        """The staff devices that are here and were not in `earlier`."""
        keys = {participant.signature_key for participant in earlier.staff}
        return tuple(participant for participant in self.staff if participant.signature_key not in keys)

    def left_since(self, earlier: Roster) -> tuple[StaffParticipant, ...]:
        """The staff devices that were in `earlier` and are not here."""
        return earlier.joined_since(self)


class AuthenticationService:
    """Verifies rosters for one organisation, whose root key is pinned."""

    __slots__ = ("_roles", "verifier")

    def __init__(self, verifier: StatementVerifier, roles: Set[Role] = STAFF_ROLES) -> None:
        """Believe what `verifier` believes, of staff in one of `roles`."""
        self.verifier: Final = verifier
        self._roles: Final = roles

    @classmethod
    def of(
        cls,
        organisation: Organisation,
        revocations: RevocationList | None = None,
        authority: AuthorityStatement | None = None,
    ) -> AuthenticationService:
        """The service for an organisation.

        Without a revocation list and an authority statement it refuses all staff until both are adopted.
        """
        verifier = StatementVerifier(organisation.root_public_key, organisation.id, revocations, authority)
        return cls(verifier)

    def adopt_revocations(self, text: str, authority: str | None = None, *, now: int) -> RevocationList:
        """Take a newer revocation list into force, and the authority statement that came with it; raises a
        `CredentialError` (see `StatementVerifier`).

        One that is dated in the future is none that a relay made up, but says that this device's clock is
        behind. It would protect nobody to refuse it: whoever has old lists can show one that looks fresh.
        """
        issued = self.verifier.signed_at(text, authority)
        return self.verifier.adopt_revocations(text, authority, now=max(now, issued))

    def time(self, now: int) -> int:
        """Seconds since 1970: `now` by this device's clock, or when the list or authority statement in force
        was signed if that is later, for a clock may be behind.
        """
        return max(now, self.verifier.issued or now)

    def verify(
        self,
        members: Iterable[RosterMember],
        *,
        now: int,
        survivor_key: bytes | None = None,
        previous: Roster | None = None,
    ) -> Roster:
        """The roster of an epoch, if everybody in it is known; `now` in seconds since 1970.

        `survivor_key` is the signature key that the anonymous member must have: for the survivor her own, for
        staff the one of the key package in the request. `previous` is the roster of the epoch before, if
        there was one; unless `survivor_key` says otherwise, the survivor must be the same as in it.

        Raises a `CredentialError`: `NoAnonymousMember`, `TwoAnonymousMembers`, `AnotherSurvivor`,
        `DuplicateStatement`, `UnknownCredentialType`, or what `StatementVerifier.verify` raises about one
        statement.
        """
        everybody = tuple(members)
        if survivor_key is None and previous is not None:
            survivor_key = previous.survivor.signature_key
        survivor = _survivor(everybody, survivor_key)
        staff = tuple(
            self.verify_staff(member, now=now, previous=previous)
            for member in everybody
            if member.leaf_index != survivor.leaf_index
        )
        if len({participant.statement.statement_id for participant in staff}) != len(staff):
            raise DuplicateStatement("two members show the same statement")
        return Roster(survivor, staff)

    def verify_staff(
        self, member: RosterMember, *, now: int, previous: Roster | None = None
    ) -> StaffParticipant:
        """One staff member, if her statement is to be believed and confirms her leaf's key.

        Raises as `verify` does.
        """
        credential = member.credential
        if (
            not isinstance(credential, OpaqueCredential)
            or credential.credential_type != STAFF_CREDENTIAL_TYPE
        ):
            raise UnknownCredentialType("the credential is neither anonymous nor a staff statement")
        statement, issuer_statement = decode_credential(credential.data)
        verified = self.verifier.verify(
            statement,
            issuer_statement,
            now=self._time_of(statement, now),
            device_key=member.signature_key,
            roles=self._roles,
            allow_stale_list=previous is not None and _was_there(previous, member),
        )
        return StaffParticipant(member.leaf_index, member.signature_key, verified)

    def _time_of(self, statement: str, now: int) -> int:
        """When to look at `statement`. Of a clock that is behind the list nobody knows how far behind it is:
        what was signed after the list has begun as well, as long as the list is good.
        """
        issued = self.verifier.issued
        if issued is None or now >= issued:
            return now
        begins = unverified_claims(statement, TokenType.STAFF).integer("nbf")
        return max(issued, begins)


def _survivor(members: Sequence[RosterMember], survivor_key: bytes | None) -> SurvivorParticipant:
    anonymous = [member for member in members if isinstance(member.credential, BasicCredential)]
    if not anonymous:
        raise NoAnonymousMember("nobody in the conversation is the survivor")
    if len(anonymous) > 1:
        raise TwoAnonymousMembers("more than one member is anonymous")
    (member,) = anonymous
    assert isinstance(member.credential, BasicCredential)
    if len(member.credential.identity) != ANONYMOUS_IDENTITY_LENGTH:
        raise UnknownCredentialType("an anonymous identity has 16 bytes")
    if survivor_key is not None and not hmac.compare_digest(member.signature_key, survivor_key):
        raise AnotherSurvivor("the anonymous member is somebody else")
    return SurvivorParticipant(member.leaf_index, member.signature_key)


def _was_there(previous: Roster, member: RosterMember) -> bool:
    return any(member.signature_key == participant.signature_key for participant in previous.staff)
