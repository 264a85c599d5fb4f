/**
 * Who is in the room, and who may come in: promise 5, as a rule on two rosters.
 *
 *                       members of the MLS state
 *                                |  authentication service: one anonymous, all others proven
 *                                v
 *     room before ──────────> room after ──────────> adopted, or the whole state is discarded
 *                   newcomers must be those whom
 *                   the survivor accepted by name,
 *                   or the one whom she lets in herself
 *
 * A room exists only verified. Everybody in the conversation applies the same rule, not the survivor alone, so that a
 * staff member who adds somebody unasked finds nobody left to talk to.
 */

import type { AuthenticationService, Roster } from "../trust/authenticationService.ts"
import { RosterNotAdmitted } from "../errors.ts"
import { areEqual, sha256, toHex } from "../hazmat/bytes.ts"
import type { MlsMember } from "../mls/group.ts"

/** The role of the one member without a name. */
export const SURVIVOR = "survivor"

/** One verified member. */
export class Participant {
  constructor(
    readonly leafIndex: number,
    readonly deviceKey: Uint8Array,
    /** SHA-256 of the device's key, by which the relay and invitations name a staff device. */
    readonly deviceId: Uint8Array,
    /** The working name in the staff statement; the survivor has none. */
    readonly name: string | null,
    readonly role: string,
  ) {}

  static async of(leafIndex: number, deviceKey: Uint8Array, name: string | null, role: string): Promise<Participant> {
    return new Participant(leafIndex, deviceKey, await sha256(deviceKey), name, role)
  }

  /** Whether this is she for whom the conversation exists. */
  get isSurvivor(): boolean {
    return this.name === null
  }

  /** Whether key, name and role are the same; the leaf may differ. */
  isSamePerson(other: Participant): boolean {
    return this.hasKey(other.deviceKey) && this.name === other.name && this.role === other.role
  }

  hasKey(deviceKey: Uint8Array): boolean {
    return areEqual(this.deviceKey, deviceKey)
  }

  toString(): string {
    return this.name === null ? this.role : `${this.name} (${this.role})`
  }
}

/** What the survivor said yes to: this device, under this name and role. */
export interface Consent {
  readonly deviceId: Uint8Array
  readonly name: string
  readonly role: string
}

/** The consents by device id in hex. */
export type Consents = ReadonlyMap<string, Consent>

function covers(consent: Consent | undefined, newcomer: Participant): boolean {
  return (
    consent !== undefined &&
    areEqual(consent.deviceId, newcomer.deviceId) &&
    consent.name === newcomer.name &&
    consent.role === newcomer.role
  )
}

/** The verified participants of one epoch, by leaf; empty as long as there is no epoch. */
export class Room {
  private constructor(
    readonly roster: Roster | null,
    readonly participants: readonly Participant[],
  ) {}

  static readonly EMPTY = new Room(null, [])

  static async of(roster: Roster): Promise<Room> {
    const { survivor, staff } = roster
    const everybody = await Promise.all([
      Participant.of(survivor.leafIndex, survivor.signatureKey, null, SURVIVOR),
      ...staff.map((one) => Participant.of(one.leafIndex, one.signatureKey, one.name, one.role)),
    ])
    return new Room(
      roster,
      everybody.sort((one, other) => one.leafIndex - other.leafIndex),
    )
  }

  get isEmpty(): boolean {
    return this.participants.length === 0
  }

  /** The participant at a leaf; throws `RosterNotAdmitted` if there is none. */
  at(leafIndex: number): Participant {
    const someone = this.participants.find((one) => one.leafIndex === leafIndex)
    if (someone === undefined) throw new RosterNotAdmitted("somebody speaks who is not in the room")
    return someone
  }

  /** The participant with this signature key. */
  withKey(deviceKey: Uint8Array): Participant | null {
    return this.participants.find((one) => one.hasKey(deviceKey)) ?? null
  }

  /** She; throws `RosterNotAdmitted` when she is not there. */
  get survivor(): Participant {
    const someone = this.participants.find((one) => one.isSurvivor)
    if (someone === undefined) throw new RosterNotAdmitted("the survivor is not in the room")
    return someone
  }

  /** Everybody else, by leaf. */
  get staff(): readonly Participant[] {
    return this.participants.filter((one) => !one.isSurvivor)
  }
}

/** Proves every member at a time (seconds), given the room before; rejects with a `CredentialError`. */
export type VerifyRoom = (members: readonly MlsMember[], now: number, before: Room) => Promise<Room>

/** How `service` proves a room. */
export function verifyRoom(service: AuthenticationService): VerifyRoom {
  return async (members, now, before) =>
    Room.of(await service.verify(members, before.roster === null ? { now } : { now, previous: before.roster }))
}

/** Check the room that a Welcome leads into; throws `RosterNotAdmitted`. */
export function admitFirst(room: Room, ownKey: Uint8Array, isSurvivor: boolean): void {
  requireOwnPlace(room, ownKey, isSurvivor)
  if (isSurvivor && room.participants.length !== 2) {
    throw new RosterNotAdmitted("somebody else is in the room besides the one who took the request")
  }
}

/**
 * Check the room that a commit leads into; returns the newcomers. Throws `RosterNotAdmitted`.
 *
 * `bySurvivor`: it is her own commit, which is her consent. Her device commits to renew its keys, which changes nobody; or
 * because nobody on the other side answers, and she lets in one who does. Who goes by that is hers to say.
 */
export function admitNext(
  before: Room,
  after: Room,
  ownKey: Uint8Array,
  isSurvivor: boolean,
  consents: Consents,
  bySurvivor = false,
): readonly Participant[] {
  requireOwnPlace(after, ownKey, isSurvivor)
  if (!after.survivor.hasKey(before.survivor.deviceKey)) {
    throw new RosterNotAdmitted("somebody has taken the survivor's place")
  }
  const newcomers = after.staff.filter((someone) => before.withKey(someone.deviceKey)?.isSamePerson(someone) !== true)
  for (const someone of newcomers) {
    if (!bySurvivor && !covers(consents.get(toHex(someone.deviceId)), someone)) {
      throw new RosterNotAdmitted("a member was brought in whom the survivor did not accept")
    }
  }
  const isSame = newcomers.length === 0 && after.participants.length === before.participants.length
  if (bySurvivor && newcomers.length !== 1 && !isSame) {
    throw new RosterNotAdmitted("the survivor's device changes the room only to let one person in")
  }
  return newcomers
}

function requireOwnPlace(room: Room, ownKey: Uint8Array, isSurvivor: boolean): void {
  if (room.withKey(ownKey)?.isSurvivor !== isSurvivor) {
    throw new RosterNotAdmitted("we are not in the room as who we are")
  }
}
