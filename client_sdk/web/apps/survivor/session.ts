/**
 * Between the SDK and the page's state: tells the one what she does, and the other what happened.
 *
 *     page ──ask, say, typing, answer, end──> Session ──> SDK
 *     state <────────── actions ───────────── Session <── events of the conversation
 */

import { hex, MAX_CHARACTERS, partsOf, stopReason, TYPING_FORGOTTEN_MS, uuidOf, wordsOf } from "../shared/talking.ts"
import type { CallPlace } from "../shared/call/place.ts"
import type { Action, Ending, Person, Proposal, Prospect, Reassignment } from "./stateTypes.ts"
import { nextTask, type Conversation, type Event, type Participant, type Survivor } from "./sdk.ts"

export interface Wishes {
  readonly need: string | null
  readonly preferredGender: string | null
  readonly region: string | null
  readonly urgency: 0 | 1 | 2 | null
  readonly language: string
}

/** The part of the SDK's classes that the page needs; a test gives it a made-up one. */
export type Talker = Pick<Survivor, "ask" | "leaveBeacon" | "vanish" | "close" | "verificationBlocked" | "onVerificationBlocked" | "onPaying" | "isConnected">
export type LeaveBeacon = Survivor["leaveBeacon"]
type Dispatch = (action: Action) => void
/** Where the calls of a conversation are. */
export type CallsOf = (conversation: Conversation) => Pick<CallPlace, "open" | "vanish">

const TYPING_TOLD_EVERY_MS = 4_000
const NEVER = -Infinity
/** After which she who would rather wait is asked again whether somebody else should be sought. */
const ASKED_AGAIN_MS = 120_000
/**
 * After these she goes back to whoever was with her, if she likes. Not after `stranger` and `disagreement`: it was stopped
 * for her safety, and the device of whoever was with her may be what was wrong.
 */
const GOING_BACK: readonly Ending[] = ["left", "ended", "gap", "forgotten", "trouble"]

/** One visit: at most one conversation at a time, and an end to all of it by `vanish`. */
export class Session {
  readonly #open: () => Promise<Talker>
  readonly #dispatch: Dispatch
  readonly #now: () => number
  #talker: Talker | null = null
  /** As it was known when there was one last. */
  #wasCutOff = false
  /** What is asked for; what she says waits for it. */
  #asked: Promise<Conversation> | null = null
  #conversation: Conversation | null = null
  /** The same, once somebody has come, until it is over. */
  #met: Conversation | null = null
  /** The one before, whose staff are asked first. Only in memory, as everything here. */
  #earlier: Conversation | null = null
  readonly #callsOf: CallsOf | null
  #calls: ReturnType<CallsOf> | null = null
  #said = 0
  /** What no conversation has taken yet, by what it is called here. */
  readonly #unsent = new Map<string, string>()
  /** What this one has taken before anybody came, by what it is called in the page's state. */
  readonly #unheard = new Map<string, string>()
  #isHeard = false
  #sending: Promise<void> = Promise.resolve()
  #unread: (() => Promise<void>)[] = []
  #found: Pick<Event & { type: "reassignmentFound" }, "approve" | "decline"> | null = null
  #isReassigning = false
  #isHeld = false
  /** Whether nobody on the other side can be reached; otherwise nobody else is needed. */
  #isAlone = false
  #patience: ReturnType<typeof setTimeout> | undefined
  #answers = new Map<string, Pick<Event & { type: "invitationReceived" }, "approve" | "decline"> & { readonly by: string }>()
  #typists = new Map<string, ReturnType<typeof setTimeout>>()
  #typingTold = NEVER
  #isLookedAt = true
  /** What still comes of an earlier one is not for this page any more. */
  #attempt = 0
  #isGone = false

  /** `open` makes the SDK's survivor; `now` gives milliseconds since 1970; `callsOf` null: there are no calls. */
  constructor(
    open: () => Promise<Talker>,
    dispatch: Dispatch,
    now: () => number = Date.now,
    callsOf: CallsOf | null = null,
  ) {
    this.#open = open
    this.#dispatch = (action) => {
      if (!this.#isGone) dispatch(action)
    }
    this.#now = now
    this.#callsOf = callsOf
  }

  /** Whether whoever was with her is asked first when she asks again. */
  get goesBack(): boolean {
    return this.#earlier !== null
  }

  /** Whether the relay cannot be reached, as far as that is known: nobody knows before she has asked, nor after it is over. */
  get isCutOff(): boolean {
    return this.#talker === null ? this.#wasCutOff : !this.#talker.isConnected
  }

  /** She would rather have somebody else. */
  goOnWithAnybody(): void {
    this.#earlier = null
  }

