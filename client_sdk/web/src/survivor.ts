/**
 * The survivor's side: ask for help, and talk with whoever comes. Everything lives in memory only.
 *
 *     ask ──> fresh keys, fresh capability ──> OpenRequest ──> wait in the queue ──> Welcome ──> talk
 */

import { Client, type ClientOptions } from "./client.ts"
import { nowInSeconds } from "./net/clock.ts"
import { Conversation } from "./conversation/conversation.ts"
import { ConversationState } from "./conversation/conversationState.ts"
import type { Organisation } from "./credentials/organisation.ts"
import { RelayLost, RelayRefused } from "./errors.ts"
import { concatenate } from "./hazmat/bytes.ts"
import { generateSigner } from "./hazmat/ed25519.ts"
import { newKeyPackage } from "./mls/group.ts"
import { BASIC_CREDENTIAL_TYPE, type KeyPackageBundle } from "./mls/keyPackageBundle.ts"
import {
  CancelRequest,
  ErrorCode,
  type Hello,
  NO_DETAILS,
  OpenRequest,
  type Price,
  type RequestDetails,
  type RequestOpened,
} from "./relay/frames.ts"
import { uniform } from "./net/transport.ts"

const IDENTITY_LENGTH = 16
const CAPABILITY_LENGTH = 32
const MOST_IN_BEACON = 4
const RETRY_MS = 1000
const LONGEST_RETRY_MS = 60_000
/** Refusals after which asking again is right. */
const PASSING: readonly ErrorCode[] = [
  ErrorCode.PROOF_OF_WORK_REQUIRED,
  ErrorCode.RATE_LIMITED,
  ErrorCode.SHUTTING_DOWN,
  ErrorCode.UNAVAILABLE,
  ErrorCode.INTERNAL,
]

/** By which a conversation is proven to have been hers, and what the relay gave as she left it; empty before. */
interface Earlier {
  readonly relayUrl: string
  readonly capability: Uint8Array
  continuation: Uint8Array
}

/** A later `Survivor` of the same page may continue a conversation at the same relay, and no other relay learns of it. */
let capabilities = new WeakMap<Conversation, Earlier>()

/**
 * Somebody who seeks help. Nothing about her is stored anywhere but in this object.
 *
 *     const survivor = await Survivor.open(location.origin, organisation)
 *     const conversation = await survivor.ask({ need: "counseling" })
 */
export class Survivor extends Client {
  readonly #requests = new Map<Conversation, OpenCall>()
  readonly #paying = new Set<(isPaying: boolean) => void>()

  /** Connects in the background. `relayUrl` is for example `https://relay.example`. Throws TypeError for what is no such address. */
  static open(relayUrl: string, organisation: Organisation, options: ClientOptions = {}): Promise<Survivor> {
    const survivor = new Survivor(relayUrl, organisation, options)
    survivor.startRevocations()
    survivor.startLink()
    return Promise.resolve(survivor)
  }

  /**
   * Ask for help; done as soon as the relay has the request. The conversation tells the place in the queue (`waiting`),
   * and when somebody comes (`joined`). What is said before is kept and sent then. Waits while the relay cannot be
   * reached, or nobody could be believed (`verificationBlocked`), and so does whoever comes. Whoever is in the conversation that it `continues`,
   * or was when it ended, is asked first; it may be one of an earlier `Survivor` at the same relay. While the relay is
   * flooded this device works for the request first, some seconds (`onPaying`). Rejects with `RelayRefused`.
   */
  async ask(details: Partial<RequestDetails> = {}, continues: Conversation | null = null): Promise<Conversation> {
    await this.revocations.wait()
    const signer = await generateSigner()
    const identity = crypto.getRandomValues(new Uint8Array(IDENTITY_LENGTH))
    const credential = { credentialType: BASIC_CREDENTIAL_TYPE, content: identity }
    const bundle = await newKeyPackage(this.suite, credential, signer, this.service.time(nowInSeconds()))
    const { relayUrl } = this
    const before = continues === null ? undefined : capabilities.get(continues)
    const earlier = before?.relayUrl === relayUrl ? before : null
    const request = new OpenCall(bundle, { ...NO_DETAILS, ...details }, earlier)
    await this.#put(request)
    const conversation = request.require()
    capabilities.set(conversation, { relayUrl, capability: request.capability, continuation: new Uint8Array() })
    return conversation
  }

