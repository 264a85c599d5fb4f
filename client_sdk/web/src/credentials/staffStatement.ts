/**
 * Staff statements: "this key is Sari, counselor, until then", signed under the organisation's root key.
 *
 *     header   { "alg": "EdDSA", "typ": "teduh-staff+jwt" }
 *     claims   iss    organisation
 *              sub    pseudonymous staff id
 *              name   working name, shown to the survivor
 *              role   one of `ROLES`
 *              languages, skills
 *              nbf, exp   seconds since 1970; at most 30 days apart
 *              jti    names this statement in the revocation list
 *              cnf    the device's Ed25519 key (RFC 7800), which must equal the leaf's signature key
 *
 * Claims beyond these are ignored (RFC 7519, 4). Valid means `nbf <= now < exp` (RFC 7519, 4.1.4 and 4.1.5).
 *
 * A statement travels with the statement of the issuer who signed it, if the root did not:
 *
 *     root key ──signs──> token                       text: token
 *     root key ──signs──> issuer's statement
 *                         issuer's key ──signs──> token    text: token ~ issuer's statement
 */

import { copyOf, encodeBase64url, sha256, utf8 } from "../hazmat/bytes.ts"
import {
  MalformedStatement,
  MalformedToken,
  StatementExpired,
  StatementNotYetValid,
  WrongOrganisation,
} from "./exceptions.ts"
import { MAX_TOKEN_LENGTH, verifyToken } from "./jsonWebToken.ts"
import type { Claims } from "./jsonWebToken.ts"

/** Seconds. */
export const MAX_VALIDITY = 30 * 24 * 3600
/** Seconds by which new statements are dated back. */
export const CLOCK_ALLOWANCE = 300
const MAX_LANGUAGES = 16
const MAX_SKILLS = 16
const SEPARATOR = "~"

/** Organisation ids, staff ids and token ids. */
export const IDENTIFIER = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/
const NAME = /^[^\s](?:.{0,62}[^\s])?$/u
const LANGUAGE = /^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}$/
const SKILL = /^[a-z0-9][a-z0-9_-]{0,63}$/
// The joiners stay, which Persian and several Indic scripts need.
const HIDDEN = /(?![\u200c\u200d])\p{C}/u

/** What a staff member does. Only the root appoints an issuer, who takes part in no conversation as such. */
export const ROLES = ["counselor", "medic", "interpreter", "legal_aid", "shelter", "supervisor", "issuer"] as const
export type Role = (typeof ROLES)[number]

/** The roles that may be in a conversation. */
export const STAFF_ROLES: ReadonlySet<Role> = new Set(ROLES.filter((role) => role !== "issuer"))
const ROLE = /^(?:counselor|medic|interpreter|legal_aid|shelter|supervisor|issuer)$/

/** What a staff statement says. Times in seconds since 1970. */
export interface StaffStatement {
  readonly organisationId: string
  readonly statementId: string
  readonly subject: string
  readonly name: string
  readonly role: Role
  readonly languages: readonly string[]
  readonly skills: readonly string[]
  readonly notBefore: number
  readonly expires: number
  /** 32 bytes. */
  readonly deviceKey: Uint8Array
  /** How the relay names the device: SHA-256 of its key. */
  readonly deviceId: Uint8Array
}

/** A statement and, unless the root signed it, its issuer's. */
export interface StatementChain {
  readonly statement: string
  readonly issuerStatement: string | undefined
}

/** SHA-256 of a device's raw Ed25519 public key: 32 bytes. */
export function deviceId(publicKey: Uint8Array): Promise<Uint8Array> {
  return sha256(publicKey)
}

/** A device id as text, as the revocation list has it. */
export function deviceName(statement: StaffStatement): string {
  return encodeBase64url(statement.deviceId)
}

