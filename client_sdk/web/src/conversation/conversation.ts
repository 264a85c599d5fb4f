/**
 * A conversation as an application holds it: say things, and iterate over what happens.
 *
 *     for await (const event of conversation) {
 *       switch (event.type) { ... }
 *     }
 *
 * The driver around `ConversationState`: it brings the time, the link and the waiting. Whatever is done, by the
 * application or by the relay, takes its turn; after the turns that came together it keeps the state (staff), then sends,
 * then tells the application; nothing is sent that is not kept.
 */

import type { Referral } from "../chat/messages.ts"
import type { Inviting, FromQueue, HandOver, Host } from "./invite.ts"
import { CallExchange } from "./callExchange.ts"
import type { CallListener } from "./callSignals.ts"
import { atMost, nowInSeconds } from "../net/clock.ts"
import type { Colleague } from "../trust/colleague.ts"
import { isOfConversation } from "./conversationFrame.ts"
import type { ConversationState } from "./conversationState.ts"
import {
  CommitConflict,
  ConversationOver,
  LogBroken,
  NotJoined,
  RelayRefused,
  RequestUnusable,
  TeduhError,
} from "../errors.ts"
import type { Event, StateEvent } from "../events.ts"
import type { Change } from "../group/groupChanges.ts"
import { readIceServers, type IceServers } from "../net/iceServers.ts"
import { Reactions } from "./reactions.ts"
import {
  ErrorCode,
  FetchIceServers,
  Leave,
  Subscribe,
  NO_DETAILS,
  type ClientFrame,
  type Done,
  type RelayFrame,
  type RequestDetails,
  type Subscribed,
} from "../relay/frames.ts"
import type { Answer, RelayLink } from "../net/relayLink.ts"
import type { Participant } from "../group/room.ts"
import { Reassignment } from "./reassignment.ts"
import type { Heard } from "./savedConversation.ts"
import { uniform } from "../net/transport.ts"
import { Turns } from "./turns.ts"
import { isHeard, EventQueue } from "./eventQueue.ts"

const RETRIES = 2
/** Seconds. */
const RETRY_WITHIN = 0.6
/** Seconds before what was refused is sent again, also where the relay names no time. */
const LEAST_RETRY = 0.5
const GOODBYE_SECONDS = 3
/** Turns in a row after which the state is flushed though more are waiting. */
const MOST_TURNS = 32
/** Seconds within which that is kept for which nobody waits: what was said of a call, and that the relay has ours. */
const KEPT_WITHIN = 0.25
/** How often the same thing is asked for again before the log counts as broken. */
const MOST_CHECKS = 3
const BUSY: readonly ErrorCode[] = [
  ErrorCode.RATE_LIMITED,
  ErrorCode.UNAVAILABLE,
  ErrorCode.TOO_MANY,
  ErrorCode.SHUTTING_DOWN,
  ErrorCode.INTERNAL,
]

/** Of these, what is no fault of ours, and may last. */
const CANNOT_TAKE: readonly ErrorCode[] = [ErrorCode.UNAVAILABLE, ErrorCode.TOO_MANY, ErrorCode.INTERNAL]

/** What `Survivor` and `Staff` do for their conversations. */
export interface ConversationOwner {
  /** Subscribe again after the link came back. */
  resume(conversation: Conversation): void
  /** Keep the state (staff); nothing is sent before this is done. */
  keep?(conversation: Conversation): Promise<void>
  /** It is over. */
  over(conversation: Conversation): void
  /** The relay knows that we have left (survivor): by what it gave, she may ask for whoever was with her; empty: forget it. */
  parted?(conversation: Conversation, continuation: Uint8Array): void
  /** How colleagues are brought in (staff). */
  inviting?(host: Host): Inviting
}

/** What the queue told of a request when it was taken. */
export interface RequestOrigin {
  readonly details: RequestDetails
  readonly waitedSeconds: number
}

