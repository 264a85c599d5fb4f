/**
 * The negotiation with one other device in a call.
 *
 *     offers (the lower leaf)                             answers
 *       createOffer, localDescription ── offer ──────────> applyDescription, localDescription
 *       applyDescription <──────────────────────── answer ──
 *       <─────────────────────── candidates, in batches ────────────────────>
 *       <──────────────────────────── Renegotiate ── wants something new: another revision or generation
 *
 * A *generation* is one connection, a *revision* one offer within it. A connection that fails gets a new path (another
 * revision) if both sides can restart ICE, and is otherwise made anew (another generation). What is not answered is said
 * again; what is late, double or of an earlier connection is ignored; what is early waits.
 */

import { type Action } from "./actions.ts"
import {
  Candidates,
  Description,
  MAX_CANDIDATES,
  NegotiationWish,
  Renegotiate,
  type Addressed,
  type Candidate,
  type Media,
} from "./messages.ts"
import type { Timing } from "./timing.ts"
import { PEER_TRANSITIONS, type PeerHappening, type PeerState } from "./transitions.ts"

/** Messages with candidates that wait for their description. */
const MOST_KEPT = 8

/** The two ends of a connection: the call, ourselves in it, and the other. */
export interface Ends {
  readonly call: Uint8Array
  readonly own: number
  readonly ownJoined: number
  readonly peer: number
  readonly peerJoined: number
}

export interface PeerSettings {
  readonly ends: Ends
  readonly media: Media
  /** Whether both sides can. */
  readonly restartsIce: boolean
  readonly timing: Timing
  /** Whatever it wants done is put here. */
  readonly out: Action[]
  /** The last one that this leaf had with us. */
  readonly generation: number
}

export class Peer {
  readonly ends: Ends
  media: Media
  generation: number
  revision = 0
  state: PeerState = "absent"
  isConnected = false
  isUnreachable = false
  readonly #restartsIce: boolean
  readonly #timing: Timing
  readonly #out: Action[]
  #isOpen = false
  #wasConnected = false
  #isRestart = false
  #attempts = 1
  #connectBy: number | null = null
  #sayAgain: number | null = null
  #wish: NegotiationWish | null = null
  #asked = false
  #described: Description | null = null
  #batch: Candidate[] = []
  #batchRevision = 0
  #flushAt: number | null = null
  #applied = { generation: 0, revision: 0 }
  #restarted = 0
  #kept: Candidates[] = []
  readonly #known = new Set<string>()
  #heardAnswer = -1
  #heardWish = -1

  constructor({ ends, media, restartsIce, timing, out, generation }: PeerSettings) {
    this.ends = ends
    this.media = media
    this.#restartsIce = restartsIce
    this.#timing = timing
    this.#out = out
    this.generation = this.#weOffer ? generation : 0
  }

  /** The other is in the call: offer, or wait for an offer. */
  begin(now: number): void {
    this.#connectBy = now + this.#timing.connect
    if (this.#weOffer) {
      this.#follow("joined, we offer")
      this.#offer(now, true, false)
    } else {
      this.#follow("joined, they offer")
      this.#sayAgain = now + this.#timing.heartbeat
    }
  }

  /** The other has left, or we have. */
  close(): void {
    this.#follow("left")
    this.#closeGeneration()
  }

  // --- from our own WebRTC ---

  /** Our offer or answer is made. */
  localDescription(
    generation: number,
    revision: number,
    sdp: string,
    candidates: readonly Candidate[],
    now: number,
  ): void {
    const isOffer = this.state === "offering"
    if (!isOffer && this.state !== "answering") return
    if (generation !== this.generation || revision !== this.revision) return
    this.#follow(isOffer ? "our offer is made" : "our answer is made")
    const all = this.#batchRevision === revision ? [...candidates, ...this.#batch] : candidates
    this.#clearBatch()
    const restartsIce = this.#isRestart
    const first = all.slice(0, MAX_CANDIDATES)
    const rest = all.slice(MAX_CANDIDATES)
    this.#described = Description({ ...this.#address(now), revision, isOffer, restartsIce, sdp, candidates: first })
    this.#send(this.#described)
    if (isOffer) this.#sayAgain = now + this.#timing.heartbeat
    if (rest.length > 0) this.localCandidates(generation, revision, rest, now)
    if (!isOffer) this.#goOn(now)
  }

