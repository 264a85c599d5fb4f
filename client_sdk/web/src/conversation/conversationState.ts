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

import { CallSignals } from "./callSignals.ts"
import { decodeMessage } from "../chat/codec.ts"
import { RemoteMessageError } from "../chat/errors.ts"
import {
  Ending,
  Invitation,
  InvitationAnswer,
  Leaving,
  type Referral,
  ReceiptKind,
  Text,
} from "../chat/messages.ts"
import { eventOf, type ConversationFrame } from "./conversationFrame.ts"
import { RevocationListStale } from "../credentials/exceptions.ts"
import { RemoteError } from "../cryptoErrors.ts"
import {
  ConversationForgotten,
  ConversationOver,
  LogBroken,
  NotJoined,
  NotTrusted,
  RequestUnusable,
  RosterNotAdmitted,
  WrongConversation,
  type TeduhError,
} from "../errors.ts"
import { EpochAgreement } from "../group/epochAgreement.ts"
import type { StateEvent, Unsent } from "../events.ts"
import type { AddMember, Change } from "../group/groupChanges.ts"
import { areEqual, toHex } from "../hazmat/bytes.ts"
import type { Signer } from "../hazmat/ed25519.ts"
import { MessageHandler } from "./messageHandler.ts"
import { LogOrder, type LogItem } from "./logOrder.ts"
import { Membership, type MemberIdentity, type RoomChange } from "./membership.ts"
import { readKeyPackage, type MlsGroup } from "../mls/group.ts"
import { EntryKind, Ephemeral, ErrorCode, SURVIVOR_MEMBER, type ClientFrame, type Entry, type KeyPackage, type Subscribed } from "../relay/frames.ts"
import { NoteKeys } from "./noteKeys.ts"
import { SendWindow, WINDOW } from "./sendWindow.ts"
import type { Participant, VerifyRoom } from "../group/room.ts"
import { restoreMembership, saveMembership, type SavedConversation } from "./savedConversation.ts"
import { ReassignmentState } from "./reassignmentState.ts"
import { Sender } from "./sender.ts"
import { MemberState } from "./memberState.ts"
import { TypingSignals } from "./typingSignal.ts"
import { StateOutput } from "./stateOutput.ts"

export class ConversationState {
  readonly membership: Membership
  readonly reassignment: ReassignmentState
  readonly #messageHandler: MessageHandler
  readonly #sender: Sender
  #typing = new TypingSignals()
  readonly #calls = new CallSignals()
  #isDisconnected = false
  /** Whether the Welcome is here, and nobody in it can be believed before there is a fresh revocation list. */
  #awaitsList = false
  /** Survivor: the place of the commit by which somebody has come, or has only taken her request. */
  #takenAt = 0
  readonly #sendWindow = new SendWindow()
  readonly #output = new StateOutput()

  constructor(conversationId: Uint8Array, identity: MemberIdentity, verify: VerifyRoom, notes = new NoteKeys()) {
    this.membership = new Membership(conversationId, identity, verify)
    const memberState = new MemberState(new LogOrder(identity.isSurvivor ? SURVIVOR_MEMBER : -1), notes)
    this.reassignment = new ReassignmentState(this.#output)
    this.#sender = new Sender(this.membership, memberState, this.#sendWindow, this.reassignment, this.#output)
    this.#messageHandler = new MessageHandler(this.membership, this.#output)
  }

  // --- what it is ---

  get #memberState(): MemberState {
    return this.#sender.memberState
  }

  get conversationId(): Uint8Array {
    return this.membership.conversationId
  }

  /** The last entry of the log that was taken. */
  get cursor(): number {
    return this.#memberState.order.cursor
  }

