/**
 * The staff's view of the queue: who waits, what is offered, how it goes.
 *
 *     onListing ──> WatchQueue ──> the listing whenever it changes ──> Staff.claim(conversationId)
 *     onOffers ───> the open offers ──> accept(conversationId), or decline(conversationId)
 *     onBoard ────> WatchBoard ──> numbers, for supervisors;  onAlert ──> a request that finds nobody
 *
 * What is watched is asked for anew whenever the link comes back.
 */

import { nowInSeconds } from "../net/clock.ts"
import type { Conversation } from "../conversation/conversation.ts"
import { areEqual } from "../hazmat/bytes.ts"
import type { RelayLink } from "../net/relayLink.ts"
import {
  AnswerOffer,
  FetchPushKey,
  ReportAbuse,
  SubscribePush,
  UnsubscribePush,
  WatchBoard,
  WatchQueue,
  type Authenticated,
  type Board,
  type ClientFrame,
  type Offer,
  type QueueAlert,
  type QueueListing,
  type RelayFrame,
} from "../relay/frames.ts"

/** A request that is offered to this person; `until` is when it goes to the next, in seconds since 1970. */
export interface OpenOffer extends Omit<Offer, "type" | "secondsLeft"> {
  readonly until: number
}

/** What the browser's push subscription says of itself. */
export interface PushAddress {
  readonly endpoint: string
  /** `p256dh`, 65 bytes. */
  readonly publicKey: Uint8Array
  /** `auth`, 16 bytes. */
  readonly secret: Uint8Array
}

type Listener<T> = (news: T) => void
type Ask = (ref: number) => ClientFrame

/** One kind of news that the relay sends while somebody listens. */
class Watched<T> {
  readonly #listeners = new Set<Listener<T>>()
  readonly #send: (watching: boolean) => void

  constructor(send: (watching: boolean) => void) {
    this.#send = send
  }

