/**
 * Where one member stands in a conversation, beside the group: what she has read, said, and owes. A staff device keeps
 * it together with the group, so that a restart loses nothing.
 */

import { MAX_BEGINNINGS, ReceiptKind, type Beginning } from "../chat/messages.ts"
import { EpochAgreement } from "../group/epochAgreement.ts"
import type { Change } from "../group/groupChanges.ts"
import { toHex } from "../hazmat/bytes.ts"
import { LeafKeyAge } from "../group/leafKeyAge.ts"
import { LogOrder } from "./logOrder.ts"
import { Outbox } from "./outbox.ts"
import { OwedReceipts } from "./receipts.ts"
import type { NoteKeys } from "./noteKeys.ts"
import type { Participant, Room } from "../group/room.ts"
import {
  restoreChange,
  restoreOrder,
  restoreOutbox,
  saveChange,
  saveOrder,
  saveOutbox,
  type SavedConversation,
} from "./savedConversation.ts"

type SavedStanding = Omit<SavedConversation, "conversationId" | "membership">

export class MemberState {
  order: LogOrder
  outbox = new Outbox()
  /** What is still to be changed in the group, in this order. */
  changes: readonly Change[] = []
  receipts = new OwedReceipts()
  readonly leafKeys = new LeafKeyAge()
  /** Whether the others have yet to hear what we see of the present epoch. */
  owesAcknowledgement = false
  agreement = new EpochAgreement()
  /** The keys, in hex, of those who said that they leave. */
  #leaving = new Set<string>()
  /** By the key, in hex, of each other member: how many entries we had appended when both were first in one epoch. */
  #appendedBefore = new Map<string, number>()

  constructor(
    order: LogOrder,
    readonly notes: NoteKeys,
  ) {
    this.order = order
  }

  /** Whether everything that was said is in the log, and nothing waits behind a gap. */
  get isConfirmed(): boolean {
    const owes = this.owesAcknowledgement || !this.receipts.isEmpty || this.notes.owesKey
    return this.outbox.isEmpty && this.changes.length === 0 && !this.order.hasGap && !owes
  }

  isLeaving(one: Participant): boolean {
    return this.#leaving.has(toHex(one.deviceKey))
  }

  /** The keys, in hex, of those who said that they leave. */
  get leaving(): ReadonlySet<string> {
    return this.#leaving
  }

  /** She said that she leaves. */
  leaves(one: Participant): void {
    this.#leaving.add(toHex(one.deviceKey))
  }

  /** She and we are in one epoch for the first time. */
  hasCome(one: Participant): void {
    this.#appendedBefore.set(toHex(one.deviceKey), this.order.nextOwn - 1)
  }

  /** She is out. */
  hasLeft(one: Participant): void {
    this.notes.forget(one)
    this.#leaving.delete(toHex(one.deviceKey))
    this.#appendedBefore.delete(toHex(one.deviceKey))
  }

  /** Where each other member begins to hear us, as far as we know. */
  beginnings(room: Room): Beginning[] {
    const known = room.participants.flatMap(({ leafIndex: leaf, deviceKey }) => {
      const appended = this.#appendedBefore.get(toHex(deviceKey))
      return appended === undefined ? [] : [{ leaf, appended }]
    })
    return known.slice(0, MAX_BEGINNINGS)
  }

  /** One more thing to change. */
  queue(change: Change): void {
    this.changes = [...this.changes, change]
  }

  /** Forget everything unsent. */
  wipe(): void {
    this.outbox = new Outbox()
    this.changes = []
    this.receipts = new OwedReceipts()
    this.owesAcknowledgement = false
    this.agreement = new EpochAgreement()
    this.notes.wipe()
  }

  save(): SavedStanding {
    return {
      place: saveOrder(this.order),
      outbox: saveOutbox(this.outbox),
      changes: this.changes.map(saveChange),
      leaving: [...this.#leaving],
      receipts: [...this.receipts.byKind].map(([kind, messageIds]) => ({ kind, messageIds })),
      owesAcknowledgement: this.owesAcknowledgement,
      notes: this.notes.save(),
      confirmed: [...this.agreement.confirmed],
      appendedBefore: [...this.#appendedBefore].map(([key, counter]) => ({ key, counter })),
    }
  }

  /** Throws a `RemoteError` for damaged bytes. */
  static async restore(saved: SavedStanding, notes: NoteKeys): Promise<MemberState> {
    const memberState = new MemberState(restoreOrder(saved.place), notes)
    memberState.outbox = restoreOutbox(saved.outbox)
    memberState.changes = await Promise.all(saved.changes.map(restoreChange))
    memberState.#leaving = new Set(saved.leaving)
    memberState.agreement = new EpochAgreement(saved.confirmed ?? [])
    memberState.#appendedBefore = new Map(saved.appendedBefore.map(({ key, counter }) => [key, counter]))
    memberState.leafKeys.isOwed = true
    memberState.owesAcknowledgement = saved.owesAcknowledgement
    for (const { kind, messageIds } of saved.receipts) {
      for (const id of messageIds) memberState.receipts.owe(kind === ReceiptKind.READ ? kind : ReceiptKind.DELIVERED, id)
    }
    return memberState
  }
}
