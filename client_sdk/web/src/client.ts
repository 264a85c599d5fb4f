/** What survivors and staff have in common: one link to one relay, and the conversations that go over it. */

import { AuthenticationService } from "./trust/authenticationService.ts"
import { nowInSeconds } from "./net/clock.ts"
import type { Conversation } from "./conversation/conversation.ts"
import { RevocationListStale } from "./credentials/exceptions.ts"
import type { Organisation } from "./credentials/organisation.ts"
import { TeduhError } from "./errors.ts"
import { toHex } from "./hazmat/bytes.ts"
import { isOnThisMachine } from "./net/iceServers.ts"
import { HYBRID_SUITE } from "./mls/suites.ts"
import type { Authenticate, Authenticated, Hello, RelayFrame } from "./relay/frames.ts"
import { RelayLink, type LinkListener } from "./net/relayLink.ts"
import { RevocationFetch } from "./trust/revocations.ts"
import { verifyRoom, type VerifyRoom } from "./group/room.ts"
import { Backoff, dialRelay, relayOrigin, type Dial } from "./net/transport.ts"

const WATCH_MS = 5000
/** Of this device and the relay: more than that, and one of them is wrong. */
const CLOCKS_APART_SECONDS = 300

/**
 * Why nobody new can be believed, though the relay answers; both end by themselves once the cause does.
 *
 * `clock`: by this device's clock the organisation's newest revocation list is too old, and the relay's clock says
 * otherwise. Nothing else is believed of the relay's: whoever uses the device has to look. `list`: the organisation has
 * signed no list for a day, or its authority statement has expired, or the relay withholds them or shows others that do
 * not count.
 */
export type VerificationBlocked = "clock" | "list"

/** What may be chosen when a client is opened. */
export interface ClientOptions {
  /** The cipher suite of key packages that are made here: `HYBRID_SUITE` or `CLASSIC_SUITE`. */
  readonly suite?: number
  /** How the relay is reached, instead of by the browser's WebSocket. */
  readonly dial?: Dial
  /** A survivor's: whether this device can take part in calls. Whoever comes is told if it cannot. */
  readonly canCall?: boolean
}

