/**
 * Our seat in the group: the state of one epoch, with the room that was verified for it, and how it moves on.
 *
 *                       somebody else's commit ── follow ──┐
 *     Welcome ── join ──> (group, room) <──────────────────┤  verified and admitted, or not at all
 *                       our own commit: stage ... adopt ───┘
 *
 * `stage` makes the commit and keeps the state that it leads to; `adopt` takes it when the relay has said where in the
 * log it is. Until then the old state goes on, and somebody else's commit may come first.
 *
 * The caller serialises calls, all but `wipe`, which may come at any moment: whatever is under way then throws
 * `ConversationOver` instead of leaving keys behind.
 */

import { RemoteError, TeduhCryptoError } from "../cryptoErrors.ts"
import { ConversationOver, LogBroken, RosterNotAdmitted, WrongConversation } from "../errors.ts"
import { proposalsFor, relayMembers, type AddMember, type Change } from "../group/groupChanges.ts"
import { areEqual } from "../hazmat/bytes.ts"
import { Invitations } from "./invitations.ts"
import { MlsGroup, bundleFor } from "../mls/group.ts"
import type { KeyPackageBundle } from "../mls/keyPackageBundle.ts"
import { Append, EntryKind, type Entry } from "../relay/frames.ts"
import { Room, admitFirst, admitNext, type Participant, type VerifyRoom } from "../group/room.ts"
import { SenderOrder, authenticatedCounter } from "../group/senderOrder.ts"

/** Who we are in one conversation. `bundles` are the key packages of which one may bring us in. */
export interface MemberIdentity {
  readonly signatureKey: Uint8Array
  readonly isSurvivor: boolean
  readonly bundles: readonly KeyPackageBundle[]
  /** Whether this device can take part in calls; the others are told if it cannot. */
  readonly canCall?: boolean
}

/** Who came and who went by one commit. */
export interface RoomChange {
  readonly came: readonly Participant[]
  readonly went: readonly Participant[]
}

/** The state that our commit in flight leads to, if it is accepted. */
export interface PendingEpoch {
  readonly counter: number
  readonly group: MlsGroup
  readonly change: Change
  /** Whether it puts keys into our leaf that nobody can have copied; one that was saved does not. */
  readonly renewsKeys: boolean
}

export class Membership {
  /** `group` and `room` belong together always; both are empty before we are in and after `wipe`. */
  #group: MlsGroup | null = null
  #written: Uint8Array | null = null
  #room = Room.EMPTY
  #bundles: readonly KeyPackageBundle[]
  #isWiped = false
  pending: PendingEpoch | null = null
  invitations = new Invitations()
  senders = new SenderOrder()
  /** The key package by which we came in. */
  joinedBy: KeyPackageBundle | null = null

  constructor(
    public conversationId: Uint8Array,
    readonly identity: MemberIdentity,
    readonly verify: VerifyRoom,
  ) {
    this.#bundles = identity.bundles
  }

  get group(): MlsGroup | null {
    return this.#group
  }

  get room(): Room {
    return this.#room
  }

  /**
   * The group at rest, written once for each state of it: most of what happens to a conversation, as that a message is
   * accepted, changes the queue alone.
   */
  groupBytes(): Uint8Array | null {
    this.#written ??= this.#group?.toBytes() ?? null
    return this.#written
  }

  /** The epoch of the group; 0 before there is one. */
  get epoch(): number {
    return this.#group?.epoch ?? 0
  }

  /** Whether everybody follows a commit of ours that changes nobody; older clients do of staff's alone. */
  get mayRefresh(): boolean {
    const members = this.#group?.members ?? []
    return members.length > 0 && (!this.identity.isSurvivor || members.every(({ followsSurvivor }) => followsSurvivor))
  }

  /** Begin with a group in which we are alone, at epoch 0. */
  begin(group: MlsGroup): void {
    this.#adoptGroup(group)
  }

  /** Enter by a Welcome; throws `WrongConversation` or `RosterNotAdmitted`. */
  async join(welcome: Entry, now: number): Promise<RoomChange> {
    const { bundle, group } = await this.#opened(welcome, now)
    if (!areEqual(group.groupId, this.conversationId)) {
      throw new WrongConversation("the Welcome leads into another group")
    }
    const room = await this.#verified(group, now)
    admitFirst(room, this.identity.signatureKey, this.identity.isSurvivor)
    this.#eraseBundles()
    this.joinedBy = bundle
    return this.#enter(group, room)
  }

