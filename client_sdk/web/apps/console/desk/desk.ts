/**
 * Between the SDK and the desk's state: tells the one what staff do, and the other what happened.
 *
 *     page ──accept, say, invite, end──> Desk ──> SDK
 *     page <───────── state ──────────── Desk <── events of the conversations
 *                                         └─────> Cabinet (what was said is kept before the SDK forgets it)
 */

import { fromHex, hex, MAX_CHARACTERS, partsOf, stopReason, TYPING_FORGOTTEN_MS, wordsOf } from "../../shared/talking.ts"
import { Awaited } from "../talk/awaited.ts"
import { Cabinet } from "../door/cabinet.ts"
import { DeskCalls } from "./deskCalls.ts"
import { COMES_WITHIN_SECONDS, Inviting, type Invitee } from "../talk/inviting.ts"
import {
  begunTalk,
  EMPTY_DESK,
  openTalks,
  reduceDesk,
  type DeskAction,
  type DeskState,
  type Ending,
  type Mark,
  type Outcome,
  type Person,
  type Preferences,
  type Presence,
  type Talk,
  type TalkAction,
} from "./deskState.ts"
import { askedOf, isReplaced, listedOf, notYetOf, personOf, waitingOf, whyNotAccepted, whyNotHandedOver } from "./deskTerms.ts"
import type {
  Board,
  Colleague,
  Conversation,
  Event,
  InvitedTo,
  KeyStore,
  OpenOffer,
  QueueAlert,
  Referral,
  Staff,
} from "../sdk.ts"
import { forgetWaking, keepWaking, onSubscriptionChange, startWaking, type WakingFailure } from "../shift/waking.ts"
import { TeduhError } from "../sdk.ts"

/** The part of the SDK's class that the desk needs; a test gives it a made-up one. */
export type StaffSide = Pick<
  Staff,
  | "name"
  | "role"
  | "isConnected"
  | "failure"
  | "verificationBlocked"
  | "onVerificationBlocked"
  | "conversations"
  | "lost"
  | "restored"
  | "claim"
  | "colleagues"
  | "setAvailable"
  | "setBusy"
  | "setAway"
  | "invitations"
  | "askToJoin"
  | "inviteRole"
  | "asksToJoin"
  | "routing"
  | "onConnection"
  | "onAsked"
  | "close"
>

/** What of the preferences the relay goes by. */
const TOLD = ["capacity", "gender", "region", "until"] as const

/** Everything between unlocking and locking. */
export class Desk {
  readonly #staff: StaffSide
  readonly #cabinet: Cabinet
  readonly #onChange: (state: DeskState) => void
  readonly #conversations = new Map<string, Conversation>()
  readonly #invited = new Map<string, InvitedTo>()
  readonly #asking = new Map<string, Colleague>()
  readonly #unread = new Map<string, (() => Promise<void>)[]>()
  readonly #typists = new Map<string, ReturnType<typeof setTimeout>>()
  readonly #awaited = new Awaited()
  readonly #stops: (() => void)[] = []
  /** What is being said and filed: locking waits for it. */
  readonly #begun = new Set<Promise<void>>()
  /** What is being written where, while another talk is shown; kept while the console is locked. */
  readonly drafts = new Map<string, string>()
  /** Notes for a colleague that have not been handed over, by conversation: only in memory. */
  readonly unhanded = new Map<string, string>()
  readonly calls = new DeskCalls()
  readonly inviting: Inviting
  #state: DeskState = EMPTY_DESK
  #isLookedAt = true
  /** Nothing is shown any more; what was begun is still kept. */
  #isClosed = false
  /** Nothing can be kept any more. */
  #isShut = false

  constructor(staff: StaffSide, store: KeyStore, onChange: (state: DeskState) => void) {
    this.#staff = staff
    this.inviting = new Inviting(staff)
    this.#cabinet = new Cabinet(store)
    this.#onChange = onChange
  }

  get state(): DeskState {
    return this.#state
  }

