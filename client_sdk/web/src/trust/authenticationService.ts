/**
 * Who is in the room: the authentication service of RFC 9420, 3, for a conversation.
 *
 * MLS proves that each member holds its leaf's key; this says whose key that is. It is asked about the whole roster
 * before a client adopts an epoch, and it either knows everybody or throws:
 *
 *     members of the epoch ──> exactly one anonymous member       the survivor
 *                              every other: a staff statement     root key ──> ... ──> this leaf's signature key
 *                              no statement twice                 minus the revocation list
 *
 * A revocation list or authority statement that has gone stale bars everybody who was not in the verified roster before;
 * the conversation of those who were goes on. A revoked or ended statement, or one by an issuer whom the root lists no
 * more, ends it whatever the list's age.
 */

import {
  AnotherSurvivor,
  DuplicateStatement,
  NoAnonymousMember,
  TwoAnonymousMembers,
  UnknownCredentialType,
} from "../credentials/exceptions.ts"
import { unverifiedClaims } from "../credentials/jsonWebToken.ts"
import type { Organisation } from "../credentials/organisation.ts"
import type { RevocationList } from "../credentials/revocation.ts"
import { decodeCredential, STAFF_ROLES } from "../credentials/staffStatement.ts"
import type { Role, StaffStatement, StatementChain } from "../credentials/staffStatement.ts"
import { StatementVerifier, type SignedRevocations } from "../credentials/statementVerifier.ts"
import { areEqual } from "../hazmat/bytes.ts"
import { BASIC_CREDENTIAL_TYPE, STAFF_CREDENTIAL_TYPE } from "../mls/keyPackageBundle.ts"

/** Bytes of a survivor's random identity, fresh for each conversation. */
export const ANONYMOUS_IDENTITY_LENGTH = 16

/** A member as the MLS group shows it; `content` is the identity of a basic credential, or a statement's text. */
export interface RosterMember {
  readonly leafIndex: number
  readonly credentialType: number
  readonly content: Uint8Array
  readonly signatureKey: Uint8Array
}

/** The one anonymous member. */
export interface SurvivorParticipant {
  readonly leafIndex: number
  readonly signatureKey: Uint8Array
}

/** A staff member whose statement was verified. */
export interface StaffParticipant {
  readonly leafIndex: number
  readonly signatureKey: Uint8Array
  readonly statement: StaffStatement
  /** The working name, as the organisation vouches for it. */
  readonly name: string
  /** The role, as the organisation vouches for it. */
  readonly role: Role
}

/** Everybody in one epoch of a conversation, verified. */
export interface Roster {
  readonly survivor: SurvivorParticipant
  readonly staff: readonly StaffParticipant[]
}

export interface RosterOptions {
  /** Seconds since 1970. */
  readonly now: number
  /** The signature key that the anonymous member must have; unless given, that of `previous`. */
  readonly survivorKey?: Uint8Array | undefined
  /** The roster of the epoch before, if there was one. */
  readonly previous?: Roster | undefined
}

/** Verifies rosters for one organisation, whose root key is pinned. */
export class AuthenticationService {
  constructor(
    readonly verifier: StatementVerifier,
    readonly roles: ReadonlySet<Role> = STAFF_ROLES,
  ) {}

  /** The service for an organisation. It refuses all staff until a revocation list is adopted. */
  static of(organisation: Organisation): AuthenticationService {
    return new AuthenticationService(new StatementVerifier(organisation.rootPublicKey, organisation.id))
  }

  /**
   * Take a newer revocation list into force, and the authority statement that came with it; throws a `CredentialError`
   * (see `StatementVerifier`).
   *
   * One that is dated in the future is none that a relay made up, but says that this device's clock is behind. It would
   * protect nobody to refuse it: whoever has old lists can show one that looks fresh.
   */
  async adoptRevocations(signed: SignedRevocations, now: number): Promise<RevocationList> {
    return this.verifier.adoptRevocations(signed, Math.max(now, await this.verifier.signedAt(signed)))
  }

  /**
   * Seconds since 1970: `now` by this device's clock, or when the list or authority statement in force was signed if
   * that is later, for a clock may be behind.
   */
  time(now: number): number {
    return Math.max(now, this.verifier.issued ?? now)
  }

  /**
   * The roster of an epoch, if everybody in it is known.
   *
   * Throws a `CredentialError`: `NoAnonymousMember`, `TwoAnonymousMembers`, `AnotherSurvivor`, `DuplicateStatement`,
   * `UnknownCredentialType`, or what `StatementVerifier.verify` throws about one statement.
   */
  async verify(members: readonly RosterMember[], options: RosterOptions): Promise<Roster> {
    const { now, previous, survivorKey = previous?.survivor.signatureKey } = options
    const survivor = survivorAmong(members, survivorKey)
    const others = members.filter(({ leafIndex }) => leafIndex !== survivor.leafIndex)
    const staff: StaffParticipant[] = []
    for (const member of others) staff.push(await this.verifyStaff(member, { now, previous }))
    if (new Set(staff.map(({ statement }) => statement.statementId)).size !== staff.length)
      throw new DuplicateStatement("two members show the same statement")
    return { survivor, staff }
  }

  /** One staff member, if her statement is to be believed and confirms her leaf's key. Throws as `verify` does. */
  async verifyStaff(member: RosterMember, { now, previous }: RosterOptions): Promise<StaffParticipant> {
    const { leafIndex, credentialType, content, signatureKey } = member
    if (credentialType !== STAFF_CREDENTIAL_TYPE)
      throw new UnknownCredentialType("the credential is neither anonymous nor a staff statement")
    const allowStaleList = previous !== undefined && wasThere(previous, member)
    const chain = decodeCredential(content)
    const options = { now: this.#timeOf(chain, now), deviceKey: signatureKey, roles: this.roles, allowStaleList }
    const statement = await this.verifier.verify(chain, options)
    return { leafIndex, signatureKey, statement, name: statement.name, role: statement.role }
  }

  /**
   * When to look at a statement. Of a clock that is behind the list nobody knows how far behind it is: what was signed
   * after the list has begun as well, as long as the list is good.
   */
  #timeOf({ statement }: StatementChain, now: number): number {
    const { issued } = this.verifier
    if (issued === undefined || now >= issued) return now
    return Math.max(issued, unverifiedClaims(statement, "teduh-staff+jwt").integer("nbf"))
  }
}

function survivorAmong(members: readonly RosterMember[], survivorKey: Uint8Array | undefined): SurvivorParticipant {
  const [member, ...others] = members.filter(({ credentialType }) => credentialType === BASIC_CREDENTIAL_TYPE)
  if (member === undefined) throw new NoAnonymousMember("nobody in the conversation is the survivor")
  if (others.length > 0) throw new TwoAnonymousMembers("more than one member is anonymous")
  if (member.content.length !== ANONYMOUS_IDENTITY_LENGTH)
    throw new UnknownCredentialType("an anonymous identity has 16 bytes")
  if (survivorKey !== undefined && !areEqual(member.signatureKey, survivorKey))
    throw new AnotherSurvivor("the anonymous member is somebody else")
  return { leafIndex: member.leafIndex, signatureKey: member.signatureKey }
}

function wasThere(previous: Roster, member: RosterMember): boolean {
  return previous.staff.some(({ signatureKey }) => areEqual(signatureKey, member.signatureKey))
}
