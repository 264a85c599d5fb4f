/**
 * The revocation list: whom not to believe any more, signed anew every day.
 *
 *     header   { "alg": "EdDSA", "typ": "teduh-revocations+jwt" }
 *     claims   iss, iat, exp      issued; at most 24 h later stale
 *              version            grows with every list, and never runs ahead of the time
 *              statements         `jti`s
 *              subjects           staff ids: all their statements
 *              devices            base64url of SHA-256 of the device's key: all statements about it
 *
 * A list is never older than one seen before. An issuer may sign the daily list; such a list must hold all that the
 * list before it held, and its issuer must not be on that one. Only the root may drop an entry.
 *
 * A client that holds no earlier list cannot tell whether an issuer's list leaves somebody out. Therefore a list counts
 * only together with an authority statement of the root's (`authorityStatement.ts`).
 */

import {
  MalformedToken,
  RevocationListRollback,
  RevocationListStale,
  StatementRevoked,
  TokenNotYetValid,
} from "./exceptions.ts"
import type { Claims } from "./jsonWebToken.ts"
import { CLOCK_ALLOWANCE, deviceName, IDENTIFIER } from "./staffStatement.ts"
import type { StaffStatement } from "./staffStatement.ts"

/** Seconds. */
export const LIST_VALIDITY = 24 * 3600
/** Characters of a list's text. */
export const MAX_LIST_LENGTH = 512 * 1024
const MAX_ENTRIES = 4096
const DEVICE = /^[A-Za-z0-9_-]{43}$/

/** What a revocation list says. Times in seconds since 1970. */
export interface RevocationList {
  readonly organisationId: string
  readonly version: number
  readonly issued: number
  readonly expires: number
  readonly statements: ReadonlySet<string>
  readonly subjects: ReadonlySet<string>
  readonly devices: ReadonlySet<string>
}

/** A revocation list from its verified claims; throws `MalformedToken`. */
export function readRevocations(claims: Claims): RevocationList {
  const revocations: RevocationList = {
    organisationId: claims.text("iss", IDENTIFIER),
    version: claims.integer("version"),
    issued: claims.integer("iat"),
    expires: claims.integer("exp"),
    statements: new Set(claims.texts("statements", IDENTIFIER, MAX_ENTRIES)),
    subjects: new Set(claims.texts("subjects", IDENTIFIER, MAX_ENTRIES)),
    devices: new Set(claims.texts("devices", DEVICE, MAX_ENTRIES)),
  }
  const validity = revocations.expires - revocations.issued
  if (validity <= 0 || validity > LIST_VALIDITY)
    throw new MalformedToken("a revocation list is valid for no more than 24 h")
  if (revocations.version > revocations.issued + CLOCK_ALLOWANCE)
    throw new MalformedToken("the version runs ahead of the time")
  return revocations
}

/** Throws `RevocationListStale`, or `TokenNotYetValid` for a list from the future; `now` in seconds since 1970. */
export function checkFresh(revocations: RevocationList, now: number): void {
  if (now >= revocations.expires) throw new RevocationListStale("the revocation list is older than it may be")
  if (now < revocations.issued - CLOCK_ALLOWANCE)
    throw new TokenNotYetValid("the revocation list is dated in the future")
}

/** Throws `StatementRevoked` if the statement, its subject or its device is on the list. */
export function checkNotRevoked(revocations: RevocationList, statement: StaffStatement): void {
  const { statements, subjects, devices } = revocations
  if (statements.has(statement.statementId) || subjects.has(statement.subject) || devices.has(deviceName(statement)))
    throw new StatementRevoked("the statement is on the revocation list")
}

/** Throws `RevocationListRollback` if `offered` must not take the place of `held`. */
export function checkSuccession(held: RevocationList, offered: RevocationList, { byRoot }: { byRoot: boolean }): void {
  if (offered.version < held.version || (offered.version === held.version && !areSame(offered, held)))
    throw new RevocationListRollback("the list is older than the one held, or contradicts it")
  if (!byRoot && !includes(offered, held)) throw new RevocationListRollback("only the root may drop an entry")
}

function includes(list: RevocationList, other: RevocationList): boolean {
  return (
    containsAll(list.statements, other.statements) &&
    containsAll(list.subjects, other.subjects) &&
    containsAll(list.devices, other.devices)
  )
}

function areSame(list: RevocationList, other: RevocationList): boolean {
  return (
    list.organisationId === other.organisationId &&
    list.issued === other.issued &&
    list.expires === other.expires &&
    includes(list, other) &&
    includes(other, list)
  )
}

/** Whether each of `others` is among `entries`. */
export function containsAll(entries: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return [...others].every((entry) => entries.has(entry))
}