  /**
   * Bring back what was kept, but for what is `preferred` now, and follow everything that happens from now on. Nobody is
   * given requests before they say so, unless `presence` says it for them.
   */
  async begin(preferred: Partial<Preferences> = {}, presence: Presence = "away"): Promise<void> {
    const staff = this.#staff
    this.#dispatch({ type: "began", me: { name: staff.name, role: staff.role } })
    this.#dispatch({ type: "preferred", preferences: { ...(await this.#cabinet.preferences()), ...preferred } })
    if (preferred.language !== undefined) await this.#cabinet.keepPreferences(this.#state)
    this.#dispatch({ type: "brought", replies: await this.#cabinet.replies(), ...(await this.#cabinet.filed()) })
    this.#stops.push(
      staff.onConnection(() => {
        this.#connection()
      }),
      staff.onVerificationBlocked(() => {
        this.#connection()
      }),
      staff.onAsked((count) => {
        this.#dispatch({ type: "asked", count })
      }),
      staff.routing.onListing(({ waiting, requests }) => {
        // Where we look for a colleague is for others; where we were once, we may be asked for again.
        const queue = requests.map(listedOf).filter(({ id }) => this.#conversations.get(id)?.isOver ?? true)
        const others = waiting - requests.length + queue.length
        this.#dispatch({ type: "listed", waiting: others, queue, makesOffers: staff.routing.makesOffers })
      }),
      staff.routing.onOffers((offers) => {
        this.#offered(offers)
      }),
    )
    this.#connection()
    this.#offered(staff.routing.offers)
    await this.#restore()
    // Locked meanwhile: what is taken now, nobody would see or keep.
    if (this.#isClosed) return
    for (const [id, text] of await this.#cabinet.takeDrafts()) if (this.#talk(id) !== undefined) this.drafts.set(id, text)
    this.#stops.push(onSubscriptionChange(() => void this.#keepWaking()))
    this.#connection()
    void this.#followInvitations().catch(ignore)
    void this.#followAsks().catch(ignore)
    if (presence !== "away") await this.setPresence(presence)
  }

  /** Take no requests any more, and close; conversations stay where they are kept, and all is kept then. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const left = this.calls.close()
    for (const stop of this.#stops) stop()
    for (const timer of this.#typists.values()) clearTimeout(timer)
    this.#awaited.close()
    void this.#cabinet.keepDrafts(this.drafts).catch(ignore)
    this.drafts.clear()
    this.unhanded.clear()
    // Whoever ends a conversation and locks the console has ended it: she must be told, and the note filed. And whoever was in
    // a call hears that it is over, rather than a silence of which she must make something herself.
    const told = left.map(async (id) => this.#conversations.get(id)?.confirmed().catch(ignore))
    await Promise.all([
      soon(Promise.all(this.#begun), BEGUN_WITHIN_MS),
      this.#staff.isConnected ? soon(Promise.all(told)) : undefined,
    ])
    await this.#staff.close()
    // Those drafts, the last words of a note, or the language that was chosen a moment ago.
    await this.#cabinet.written()
    this.#isShut = true
  }

  // --- the queue ---

  /** For supervisors: be told the numbers, and of requests that find nobody; returns how to be told no more. */
  watchBoard(onBoard: (board: Board) => void, onAlert: (alert: QueueAlert) => void): () => void {
    const stops = [this.#staff.routing.onBoard(onBoard), this.#staff.routing.onAlert(onAlert)]
    return () => {
      for (const stop of stops) stop()
    }
  }

  /** Say whether requests are taken. Never rejects: while the relay is away it is said when it is back. */
  async setPresence(presence: Presence): Promise<void> {
    this.#dispatch({ type: "presence", presence })
    await this.#announce()
  }

  /** Keep what is preferred for the next time; what the relay goes by is told to it. */
  async prefer(preferences: Partial<Preferences>): Promise<void> {
    this.#dispatch({ type: "preferred", preferences })
    await this.#cabinet.keepPreferences(this.#state)
    if (TOLD.some((name) => preferences[name] !== undefined)) await this.#announce()
  }

  /** Have this device woken when somebody waits; the browser asks the person. Never rejects; null: it is. */
  async startWaking(): Promise<WakingFailure | null> {
    const failure = await startWaking(this.#staff.routing)
    if (failure === null) await this.prefer({ isWoken: true })
    return failure
  }

  /** Have it woken no more. Never rejects, and waits for the relay a moment at most. */
  async stopWaking(): Promise<null> {
    await this.prefer({ isWoken: false })
    await forgetWaking().catch(ignore)
    // A relay that cannot be told is told by the push service.
    if (this.#staff.isConnected) await soon(this.#staff.routing.unsubscribePush().catch(ignore))
    return null
  }

  /** Take a request: one that is offered, one that waits, or, without an id, the next. Never rejects. */
  async accept(id: string | null = null): Promise<void> {
    if (this.#state.isAccepting) return
    this.#dispatch({ type: "accepting" })
    try {
      const conversation = await this.#taken(id ?? this.#state.offers[0]?.id ?? null)
      if (this.#conversations.get(hex(conversation.id)) === conversation) this.show(hex(conversation.id))
      else this.#follow(conversation, null, true)
      this.#dispatch({ type: "accepted", failure: null })
    } catch (error) {
      this.#dispatch({ type: "accepted", failure: whyNotAccepted(error) })
    }
    await this.#announce()
  }

  /** Let an offered request go to somebody else, at once. Never rejects. */
  async decline(id: string): Promise<void> {
    try {
      await this.#staff.routing.decline(fromHex(id))
    } catch (error) {
      // It goes to somebody else in any case, when its time is over.
      if (!(error instanceof TeduhError)) throw error
    }
  }

  /** Go where a colleague has brought us. Never rejects. */
  async join(id: string): Promise<void> {
    const invited = this.#invited.get(id)
    if (invited === undefined) return
    this.#invited.delete(id)
    this.#dispatch({ type: "invitationOver", id })
    try {
      this.#follow(await invited.join(), null, true)
    } catch {
      this.#dispatch({ type: "accepted", failure: "lost" })
    }
    await this.#announce()
  }

  // --- a talk ---

  /** Show a talk, or none. */
  show(id: string | null): void {
    this.#dispatch({ type: "shown", id })
    this.#markSeen()
  }

  /** Whether somebody looks at the page; only then are messages read. */
  lookedAt(isLookedAt: boolean): void {
    this.#isLookedAt = isLookedAt
    this.#markSeen()
  }

  /** Say something; a long text goes in several messages. Rejects when it is not even kept, and is a draft again then. */
  async say(id: string, text: string): Promise<void> {
    try {
      const conversation = this.#conversations.get(id)
      if (conversation === undefined) throw new Error("there is no conversation to say it in")
      await this.#finished(this.#say(id, conversation, text))
    } catch (error) {
      // The next may have been begun.
      this.drafts.set(id, [text, this.drafts.get(id) ?? ""].filter(Boolean).join("\n"))
      throw error
    }
  }

  async #say(id: string, conversation: Conversation, text: string): Promise<void> {
    for (const part of partsOf(text, MAX_CHARACTERS)) {
      const messageId = await conversation.send(part)
      this.#inTalk(id, { type: "said", id: hex(messageId), text: part, at: Date.now() })
    }
    await this.#keep(id)
  }

  /** Tell of a service of the directory; rejects when it cannot be said. */
  async refer(id: string, referral: Referral): Promise<void> {
    const conversation = this.#conversations.get(id)
    if (conversation === undefined) throw new Error("there is no conversation to say it in")
    await this.#finished(this.#refer(id, conversation, referral))
  }

  async #refer(id: string, conversation: Conversation, referral: Referral): Promise<void> {
    await conversation.refer(referral)
    this.#inTalk(id, { type: "said", id: hex(referral.id), text: wordsOf(referral), at: Date.now() })
    await this.#keep(id)
  }

  typing(id: string, active: boolean): void {
    this.#conversations.get(id)?.typing(active).catch(ignore)
  }

  /** Who could be brought in; empty while the relay is away. */
  async colleagues(): Promise<readonly Colleague[]> {
    return this.#staff.colleagues().catch((error: unknown) => {
      if (error instanceof TeduhError) return []
      throw error
    })
  }

  /** Ask her whether somebody may join, and bring that colleague in if so. Never rejects. */
  async invite(id: string, invitee: Invitee, reason: string): Promise<void> {
    const tell = this.#inTalk.bind(this, id)
    await this.inviting.invite(id, this.#conversations.get(id), invitee, reason, tell)
  }

  /** As a supervisor, ask a colleague to be brought in; whether she could be asked. */
  async askToJoin(colleague: Colleague): Promise<boolean> {
    return this.#staff.askToJoin(colleague).then(
      () => true,
      () => false,
    )
  }

  /** Bring a supervisor who asked into this talk, if the person agrees; or, without one, into none. Never rejects. */
  async addAsking(asking: string, id: string | null, reason: string): Promise<void> {
    const colleague = this.#asking.get(asking)
    this.#asking.delete(asking)
    this.#dispatch({ type: "askOver", id: asking })
    if (colleague !== undefined && id !== null) await this.invite(id, { by: "person", colleague }, reason)
  }

  /** Have a colleague take over, with a note for her device alone. Never rejects; how it went is in the talk. */
  async handOver(id: string, colleague: Colleague, reason: string, note: string): Promise<void> {
    const who = { name: colleague.name, role: colleague.role }
    const conversation = this.#conversations.get(id)
    if (conversation === undefined || this.#talk(id)?.handOver?.stage === "going") return
    this.#inTalk(id, { type: "handOver", handOver: { who, stage: "going" } })
    this.unhanded.set(id, note)
    const stage = await conversation.handOver(colleague, { reason, note }).then(() => "done" as const, whyNotHandedOver)
    this.#inTalk(id, { type: "handOver", handOver: { who, stage } })
    if (stage === "done") this.unhanded.delete(id)
    await this.#keep(id)
    await this.#announce()
  }

  /** Take no more requests, and hand over everything that goes on; each goes its own way. Never rejects. */
  async endShift(colleague: Colleague, reason: string, notes: ReadonlyMap<string, string>): Promise<void> {
    await this.setPresence("away")
    await Promise.all(openTalks(this.#state).map(({ id }) => this.handOver(id, colleague, reason, notes.get(id) ?? "")))
  }

  /** Keep a private note on a talk. */
  async note(id: string, note: string): Promise<void> {
    this.#inTalk(id, { type: "noted", note })
    await this.#keep(id)
  }

  /** Tell a person apart by a nickname and a colour: on this device alone, as long as the talk is. */
  async mark(id: string, { nickname, colour }: Mark): Promise<void> {
    this.#inTalk(id, { type: "marked", nickname, colour })
    await this.#keep(id)
  }

  /** Leave a talk, for all or only ourselves, and file what came of it. What was said is deleted here. */
  async file(id: string, outcome: Outcome, how: { forAll: boolean; keepsNote: boolean }): Promise<void> {
    const talk = this.#talk(id)
    if (talk === undefined) return
    await this.#finished(this.#file(talk, outcome, how))
    await this.#announce()
  }

  /**
   * Say that it was no request for help, end it for all and file it. False: the relay could not be told, and it goes on.
   * Never rejects.
   */
  async report(id: string): Promise<boolean> {
    const talk = this.#talk(id)
    if (talk === undefined) return true
    try {
      await this.#staff.routing.reportAbuse(fromHex(id))
    } catch (error) {
      if (error instanceof TeduhError) return false
      throw error
    }
    await this.file(id, "unsuitable", { forAll: true, keepsNote: false })
    return true
  }

  async #file({ id, ending, note: written }: Talk, outcome: Outcome, { forAll, keepsNote }: Parameters<Desk["file"]>[2]): Promise<void> {
    const conversation = this.#conversations.get(id)
    if (ending === null) await (forAll ? conversation?.end() : conversation?.leave())
    // It is still there, and to be filed when the console is open again.
    if (this.#isShut) return
    const text = keepsNote ? written.trim() : ""
    const note = text === "" ? null : { id, at: Date.now(), outcome, text }
    this.#forget(id)
    this.#dispatch({ type: "filed", id, outcome, note })
    // The note first, which is in the talk until then.
    await Promise.all([this.#cabinet.keepFiled(this.#state), this.#cabinet.dropTalk(id)])
  }

  async dropNote(id: string): Promise<void> {
    this.#dispatch({ type: "noteDropped", id })
    await this.#cabinet.keepFiled(this.#state)
  }

  async setReplies(replies: readonly string[]): Promise<void> {
    this.#dispatch({ type: "replies", replies })
    await this.#cabinet.keepReplies(replies)
  }

  // --- inside ---

  #dispatch(action: DeskAction): void {
    if (this.#isShut) return
    this.#state = reduceDesk(this.#state, action)
    if (!this.#isClosed) this.#onChange(this.#state)
  }

  async #finished(work: Promise<void>): Promise<void> {
    // Whoever asked for it is told that it failed.
    const begun = work.catch(ignore).finally(() => this.#begun.delete(begun))
    this.#begun.add(begun)
    await work
  }

  #inTalk(id: string, action: TalkAction): void {
    this.#dispatch({ type: "talk", id, action })
  }

  #talk(id: string): Talk | undefined {
    return this.#state.talks.find((talk) => talk.id === id)
  }

  async #keep(id: string): Promise<void> {
    const talk = this.#talk(id)
    if (talk !== undefined && !this.#isShut) await this.#cabinet.keepTalk(talk)
  }

  #taken(id: string | null): Promise<Conversation> {
    const conversationId = id === null ? null : fromHex(id)
    const isOffered = this.#state.offers.some((offer) => offer.id === id)
    if (conversationId === null || !isOffered) return this.#staff.claim(conversationId)
    return this.#staff.routing.accept(conversationId)
  }

  #offered(offers: readonly OpenOffer[]): void {
    const shown = offers.map((offer) => ({ ...waitingOf(offer), until: offer.until * 1000 }))
    this.#dispatch({ type: "offered", offers: shown })
  }

  #connection(): void {
    const { isConnected, failure, verificationBlocked } = this.#staff
    const wasConnected = this.#state.isConnected
    this.#dispatch({ type: "connection", isConnected, isRefused: failure !== null, notYet: notYetOf(failure), verificationBlocked })
    if (isConnected && !wasConnected) void this.#keepWaking()
  }

  async #keepWaking(): Promise<void> {
    if (!this.#state.isWoken) return
    const failure = await keepWaking(this.#staff.routing)
    // The box must not be ticked where nobody is woken; what only failed is tried again.
    if (failure !== null && failure !== "failed") await this.prefer({ isWoken: false })
  }

  async #announce(): Promise<void> {
    // Whoever has locked the console is away, and the SDK says so.
    if (this.#isClosed) return
    const { presence, capacity, gender, region, until } = this.#state
    const room = Math.max(0, capacity - openTalks(this.#state).length)
    try {
      if (presence === "away") await this.#staff.setAway()
      else if (presence === "busy" || room === 0) await this.#staff.setBusy()
      else await this.#staff.setAvailable(room, { gender, region, until })
    } catch (error) {
      // Not lost: the SDK says it again when the link is back.
      if (!(error instanceof TeduhError)) throw error
    }
  }

  async #restore(): Promise<void> {
    const kept = await this.#cabinet.talks()
    await this.#staff.restored()
    if (this.#isClosed) return
    // Those that are lost have something to tell, too, and be it why.
    const going = new Map([...this.#staff.conversations, ...this.#staff.lost].map((one) => [hex(one.id), one]))
    for (const talk of kept) {
      const conversation = going.get(talk.id)
      going.delete(talk.id)
      if (conversation !== undefined) this.#follow(conversation, talk, false)
      else {
        // It ended as the console was being closed.
        const ending = talk.ending ?? { why: "ended", by: null }
        this.#dispatch({ type: "opened", talk: { ...talk, ending }, isShown: false })
      }
    }
    for (const conversation of going.values()) this.#follow(conversation, null, false)
  }

  async #followInvitations(): Promise<void> {
    for await (const invited of this.#staff.invitations()) {
      const id = hex(invited.conversationId)
      this.#invited.set(id, invited)
      this.#dispatch({ type: "invited", id })
    }
  }

  async #followAsks(): Promise<void> {
    for await (const colleague of this.#staff.asksToJoin()) {
      const id = hex(colleague.deviceId)
      this.#asking.set(id, colleague)
      this.#dispatch({ type: "joinAsked", asking: { id, name: colleague.name, role: colleague.role } })
    }
  }

  #follow(conversation: Conversation, kept: Talk | null, isShown: boolean): void {
    const id = hex(conversation.id)
    const people = conversation.participants.filter((one) => one !== conversation.me).map(personOf)
    const talk = kept ?? begunTalk(this.#state, id, Date.now(), askedOf(conversation))
    // What was accepted just now came over the link, though nobody has subscribed to it yet.
    const link = kept === null || conversation.isConnected ? "connected" : "reconnecting"
    this.#conversations.set(id, conversation)
    this.calls.begin(id, conversation)
    this.#dispatch({ type: "opened", talk: { ...talk, people, link }, isShown })
    void this.#listen(id, conversation)
  }

  async #listen(id: string, conversation: Conversation): Promise<void> {
    try {
      await this.#keep(id)
      for await (const event of conversation) {
        // It stays with the SDK, which keeps it for the next time until it is asked for another.
        if (this.#isClosed) await new Promise<never>(() => undefined)
        this.#happened(id, event)
        // Until this is done the SDK keeps it; then it is ours to keep.
        if (isWorthKeeping(event)) await this.#keep(id)
      }
    } catch {
      // The store was closed under us, or there is a fault: the talk must not look as if it went on.
    }
    this.#inTalk(id, { type: "over", why: "trouble", by: null })
  }

  #happened(id: string, event: Event): void {
    switch (event.type) {
      case "connected":
      case "reconnecting":
        this.#inTalk(id, { type: "linked", link: event.type })
        break
      case "relayUnavailable":
        this.#inTalk(id, { type: "linked", link: "held" })
        break
      case "relayAvailable":
        this.#inTalk(id, { type: "linked", link: "connected" })
        break
      case "joined":
        this.#awaited.isThere(id, event.participant)
        if (event.participant !== this.#conversations.get(id)?.me) this.#inTalk(id, { type: "joined", person: personOf(event.participant) })
        break
      case "left":
        this.#inTalk(id, { type: "left", person: personOf(event.participant) })
        break
      case "memberDisconnected":
        this.#inTalk(id, { type: "noticed", notice: "memberDisconnected", who: { name: "", role: event.participant.role } })
        break
      case "callsUnsupported":
        if (event.participant.isSurvivor) this.#inTalk(id, { type: "callsUnsupported" })
        break
      case "unconfirmed":
        this.#inTalk(id, { type: "unconfirmed", people: event.participants.map(personOf) })
        break
      case "textReceived":
        this.#heard(id, event)
        break
      case "messageReceived":
        this.#received(id, event)
        break
      case "sent":
      case "delivered":
      case "read":
        this.#inTalk(id, { type: "progressed", id: hex(event.messageId), progress: event.type })
        break
      case "typingSeen":
        this.#typingSeen(id, personOf(event.participant), event.active)
        break
      case "invitationReceived":
        this.#inTalk(id, { type: "noticed", notice: "proposed", who: event.invitation })
        break
      case "invitationAnswered":
        if (event.accepted) this.#addAfterAll(id, event.invitation)
        this.#inTalk(id, { type: "decided", notice: event.accepted ? "welcomed" : "declined", who: event.invitation })
        break
      case "noteReceived":
        this.#noteHeard(id, event)
        break
      case "noteHandedOver":
        this.#inTalk(id, { type: "noticed", notice: "noteHandedOver", who: personOf(event.sender) })
        break
      case "rosterRefused":
      case "stopped":
        this.#inTalk(id, { type: "over", why: this.#stopReason(id, event.reason), by: null })
        break
      case "ended":
        this.#inTalk(id, { type: "over", why: "ended", by: event.by?.name ?? null })
        break
      default:
        // What is left was dropped without harm to the conversation, or is told by a promise.
        break
    }
    if (event.type === "ended" || event.type === "stopped") void this.#announce()
  }

  #stopReason(id: string, reason: Error): Ending {
    // What is forgotten while this device is there was lost; while it is away, she may have gone on with somebody else.
    const wasAway = this.#talk(id)?.link === "reconnecting"
    return wasAway && isReplaced(reason) ? "replaced" : stopReason(reason)
  }

  /**
   * Nobody here waits for her yes any more: the console was locked meanwhile, or a colleague has asked her, whose console may
   * be locked now. Where others are there, whoever asked has a moment to do it.
   */
  #addAfterAll(id: string, who: Pick<Colleague, "deviceId" | "name" | "role">): void {
    if (!this.#isMissing(id, who)) return
    if (this.#talk(id)?.people.every((one) => one.name === null) === true) {
      this.#addInvited(id, who)
      return
    }
    this.#awaited.expect(id, who, () => {
      if (this.#isMissing(id, who)) this.#addInvited(id, who)
    })
  }

  /** Whether nobody here is about to bring her in. */
  #isMissing(id: string, { name, role }: Pick<Colleague, "name" | "role">): boolean {
    const talk = this.#talk(id)
    if (talk?.ending !== null) return false
    const going = talk.handOver?.stage === "going" ? talk.handOver.who : null
    return !this.inviting.isAsking(id, { name, role }) && !(going?.name === name && going.role === role)
  }

  #addInvited(id: string, { deviceId, name, role }: Pick<Colleague, "deviceId" | "name" | "role">): void {
    const tell = (): void => {
      this.#inTalk(id, { type: "decided", notice: "failed", who: { name, role } })
    }
    this.#conversations.get(id)?.addInvited({ deviceId }, COMES_WITHIN_SECONDS).catch(tell)
  }

  #heard(id: string, { messageId, sender, text, sent, markRead }: Event & { type: "textReceived" }): void {
    const isSeen = this.#isLookedAt && this.#state.shown === id
    this.#inTalk(id, { type: "heard", id: hex(messageId), by: personOf(sender), text, at: sent * 1000, came: Date.now(), isSeen })
    if (isSeen) void markRead().catch(ignore)
    else this.#unread.set(id, [...(this.#unread.get(id) ?? []), markRead])
  }

  #received(id: string, { sender, message }: Event & { type: "messageReceived" }): void {
    const by = personOf(sender)
    if (message.type !== "referral") {
      this.#inTalk(id, { type: "unreadable", by })
      return
    }
    const isSeen = this.#isLookedAt && this.#state.shown === id
    const at = message.sent * 1000
    this.#inTalk(id, { type: "heard", id: hex(message.id), by, text: wordsOf(message), at, came: Date.now(), isSeen })
  }

  #noteHeard(id: string, { messageId, sender, text, sent }: Event & { type: "noteReceived" }): void {
    this.#inTalk(id, { type: "noteHeard", id: hex(messageId), by: personOf(sender), text, at: sent * 1000 })
  }

