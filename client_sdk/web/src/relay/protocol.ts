/**
 * Which frame may be sent when: the client's side of the protocol, without I/O.
 *
 * Bytes of one WebSocket message in, one frame out; one frame in, the bytes to send out. Sockets, clocks and timers are
 * the driver's: it passes the time in seconds, of any clock that never runs backwards.
 *
 *                        Hello                Authenticate                Authenticated
 *       AWAITING_HELLO --------> ANONYMOUS ----------------> AUTHENTICATING ------------> AUTHENTICATED
 *                                    |                              |                          |
 *                                    |  Moving                      |  Moving                  |  Moving
 *                                    v                              v                          v
 *                                    +-------------------------> DRAINING <--------------------+
 *
 *       any state -- Error with fatal=true, or a close of the WebSocket --> CLOSED
 */

import { decodeClientFrame, decodeRelayFrame, encode } from "./codec.ts"
import { FrameNotAllowed, LocalProtocolError, RemoteProtocolError } from "./errors.ts"
import { ErrorCode, PROTOCOL_VERSION, type Append, type ClientFrame, type Hello, type RelayFrame } from "./frames.ts"

/** Where a connection stands. */
export const State = {
  AWAITING_HELLO: "awaiting hello",
  ANONYMOUS: "anonymous",
  AUTHENTICATING: "authenticating",
  AUTHENTICATED: "authenticated",
  DRAINING: "draining",
  CLOSED: "closed",
} as const
export type State = (typeof State)[keyof typeof State]

type FrameType = ClientFrame["type"] | RelayFrame["type"]
type Row = Partial<Record<FrameType, State>>

const MEMBER = [
  "ping",
  "subscribe",
  "unsubscribe",
  "append",
  "ephemeral",
  "acknowledge",
  "leave",
  "fetchIceServers",
] as const
const SURVIVOR = ["openRequest", "cancelRequest", "requestReassignment"] as const
const STAFF = [
  "claim",
  "requestReassignment",
  "cancelRequest",
  "publishKeyPackages",
  "fetchKeyPackage",
  "setAvailability",
  "listColleagues",
  "acknowledgeInbox",
  "watchQueue",
  "answerOffer",
  "watchBoard",
  "fetchPushKey",
  "subscribePush",
  "unsubscribePush",
  "reportAbuse",
  "askToJoin",
] as const
// What is under way may end; nothing new begins on a node that is about to stop.
const LAST_WORDS = MEMBER.filter((type) => type !== "subscribe" && type !== "fetchIceServers")

const TO_MEMBERS = [
  "subscribed",
  "accepted",
  "entry",
  "ephemeralEntry",
  "error",
  "done",
  "pong",
  "membershipEnded",
  "iceServers",
  "memberDisconnected",
] as const
const TO_SURVIVORS = ["requestOpened", "queuePosition", "preferencesRelaxed", "openingTime", "keyPackage", "staffReachable"] as const
const TO_STAFF = [
  "claimed",
  "inboxItem",
  "colleagues",
  "queueChanged",
  "queueListing",
  "offer",
  "offerEnded",
  "board",
  "queueAlert",
  "pushKey",
  "joinAsked",
] as const

function stay(state: State, ...groups: readonly (readonly FrameType[])[]): Row {
  return Object.fromEntries(groups.flat().map((type) => [type, state]))
}

/**
 * The whole machine: in a state, which frames are allowed (from either side), and which state follows. Missing means
 * not allowed. A fatal Error closes from everywhere; it is the one rule that is not here.
 */
export const TRANSITIONS: Readonly<Record<State, Row>> = {
  // The client has nothing to say before it knows the nonce and the limits. The relay may refuse at once.
  [State.AWAITING_HELLO]: { hello: State.ANONYMOUS, error: State.AWAITING_HELLO },
  // Members prove themselves per conversation (by capability), so an anonymous connection may already do all of this.
  [State.ANONYMOUS]: {
    ...stay(State.ANONYMOUS, MEMBER, SURVIVOR, TO_MEMBERS, TO_SURVIVORS),
    authenticate: State.AUTHENTICATING,
    moving: State.DRAINING,
  },
  // The verdict is awaited: the client only shows that it lives. A refusal is a fatal Error, for a nonce serves once.
  [State.AUTHENTICATING]: {
    ...stay(State.AUTHENTICATING, ["ping"], TO_MEMBERS, TO_SURVIVORS),
    authenticated: State.AUTHENTICATED,
    moving: State.DRAINING,
  },
  // A staff connection opens no requests. A new statement needs a new connection, for each has one nonce.
  [State.AUTHENTICATED]: {
    ...stay(State.AUTHENTICATED, MEMBER, STAFF, TO_MEMBERS, TO_SURVIVORS, TO_STAFF),
    moving: State.DRAINING,
  },
  [State.DRAINING]: stay(State.DRAINING, LAST_WORDS, TO_MEMBERS, TO_SURVIVORS, TO_STAFF, ["moving"]),
  [State.CLOSED]: {},
}

