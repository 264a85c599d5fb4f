"""Who may be believed: statements against the pinned root key and the newest revocation list.

A signature is verified once per token and remembered, for a statement comes again with every roster; its
times and the revocation list are looked at every time.
"""

from __future__ import annotations

import hmac
from collections.abc import Set
from functools import lru_cache, partial
from typing import Final

from teduh_crypto.credentials.authority import split_chain
from teduh_crypto.credentials.exceptions import (
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


class StatementVerifier:
    """Verifies what is signed in the name of one organisation.

    Holds the newest revocation list that it has seen.
    """

    __slots__ = ("_read", "_revocations", "organisation_id", "root_public_key")

    def __init__(
        self, root_public_key: bytes, organisation_id: str, revocations: RevocationList | None = None
    ) -> None:
        """Pin the root key (32 bytes, Ed25519); raises `MalformedToken` for what may be none.

        Without a list, every statement is refused until one is adopted.
        """
        load_public_key(root_public_key)
        if revocations is not None and revocations.organisation_id != organisation_id:
            raise WrongOrganisation("the revocation list is another organisation's")
        self.root_public_key: Final = root_public_key
        self.organisation_id: Final = organisation_id
        self._revocations = revocations
        self._read = lru_cache(_REMEMBERED)(partial(read_staff_statement, organisation_id=organisation_id))

    @property
    def revocations(self) -> RevocationList | None:
        """The list in force, which may have become stale."""
        return self._revocations

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
        already in a conversation: a stale list bars new ones, but does not end those that go on.

        The statement's validity must lie within its issuer's: an issuer cannot vouch for longer than the root
        vouches for the issuer. An issuer's revocation thus ends all that it signed.

        Raises a `CredentialError`: `MalformedStatement`, `WrongTokenType`, `UnknownRoot`,
        `WrongOrganisation`, `StatementExpired`, `StatementNotYetValid`, `StatementRevoked`,
        `RevocationListStale`, `RoleNotAllowed`, `WrongConfirmationKey`.
        """
        self._check_list(now, allow_stale_list)
        if issuer_statement is None:
            verified = self._valid(statement, self.root_public_key, now)
        else:
            issuer = self._issuer(issuer_statement, now)
            verified = self._valid(statement, issuer.device_key, now)
            _check_within(verified, issuer)
        if verified.role not in roles:
            raise RoleNotAllowed(f"the role {verified.role} may not do this")
        if device_key is not None and not hmac.compare_digest(verified.device_key, device_key):
            raise WrongConfirmationKey("the statement confirms another key")
        return verified

    def adopt_revocations(self, text: str, *, now: int) -> RevocationList:
        """Take a newer revocation list into force; returns it.

        Raises a `CredentialError`: `MalformedToken`, `WrongTokenType`, `UnknownRoot`, `WrongOrganisation`,
        `RevocationListStale`, `TokenNotYetValid`, `RevocationListRollback`, or the reason why its issuer is
        not believed.
        """
        self._revocations = offered = self.check_revocations(text, now=now)
        return offered

    def check_revocations(self, text: str, *, now: int) -> RevocationList:
        """The list that `adopt_revocations` would take into force; nothing is. Raises the same."""
        claims, issuer_statement = self._verified(text, TokenType.REVOCATIONS, now, MAX_LIST_LENGTH)
        offered = read_revocations(claims)
        offered.check_fresh(now)
        if self._revocations is not None:
            check_succession(self._revocations, offered, by_root=issuer_statement is None)
        return offered

    def resume_revocations(self, text: str) -> RevocationList:
        """Hold a list that was in force before, and may be stale by now; returns it.

        What it revokes stays revoked, and an issuer's next list must hold it. That nobody new is believed by
        a stale list remains. Raises a `CredentialError`, as `adopt_revocations` does but for its age.
        """
        offered = self.read_revocations(text)
        if self._revocations is not None:
            check_succession(self._revocations, offered, by_root=split_chain(text)[1] is None)
        self._revocations = offered
        return offered

    def read_revocations(self, text: str) -> RevocationList:
        """What a revocation list says that was good when it was issued, though it may be stale by now.

        For a coordinator to go on from; nothing is taken into force. Raises a `CredentialError`.
        """
        asserted = unverified_claims(split_chain(text)[0], TokenType.REVOCATIONS, max_length=MAX_LIST_LENGTH)
        return read_revocations(
            self._verified(text, TokenType.REVOCATIONS, asserted.integer("iat"), MAX_LIST_LENGTH)[0]
        )

    def verified_claims(self, text: str, token_type: TokenType, *, now: int) -> Claims:
        """The claims of a token that the root, or an issuer believed at `now`, signed for this purpose.

        The revocation list may be stale: a coordinator must be able to put a fresh one. Raises a
        `CredentialError`.
        """
        return self._verified(text, token_type, now, MAX_TOKEN_LENGTH)[0]

    def _verified(
        self, text: str, token_type: TokenType, now: int, max_length: int
    ) -> tuple[Claims, str | None]:
        token, issuer_statement = split_chain(text)
        key = self.root_public_key
        if issuer_statement is not None:
            key = self._issuer(issuer_statement, now).device_key
        claims = verify_token(token, token_type, key, max_length=max_length)
        if claims.text("iss", IDENTIFIER) != self.organisation_id:
            raise WrongOrganisation("signed for another organisation")
        return claims, issuer_statement

    def _issuer(self, issuer_statement: str, now: int) -> StaffStatement:
        issuer = self._valid(issuer_statement, self.root_public_key, now)
        if issuer.role not in _ISSUER_ONLY:
            raise RoleNotAllowed("only an issuer may sign for the organisation")
        return issuer

    def _valid(self, statement: str, signed_by: bytes, now: int) -> StaffStatement:
        """A statement signed by `signed_by`, within its time, and not on the list."""
        verified = self._read(statement, signed_by)
        verified.check_time(now)
        if self._revocations is not None:
            self._revocations.check(verified)
        return verified

    def _check_list(self, now: int, allow_stale_list: bool) -> None:
        if self._revocations is None:
            raise RevocationListStale("there is no revocation list")
        if not allow_stale_list:
            self._revocations.check_fresh(now)


def _check_within(statement: StaffStatement, issuer: StaffStatement) -> None:
    if statement.role is Role.ISSUER:
        raise RoleNotAllowed("an issuer cannot appoint issuers")
    if statement.not_before < issuer.not_before or statement.expires > issuer.expires:
        raise UnknownRoot("the statement reaches beyond its issuer's")