  /** Asks for somebody; what comes of it is told by actions. Never rejects. */
  async ask(wishes: Wishes): Promise<void> {
    const attempt = ++this.#attempt
    const isCurrent = (): boolean => attempt === this.#attempt
    this.#isHeard = false
    this.#dispatch({ type: "asked" })
    const asked = this.#askedFor(wishes, isCurrent)
    this.#asked = asked
    // What she had said when asking failed before, or when it came to nobody.
    for (const [here, text] of this.#unsent) this.#queue(here, text)
    let conversation: Conversation
    try {
      conversation = await asked
    } catch {
      if (isCurrent()) this.#dispatch({ type: "askFailed" })
      return
    }
    await this.#follow(conversation, isCurrent)
  }

  async #askedFor(wishes: Wishes, isCurrent: () => boolean): Promise<Conversation> {
    const talker = (this.#talker ??= this.#told(await this.#open()))
    if (!isCurrent()) {
      talker.vanish()
      throw new Error("she has left")
    }
    // What was told of it before may have been told to the conversation before.
    this.#dispatch({ type: "verificationBlocked", verificationBlocked: talker.verificationBlocked })
    return await talker.ask(wishes, this.#earlier)
  }

  #told(talker: Talker): Talker {
    talker.onVerificationBlocked((verificationBlocked) => {
      this.#dispatch({ type: "verificationBlocked", verificationBlocked })
    })
    talker.onPaying((isPaying) => {
      this.#dispatch({ type: "paying", isPaying })
    })
    return talker
  }

  async #follow(conversation: Conversation, isCurrent: () => boolean): Promise<void> {
    if (!isCurrent()) return
    this.#conversation = conversation
    this.#calls = this.#callsOf?.(conversation) ?? null
    this.#dispatch({ type: "linked", link: conversation.isConnected ? "connected" : "reconnecting" })
    try {
      for await (const event of conversation) {
        // What led to it has been work enough for one turn of the page: what it changes on the screen has one of its own.
        await nextTask()
        if (isCurrent()) this.#happened(event)
      }
    } catch {
      // That nothing more comes is what she has to know; it is told below.
    }
    // Whatever the events said last: nobody listens any more, so the page must not look as if somebody did.
    if (isCurrent()) {
      this.#over("trouble")
      this.#conversation = null
      this.#keepUnheard()
    }
  }

