/**
 * One conversation as one member holds it: frames in, frames and events out, no I/O.
 *
 *     Subscribed, Accepted, Entry, Error ...        sendText, invite, answer ...
 *                   │                                        │
 *                   v                                        v
 *           ┌─ LogOrder ──> what is next ─┐        ┌──── Outbox ────┐
 *           │                             v        v                │
 *           │              Group + Room (one epoch, verified)       │
 *           │                    │                 │                │
 *           └────────────────────┼─────────────────┼────────────────┘
 *                                v                 v
 *                          takeEvents()       takeFrames()
 *
 * Two rules hold everything together. *One order*: entries are applied by their place in the log, our own among them,
 * and our own commit takes effect at its place, not when it is sent. *No unverified epoch*: a state of the group is
 * looked at through the authentication service and the rules of `room` before it replaces the old one; if it does not
 * pass, all keys are wiped and the conversation stops.
 *
 * The caller serialises calls (all but `wipe`), keeps `save()` before it sends what `takeFrames()` gave, and sends in
 * order. `now` is always seconds since 1970.
 */

import { decodeMessage, encodeMessage } from "./chat/codec.ts"
import { LocalMessageError, RemoteMessageError } from "./chat/errors.ts"
import {
  Ending,
  Invitation,
  InvitationAnswer,
  Leaving,
  ReceiptKind,
  Text,
  type ChatMessage,
  type Unknown,
} from "./chat/messages.ts"
import { RemoteError } from "./cryptoErrors.ts"
import { acknowledgementOf, checkAcknowledgement } from "./epochAgreement.ts"
import {
  ConversationOver,
  LogBroken,
  MessageTooLong,
  NotJoined,
  NotTrusted,
  RosterNotAdmitted,
  WrongConversation,
  type TeduhError,
} from "./errors.ts"
import type { StateEvent } from "./events.ts"
import type { Change } from "./groupChanges.ts"
import { areEqual, toHex } from "./hazmat/bytes.ts"
import type { Signer } from "./hazmat/ed25519.ts"
import { LogOrder, type LogItem } from "./logOrder.ts"
import { Membership, type MemberIdentity, type RoomChange } from "./membership.ts"
import type { MlsGroup } from "./mls/group.ts"
import { Outbox } from "./outbox.ts"
import { OwedReceipts } from "./receipts.ts"
import {
  Acknowledge,
  EntryKind,
  Ephemeral,
  ErrorCode,
  SURVIVOR_MEMBER,
  type Accepted,
  type ClientFrame,
  type Entry,
  type EphemeralEntry,
  type ErrorFrame,
  type MembershipEnded,
  type QueuePosition,
  type Subscribed,
} from "./relay/frames.ts"
import type { Participant, VerifyRoom } from "./room.ts"
import {
  restoreChange,
  restoreMembership,
  restoreOrder,
  restoreOutbox,
  saveChange,
  saveMembership,
  saveOrder,
  saveOutbox,
  type SavedConversation,
} from "./savedConversation.ts"
import { TypingSignals } from "./typingSignal.ts"

export type ConversationFrame = Entry | Accepted | ErrorFrame | EphemeralEntry | QueuePosition | MembershipEnded

/** Appends in flight at once, unless the relay allows fewer. */
export const WINDOW = 16

export class ConversationState {
  readonly membership: Membership
  #order: LogOrder
  #outbox = new Outbox()
  #changes: readonly Change[] = []
  /** The keys, in hex, of those who said that they leave. */
  #leaving = new Set<string>()
  #typing = new TypingSignals()
  #receipts = new OwedReceipts()
  #owesAcknowledgement = false
  #isOver = false
  // The link: whether it is up, to where the log must be read before anything is sent, and from which epoch on the relay
  // takes our appends.
  #isUp = false
  #readUntil = 0
  #mustRepeat = false
  #epochWanted = 0
  #acknowledged = 0
  #window = WINDOW
  #frames: ClientFrame[] = []
  #events: StateEvent[] = []

  constructor(conversationId: Uint8Array, identity: MemberIdentity, verify: VerifyRoom) {
    this.membership = new Membership(conversationId, identity, verify)
    this.#order = new LogOrder(identity.isSurvivor ? SURVIVOR_MEMBER : -1)
  }

  // --- what it is ---

  get conversationId(): Uint8Array {
    return this.membership.conversationId
  }

