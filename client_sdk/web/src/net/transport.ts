/**
 * One WebSocket to the relay, and how long to wait before the next one.
 *
 * The transport moves whole messages and knows nothing of what is in them; `relayLink` speaks the protocol over it.
 * Whatever breaks underneath (DNS, TCP, TLS, the relay's close) comes out as `RelayLost`.
 */

import { RelayLost } from "../errors.ts"
import { SUBPROTOCOL } from "../relay/frames.ts"

const SOCKET_PATH = "/v1/socket"
const CONNECT_MS = 15_000
/** How long each attempt to connect is waited for before the next one begins beside it. */
const NEXT_ATTEMPT_MS: readonly number[] = [1500, 3000]
/** The same where a relay that was there is silent: a proxy may not have noticed yet that it hangs. */
export const REPLACING_MS: readonly number[] = [750, 750, 750]
const FIRST_WAIT = 0.25
const LONGEST_WAIT = 4

/** A connection that carries whole binary messages in order. */
export interface Socket {
  /** Send one message; what cannot be sent any more is lost, and `receive` tells. */
  send(data: Uint8Array): void
  /** The next message; rejects with `RelayLost` when there will be none. */
  receive(): Promise<Uint8Array>
  /** Close; never throws, and may be called twice. */
  close(): void
  /** Bytes that were sent and have not left yet, where that is known: while they become fewer the connection lives. */
  readonly unsent?: number
}

/** Opens a new connection; rejects with `RelayLost`. */
export type Dial = () => Promise<Socket>

/**
 * The origin of a relay's address as browsers write it: in lower case, without a path or the scheme's own port. The relay
 * knows itself by that, and staff devices sign it. Throws TypeError for what is no address of a relay: nothing would ever
 * answer there.
 */
export function relayOrigin(relayUrl: string): string {
  if (!/^https?:\/\/[^/]/i.test(relayUrl)) {
    throw new TypeError(`"${relayUrl}" is no address of a relay, such as https://relay.example`)
  }
  return new URL(relayUrl).origin
}

/** How to reach the relay at `relayUrl`, for example `https://relay.example`. */
export function dialRelay(relayUrl: string): Dial {
  const url = relayUrl.replace(/\/+$/, "").replace(/^http/i, "ws") + SOCKET_PATH
  return () => OpenSocket.open(new WebSocket(url, [SUBPROTOCOL]))
}

/** A `Socket` over the browser's WebSocket. */
class OpenSocket implements Socket {
  readonly #socket: WebSocket
  readonly #received: Uint8Array[] = []
  #isClosed = false
  #wake: (() => void) | null = null

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.binaryType = "arraybuffer"
    socket.addEventListener("message", (message) => {
      this.#take(message.data)
    })
    socket.addEventListener("close", () => {
      this.#end()
    })
  }

  static open(socket: WebSocket): Promise<Socket> {
    const opened = new OpenSocket(socket)
    return new Promise((resolve, reject) => {
      const lost = (): void => {
        clearTimeout(timer)
        opened.close()
        reject(new RelayLost("the relay cannot be reached"))
      }
      const timer = setTimeout(lost, CONNECT_MS)
      socket.addEventListener("close", lost, { once: true })
      socket.addEventListener("error", lost, { once: true })
      socket.addEventListener("open", () => {
        socket.removeEventListener("close", lost)
        if (socket.protocol !== SUBPROTOCOL) lost()
        clearTimeout(timer)
        resolve(opened)
      })
    })
  }

  get unsent(): number {
    return this.#socket.bufferedAmount
  }

  send(data: Uint8Array): void {
    // Only an open one takes data; a closing one is about to tell so itself.
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(new Uint8Array(data))
  }

  async receive(): Promise<Uint8Array> {
    while (this.#received.length === 0) {
      if (this.#isClosed) throw new RelayLost("the relay closed the connection")
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#received.shift() ?? new Uint8Array()
  }

  close(): void {
    this.#end()
    // A page may close with 1000 only, or with codes of its own that say no more to the relay.
    this.#socket.close()
  }

  #take(data: unknown): void {
    // Frames travel in binary messages; whoever sends text does not speak this protocol.
    if (data instanceof ArrayBuffer) this.#received.push(new Uint8Array(data))
    else this.close()
    this.#wake?.()
  }

  #end(): void {
    this.#isClosed = true
    this.#wake?.()
  }
}

/**
 * The first connection that is made by several attempts: the next begins when those before it have not been answered in so
 * many milliseconds, beside them. Rejects when all that have begun have failed, and as soon as it is aborted.
 */
export function race(dial: Dial, abort: AbortSignal, patience = NEXT_ATTEMPT_MS): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let running = 0
    let timer: ReturnType<typeof setTimeout>
    let isOver = false
    const lost = (error: unknown): void => {
      end()
      reject(error instanceof Error ? error : new RelayLost(String(error)))
    }
    const aborted = (): void => {
      lost(new RelayLost("not waited for any longer"))
    }
    const end = (): void => {
      isOver = true
      clearTimeout(timer)
      abort.removeEventListener("abort", aborted)
    }
    const attempt = (number: number): void => {
      running += 1
      const wait = patience[number]
      if (wait !== undefined) timer = setTimeout(attempt, wait, number + 1)
      dial().then(
        (socket) => {
          if (isOver) socket.close()
          else end()
          resolve(socket)
        },
        (error: unknown) => {
          running -= 1
          if (!isOver && (running === 0 || !(error instanceof RelayLost))) lost(error)
        },
      )
    }
    abort.addEventListener("abort", aborted)
    attempt(0)
  })
}

/**
 * How long to wait before the next attempt: exponential up to four seconds, with full jitter, because after the restart of a
 * relay everybody comes back at once. Four seconds, because a person waits: while nothing can be reached, n clients make n/2
 * attempts each second, and those of n come back within four. All times in seconds.
 */
export class Backoff {
  readonly #jitter: (least: number, most: number) => number
  #attempts = 0
  #atLeast = 0
  #within: number | null = null

  constructor(jitter = uniform) {
    this.#jitter = jitter
  }

  /** The relay answered, and stayed: begin anew with short waits. */
  succeeded(): void {
    this.#attempts = 0
  }

  /** The relay asked not to be tried again before. */
  askedToWait(seconds: number): void {
    this.#atLeast = seconds
  }

  /** The node is about to stop and asks its clients to spread over this time. */
  askedToMove(within: number): void {
    this.#within = within
  }

  /** Seconds to wait now. */
  nextWait(): number {
    const longest = this.#within ?? Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(this.#attempts, 16))
    if (this.#within === null) this.#attempts += 1
    const wait = this.#atLeast + this.#jitter(0, longest)
    this.#atLeast = 0
    this.#within = null
    return wait
  }
}

/** A number between the two, any as likely as the other. For spreading load, not for secrets. */
export function uniform(least: number, most: number): number {
  return least + Math.random() * (most - least)
}