/** What a client goes by until Hello has told it the relay's. */
export const DEFAULT_HEARTBEAT_SECONDS = 20

/** A client's side of one connection; knows from Hello what the relay allows. */
export class ClientSideProtocol {
  #state: State = State.AWAITING_HELLO
  #hello: Hello | null = null
  #heartbeat = DEFAULT_HEARTBEAT_SECONDS
  #nextPing: number

  constructor(now: number) {
    this.#nextPing = now + this.#heartbeat
  }

  /** Where this side believes the connection to stand. */
  get state(): State {
    return this.#state
  }

  /** What the relay said first. Throws `LocalProtocolError` before it did. */
  get hello(): Hello {
    if (this.#hello === null) throw new LocalProtocolError("the relay has not said hello yet")
    return this.#hello
  }

  /** The frame that the relay sent, in one binary WebSocket message. Throws `RemoteProtocolError`. */
  receive(data: Uint8Array, now: number): RelayFrame {
    const frame = decodeRelayFrame(data)
    const following = TRANSITIONS[this.#state][frame.type]
    if (following === undefined) {
      throw new RemoteProtocolError(ErrorCode.UNEXPECTED_FRAME, `${frame.type} came while ${this.#state}`)
    }
    if (frame.type === "hello") this.#greet(frame, now)
    this.#state = frame.type === "error" && frame.fatal ? State.CLOSED : following
    return frame
  }

  /**
   * The bytes of the WebSocket message that carries `frame`. Throws `FrameNotAllowed` if it is not allowed in this
   * state, `LocalProtocolError` if it breaks a limit of the protocol or one that the relay's Hello named.
   */
  send(frame: ClientFrame): Uint8Array {
    const following = TRANSITIONS[this.#state][frame.type]
    if (following === undefined) throw new FrameNotAllowed(`${frame.type} may not be sent while ${this.#state}`)
    const data = encode(frame)
    this.#checkLimits(frame, data)
    this.#state = following
    return data
  }

  /** When to send the next Ping: a heartbeat after the last one, so that the relay knows that we live. */
  pingAt(): number {
    return this.#nextPing
  }

  /** Note that a Ping was sent. */
  pinged(now: number): void {
    this.#nextPing = now + this.#heartbeat
  }

  /** Note that the WebSocket is closed, by whichever side; nothing is allowed any more. */
  close(): void {
    this.#state = State.CLOSED
  }

  #greet(hello: Hello, now: number): void {
    if (hello.version !== PROTOCOL_VERSION) {
      const detail = `the relay speaks another version than ${PROTOCOL_VERSION}`
      throw new RemoteProtocolError(ErrorCode.UNEXPECTED_FRAME, detail)
    }
    this.#hello = hello
    this.#heartbeat = Math.max(1, hello.limits.heartbeatSeconds)
    this.#nextPing = now + this.#heartbeat
  }

  #checkLimits(frame: ClientFrame, data: Uint8Array): void {
    if (data.length > this.hello.limits.frameBytes) {
      throw new LocalProtocolError(`${frame.type} is larger than this relay's frames may be`)
    }
    if (frame.type === "append") this.#checkAppend(frame)
    try {
      decodeClientFrame(data)
    } catch {
      throw new LocalProtocolError(`${frame.type} breaks a limit of the protocol`)
    }
  }

  #checkAppend(append: Append): void {
    if (Math.max(append.payload.length, append.welcome?.length ?? 0) > this.hello.limits.payloadBytes) {
      throw new LocalProtocolError("the payload is larger than this relay's may be")
    }
  }
}
