/**
 * The directory statement: the organisation's word that a directory of services is its own, and the newest.
 *
 *     header   { "alg": "EdDSA", "typ": "teduh-directory+jwt" }
 *     claims   iss, iat, exp      issued; at most 92 days later it counts no more
 *              version            grows with every directory, and never runs ahead of the time
 *              sha256             of the directory's bytes, base64url
 *
 * It is detached: the directory itself is another text, which whoever serves it can neither change nor mix with an older
 * one. The root key signs it, or an issuer that the root lists; an issuer's counts no longer than the issuer does.
 *
 * Limitation: whoever serves it can withhold a newer one from a reader who has seen none, until the older expires.
 */

import { areEqual, decodeBase64url, sha256 } from "../hazmat/bytes.ts"
import { DirectoryRollback, TokenExpired, TokenNotYetValid, WrongDirectory } from "./exceptions.ts"
import type { Claims } from "./jsonWebToken.ts"
import { CLOCK_ALLOWANCE } from "./staffStatement.ts"
import type { StatementVerifier } from "./statementVerifier.ts"

/** Seconds, at most. */
const VALIDITY = 92 * 24 * 3600
const DIGEST = /^[A-Za-z0-9_-]{43}$/

/** What a directory statement says. Times in seconds since 1970. */
export interface DirectoryStatement {
  readonly version: number
  readonly issued: number
  readonly expires: number
  /** Of the directory, 32 bytes. */
  readonly sha256: Uint8Array
}

export interface VerifyDirectoryOptions {
  /** Seconds since 1970. */
  readonly now: number
  /** What was believed before. */
  readonly held?: DirectoryStatement | undefined
}

/**
 * What `text` states of `content`, if it is to be believed now and after the one held.
 *
 * The revocation list and the authority statement may be stale, for she must find help elsewhere just then.
 *
 * Throws a `CredentialError`: `MalformedToken`, `WrongTokenType`, `UnknownRoot`, `WrongOrganisation`, `RoleNotAllowed`,
 * `StatementExpired`, `StatementNotYetValid`, `StatementRevoked`, `IssuerNotListed`, `AuthorityStatementStale`,
 * `TokenExpired`, `TokenNotYetValid`, `WrongDirectory`, `DirectoryRollback`.
 */
export async function verifyDirectory(
  text: string,
  content: Uint8Array,
  verifier: StatementVerifier,
  { now, held }: VerifyDirectoryOptions,
): Promise<DirectoryStatement> {
  const statement = read(await verifier.verifiedClaims(text, "teduh-directory+jwt", now))
  if (now >= statement.expires) throw new TokenExpired("the directory statement has expired")
  if (now < statement.issued - CLOCK_ALLOWANCE)
    throw new TokenNotYetValid("the directory statement is dated in the future")
  if (!areEqual(await sha256(content), statement.sha256))
    throw new WrongDirectory("the statement is about another directory")
  if (
    held !== undefined &&
    (statement.version < held.version || (statement.version === held.version && !areEqual(statement.sha256, held.sha256)))
  )
    throw new DirectoryRollback("the directory is older than the one held, or contradicts it")
  return statement
}

function read(claims: Claims): DirectoryStatement {
  const digest = decodeBase64url(claims.text("sha256", DIGEST))
  if (digest === undefined) throw claims.malformed("claim sha256 is not the one encoding of 32 bytes")
  const statement = {
    version: claims.integer("version"),
    issued: claims.integer("iat"),
    expires: claims.integer("exp"),
    sha256: digest,
  }
  const validity = statement.expires - statement.issued
  if (validity <= 0 || validity > VALIDITY) throw claims.malformed("valid for no more than 92 days")
  if (statement.version > statement.issued + CLOCK_ALLOWANCE) throw claims.malformed("the version runs ahead of the time")
  return statement
}