  /** More candidates of ours; sent together with those that follow soon. */
  localCandidates(generation: number, revision: number, candidates: readonly Candidate[], now: number): void {
    if (generation !== this.generation || revision > this.revision) return
    if (revision !== this.#batchRevision) {
      this.#flush(now)
      this.#batchRevision = revision
    }
    this.#batch.push(...candidates)
    const isDescribed = (this.state !== "offering" && this.state !== "answering") || revision < this.revision
    if (isDescribed) this.#flushAt ??= now + this.#timing.batch
  }

  /** The connection stands. */
  connected(generation: number): void {
    if (generation !== this.generation || this.isConnected) return
    this.isConnected = this.#wasConnected = true
    this.isUnreachable = false
    this.#attempts = 1
    this.#connectBy = null
    this.#out.push({ type: "tell", event: { type: "peerConnected", peer: this.ends.peer } })
  }

  /** The connection broke, or does not come about. */
  failed(generation: number, now: number): void {
    if (generation !== this.generation || this.isUnreachable) return
    if (this.isConnected) {
      this.#loseConnection()
      this.#connect(now)
    } else {
      this.#tryAgain(now)
    }
  }

  /** Another path is needed, though the old one may not have failed yet. */
  networkChanged(now: number): void {
    this.#attempts = 1
    this.isUnreachable = false
    this.#loseConnection()
    this.#connect(now)
  }

  /** Something was added here that needs an offer. */
  negotiate(now: number): void {
    if (this.#weOffer) {
      this.#want(NegotiationWish.MEDIA, now)
    } else if (this.#isOpen) {
      this.#asked = true
      this.#sayAgain = now + this.#timing.heartbeat
      this.#ask(NegotiationWish.MEDIA, now)
    }
  }

  // --- from the other ---

  /** A message about this connection. */
  receive(message: Addressed, now: number): void {
    if (message.type === "candidates") {
      this.#takeCandidates(message)
    } else if (message.type === "renegotiate") {
      if (this.#weOffer) this.#takeWish(message, now)
    } else if (message.isOffer !== this.#weOffer) {
      if (message.isOffer) this.#takeOffer(message, now)
      else this.#takeAnswer(message, now)
    }
  }

  /** Do what is due. */
  tick(now: number): void {
    if (this.#flushAt !== null && now >= this.#flushAt) this.#flush(now)
    if (this.#sayAgain !== null && now >= this.#sayAgain) this.#repeat(now)
    if (this.#connectBy !== null && now >= this.#connectBy) this.#tryAgain(now)
  }

  /** When something is due. */
  get deadlines(): readonly number[] {
    return [this.#flushAt, this.#sayAgain, this.#connectBy].filter((time) => time !== null)
  }

  // --- inside ---

  /** Whether the offers are ours to make. */
  get #weOffer(): boolean {
    return offersTo(this.ends.own, this.ends.peer)
  }

  get #isUnderWay(): boolean {
    return this.state === "offering" || this.state === "offered"
  }

  #follow(happening: PeerHappening): void {
    const following = PEER_TRANSITIONS[this.state][happening]
    if (following === undefined) throw new Error(`a negotiation that is ${this.state} cannot see: ${happening}`)
    this.state = following
  }

  #send(message: Addressed): void {
    this.#out.push({ type: "send", message, isEphemeral: false })
  }

  #address(now: number): Pick<Renegotiate, "call" | "sent" | "joined" | "to" | "toJoined" | "generation"> {
    const { call, ownJoined: joined, peer: to, peerJoined: toJoined } = this.ends
    return { call, sent: now, joined, to, toJoined, generation: this.generation }
  }

