/**
 * Who may be believed: statements against the pinned root key and the newest revocation list.
 *
 *     root key ──> issuer's statement ──> staff statement ──> device key
 *                                          revocation list: minus these
 *
 * A revocation list counts under an authority statement, by which the root says which issuers and which lists count; the
 * two are taken into force together.
 *
 * A signature is verified once per token and remembered, for a statement comes again with every roster; its times,
 * the revocation list and the authority statement are looked at every time.
 */

import { areEqual, encodeBase64url } from "../hazmat/bytes.ts"
import { isPublicKey } from "../hazmat/ed25519.ts"
import {
  checkIssuer,
  checkLeastVersion,
  checkStatementFresh,
  checkStatementSuccession,
  readAuthorityStatement,
} from "./authorityStatement.ts"
import type { AuthorityStatement } from "./authorityStatement.ts"
import {
  AuthorityStatementStale,
  MalformedToken,
  RevocationListStale,
  RoleNotAllowed,
  UnknownRoot,
  WrongConfirmationKey,
  WrongOrganisation,
} from "./exceptions.ts"
import { MAX_TOKEN_LENGTH, unverifiedClaims, verifyToken } from "./jsonWebToken.ts"
import type { Claims, TokenType } from "./jsonWebToken.ts"
import { checkFresh, checkNotRevoked, checkSuccession, MAX_LIST_LENGTH, readRevocations } from "./revocation.ts"
import type { RevocationList } from "./revocation.ts"
import { checkStatementTime, IDENTIFIER, readStaffStatement, splitChain, STAFF_ROLES } from "./staffStatement.ts"
import type { Role, StaffStatement, StatementChain } from "./staffStatement.ts"

const REMEMBERED = 1024

export interface VerifyOptions {
  /** Seconds since 1970. */
  readonly now: number
  /** The key that the statement must confirm. */
  readonly deviceKey?: Uint8Array | undefined
  readonly roles?: ReadonlySet<Role>
  /** For those already in a conversation: a stale list bars new ones, but does not end those that go on. */
  readonly allowStaleList?: boolean
}

/** A revocation list together with the authority statement that came with it, as both are signed. */
export interface SignedRevocations {
  readonly list: string
  /** Without it the list must count under the statement held. */
  readonly authority?: string | undefined
}

/** An authority statement, and a revocation list that counts under it. */
interface Trust {
  readonly authority: AuthorityStatement
  readonly revocations: RevocationList
  /** Who signed the list; undefined for the root. */
  readonly issuer: StaffStatement | undefined
}

/**
 * Verifies what is signed in the name of one organisation. Holds the newest authority statement and the newest
 * revocation list that it has seen.
 */
export class StatementVerifier {
  readonly #read = new Map<string, StaffStatement>()
  #trust: Trust | undefined

  /**
   * Pin the root key (32 bytes, Ed25519). Every statement is refused until a revocation list is adopted, together with
   * an authority statement.
   */
  constructor(
    readonly rootPublicKey: Uint8Array,
    readonly organisationId: string,
  ) {
    if (!isPublicKey(rootPublicKey)) throw new MalformedToken("not an Ed25519 public key")
  }

  /** The list in force, which may have become stale. */
  get revocations(): RevocationList | undefined {
    return this.#trust?.revocations
  }

  /** The authority statement in force, which may have expired. */
  get authority(): AuthorityStatement | undefined {
    return this.#trust?.authority
  }

  /** When the newer of list and authority statement in force was signed, in seconds since 1970. */
  get issued(): number | undefined {
    return this.#trust && issued(this.#trust)
  }

  /** Until when both the list and the authority statement in force are fresh, in seconds since 1970. */
  get expires(): number | undefined {
    return this.#trust && Math.min(this.#trust.authority.expires, this.#trust.revocations.expires)
  }