  /** The last entry of the log that was taken. */
  get cursor(): number {
    return this.#order.cursor
  }

  /** Who is in the room, verified, but for those who said that they left; empty before and after. */
  get participants(): readonly Participant[] {
    return this.membership.room.participants.filter((one) => !this.#isLeaving(one))
  }

  /** Ourselves, once we are in the room. */
  get me(): Participant | null {
    return this.membership.room.withKey(this.membership.identity.signatureKey)
  }

  /** Whether it has ended; all keys are gone then. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Whether everything that was said is in the log, and nothing waits behind a gap. */
  get isSettled(): boolean {
    const owes = this.#owesAcknowledgement || !this.#receipts.isEmpty
    return this.#outbox.isEmpty && this.#changes.length === 0 && !this.#order.hasGap && !owes
  }

  /** The epoch of the group; 0 before there is one. */
  get epoch(): number {
    return this.membership.epoch
  }

  /** Whether there is an epoch in which we and somebody else are. */
  get isInRoom(): boolean {
    return !this.membership.room.isEmpty
  }

  /** Whether later entries wait for one that has not come. */
  get hasGap(): boolean {
    return this.#order.hasGap
  }

  /** A name of the entry or the answer that the relay owes us; null when it owes nothing. */
  get waitingFor(): string | null {
    const [first] = this.#outbox.inFlight
    if (!this.#isUp || this.#isOver || (first === undefined && !this.hasGap)) return null
    return `${this.cursor} ${first?.append.counter ?? 0}`
  }

  /** What to send, in order. */
  takeFrames(): ClientFrame[] {
    return this.#frames.splice(0)
  }

  /** What happened, in order. */
  takeEvents(): StateEvent[] {
    return this.#events.splice(0)
  }

  // --- kept between two runs (staff) ---

  /** All that is needed to go on after a restart; contains keys. */
  save(): SavedConversation {
    return {
      conversationId: this.conversationId,
      membership: saveMembership(this.membership),
      place: saveOrder(this.#order),
      outbox: saveOutbox(this.#outbox),
      changes: this.#changes.map(saveChange),
      leaving: [...this.#leaving],
      receipts: [...this.#receipts.byKind].map(([kind, messageIds]) => ({ kind, messageIds })),
      owesAcknowledgement: this.#owesAcknowledgement,
    }
  }

  /**
   * Go on from what was saved; the room is verified anew. Throws `RosterNotAdmitted` if it does not pass any more, a
   * `RemoteError` for damaged bytes.
   */
  static async restore(
    saved: SavedConversation,
    signer: Signer,
    verify: VerifyRoom,
    now: number,
  ): Promise<ConversationState> {
    const identity = { signatureKey: signer.publicKey, isSurvivor: false, bundles: [] }
    const state = new ConversationState(saved.conversationId, identity, verify)
    await restoreMembership(state.membership, saved.membership, signer, now)
    state.#order = restoreOrder(saved.place)
    state.#acknowledged = state.#order.cursor
    state.#outbox = restoreOutbox(saved.outbox)
    state.#changes = await Promise.all(saved.changes.map(restoreChange))
    state.#leaving = new Set(saved.leaving)
    for (const { kind, messageIds } of saved.receipts) {
      for (const id of messageIds) state.#receipts.owe(kind === ReceiptKind.READ ? kind : ReceiptKind.DELIVERED, id)
    }
    state.#owesAcknowledgement = saved.owesAcknowledgement
    return state
  }

  // --- what the application does ---

  /** Staff: begin the conversation with `group` at epoch 0, in which we are alone. */
  async create(group: MlsGroup, member: number, first: Change, now: number): Promise<void> {
    this.#order = new LogOrder(member)
    this.membership.begin(group)
    this.#isUp = true
    await this.change(first, now)
  }

  /** Staff: we are invited, and may read from the entry after `seq` on, which is our Welcome. */
  startAfter(seq: number): void {
    this.#order.cursor = this.#acknowledged = seq
  }

  /** Say something; gives the message id. Kept until somebody hears it. `ConversationOver`, `MessageTooLong`. */
  async sendText(text: string, now: number, replyTo: Uint8Array | null = null): Promise<Uint8Array> {
    const id = crypto.getRandomValues(new Uint8Array(16))
    this.#say(Text({ id, sent: now, text, replyTo }))
    await this.#advance(now)
    return id
  }

  /** Tell the sender that a person has seen this message. */
  async markRead(messageId: Uint8Array, now: number): Promise<void> {
    if (this.#isOver) return
    this.#receipts.owe(ReceiptKind.READ, messageId)
    await this.#advance(now)
  }

  /** Show the others that we write, or have stopped. Lost when nobody is there. */
  async type(active: boolean, now: number): Promise<void> {
    const { group } = this.membership
    if (group === null || !this.#isUp || !this.isInRoom) return
    const payload = await this.#typing.seal(group, active, now)
    if (!this.#isOver) this.#frames.push(Ephemeral({ conversationId: this.conversationId, payload }))
  }

  /** Staff: ask the survivor whether this colleague may come in; the answer comes as an event. */
  async invite(who: Pick<Invitation, "deviceId" | "name" | "role">, reason: string, now: number): Promise<Invitation> {
    const me = this.#requireRoom()
    const { deviceId, name, role } = who
    const id = crypto.getRandomValues(new Uint8Array(16))
    const invitation = Invitation({ id, sent: now, deviceId, name, role, reason })
    this.#say(invitation)
    this.membership.invitations.propose(invitation, me)
    await this.#advance(now)
    return invitation
  }

  /** Survivor: yes or no to somebody new in the room; throws `NotJoined`, `ConversationOver`. */
  async answer(invitation: Invitation, accepted: boolean, now: number): Promise<void> {
    const me = this.#requireRoom()
    const answer = InvitationAnswer({ invitationId: invitation.id, sent: now, accepted })
    this.#say(answer)
    this.#takeAnswer(me, answer)
    await this.#advance(now)
  }

  /** Staff: change the group; adopted when, and where, the relay has put the commit. */
  async change(change: Change, now: number): Promise<void> {
    this.#requireOpen()
    this.#changes = [...this.#changes, change]
    await this.#advance(now)
  }

  /** Say that we leave, or that it is over for everybody; keys stay until `wipe`, to send this. */
  async leave(now: number, forAll = false): Promise<void> {
    if (this.membership.group === null || this.#isOver) return
    this.#say(forAll ? Ending({ sent: now }) : Leaving({ sent: now }))
    await this.#advance(now)
  }

  /** Forget every key and everything unsent, at once. */
  wipe(): void {
    this.#isOver = true
    this.membership.wipe()
    this.#outbox = new Outbox()
    this.#changes = []
    this.#receipts = new OwedReceipts()
    this.#owesAcknowledgement = false
    this.#frames = []
  }

  // --- what the relay says ---

  /** We are subscribed (again): what is in the log, and what of ours is. */
  async connected(frame: Subscribed, now: number, window = WINDOW): Promise<void> {
    if (this.#isOver) return
    if (this.#order.member < 0) this.#order.member = frame.member
    if (frame.lastSeq > this.cursor && frame.firstSeq > this.cursor + 1) {
      this.#stop(new LogBroken("entries have expired before they were read"))
    } else if (frame.lastSeq < this.cursor) {
      this.#stop(new LogBroken("the relay has lost entries that were read before"))
    } else {
      this.#isUp = true
      this.#readUntil = frame.lastSeq
      this.#window = Math.min(window, WINDOW)
      // Same counters, same bytes: the relay recognises what it has, and says so.
      this.#mustRepeat = true
      await this.#guarded(now, () => {
        this.#wereAccepted(frame.counter)
      })
    }
  }

  /** Survivor: the request was forgotten before anybody took it, and stands again under this id. */
  beginAnew(conversationId: Uint8Array): void {
    if (this.isInRoom || areEqual(conversationId, this.conversationId)) return
    this.membership.conversationId = conversationId
    this.#order = new LogOrder(SURVIVOR_MEMBER)
    this.#acknowledged = 0
  }

  /** Verify the room anew: somebody may have been revoked since. */
  async lookAgain(now: number): Promise<void> {
    try {
      await this.membership.lookAgain(now)
    } catch (error) {
      if (!(error instanceof RosterNotAdmitted)) throw error
      this.#refuse(error)
    }
  }

  /** Stop for good, and say why. */
  giveUp(reason: TeduhError): void {
    this.#stop(reason)
  }

  /** The link broke. Nothing is encrypted until it is back, for the epoch may move on meanwhile. */
  disconnected(): void {
    this.#isUp = false
    this.#frames = []
  }

  /** Send again what is in flight: the relay was too busy for it. It recognises what it has. */
  async repeat(now: number): Promise<void> {
    this.#mustRepeat = true
    await this.#advance(now)
  }

  /** A frame about this conversation came. */
  async receive(frame: ConversationFrame, now: number): Promise<void> {
    if (this.#isOver) return
    await this.#guarded(now, async () => {
      await this.#take(frame)
      await this.#readLog(now)
    })
  }

  async #guarded(now: number, work: () => void | Promise<void>): Promise<void> {
    try {
      await work()
      await this.#advance(now)
    } catch (error) {
      // Wiped in the middle of it: whatever it was, it is over.
      if (this.#isOver) return
      if (!(error instanceof NotTrusted)) throw error
      if (error instanceof RosterNotAdmitted || error instanceof WrongConversation) this.#refuse(error)
      else this.#stop(error)
    }
  }

  async #take(frame: ConversationFrame): Promise<void> {
    switch (frame.type) {
      case "entry":
        this.#order.received(frame)
        break
      case "accepted":
        if (frame.counter >= this.#outbox.nextCounter) throw new LogBroken("the relay accepts what was never sent")
        this.#wereAccepted(frame.counter)
        this.#order.accepted(frame.counter, frame.seq)
        break
      case "error":
        this.#refused(frame)
        break
      case "ephemeralEntry":
        await this.#seeTyping(frame.payload)
        break
      case "queuePosition":
        this.#events.push({ type: "waiting", position: frame.position })
        break
      case "membershipEnded":
        this.#end(null)
    }
  }

  async #readLog(now: number): Promise<void> {
    while (!this.#isOver) {
      const item = this.#order.next()
      if (item === null) return
      await this.#read(item, now)
    }
  }

  async #read(item: LogItem, now: number): Promise<void> {
    if (item.type === "ownEntry") {
      this.#takeOwn(item.counter)
    } else if (item.type === "entry") {
      await this.#readEntry(item, now)
    }
  }

  #takeOwn(counter: number): void {
    this.#wereAccepted(counter)
    const change = this.membership.adopt(counter)
    if (change !== null) this.#seeRoom(change)
  }

  async #readEntry(entry: Entry, now: number): Promise<void> {
    if (this.membership.group === null) {
      if (entry.kind === EntryKind.WELCOME) this.#seeRoom(await this.membership.join(entry, now))
    } else if (entry.kind === EntryKind.COMMIT) {
      await this.#follow(entry, now)
    } else if (entry.kind === EntryKind.MESSAGE) {
      await this.#open(entry, now)
    }
  }

  // --- epochs ---

  async #follow(entry: Entry, now: number): Promise<void> {
    const lost = this.membership.pending
    const change = await this.membership.follow(entry, now)
    if (change === null) {
      this.#end(null)
      return
    }
    // What was in flight was made in the epoch that is left; the relay refuses it, and it is said anew.
    const [first] = this.#outbox.inFlight
    if (first !== undefined) this.#takeBack(first.append.counter)
    this.#seeRoom(change)
    if (lost !== null) this.#events.push({ type: "commitLost", change: lost.change })
  }

  #seeRoom(change: RoomChange): void {
    this.#owesAcknowledgement = true
    for (const participant of change.came) this.#events.push({ type: "joined", participant })
    for (const participant of change.went) {
      if (!this.#isLeaving(participant)) this.#events.push({ type: "left", participant })
      this.#leaving.delete(toHex(participant.deviceKey))
    }
    if (change.went.some((one) => one.isSurvivor)) this.#end(null)
  }

  // --- messages ---

  async #open(entry: Entry, now: number): Promise<void> {
    try {
      const { sender, data } = await this.membership.open(entry, now)
      const message = decodeMessage(data)
      if (!this.#isLeaving(sender)) await this.#hear(sender, message)
    } catch (error) {
      if (error instanceof RemoteError) {
        this.#events.push({ type: "messageRefused", reason: `an entry did not open: ${error.message}` })
      } else if (error instanceof RemoteMessageError) {
        this.#events.push({ type: "messageRefused", reason: `a member said something unreadable: ${error.message}` })
      } else {
        throw error
      }
    }
  }

  async #hear(sender: Participant, message: ChatMessage | Unknown): Promise<void> {
    switch (message.type) {
      case "text": {
        const { id: messageId, text, sent, replyTo } = message
        this.#receipts.owe(ReceiptKind.DELIVERED, messageId)
        this.#events.push({ type: "textReceived", messageId, sender, text, sent, replyTo })
        break
      }
      case "receipt": {
        const type = message.kind === ReceiptKind.READ ? "read" : "delivered"
        for (const messageId of message.messageIds) this.#events.push({ type, messageId, by: sender })
        break
      }
      case "attachment":
      case "location":
      case "form":
      case "referral":
      case "unknown":
        this.#events.push({ type: "messageReceived", sender, message })
        break
      default:
        await this.#hearAboutTheRoom(sender, message)
    }
  }

  async #hearAboutTheRoom(
    sender: Participant,
    message: Exclude<ChatMessage, { type: "text" | "receipt" | "attachment" | "location" | "form" | "referral" }>,
  ): Promise<void> {
    switch (message.type) {
      case "epochAcknowledgement":
        if (this.membership.group !== null) await checkAcknowledgement(this.membership.group, message)
        break
      case "invitation":
        this.#hearInvitation(sender, message)
        break
      case "invitationAnswer":
        this.#takeAnswer(sender, message)
        break
      case "leaving":
        this.#seeLeaving(sender)
        break
      case "ending":
        this.#end(sender)
    }
  }

  #hearInvitation(sender: Participant, invitation: Invitation): void {
    if (this.membership.invitations.propose(invitation, sender)) {
      this.#events.push({ type: "invitationReceived", invitation, proposedBy: sender })
    } else {
      this.#events.push({ type: "messageRefused", reason: "an invitation that its sender may not make" })
    }
  }

  #takeAnswer(sender: Participant, answer: InvitationAnswer): void {
    const invitation = this.membership.invitations.answer(answer, sender)
    if (invitation !== null) this.#events.push({ type: "invitationAnswered", invitation, accepted: answer.accepted })
  }

