/**
 * Where one device stands with the calls of its conversation, and the steps from there.
 *
 * What the others say is noted in `Participations`; `agree` then makes the call agree with it: who is seen in our call
 * becomes a peer, who is not seen there any more is closed, and who is alone has no call.
 */

import type { Action, CallEvent } from "./actions.ts"
import { CallNotAllowed } from "./errors.ts"
import {
  Cancel,
  Decline,
  EndReason,
  HangUp,
  Heartbeat,
  Join,
  MAX_CALL_MEMBERS,
  Phase,
  type Addressed,
  type CallMessage,
  type Media,
} from "./messages.ts"
import { Participations, type Participation } from "./participation.ts"
import { Peer } from "./peer.ts"
import { RecordingConsent } from "./recording.ts"
import type { Timing } from "./timing.ts"
import { CALL_TRANSITIONS, type CallHappening, type CallState } from "./transitions.ts"

/** The call that we are in, or that rings, here or there. */
export class Current {
  readonly call: string
  readonly joined: number
  media: Media
  /** Who rings us, and until when. */
  by: number | null = null
  until: number | null = null
  /** Whom we ring, and until when. */
  readonly awaited = new Map<number, number>()
  readonly peers = new Map<number, Peer>()
  /** Whose heartbeats did not name us, and since when. */
  readonly unseenSince = new Map<number, number>()
  readonly recording = new RecordingConsent()
  heartbeatAt: number | null = null
  hasBegun = false

  constructor(call: string, joined: number, media: Media) {
    this.call = call
    this.joined = joined
    this.media = media
  }

  /** The others, the lowest leaf first. */
  get leaves(): readonly number[] {
    return [...this.peers.keys()].sort(ascending)
  }
}

/** The last ring for a call that we heard of, and why we do not come: said again if it rings on. */
interface Rung {
  readonly sent: number
  readonly refused: EndReason | null
  readonly until: number
}

export interface Early {
  readonly sender: number
  readonly came: number
  readonly message: Addressed
}

/** See the module. Whatever is to be done is put into `out`. */
export class DeviceCallState {
  own: number
  present: ReadonlyMap<number, string>
  readonly canRestartIce: boolean
  readonly timing: Timing
  state: CallState = "idle"
  current: Current | null = null
  isBusy = false
  /** How we were rung for a call; remembered for a while. */
  readonly rung = new Map<string, Rung>()
  /** The calls that we left, why, and until when to remember. */
  readonly left = new Map<string, { readonly reason: EndReason; readonly until: number }>()
  /** What overtook its sender's joining. */
  early: Early[] = []
  readonly heardMedia = new Map<number, number>()
  readonly out: Action[] = []
  readonly seen: Participations
  readonly #lastGeneration = new Map<number, number>()
  #lastSent = -1

  constructor(own: number, present: ReadonlyMap<number, string>, canRestartIce: boolean, timing: Timing) {
    this.own = own
    this.present = present
    this.canRestartIce = canRestartIce
    this.timing = timing
    this.seen = new Participations(timing)
  }

  /** Go where the table says; throws `CallNotAllowed` if it says nothing. */
  follow(happening: CallHappening): void {
    const following = CALL_TRANSITIONS[this.state][happening]
    if (following === undefined) throw new CallNotAllowed(`not while ${this.state}: ${happening}`)
    this.state = following
  }

  /** We are in `call` from now on. */
  enter(call: string, media: Media, now: number): void {
    const current = new Current(call, this.stamp(now), media)
    current.heartbeatAt = now + this.timing.heartbeat
    current.hasBegun = true
    this.current = current
    this.left.delete(call)
    const { joined } = current
    this.send(Join({ call: fromHex(call), sent: now, joined, media, canRestartIce: this.canRestartIce }))
    this.emit({ type: "began", call })
    this.agree(now)
  }

  /** The state was changed already: close everything, and say so. */
  end(reason: EndReason, by: number | null, now: number): void {
    const { current } = this
    if (current === null) return
    this.current = null
    for (const leaf of current.leaves) this.#close(current, leaf)
    this.heardMedia.clear()
    this.out.push({ type: "stopMedia" })
    if (current.by === null && reason !== EndReason.REMOVED) {
      const goodbye = current.hasBegun ? HangUp : Cancel
      this.send(goodbye({ call: fromHex(current.call), sent: now, joined: current.joined, reason }))
    }
    this.left.set(current.call, { reason, until: now + this.timing.ring + this.timing.old })
    this.emit({ type: "ended", call: current.call, reason, by })
  }

