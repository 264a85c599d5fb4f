/**
 * Why a staff member, a list or an invitation is not believed.
 *
 * Each class is one reason, so that a client can say it plainly. All of them mean: refuse, and go on without.
 *
 *     TeduhCryptoError
 *     └── CredentialError
 *         ├── MalformedToken                not a token of ours: shape, size, header or claims
 *         │   └── MalformedStatement        the same, of a staff statement
 *         ├── WrongTokenType                a good token, made for another purpose
 *         ├── WrongOrganisation             speaks for another organisation
 *         ├── UnknownRoot                   not signed under the pinned root key
 *         ├── WrongConfirmationKey          the statement is about another key than the one that is used
 *         ├── ProofOfPossessionFailed       the signature is not one by the device's key
 *         ├── TokenExpired
 *         │   └── StatementExpired
 *         ├── TokenNotYetValid
 *         │   └── StatementNotYetValid
 *         ├── StatementRevoked
 *         │   └── IssuerNotListed           its issuer is not among those whom the root lists
 *         ├── RoleNotAllowed                the role may not do this
 *         ├── RevocationListStale           the list is older than 24 h, or there is none
 *         │   └── AuthorityStatementStale   the same of the authority statement, without which no list counts
 *         ├── RevocationListRollback        the list is older than may be, or forgets what it may not
 *         │   └── AuthorityStatementRollback  the same of the authority statement
 *         ├── WrongDirectory                the directory is not the one that was signed
 *         ├── DirectoryRollback             the directory is older than one seen before, or contradicts it
 *         └── RosterError                   each member may be good; together they are not
 *             ├── NoAnonymousMember
 *             ├── TwoAnonymousMembers
 *             ├── AnotherSurvivor
 *             ├── DuplicateStatement
 *             └── UnknownCredentialType
 */

import { TeduhCryptoError } from "../cryptoErrors.ts"

/** Base of every reason not to believe. */
export class CredentialError extends TeduhCryptoError {}

/** The token does not parse, is too large, or has a header or claims that are not allowed. */
export class MalformedToken extends CredentialError {}

/** The staff statement does not parse, is too large, or has a header or claims that are not allowed. */
export class MalformedStatement extends MalformedToken {}

/** The token's `typ` says that it was made for another purpose. */
export class WrongTokenType extends CredentialError {}

/** The token speaks for another organisation. */
export class WrongOrganisation extends CredentialError {}

/** The signature is not by the pinned root key, nor by an issuer whose statement the root signed. */
export class UnknownRoot extends CredentialError {}

/** The statement confirms another key than the one in use (RFC 7800). */
export class WrongConfirmationKey extends CredentialError {}

/** The signature was not made by the device's key over what was asked. */
export class ProofOfPossessionFailed extends CredentialError {}

/** The time is after the token's `exp`. */
export class TokenExpired extends CredentialError {}

/** The time is after the end of the statement, or of its issuer's. */
export class StatementExpired extends TokenExpired {}

/** The time is before the token begins. */
export class TokenNotYetValid extends CredentialError {}

/** The time is before the statement begins, or its issuer's. */
export class StatementNotYetValid extends TokenNotYetValid {}

/** The statement, its subject or its device is on the revocation list; or its issuer's is. */
export class StatementRevoked extends CredentialError {}

/** The issuer who signed is not among those whom the root lists in the authority statement. */
export class IssuerNotListed extends StatementRevoked {}

/** The role of the statement may not do this. */
export class RoleNotAllowed extends CredentialError {}

/** The revocation list is past its 24 hours, or there is none. */
export class RevocationListStale extends CredentialError {}

/** The authority statement has expired, or there is none. */
export class AuthorityStatementStale extends RevocationListStale {}

/**
 * The list is older than the one held or than the authority statement allows, differs from the one held under the same
 * version, or drops what only the root may.
 */
export class RevocationListRollback extends CredentialError {}

/** The authority statement is older than the one held, or differs from it under the same version. */
export class AuthorityStatementRollback extends RevocationListRollback {}

/** The directory is not the one that the statement is about. */
export class WrongDirectory extends CredentialError {}

/** The directory is older than the one held, or differs from it under the same version. */
export class DirectoryRollback extends CredentialError {}

/** The members of a conversation do not fit together. */
export class RosterError extends CredentialError {}

/** Nobody in the conversation is the survivor. */
export class NoAnonymousMember extends RosterError {}

/** More than one member is anonymous: one of them is not the survivor. */
export class TwoAnonymousMembers extends RosterError {}

/** The anonymous member is not the survivor who asked for help. */
export class AnotherSurvivor extends RosterError {}

/** Two members show the same statement. */
export class DuplicateStatement extends RosterError {}

/** A member's credential is neither anonymous nor a staff statement. */
export class UnknownCredentialType extends RosterError {}