/** How a conversation begins: what was not told before, of which request it is, what she asked for. */
export interface Beginning {
  readonly undeliveredEvents?: readonly StateEvent[]
  readonly request?: RequestOrigin | null
  readonly details?: RequestDetails
}

type Condition = (event: StateEvent | null) => boolean

/** Made by `Survivor.ask`, `Request.accept` and `InvitedTo.join`. One consumer at a time may iterate over it. */
export class Conversation implements AsyncIterable<Event> {
  /** @internal */
  readonly state: ConversationState
  /** What the queue told of the request, if this device has just taken it. */
  readonly request: RequestOrigin | null
  readonly #link: RelayLink
  readonly #owner: ConversationOwner
  readonly #turns = new Turns()
  readonly #calls = new CallExchange()
  readonly #reassignment: Reassignment
  #requestDetails: RequestDetails
  readonly #reactions: Reactions
  readonly #events: EventQueue
  /** What is about to be told, as soon as it is kept and what it leads to is sent. */
  #toEmit: readonly StateEvent[] = []
  /** What the relay is to hear when that which was said of a call is kept; null when all is. */
  #unkept: readonly ClientFrame[] | null = null
  /** By the application, that wants to hear nothing more. */
  #isWiped = false
  #waiting: { condition: Condition; done: () => void }[] = []
  #reason: TeduhError | null = null
  #isConnected = false
  #hasLeft = false
  /** Whether what is in flight, or the subscription, is about to be asked for again: once, however often it was refused. */
  #isToRepeat = false
  #isToSubscribe = false
  #isAvailable = true
  #unflushed = 0
  /** Counts the breaks of the link; what was made before the last one is not sent after it. */
  #era = 0
  #stateEra = 0
  readonly #attempts = new WeakMap<Change, number>()
  #waitedFor: { what: string | null; times: number } = { what: null, times: 0 }