  /** We do not come; `rung` is the ring that this answers, by default the one that is heard. */
  refuse(call: string, by: number, reason: EndReason, now: number, rung = this.current?.joined ?? now): void {
    const joined = this.seen.of(by)?.joined ?? 0
    this.send(Decline({ call: fromHex(call), sent: now, joined, reason }))
    this.noteRing(call, rung, reason, now)
  }

  /** Remember how we were rung, and what we answered. */
  noteRing(call: string, sent: number, refused: EndReason | null, now: number): void {
    this.rung.set(call, { sent, refused, until: now + this.timing.ring + this.timing.old })
  }

  /** Whether we said that we do not come. */
  hasRefused(call: string): boolean {
    return (this.rung.get(call)?.refused ?? null) !== null
  }

  /** It rings on: our answer was lost, or is on its way. */
  answerAgain(call: string, by: number, now: number): void {
    const refused = this.rung.get(call)?.refused ?? null
    const ringer = this.seen.of(by)
    if (refused === null || ringer === undefined || this.current?.call === call) return
    this.send(Decline({ call: fromHex(call), sent: now, joined: ringer.joined, reason: refused }))
  }

  /** The peer that this part of `sender` in `call` is. */
  peerIn(call: string, sender: number, joined: number): Peer | undefined {
    const peer = this.current?.call === call ? this.current.peers.get(sender) : undefined
    return peer?.ends.peerJoined === joined ? peer : undefined
  }

  /** Put it out; the time is set when it leaves. */
  send(message: CallMessage, isEphemeral = false): void {
    this.out.push({ type: "send", message, isEphemeral })
  }

  /** Put it out for the application. */
  emit(event: CallEvent): void {
    this.out.push({ type: "tell", event })
  }

  /** Our clock, but never the same time twice: others tell by it what was said later. */
  stamp(now: number): number {
    this.#lastSent = Math.max(now, this.#lastSent + 1)
    return this.#lastSent
  }

  /** The action as it leaves: what is sent gets its time. */
  stamped(action: Action, now: number): Action {
    if (action.type !== "send") return action
    return { ...action, message: { ...action.message, sent: this.stamp(now) } }
  }

  // --- making the call agree with who is in it ---

  /** Make the call agree with who is seen in it. */
  agree(now: number): void {
    const { current } = this
    if (current === null) return
    const within = this.seen.within(current.call)
    if (this.state === "calling" && within.size > 0) {
      this.follow("somebody joins")
      current.hasBegun = true
      this.emit({ type: "began", call: current.call })
    }
    if (this.state === "in call") {
      this.#agreeOnPeers(current, within, now)
    } else if (this.state === "ringing" && within.size === 0 && current.by !== null) {
      this.follow("nobody is left")
      this.current = null
      this.emit({ type: "missed", call: current.call, by: current.by, reason: this.seen.reason(current.by) })
    }
  }

