/**
 * A lasting link to the relay: connects, greets, keeps alive, and connects again for as long as it is wanted.
 *
 *     run ──> race ──> Hello ──> (Authenticate ──> Authenticated) ──> onUp ──> frames ... ──> onDown ─┐
 *      ^                ^                                                         │                   │
 *      │                └───────── silent although it owes an answer ─────────────┘                   │
 *      └──────────────── wait: exponential backoff with full jitter, or what the relay asked for ─────┘
 *
 * A relay that owes something (an answer, an Accepted, a Pong) and says nothing is asked whether it lives, and then another
 * connection is tried beside this one. Whichever speaks first is the link from then on, so that a link which was only slow
 * is not cut. Every byte that comes, and every byte that leaves, is a sign of life.
 *
 * Frames are handed on in order, one at a time, without awaiting in between, so that what the answer to a question
 * begins (a subscription) is in place before the next frame is looked at.
 */

import { AuthenticationRefused, ClientClosed, ConversationForgotten, NotYetValid, RelayLost, RelayMisbehaved, RelayRefused, RequestGone } from "../errors.ts"
import { toHex } from "../hazmat/bytes.ts"
import { RemoteProtocolError } from "../relay/errors.ts"
import {
  ErrorCode,
  NO_REF,
  Ping,
  type Acknowledge,
  type Append,
  type Authenticate,
  type Authenticated,
  type ClientFrame,
  type ErrorFrame,
  type Hello,
  type RelayFrame,
} from "../relay/frames.ts"
import { ClientSideProtocol, State } from "../relay/protocol.ts"
import { Backoff, race, REPLACING_MS, type Dial, type Socket } from "./transport.ts"

/** The least time, in seconds, between two looks at whether the other side lives. */
const SHORTEST_LOOK = 0.05
/** After so many seconds of silence a relay that owes something is asked whether it lives, */
const PROBE = 1.5
/** after so many another connection is tried, */
const SILENT = 2.5
/** and after so many this one is left though there is no other. */
const GONE = 8
/** Seconds by which a look may come late before we take ourselves, and not the relay, for having slept. */
const ASLEEP = 2
/**
 * Seconds after which a connection begins the back-off anew; whoever greets and fails is no better than one that cannot be
 * reached.
 */
const STEADY = 2
/** Milliseconds that an acknowledgement may wait for the next one of its conversation, or for something else to be said. */
const ACKNOWLEDGE_MS = 100

export type Answer = RelayFrame | RelayRefused | RelayLost

const REFUSALS: Partial<Record<ErrorCode, typeof RelayRefused>> = {
  [ErrorCode.AUTHENTICATION_FAILED]: AuthenticationRefused,
  [ErrorCode.STATEMENT_EXPIRED]: AuthenticationRefused,
  [ErrorCode.STATEMENT_REVOKED]: AuthenticationRefused,
  [ErrorCode.UNKNOWN_CONVERSATION]: ConversationForgotten,
  [ErrorCode.REQUEST_GONE]: RequestGone,
  [ErrorCode.QUEUE_EMPTY]: RequestGone,
}

/** The exception for an error of the relay. */
export function refusal(error: ErrorFrame): RelayRefused {
  if (error.code === ErrorCode.AUTHENTICATION_FAILED && error.expected > 0) {
    return new NotYetValid(error.code, error.detail, error.expected, error.counter)
  }
  return new (REFUSALS[error.code] ?? RelayRefused)(error.code, error.detail, error.retryAfterMs, error.price)
}

/** Who is told what of the link. */
export interface LinkListener {
  /** Every frame that answers no question. */
  receive(frame: RelayFrame): void
  onUp(authenticated: Authenticated | null): void
  onDown(): void
  /** Makes the Authenticate for a Hello, or null for an anonymous link. */
  introduce(hello: Hello): Authenticate | null | Promise<Authenticate | null>
  /** Whether the relay owes us something else than the answer to a question or to Hello. */
  owes?(): boolean
}