  /**
   * Go along with somebody else's commit; gives whose it is, when it takes us out. Throws `LogBroken` when it cannot be followed,
   * `RosterNotAdmitted` when it may not.
   */
  async follow(entry: Entry, now: number): Promise<RoomChange | Participant> {
    const before = this.#require()
    const { group, received } = await before
      .unprotect(entry.payload, now)
      .catch((error: unknown) => {
        // The relay has moved on by this commit, so there is no way around it.
        throw error instanceof RemoteError ? new LogBroken("a commit could not be followed", { cause: error }) : error
      })
    if (received.kind === "removed") return this.#room.at(received.sender)
    if (received.kind !== "commit") throw new RosterNotAdmitted("an entry is not what the relay says it is")
    const committer = this.#room.at(received.sender)
    this.senders.check(committer.deviceKey, received.authenticatedData, entry.counter)
    requireSameLeaf(before, group, received.sender)
    const room = await this.#verified(group, now)
    this.#admit(room, committer.isSurvivor)
    return this.#counted(this.#enter(group, room))
  }

  /**
   * Who would come in by `change`, proven as for a commit of ours, which is thrown away. Throws a `RemoteError` for a key
   * package that is not valid, `RosterNotAdmitted` for somebody who is not proven, or is here already.
   */
  async preview(change: AddMember, now: number): Promise<Participant> {
    const proposals = proposalsFor(change, this.#room)
    if (proposals === null) throw new RosterNotAdmitted("this device is in the room already")
    const commit = await this.#require().commit(proposals, { authenticatedData: authenticatedCounter(0), now })
    // The key that it used is not used again.
    this.#adoptGroup(commit.ifRefused)
    const [newcomer] = this.#admit(await this.#verified(commit.group, now), true)
    if (newcomer === undefined) throw new RosterNotAdmitted("nobody would come in")
    return newcomer
  }

  /**
   * The commit for `change`; null when there is nothing left to do. Throws a `RemoteError` for a key package that is not
   * valid, `RosterNotAdmitted` for a member who is not proven or not accepted.
   */
  async stage(change: Change, counter: number, now: number): Promise<Append | null> {
    const proposals = proposalsFor(change, this.#room)
    if (proposals === null) return null
    const authenticatedData = authenticatedCounter(counter)
    const commit = await this.#require().commit(proposals, { authenticatedData, now })
    // Whatever becomes of this commit, the key that it used is not used again.
    this.#adoptGroup(commit.ifRefused)
    const room = await this.#verified(commit.group, now)
    if (!this.#room.isEmpty) this.#admit(room, this.identity.isSurvivor)
    const members = await relayMembers(change, this.#room)
    this.#requireNotWiped(commit.group)
    this.pending = { counter, group: commit.group, change, renewsKeys: commit.renewsKeys }
    return Append({
      conversationId: this.conversationId,
      counter,
      kind: EntryKind.COMMIT,
      epoch: commit.ifRefused.epoch,
      payload: commit.message,
      welcome: commit.welcome ?? null,
      ...members,
    })
  }

  /**
   * Our append with this counter has its place; if it is the commit that is pending, its epoch begins, unless somebody
   * in it has been revoked since it was made. Throws `RosterNotAdmitted`.
   */
  async adopt(counter: number, now: number): Promise<RoomChange | null> {
    const pending = this.pending
    if (pending?.counter !== counter) return null
    return this.#counted(this.#enter(pending.group, await this.#verified(pending.group, now)))
  }

  /** Verify the present room anew; throws `RosterNotAdmitted`. */
  async lookAgain(now: number): Promise<void> {
    if (this.#group === null || this.#room.isEmpty) return
    const room = await this.#verified(this.#group, now)
    if (!this.#isWiped) this.#room = room
  }

  /** Go on from a stored state; throws `RosterNotAdmitted` if its room does not pass any more. */
  async resume(group: MlsGroup, now: number): Promise<void> {
    // In epoch 0 we are alone, and there is no room to verify.
    const room = group.epoch > 0 ? await this.#verified(group, now) : Room.EMPTY
    this.#adoptGroup(group)
    this.#room = room
  }

  /** Go on waiting for the answer to a stored commit. */
  async resumePending(counter: number, group: MlsGroup, change: Change, now: number): Promise<void> {
    await this.#verified(group, now)
    this.#requireNotWiped(group)
    this.pending = { counter, group, change, renewsKeys: false }
  }

  /**
   * Who said what; throws a `RemoteError` for what does not open, `LogBroken` for what is out of order,
   * `RosterNotAdmitted` for what is no message.
   */
  async open(entry: Entry, now: number): Promise<{ sender: Participant; data: Uint8Array }> {
    const { group, received } = await this.#require().unprotect(entry.payload, now)
    if (received.kind !== "application") {
      // Nobody here proposes without committing, and the relay knows a commit by its kind. The state before it stays.
      throw new RosterNotAdmitted("an entry is not what the relay says it is")
    }
    const sender = this.#room.at(received.sender)
    this.senders.check(sender.deviceKey, received.authenticatedData, entry.counter)
    // A sender uses each key of an epoch for one entry, and none twice.
    if (!received.isNext) throw new LogBroken("entries of a sender in this epoch are missing")
    this.#adoptGroup(group)
    return { sender, data: received.data }
  }

  /** The append that carries `data` in the present epoch. Its message key is used once and gone. */
  async protect(data: Uint8Array, counter: number): Promise<Append> {
    const { epoch } = this
    const sealed = await this.#require().protect(data, { authenticatedData: authenticatedCounter(counter) })
    this.#adoptGroup(sealed.group)
    const { conversationId } = this
    return Append({ conversationId, counter, kind: EntryKind.MESSAGE, epoch, payload: sealed.message })
  }

  /** Forget every key, at once. */
  wipe(): void {
    this.#isWiped = true
    this.#group?.wipe()
    this.pending?.group.wipe()
    this.#eraseBundles()
    this.#group = this.pending = this.#written = null
    this.#room = Room.EMPTY
    this.invitations = new Invitations()
    this.senders = new SenderOrder()
  }

  async #opened(welcome: Entry, now: number): Promise<{ bundle: KeyPackageBundle; group: MlsGroup }> {
    try {
      const bundle = bundleFor(welcome.payload, this.#bundles)
      return { bundle, group: await MlsGroup.join(welcome.payload, bundle, now) }
    } catch (error) {
      if (error instanceof RemoteError) throw new WrongConversation("the Welcome is not valid", { cause: error })
      throw error
    }
  }

  async #verified(group: MlsGroup, now: number): Promise<Room> {
    try {
      return await this.verify(group.members, now, this.#room)
    } catch (error) {
      if (error instanceof TeduhCryptoError) throw new RosterNotAdmitted("a member is not proven", { cause: error })
      throw error
    }
  }

  #admit(room: Room, bySurvivor: boolean): readonly Participant[] {
    const { signatureKey, isSurvivor } = this.identity
    return admitNext(this.#room, room, signatureKey, isSurvivor, this.invitations.consents, bySurvivor)
  }

  #enter(group: MlsGroup, room: Room): RoomChange {
    const before = this.#room
    const own = this.identity.signatureKey
    const came = room.participants.filter((one) => before.withKey(one.deviceKey) === null && !one.hasKey(own))
    const went = before.participants.filter((one) => room.withKey(one.deviceKey) === null)
    this.#adoptGroup(group)
    this.#room = room
    this.pending = null
    // A consent is used up.
    for (const one of [...came, ...went]) this.invitations.use(one)
    return { came, went }
  }

  #counted(change: RoomChange): RoomChange {
    for (const one of change.went) this.senders.forget(one.deviceKey)
    for (const one of change.came) this.senders.came(one.deviceKey)
    return change
  }

  #adoptGroup(group: MlsGroup): void {
    this.#requireNotWiped(group)
    this.#group = group
    this.#written = null
  }

  #requireNotWiped(group: MlsGroup): void {
    if (!this.#isWiped) return
    group.wipe()
    throw new ConversationOver("the conversation is over")
  }

  #require(): MlsGroup {
    if (this.#group === null) throw new ConversationOver("there is no group")
    return this.#group
  }

  #eraseBundles(): void {
    for (const bundle of this.#bundles) bundle.erase()
    this.#bundles = []
  }
}

/** A path renews the encryption key of its committer's leaf, and says nothing else about who sits there. */
function requireSameLeaf(before: MlsGroup, after: MlsGroup, committer: number): void {
  const [one, other] = [before, after].map(({ members }) => members.find(({ leafIndex }) => leafIndex === committer))
  if (one === undefined || other === undefined) throw new RosterNotAdmitted("a member is not at its leaf any more")
  const isSameCredential = one.credentialType === other.credentialType && areEqual(one.content, other.content)
  if (!isSameCredential || !areEqual(one.signatureKey, other.signatureKey)) {
    throw new RosterNotAdmitted("a member has put another identity into its leaf")
  }
}
