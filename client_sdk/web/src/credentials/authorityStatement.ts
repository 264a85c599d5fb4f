/**
 * The authority statement: who may sign for the organisation now, and which revocation lists count.
 *
 *     header   { "alg": "EdDSA", "typ": "teduh-authority+jwt" }
 *     claims   iss, iat, exp      at most 8 days apart where there are issuers, 92 where only the root signs
 *              version            grows with every statement
 *              issuers            `jti`s of the issuers' statements that count
 *              least              the least version of a revocation list that counts
 *
 * Only the root key signs it. A revocation list or a staff statement that is signed by an issuer counts only where that
 * issuer's statement is listed. Whoever has never seen a list before thereby learns that an issuer is revoked, although
 * the list it is shown, signed by that very issuer, does not say so.
 *
 * Limitation: a relay can go on showing an older authority statement until it expires. Together with a stolen issuer's
 * key it deceives those who have not seen a newer one, for 8 days at most.
 */

import {
  AuthorityStatementRollback,
  AuthorityStatementStale,
  IssuerNotListed,
  RevocationListRollback,
  TokenNotYetValid,
} from "./exceptions.ts"
import type { Claims } from "./jsonWebToken.ts"
import { containsAll, type RevocationList } from "./revocation.ts"
import { CLOCK_ALLOWANCE, IDENTIFIER, type StaffStatement } from "./staffStatement.ts"

/** Seconds, where there are issuers. */
const VALIDITY = 8 * 24 * 3600
/** Seconds, where only the root key signs. */
const ROOT_ONLY_VALIDITY = 92 * 24 * 3600
const MAX_ISSUERS = 64

/** What an authority statement says. Times in seconds since 1970. */
export interface AuthorityStatement {
  readonly organisationId: string
  readonly version: number
  readonly issued: number
  readonly expires: number
  /** The `jti`s of the issuers' statements that count. */
  readonly issuers: ReadonlySet<string>
  /** The least version of a revocation list that counts. */
  readonly least: number
}

/** An authority statement from its verified claims; throws `MalformedToken`. */
export function readAuthorityStatement(claims: Claims): AuthorityStatement {
  const statement: AuthorityStatement = {
    organisationId: claims.text("iss", IDENTIFIER),
    version: claims.integer("version"),
    issued: claims.integer("iat"),
    expires: claims.integer("exp"),
    issuers: new Set(claims.texts("issuers", IDENTIFIER, MAX_ISSUERS)),
    least: claims.integer("least"),
  }
  const validity = statement.expires - statement.issued
  if (validity <= 0 || validity > (statement.issuers.size > 0 ? VALIDITY : ROOT_ONLY_VALIDITY))
    throw claims.malformed("valid for no more than 8 days, or 92 where only the root signs")
  return statement
}

/** Throws `AuthorityStatementStale`, or `TokenNotYetValid` for one from the future; `now` in seconds since 1970. */
export function checkStatementFresh(statement: AuthorityStatement, now: number): void {
  if (now >= statement.expires) throw new AuthorityStatementStale("the authority statement has expired")
  if (now < statement.issued - CLOCK_ALLOWANCE)
    throw new TokenNotYetValid("the authority statement is dated in the future")
}

/** Throws `IssuerNotListed` unless this issuer's statement is listed. */
export function checkIssuer(statement: AuthorityStatement, issuer: StaffStatement): void {
  if (!statement.issuers.has(issuer.statementId)) throw new IssuerNotListed("the root does not list this issuer")
}

/** Throws `RevocationListRollback` for a list below the least version. */
export function checkLeastVersion(statement: AuthorityStatement, revocations: RevocationList): void {
  if (revocations.version < statement.least)
    throw new RevocationListRollback("the list is older than the authority statement allows")
}

/** Throws `AuthorityStatementRollback` if `offered` must not take the place of `held`. */
export function checkStatementSuccession(held: AuthorityStatement, offered: AuthorityStatement): void {
  if (offered.version < held.version || (offered.version === held.version && !areSame(offered, held)))
    throw new AuthorityStatementRollback("the authority statement is older than the one held, or contradicts it")
}

function areSame(statement: AuthorityStatement, other: AuthorityStatement): boolean {
  return (
    statement.issued === other.issued &&
    statement.expires === other.expires &&
    statement.least === other.least &&
    containsAll(statement.issuers, other.issuers) &&
    containsAll(other.issuers, statement.issuers)
  )
}
