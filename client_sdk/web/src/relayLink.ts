/**
 * A lasting link to the relay: connects, greets, keeps alive, and connects again for as long as it is wanted.
 *
 *     run ──> dial ──> Hello ──> (Authenticate ──> Authenticated) ──> onUp ──> frames ... ──> onDown ─┐
 *      ^                                                                                              │
 *      └──────────────── wait: exponential backoff with full jitter, or what the relay asked for ─────┘
 *
 * Frames are handed on in order, one at a time, without awaiting in between, so that what the answer to a question
 * begins (a subscription) is in place before the next frame is looked at.
 */

import { AuthenticationRefused, ClientClosed, RelayLost, RelayMisbehaved, RelayRefused, RequestGone } from "./errors.ts"
import { toHex } from "./hazmat/bytes.ts"
import { RemoteProtocolError } from "./relay/errors.ts"
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
} from "./relay/frames.ts"
import { ClientSideProtocol, State } from "./relay/protocol.ts"
import { Backoff, type Dial, type Socket } from "./transport.ts"

/** The least time, in seconds, between two looks at whether the other side lives. */
const SHORTEST_LOOK = 0.05
/** Seconds between two looks until Hello has told how long the relay's heartbeat is. */
const BEFORE_HELLO = 1
/** Seconds by which a look may come late before we take ourselves, and not the relay, for having slept. */
const ASLEEP = 2
/** Seconds that the relay has to answer after we have slept. */
const WAKING = 5
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
  [ErrorCode.REQUEST_GONE]: RequestGone,
  [ErrorCode.QUEUE_EMPTY]: RequestGone,
}

/** The exception for an error of the relay. */
export function refusal(error: ErrorFrame): RelayRefused {
  return new (REFUSALS[error.code] ?? RelayRefused)(error.code, error.detail, error.retryAfterMs)
}

/** Who is told what of the link. */
export interface LinkListener {
  /** Every frame that answers no question. */
  receive(frame: RelayFrame): void
  onUp(authenticated: Authenticated | null): void
  onDown(): void
  /** Makes the Authenticate for a Hello, or null for an anonymous link. */
  introduce(hello: Hello): Authenticate | null | Promise<Authenticate | null>
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
    }
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
      if (this.#isWanted()) await this.#pause(this.#backoff.nextWait())
    }
  }

  /** Do not wait any longer before the next attempt: the network is back. */
  hurry(): void {
    this.#hurry?.()
  }

  /** Close for good, at once. */
  close(): void {
    this.#isClosed = true
    this.#socket?.close()
    this.#hurry?.()
    this.#wake()
  }

  #isWanted(): boolean {
    return !this.#isClosed && this.#refused === null
  }

  async #connectOnce(): Promise<void> {
    let socket: Socket
    try {
      socket = await this.#dial()
    } catch (error) {
      if (error instanceof RelayLost) return
      throw error
    }
    this.#socket = socket
    const protocol = (this.#protocol = new ClientSideProtocol(now()))
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

  #noteEnd(error: unknown): void {
    if (error instanceof AuthenticationRefused) this.#refused = error
    else if (!(error instanceof RelayLost) && !(error instanceof RemoteProtocolError)) throw error
  }

  async #read(socket: Socket, protocol: ClientSideProtocol): Promise<void> {
    while (!this.#isClosed) {
      const frame = protocol.receive(await socket.receive(), now())
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

  /** Two questions at once: is it time to show that we live, and has the relay been silent for too long? */
  #keepAlive(socket: Socket, protocol: ClientSideProtocol): () => void {
    let timer: ReturnType<typeof setTimeout>
    let due = now()
    const lookAgainIn = (seconds: number): void => {
      due = now() + seconds
      timer = setTimeout(look, 1000 * seconds)
    }
    const look = (): void => {
      // Browsers hold back the timers of a page that is not looked at, for a minute and more: the relay is not gone then.
      const wasAsleep = now() - due > ASLEEP
      if (now() >= protocol.goneAt() && !wasAsleep) {
        socket.close()
        return
      }
      if (now() >= protocol.pingAt() && this.#isUp) {
        this.send(Ping({ ref: NO_REF }))
        protocol.pinged(now())
      }
      const isGreeted = protocol.state !== State.AWAITING_HELLO
      const wait = isGreeted ? Math.min(protocol.pingAt(), protocol.goneAt()) - now() : BEFORE_HELLO
      lookAgainIn(wasAsleep ? WAKING : Math.max(SHORTEST_LOOK, wait))
    }
    look()
    return () => {
      clearTimeout(timer)
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