  #agreeOnPeers(current: Current, within: ReadonlyMap<number, Participation>, now: number): void {
    let last: { reason: EndReason; by: number | null } = { reason: EndReason.LOST, by: null }
    for (const [leaf, peer] of [...current.peers]) {
      const one = within.get(leaf)
      if (one?.joined === peer.ends.peerJoined) continue
      const reason = one === undefined ? this.seen.reason(leaf) : EndReason.REPLACED
      this.#part(current, leaf, reason)
      last = { reason, by: leaf }
    }
    for (const [leaf, one] of within) if (!current.peers.has(leaf)) this.#meet(current, leaf, one, now)
    if (current.awaited.size > 0) return
    if (current.peers.size === 0) {
      this.follow("nobody is left")
      this.end(last.reason, last.by, now)
    } else if ([...current.peers.values()].every((one) => one.isUnreachable)) {
      this.follow("no connection can be made")
      this.end(EndReason.FAILED, null, now)
    }
  }

  #meet(current: Current, leaf: number, one: Participation, now: number): void {
    current.awaited.delete(leaf)
    const call = fromHex(current.call)
    const peer = new Peer({
      ends: { call, own: this.own, ownJoined: current.joined, peer: leaf, peerJoined: one.joined },
      media: one.media,
      restartsIce: this.canRestartIce && one.canRestartIce,
      timing: this.timing,
      out: this.out,
      generation: this.#lastGeneration.get(leaf) ?? 0,
    })
    current.peers.set(leaf, peer)
    this.emit({ type: "peerJoined", peer: leaf, media: one.media })
    peer.begin(now)
    const early = this.early
    this.early = []
    for (const kept of early) {
      if (kept.sender === leaf && kept.message.joined === one.joined) peer.receive(kept.message, now)
      else this.early.push(kept)
    }
  }

  #part(current: Current, leaf: number, reason: EndReason): void {
    current.unseenSince.delete(leaf)
    this.heardMedia.delete(leaf)
    this.#close(current, leaf)
    this.out.push(...current.recording.gone(leaf))
    this.emit({ type: "peerLeft", peer: leaf, reason })
  }

  #close(current: Current, leaf: number): void {
    const peer = current.peers.get(leaf)
    if (peer === undefined) return
    current.peers.delete(leaf)
    peer.close()
    this.#lastGeneration.set(leaf, peer.generation)
  }

  /** Somebody whom we ring does not come. */
  noLongerAwaited(leaf: number, reason: EndReason, now: number): void {
    const { current } = this
    if (current?.awaited.delete(leaf) !== true) return
    this.emit({ type: "peerDeclined", peer: leaf, reason })
    if (this.state !== "calling" || current.awaited.size > 0) return
    this.follow(reason === EndReason.TIMED_OUT ? "it has rung long enough" : "nobody is left")
    this.end(reason, leaf, now)
  }

  // --- time ---

  /** Stop what has rung long enough. */
  timeOut(now: number): void {
    const { current } = this
    if (current === null) return
    if (this.state === "ringing" && current.until !== null && current.by !== null && now >= current.until) {
      this.follow("it has rung long enough")
      this.noteRing(current.call, current.joined, EndReason.TIMED_OUT, now)
      this.current = null
      this.emit({ type: "missed", call: current.call, by: current.by, reason: EndReason.TIMED_OUT })
    }
    for (const [leaf, until] of [...current.awaited].sort(([one], [other]) => one - other)) {
      if (this.current === current && now >= until) this.noLongerAwaited(leaf, EndReason.TIMED_OUT, now)
    }
  }

  /** Say that we are here, and how we see the call, when it is time. */
  beat(now: number): void {
    const { current } = this
    if (current?.heartbeatAt == null || now < current.heartbeatAt) return
    current.heartbeatAt = now + this.timing.heartbeat
    const peers = current.leaves.map((leaf) => ({ leaf, joined: current.peers.get(leaf)?.ends.peerJoined ?? 0 }))
    const beat = Heartbeat({
      call: fromHex(current.call),
      sent: now,
      joined: current.joined,
      phase: this.state === "calling" ? Phase.CALLING : Phase.IN_CALL,
      media: current.media,
      canRestartIce: this.canRestartIce,
      awaited: [...current.awaited.keys()].sort(ascending).slice(0, MAX_CALL_MEMBERS),
      peers: peers.slice(0, MAX_CALL_MEMBERS),
      grants: [...current.recording.grantedTo].sort(ascending),
      isRecording: current.recording.isRecording,
    })
    this.send(beat, true)
  }

  /** Forget what is past. */
  expire(now: number): void {
    this.early = this.early.filter(({ came }) => now < came + this.timing.old)
    for (const [call, { until }] of [...this.rung]) if (now >= until) this.rung.delete(call)
    for (const [call, { until }] of [...this.left]) if (now >= until) this.left.delete(call)
  }

  /** When something is due. */
  deadlines(): readonly number[] {
    const { current } = this
    const seen = this.seen.deadlines()
    if (current === null) return seen
    const own = [current.until, current.heartbeatAt].filter((time) => time !== null)
    const peers = [...current.peers.values()].flatMap((peer) => peer.deadlines)
    return [...seen, ...current.awaited.values(), ...own, ...peers]
  }
}

/** For sorting numbers. */
export function ascending(one: number, other: number): number {
  return one - other
}

/** The bytes of the id of a call. */
export function fromHex(call: string): Uint8Array {
  return Uint8Array.from(call.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
}
