/**
 * What one member says, on its way into the log: queued, encrypted under the present epoch, sent, accepted or refused.
 *
 *     say ──> Outbox ──advance, when link, log and epoch allow──> Append ──> relay
 *                ^                                                             │
 *                └──takeBack: the epoch has moved on, say it anew── refused <──┤
 *                                                  wereAccepted: "sent"     <──┘
 *
 * `advance` is called after everything that may have changed what is allowed.
 */

import { isTooOld } from "./callSignals.ts"
import { decodeMessage, encodeMessage } from "../chat/codec.ts"
import { LocalMessageError } from "../chat/errors.ts"
import type { ChatMessage } from "../chat/messages.ts"
import { RemoteError } from "../cryptoErrors.ts"
import { acknowledgementOf } from "../group/epochAgreement.ts"
import {
  ConversationForgotten,
  ConversationOver,
  LogBroken,
  MessageTooLong,
  RosterNotAdmitted,
} from "../errors.ts"
import type { Change } from "../group/groupChanges.ts"
import type { Membership } from "./membership.ts"
import type { SendWindow } from "./sendWindow.ts"
import type { StateOutput } from "./stateOutput.ts"
import { Acknowledge, EntryKind, ErrorCode, type ErrorFrame } from "../relay/frames.ts"
import type { ReassignmentState } from "./reassignmentState.ts"
import type { MemberState } from "./memberState.ts"

/** Takes what one member of a conversation says into its log. */
export class Sender {
  memberState: MemberState
  readonly #membership: Membership
  readonly #sendWindow: SendWindow
  readonly #reassignment: ReassignmentState
  readonly #output: StateOutput

  constructor(membership: Membership, memberState: MemberState, sendWindow: SendWindow, reassignment: ReassignmentState, output: StateOutput) {
    this.memberState = memberState
    this.#membership = membership
    this.#sendWindow = sendWindow
    this.#reassignment = reassignment
    this.#output = output
  }

