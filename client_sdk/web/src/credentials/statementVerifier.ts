/**
 * Who may be believed: statements against the pinned root key and the newest revocation list.
 *
 *     root key ──> issuer's statement ──> staff statement ──> device key
 *                                          revocation list: minus these
 *
 * A signature is verified once per token and remembered, for a statement comes again with every roster; its times and
 * the revocation list are looked at every time.
 */

import { areEqual, encodeBase64url } from "../hazmat/bytes.ts"
import { isPublicKey } from "../hazmat/ed25519.ts"
import {
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

/** Verifies what is signed in the name of one organisation. Holds the newest revocation list that it has seen. */
export class StatementVerifier {
  readonly #read = new Map<string, StaffStatement>()
  #revocations: RevocationList | undefined

  /** Pin the root key (32 bytes, Ed25519). Without a list, every statement is refused until one is adopted. */
  constructor(
    readonly rootPublicKey: Uint8Array,
    readonly organisationId: string,
    revocations?: RevocationList,
  ) {
    if (!isPublicKey(rootPublicKey)) throw new MalformedToken("not an Ed25519 public key")
    if (revocations !== undefined && revocations.organisationId !== organisationId)
      throw new WrongOrganisation("the revocation list is another organisation's")
    this.#revocations = revocations
  }

  /** The list in force, which may have become stale. */
  get revocations(): RevocationList | undefined {
    return this.#revocations
  }

  /**
   * What a statement says, if it is to be believed.
   *
   * Its validity must lie within its issuer's: an issuer cannot vouch for longer than the root vouches for the issuer.
   *
   * Throws a `CredentialError`: `MalformedStatement`, `WrongTokenType`, `UnknownRoot`, `WrongOrganisation`,
   * `StatementExpired`, `StatementNotYetValid`, `StatementRevoked`, `RevocationListStale`, `RoleNotAllowed`,
   * `WrongConfirmationKey`.
   */
  async verify({ statement, issuerStatement }: StatementChain, options: VerifyOptions): Promise<StaffStatement> {
    const { now, deviceKey, roles = STAFF_ROLES, allowStaleList = false } = options
    this.#checkList(now, allowStaleList)
    const verified = await this.#within(statement, issuerStatement, now)
    if (!roles.has(verified.role)) throw new RoleNotAllowed(`the role ${verified.role} may not do this`)
    if (deviceKey !== undefined && !areEqual(verified.deviceKey, deviceKey))
      throw new WrongConfirmationKey("the statement confirms another key")
    return verified
  }

  /**
   * Take a newer revocation list into force; returns it. `now` in seconds since 1970.
   *
   * Throws a `CredentialError`: `MalformedToken`, `WrongTokenType`, `UnknownRoot`, `WrongOrganisation`,
   * `RevocationListStale`, `TokenNotYetValid`, `RevocationListRollback`, or the reason why its issuer is not believed.
   */
  async adoptRevocations(text: string, now: number): Promise<RevocationList> {
    const { claims, byRoot } = await this.#verified(text, "teduh-revocations+jwt", now, MAX_LIST_LENGTH)
    const offered = readRevocations(claims)
    checkFresh(offered, now)
    if (this.#revocations !== undefined) checkSuccession(this.#revocations, offered, { byRoot })
    this.#revocations = offered
    return offered
  }

  /**
   * What a revocation list says that was good when it was issued, though it may be stale by now; nothing is taken into
   * force. Throws a `CredentialError`.
   */
  async readRevocations(text: string): Promise<RevocationList> {
    const type = "teduh-revocations+jwt"
    const asserted = unverifiedClaims(splitChain(text).statement, type, MAX_LIST_LENGTH)
    return readRevocations((await this.#verified(text, type, asserted.integer("iat"), MAX_LIST_LENGTH)).claims)
  }

  /**
   * The claims of a token that the root, or an issuer believed at `now`, signed for this purpose.
   *
   * The revocation list may be stale. Throws a `CredentialError`.
   */
  async verifiedClaims(text: string, type: TokenType, now: number): Promise<Claims> {
    return (await this.#verified(text, type, now, MAX_TOKEN_LENGTH)).claims
  }

  async #verified(
    text: string,
    type: TokenType,
    now: number,
    maxLength: number,
  ): Promise<{ readonly claims: Claims; readonly byRoot: boolean }> {
    const { statement: token, issuerStatement } = splitChain(text)
    const byRoot = issuerStatement === undefined
    const key = byRoot ? this.rootPublicKey : (await this.#issuer(issuerStatement, now)).deviceKey
    const claims = await verifyToken(token, type, key, maxLength)
    if (claims.text("iss", IDENTIFIER) !== this.organisationId)
      throw new WrongOrganisation("signed for another organisation")
    return { claims, byRoot }
  }

  async #within(statement: string, issuerStatement: string | undefined, now: number): Promise<StaffStatement> {
    if (issuerStatement === undefined) return this.#valid(statement, this.rootPublicKey, now)
    const issuer = await this.#issuer(issuerStatement, now)
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
    if (this.#revocations !== undefined) checkNotRevoked(this.#revocations, verified)
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

  #checkList(now: number, allowStaleList: boolean): void {
    if (this.#revocations === undefined) throw new RevocationListStale("there is no revocation list")
    if (!allowStaleList) checkFresh(this.#revocations, now)
  }
}
