"""Who may be believed: statements against the pinned root key and the newest revocation list.

A revocation list counts under an authority statement, by which the root says which issuers and which lists
count; the two are taken into force together.

A signature is verified once per token and remembered, for a statement comes again with every roster; its
times, the revocation list and the authority statement are looked at every time.
"""

from __future__ import annotations

import hmac
from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final

from teduh_crypto.credentials.authority import split_chain
from teduh_crypto.credentials.authority_statement import (
    AuthorityStatement,
    check_authority_succession,
    read_authority_statement,
)
from teduh_crypto.credentials.exceptions import (
    AuthorityStatementStale,
    RevocationListStale,
    RoleNotAllowed,
    UnknownRoot,
    WrongConfirmationKey,
    WrongOrganisation,
)
from teduh_crypto.credentials.json_web_token import (
    MAX_TOKEN_LENGTH,
    Claims,
    TokenType,
    load_public_key,
    unverified_claims,
    verify_token,
)
from teduh_crypto.credentials.revocation import (
    MAX_LIST_LENGTH,
    RevocationList,
    check_succession,
    read_revocations,
)
from teduh_crypto.credentials.staff_statement import (
    IDENTIFIER,
    STAFF_ROLES,
    Role,
    StaffStatement,
    read_staff_statement,
)

_ISSUER_ONLY: Final = frozenset({Role.ISSUER})
_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True)
class _Trust:
    """An authority statement, and a revocation list that counts under it."""

    authority: AuthorityStatement
    revocations: RevocationList
    issuer: StaffStatement | None
    """Who signed the list; None for the root."""

    def check_time(self, now: int) -> None:
        """Raises `RevocationListStale`, `TokenNotYetValid`, or `StatementExpired` for the issuer's statement;
        `now` in seconds since 1970.
        """
        self.authority.check_fresh(now)
        self.revocations.check_fresh(now)
        if self.issuer is not None:
            self.issuer.check_time(now)

    @property
    def issued(self) -> int:
        """When the newer of the two was signed, in seconds since 1970."""
        return max(self.authority.issued, self.revocations.issued)