  #markSeen(): void {
    const { shown } = this.#state
    if (shown === null || !this.#isLookedAt || this.#talk(shown)?.unread === 0) return
    for (const markRead of this.#unread.get(shown) ?? []) void markRead().catch(ignore)
    this.#unread.delete(shown)
    this.#inTalk(shown, { type: "seen" })
    void this.#keep(shown).catch(ignore)
  }

  #typingSeen(id: string, person: Person, active: boolean): void {
    const key = `${id} ${person.key}`
    clearTimeout(this.#typists.get(key))
    const forget = (): void => {
      this.#inTalk(id, { type: "typing", person, active: false })
    }
    if (active) this.#typists.set(key, setTimeout(forget, TYPING_FORGOTTEN_MS))
    this.#inTalk(id, { type: "typing", person, active })
  }

  #forget(id: string): void {
    this.#conversations.delete(id)
    this.calls.forget(id)
    this.#unread.delete(id)
    this.drafts.delete(id)
    this.unhanded.delete(id)
  }
}

const SOON_MS = 2000
/** Somewhat longer than a goodbye takes at most; whatever hangs must not keep the console open. */
const BEGUN_WITHIN_MS = 4000

async function soon(work: Promise<unknown>, withinMs = SOON_MS): Promise<void> {
  await Promise.race([work, new Promise((resolve) => setTimeout(resolve, withinMs))])
}

function ignore(): void {
  // What is lost with a conversation is told by its own events.
}

function isWorthKeeping({ type }: Event): boolean {
  return !["typingSeen", "connected", "reconnecting", "relayUnavailable", "relayAvailable"].includes(type)
}
