/**
 * The staff's side: say that one is available, take requests, bring in colleagues; for a person or a bot.
 *
 *     open ──> authenticate ──> requests() ──> Request.accept() ──> Conversation
 *                    │
 *                    └─────────> invitations() ──> InvitedTo.join() ──> Conversation
 *
 * Whatever leaving the page must not lose is in the key store before it goes to the relay. One page at a time may open
 * a key store: two would use one key twice.
 */

import { Inviting } from "../conversation/invite.ts"
import { inviteOneOf, suitable, type InviteRole } from "./roleInvite.ts"
import { Client, type ClientOptions } from "../client.ts"
import { nowInSeconds } from "../net/clock.ts"
import type { Colleague } from "../trust/colleague.ts"
import { Conversation, type ConversationOwner, type RequestOrigin } from "../conversation/conversation.ts"
import { ConversationState } from "../conversation/conversationState.ts"
import { unverifiedClaims } from "../credentials/jsonWebToken.ts"
import type { Organisation } from "../credentials/organisation.ts"
import { TeduhCryptoError } from "../cryptoErrors.ts"
import { forgetKeyPackage, keepKeyPackage, storedDevice, storedKeyPackages, type Device } from "../device/device.ts"
import { DeviceNotProven, KeyStoreDamaged, NotLetIn, NotTrusted, RequestUnusable, TeduhError } from "../errors.ts"
import type { StateEvent } from "../events.ts"
import { HandOverNotes } from "../conversation/handOverNotes.ts"
import { areEqual, toHex } from "../hazmat/bytes.ts"
import type { KeyStore } from "../device/keyStore.ts"
import { Mailbox } from "../conversation/mailbox.ts"
import { MlsGroup, readKeyPackage } from "../mls/group.ts"
import type { KeyPackageBundle } from "../mls/keyPackageBundle.ts"
import {
  AcknowledgeInbox,
  Append,
  AskToJoin,
  Availability,
  Claim,
  EntryKind,
  ErrorCode,
  Leave,
  ListColleagues,
  PublishKeyPackages,
  SetAvailability,
  type Authenticate,
  type Authenticated,
  type Claimed,
  type ClientFrame,
  type ColleagueFrame,
  type Hello,
  type InboxItem,
  type JoinAsked,
  type MembershipEnded,
  type RelayFrame,
} from "../relay/frames.ts"
import { keptFromBytes, keptToBytes, restoreHeard, saveHeard } from "../conversation/savedConversation.ts"
import { authenticatedCounter } from "../group/senderOrder.ts"
import type { Participant } from "../group/room.ts"
import { StaffRouting, type OpenOffer } from "./staffRouting.ts"

const CONVERSATION = "conversation/"
const SUPERVISOR = "supervisor"
const KEY_PACKAGES_READY = 8
const SET_AWAY_MS = 2000
const ANSWER_ON_ITS_WAY_SECONDS = 5
/** For display only: others verify it. */
const ANYTHING = /./u

/** A staff device, whose key store holds its key and statement (see `enrolment`). */
export class Staff extends Client {
  readonly #store: KeyStore
  readonly #device: Device
  readonly #owner: ConversationOwner
  readonly #requests = new Mailbox<Request>()
  readonly #inbox = new Mailbox<InboxItem>()
  readonly #asked = new Mailbox<JoinAsked>()
  readonly #invited = new Set<string>()
  /** Who awaits to be let into a conversation that goes on, by its id in hex. */
  readonly #expected = new Map<string, (item: InboxItem | null) => void>()
  readonly #queueListeners = new Set<(waiting: number) => void>()
  readonly #askedListeners = new Set<(count: number) => void>()
  readonly #lost: Conversation[] = []
  readonly #restored: Promise<void>
  /** Who waits, what is offered, how it goes. */
  readonly routing: StaffRouting
  #availability: Availability = Availability.AWAY
  #capacity = 0
  #shift: Shift = {}
  #waiting = 0

