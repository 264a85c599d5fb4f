"""Staff prove the key in their statement; the relay keeps nothing of it beyond the connection.

Hello(nonce) -> Authenticate(statement, signature over origin and nonce) -> verified statement + possession
"""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from dataclasses import dataclass, field

from teduh_crypto.credentials import (
    CredentialError,
    ProofOfPossessionFailed,
    RevocationListStale,
    Role,
    StaffStatement,
    StatementExpired,
    StatementNotYetValid,
    StatementRevoked,
    StatementVerifier,
    TokenNotYetValid,
    device_id,
    verify_relay_authentication,
)
from teduh_signaling.relay.frames import Authenticate, ErrorCode


class AuthenticationRefused(Exception):
    """Why, as the Error frame says it; `detail` echoes nothing of the input. `begins`: when the statement
    begins, where by the relay's clock it has not yet; else 0.
    """

    def __init__(self, code: ErrorCode, detail: str, begins: int = 0) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.begins = begins


@dataclass(frozen=True, slots=True)
class StaffDevice:
    """A device that has proven its statement on this connection."""

    device_id: bytes
    expires: int
    statement: str = field(repr=False)
    issuer_statement: str | None = field(repr=False)
    person: bytes
    """The same for all devices of one person: 16 bytes, a hash of her pseudonymous id."""
    subject: str
    statement_id: str
    role: Role
    languages: tuple[str, ...]
    skills: tuple[str, ...]


class StaffAuthentication:
    """Verifies for one organisation, at the origins by which devices know this relay."""

    __slots__ = ("_origins", "_verifier")

    def __init__(self, verifier: StatementVerifier, *origins: str) -> None:
        self._verifier = verifier
        self._origins = origins

    def verify(self, frame: Authenticate, nonce: bytes) -> StaffDevice:
        """Raises AuthenticationRefused."""
        try:
            statement = self._believe(frame.statement, frame.issuer_statement)
            self._check_possession(statement.device_key, nonce, frame.signature)
        except CredentialError as error:
            raise _refusal(error) from error
        return StaffDevice(
            device_id(statement.device_key),
            statement.expires,
            frame.statement,
            frame.issuer_statement,
            hashlib.sha256(statement.subject.encode()).digest()[:16],
            statement.subject,
            statement.statement_id,
            statement.role,
            statement.languages,
            statement.skills,
        )

    def _check_possession(self, device_key: bytes, nonce: bytes, signature: bytes) -> None:
        for origin in self._origins[:-1]:
            with suppress(ProofOfPossessionFailed):
                verify_relay_authentication(device_key, origin, nonce, signature)
                return
        verify_relay_authentication(device_key, self._origins[-1], nonce, signature)

    def still_believed(self, staff: StaffDevice) -> None:
        """Look again, after a new revocation list; raises AuthenticationRefused."""
        try:
            self._believe(staff.statement, staff.issuer_statement)
        except CredentialError as error:
            raise _refusal(error) from error

    def may_begin_conversations(self) -> None:
        """Raises AuthenticationRefused (unavailable) when the revocation list is stale."""
        try:
            self._verifier.check_fresh(int(time.time()))
        except (RevocationListStale, TokenNotYetValid) as error:
            raise _refusal(error) from error

    def _believe(self, statement: str, issuer_statement: str | None) -> StaffStatement:
        # A stale list bars new conversations (`may_begin_conversations`), not the ones that go on.
        return self._verifier.verify(statement, issuer_statement, now=int(time.time()), allow_stale_list=True)


def _refusal(error: CredentialError) -> AuthenticationRefused:
    if isinstance(error, StatementExpired):
        return AuthenticationRefused(ErrorCode.STATEMENT_EXPIRED, "the statement or its issuer's has ended")
    if isinstance(error, StatementRevoked):
        return AuthenticationRefused(ErrorCode.STATEMENT_REVOKED, "the statement or its issuer's is revoked")
    if isinstance(error, StatementNotYetValid):
        detail = "statement_not_yet_valid: by this relay's clock it has not begun"
        return AuthenticationRefused(ErrorCode.AUTHENTICATION_FAILED, detail, error.begins)
    if isinstance(error, RevocationListStale):
        return AuthenticationRefused(
            ErrorCode.UNAVAILABLE, "the relay has no fresh revocation list, or authority statement"
        )
    # The class says which rule it was, and nothing of what was sent.
    return AuthenticationRefused(ErrorCode.AUTHENTICATION_FAILED, type(error).__name__)