export class RelayLink {
  readonly #dial: Dial
  readonly #listener: LinkListener
  readonly #backoff: Backoff
  readonly #questions = new Map<number, (answer: Answer) => void>()
  #lastRef = 0
  #protocol: ClientSideProtocol | null = null
  #acknowledgements = new Map<string, Acknowledge>()
  #socket: Socket | null = null
  #isUp = false
  #upSince = 0
  #isClosed = false
  #refused: AuthenticationRefused | null = null
  #waiting: (() => void)[] = []
  #hurry: (() => void) | null = null
  #quietSince = 0
  /** Whether something is owed, as far as was looked; whether it was asked for since the relay was last heard. */
  #isOwed = false
  #isProbed = false
  #owesPong = false
  #look: (() => void) | null = null
  /** Being made, and made, to take the place of a silent connection. */
  #racing: AbortController | null = null
  #next: Socket | null = null

  constructor(
    dial: Dial,
    listener: LinkListener,
    backoff = new Backoff(),
    /** Whether the relay is dialled on loopback. */
    readonly isOnThisMachine = false,
  ) {
    this.#dial = dial
    this.#listener = listener
    this.#backoff = backoff
  }

  /** Whether frames can be sent now. */
  get isUp(): boolean {
    return this.#isUp
  }

  /** What the relay said first on the present connection. */
  get hello(): Hello {
    if (this.#protocol === null) throw new RelayLost("there is no connection to the relay")
    return this.#protocol.hello
  }

  /** Why the relay does not take us, once it has said so. */
  get refused(): AuthenticationRefused | null {
    return this.#refused
  }

  /**
   * Send `frame` if the link is up, else forget it: whoever needs it sent says so again in `onUp`. An acknowledgement is
   * cumulative, and only lets the relay forget; so it goes with what is said next, in an Append to the same conversation,
   * or after ACKNOWLEDGE_MS, and a newer one takes its place.
   */
  send(frame: ClientFrame): void {
    if (frame.type === "acknowledge") {
      if (this.#acknowledgements.size === 0) setTimeout(this.#acknowledge, ACKNOWLEDGE_MS)
      this.#acknowledgements.set(toHex(frame.conversationId), frame)
      return
    }
    const said = frame.type === "append" ? this.#acknowledging(frame) : frame
    this.#acknowledge()
    this.#put(said)
  }

  /** The same with what waits to be acknowledged in its conversation. */
  #acknowledging(frame: Append): Append {
    const conversation = toHex(frame.conversationId)
    const waiting = this.#acknowledgements.get(conversation)
    this.#acknowledgements.delete(conversation)
    return waiting === undefined ? frame : { ...frame, has: waiting.seq }
  }

  readonly #acknowledge = (): void => {
    const waiting = [...this.#acknowledgements.values()]
    this.#acknowledgements.clear()
    for (const frame of waiting) this.#put(frame)
  }

  #put(frame: ClientFrame): void {
    if (this.#isUp && this.#protocol !== null && this.#protocol.state !== State.CLOSED) {
      this.#socket?.send(this.#protocol.send(frame))
      this.#lookSoon()
    }
  }

  /** What is asked for now has been owed since now. */
  #lookSoon(): void {
    if (this.#isOwed || !this.#owesSomething) return
    this.#lives()
    this.#isOwed = true
    this.#look?.()
  }