  /** Who is in the room, verified, but for those who said that they left; empty before and after. */
  get participants(): readonly Participant[] {
    return this.membership.room.participants.filter((one) => !this.#memberState.isLeaving(one))
  }

  /** Ourselves, once we are in the room. */
  get me(): Participant | null {
    return this.membership.room.withKey(this.membership.identity.signatureKey)
  }

  /** Whether it has ended; all keys are gone then. */
  get isOver(): boolean {
    return this.#output.isOver()
  }

  /** Whether everything that was said is in the log, and nothing waits behind a gap. */
  get isConfirmed(): boolean {
    return this.#memberState.isConfirmed
  }

  /** The texts that were said and are not known to be in the log; none once it is over. */
  get unsent(): readonly Unsent[] {
    return this.#memberState.outbox.unsent
  }

  /** The epoch of the group; 0 before there is one. */
  get epoch(): number {
    return this.membership.epoch
  }

  /** Whether there is an epoch in which we and somebody else are. */
  get isInRoom(): boolean {
    return !this.membership.room.isEmpty
  }

  /** Whether it is hers. */
  get isSurvivor(): boolean {
    return this.membership.identity.isSurvivor
  }

  /** Whether something was sent that the relay has not answered. */
  get hasInFlight(): boolean {
    return this.#memberState.outbox.inFlight.length > 0
  }

  /** Whether later entries wait for one that has not come. */
  get hasGap(): boolean {
    return this.#memberState.order.hasGap
  }

  /** A name of the entry or the answer that the relay owes us; null when it owes nothing. */
  get waitingFor(): string | null {
    const [first] = this.#memberState.outbox.inFlight
    const owesEntry = (this.hasGap || this.#lacksWelcome) && !this.#awaitsList
    if (!this.#sendWindow.isUp || this.#output.isOver() || (first === undefined && !owesEntry)) return null
    return `${this.cursor} ${first?.append.counter ?? 0}`
  }

  get #lacksWelcome(): boolean {
    return this.#takenAt > 0 && this.membership.group === null
  }

  /** What to send, in order. */
  takeFrames(): ClientFrame[] {
    return this.#output.takeFrames()
  }

  /** What happened, in order. */
  takeEvents(): StateEvent[] {
    return this.#output.takeEvents()
  }

  // --- kept between two runs (staff) ---

  /** All that is needed to go on after a restart; contains keys. */
  save(): SavedConversation {
    return {
      conversationId: this.conversationId,
      membership: saveMembership(this.membership),
      ...this.#memberState.save(),
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
    notes: NoteKeys,
    now: number,
  ): Promise<ConversationState> {
    const identity = { signatureKey: signer.publicKey, isSurvivor: false, bundles: [] }
    const state = new ConversationState(saved.conversationId, identity, verify, notes)
    await restoreMembership(state.membership, saved.membership, signer, now)
    state.#sender.memberState = await MemberState.restore(saved, notes)
    state.#sendWindow.readUpTo(state.cursor)
    if (saved.confirmed === null) {
      // The release before kept nothing of this, and what was confirmed is not said again.
      state.#memberState.agreement = new EpochAgreement(state.participants.map(({ deviceKey }) => toHex(deviceKey)))
    }
    return state
  }

  // --- what the application does ---

  /** Staff: begin the conversation with `group` at epoch 0, in which we are alone. */
  async create(group: MlsGroup, member: number, first: Change, now: number): Promise<void> {
    this.#memberState.order = new LogOrder(member)
    this.membership.begin(group)
    this.#memberState.leafKeys.renewed(now)
    this.#sendWindow.isUp = true
    await this.change(first, now)
  }

  /** Staff: we are invited, and may read from the entry after `seq` on, which is our Welcome. */
  startAfter(seq: number): void {
    this.#memberState.order.cursor = seq
    this.#sendWindow.readUpTo(seq)
  }

  /** Say something; gives the message id. Kept until somebody hears it. `ConversationOver`, `MessageTooLong`. */
  async sendText(text: string, now: number, replyTo: Uint8Array | null = null): Promise<Uint8Array> {
    const id = crypto.getRandomValues(new Uint8Array(16))
    await this.say(Text({ id, sent: now, text, replyTo }), now)
    return id
  }

  /** The same, of what is made already. */
  async say(message: Text | Referral, now: number): Promise<void> {
    this.#sender.say(message)
    await this.#sender.advance(now)
  }

  /** Tell the sender that a person has seen this message. */
  async markRead(messageId: Uint8Array, now: number): Promise<void> {
    if (this.#output.isOver()) return
    this.#memberState.receipts.owe(ReceiptKind.READ, messageId)
    await this.#sender.advance(now)
  }

  /** Show the others that we write, or have stopped. Lost when nobody is there. */
  async type(active: boolean, now: number): Promise<void> {
    const { group } = this.membership
    if (group === null || !this.#sendWindow.isUp || !this.isInRoom) return
    const payload = await this.#typing.seal(group, active, now)
    if (!this.#output.isOver()) this.#output.send(Ephemeral({ conversationId: this.conversationId, payload }))
  }

  /** Say something about a call to everybody: in the log, or beside it, where it may be lost. */
  async signalCall(data: Uint8Array, isEphemeral: boolean, now: number): Promise<void> {
    const { group } = this.membership
    if (this.#output.isOver()) return
    if (!isEphemeral) {
      this.#sender.sayOfCall(data)
      await this.#sender.advance(now)
    } else if (group !== null && this.#sendWindow.isUp && this.isInRoom) {
      const payload = await this.#calls.seal(group, data, now)
      if (!this.isOver) this.#output.send(Ephemeral({ conversationId: this.conversationId, payload }))
    }
  }

  /** Staff: ask the survivor whether this colleague may come in; the answer comes as an event. */
  async invite(who: Pick<Invitation, "deviceId" | "name" | "role">, reason: string, now: number): Promise<Invitation> {
    const me = this.#requireRoom()
    const { deviceId, name, role } = who
    const id = crypto.getRandomValues(new Uint8Array(16))
    const invitation = Invitation({ id, sent: now, deviceId, name, role, reason })
    this.#sender.say(invitation)
    this.membership.invitations.propose(invitation, me)
    await this.#sender.advance(now)
    return invitation
  }

  /** Whether a colleague's device is here and a note can be sealed to it. */
  awaitsNote(someone: Participant): boolean {
    return this.#memberState.notes.keys.has(toHex(someone.deviceKey))
  }

  /** Staff: seal a note to a colleague who awaits one; gives its id, for `delivered`. */
  async handOverNote(receiver: Participant, text: string, now: number): Promise<Uint8Array> {
    const path = { conversationId: this.conversationId, sender: this.#requireRoom(), receiver }
    const note = await this.#memberState.notes.seal(text, path, now)
    this.#sender.say(note)
    await this.#sender.advance(now)
    return note.id
  }

  /** Survivor: yes or no to somebody new in the room; throws `NotJoined`, `ConversationOver`. */
  async answer(invitation: Invitation, accepted: boolean, now: number): Promise<void> {
    const me = this.#requireRoom()
    const answer = InvitationAnswer({ invitationId: invitation.id, sent: now, accepted })
    this.#sender.say(answer)
    this.#messageHandler.takeAnswer(me, answer)
    await this.#sender.advance(now)
  }

  /** Survivor: from now on somebody else is sought, or nobody any more; throws `NotJoined`, `ConversationOver`. */
  async setReassignment(isOn: boolean, now: number): Promise<void> {
    this.#requireRoom()
    this.reassignment.end()
    this.reassignment.isOn = isOn
    await this.#sender.advance(now)
  }

  /** Survivor: this device has taken the conversation; who it is comes as an event. Throws `NotTrusted`. */
  async receiveCandidate({ deviceId, keyPackage }: KeyPackage, now: number): Promise<void> {
    this.#requireRoom()
    const { reassignment, membership } = this
    if (!reassignment.isOn || reassignment.candidate !== null || reassignment.isApproved) return
    const found: AddMember = { type: "addMember", keyPackage: await readKeyPackage(keyPackage), byCapability: false }
    const participant = await membership.preview(found, now)
    if (!areEqual(participant.deviceId, deviceId)) {
      throw new NotTrusted("the key package is not of the device that the relay names")
    }
    reassignment.candidate = found
    this.#output.emit({ type: "reassignmentFound", participant })
  }

  /** Survivor: yes. Whoever was found comes in; who is silent, or has left, goes. */
  async admitCandidate(now: number): Promise<void> {
    this.#requireRoom()
    const { candidate, silent } = this.reassignment
    this.reassignment.candidate = null
    if (candidate === null) return
    this.reassignment.isApproved = true
    await this.change({ ...candidate, insteadOf: new Set([...silent, ...this.#memberState.leaving]) }, now)
  }

  /** Change the group; adopted when, and where, the relay has put the commit. */
  async change(change: Change, now: number): Promise<void> {
    this.#requireOpen()
    if (change.type === "refresh") this.#memberState.leafKeys.isOwed = true
    else this.#memberState.queue(change)
    await this.#sender.advance(now)
  }

  /** Say that we leave, or that it is over for everybody; keys stay until `wipe`, to send this. */
  async leave(now: number, forAll = false): Promise<void> {
    if (this.membership.group === null || this.#output.isOver()) return
    this.reassignment.end()
    this.#memberState.leafKeys.stop()
    this.#sender.say(forAll ? Ending({ sent: now }) : Leaving({ sent: now }))
    await this.#sender.advance(now)
  }

  /** Forget every key and everything unsent, at once. */
  wipe(): void {
    this.#output.end()
    this.membership.wipe()
    this.#memberState.wipe()
    this.reassignment.forget()
    this.#output.dropFrames()
  }

  // --- what the relay says ---

  /** We are subscribed (again): what is in the log, and what of ours is. */
  async connected(frame: Subscribed, now: number, window = WINDOW): Promise<void> {
    if (this.#output.isOver()) return
    if (this.#memberState.order.member < 0) this.#memberState.order.member = frame.member
    if (frame.lastSeq > this.cursor && frame.firstSeq > this.cursor + 1) {
      this.#stop(new LogBroken("entries have expired before they were read"))
    } else if (frame.lastSeq < this.cursor) {
      this.#stop(new LogBroken("the relay has lost entries that were read before"))
    } else if (frame.counter >= this.#memberState.outbox.nextCounter) {
      // Our state is older than the log: what we said next would be taken for a repetition, and dropped.
      this.#stop(new LogBroken("the log holds what this device does not know that it has said"))
    } else if (this.#lacksWelcome && frame.lastSeq === this.#takenAt) {
      // The Welcome comes into the log with its commit. So whoever has taken the request could not add her.
      this.#stop(new RequestUnusable("nobody can answer this request; ask again"))
    } else {
      this.#sendWindow.connected(frame.lastSeq, window)
      await this.#guarded(now, () => {
        this.#sender.wereAccepted(frame.counter)
      })
    }
  }

  /** Survivor: the request was forgotten before anybody took it, and stands again under this id. */
  beginAnew(conversationId: Uint8Array): void {
    if (this.isInRoom || areEqual(conversationId, this.conversationId)) return
    this.membership.conversationId = conversationId
    this.#memberState.order = new LogOrder(SURVIVOR_MEMBER)
    this.#awaitsList = false
    this.#takenAt = 0
    this.#sendWindow.readUpTo(0)
  }

  /**
   * There is a fresh revocation list. Verify the room anew, for somebody may have been revoked since, and read on where
   * there was none to believe somebody by.
   */
  async lookAgain(now: number): Promise<void> {
    if (this.#output.isOver()) return
    await this.#guarded(now, async () => {
      await this.membership.lookAgain(now)
      this.#awaitsList = false
      await this.#readLog(now)
    })
  }

  /** Stop for good, and say why. */
  giveUp(reason: TeduhError): void {
    this.#stop(reason)
  }

  /** Called every few seconds: what is due by now is sent, and who does not confirm the epoch is told of as an event. */
  async watch(now: number): Promise<void> {
    await this.#sender.advance(now)
    this.#awaitConfirmations(now)
  }

  #awaitConfirmations(now: number): void {
    const { me } = this
    if (this.#output.isOver() || !this.#sendWindow.isUp || me === null) return
    const others = this.participants.filter((one) => !one.hasKey(me.deviceKey))
    const absent = others.filter((one) => (one.isSurvivor ? this.#isDisconnected : this.reassignment.isUnreachable))
    const { agreement } = this.#memberState
    if (!agreement.look(others.map(keyOf), absent.map(keyOf), now)) return
    this.#output.emit({ type: "unconfirmed", participants: others.filter((one) => agreement.late.has(keyOf(one))) })
  }

  /** The link broke. Nothing is encrypted until it is back, for the epoch may move on meanwhile. */
  disconnected(): void {
    this.#sendWindow.isUp = false
    this.#memberState.agreement.disconnected()
    this.#output.dropFrames()
  }

  /** Send again what is in flight: the relay was too busy for it. It recognises what it has. */
  async repeat(now: number): Promise<void> {
    this.#sendWindow.repeat()
    await this.#sender.advance(now)
  }

  /** A frame about this conversation came. */
  async receive(frame: ConversationFrame, now: number): Promise<void> {
    if (this.#output.isOver()) return
    await this.#guarded(now, async () => {
      await this.#take(frame)
      await this.#readLog(now)
    })
  }

  async #guarded(now: number, work: () => void | Promise<void>): Promise<void> {
    try {
      await work()
      await this.#sender.advance(now)
      this.#awaitConfirmations(now)
    } catch (error) {
      // Wiped in the middle of it: whatever it was, it is over.
      if (this.#output.isOver()) return
      if (!(error instanceof NotTrusted || error instanceof ConversationForgotten)) throw error
      if (error instanceof RosterNotAdmitted || error instanceof WrongConversation) this.#refuse(error)
      else this.#stop(error)
    }
  }

  async #take(frame: ConversationFrame): Promise<void> {
    switch (frame.type) {
      case "entry":
        this.#memberState.order.received(frame)
        break
      case "accepted":
        if (frame.counter >= this.#memberState.outbox.nextCounter) throw new LogBroken("the relay accepts what was never sent")
        this.#sender.wereAccepted(frame.counter)
        this.#memberState.order.accepted(frame.counter, frame.seq)
        break
      case "error":
        this.#sender.refused(frame)
        break
      case "ephemeralEntry":
        await this.#seeTyping(frame.payload)
        break
      case "queuePosition":
      case "preferencesRelaxed":
      case "openingTime":
        this.#output.emit(eventOf(frame))
        if (frame.type === "queuePosition" && frame.position > 0) this.reassignment.lapse()
        break
      case "staffReachable":
        if (this.membership.identity.isSurvivor) this.reassignment.setReachable(this.membership.room, this.#otherStaff, frame.reachable)
        break
      case "memberDisconnected":
        this.#isReportedGone(frame.member)
        break
      case "membershipEnded":
        // Whoever is taken out reads the commit first.
        this.#stop(new ConversationForgotten(ErrorCode.UNKNOWN_CONVERSATION, "the relay says that this device is no member"))
    }
  }

  get #otherStaff(): readonly Participant[] {
    return this.participants.filter((one) => !one.isSurvivor)
  }

  /** The relay's numbers mean nothing to us but hers; and what it says of her again is no news. */
  #isReportedGone(member: number): void {
    const survivor = this.membership.room.participants.find((one) => one.isSurvivor)
    if (member !== SURVIVOR_MEMBER || survivor === undefined || this.membership.identity.isSurvivor || this.#isDisconnected) return
    this.#isDisconnected = true
    this.#output.emit({ type: "memberDisconnected", participant: survivor })
  }

  async #readLog(now: number): Promise<void> {
    while (!this.#output.isOver() && !this.#awaitsList) {
      const item = this.#memberState.order.next()
      if (item === null) return
      await this.#read(item, now)
    }
  }

  async #read(item: LogItem, now: number): Promise<void> {
    if (item.type === "ownEntry") {
      await this.#takeOwn(item.counter, now)
    } else if (item.type === "entry") {
      await this.#readEntry(item, now)
    }
  }

  async #takeOwn(counter: number, now: number): Promise<void> {
    this.#sender.wereAccepted(counter)
    const { pending } = this.membership
    const change = await this.membership.adopt(counter, now)
    if (change === null) return
    if (pending?.renewsKeys === true) this.#memberState.leafKeys.renewed(now)
    this.#seeRoom(change)
    if (!this.membership.identity.isSurvivor || this.#output.isOver() || change.came.length === 0) return
    // Whoever has come in cannot read what was said before: what nobody has is said again.
    this.reassignment.complete()
    this.#memberState.outbox = this.#memberState.outbox.addFirst(this.reassignment.undelivered)
  }

  async #readEntry(entry: Entry, now: number): Promise<void> {
    if (this.membership.group === null) {
      if (entry.kind === EntryKind.WELCOME) await this.#join(entry, now)
      else if (entry.kind === EntryKind.COMMIT && this.membership.identity.isSurvivor) this.#takenAt = entry.seq
    } else if (entry.kind === EntryKind.COMMIT) {
      await this.#follow(entry, now)
    } else if (entry.kind === EntryKind.MESSAGE) {
      await this.#open(entry, now)
    }
  }

  // --- epochs ---

  async #join(welcome: Entry, now: number): Promise<void> {
    try {
      this.#seeRoom(await this.membership.join(welcome, now))
      this.#memberState.leafKeys.isOwed = true
    } catch (error) {
      if (!(error instanceof RosterNotAdmitted && error.cause instanceof RevocationListStale)) throw error
      // Whoever came may well be who she says. That cannot be known now, and is looked at again as soon as it can; until
      // then nobody is in.
      this.#awaitsList = true
      this.#memberState.order.putBack(welcome)
    }
  }

  async #follow(entry: Entry, now: number): Promise<void> {
    const lost = this.membership.pending
    const change = await this.membership.follow(entry, now)
    if (!("came" in change)) {
      this.#end(change)
      return
    }
    // What was in flight was made in the epoch that is left; the relay refuses it, and it is said anew.
    const [first] = this.#memberState.outbox.inFlight
    if (first !== undefined) this.#sender.takeBack(first.append.counter)
    this.#seeRoom(change)
    if (lost !== null) this.#sender.lost(lost.change)
  }

  #seeRoom(change: RoomChange): void {
    this.#memberState.owesAcknowledgement = true
    this.#memberState.agreement.enter()
    for (const participant of change.came) {
      this.#memberState.hasCome(participant)
      this.#output.emit({ type: "joined", participant })
    }
    for (const participant of change.went) {
      if (!this.#memberState.isLeaving(participant)) this.#output.emit({ type: "left", participant })
      this.#memberState.hasLeft(participant)
    }
    const { isSurvivor } = this.membership.identity
    if (!isSurvivor && change.came.some((one) => !one.isSurvivor)) this.#memberState.notes.owesKey = true
    for (const one of change.went) if (one.isSurvivor) this.#end(one)
  }

  // --- messages ---

  async #open(entry: Entry, now: number): Promise<void> {
    try {
      const { sender, data } = await this.membership.open(entry, now)
      const message = decodeMessage(data)
      if (this.#memberState.isLeaving(sender)) return
      const isLive = this.#sendWindow.isLive(entry.seq)
      // That she is there comes before what she says, which may be that she leaves.
      if (isLive) this.reassignment.receivedFrom(sender)
      this.#memberState.leafKeys.noteTalk(message)
      if (await this.#messageHandler.hear(this.#memberState, sender, message, isLive)) this.#end(sender)
      this.reassignment.confirmDelivery(message)
    } catch (error) {
      if (error instanceof RemoteError) {
        this.#output.emit({ type: "messageRefused", reason: `an entry did not open: ${error.message}` })
      } else if (error instanceof RemoteMessageError) {
        this.#output.emit({ type: "messageRefused", reason: `a member said something unreadable: ${error.message}` })
      } else {
        throw error
      }
    }
  }

  async #seeTyping(payload: Uint8Array): Promise<void> {
    const { group, room } = this.membership
    if (group === null) return
    // A member can compute the keys of all leaves, also of those at which nobody is.
    const at = (leafIndex: number): Participant | undefined => room.participants.find((one) => one.leafIndex === leafIndex)
    const signal = await this.#calls.open(group, payload)
    const sender = signal === null ? undefined : at(signal.leafIndex)
    if (signal !== null && sender !== undefined) {
      this.#output.emit({ type: "callSignal", sender, data: signal.data, isLive: true })
    }
    const seen = await this.#typing.open(group, payload)
    const participant = seen === null ? undefined : at(seen.leafIndex)
    if (seen !== null && participant !== undefined) {
      this.#output.emit({ type: "typingSeen", participant, active: seen.active })
    }
  }

  // --- ends ---

  #requireOpen(): void {
    if (this.#output.isOver()) throw new ConversationOver("the conversation is over")
  }

  #requireRoom(): Participant {
    this.#requireOpen()
    const { me } = this
    if (me === null) throw new NotJoined("nobody has joined yet")
    return me
  }

  #end(by: Participant): void {
    if (this.#output.isOver()) return
    const { unsent } = this
    this.wipe()
    this.#output.emit({ type: "ended", by, unsent })
  }

  #refuse(reason: NotTrusted): void {
    if (this.#output.isOver()) return
    this.#output.emit({ type: "rosterRefused", reason })
    this.#stop(reason)
  }

  #stop(reason: TeduhError): void {
    if (this.#output.isOver()) return
    const { unsent } = this
    this.wipe()
    this.#output.emit({ type: "stopped", reason, unsent })
  }
}

function keyOf({ deviceKey }: Participant): string {
  return toHex(deviceKey)
}