  /**
   * Be told when this device begins and ends to work for a request that costs something, as while the relay is flooded:
   * some seconds, during which the page lives. Returns how to be told no more.
   */
  onPaying(listener: (isPaying: boolean) => void): () => void {
    this.#paying.add(listener)
    return () => {
      this.#paying.delete(listener)
    }
  }

  /** Leave everything politely, then close. Takes 3 s at most. */
  async close(): Promise<void> {
    await Promise.all(this.conversations.map((conversation) => this.#leave(conversation)))
    this.stop()
  }

  /**
   * What a page that is being closed posts as a beacon to `/` (PROTOCOL.md), for its socket may not live long
   * enough to say that she leaves: 48 bytes for each conversation, four at most. Empty after `vanish`.
   */
  get leaveBeacon(): Uint8Array<ArrayBuffer> {
    const open = [...this.#requests].filter(([conversation]) => !conversation.isOver).slice(-MOST_IN_BEACON)
    return concatenate(...open.flatMap(([conversation, { capability }]) => [conversation.id, capability]))
  }

  /**
   * Quick exit: at once, without waiting for anything. Tells the relay that she is gone if the socket is up, forgets
   * every key and every word, closes the socket.
   */
  vanish(): void {
    for (const conversation of this.conversations) {
      if (conversation.participants.length === 0) this.#cancel(conversation)
      conversation.wipe()
    }
    this.#requests.clear()
    capabilities = new WeakMap()
    this.stop()
  }

  protected introduce(): null {
    return null
  }

  protected onAuthenticated(): void {
    // Her link is anonymous.
  }

  async #leave(conversation: Conversation): Promise<void> {
    const request = this.#requests.get(conversation)
    if (request !== undefined) request.isLeft = true
    if (conversation.participants.length === 0) this.#cancel(conversation)
    await conversation.leave()
  }

  #cancel({ id: conversationId }: Conversation): void {
    // The relay drops who does not come back; nobody waits for an answer here.
    this.link.question(
      (ref) => CancelRequest({ ref, conversationId }),
      () => undefined,
    )
  }

  /** Put the request to the relay until it is taken; rejects with `RelayRefused`. */
  async #put(request: OpenCall): Promise<void> {
    while (!request.isLeft) {
      try {
        await this.#putOnce(request)
        return
      } catch (error) {
        if (error instanceof RelayLost) continue
        if (error instanceof RelayRefused && error.price !== null) {
          request.price = error.price
          continue
        }
        if (!(error instanceof RelayRefused) || !isPassing(error, request)) throw error
        const wait = Math.min(Math.max(error.retryAfterMs, RETRY_MS), LONGEST_RETRY_MS)
        await new Promise((resolve) => setTimeout(resolve, wait * uniform(1, 1.25)))
      }
    }
  }