class StatementVerifier:
    """Verifies what is signed in the name of one organisation.

    Holds the newest authority statement and the newest revocation list that it has seen.
    """

    __slots__ = ("_authority", "_list_issuer", "_read", "_revocations", "organisation_id", "root_public_key")

    def __init__(
        self,
        root_public_key: bytes,
        organisation_id: str,
        revocations: RevocationList | None = None,
        authority: AuthorityStatement | None = None,
    ) -> None:
        """Pin the root key (32 bytes, Ed25519); raises `MalformedToken` for what may be none.

        Without a list and an authority statement, every statement is refused until both are adopted.
        """
        load_public_key(root_public_key)
        for held in (revocations, authority):
            if held is not None and held.organisation_id != organisation_id:
                raise WrongOrganisation(
                    "the revocation list or authority statement is another organisation's"
                )
        self.root_public_key: Final = root_public_key
        self.organisation_id: Final = organisation_id
        self._revocations = revocations
        self._authority = authority
        self._list_issuer: StaffStatement | None = None
        self._read = lru_cache(_REMEMBERED)(partial(read_staff_statement, organisation_id=organisation_id))

    @property
    def revocations(self) -> RevocationList | None:
        """The list in force, which may have become stale."""
        return self._revocations

    @property
    def authority(self) -> AuthorityStatement | None:
        """The authority statement in force, which may have expired."""
        return self._authority

    @property
    def issued(self) -> int | None:
        """When the newer of list and authority statement in force was signed, in seconds since 1970."""
        return max((held.issued for held in (self._revocations, self._authority) if held), default=None)

    @property
    def expires(self) -> int | None:
        """Until when both the list and the authority statement in force are fresh, in seconds since 1970."""
        return min((held.expires for held in (self._revocations, self._authority) if held), default=None)

    def check_fresh(self, now: int) -> None:
        """Raises `RevocationListStale` or `TokenNotYetValid` unless the list and the authority statement in
        force are fresh at `now` (seconds since 1970).
        """
        if self._revocations is None:
            raise RevocationListStale("there is no revocation list")
        if self._authority is None:
            raise AuthorityStatementStale("there is no authority statement")
        self._authority.check_fresh(now)
        self._revocations.check_fresh(now)

    def verify(
        self,
        statement: str,
        issuer_statement: str | None = None,
        *,
        now: int,
        device_key: bytes | None = None,
        roles: Set[Role] = STAFF_ROLES,
        allow_stale_list: bool = False,
    ) -> StaffStatement:
        """What `statement` says, if it is to be believed at `now` (seconds since 1970).

        `device_key`, if given, must be the key that the statement confirms. `allow_stale_list` is for those
        already in a conversation: a stale list or authority statement bars new ones, but does not end those
        that go on.

        The statement's validity must lie within its issuer's: an issuer cannot vouch for longer than the root
        vouches for the issuer. An issuer's revocation thus ends all that it signed.

        Raises a `CredentialError`: `MalformedStatement`, `WrongTokenType`, `UnknownRoot`,
        `WrongOrganisation`, `StatementExpired`, `StatementNotYetValid`, `StatementRevoked`,
        `IssuerNotListed`, `RevocationListStale`, `AuthorityStatementStale`, `RoleNotAllowed`,
        `WrongConfirmationKey`.
        """
        if not allow_stale_list:
            self.check_fresh(now)
        elif self._revocations is None:
            raise RevocationListStale("there is no revocation list")
        if issuer_statement is None:
            verified = self._valid(statement, self.root_public_key, now)
        else:
            issuer = self._listed(self._issuer(issuer_statement, now))
            verified = self._valid(statement, issuer.device_key, now)
            _check_within(verified, issuer)
        if verified.role not in roles:
            raise RoleNotAllowed(f"the role {verified.role} may not do this")
        if device_key is not None and not hmac.compare_digest(verified.device_key, device_key):
            raise WrongConfirmationKey("the statement confirms another key")
        return verified

    def adopt_revocations(self, text: str, authority: str | None = None, *, now: int) -> RevocationList:
        """Take a newer revocation list into force, and the authority statement that came with it; returns the
        list. Without `authority`, the list must count under the statement held.

        Raises a `CredentialError`: `MalformedToken`, `WrongTokenType`, `UnknownRoot`, `WrongOrganisation`,
        `RevocationListStale`, `AuthorityStatementStale`, `TokenNotYetValid`, `RevocationListRollback`,
        `AuthorityStatementRollback`, `IssuerNotListed`, or the reason why its issuer is not believed.
        """
        offered = self._offered(text, authority, now)
        self._hold(offered)
        return offered.revocations

    def check_revocations(
        self, text: str, authority: str | None = None, *, now: int
    ) -> tuple[RevocationList, AuthorityStatement]:
        """What `adopt_revocations` would take into force; nothing is. Raises the same."""
        offered = self._offered(text, authority, now)
        return offered.revocations, offered.authority

    def resume_revocations(self, text: str, authority: str | None = None) -> RevocationList:
        """Hold a list and an authority statement that were in force before, and may be stale by now; returns
        the list.

        What it revokes stays revoked, and an issuer's next list must hold it. That nobody new is believed by
        a stale list, or without an authority statement, remains. Raises a `CredentialError`, as
        `adopt_revocations` does but for its age.
        """
        if authority is not None or self._authority is not None:
            trust = self._offered(text, authority, None)
            self._hold(trust)
            return trust.revocations
        # It was kept by a release that knew no authority statements.
        offered, issuer = self._list(text)
        if self._revocations is not None:
            check_succession(self._revocations, offered, by_root=issuer is None)
        self._revocations, self._list_issuer = offered, issuer
        return offered

    def signed_at(self, text: str, authority: str | None = None) -> int:
        """When the newer of a list and its authority statement was signed, in seconds since 1970.

        Both may be stale by now; nothing is taken into force. Raises a `CredentialError`, as
        `adopt_revocations` does but for their age.
        """
        return self._offered(text, authority, None).issued

    def read_authority(self, text: str) -> AuthorityStatement:
        """What an authority statement of the root's says, though it may have expired; nothing is taken into
        force. Raises a `CredentialError`.
        """
        claims = verify_token(text, TokenType.AUTHORITY, self.root_public_key)
        self._check_organisation(claims)
        return read_authority_statement(claims)

    def read_revocations(self, text: str) -> RevocationList:
        """What a revocation list says that was good when it was issued, though it may be stale by now.

        For a coordinator to go on from; nothing is taken into force. Raises a `CredentialError`.
        """
        revocations, issuer = self._list(text)
        if issuer is not None and self._authority is not None:
            self._authority.check_issuer(issuer)
        return revocations

    def verified_claims(self, text: str, token_type: TokenType, *, now: int) -> Claims:
        """The claims of a token that the root, or an issuer believed at `now`, signed for this purpose.

        The revocation list and the authority statement may be stale: a coordinator must be able to put fresh
        ones. Raises a `CredentialError`.
        """
        claims, issuer = self._verified(text, token_type, now, MAX_TOKEN_LENGTH)
        if issuer is not None:
            self._listed(issuer)
        return claims

    def _offered(self, text: str, authority: str | None, now: int | None) -> _Trust:
        """A list and its authority statement that may take the place of those held; their age is looked at
        unless `now` is None.
        """
        stated = self._authority if authority is None else self.read_authority(authority)
        if stated is None:
            raise AuthorityStatementStale("there is no authority statement")
        offered = _Trust(stated, *self._list(text))
        if now is not None:
            offered.check_time(now)
        self._check_succession(offered)
        return offered

    def _check_succession(self, offered: _Trust) -> None:
        if self._authority is not None:
            check_authority_succession(self._authority, offered.authority)
        if offered.issuer is not None:
            offered.authority.check_issuer(offered.issuer)
        offered.authority.check_list(offered.revocations)
        if self._revocations is not None and not self._is_disowned(offered.authority):
            check_succession(self._revocations, offered.revocations, by_root=offered.issuer is None)

    def _is_disowned(self, authority: AuthorityStatement) -> bool:
        """Whether the list held was signed by an issuer whom the root lists no more: any that counts succeeds
        it, for the thief of a key may have dated it ahead.
        """
        return self._list_issuer is not None and self._list_issuer.statement_id not in authority.issuers

    def _hold(self, trust: _Trust) -> None:
        self._authority, self._revocations = trust.authority, trust.revocations
        self._list_issuer = trust.issuer

    def _list(self, text: str) -> tuple[RevocationList, StaffStatement | None]:
        """A list that was good when it was issued, and the issuer that signed it."""
        asserted = unverified_claims(split_chain(text)[0], TokenType.REVOCATIONS, max_length=MAX_LIST_LENGTH)
        issued = asserted.integer("iat")
        claims, issuer = self._verified(text, TokenType.REVOCATIONS, issued, MAX_LIST_LENGTH)
        return read_revocations(claims), issuer

    def _verified(
        self, text: str, token_type: TokenType, now: int, max_length: int
    ) -> tuple[Claims, StaffStatement | None]:
        """The claims, and the issuer that signed them, whether or not the root lists it."""
        token, issuer_statement = split_chain(text)
        issuer = None if issuer_statement is None else self._issuer(issuer_statement, now)
        key = self.root_public_key if issuer is None else issuer.device_key
        claims = verify_token(token, token_type, key, max_length=max_length)
        self._check_organisation(claims)
        return claims, issuer

    def _check_organisation(self, claims: Claims) -> None:
        if claims.text("iss", IDENTIFIER) != self.organisation_id:
            raise WrongOrganisation("signed for another organisation")

    def _issuer(self, issuer_statement: str, now: int) -> StaffStatement:
        issuer = self._valid(issuer_statement, self.root_public_key, now)
        if issuer.role not in _ISSUER_ONLY:
            raise RoleNotAllowed("only an issuer may sign for the organisation")
        return issuer

    def _listed(self, issuer: StaffStatement) -> StaffStatement:
        """The issuer, if the root lists it still; raises `IssuerNotListed`, `AuthorityStatementStale`."""
        if self._authority is None:
            raise AuthorityStatementStale("there is no authority statement, and the root alone is believed")
        self._authority.check_issuer(issuer)
        return issuer

    def _valid(self, statement: str, signed_by: bytes, now: int) -> StaffStatement:
        """A statement signed by `signed_by`, within its time, and not on the list."""
        verified = self._read(statement, signed_by)
        verified.check_time(now)
        if self._revocations is not None:
            self._revocations.check(verified)
        return verified


def _check_within(statement: StaffStatement, issuer: StaffStatement) -> None:
    if statement.role is Role.ISSUER:
        raise RoleNotAllowed("an issuer cannot appoint issuers")
    if statement.not_before < issuer.not_before or statement.expires > issuer.expires:
        raise UnknownRoot("the statement reaches beyond its issuer's")
