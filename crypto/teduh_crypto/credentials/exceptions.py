"""Why a staff member, a list or an invitation is not believed.

Each class is one reason, so that a client can say it plainly. All of them mean: refuse, and go on without.

    TeduhCryptoError
    └── CredentialError
        ├── MalformedToken                not a token of ours: shape, size, header or claims
        │   └── MalformedStatement        the same, of a staff statement
        ├── WrongTokenType                a good token, made for another purpose
        ├── WrongOrganisation             speaks for another organisation
        ├── UnknownRoot                   not signed under the pinned root key
        ├── WrongConfirmationKey          the statement is about another key than the one that is used
        ├── ProofOfPossessionFailed       the signature is not one by the device's key
        ├── TokenExpired
        │   └── StatementExpired
        ├── TokenNotYetValid
        │   └── StatementNotYetValid
        ├── StatementRevoked
        │   └── IssuerNotListed           its issuer is not among those whom the root lists
        ├── RoleNotAllowed                the role may not do this
        ├── RevocationListStale           the list is older than 24 h, or there is none
        │   └── AuthorityStatementStale   the same of the authority statement, without which no list counts
        ├── RevocationListRollback        the list is older than may be, or forgets what it may not
        │   └── AuthorityStatementRollback  the same of the authority statement
        ├── WrongDirectory                the directory is not the one that was signed
        ├── DirectoryRollback             the directory is older than one seen before, or contradicts it
        ├── WrongRequest                  a coordinator's token that was signed for another request
        ├── RosterError                   each member may be good; together they are not
        │   ├── NoAnonymousMember
        │   ├── TwoAnonymousMembers
        │   ├── AnotherSurvivor
        │   ├── DuplicateStatement
        │   └── UnknownCredentialType
        ├── WeakPassphrase
        ├── WrongPassphrase
        └── MalformedKeyFile
"""

from __future__ import annotations

from teduh_crypto.exceptions import TeduhCryptoError


class CredentialError(TeduhCryptoError):
    """Base of every reason not to believe."""


class MalformedToken(CredentialError):
    """The token does not parse, is too large, or has a header or claims that are not allowed."""


class MalformedStatement(MalformedToken):
    """The staff statement does not parse, is too large, or has a header or claims that are not allowed."""


class WrongTokenType(CredentialError):
    """The token's `typ` says that it was made for another purpose."""


class WrongOrganisation(CredentialError):
    """The token speaks for another organisation."""


class UnknownRoot(CredentialError):
    """The signature is not by the pinned root key, nor by an issuer whose statement the root signed."""


class WrongConfirmationKey(CredentialError):
    """The statement confirms another key than the one in use (RFC 7800)."""


class ProofOfPossessionFailed(CredentialError):
    """The signature was not made by the device's key over what was asked."""


class TokenExpired(CredentialError):
    """The time is after the token's `exp`."""


class StatementExpired(TokenExpired):
    """The time is after the end of the statement, or of its issuer's."""


class TokenNotYetValid(CredentialError):
    """The time is before the token begins."""


class StatementNotYetValid(TokenNotYetValid):
    """The time is before the beginning of the statement, or of its issuer's: `begins`, seconds since 1970."""

    def __init__(self, detail: str, begins: int) -> None:
        super().__init__(detail)
        self.begins = begins


class StatementRevoked(CredentialError):
    """The statement, its device or its subject is on the revocation list; or its issuer's is."""


class IssuerNotListed(StatementRevoked):
    """The issuer who signed is not among those whom the root lists in the authority statement."""


class RoleNotAllowed(CredentialError):
    """The role of the statement may not do this."""


class RevocationListStale(CredentialError):
    """The revocation list is past its 24 hours, or there is none."""


class AuthorityStatementStale(RevocationListStale):
    """The authority statement has expired, or there is none."""


class RevocationListRollback(CredentialError):
    """The list is older than the one held or than the authority statement allows, differs from the one held
    under the same version, or drops what only the root may drop.
    """


class AuthorityStatementRollback(RevocationListRollback):
    """The authority statement is older than the one held, or differs from it under the same version."""


class WrongDirectory(CredentialError):
    """The directory is not the one that the statement is about."""


class DirectoryRollback(CredentialError):
    """The directory is older than the one held, or differs from it under the same version."""


class WrongRequest(CredentialError):
    """The coordinator's token was signed for another method, path, body or relay."""


class RosterError(CredentialError):
    """The members of a conversation do not fit together."""


class NoAnonymousMember(RosterError):
    """Nobody in the conversation is the survivor."""


class TwoAnonymousMembers(RosterError):
    """More than one member is anonymous: one of them is not the survivor."""


class AnotherSurvivor(RosterError):
    """The anonymous member is not the survivor who asked for help."""


class DuplicateStatement(RosterError):
    """Two members show the same statement."""


class UnknownCredentialType(RosterError):
    """A member's credential is neither anonymous nor a staff statement."""


class WeakPassphrase(CredentialError):
    """The passphrase is too short or too uniform to protect a root key."""


class WrongPassphrase(CredentialError):
    """The key file does not open: another passphrase, or the file was changed."""


class MalformedKeyFile(CredentialError):
    """The file is not a sealed key of this version."""