  private constructor(
    relayUrl: string,
    organisation: Organisation,
    store: KeyStore,
    device: Device,
    options: ClientOptions,
  ) {
    super(relayUrl, organisation, options)
    this.#store = store
    this.#device = device
    this.routing = new StaffRouting(this.link, (ask) => this.#take(ask))
    this.routing.onOffers((offers) => {
      this.#offered(offers)
    })
    this.#owner = {
      resume: (conversation) => {
        conversation.subscribe()
      },
      keep: (conversation) => this.#keep(conversation),
      over: (conversation) => {
        this.strike(conversation.id)
      },
      inviting: (host) => new Inviting(host),
    }
    this.#restored = this.#begin()
    this.#restored.catch((error: unknown) => {
      this.failed(error instanceof TeduhError ? error : new TeduhError("a fault of the SDK", { cause: error }))
    })
  }

  /**
   * Connects in the background, after the kept conversations were brought back. `relayUrl` is for example
   * `https://relay.example`. Rejects with `KeyStoreError` when no device was enrolled into `store`, and with TypeError for
   * what is no such address.
   */
  static async open(
    relayUrl: string,
    organisation: Organisation,
    store: KeyStore,
    options: ClientOptions = {},
  ): Promise<Staff> {
    return new Staff(relayUrl, organisation, store, await storedDevice(store), options)
  }

  /** The working name in the own statement. */
  get name(): string {
    return this.#claims().text("name", ANYTHING)
  }

  /** The role in the own statement. */
  get role(): string {
    return this.#claims().text("role", ANYTHING)
  }

  /** When the own statement ends, in seconds since 1970. */
  get expires(): number {
    return this.#claims().integer("exp")
  }

  /** How many requests wait, as far as we know. */
  get waiting(): number {
    return this.#waiting
  }

  /** Whether we are away, busy or available. */
  get availability(): Availability {
    return this.#availability
  }

  /**
   * Conversations that were kept, and could not be gone on with when it was opened: a statement of somebody in the room has
   * ended, for example. Each tells what was said before, and why it has `stopped`.
   */
  get lost(): readonly Conversation[] {
    return this.#lost
  }

  /** Wait until the conversations that the key store holds are among `conversations`. */
  async restored(): Promise<void> {
    await this.#restored
  }

  /**
   * Say that we are available, and tell of each request that waits, or is offered to us. One that is told of may be gone
   * when it is accepted: others are told of it too. `capacity` is how many conversations more this device takes.
   */
  async *requests({ capacity = 1 }: { capacity?: number } = {}): AsyncGenerator<Request, never> {
    await this.setAvailable(capacity)
    for (;;) yield await this.#requests.next()
  }

  /** Tell of each conversation into which a colleague has brought us. */
  async *invitations(): AsyncGenerator<InvitedTo, never> {
    for (;;) {
      const item = await this.#inbox.next()
      yield new InvitedTo(item.conversationId, () => this.#join(item))
    }
  }

  /** Be told how many requests wait whenever that changes; returns how to be told no more. */
  onQueue(listener: (waiting: number) => void): () => void {
    this.#queueListeners.add(listener)
    return () => {
      this.#queueListeners.delete(listener)
    }
  }

  /**
   * Be told of how many conversations that go on the survivor is being asked whether we may come in; returns how to be
   * told no more.
   */
  onAsked(listener: (count: number) => void): () => void {
    this.#askedListeners.add(listener)
    return () => {
      this.#askedListeners.delete(listener)
    }
  }

  /**
   * Take a certain request, or the next, and join; done when she can be talked to. Rejects with `RequestGone` when
   * somebody else was faster or nobody waits, `RelayRefused` when this relay makes offers, `RequestUnusable`,
   * `RelayLost`, `ConversationOver`, and `DeviceNotProven`, with nothing taken, when by this device's clock its own
   * statement is not valid.
   */
  claim(conversationId: Uint8Array | null = null): Promise<Conversation> {
    return this.#take((ref) => Claim({ ref, conversationId }))
  }

  /** Who else is connected, as far as their statements hold. */
  async colleagues(): Promise<readonly Colleague[]> {
    const found: Colleague[] = []
    let page = await this.#colleaguesAfter(null)
    for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
      for (const frame of page) found.push(...(await this.#believed(frame)))
      page = await this.#colleaguesAfter(last.deviceId)
    }
    return found
  }

  /**
   * Bring in any available colleague of a role: the least busy first, and one at a time, of whom the survivor is asked by
   * name. If she says no, nobody else is asked for; if a device does not come, it is taken out and the next is. Rejects as
   * `Conversation.invite`, with `ColleagueAbsent` when nobody suitable is left.
   */
  async inviteRole(conversation: Conversation, role: string, how: InviteRole = {}): Promise<Participant> {
    const candidates = async () => suitable(await this.colleagues(), role, how.language ?? null)
    return inviteOneOf(conversation, candidates, how)
  }

  /**
   * Supervisor: ask a colleague to be brought into a conversation of hers; she may say nothing to it. If she agrees, and
   * the survivor does, it comes as any of `invitations`. Rejects with `RelayRefused`: not_permitted, or no_key_package when
   * the device is not connected.
   */
  async askToJoin({ deviceId }: Colleague): Promise<void> {
    await this.link.ask((ref) => AskToJoin({ ref, deviceId }), "done")
  }

  /** Tell of each supervisor who asks to be brought in: `Conversation.invite` her, or do nothing. */
  async *asksToJoin(): AsyncGenerator<Colleague, never> {
    for (;;) {
      // Whoever asks is there; how many conversations she takes does not matter for it.
      const asked = await this.#believed({ ...(await this.#asked.next()), availability: Availability.BUSY, load: 0 })
      yield* asked.filter(({ role }) => role === SUPERVISOR)
    }
  }

  /** Take so many conversations more. */
  async setAvailable(capacity: number, shift: Shift = this.#shift): Promise<void> {
    this.#shift = shift
    await this.#setAvailability(Availability.AVAILABLE, capacity)
  }

  /** Take no more requests for now. */
  async setBusy(): Promise<void> {
    await this.#setAvailability(Availability.BUSY, 0)
  }

  /** Not here for now. */
  async setAway(): Promise<void> {
    await this.#setAvailability(Availability.AWAY, 0)
  }

  /** Say that we are away, and close. The conversations stay in the key store. */
  async close(): Promise<void> {
    if (this.link.isUp && this.#availability !== Availability.AWAY) {
      const late = new Promise<void>((resolve) => setTimeout(resolve, SET_AWAY_MS))
      await Promise.race([this.setAway().catch(() => undefined), late])
    }
    this.stop()
  }

  // --- the link ---

  async #begin(): Promise<void> {
    const names = await this.#store.names(CONVERSATION)
    this.startRevocations()
    // A stored room is verified anew, for which a fresh revocation list is needed.
    if (names.length > 0) await this.revocations.wait()
    for (const name of names) await this.#restore(name)
    if (this.isOpen) this.startLink()
  }

  protected introduce(hello: Hello): Promise<Authenticate> {
    return this.#device.authenticate(this.origin, hello)
  }

  protected onAuthenticated(authenticated: Authenticated): void {
    const { keyPackagesLeft } = authenticated
    this.routing.linkIsUp(authenticated)
    if (this.#availability !== Availability.AWAY) this.link.question(this.#availabilityFrame, ignore)
    const missing = KEY_PACKAGES_READY - keyPackagesLeft
    if (missing > 0) void this.#publishKeyPackages(missing).catch(ignore)
  }

  protected override receive(frame: RelayFrame): void {
    if (frame.type === "queueChanged") this.#queueChanged(frame.waiting)
    else if (frame.type === "inboxItem") this.#takeInboxItem(frame)
    else if (frame.type === "joinAsked") this.#asked.put(frame)
    else if (frame.type === "membershipEnded" && this.#notLetIn(frame)) return
    else if (this.routing.receive(frame)) return
    else super.receive(frame)
  }

  protected override failed(reason: TeduhError): void {
    super.failed(reason)
    this.#requests.fail(reason)
    this.#inbox.fail(reason)
    this.#asked.fail(reason)
  }

  #claims(): ReturnType<typeof unverifiedClaims> {
    return unverifiedClaims(this.#device.chain.statement, "teduh-staff+jwt")
  }

  #queueChanged(waiting: number): void {
    this.#waiting = waiting
    if (!this.routing.makesOffers) {
      // What was told of before is counted in this number.
      this.#requests.clear()
      for (let left = waiting; left > 0; left -= 1) this.#requests.put(new Request(left, () => this.claim()))
    }
    for (const listener of this.#queueListeners) listener(waiting)
  }

  #offered(offers: readonly OpenOffer[]): void {
    this.#requests.clear()
    for (const { conversationId } of offers) {
      this.#requests.put(new Request(this.#waiting, () => this.routing.accept(conversationId)))
    }
  }

  async #setAvailability(availability: Availability, capacity: number): Promise<void> {
    this.#availability = availability
    this.#capacity = capacity
    await this.link.ask(this.#availabilityFrame, "done")
  }

  readonly #availabilityFrame = (ref: number): SetAvailability =>
    SetAvailability({ ref, availability: this.#availability, capacity: this.#capacity, ...this.#shift })

  async #publishKeyPackages(count: number): Promise<void> {
    const keyPackages: Uint8Array[] = []
    for (let made = 0; made < count; made += 1) {
      const bundle = await this.#device.newKeyPackage(this.suite, nowInSeconds())
      await keepKeyPackage(this.#store, bundle)
      keyPackages.push(bundle.keyPackage)
    }
    this.link.question((ref) => PublishKeyPackages({ ref, keyPackages }), ignore)
  }

  async #colleaguesAfter(after: Uint8Array | null): Promise<readonly ColleagueFrame[]> {
    const { colleagues } = await this.link.ask((ref) => ListColleagues({ ref, after }), "colleagues")
    // In the order of their ids, so that a relay cannot make us ask for ever.
    return colleagues.filter(({ deviceId }) => after === null || toHex(deviceId) > toHex(after))
  }

  async #believed(frame: ColleagueFrame): Promise<readonly Colleague[]> {
    const { deviceId, availability, statement, issuerStatement, load } = frame
    try {
      const chain = { statement, issuerStatement: issuerStatement ?? undefined }
      const said = await this.service.verifier.verify(chain, { now: this.service.time(nowInSeconds()) })
      if (!areEqual(said.deviceId, deviceId) || areEqual(deviceId, this.#device.deviceId)) return []
      const { name, role, languages, skills } = said
      return [{ deviceId, name, role, languages, skills, availability, load }]
    } catch (error) {
      if (error instanceof TeduhCryptoError) return []
      throw error
    }
  }

  // --- conversations ---

  async #take(ask: (ref: number) => ClientFrame): Promise<Conversation> {
    await this.revocations.wait()
    await this.#requireProven()
    const taken: Conversation[] = []
    const invited: Promise<InboxItem | null>[] = []
    const claimed = await this.link.ask(ask, "claimed", (answer) => {
      this.routing.taken(answer.conversationId)
      // Before the next frame is looked at, which may be the invitation.
      if (answer.epoch === 0) taken.push(this.#begun(answer))
      else if (answer.member === 0) invited.push(this.#expect(answer))
    })
    if (claimed.epoch > 0) return this.#takeOver(claimed, (await invited[0]) ?? null)
    // What the relay counts too; said anew after a reconnect, it must not be one too many.
    this.#capacity = Math.max(0, this.#capacity - 1)
    const [conversation] = taken
    try {
      await conversation?.joined()
    } catch (error) {
      if (error instanceof RequestUnusable) await this.#discard(claimed)
      throw error
    }
    return conversation ?? Promise.reject(new RequestUnusable("the request was not taken"))
  }

  /** Who is not proven to herself has no room to bring somebody into: what she took would be lost. */
  async #requireProven(): Promise<void> {
    const { credential, signer } = this.#device.identity
    const myself = { leafIndex: 0, ...credential, signatureKey: signer.publicKey }
    try {
      await this.service.verifyStaff(myself, { now: nowInSeconds() })
    } catch (error) {
      if (error instanceof TeduhCryptoError) throw new DeviceNotProven("this device is not proven", { cause: error })
      throw error
    }
  }

  /** The conversation goes on: its survivor is asked, and her device brings this one in. Null: she has not. */
  #expect({ conversationId, leaseSeconds }: Claimed): Promise<InboxItem | null> {
    const id = toHex(conversationId)
    // One of them goes to whoever is asked about us, also where the answer is no.
    void this.#publishKeyPackages(1).catch(ignore)
    return new Promise((resolve) => {
      const decided = (item: InboxItem | null): void => {
        if (this.#expected.get(id) === decided) this.#expected.delete(id)
        this.#changedExpected()
        resolve(item)
      }
      this.#expected.set(id, decided)
      this.#changedExpected()
      setTimeout(decided, 1000 * (leaseSeconds + ANSWER_ON_ITS_WAY_SECONDS), null)
    })
  }

  async #takeOver({ conversationId, member, details, waitedSeconds }: Claimed, item: InboxItem | null): Promise<Conversation> {
    const own = this.conversationOf(conversationId)
    if (member > 0 && own !== undefined) return own
    if (member > 0) throw new RequestUnusable("this device has lost the keys of its own conversation")
    if (item === null) throw new NotLetIn(ErrorCode.REQUEST_GONE, "she has not let us in")
    this.#capacity = Math.max(0, this.#capacity - 1)
    return this.#join(item, { details, waitedSeconds })
  }

  /** Whether it was about what we have taken, rather than a conversation of ours. */
  #notLetIn({ conversationId }: MembershipEnded): boolean {
    const decided = this.#expected.get(toHex(conversationId))
    decided?.(null)
    return decided !== undefined
  }

  #changedExpected(): void {
    for (const listener of this.#askedListeners) listener(this.#expected.size)
  }

  /** Called before the next frame is looked at, so that what follows finds the conversation. */
  #begun(claimed: Claimed): Conversation {
    const { conversationId, details, waitedSeconds } = claimed
    const conversation = this.#conversation(this.#state(conversationId, []), [], { details, waitedSeconds })
    void conversation.act(() => this.#create(conversation.state, claimed)).catch(ignore)
    return conversation
  }

  async #create(state: ConversationState, claimed: Claimed): Promise<void> {
    try {
      const keyPackage = await readKeyPackage(claimed.keyPackage)
      const group = await MlsGroup.create(keyPackage.suite, claimed.conversationId, this.#device.identity)
      const change = { type: "addMember", keyPackage, byCapability: true } as const
      await state.create(group, claimed.member, change, nowInSeconds())
    } catch (error) {
      if (!(error instanceof TeduhCryptoError)) throw error
      state.giveUp(new RequestUnusable("the request came with a key package that is not valid", { cause: error }))
    }
  }

  /**
   * Left alone it would go back to the head of the queue, in the way of all others. The relay takes a request off the
   * queue by the first commit, whatever is in it; so this one adds nobody.
   */
  async #discard({ conversationId }: Claimed): Promise<void> {
    const group = await MlsGroup.create(this.suite, conversationId, this.#device.identity)
    const commit = await group.commit([], { authenticatedData: authenticatedCounter(1), now: nowInSeconds() })
    const kind = EntryKind.COMMIT
    this.link.send(Append({ conversationId, counter: 1, kind, epoch: 0, payload: commit.message }))
    this.link.question((ref) => Leave({ ref, conversationId }), ignore)
  }

  #takeInboxItem(item: InboxItem): void {
    const key = `${toHex(item.conversationId)} ${item.after}`
    if (this.conversationOf(item.conversationId) !== undefined) {
      this.link.send(AcknowledgeInbox({ seq: item.seq }))
    } else if (!this.#invited.has(key)) {
      this.#invited.add(key)
      const expected = this.#expected.get(toHex(item.conversationId))
      if (expected !== undefined) {
        expected(item)
        return
      }
      // In place of the one that it took: the connection may last all day.
      void this.#publishKeyPackages(1).catch(ignore)
      this.#inbox.put(item)
    }
  }

  async #join({ conversationId, after, seq }: InboxItem, request: RequestOrigin | null = null): Promise<Conversation> {
    await this.revocations.wait()
    const bundles = await storedKeyPackages(this.#store, this.#device, nowInSeconds())
    const state = this.#state(conversationId, bundles)
    state.startAfter(after)
    const conversation = this.#conversation(state, [], request)
    conversation.linkIsUp()
    try {
      await conversation.joined()
    } finally {
      this.link.send(AcknowledgeInbox({ seq }))
    }
    return conversation
  }

  #state(conversationId: Uint8Array, bundles: readonly KeyPackageBundle[]): ConversationState {
    const identity = { signatureKey: this.#device.publicKey, isSurvivor: false, bundles }
    return new ConversationState(conversationId, identity, this.verify, new HandOverNotes())
  }

  #conversation(
    state: ConversationState,
    undeliveredEvents: readonly StateEvent[] = [],
    request: RequestOrigin | null = null,
  ): Conversation {
    const conversation = new Conversation(state, this.link, this.#owner, { undeliveredEvents, request })
    this.enlist(conversation)
    return conversation
  }

  async #keep(conversation: Conversation): Promise<void> {
    const { state } = conversation
    const name = CONVERSATION + toHex(state.conversationId)
    if (conversation.isOver) {
      await this.#store.delete(name)
    } else if (state.membership.group !== null) {
      await this.#store.put(name, keptToBytes(state.save(), conversation.undeliveredEvents.map(saveHeard)))
    }
    const used = state.membership.joinedBy
    state.membership.joinedBy = null
    if (used !== null) await forgetKeyPackage(this.#store, used)
  }

  async #restore(name: string): Promise<void> {
    const kept = keptFromBytes((await this.#store.get(name)) ?? new Uint8Array())
    const undeliveredEvents = await Promise.all(kept.undeliveredEvents.map(restoreHeard))
    try {
      const { signer } = this.#device
      const notes = HandOverNotes.restore(kept.conversation.notes)
      const state = await ConversationState.restore(kept.conversation, signer, this.verify, notes, nowInSeconds())
      this.#conversation(state, undeliveredEvents)
    } catch (error) {
      if (!(error instanceof NotTrusted) && !(error instanceof TeduhCryptoError)) throw error
      // Its room does not pass any more (a statement has ended): nobody there is to be talked to.
      const reason = error instanceof NotTrusted ? error : new KeyStoreDamaged("it cannot be read", { cause: error })
      const conversation = this.#conversation(this.#state(kept.conversation.conversationId, []), undeliveredEvents)
      await conversation.act(() => {
        conversation.state.giveUp(reason)
      })
      this.#lost.push(conversation)
    }
  }
}

/** Of whom the relay may think when somebody asks for more than the statement says; all optional. */
export interface Shift {
  /** For those who prefer one. */
  readonly gender?: string | null
  readonly region?: string | null
  /** When the shift ends, in seconds since 1970: nothing is offered from then on. */
  readonly until?: number
}

/** Somebody waits; `waiting` is how many do. */
export class Request {
  readonly #accept: () => Promise<Conversation>

  /** @internal */
  constructor(
    readonly waiting: number,
    accept: () => Promise<Conversation>,
  ) {
    this.#accept = accept
  }

  /** Take the next request, or the one that is offered, and join. Rejects as `Staff.claim`. */
  accept(): Promise<Conversation> {
    return this.#accept()
  }
}

/** A colleague has brought us into a conversation; the survivor has agreed. */
export class InvitedTo {
  readonly #join: () => Promise<Conversation>

  /** @internal */
  constructor(
    readonly conversationId: Uint8Array,
    join: () => Promise<Conversation>,
  ) {
    this.#join = join
  }

  /** Go in; rejects with `ConversationOver` when it ended, or with why its room does not pass. */
  join(): Promise<Conversation> {
    return this.#join()
  }
}

function ignore(): void {
  // Asked again at every reconnect, or told otherwise.
}