  /** What nobody has got goes to whoever comes when she asks again; what went wrong once somebody was there, nowhere. */
  #keepUnheard(): void {
    const words = this.#isHeard ? [] : [...this.#unheard, ...this.#unsent]
    this.#unsent.clear()
    this.#unheard.clear()
    for (const [here, text] of words) this.#unsent.set(here, text)
  }

  /** Says something: shown at once, sent as soon as there is a conversation. A long text goes in several messages. */
  say(text: string): void {
    for (const part of partsOf(text, MAX_CHARACTERS)) {
      const here = `own-${++this.#said}`
      this.#dispatch({ type: "said", id: here, text: part, at: this.#now() })
      this.#unsent.set(here, part)
      this.#queue(here, part)
    }
  }

  /** Sends it after what was said before. */
  #queue(here: string, text: string): void {
    this.#sending = this.#send(here, text, this.#asked, this.#sending).catch(ignoreLoss)
  }

  async #send(here: string, text: string, asked: Promise<Conversation> | null, before: Promise<void>): Promise<void> {
    await before
    const id = await (await asked)?.send(text)
    if (id === undefined) return
    this.#unsent.delete(here)
    if (!this.#isHeard) this.#unheard.set(hex(id), text)
    this.#dispatch({ type: "named", here, id: hex(id) })
  }

  /** Fetches what calls need; what comes of it is told by the place of the calls. */
  prepareCall(): void {
    this.#calls?.open().catch(ignoreLoss)
  }

  /** She writes, or has stopped. Told now and then only: the relay must not learn the rhythm of her keys. */
  typing(active: boolean): void {
    const sinceTold = this.#now() - this.#typingTold
    if (active ? sinceTold < TYPING_TOLD_EVERY_MS : this.#typingTold === NEVER) return
    this.#typingTold = active ? this.#now() : NEVER
    this.#conversation?.typing(active).catch(ignoreLoss)
  }

  /** She says yes or no to a newcomer. */
  answer(id: string, accepted: boolean): void {
    const answers = this.#answers.get(id)
    if (answers === undefined) return
    this.#answers.delete(id)
    void (accepted ? answers.approve() : answers.decline()).catch(ignoreLoss)
    this.#dispatch({ type: "answered", id, accepted })
  }

  /** Looks for somebody else to go on with, or for nobody any more. */
  reassign(isRequested: boolean): void {
    this.#reassigned(isRequested ? { step: "waiting" } : null)
    if (!isRequested) this.#bePatient()
    const conversation = this.#conversation
    const asked = isRequested ? conversation?.requestReassignment() : conversation?.cancelReassignment()
    asked?.catch(() => {
      // The relay is away or busy: she can press it again.
      if (isRequested && conversation === this.#conversation && this.#isReassigning) this.#reassigned({ step: "away", name: null })
    })
  }

  #bePatient(): void {
    if (!this.#isAlone) return
    this.#patience = setTimeout(() => {
      this.#reassigned({ step: "away", name: null })
    }, ASKED_AGAIN_MS)
  }

  /** She says yes or no to who was found. */
  answerFound(accepted: boolean): void {
    const found = this.#found
    if (found === null) return
    this.#reassigned(null)
    if (!accepted) this.#bePatient()
    void (accepted ? found.approve() : found.decline()).catch(ignoreLoss)
  }

  #reassignmentIsOver(): void {
    clearTimeout(this.#patience)
    this.#isReassigning = this.#isAlone = false
    this.#found = null
  }

  #reassigned(reassignment: Reassignment | null): void {
    clearTimeout(this.#patience)
    this.#isReassigning = reassignment?.step === "waiting"
    if (reassignment?.step !== "found") this.#found = null
    this.#dispatch({ type: "reassigned", reassignment })
  }

  /** Whether the conversation is in front of her eyes; only then are messages read. */
  lookedAt(isLookedAt: boolean): void {
    this.#isLookedAt = isLookedAt
    if (isLookedAt) for (const markRead of this.#unread.splice(0)) void markRead().catch(ignoreLoss)
  }

  /** Ends the conversation, or waiting for one, politely; the keys are wiped. */
  async end(): Promise<void> {
    this.#over("left")
    const talker = this.#talker
    this.#attempt++
    this.#forget()
    await talker?.close().catch(ignoreLoss)
  }

  /**
   * Drops every key at once, synchronously; nothing comes from this session any more. Returns the leave beacon that is left to
   * be posted, empty when there is none.
   */
  vanish(): LeaveBeacon {
    const talker = this.#talker
    const leaveBeacon = talker?.leaveBeacon ?? new Uint8Array()
    this.#isGone = true
    this.#earlier = this.#met = null
    this.#attempt++
    this.#forget()
    talker?.vanish()
    return leaveBeacon
  }

  #forget(): void {
    // First of all: whatever comes after, nobody is heard or seen any more.
    this.#calls?.vanish()
    this.#calls = null
    this.#wasCutOff = this.isCutOff
    this.#talker = null
    this.#asked = null
    this.#conversation = null
    this.#sending = Promise.resolve()
    this.#unsent.clear()
    this.#unheard.clear()
    this.#unread = []
    this.#answers.clear()
    this.#reassignmentIsOver()
    for (const timer of this.#typists.values()) clearTimeout(timer)
    this.#typists.clear()
    this.#typingTold = NEVER
  }

  #over(why: Ending, by: string | null = null): void {
    // The first reason is the true one, as in the page's state.
    if (this.#met !== null) {
      this.#earlier = GOING_BACK.includes(why) ? this.#met : null
      this.#met = null
    }
    this.#dispatch({ type: "over", why, by })
  }

  #happened(event: Event): void {
    switch (event.type) {
      case "waiting":
        this.#dispatch({ type: "placed", position: event.position, at: this.#now() })
        this.#dispatch({ type: "foreseen", prospect: { minutes: minutesOf(event) } })
        break
      case "preferencesRelaxed":
        this.#dispatch({ type: "foreseen", prospect: { hasRelaxedPreferences: event.dropped.length > 0 } })
        break
      case "staffAvailable":
        this.#dispatch({ type: "foreseen", prospect: { opens: event.somebody ? 0 : event.opens } })
        break
      case "connected":
      case "reconnecting":
        this.#dispatch({ type: "linked", link: event.type === "connected" && this.#isHeld ? "held" : event.type })
        break
      case "relayUnavailable":
      case "relayAvailable":
        this.#isHeld = event.type === "relayUnavailable"
        if (!this.isCutOff) this.#dispatch({ type: "linked", link: this.#isHeld ? "held" : "connected" })
        break
      case "joined":
        // Whoever comes in, by whatever way, is there to be talked with.
        if (this.#isReassigning || this.#found !== null) void this.#conversation?.cancelReassignment().catch(ignoreLoss)
        this.#reassignmentIsOver()
        if (!event.participant.isSurvivor) {
          this.#met = this.#conversation
          this.#isHeard = true
          this.#unheard.clear()
        }
        this.#dispatchOf(event)
        break
      case "left":
        this.#withdraw(personOf(event.participant))
        this.#dispatchOf(event)
        break
      case "textReceived":
        this.#heard(event)
        break
      case "messageReceived":
        this.#received(event)
        break
      case "sent":
      case "delivered":
      case "read":
        this.#dispatch({ type: "progressed", id: hex(event.messageId), progress: event.type })
        break
      case "typingSeen":
        this.#typingSeen(personOf(event.participant), event.active)
        break
      case "invitationReceived":
        this.#proposed(event)
        break
      case "unconfirmed":
        this.#dispatch({ type: "unconfirmed", names: event.participants.map(({ name }) => name ?? "") })
        break
      case "noteHandedOver":
        this.#dispatch({ type: "noteHandedOver", by: personOf(event.sender) })
        break
      case "staffUnreachable":
      case "staffReachable":
      case "reassignmentFound":
      case "reassignmentLapsed":
      case "reassignmentRefused":
        this.#handleReassignment(event)
        break
      case "rosterRefused":
      case "stopped":
        this.#over(stopReason(event.reason))
        break
      case "ended":
        this.#over("ended", event.by?.name ?? null)
        break
      default:
        // What is left concerns staff, or was dropped without harm to the conversation.
        break
    }
  }

  #dispatchOf({ type, participant }: Event & { type: "joined" | "left" }): void {
    if (!participant.isSurvivor) this.#dispatch({ type, person: personOf(participant) })
  }

  #handleReassignment(event: Event & { type: `staff${string}able` | `reassignment${string}` }): void {
    switch (event.type) {
      case "staffUnreachable":
        this.#unreachable(event.participants[0]?.name ?? null)
        break
      case "staffReachable":
        this.#isAlone = false
        this.#dispatch({ type: "reached", unreachable: null })
        // Whoever was found may still come in; otherwise nobody else is needed.
        if (this.#isReassigning) void this.#conversation?.cancelReassignment().catch(ignoreLoss)
        if (this.#found === null) this.#reassigned(null)
        break
      case "reassignmentFound":
        this.#reassigned({ step: "found", name: event.participant.name ?? "", role: event.participant.role })
        this.#found = event
        break
      case "reassignmentLapsed":
        this.#reassigned(this.#isAlone ? { step: "waiting" } : null)
        if (!this.#isAlone) void this.#conversation?.cancelReassignment().catch(ignoreLoss)
        break
      case "reassignmentRefused":
        this.#reassigned({ step: "refused" })
    }
  }

  #unreachable(name: string | null): void {
    this.#isAlone = true
    this.#dispatch({ type: "reached", unreachable: name })
    this.#reassigned({ step: "away", name })
  }

  #heard(event: Event & { type: "textReceived" }): void {
    const { messageId, sender, text, sent } = event
    this.#dispatch({ type: "heard", id: hex(messageId), by: personOf(sender), text, at: sent * 1000, service: null })
    if (this.#isLookedAt) void event.markRead().catch(ignoreLoss)
    else this.#unread.push(event.markRead)
  }

  #received({ sender, message }: Event & { type: "messageReceived" }): void {
    const by = personOf(sender)
    if (message.type !== "referral") {
      this.#dispatch({ type: "unreadable", by })
      return
    }
    const { id, sent, serviceId, directoryVersion: version } = message
    const service = serviceId === null || version === null ? null : { id: uuidOf(serviceId), version }
    this.#dispatch({ type: "heard", id: hex(id), by, text: wordsOf(message), at: sent * 1000, service })
  }

  #typingSeen(person: Person, active: boolean): void {
    clearTimeout(this.#typists.get(person.key))
    const forget = (): void => {
      this.#dispatch({ type: "typing", person, active: false })
    }
    if (active) this.#typists.set(person.key, setTimeout(forget, TYPING_FORGOTTEN_MS))
    this.#dispatch({ type: "typing", person, active })
  }

  /** Whoever asked is gone, and her device with her, which alone would have brought somebody in. */
  #withdraw({ key }: Person): void {
    for (const [id, { by }] of this.#answers) {
      if (by !== key) continue
      this.#answers.delete(id)
      this.#dispatch({ type: "answered", id, accepted: null })
    }
  }

  #proposed({ invitation, proposedBy, approve, decline }: Event & { type: "invitationReceived" }): void {
    const { name, role, reason } = invitation
    const proposal: Proposal = { id: hex(invitation.id), name, role, reason, by: personOf(proposedBy) }
    this.#answers.set(proposal.id, { approve, decline, by: proposal.by.key })
    this.#dispatch({ type: "proposed", proposal })
  }
}

/** What is lost with the conversation is told by its own events. */
function ignoreLoss(): void {
  // Nothing to do: see above.
}

function personOf(participant: Participant): Person {
  return { key: hex(participant.deviceKey), name: participant.name ?? "", role: participant.role }
}

function minutesOf({ leastSeconds, mostSeconds }: Event & { type: "waiting" }): Prospect["minutes"] {
  if (leastSeconds === null || mostSeconds === null) return null
  return { least: Math.floor(leastSeconds / 60), most: Math.ceil(mostSeconds / 60) }
}