  /**
   * What a statement says, if it is to be believed.
   *
   * Its validity must lie within its issuer's: an issuer cannot vouch for longer than the root vouches for the issuer.
   *
   * Throws a `CredentialError`: `MalformedStatement`, `WrongTokenType`, `UnknownRoot`, `WrongOrganisation`,
   * `StatementExpired`, `StatementNotYetValid`, `StatementRevoked`, `IssuerNotListed`, `RevocationListStale`,
   * `AuthorityStatementStale`, `RoleNotAllowed`, `WrongConfirmationKey`.
   */
  async verify({ statement, issuerStatement }: StatementChain, options: VerifyOptions): Promise<StaffStatement> {
    const { now, deviceKey, roles = STAFF_ROLES, allowStaleList = false } = options
    if (this.#trust === undefined) throw new RevocationListStale("there is no revocation list")
    if (!allowStaleList) checkTrustFresh(this.#trust, now)
    const verified = await this.#within(statement, issuerStatement, now)
    if (!roles.has(verified.role)) throw new RoleNotAllowed(`the role ${verified.role} may not do this`)
    if (deviceKey !== undefined && !areEqual(verified.deviceKey, deviceKey))
      throw new WrongConfirmationKey("the statement confirms another key")
    return verified
  }

  /**
   * Take a newer revocation list into force, and the authority statement that came with it; returns the list. `now` in
   * seconds since 1970.
   *
   * Throws a `CredentialError`: `MalformedToken`, `WrongTokenType`, `UnknownRoot`, `WrongOrganisation`,
   * `RevocationListStale`, `AuthorityStatementStale`, `TokenNotYetValid`, `RevocationListRollback`,
   * `AuthorityStatementRollback`, `IssuerNotListed`, or the reason why its issuer is not believed.
   */
  async adoptRevocations(signed: SignedRevocations, now: number): Promise<RevocationList> {
    const offered = await this.#offered(signed, now)
    this.#trust = offered
    return offered.revocations
  }

  /**
   * When the newer of a list and its authority statement was signed, in seconds since 1970. Both may be stale by now;
   * nothing is taken into force. Throws a `CredentialError`, as `adoptRevocations` does but for their age.
   */
  async signedAt(signed: SignedRevocations): Promise<number> {
    return issued(await this.#offered(signed))
  }

  /**
   * The claims of a token that the root, or an issuer believed at `now`, signed for this purpose.
   *
   * The revocation list and the authority statement may be stale. Throws a `CredentialError`.
   */
  async verifiedClaims(text: string, type: TokenType, now: number): Promise<Claims> {
    const { claims, issuer } = await this.#verified(text, type, now, MAX_TOKEN_LENGTH)
    if (issuer !== undefined) this.#checkListed(issuer)
    return claims
  }

  /**
   * A list and its authority statement that may take the place of those held; their age is looked at unless `now` is
   * left out.
   */
  async #offered({ list, authority: text }: SignedRevocations, now?: number): Promise<Trust> {
    const authority = text === undefined ? this.authority : await this.#readAuthority(text)
    if (authority === undefined) throw new AuthorityStatementStale("there is no authority statement")
    const type = "teduh-revocations+jwt"
    const asserted = unverifiedClaims(splitChain(list).statement, type, MAX_LIST_LENGTH)
    const { claims, issuer } = await this.#verified(list, type, asserted.integer("iat"), MAX_LIST_LENGTH)
    const offered = { authority, revocations: readRevocations(claims), issuer }
    if (now !== undefined) {
      checkTrustFresh(offered, now)
      if (issuer !== undefined) checkStatementTime(issuer, now)
    }
    this.#checkSuccession(offered)
    return offered
  }

  async #readAuthority(text: string): Promise<AuthorityStatement> {
    const claims = await verifyToken(text, "teduh-authority+jwt", this.rootPublicKey)
    this.#checkOrganisation(claims)
    return readAuthorityStatement(claims)
  }

  #checkSuccession({ authority, revocations, issuer }: Trust): void {
    const held = this.#trust
    if (held !== undefined) checkStatementSuccession(held.authority, authority)
    if (issuer !== undefined) checkIssuer(authority, issuer)
    checkLeastVersion(authority, revocations)
    // Any list that counts succeeds one whose issuer the root lists no more: a thief may have dated it ahead.
    if (held !== undefined && (held.issuer === undefined || authority.issuers.has(held.issuer.statementId)))
      checkSuccession(held.revocations, revocations, { byRoot: issuer === undefined })
  }

  async #verified(
    text: string,
    type: TokenType,
    now: number,
    maxLength: number,
  ): Promise<{ readonly claims: Claims; readonly issuer: StaffStatement | undefined }> {
    const { statement: token, issuerStatement } = splitChain(text)
    const issuer = issuerStatement === undefined ? undefined : await this.#issuer(issuerStatement, now)
    const claims = await verifyToken(token, type, issuer?.deviceKey ?? this.rootPublicKey, maxLength)
    this.#checkOrganisation(claims)
    return { claims, issuer }
  }

  #checkOrganisation(claims: Claims): void {
    if (claims.text("iss", IDENTIFIER) !== this.organisationId)
      throw new WrongOrganisation("signed for another organisation")
  }

  #checkListed(issuer: StaffStatement): void {
    if (this.authority === undefined) throw new AuthorityStatementStale("there is no authority statement")
    checkIssuer(this.authority, issuer)
  }

  async #within(statement: string, issuerStatement: string | undefined, now: number): Promise<StaffStatement> {
    if (issuerStatement === undefined) return this.#valid(statement, this.rootPublicKey, now)
    const issuer = await this.#issuer(issuerStatement, now)
    this.#checkListed(issuer)
    const verified = await this.#valid(statement, issuer.deviceKey, now)
    if (verified.role === "issuer") throw new RoleNotAllowed("an issuer cannot appoint issuers")
    if (verified.notBefore < issuer.notBefore || verified.expires > issuer.expires)
      throw new UnknownRoot("the statement reaches beyond its issuer's")
    return verified
  }

  async #issuer(issuerStatement: string, now: number): Promise<StaffStatement> {
    const issuer = await this.#valid(issuerStatement, this.rootPublicKey, now)
    if (issuer.role !== "issuer") throw new RoleNotAllowed("only an issuer may sign for the organisation")
    return issuer
  }

  /** A statement signed by `signedBy`, within its time, and not on the list. */
  async #valid(statement: string, signedBy: Uint8Array, now: number): Promise<StaffStatement> {
    const verified = await this.#remembered(statement, signedBy)
    checkStatementTime(verified, now)
    if (this.#trust !== undefined) checkNotRevoked(this.#trust.revocations, verified)
    return verified
  }

  async #remembered(statement: string, signedBy: Uint8Array): Promise<StaffStatement> {
    const name = `${encodeBase64url(signedBy)} ${statement}`
    const known = this.#read.get(name)
    if (known !== undefined) return known
    const verified = await readStaffStatement(statement, signedBy, this.organisationId)
    const [oldest] = this.#read.keys()
    if (this.#read.size >= REMEMBERED && oldest !== undefined) this.#read.delete(oldest)
    this.#read.set(name, verified)
    return verified
  }
}

function checkTrustFresh({ authority, revocations }: Trust, now: number): void {
  checkStatementFresh(authority, now)
  checkFresh(revocations, now)
}

function issued({ authority, revocations }: Trust): number {
  return Math.max(authority.issued, revocations.issued)
}