  add(listener: Listener<T>): () => void {
    this.#listeners.add(listener)
    this.#send(true)
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#send(false)
    }
  }

  /** The link is up: the relay does not know any more what we watch. */
  again(): void {
    if (this.#listeners.size > 0) this.#send(true)
  }

  emit(news: T): void {
    for (const listener of this.#listeners) listener(news)
  }
}

/** Part of a `Staff`. */
export class StaffRouting {
  readonly #link: RelayLink
  readonly #take: (ask: Ask) => Promise<Conversation>
  readonly #listing: Watched<QueueListing>
  readonly #board: Watched<Board>
  readonly #alerts = new Watched<QueueAlert>(ignore)
  readonly #offerListeners = new Watched<readonly OpenOffer[]>(ignore)
  #offers: readonly OpenOffer[] = []
  #newest: QueueListing | null = null
  #makesOffers = false

  /** @internal `take` asks for a request and joins its conversation. */
  constructor(link: RelayLink, take: (ask: Ask) => Promise<Conversation>) {
    this.#link = link
    this.#take = take
    this.#listing = new Watched((watching) => {
      this.#question((ref) => WatchQueue({ ref, watching }))
    })
    this.#board = new Watched((watching) => {
      this.#question((ref) => WatchBoard({ ref, watching }))
    })
  }

  /** Whether the relay offers requests to one after the other; otherwise whoever sees one may claim it. */
  get makesOffers(): boolean {
    return this.#makesOffers
  }

  /** What is offered to this person now. */
  get offers(): readonly OpenOffer[] {
    return this.#offers
  }

  /** Be told who waits, now and whenever it changes; returns how to be told no more. */
  onListing(listener: Listener<QueueListing>): () => void {
    return this.#listing.add(listener)
  }

  /** Be told what is offered whenever it changes. */
  onOffers(listener: Listener<readonly OpenOffer[]>): () => void {
    return this.#offerListeners.add(listener)
  }

  /** Be told the numbers, every few seconds. For supervisors; others are never told. */
  onBoard(listener: Listener<Board>): () => void {
    return this.#board.add(listener)
  }

  /**
   * Be told, as a supervisor, of requests that find nobody: each as it becomes so, and whoever listens to the board of
   * those that wait so already; again when the connection was lost.
   */
  onAlert(listener: Listener<QueueAlert>): () => void {
    return this.#alerts.add(listener)
  }

  /** Take what was offered, and join. Rejects as `Staff.claim`. */
  async accept(conversationId: Uint8Array): Promise<Conversation> {
    try {
      return await this.#take((ref) => AnswerOffer({ ref, conversationId, accepted: true }))
    } finally {
      this.#strike(conversationId)
    }
  }

  /** Let it go to somebody else, at once. */
  async decline(conversationId: Uint8Array): Promise<void> {
    this.#strike(conversationId)
    await this.#link.ask((ref) => AnswerOffer({ ref, conversationId, accepted: false }), "done")
  }

  /** This was no request for help: another one costs its sender more. Only of a conversation that we are in. */
  async reportAbuse(conversationId: Uint8Array): Promise<void> {
    await this.#link.ask((ref) => ReportAbuse({ ref, conversationId }), "done")
  }

  /** The key for the browser's push subscription; null when this relay wakes nobody. */
  async pushKey(): Promise<Uint8Array | null> {
    return (await this.#link.ask((ref) => FetchPushKey({ ref }), "pushKey")).publicKey
  }

  /** Have this device woken when somebody waits. */
  async subscribePush(address: PushAddress): Promise<void> {
    await this.#link.ask((ref) => SubscribePush({ ref, ...address }), "done")
  }

  /** Have it woken no more. */
  async unsubscribePush(): Promise<void> {
    await this.#link.ask((ref) => UnsubscribePush({ ref }), "done")
  }

  // --- for Staff ---

  /** @internal */
  linkIsUp({ offers }: Authenticated): void {
    this.#makesOffers = offers
    // What was offered over the old connection is offered to somebody else by now, or told anew.
    this.#setOffers([])
    this.#listing.again()
    this.#board.again()
  }

  /** @internal Whether the frame was for us. */
  receive(frame: RelayFrame): boolean {
    if (frame.type === "queueListing") this.#list(frame)
    else if (frame.type === "board") this.#board.emit(frame)
    else if (frame.type === "queueAlert") this.#alerts.emit(frame)
    else if (frame.type === "offerEnded") this.#strike(frame.conversationId)
    else if (frame.type === "offer") this.#add(frame)
    else return false
    return true
  }

  /** @internal We have taken it: nobody waits there any more, though the relay gathers its news before it tells so. */
  taken(conversationId: Uint8Array): void {
    if (this.#newest === null) return
    const { waiting, requests } = this.#newest
    const left = requests.filter((request) => !areEqual(request.conversationId, conversationId))
    const struck = requests.length - left.length
    if (struck > 0) this.#list({ ...this.#newest, waiting: waiting - struck, requests: left })
  }

  #list(listing: QueueListing): void {
    this.#newest = listing
    this.#listing.emit(listing)
  }

  #add({ conversationId, details, waitedSeconds, secondsLeft, dropped }: Offer): void {
    const offer = { conversationId, details, waitedSeconds, dropped, until: nowInSeconds() + secondsLeft }
    this.#setOffers([...this.#without(conversationId), offer])
  }

  #strike(conversationId: Uint8Array): void {
    const left = this.#without(conversationId)
    if (left.length < this.#offers.length) this.#setOffers(left)
  }

  #without(conversationId: Uint8Array): readonly OpenOffer[] {
    return this.#offers.filter((offer) => !areEqual(offer.conversationId, conversationId))
  }

  #setOffers(offers: readonly OpenOffer[]): void {
    if (offers.length === 0 && this.#offers.length === 0) return
    this.#offers = offers
    this.#offerListeners.emit(offers)
  }

  #question(ask: Ask): void {
    this.#link.question(ask, ignore)
  }
}

function ignore(): void {
  // The relay tells of it unasked, or it is asked for again when the link is up.
}