  #seeLeaving(sender: Participant): void {
    this.#leaving.add(toHex(sender.deviceKey))
    this.#events.push({ type: "left", participant: sender })
    if (sender.isSurvivor) {
      this.#end(sender)
      return
    }
    const [first] = this.membership.room.staff.filter((one) => !this.#isLeaving(one))
    if (first !== undefined && first === this.me) {
      // The first of those who stay does it; should he fail, the next commit of anybody can do it as well.
      this.#changes = [...this.#changes, { type: "removeMember", deviceKey: sender.deviceKey }]
    }
  }

  #isLeaving(one: Participant): boolean {
    return this.#leaving.has(toHex(one.deviceKey))
  }

  async #seeTyping(payload: Uint8Array): Promise<void> {
    const { group, room } = this.membership
    if (group === null) return
    const seen = await this.#typing.open(group, payload)
    if (seen === null) return
    this.#events.push({ type: "typingSeen", participant: room.at(seen.leafIndex), active: seen.active })
  }

  // --- sending ---

  #say(message: ChatMessage): void {
    this.#requireOpen()
    try {
      this.#outbox = this.#outbox.add(encodeMessage(message))
    } catch (error) {
      if (error instanceof LocalMessageError) throw new MessageTooLong(error.message)
      throw error
    }
  }

  /** Do all that the present state allows: send what waits, tell how far we have read. */
  async #advance(now: number): Promise<void> {
    if (this.#isOver || !this.#isUp) return
    if (this.#mustRepeat && this.cursor >= this.#readUntil) {
      this.#mustRepeat = false
      this.#frames.push(...this.#outbox.inFlight.map((sent) => sent.append))
    }
    while (this.#maySend() && (await this.#sendNext(now)));
    if (this.#owesReading()) {
      this.#acknowledged = this.cursor
      this.#frames.push(Acknowledge({ conversationId: this.conversationId, seq: this.cursor }))
    }
  }

  #owesReading(): boolean {
    return !this.#isOver && this.cursor > this.#acknowledged
  }

  #maySend(): boolean {
    const { group, pending } = this.membership
    if (group === null || this.#isOver || this.cursor < this.#readUntil) return false
    return group.epoch >= this.#epochWanted && pending === null && this.#outbox.inFlight.length < this.#window
  }

  async #sendNext(now: number): Promise<boolean> {
    // A group in which we are alone (epoch 0) has nobody to talk to: its first commit comes before all else.
    const [change, ...rest] = this.#changes
    if (change !== undefined) {
      this.#changes = rest
      await this.#commit(change, now)
      return true
    }
    const { group } = this.membership
    if (group === null || !this.isInRoom) return false
    if (this.#owesAcknowledgement) {
      this.#owesAcknowledgement = false
      await this.#encrypt(encodeMessage(await acknowledgementOf(group)), null)
      return true
    }
    for (const receipt of this.#receipts.take()) this.#outbox = this.#outbox.add(encodeMessage(receipt))
    const [content] = this.#outbox.queued
    if (content === undefined) return false
    await this.#encrypt(content, content)
    return true
  }

  async #encrypt(data: Uint8Array, content: Uint8Array | null): Promise<void> {
    const append = await this.membership.protect(data, this.#outbox.nextCounter)
    this.#outbox = this.#outbox.sent(append, content)
    this.#frames.push(append)
  }

  async #commit(change: Change, now: number): Promise<void> {
    try {
      const append = await this.membership.stage(change, this.#outbox.nextCounter, now)
      if (append === null) return
      if (append.welcome !== null) this.#order.sendsWelcome(append.counter)
      this.#outbox = this.#outbox.sent(append, null)
      this.#frames.push(append)
    } catch (error) {
      if (!(error instanceof RemoteError) && !(error instanceof RosterNotAdmitted)) throw error
      this.#events.push({ type: "changeFailed", change, reason: error })
    }
  }

  #wereAccepted(counter: number): void {
    const { outbox, done } = this.#outbox.accepted(counter)
    this.#outbox = outbox
    for (const { content } of done) {
      const message = content === null ? null : decodeMessage(content)
      if (message?.type === "text") this.#events.push({ type: "sent", messageId: message.id })
    }
  }

  #refused(error: ErrorFrame): void {
    const [first] = this.#outbox.inFlight
    if (error.code === ErrorCode.WRONG_EPOCH) {
      this.#refusedEpoch(error.counter, error.expected)
    } else if (error.code === ErrorCode.COUNTER_GAP) {
      // Appends behind one that was refused. If the relay lacks one that we no longer have, it lost it.
      if (first !== undefined && error.expected < first.append.counter) {
        throw new LogBroken("the relay has forgotten what it accepted")
      }
    } else if (error.code === ErrorCode.UNKNOWN_CONVERSATION) {
      this.#end(null)
    }
  }

  #refusedEpoch(counter: number, expected: number): void {
    const isEarlierTry = this.#outbox.inFlight.some(
      ({ append }) => append.counter === counter && append.epoch === expected,
    )
    // The answer to an earlier try; meanwhile it was said anew under the right epoch.
    if (isEarlierTry) return
    if (expected < this.epoch) throw new LogBroken("the relay has gone back to an earlier epoch")
    this.#epochWanted = Math.max(this.#epochWanted, expected)
    const lost = this.membership.pending
    this.#takeBack(counter)
    if (lost !== null && this.membership.pending === null) {
      this.#events.push({ type: "commitLost", change: lost.change })
    }
  }

  /** From `counter` on, nothing that was sent is in the log: it will be said anew. */
  #takeBack(counter: number): void {
    for (const { append, content } of this.#outbox.inFlight.filter((sent) => sent.append.counter >= counter)) {
      this.#order.forgetAppend(append.counter)
      if (content === null && append.kind === EntryKind.MESSAGE) this.#owesAcknowledgement = true
    }
    this.#outbox = this.#outbox.refused(counter)
    const { pending } = this.membership
    if (pending !== null && pending.counter >= counter) this.membership.pending = null
  }

  // --- ends ---

  #requireOpen(): void {
    if (this.#isOver) throw new ConversationOver("the conversation is over")
  }

  #requireRoom(): Participant {
    this.#requireOpen()
    const { me } = this
    if (me === null) throw new NotJoined("nobody has joined yet")
    return me
  }

  #end(by: Participant | null): void {
    if (this.#isOver) return
    this.wipe()
    this.#events.push({ type: "ended", by })
  }

  #refuse(reason: NotTrusted): void {
    if (this.#isOver) return
    this.#events.push({ type: "rosterRefused", reason })
    this.#stop(reason)
  }

  #stop(reason: TeduhError): void {
    if (this.#isOver) return
    this.wipe()
    this.#events.push({ type: "stopped", reason })
  }
}