  /** Queue something to say; throws `ConversationOver`, `MessageTooLong`. */
  say(message: ChatMessage): void {
    if (this.#output.isOver()) throw new ConversationOver("the conversation is over")
    try {
      const content = encodeMessage(message)
      this.memberState.outbox = this.memberState.outbox.add(content)
      this.memberState.leafKeys.noteTalk(message)
      if (this.#membership.identity.isSurvivor) this.#reassignment.sent(message, content)
    } catch (error) {
      if (error instanceof LocalMessageError) throw new MessageTooLong(error.message)
      throw error
    }
  }

  /** Queue something about a call. */
  sayOfCall(data: Uint8Array): void {
    this.memberState.outbox = this.memberState.outbox.add(data)
    this.memberState.leafKeys.noteTalk(decodeMessage(data))
  }

  /** Do all that the present state allows: send what waits, tell how far we have read. */
  async advance(now: number): Promise<void> {
    if (this.#output.isOver() || !this.#sendWindow.isUp) return
    if (this.#sendWindow.takeRepeat(this.memberState.order.cursor)) {
      for (const { append } of this.memberState.outbox.inFlight) this.#output.send(append)
    }
    while (this.#maySend() && (await this.#sendNext(now)));
    if (!this.#output.isOver() && this.#sendWindow.takeAcknowledgement(this.memberState.order.cursor)) {
      this.#output.send(Acknowledge({ conversationId: this.#membership.conversationId, seq: this.memberState.order.cursor }))
    }
  }

  #maySend(): boolean {
    const { group, pending } = this.#membership
    if (group === null || this.#output.isOver() || pending !== null) return false
    return this.#sendWindow.maySend(this.memberState.order.cursor, group.epoch, this.memberState.outbox.inFlight.length)
  }

  async #sendNext(now: number): Promise<boolean> {
    // A group in which we are alone (epoch 0) has nobody to talk to: its first commit comes before all else.
    const [change, ...rest] = this.memberState.changes
    if (change !== undefined) {
      this.memberState.changes = rest
      await this.#commit(change, now)
      return true
    }
    const { group, room } = this.#membership
    if (group === null || room.isEmpty) return false
    if (this.#owesRefresh(now)) {
      // Before all that is said: whoever has copied our keys is not to read it.
      await this.#commit({ type: "refresh" }, now)
      return true
    }
    if (this.memberState.owesAcknowledgement) {
      this.memberState.owesAcknowledgement = false
      const beginnings = this.memberState.beginnings(room)
      const said = await acknowledgementOf(group, beginnings, this.#membership.identity.canCall)
      await this.#encrypt(encodeMessage(said), null)
      return true
    }
    if (this.memberState.notes.owesKey) {
      const key = await this.memberState.notes.offer(now)
      if (key !== null) this.memberState.outbox = this.memberState.outbox.add(encodeMessage(key))
    }
    for (const receipt of this.memberState.receipts.take()) this.memberState.outbox = this.memberState.outbox.add(encodeMessage(receipt))
    const content = this.#nextContent(now)
    if (content === undefined || this.#reassignment.holdsBack) return false
    await this.#encrypt(content, content)
    return true
  }

  #owesRefresh(now: number): boolean {
    // Whom she seeks comes in by a commit of hers, which renews her keys as well.
    return this.memberState.leafKeys.isDue(now) && !this.#reassignment.isOn && this.#membership.mayRefresh
  }

  #nextContent(now: number): Uint8Array | undefined {
    for (;;) {
      const [content] = this.memberState.outbox.queued
      if (content === undefined || !isTooOld(content, now)) return content
      this.memberState.outbox = this.memberState.outbox.dropFirst()
    }
  }

  async #encrypt(data: Uint8Array, content: Uint8Array | null): Promise<void> {
    if (content !== null) this.memberState.leafKeys.noteUse(decodeMessage(content))
    const append = await this.#membership.protect(data, this.memberState.outbox.nextCounter)
    this.memberState.outbox = this.memberState.outbox.sent(append, content)
    this.#output.send(append)
  }

  async #commit(change: Change, now: number): Promise<void> {
    try {
      const append = await this.#membership.stage(change, this.memberState.outbox.nextCounter, now)
      if (append === null) return
      if (append.welcome !== null) this.memberState.order.sendsWelcome(append.counter)
      this.memberState.outbox = this.memberState.outbox.sent(append, null)
      this.#output.send(append)
    } catch (error) {
      if (!(error instanceof RemoteError) && !(error instanceof RosterNotAdmitted)) throw error
      if (change.type === "refresh") this.memberState.leafKeys.failed(now)
      else this.#output.emit({ type: "changeFailed", change, reason: error })
    }
  }

  /** Everything up to `counter` is in the log. */
  wereAccepted(counter: number): void {
    const { outbox, done } = this.memberState.outbox.accepted(counter)
    this.memberState.outbox = outbox
    for (const { content } of done) {
      const message = content === null ? null : decodeMessage(content)
      if (message?.type === "text" || message?.type === "referral") this.#output.emit({ type: "sent", messageId: message.id })
    }
  }

  /** The relay refused an append of ours; throws `LogBroken`, `ConversationForgotten`. */
  refused(error: ErrorFrame): void {
    const [first] = this.memberState.outbox.inFlight
    if (error.code === ErrorCode.WRONG_EPOCH) {
      this.#refusedEpoch(error.counter, error.expected)
    } else if (error.code === ErrorCode.COUNTER_GAP) {
      // Appends behind one that was refused. If the relay lacks one that we no longer have, it lost it.
      if (first !== undefined && error.expected < first.append.counter) {
        throw new LogBroken("the relay has forgotten what it accepted")
      }
    } else if (error.code === ErrorCode.NOT_PERMITTED) {
      this.#refusedChange(error.counter)
    } else if (error.code === ErrorCode.UNKNOWN_CONVERSATION) {
      throw new ConversationForgotten(error.code, error.detail)
    }
  }

  /** The lease of the one whom she lets in had ended. */
  #refusedChange(counter: number): void {
    if (this.#membership.pending?.counter !== counter) return
    this.takeBack(counter)
    this.#reassignment.isApproved = false
    this.#output.emit({ type: "reassignmentLapsed" })
  }

  #refusedEpoch(counter: number, expected: number): void {
    const isEarlierTry = this.memberState.outbox.inFlight.some(
      ({ append }) => append.counter === counter && append.epoch === expected,
    )
    // The answer to an earlier try; meanwhile it was said anew under the right epoch.
    if (isEarlierTry) return
    if (expected < this.#membership.epoch) throw new LogBroken("the relay has gone back to an earlier epoch")
    this.#sendWindow.wantEpoch(expected)
    const lost = this.#membership.pending
    this.takeBack(counter)
    if (lost !== null && this.#membership.pending === null) this.lost(lost.change)
  }

  /** Somebody else's commit came first. A refresh is still due, and made anew when the log is read. */
  lost(change: Change): void {
    if (change.type !== "refresh") this.#output.emit({ type: "commitLost", change })
  }

  /** From `counter` on, nothing that was sent is in the log: it will be said anew. */
  takeBack(counter: number): void {
    for (const { append, content } of this.memberState.outbox.inFlight.filter((sent) => sent.append.counter >= counter)) {
      this.memberState.order.forgetAppend(append.counter)
      if (content === null && append.kind === EntryKind.MESSAGE) this.memberState.owesAcknowledgement = true
    }
    this.memberState.outbox = this.memberState.outbox.refused(counter)
    const { pending } = this.#membership
    if (pending !== null && pending.counter >= counter) this.#membership.pending = null
  }
}