  #offer(now: number, isNew: boolean, restartsIce: boolean): void {
    if (isNew) {
      this.#closeGeneration()
      this.#enterGeneration(this.generation + 1)
      this.revision = 1
    } else {
      this.revision += 1
    }
    this.#isRestart = restartsIce
    this.#sayAgain = this.#wish = null
    if (isNew || restartsIce) {
      this.#connectBy = now + this.#timing.connect
      this.#restarted = this.revision
    }
    const { generation, revision } = this
    this.#out.push({ type: "createOffer", peer: this.ends.peer, generation, revision, restartsIce })
  }

  #closeGeneration(): void {
    const { generation } = this
    if (this.#isOpen) this.#out.push({ type: "closePeer", peer: this.ends.peer, generation })
  }

  #enterGeneration(generation: number): void {
    this.generation = generation
    this.#isOpen = true
    this.#loseConnection()
    this.#wasConnected = false
    this.#described = null
    this.#restarted = 0
    this.#clearBatch()
    this.#known.clear()
  }

  /** As the side that offers: a new offer, now or when the present one is answered. */
  #want(wish: NegotiationWish, now: number): void {
    if (wish !== NegotiationWish.REBUILD && this.#isUnderWay) {
      this.#wish = Math.max(wish, this.#wish ?? wish) as NegotiationWish
      return
    }
    this.#follow("a new offer is wanted")
    const canRestart = wish === NegotiationWish.RESTART && this.#restartsIce
    this.#offer(now, wish !== NegotiationWish.MEDIA && !canRestart, canRestart)
  }

  /** Another path, or another connection where there can be none. */
  #connect(now: number): void {
    this.#connectBy = now + this.#timing.connect
    const mayRestart = this.#restartsIce && this.#wasConnected
    this.#request(mayRestart ? NegotiationWish.RESTART : NegotiationWish.REBUILD, now)
  }

  #request(wish: NegotiationWish, now: number): void {
    if (this.#weOffer) this.#want(wish, now)
    else this.#ask(wish, now)
  }

  #ask(wish: NegotiationWish, now: number): void {
    this.#send(Renegotiate({ ...this.#address(now), wish }))
  }

  #tryAgain(now: number): void {
    this.#attempts += 1
    this.#loseConnection()
    if (this.#attempts > this.#timing.attempts && !this.isUnreachable) {
      this.#connectBy = now + this.#timing.old
      this.#sayAgain = null
      this.isUnreachable = true
      this.#out.push({ type: "tell", event: { type: "peerUnreachable", peer: this.ends.peer } })
      return
    }
    // Whoever cannot be reached is tried once in a while; the others of the call go on meanwhile.
    this.#connectBy = now + (this.isUnreachable ? this.#timing.old : this.#timing.connect)
    this.#request(NegotiationWish.REBUILD, now)
  }

  #goOn(now: number): void {
    const wish = this.#wish
    this.#wish = null
    if (wish !== null && this.#weOffer) this.#want(wish, now)
  }

  #takeOffer(offer: Description, now: number): void {
    const order = compare(offer, this)
    if (order < 0) return
    if (order === 0) {
      // The answer was lost, or is on its way; it is said again with all candidates that are known.
      if (this.state === "stable" && this.#described !== null) this.#send({ ...this.#described, sent: now })
      return
    }
    if (offer.generation > this.generation) {
      this.#closeGeneration()
      this.#enterGeneration(offer.generation)
      this.#connectBy = now + this.#timing.connect
    } else if (offer.restartsIce) {
      this.#loseConnection()
      this.#connectBy = now + this.#timing.connect
    }
    this.#follow("an offer comes")
    this.revision = offer.revision
    this.#isRestart = offer.restartsIce
    this.#sayAgain = null
    this.#asked = false
    this.#apply(offer)
  }

  #takeAnswer(answer: Description, now: number): void {
    if (this.state !== "offered" || compare(answer, this) !== 0) return
    this.#follow("an answer comes")
    this.#sayAgain = null
    this.#heardAnswer = answer.sent
    this.#apply(answer)
    this.#goOn(now)
  }

  #apply({ generation, revision, isOffer, restartsIce, sdp, candidates }: Description): void {
    this.#applied = { generation, revision }
    if (isOffer && restartsIce) this.#restarted = revision
    const { peer } = this.ends
    this.#out.push({ type: "applyDescription", peer, generation, revision, isOffer, restartsIce, sdp })
    this.#add(revision, candidates)
    const kept = this.#kept
    this.#kept = []
    for (const message of kept) this.#takeCandidates(message)
  }

  #takeCandidates(message: Candidates): void {
    if (compare(message, this.#applied) > 0) {
      this.#kept = [...this.#kept.slice(-MOST_KEPT + 1), message]
    } else if (message.generation === this.generation && message.revision >= this.#restarted) {
      this.#add(message.revision, message.candidates)
    }
  }

  #add(revision: number, candidates: readonly Candidate[]): void {
    const nameOf = (one: Candidate): string => JSON.stringify([revision, one.candidate, one.sdpMid, one.sdpMLineIndex])
    const added = candidates.filter((one) => {
      const isNew = !this.#known.has(nameOf(one))
      this.#known.add(nameOf(one))
      return isNew
    })
    if (added.length === 0) return
    const { generation } = this
    this.#out.push({ type: "addCandidates", peer: this.ends.peer, generation, candidates: added })
  }

  #takeWish(message: Renegotiate, now: number): void {
    if (message.sent <= this.#heardWish) return
    this.#heardWish = message.sent
    const isOlder = message.generation < this.generation
    // It crossed our offer, or the offer was lost.
    if (this.state === "offered" && isOlder) this.#repeat(now)
    else if (!this.#makesWhatIsWished(message.wish, isOlder)) this.#grant(message, isOlder, now)
  }

  /** Whether the offer under way is what it wants already. */
  #makesWhatIsWished(wish: NegotiationWish, isOlder: boolean): boolean {
    if (this.state === "offering" && (isOlder || wish === NegotiationWish.REBUILD)) return true
    const isPathNew = this.#isRestart || !this.#wasConnected
    return wish === NegotiationWish.RESTART && this.#isUnderWay && isPathNew
  }

  #grant(message: Renegotiate, isOlder: boolean, now: number): void {
    if (isOlder && message.sent <= this.#heardAnswer) return
    // Whoever does not know our connection any more needs a new one.
    const wish = isOlder ? NegotiationWish.REBUILD : message.wish
    if (wish !== NegotiationWish.MEDIA) {
      this.#loseConnection()
      this.#connectBy = now + this.#timing.connect
    }
    this.#want(wish, now)
  }

  #loseConnection(): void {
    if (!this.isConnected) return
    this.isConnected = false
    this.#out.push({ type: "tell", event: { type: "peerReconnecting", peer: this.ends.peer } })
  }

  #repeat(now: number): void {
    this.#sayAgain = now + this.#timing.heartbeat
    if (this.state === "awaiting") this.#ask(NegotiationWish.REBUILD, now)
    else if (this.#asked) this.#ask(NegotiationWish.MEDIA, now)
    else if (this.#described !== null) this.#send({ ...this.#described, sent: now })
  }

  #flush(now: number): void {
    const batch = this.#batch
    const revision = this.#batchRevision
    this.#clearBatch()
    for (let start = 0; start < batch.length; start += MAX_CANDIDATES) {
      const candidates = batch.slice(start, start + MAX_CANDIDATES)
      this.#send(Candidates({ ...this.#address(now), revision, candidates }))
    }
    if (batch.length > 0 && this.#described?.revision === revision) {
      // What is said again is said with all that is known.
      const candidates = [...this.#described.candidates, ...batch].slice(0, MAX_CANDIDATES)
      this.#described = { ...this.#described, candidates }
    }
  }

  #clearBatch(): void {
    this.#batch = []
    this.#flushAt = null
  }
}

/** Whether `own` makes the offers between these leaves: two that cross would need a rollback. */
export function offersTo(own: number, peer: number): boolean {
  return own < peer
}

interface Place {
  readonly generation: number
  readonly revision: number
}

/** Negative, zero or positive: which comes first. */
function compare(one: Place, other: Place): number {
  return one.generation - other.generation || one.revision - other.revision
}