  /** There was a sign of life, or nothing was owed. */
  #lives(): void {
    this.#quietSince = now()
    this.#isProbed = false
  }

  get #owesSomething(): boolean {
    return !this.#isUp || this.#questions.size > 0 || this.#owesPong || (this.#listener.owes?.() ?? false)
  }

  /** Send the frame that `make` returns for a fresh ref; `answer` is called once, with what comes back. */
  question(make: (ref: number) => ClientFrame, answer: (answer: Answer) => void): void {
    if (!this.#isUp) {
      answer(new RelayLost("there is no connection to the relay"))
      return
    }
    this.#lastRef = (this.#lastRef % 0xffff_ffff) + 1
    this.#questions.set(this.#lastRef, answer)
    this.send(make(this.#lastRef))
  }

  /**
   * Wait until the link is up, ask, and wait for the answer. `atOnce` is called with the answer before the next frame is
   * looked at. Rejects with `RelayRefused`, `RelayLost` when the connection breaks before the answer, `RelayMisbehaved`
   * when the answer is something else than `wanted`.
   */
  async ask<Type extends RelayFrame["type"]>(
    make: (ref: number) => ClientFrame,
    wanted: Type,
    atOnce?: (answer: Extract<RelayFrame, { type: Type }>) => void,
  ): Promise<Extract<RelayFrame, { type: Type }>> {
    await this.waitUntilUp()
    return new Promise((resolve, reject) => {
      this.question(make, (answer) => {
        if (answer instanceof Error) {
          reject(answer)
        } else if (isA(answer, wanted)) {
          atOnce?.(answer)
          resolve(answer)
        } else {
          reject(new RelayMisbehaved(`the answer is a ${answer.type}`))
        }
      })
    })
  }

  /** Wait for the link; rejects with `AuthenticationRefused` or `ClientClosed` if it will never come up. */
  async waitUntilUp(): Promise<void> {
    while (!this.#isUp) {
      if (this.#refused !== null) throw this.#refused
      if (this.#isClosed) throw new ClientClosed("the link to the relay is closed")
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** Keep the link up until it is closed, or the relay does not want us. */
  async run(): Promise<void> {
    while (this.#isWanted()) {
      await this.#connectOnce()
      if (this.#isWanted() && this.#next === null) await this.#pause(this.#backoff.nextWait())
    }
  }

  /**
   * Do not wait any longer before the next attempt, and see whether the connection still lives: the network is another one,
   * or somebody looks at the page again.
   */
  hurry(): void {
    this.#hurry?.()
    if (this.#isUp) this.#probe()
  }

  #probe(): void {
    this.#protocol?.pinged(now())
    this.#owesPong = true
    this.send(Ping({ ref: NO_REF }))
    this.#isProbed = true
  }

  /** Close for good, at once. */
  close(): void {
    this.#isClosed = true
    this.#racing?.abort()
    this.#next?.close()
    this.#socket?.close()
    this.#hurry?.()
    this.#wake()
  }

  #isWanted(): boolean {
    return !this.#isClosed && this.#refused === null
  }

  async #connectOnce(): Promise<void> {
    const socket = await this.#connected()
    if (socket === null) return
    this.#socket = socket
    const protocol = (this.#protocol = new ClientSideProtocol(now()))
    this.#lives()
    this.#isOwed = true
    this.#owesPong = false
    const stop = this.#keepAlive(socket, protocol)
    try {
      await this.#read(socket, protocol)
    } catch (error) {
      this.#noteEnd(error)
    } finally {
      stop()
      socket.close()
      this.#down()
    }
  }

  /** The connection that is to take the place of the one before, or a new one; null when nobody answers. */
  async #connected(): Promise<Socket | null> {
    const next = this.#next
    this.#next = null
    if (next !== null) return next
    this.#racing = new AbortController()
    try {
      return await race(this.#dial, this.#racing.signal)
    } catch (error) {
      if (error instanceof RelayLost) return null
      throw error
    } finally {
      this.#racing = null
    }
  }

  #noteEnd(error: unknown): void {
    if (error instanceof AuthenticationRefused) this.#refused = error
    else if (!(error instanceof RelayLost) && !(error instanceof RemoteProtocolError)) throw error
  }

  async #read(socket: Socket, protocol: ClientSideProtocol): Promise<void> {
    while (!this.#isClosed) {
      const frame = protocol.receive(await socket.receive(), now())
      this.#lives()
      this.#owesPong = false
      this.#racing?.abort()
      if (frame.type === "hello") {
        await this.#greet(frame, socket, protocol)
      } else if (frame.type === "authenticated") {
        this.#cameUp(frame)
      } else if (frame.type === "moving") {
        this.#backoff.askedToMove(frame.withinMs / 1000)
        return
      } else if (frame.type !== "pong" || frame.ref !== NO_REF) {
        this.#dispatch(frame)
      }
    }
  }

  async #greet(hello: Hello, socket: Socket, protocol: ClientSideProtocol): Promise<void> {
    const introduction = this.#listener.introduce(hello)
    // What needs no signature is not waited for, so that nothing comes between Hello and the link being up.
    const authenticate = introduction instanceof Promise ? await introduction : introduction
    if (authenticate === null) this.#cameUp(null)
    else socket.send(protocol.send(authenticate))
  }

  #cameUp(authenticated: Authenticated | null): void {
    this.#upSince = now()
    this.#isUp = true
    this.#look?.()
    this.#wake()
    this.#listener.onUp(authenticated)
  }

  #dispatch(frame: RelayFrame): void {
    const ref = "ref" in frame ? frame.ref : NO_REF
    const answer = this.#questions.get(ref)
    this.#questions.delete(ref)
    if (frame.type === "error") this.#note(frame)
    if (answer === undefined) this.#listener.receive(frame)
    else answer(frame.type === "error" ? refusal(frame) : frame)
  }

  #note(error: ErrorFrame): void {
    if (!error.fatal) return
    if (error.retryAfterMs > 0) this.#backoff.askedToWait(error.retryAfterMs / 1000)
    const refused = refusal(error)
    if (!this.#isUp && refused instanceof AuthenticationRefused) throw refused
  }

  #down(): void {
    const wasUp = this.#isUp
    this.#isUp = false
    this.#protocol = this.#socket = null
    this.#acknowledgements.clear()
    const answers = [...this.#questions.values()]
    this.#questions.clear()
    for (const answer of answers) answer(new RelayLost("the connection to the relay broke"))
    if (wasUp) {
      if (now() - this.#upSince >= STEADY) this.#backoff.succeeded()
      this.#listener.onDown()
    }
    this.#wake()
  }

  /** Shows that we live, and looks whether the relay does; returns how to end that. */
  #keepAlive(socket: Socket, protocol: ClientSideProtocol): () => void {
    let timer: ReturnType<typeof setTimeout>
    let due = now()
    let unsent = 0
    const look = (): void => {
      clearTimeout(timer)
      // Browsers hold back the timers of a page that is not looked at, for a minute and more: the relay is not gone then.
      if (now() - due > ASLEEP && !this.#isProbed) this.#quietSince = Math.max(this.#quietSince, now() - PROBE)
      const before = unsent
      unsent = socket.unsent ?? 0
      // What has left is no sign: a machine takes what its relay, which hangs, does not read.
      if (unsent > 0 && unsent < before) this.#lives()
      this.#isOwed = this.#owesSomething
      this.#showLife(protocol)
      if (this.#isOwed && now() - this.#quietSince >= SILENT) this.#replace(socket)
      const wait = this.#untilNextLook(protocol)
      due = now() + wait
      clearTimeout(timer)
      timer = setTimeout(look, 1000 * wait)
    }
    this.#look = look
    look()
    return () => {
      clearTimeout(timer)
      this.#look = null
      this.#racing?.abort()
    }
  }

  #showLife(protocol: ClientSideProtocol): void {
    const isAskedFor = this.#isOwed && !this.#isProbed && now() - this.#quietSince >= PROBE
    if (this.#isUp && (isAskedFor || now() >= protocol.pingAt())) this.#probe()
  }

  #untilNextLook(protocol: ClientSideProtocol): number {
    const silence = now() - this.#quietSince
    const next = silence >= SILENT ? GONE : this.#isProbed || !this.#isUp ? SILENT : PROBE
    return Math.max(SHORTEST_LOOK, this.#isOwed ? next - silence : protocol.pingAt() - now())
  }

  /** Connects anew, if this silent connection was ever up, while it may still speak; it is left when neither does in time. */
  #replace(socket: Socket): void {
    if (now() - this.#quietSince >= GONE) {
      socket.close()
    } else if (this.#isUp && this.#racing === null) {
      const racing = (this.#racing = new AbortController())
      race(this.#dial, racing.signal, REPLACING_MS)
        .then(
          (next) => {
            this.#next = next
            socket.close()
          },
          () => {
            if (!racing.signal.aborted) socket.close()
          },
        )
        .finally(() => {
          if (this.#racing === racing) this.#racing = null
        })
    }
  }

  async #pause(seconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 1000 * seconds)
      this.#hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#hurry = null
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

function isA<Type extends RelayFrame["type"]>(
  frame: RelayFrame,
  type: Type,
): frame is Extract<RelayFrame, { type: Type }> {
  return frame.type === type
}

/** Seconds of a clock that never runs backwards. */
function now(): number {
  return performance.now() / 1000
}
