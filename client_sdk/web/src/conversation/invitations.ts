/**
 * Who may be brought in: what staff have proposed, and what the survivor has said to it.
 *
 *     Invitation (staff) ──> open ──> InvitationAnswer (survivor) ──> consent ──> the commit that adds her
 *
 * A consent holds for one device under one name and role, and is used up when she comes in.
 */

import type { Invitation, InvitationAnswer } from "../chat/messages.ts"
import { toHex } from "../hazmat/bytes.ts"
import type { Consent, Participant } from "../group/room.ts"

export class Invitations {
  /** The open invitations by id in hex. */
  readonly open: Map<string, Invitation>
  /** The consents by device id in hex. */
  readonly consents: Map<string, Consent>

  constructor(open: readonly Invitation[] = [], consents: readonly Consent[] = []) {
    this.open = new Map(open.map((invitation) => [toHex(invitation.id), invitation]))
    this.consents = new Map(consents.map((consent) => [toHex(consent.deviceId), consent]))
  }

  /** Take an invitation; false if its sender may not make it. */
  propose(invitation: Invitation, by: Participant): boolean {
    const id = toHex(invitation.id)
    if (by.isSurvivor || this.open.has(id)) return false
    this.open.set(id, invitation)
    return true
  }

  /** Take an answer; returns the invitation that it answers, or null if it answers none. */
  answer(answer: InvitationAnswer, by: Participant): Invitation | null {
    if (!by.isSurvivor) return null
    const id = toHex(answer.invitationId)
    const invitation = this.open.get(id) ?? null
    this.open.delete(id)
    if (invitation !== null && answer.accepted) {
      const { deviceId, name, role } = invitation
      this.consents.set(toHex(deviceId), { deviceId, name, role })
    }
    return invitation
  }

  /** She is in: coming again would need a new consent. */
  use(newcomer: Participant): void {
    this.consents.delete(toHex(newcomer.deviceId))
  }
}