/** The link is up, or trying to be, from opening to closing. */
export abstract class Client {
  protected readonly relayUrl: string
  protected readonly origin: string
  protected readonly suite: number
  protected readonly canCall: boolean
  protected readonly service: AuthenticationService
  protected readonly verify: VerifyRoom
  protected readonly revocations: RevocationFetch
  protected readonly link: RelayLink
  readonly #conversations = new Map<string, Conversation>()
  readonly #listeners = new Set<(isConnected: boolean) => void>()
  #watching: ReturnType<typeof setInterval> | undefined
  readonly #blockedListeners = new Set<(verificationBlocked: VerificationBlocked | null) => void>()
  /** What was told of it last. */
  #verificationBlocked: VerificationBlocked | null = null
  /** The relay's clock less the monotonic one, in seconds; null until the relay has said its. */
  #relayClock: number | null = null
  #failure: TeduhError | null = null
  #isOpen = true
  readonly #hurry = (): void => {
    if (!("document" in globalThis) || document.visibilityState !== "hidden") this.hurry()
  }

  protected constructor(relayUrl: string, organisation: Organisation, options: ClientOptions) {
    this.relayUrl = relayUrl.replace(/\/+$/, "")
    this.origin = relayOrigin(relayUrl)
    this.suite = options.suite ?? HYBRID_SUITE
    this.canCall = options.canCall ?? true
    this.service = AuthenticationService.of(organisation)
    const verify = verifyRoom(this.service)
    this.verify = async (...room) => {
      try {
        return await verify(...room)
      } catch (error) {
        // Somebody is there who cannot be believed for want of a fresh list: one is looked for at once.
        if (error instanceof RevocationListStale) this.revocations.missed()
        throw error
      }
    }
    this.revocations = new RevocationFetch(relayUrl, this.service, () => {
      for (const conversation of this.conversations) conversation.lookAgain()
    }, () => {
      this.#checkVerification()
    })
    const listener: LinkListener = {
      receive: (frame) => {
        this.receive(frame)
      },
      onUp: (authenticated) => {
        this.onUp()
        if (authenticated !== null) this.onAuthenticated(authenticated)
      },
      onDown: () => {
        this.onDown()
      },
      owes: () => [...this.#conversations.values()].some((one) => one.isOwed),
      introduce: (hello) => {
        this.#relayClock = hello.time - performance.now() / 1000
        this.#checkVerification()
        return this.introduce(hello)
      },
    }
    const dial = options.dial ?? dialRelay(relayUrl)
    this.link = new RelayLink(dial, listener, new Backoff(), isOnThisMachine(relayUrl))
  }

  /** Those that go on. */
  get conversations(): readonly Conversation[] {
    return [...this.#conversations.values()].filter((one) => !one.isOver)
  }

  /** Whether the relay can be reached now. */
  get isConnected(): boolean {
    return this.link.isUp
  }

  /** Why nobody new can be believed, if that is so although the relay answers. */
  get verificationBlocked(): VerificationBlocked | null {
    if (this.#relayClock === null || !this.revocations.isStale) return null
    // By our clock as it is now: it may have been set since.
    const apart = nowInSeconds() - (this.#relayClock + performance.now() / 1000)
    return Math.abs(apart) > CLOCKS_APART_SECONDS ? "clock" : "list"
  }

  /** Be told when that changes; returns how to be told no more. */
  onVerificationBlocked(listener: (verificationBlocked: VerificationBlocked | null) => void): () => void {
    this.#blockedListeners.add(listener)
    return () => {
      this.#blockedListeners.delete(listener)
    }
  }

  /** Whether it has not been closed. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Why nothing more will come: the relay refused this device for good, or there is a fault here. */
  get failure(): TeduhError | null {
    return this.#failure
  }

  /**
   * Try to reach the relay at once, and see whether it is still there where it was. Browsers' own signals do so by
   * themselves: the network is back, somebody looks at the page again.
   */
  hurry(): void {
    this.link.hurry()
  }

  /** Be told when the link comes and goes; returns how to be told no more. */
  onConnection(listener: (isConnected: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  #checkVerification(): void {
    const { verificationBlocked } = this
    if (verificationBlocked === this.#verificationBlocked) return
    this.#verificationBlocked = verificationBlocked
    for (const listener of [...this.#blockedListeners]) listener(verificationBlocked)
  }

  protected startRevocations(): void {
    this.#run(this.revocations.run())
  }

  protected startLink(): void {
    this.#run(this.link.run())
    this.#watching = setInterval(() => {
      this.#watch()
    }, WATCH_MS)
    for (const [target, signal] of signals()) target.addEventListener(signal, this.#hurry)
  }

  /** Close everything, at once and without a word. */
  protected stop(): void {
    this.#isOpen = false
    for (const [target, signal] of signals()) target.removeEventListener(signal, this.#hurry)
    clearInterval(this.#watching)
    this.revocations.close()
    this.link.close()
  }

  /** Makes the Authenticate for a Hello, or null for an anonymous link. */
  protected abstract introduce(hello: Hello): Authenticate | null | Promise<Authenticate | null>

  protected onUp(): void {
    for (const conversation of this.#conversations.values()) conversation.linkIsUp()
    this.#tellConnection(true)
  }

  /** Staff: the relay takes this device for what it is. Comes after `onUp`. */
  protected abstract onAuthenticated(authenticated: Authenticated): void

  protected onDown(): void {
    for (const conversation of this.#conversations.values()) conversation.linkIsDown()
    this.#tellConnection(false)
  }

  protected receive(frame: RelayFrame): void {
    if (!("conversationId" in frame) || frame.conversationId === null) return
    this.conversationOf(frame.conversationId)?.receive(frame)
  }

  /** Tell everybody who waits that nothing more will come. */
  protected failed(reason: TeduhError): void {
    this.#failure = reason
    for (const conversation of this.conversations) conversation.clientStopped(reason)
    this.#tellConnection(false)
  }

  protected conversationOf(id: Uint8Array): Conversation | undefined {
    return this.#conversations.get(toHex(id))
  }

  protected enlist(conversation: Conversation): void {
    this.#conversations.set(toHex(conversation.id), conversation)
  }

  protected strike(id: Uint8Array): void {
    this.#conversations.delete(toHex(id))
  }

  /** These run for as long as the client is open. If one ends by a fault, nobody must go on waiting. */
  #run(work: Promise<void>): void {
    work.then(
      () => {
        if (this.link.refused !== null && this.#failure === null) this.failed(this.link.refused)
      },
      (error: unknown) => {
        this.failed(error instanceof TeduhError ? error : new TeduhError("a fault of the SDK", { cause: error }))
      },
    )
  }

  #tellConnection(isConnected: boolean): void {
    for (const listener of this.#listeners) listener(isConnected)
  }

  #watch(): void {
    if (!this.link.isUp) return
    for (const conversation of this.conversations) conversation.watch()
  }
}

/** What a browser tells when the network is back, or somebody looks at the page again. */
function signals(): readonly (readonly [EventTarget, string])[] {
  if (!("addEventListener" in globalThis)) return []
  const ofPage = "document" in globalThis ? ([[document, "visibilitychange"]] as const) : []
  return [[globalThis, "online"], [globalThis, "pageshow"], ...ofPage]
}