  async #putOnce(request: OpenCall): Promise<void> {
    await this.link.waitUntilUp()
    if (request.isLeft) return
    const proofOfWork = await this.#pay(request)
    const { capability, details, keyPackage, earlier } = request
    const continues = earlier?.capability ?? null
    const continuation = earlier?.continuation ?? new Uint8Array()
    await this.link.ask(
      (ref) => OpenRequest({ ref, capability, keyPackage, details, proofOfWork, continues, continuation }),
      "requestOpened",
      (answer) => {
        this.#opened(request, answer)
      },
    )
  }

  #tellPaying(isPaying: boolean): void {
    for (const listener of [...this.#paying]) listener(isPaying)
  }

  /** The proof of work for what this connection was told the request costs; empty if nothing. */
  async #pay(request: OpenCall): Promise<Uint8Array> {
    const { hello } = this.link
    const { price, quotedOn } = request
    request.price = null
    request.quotedOn = hello
    if (price === null || quotedOn !== hello) return new Uint8Array()
    this.#tellPaying(true)
    try {
      // Asked for only while the relay is flooded, so what it takes is loaded only then.
      const { solve } = await import("./relay/proofOfWork.ts")
      const proof = await solve(price, () => !request.isLeft && this.link.isUp && this.link.hello === hello)
      if (proof.length === 0) throw new RelayLost("the price was quoted on another connection")
      return proof
    } finally {
      this.#tellPaying(false)
    }
  }

  /** Called before the next frame is looked at, which may be the first entry of the conversation. */
  #opened(request: OpenCall, { conversationId, position }: RequestOpened): void {
    const conversation = request.conversation ?? this.#newConversation(request, conversationId)
    request.conversation = conversation
    this.strike(conversation.id)
    conversation.state.beginAnew(conversationId)
    this.enlist(conversation)
    conversation.emit({ type: "waiting", position, leastSeconds: null, mostSeconds: null })
    conversation.subscribe(request.capability)
  }

  #newConversation(request: OpenCall, conversationId: Uint8Array): Conversation {
    const { bundle } = request
    const identity = { signatureKey: bundle.signer.publicKey, isSurvivor: true, bundles: [bundle], canCall: this.canCall }
    const state = new ConversationState(conversationId, identity, this.verify)
    const owner = {
      resume: (one: Conversation): void => {
        this.#resume(one)
      },
      over: (one: Conversation): void => {
        this.strike(one.id)
        this.#requests.delete(one)
      },
      parted: (one: Conversation, continuation: Uint8Array): void => {
        const known = capabilities.get(one)
        if (known !== undefined) known.continuation = continuation
      },
    }
    const conversation = new Conversation(state, this.link, owner, { details: request.details })
    this.#requests.set(conversation, request)
    return conversation
  }

  #resume(conversation: Conversation): void {
    const request = this.#requests.get(conversation)
    if (request === undefined) return
    if (conversation.participants.length > 0) conversation.subscribe(request.capability)
    else if (!request.isReopening) void this.#reopen(request, conversation)
  }

  async #reopen(request: OpenCall, conversation: Conversation): Promise<void> {
    request.isReopening = true
    try {
      await this.#put(request)
    } catch (error) {
      if (error instanceof RelayRefused) {
        await conversation.act(() => {
          conversation.state.giveUp(error)
        })
      }
    } finally {
      request.isReopening = false
    }
  }
}

/** One call for help: its keys, by which it is put to the relay again after a reconnect. */
class OpenCall {
  readonly capability = crypto.getRandomValues(new Uint8Array(CAPABILITY_LENGTH))
  conversation: Conversation | null = null
  isReopening = false
  /** What the last attempt was told that it costs, and on which connection. */
  price: Price | null = null
  quotedOn: Hello | null = null
  /** She waits no more: it is not put to the relay again. */
  isLeft = false

  constructor(
    readonly bundle: KeyPackageBundle,
    readonly details: RequestDetails,
    /** The conversation that it continues. */
    readonly earlier: Earlier | null,
  ) {}

  get keyPackage(): Uint8Array {
    return this.bundle.keyPackage
  }

  require(): Conversation {
    if (this.conversation === null) throw new RelayLost("the request was not opened")
    return this.conversation
  }
}

/** Who has waited already does not lose her words because the queue is full as she comes back. */
function isPassing({ code }: RelayRefused, { conversation }: OpenCall): boolean {
  return PASSING.includes(code) || (code === ErrorCode.TOO_MANY && conversation !== null)
}
