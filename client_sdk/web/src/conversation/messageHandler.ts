/** What it means for a conversation that a member said something: an event, a receipt that is owed, a change, an end. */

import {
  ReceiptKind,
  type ChatMessage,
  type EpochAcknowledgement,
  type HandOverNote,
  type Invitation,
  type InvitationAnswer,
  type OfCall,
  type Unknown,
} from "../chat/messages.ts"
import { checkAcknowledgement } from "../group/epochAgreement.ts"
import { toHex } from "../hazmat/bytes.ts"
import type { Membership } from "./membership.ts"
import type { Participant } from "../group/room.ts"
import type { MemberState } from "./memberState.ts"
import type { StateOutput } from "./stateOutput.ts"

type ToPeople = "text" | "receipt" | "attachment" | "location" | "form" | "referral"

/** Takes what is said by the members of a conversation. */
export class MessageHandler {
  readonly #membership: Membership
  readonly #output: StateOutput
  /** Whose devices, by their key in hex, have said that they can take part in no call. */
  readonly #withoutCalls = new Set<string>()

  constructor(membership: Membership, output: StateOutput) {
    this.#membership = membership
    this.#output = output
  }

  /** Somebody said something; whether the conversation has ended by it. Throws `EpochsDiffer`, `LogBroken`. */
  async hear(memberState: MemberState, sender: Participant, message: ChatMessage | OfCall | Unknown, isLive: boolean): Promise<boolean> {
    switch (message.type) {
      case "ofCall":
        this.#output.emit({ type: "callSignal", sender, data: message.raw, isLive })
        break
      case "text": {
        const { id: messageId, text, sent, replyTo } = message
        memberState.receipts.owe(ReceiptKind.DELIVERED, messageId)
        this.#output.emit({ type: "textReceived", messageId, sender, text, sent, replyTo })
        break
      }
      case "receipt": {
        const type = message.kind === ReceiptKind.READ ? "read" : "delivered"
        for (const messageId of message.messageIds) this.#output.emit({ type, messageId, by: sender })
        break
      }
      case "referral":
        memberState.receipts.owe(ReceiptKind.DELIVERED, message.id)
        this.#output.emit({ type: "messageReceived", sender, message })
        break
      case "attachment":
      case "location":
      case "form":
      case "unknown":
        this.#output.emit({ type: "messageReceived", sender, message })
        break
      default:
        return this.#hearAboutTheRoom(memberState, sender, message)
    }
    return false
  }

  /** An answer to an invitation came, or was given here. */
  takeAnswer(sender: Participant, answer: InvitationAnswer): void {
    const invitation = this.#membership.invitations.answer(answer, sender)
    if (invitation === null) return
    this.#output.emit({ type: "invitationAnswered", invitation, accepted: answer.accepted })
  }

  async #hearAboutTheRoom(
    memberState: MemberState,
    sender: Participant,
    message: Exclude<ChatMessage, { type: ToPeople }>,
  ): Promise<boolean> {
    switch (message.type) {
      case "epochAcknowledgement":
        await this.#hearAcknowledgement(memberState, sender, message)
        break
      case "invitation":
        this.#hearInvitation(sender, message)
        break
      case "invitationAnswer":
        this.takeAnswer(sender, message)
        break
      case "leaving":
        return this.#seeLeaving(memberState, sender)
      case "ending":
        return true
      case "noteKey":
        this.#output.emit(memberState.notes.takeKey(message, sender))
        break
      case "handOverNote":
        await this.#hearNote(memberState, sender, message)
    }
    return false
  }

  async #hearAcknowledgement(memberState: MemberState, sender: Participant, said: EpochAcknowledgement): Promise<void> {
    const { group, identity, room, senders } = this.#membership
    if (group === null) return
    await checkAcknowledgement(group, said)
    memberState.agreement.confirmed.add(toHex(sender.deviceKey))
    const ours = room.withKey(identity.signatureKey)?.leafIndex
    for (const { leaf, appended } of said.beginnings) if (leaf === ours) senders.began(sender.deviceKey, appended)
    const key = toHex(sender.deviceKey)
    if (!said.cannotCall || this.#withoutCalls.has(key)) return
    this.#withoutCalls.add(key)
    this.#output.emit({ type: "callsUnsupported", participant: sender })
  }

  async #hearNote(memberState: MemberState, sender: Participant, note: HandOverNote): Promise<void> {
    const { conversationId, identity, room } = this.#membership
    const receiver = room.withKey(identity.signatureKey)
    if (receiver === null) return
    const event = await memberState.notes.takeNote(note, { conversationId, sender, receiver }, room)
    if (event.type === "noteReceived") memberState.receipts.owe(ReceiptKind.DELIVERED, note.id)
    this.#output.emit(event)
  }

  #hearInvitation(sender: Participant, invitation: Invitation): void {
    if (this.#membership.invitations.propose(invitation, sender)) {
      this.#output.emit({ type: "invitationReceived", invitation, proposedBy: sender })
    } else {
      this.#output.emit({ type: "messageRefused", reason: "an invitation that its sender may not make" })
    }
  }

  #seeLeaving(memberState: MemberState, sender: Participant): boolean {
    memberState.leaves(sender)
    this.#output.emit({ type: "left", participant: sender })
    if (sender.isSurvivor) return true
    const { room, identity } = this.#membership
    const [first] = room.staff.filter((one) => !memberState.isLeaving(one))
    if (first?.hasKey(identity.signatureKey) === true) {
      // The first of those who stay does it; should he fail, the next commit of anybody can do it as well.
      memberState.queue({ type: "removeMember", deviceKey: sender.deviceKey })
    }
    return false
  }
}