  /** @internal */
  constructor(
    state: ConversationState,
    link: RelayLink,
    owner: ConversationOwner,
    { undeliveredEvents = [], request = null, details = NO_DETAILS }: Beginning = {},
  ) {
    this.state = state
    this.request = request
    this.#requestDetails = details
    this.#reassignment = new Reassignment({
      state,
      link,
      act: (work) => this.#turn(work),
      emit: (event) => {
        this.#emit([event])
      },
      later: (work) => {
        this.#later(uniform(0.5, 1.5), work)
      },
      isBusy: ({ code }) => BUSY.includes(code),
    })
    this.#link = link
    this.#owner = owner
    this.#reactions = new Reactions({ state, act: (work) => this.act(work), cancelReassignment: () => this.cancelReassignment() })
    this.#events = new EventQueue(() => {
      if (owner.keep !== undefined) void this.#turn(() => this.#keep()).catch(ignore)
    })
    for (const event of undeliveredEvents) this.#putEvent(event)
  }

  /** 16 bytes; also the id of the MLS group. */
  get id(): Uint8Array {
    return this.state.conversationId
  }

  /** Who is in the room, verified; ourselves among them. */
  get participants(): readonly Participant[] {
    return this.state.participants
  }

  /** Ourselves, once we are in the room. */
  get me(): Participant | null {
    return this.state.me
  }

  /** Whether it has ended; its keys are gone then. */
  get isOver(): boolean {
    return this.state.isOver
  }

  /** Whether the relay hears us now, and we it. */
  get isConnected(): boolean {
    return this.#isConnected && !this.isOver
  }

  /** What people said that the application has not been told, or not finished with. @internal */
  get undeliveredEvents(): readonly Heard[] {
    return [...this.#events.heard, ...this.#toEmit.filter(isHeard)]
  }

  [Symbol.asyncIterator](): AsyncIterator<Event> {
    return {
      next: () => this.#events.next(),
      return: () => {
        this.#events.letGo()
        return Promise.resolve({ done: true, value: undefined })
      },
    }
  }

  /**
   * Say something; gives the message id. It is kept until the relay has it (`sent`), also when nobody has joined yet.
   * `replyTo` is the id of a message. Rejects with `ConversationOver`, `MessageTooLong`.
   */
  async send(text: string, { replyTo = null }: { replyTo?: Uint8Array | null } = {}): Promise<Uint8Array> {
    return this.#turn(() => this.state.sendText(text, nowInSeconds(), replyTo))
  }

  /** Staff: tell of a service that can help further, as `Directory.referralTo` made it. Rejects as `send`. */
  async refer(referral: Referral): Promise<void> {
    await this.#turn(() => this.state.say(referral, nowInSeconds()))
  }

  /** Show the others that somebody writes here, or has stopped. */
  async typing(active = true): Promise<void> {
    await this.#turn(() => this.state.type(active, nowInSeconds()))
  }

  /** Hear what is said about calls from now on, and what was said in the minute before. */
  listenToCalls(listener: CallListener): void {
    this.#calls.listen(listener)
  }

  /** Say something about a call to everybody in the room. An ephemeral (at most 1 KiB) may be lost, and is not logged. */
  sendCallSignal(data: Uint8Array, { isEphemeral = false }: { isEphemeral?: boolean } = {}): void {
    if (!this.isOver) this.#inTurn(() => this.state.signalCall(data, isEphemeral, nowInSeconds()))
  }

  /** Wait until somebody else is in the room; gives who. Rejects with why it has stopped, or `ConversationOver`. */
  async joined(): Promise<readonly Participant[]> {
    await this.#until(() => this.state.isInRoom || this.#isFinished)
    if (this.#isFinished) throw this.#reason ?? new ConversationOver("the conversation ended before anybody joined")
    return this.participants.filter((someone) => someone !== this.me)
  }

  /** Wait until everything said is in the log (or the conversation is over). */
  async confirmed(): Promise<void> {
    // What was asked for just now has its turn first.
    await this.#turn(() => undefined)
    await this.#until(() => this.state.isConfirmed || this.#isFinished)
  }

  /**
   * Staff: bring a colleague in, if the survivor agrees; done when she is in the room's next epoch. Rejects with
   * `InvitationDeclined`, `CommitConflict`, `RelayRefused` (no key package), `NotTrusted`, `ConversationOver`. If the
   * colleague's device has not come `within` so many seconds after that, it is taken out again: `ColleagueAbsent`.
   */
  async invite(colleague: Colleague, reason = "", within: number | null = null): Promise<Participant> {
    return this.#inviting().invite(colleague, reason, within)
  }

  /**
   * Staff: she has said yes (`invitationAnswered`) to somebody for whom nobody waits any more, as after a restart in the
   * middle of `invite`. Rejects as `invite`.
   */
  async addInvited(invited: Pick<Colleague, "deviceId">, within: number | null = null): Promise<Participant> {
    return this.#inviting().addInvited(invited, within)
  }

  /**
   * Staff: ask in the queue for a colleague; whoever takes it is `proposed` to the survivor by name, and comes in if she
   * agrees. Rejects as `invite`, or with `RelayRefused` (too many wait, or she looks for somebody herself).
   */
  async inviteFromQueue(details: Partial<RequestDetails>, reason = "", how: FromQueue = {}): Promise<Participant> {
    return this.#inviting().inviteFromQueue({ ...NO_DETAILS, ...details }, reason, how)
  }

  /**
   * Staff: have a colleague take over: she is brought in if need be, gets the note, and we leave. Nothing is left before
   * the colleague's own device is in the room and has opened the note (at most 4094 bytes; only that device can read
   * it). Rejects as `invite`, or with `ColleagueAbsent` if she has not come in time; we are still in the room then.
   */
  async handOver(colleague: Colleague, how: HandOver = {}): Promise<Participant> {
    const newcomer = await this.#inviting().handOver(colleague, how)
    await this.leave()
    return newcomer
  }

  /**
   * Survivor: look for somebody else, for nobody here answers any more; the conversation goes on. It waits in the queue
   * (`waiting`), as it was first asked for unless `details` says otherwise; who takes it is told by `reassignmentFound`, to be
   * let in or not. What is written meanwhile is kept for her. Rejects with `NotJoined`, `ConversationOver`,
   * `RelayRefused`, `RelayLost`.
   */
  async requestReassignment(details: Partial<RequestDetails> = {}): Promise<void> {
    this.#requestDetails = { ...this.#requestDetails, ...details }
    await this.#reassignment.begin(this.#requestDetails)
  }

  /** Survivor: look for nobody else. Rejects with `NotJoined`. */
  async cancelReassignment(): Promise<void> {
    await this.#reassignment.end()
  }

  /**
   * Whether and how a call may go, with credentials for one call; ask again for the next, and when it has to be rebuilt.
   * Direct calls, if the relay offers them, are agreed to where `allowDirect` says so; by default only with a relay on
   * this machine. Rejects with `RelayRefused` (rate_limited), `RelayLost`, `RelayMisbehaved`.
   */
  async iceServers({ allowDirect = this.#link.isOnThisMachine }: { allowDirect?: boolean } = {}): Promise<IceServers> {
    const conversationId = this.id
    return readIceServers(
      await this.#link.ask((ref) => FetchIceServers({ ref, conversationId }), "iceServers"),
      allowDirect,
    )
  }

  /** Leave, and forget all keys of it. Staff who stay remove us; if the survivor leaves, it is over. Takes 3 s at most. */
  async leave(): Promise<void> {
    await this.#sayGoodbye(false)
  }

  /** End it for everybody, who all forget their keys. Takes 3 s at most. */
  async end(): Promise<void> {
    await this.#sayGoodbye(true)
  }

  /** Forget all keys and all that was said, at once, and say nothing but to the relay that we are gone. */
  wipe(): void {
    this.#owner.parted?.(this, new Uint8Array())
    if (this.#events.isAtEnd || this.#isWiped) return
    const by = this.me
    if (this.state.reassignment.isOn) this.#reassignment.cancel()
    this.state.wipe()
    this.state.takeEvents()
    this.#events.clear()
    if (!this.#hasLeft) this.#sayLeft()
    this.#emit([{ type: "ended", by, unsent: [] }])
    this.#isWiped = true
    void this.#turn(() => this.#owner.keep?.(this)).catch(ignore)
  }

  // --- used by Survivor and Staff ---

  /** Do something with the state when its turn comes, then keep, send and tell what came of it. @internal */
  async act(work: () => void | Promise<void>): Promise<void> {
    await this.#turn(work)
  }

  /** A frame about this conversation came. @internal */
  receive(frame: RelayFrame): void {
    if (frame.type === "error" && BUSY.includes(frame.code)) {
      // Each of what is in flight is refused, and one repetition is of them all.
      if (CANNOT_TAKE.includes(frame.code)) this.#emitAvailability(false)
      if (this.#isToRepeat) return
      this.#isToRepeat = true
      this.#later(Math.max(frame.retryAfterMs / 1000, LEAST_RETRY) + uniform(0.05, 0.25), () => {
        this.#isToRepeat = false
        return this.#turn(() => this.state.repeat(nowInSeconds()))
      })
    } else if (frame.type === "membershipEnded" && this.#mayAskAgain) {
      this.#owner.resume(this)
    } else if (isOfConversation(frame)) {
      if (frame.type === "accepted") this.#emitAvailability(true)
      this.#inTurn(() => this.state.receive(frame, nowInSeconds()))
      if (frame.type === "queuePosition" && frame.position === 0) this.#reassignment.retry()
    }
  }

  /** Whether the relay owes us an entry, or the answer to what we said. @internal */
  get isOwed(): boolean {
    return !this.isOver && this.state.waitingFor !== null
  }

  /** Tell the application something that the state does not know of. @internal */
  emit(event: StateEvent): void {
    this.#emit([event])
  }

  /** The client can do no more. What is kept is sent when it is opened again. @internal */
  clientStopped(reason: TeduhError): void {
    this.#emit([{ type: "stopped", reason, unsent: this.#owner.keep === undefined ? this.state.unsent : [] }])
  }

  /** Whoever waits has nothing yet that a new request would not have. */
  get #mayAskAgain(): boolean {
    return this.state.isSurvivor && !this.state.isInRoom && !this.isOver
  }

  #emitAvailability(isAvailable: boolean): void {
    if (this.#isAvailable === isAvailable) return
    this.#isAvailable = isAvailable
    this.#emit([{ type: isAvailable ? "relayAvailable" : "relayUnavailable" }])
  }

  /** The link is back: subscribe again, each conversation in its own way. @internal */
  linkIsUp(): void {
    if (!this.isOver) this.#owner.resume(this)
  }

  /** The link broke. @internal */
  linkIsDown(): void {
    if (this.isOver) return
    const era = (this.#era += 1)
    this.#isConnected = false
    if (this.#unkept !== null) this.#unkept = []
    this.#inTurn(() => {
      this.#stateEra = era
      this.state.disconnected()
    })
    this.#emit([{ type: "reconnecting" }])
  }

  /** Ask for what comes after what we have. @internal */
  subscribe(capability: Uint8Array | null = null): void {
    const { conversationId, cursor: after } = this.state
    this.#link.question(
      (ref) => Subscribe({ ref, conversationId, after, capability }),
      (answer) => {
        this.subscribed(answer)
      },
    )
  }

  /** The answer to `subscribe`. @internal */
  subscribed(answer: Answer): void {
    if (answer instanceof RelayRefused) this.#notSubscribed(answer)
    else if (!(answer instanceof Error) && answer.type === "subscribed") this.#wereSubscribed(answer)
  }

  /**
   * Called every few seconds, for what is due by then; what does not come is asked for again, and after that not waited
   * for.
   *
   * @internal
   */
  watch(): void {
    const now = nowInSeconds()
    this.#inTurn(() => this.state.watch(now))
    const what = this.state.waitingFor
    if (what === null || what !== this.#waitedFor.what) {
      this.#waitedFor = { what, times: 0 }
      return
    }
    this.#waitedFor.times += 1
    if (this.state.hasGap && this.#waitedFor.times > MOST_CHECKS) {
      this.#inTurn(() => {
        this.state.giveUp(new LogBroken("an entry of the log does not come"))
      })
    } else if (!this.#isToSubscribe) {
      this.linkIsUp()
    }
  }

  /** The revocation list has changed: verify the room anew. @internal */
  lookAgain(): void {
    this.#inTurn(() => this.state.lookAgain(nowInSeconds()))
  }

  // --- turns ---

  /** `work` in its turn; what came of it is kept, sent and told, by the last of the turns that came together. */
  #turn<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    return this.#turns.take(async () => {
      try {
        return await work()
      } catch (error) {
        // Wiped in the middle of it: whatever it was, it is over.
        if (this.isOver && !(error instanceof TeduhError)) throw new ConversationOver("the conversation is over")
        throw error
      } finally {
        this.#unflushed += 1
        if (this.#turns.waiting <= 1 || this.#unflushed >= MOST_TURNS) await this.#flush()
      }
    })
  }

  /** A turn that nobody waits for. A fault in it ends the conversation: to go on would be to guess. */
  #inTurn(work: () => void | Promise<void>): void {
    this.#turn(work).catch((error: unknown) => {
      if (!this.isOver) this.#giveUp(error)
    })
  }

  #giveUp(error: unknown): void {
    this.state.giveUp(error instanceof TeduhError ? error : new TeduhError("a fault of the SDK", { cause: error }))
    this.#inTurn(() => undefined)
  }

  /** Keep the state, then send, then tell; what is said of a call is heard before all of it. */
  async #flush(): Promise<void> {
    this.#unflushed = 0
    const made = this.state.takeFrames()
    const happened = this.state.takeEvents()
    // It counts for moments, and nothing of it is kept for who is restarted. Only what comes behind other news waits with them.
    const isOfCall = !this.#isWiped && happened.length > 0 && happened.every(({ type }) => type === "callSignal")
    if (isOfCall) for (const event of happened) this.#calls.hear(event)
    const toEmit = isOfCall ? [] : happened
    if (toEmit.length === 0 && (isOfCall || made.length > 0) && this.#mayKeepLater(made)) this.#keepLater(made)
    else await this.#keepAndSend(made, happened)
    if (this.isOver && !this.#hasLeft) this.#sayLeft()
    this.#toEmit = []
    this.#emit(toEmit)
  }

  async #keepAndSend(made: readonly ClientFrame[], happened: readonly StateEvent[]): Promise<void> {
    this.#toEmit = happened
    const frames = [...(this.#unkept ?? []), ...made]
    if (this.#unkept !== null || made.length > 0 || happened.length > 0) await this.#keep()
    this.#unkept = null
    if (this.#stateEra === this.#era && !this.isOver) for (const frame of frames) this.#link.send(frame)
  }

  /** Whether the relay alone waits, for what we have read: whoever is restarted before that is kept reads it once more. */
  #mayKeepLater(made: readonly ClientFrame[]): boolean {
    return this.#owner.keep !== undefined && !this.isOver && made.every(({ type }) => type === "acknowledge")
  }

  #keepLater(made: readonly ClientFrame[]): void {
    if (this.#unkept === null) this.#later(KEPT_WITHIN, () => this.#turn(() => undefined))
    this.#unkept = [...(this.#unkept ?? []), ...made]
  }

  async #keep(): Promise<void> {
    try {
      await this.#owner.keep?.(this)
    } catch (error) {
      // What is not kept must not be sent.
      if (this.isOver) return
      this.state.giveUp(error instanceof TeduhError ? error : new TeduhError("it cannot be kept", { cause: error }))
      this.#emit(this.state.takeEvents())
    }
  }

  /** Ended by others, stopped, or wiped: the log need not wait for us. */
  #sayLeft(): void {
    this.#hasLeft = true
    const { conversationId } = this.state
    this.#link.question(
      (ref) => Leave({ ref, conversationId }),
      (answer) => {
        if (!(answer instanceof Error) && answer.type === "done") this.#parted(answer)
      },
    )
    this.#owner.over(this)
  }

  #parted({ continuation }: Done): void {
    if (!this.#isWiped) this.#owner.parted?.(this, continuation)
  }

  #later(seconds: number, work: () => void | Promise<void>): void {
    setTimeout(() => {
      if (!this.isOver) void Promise.resolve(work()).catch(ignore)
    }, 1000 * seconds)
  }

  // --- the link ---

  #wereSubscribed(answer: Subscribed): void {
    const era = this.#era
    const { appendsInFlight } = this.#link.hello.limits
    this.#inTurn(async () => {
      if (era === this.#era) await this.state.connected(answer, nowInSeconds(), appendsInFlight)
      if (era !== this.#era || this.isOver) return
      this.#reassignment.retry()
      if (!this.#isConnected) {
        this.#isConnected = true
        this.#emit([{ type: "connected" }])
      }
      if (!this.state.hasInFlight) this.#emitAvailability(true)
    })
  }

  #notSubscribed(refused: RelayRefused): void {
    if (CANNOT_TAKE.includes(refused.code)) this.#emitAvailability(false)
    if (BUSY.includes(refused.code)) {
      if (this.#isToSubscribe) return
      this.#isToSubscribe = true
      this.#later(uniform(0.2, 1), () => {
        this.#isToSubscribe = false
        this.linkIsUp()
      })
    } else {
      this.#inTurn(() => {
        this.state.giveUp(refused)
      })
    }
  }

  // --- telling ---

  get #isFinished(): boolean {
    return this.isOver || this.#reason !== null
  }

  #emit(happened: readonly StateEvent[]): void {
    if (this.#isWiped) return
    for (const event of happened) {
      if (event.type === "stopped") this.#reason = event.reason
      if (event.type === "changeFailed") this.#failed(event.reason)
      if (event.type === "commitLost") this.#tryAgain(event.change)
      this.#putEvent(event)
      this.#calls.hear(event)
    }
    for (const event of [...happened, null]) this.#wake(event)
  }

  #failed(reason: Error): void {
    this.#reassignment.failed()
    if (this.state.isInRoom) return
    // `Staff` takes the request off the queue, for which we must still be a member.
    this.#hasLeft = true
    const unusable = new RequestUnusable("nobody can be added", { cause: reason })
    // Whoever waits is told why at once, and not that it is over.
    this.#reason = unusable
    this.state.giveUp(unusable)
    this.#inTurn(() => undefined)
  }

  #putEvent(event: StateEvent): void {
    const told = this.#reactions.beside(event)
    if (told !== null) this.#events.put(told)
  }

  // --- changes ---

  #tryAgain(change: Change): void {
    const attempts = (this.#attempts.get(change) ?? 0) + 1
    this.#attempts.set(change, attempts)
    if (attempts > RETRIES) {
      this.#emit([{ type: "changeFailed", change, reason: new CommitConflict("others changed the group first") }])
    } else {
      // Jitter, so that two who change the group at once do not meet again and again.
      this.#later(uniform(0, RETRY_WITHIN), () => this.#turn(() => this.state.change(change, nowInSeconds())))
    }
  }

  #inviting(): Inviting {
    const inviting = this.#owner.inviting?.({
      state: this.state,
      link: this.#link,
      turn: (work) => this.#turn(work),
      until: (condition) => this.#until(condition),
      finished: () => (this.#isFinished ? (this.#reason ?? new ConversationOver("the conversation is over")) : null),
    })
    if (inviting === undefined) throw new NotJoined("only staff bring somebody in")
    return inviting
  }

  // --- ends ---

  async #sayGoodbye(forAll: boolean): Promise<void> {
    if (this.isOver) return
    const by = this.me
    if (this.state.reassignment.isOn) this.#reassignment.cancel()
    await this.#turn(() => this.state.leave(nowInSeconds(), forAll))
    // Best effort: whoever stays sees that we do not answer; our keys go in any case.
    await atMost(GOODBYE_SECONDS, this.#partWithRelay())
    if (this.#events.isAtEnd || this.#isWiped) return
    this.#hasLeft = true
    const { unsent } = this.state
    this.state.wipe()
    await this.#turn(() => this.#keep())
    this.#owner.over(this)
    this.#emit([{ type: "ended", by, unsent }])
  }

  async #partWithRelay(): Promise<void> {
    // What was said to nobody is heard by nobody.
    if (this.state.isInRoom) await this.confirmed()
    const { conversationId } = this.state
    this.#hasLeft = true
    await this.#link.ask(
      (ref) => Leave({ ref, conversationId }),
      "done",
      (answer) => {
        this.#parted(answer)
      },
    )
  }

  // --- waiting ---

  async #until(condition: Condition): Promise<void> {
    if (condition(null)) return
    await new Promise<void>((done) => this.#waiting.push({ condition, done }))
  }

  #wake(event: StateEvent | null): void {
    const waiting = this.#waiting.splice(0)
    for (const one of waiting) {
      if (one.condition(event)) one.done()
      else this.#waiting.push(one)
    }
  }
}

function ignore(): void {
  // Whoever has ended waits for no answer.
}
