/**
 * How members come into the group and go.
 *
 * A change names people, not leaves, so that it can be tried again after somebody else's commit; it becomes proposals
 * only against the room of the moment, and nothing at all when it has become pointless.
 */

import { sha256, toHex } from "../hazmat/bytes.ts"
import type { MlsProposal } from "../mls/group.ts"
import type { KeyPackage } from "../mls/keyPackageBundle.ts"
import type { Participant, Room } from "./room.ts"

/** Bring in the device of this key package; `byCapability` tells that it is the survivor's. */
export interface AddMember {
  readonly type: "addMember"
  readonly keyPackage: KeyPackage
  readonly byCapability: boolean
  /** Who goes by the same commit: keys in hex. Only the survivor's device does that. */
  readonly insteadOf?: ReadonlySet<string>
}

/** Take out the member with this signature key. */
export interface RemoveMember {
  readonly type: "removeMember"
  readonly deviceKey: Uint8Array
}

/** Only new keys in our leaf: what was copied before is worth nothing after (`leafKeyAge.ts`). */
export interface Refresh {
  readonly type: "refresh"
}

export type Change = AddMember | RemoveMember | Refresh

/** The device ids that the relay must let in, and those that it must let go. */
export interface RelayMembers {
  readonly added: readonly Uint8Array[]
  readonly removed: readonly Uint8Array[]
}

/** What to commit for `change` in this room; null when there is nothing left to do. */
export function proposalsFor(change: Change, room: Room): readonly MlsProposal[] | null {
  if (change.type === "refresh") return []
  const deviceKey = change.type === "addMember" ? change.keyPackage.signatureKey : change.deviceKey
  const someone = room.withKey(deviceKey)
  if (change.type === "removeMember") return someone === null ? null : [{ remove: someone.leafIndex }]
  if (someone !== null) return null
  return [...replacedBy(change, room).map(({ leafIndex: remove }) => ({ remove })), { add: change.keyPackage.encoded }]
}

function replacedBy({ insteadOf }: AddMember, room: Room): readonly Participant[] {
  return room.staff.filter((one) => insteadOf?.has(toHex(one.deviceKey)) === true)
}

/** Whom the relay lets in and lets go by `change`. */
export async function relayMembers(change: Change, room: Room): Promise<RelayMembers> {
  if (change.type === "addMember" && !change.byCapability) {
    const removed = replacedBy(change, room).map(({ deviceId }) => deviceId)
    return { added: [await sha256(change.keyPackage.signatureKey)], removed }
  }
  const gone = change.type === "removeMember" ? room.withKey(change.deviceKey) : null
  return { added: [], removed: gone === null || gone.isSurvivor ? [] : [gone.deviceId] }
}