/** Throws `StatementNotYetValid` or `StatementExpired`; `now` in seconds since 1970. */
export function checkStatementTime(statement: StaffStatement, now: number): void {
  if (now < statement.notBefore) throw new StatementNotYetValid("the statement begins later")
  if (now >= statement.expires) throw new StatementExpired("the statement has ended")
}

/**
 * What `token` says, if `publicKey` signed it for this organisation. Times and revocation are not looked at.
 *
 * Throws `MalformedStatement`, `WrongTokenType`, `UnknownRoot`, `WrongOrganisation`.
 */
export async function readStaffStatement(
  token: string,
  publicKey: Uint8Array,
  organisationId: string,
): Promise<StaffStatement> {
  const statement = await readClaims(await verifyToken(token, "teduh-staff+jwt", publicKey))
  if (statement.organisationId !== organisationId)
    throw new WrongOrganisation("the statement speaks for another organisation")
  return statement
}

/** A statement from its claims; throws `MalformedStatement`. */
export async function readClaims(claims: Claims): Promise<StaffStatement> {
  const deviceKey = claims.confirmationKey()
  const statement: StaffStatement = {
    organisationId: claims.text("iss", IDENTIFIER),
    statementId: claims.text("jti", IDENTIFIER),
    subject: claims.text("sub", IDENTIFIER),
    name: checkName(claims.text("name", NAME)),
    role: readRole(claims),
    languages: claims.texts("languages", LANGUAGE, MAX_LANGUAGES),
    skills: claims.texts("skills", SKILL, MAX_SKILLS),
    notBefore: claims.integer("nbf"),
    expires: claims.integer("exp"),
    deviceKey,
    deviceId: await deviceId(deviceKey),
  }
  const validity = statement.expires - statement.notBefore
  if (validity <= 0 || validity > MAX_VALIDITY)
    throw claims.malformed("it must be valid for some time, and for no more than 30 days")
  return statement
}

/** The claim `role`; throws `MalformedToken`. */
export function readRole(claims: Claims): Role {
  const text = claims.text("role", ROLE)
  const role = ROLES.find((one) => one === text)
  if (role === undefined) throw claims.malformed("claim role is not allowed")
  return role
}

/**
 * `name`, if it can be shown as it is; throws `MalformedStatement`.
 *
 * Control, formatting and unassigned characters are refused, for with them one name can be made to look like another.
 */
export function checkName(name: string): string {
  if (HIDDEN.test(name) || !NAME.test(name) || name.normalize("NFC") !== name)
    throw new MalformedStatement("the name is empty or too long, has hidden characters, or is not in NFC")
  return name
}

/** One text from a token and the statement of the issuer that signed it. */
export function joinChain({ statement, issuerStatement }: StatementChain): string {
  return issuerStatement === undefined ? statement : `${statement}${SEPARATOR}${issuerStatement}`
}

/** The token and its issuer's statement; throws `MalformedToken` for a longer chain. */
export function splitChain(text: string): StatementChain {
  const [statement = "", issuerStatement, ...rest] = text.split(SEPARATOR)
  if (rest.length > 0 || issuerStatement === "")
    throw new MalformedToken("a chain has one token and at most one issuer's statement")
  return { statement, issuerStatement }
}

/** The content of the staff credential: the chain's text in ASCII. */
export function encodeCredential(chain: StatementChain): Uint8Array {
  return utf8(joinChain(chain))
}

/** The statement and its issuer's, from a staff credential; throws `MalformedStatement`. Nothing is verified. */
export function decodeCredential(content: Uint8Array): StatementChain {
  if (content.length > 2 * MAX_TOKEN_LENGTH + 1) throw new MalformedStatement("the credential is too large")
  if (content.some((byte) => byte > 0x7f)) throw new MalformedStatement("the credential is not a chain of statements")
  try {
    return splitChain(new TextDecoder().decode(copyOf(content)))
  } catch (error) {
    throw new MalformedStatement("the credential is not a chain of statements", { cause: error })
  }
}
