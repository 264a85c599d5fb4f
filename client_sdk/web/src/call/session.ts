/**
 * One device's part in the calls of one conversation, without I/O.
 *
 *       ring, accept, hangUp ...       receive      tick, members      localDescription, peerFailed ...
 *                  │                      │              │                          │
 *                  v                      v              v                          v
 *         ┌── state of the call <── Participations: who is in which call ──> one Peer each ──┐
 *         └──────────────────────────────┬───────────────────────────────────────────────────┘
 *                                        v
 *                         actions: send, createOffer, closePeer, tell ...
 *
 * What the others say is first noted; then the call is made to agree with it (`DeviceCallState`). So it does not matter by which
 * message something became known, nor in which order, and a heartbeat can stand for whatever was lost.
 *
 * Time is passed in, in milliseconds since 1970. The session chooses nothing at random but the id of a call, which is
 * passed in as well. All inputs give what is to be done, in order.
 */

import { toHex } from "../hazmat/bytes.ts"
import type { Action } from "./actions.ts"
import { CallNotAllowed } from "./errors.ts"
import { Freshness } from "./freshness.ts"
import { CallMessageHandler, isSame } from "./callMessageHandler.ts"
import {
  EndReason,
  MediaState,
  Recording,
  RecordingStep,
  Ring,
  mediaOf,
  type CallMessage,
  type Candidate,
  type Media,
} from "./messages.ts"
import type { Peer } from "./peer.ts"
import type { RecordingConsent } from "./recording.ts"
import { Current, DeviceCallState, ascending, fromHex } from "./callState.ts"
import { TIMING, type Timing } from "./timing.ts"
import type { CallState, PeerState } from "./transitions.ts"

/** One other device in the call, as an application may show it. */
export interface PeerView {
  readonly leaf: number
  readonly joined: number
  readonly generation: number
  readonly state: PeerState
  readonly isConnected: boolean
  readonly isUnreachable: boolean
  readonly media: Media
}

/** A call of others that we can join. */
export interface RunningCall {
  readonly call: string
  readonly members: readonly number[]
}

export interface CallSettings {
  /** Our leaf. */
  readonly own: number
  /** Who is in the room: the key of the device at each leaf, ours among them. */
  readonly present: ReadonlyMap<number, string>
  /** 8 random bytes. */
  readonly newCallId: () => Uint8Array
  /** Whether our WebRTC can change the path of a connection that stands. */
  readonly canRestartIce?: boolean
  readonly timing?: Timing
}

export class CallSession {
  readonly #callState: DeviceCallState
  readonly #handler: CallMessageHandler
  readonly #freshness = new Freshness()
  readonly #newCallId: () => Uint8Array
  #running: RunningCall | null = null

  constructor({ own, present, newCallId, canRestartIce = false, timing = TIMING }: CallSettings) {
    this.#callState = new DeviceCallState(own, new Map(present), canRestartIce, timing)
    this.#handler = new CallMessageHandler(this.#callState)
    this.#newCallId = newCallId
  }

  // --- what it is ---

  /** Where we stand. */
  get state(): CallState {
    return this.#callState.state
  }

  /** The call that we are in, or that rings, in hexadecimal. */
  get call(): string | null {
    return this.#callState.current?.call ?? null
  }

  /** What we send. */
  get media(): Media {
    return this.#callState.current?.media ?? mediaOf({})
  }

  /** The others in our call. */
  get peers(): readonly PeerView[] {
    const { current } = this.#callState
    if (current === null) return []
    return current.leaves.flatMap((leaf) => viewOf(current.peers.get(leaf)))
  }

  /** Whom we ring. */
  get awaited(): readonly number[] {
    return [...(this.#callState.current?.awaited.keys() ?? [])].sort(ascending)
  }

  /** A call of others that we can join, as long as we are in none. */
  get running(): RunningCall | null {
    return this.#running
  }

  /** Whether everybody in the call has allowed us to record. */
  get mayRecord(): boolean {
    const { current, state } = this.#callState
    return state === "in call" && current?.recording.isAllowedBy(current.leaves) === true
  }

  /** When to call `tick`. */
  get nextTimer(): number | null {
    const deadlines = this.#callState.deadlines()
    return deadlines.length === 0 ? null : Math.min(...deadlines)
  }

  // --- what the user does ---

  /** Call everybody in the room, or `to`; in a call: ring somebody (again). Throws `CallNotAllowed`. */
  ring(media: Media, now: number, to: readonly number[] = []): Action[] {
    const callState = this.#callState
    const whom = this.#reachable(to)
    if (whom.length === 0) throw new CallNotAllowed("there is nobody to call")
    callState.follow("we ring")
    const current = (callState.current ??= this.#newCall(media, now))
    for (const leaf of whom) current.awaited.set(leaf, now + callState.timing.ring)
    const { canRestartIce } = callState
    const { joined } = current
    callState.send(
      Ring({ call: fromHex(current.call), sent: now, joined, media: current.media, to: whom, canRestartIce }),
    )
    return this.#done(now)
  }

  /** Answer the ring. Throws `CallNotAllowed`. */
  accept(media: Media, now: number): Action[] {
    this.#callState.follow("we accept")
    const { current } = this.#callState
    if (current !== null) this.#callState.enter(current.call, media, now)
    return this.#done(now)
  }

  /** Go into the call that is running in the room. Throws `CallNotAllowed`. */
  join(media: Media, now: number): Action[] {
    if (this.#running === null) throw new CallNotAllowed("no call is running")
    this.#callState.follow("we join")
    this.#callState.enter(this.#running.call, media, now)
    return this.#done(now)
  }

  /** Do not answer the ring. Throws `CallNotAllowed`. */
  decline(now: number): Action[] {
    this.#callState.follow("we decline")
    const { current } = this.#callState
    if (current?.by != null) {
      this.#callState.refuse(current.call, current.by, EndReason.DECLINED, now)
      this.#callState.current = null
      this.#callState.emit({ type: "ended", call: current.call, reason: EndReason.DECLINED, by: null })
    }
    return this.#done(now)
  }

  /** Ring no longer. Throws `CallNotAllowed`. */
  cancel(now: number): Action[] {
    this.#callState.follow("we cancel")
    this.#callState.end(EndReason.CANCELLED, null, now)
    return this.#done(now)
  }

  /** Leave the call. Throws `CallNotAllowed`. */
  hangUp(now: number, reason: EndReason = EndReason.HUNG_UP): Action[] {
    this.#callState.follow("we hang up")
    this.#callState.end(reason, null, now)
    return this.#done(now)
  }

  /** Decline, cancel or hang up, whichever it takes. */
  leave(now: number): Action[] {
    switch (this.#callState.state) {
      case "ringing":
        return this.decline(now)
      case "calling":
        return this.cancel(now)
      case "in call":
        return this.hangUp(now)
      case "idle":
        return []
    }
  }

  /** What we send has changed. Throws `CallNotAllowed`. */
  setMedia(media: Media, now: number): Action[] {
    const current = this.#requireCall()
    if (!isSame(media, current.media)) {
      current.media = media
      this.#callState.send(MediaState({ call: fromHex(current.call), sent: now, joined: current.joined, media }))
    }
    return this.#done(now)
  }

  /** Whether rings are answered by *busy*, for there is a call in another conversation. */
  setBusy(isBusy: boolean): void {
    this.#callState.isBusy = isBusy
  }

  // --- recording ---

  /** The peers that may record us. */
  get grants(): readonly number[] {
    return [...(this.#callState.current?.recording.grantedTo ?? [])].sort(ascending)
  }

  /** Ask everybody in the call whether we may record it. Throws `CallNotAllowed`. */
  askRecording(now: number): Action[] {
    this.#recording.hasAsked = true
    // A yes that came late, or to an earlier question, is none to this one.
    this.#recording.grantedBy.clear()
    this.#sayOfRecording(RecordingStep.ASK, null, now)
    return this.#done(now)
  }

  /** Let `peer` record us, or not, or no longer. Throws `CallNotAllowed`. */
  answerRecording(peer: number, granted: boolean, now: number): Action[] {
    const consent = this.#recording
    if (granted && this.#callState.current?.peers.has(peer) !== true) throw new CallNotAllowed("not in the call")
    if (granted) consent.grantedTo.add(peer)
    else consent.grantedTo.delete(peer)
    this.#sayOfRecording(granted ? RecordingStep.GRANT : RecordingStep.REFUSE, peer, now)
    return this.#done(now)
  }

  /** Nobody, or `peer`, may record us any longer. Throws `CallNotAllowed`. */
  withdrawRecording(now: number, peer: number | null = null): Action[] {
    const whom = peer === null ? [...this.#recording.grantedTo].sort(ascending) : [peer]
    return whom.flatMap((one) => this.answerRecording(one, false, now))
  }

  /** We record: the others show it. Throws `CallNotAllowed` unless `mayRecord`. */
  recordingStarted(now: number): Action[] {
    if (!this.mayRecord) throw new CallNotAllowed("not everybody has allowed it")
    this.#recording.isRecording = true
    this.#sayOfRecording(RecordingStep.STARTED, null, now)
    return this.#done(now)
  }

  /** We record no longer, and would have to ask again. */
  recordingStopped(now: number): Action[] {
    if (this.#callState.state !== "in call" || !this.#recording.hasAsked) return []
    this.#recording.isRecording = this.#recording.hasAsked = false
    this.#recording.grantedBy.clear()
    this.#sayOfRecording(RecordingStep.STOPPED, null, now)
    return this.#done(now)
  }

  // --- our own WebRTC ---

  /** The offer or answer that was asked for, with the candidates that are known already. */
  localDescription(
    peer: number,
    generation: number,
    revision: number,
    sdp: string,
    candidates: readonly Candidate[],
    now: number,
  ): Action[] {
    this.#peer(peer)?.localDescription(generation, revision, sdp, candidates, now)
    return this.#done(now)
  }

  /** More candidates; what comes close together is sent together. */
  localCandidates(
    peer: number,
    generation: number,
    revision: number,
    candidates: readonly Candidate[],
    now: number,
  ): Action[] {
    this.#peer(peer)?.localCandidates(generation, revision, candidates, now)
    return this.#done(now)
  }

  /** The connection stands. */
  peerConnected(peer: number, generation: number, now: number): Action[] {
    this.#peer(peer)?.connected(generation)
    return this.#done(now)
  }

  /**
   * The connection still stands: it is there, though what it says may not arrive, for the relay is away. To be said every
   * few seconds.
   */
  peerAlive(peer: number, generation: number, now: number): Action[] {
    const one = this.#peer(peer)
    if (one?.generation === generation && one.isConnected) {
      const { seen, current } = this.#callState
      // It may have taken back that we record, and would not be heard.
      if (seen.isUnheard(peer, now)) current?.recording.grantedBy.delete(peer)
      seen.lives(peer, now)
    }
    return this.#done(now)
  }

  /** The connection broke: another is made. */
  peerFailed(peer: number, generation: number, now: number): Action[] {
    this.#peer(peer)?.failed(generation, now)
    return this.#done(now)
  }

  /** Every connection needs another path. */
  networkChanged(now: number): Action[] {
    for (const peer of this.#peers) peer.networkChanged(now)
    return this.#done(now)
  }

  /** Something was added that needs an offer: to `peer`, or to everybody. */
  renegotiate(now: number, peer: number | null = null): Action[] {
    if (peer === null) for (const one of this.#peers) one.negotiate(now)
    else this.#peer(peer)?.negotiate(now)
    return this.#done(now)
  }

  // --- the room and the time ---

  /** Who is in the room now. Whoever was removed loses its connections at once. */
  members(own: number, present: ReadonlyMap<number, string>, now: number): Action[] {
    const callState = this.#callState
    const gone = [...callState.present].filter(([leaf, key]) => present.get(leaf) !== key).map(([leaf]) => leaf)
    const isOut = own !== callState.own || gone.includes(callState.own) || !present.has(own)
    callState.present = new Map(present)
    callState.own = own
    for (const leaf of gone) {
      callState.seen.remove(leaf)
      this.#freshness.forget(leaf)
      this.#handler.forget(leaf)
      callState.noLongerAwaited(leaf, EndReason.REMOVED, now)
    }
    if (!present.has(own)) callState.seen.forgetAll()
    if (isOut && callState.current !== null) {
      callState.follow("we are removed")
      callState.end(EndReason.REMOVED, null, now)
    }
    return this.#done(now)
  }

  /** Do what is due. */
  tick(now: number): Action[] {
    const late = now - (this.#callState.current?.heartbeatAt ?? now)
    // So late that we cannot have listened, either.
    if (late >= this.#callState.timing.heartbeat) this.#callState.seen.couldNotBeHeard(now)
    this.#callState.seen.expire(now)
    this.#callState.expire(now)
    this.#callState.timeOut(now)
    for (const peer of this.#peers) peer.tick(now)
    this.#callState.agree(now)
    this.#callState.beat(now)
    return this.#done(now)
  }

  // --- what others say ---

  /** Somebody's device said this; `isLive` unless it waited in the log while we were away. */
  receive(sender: number, message: CallMessage, now: number, isLive = true): Action[] {
    const { own, present, timing } = this.#callState
    if (sender === own || !present.has(sender)) return []
    const age = this.#freshness.age(sender, message.sent, now, isLive)
    if (age >= (message.type === "heartbeat" ? timing.silence : timing.old)) return []
    this.#handler.hear(sender, message, now - age, now)
    return this.#done(now)
  }

  // --- steps ---

  #done(now: number): Action[] {
    const callState = this.#callState
    callState.agree(now)
    const { current, state, out } = callState
    if (state === "in call" && current !== null) out.push(...current.recording.look(current.leaves))
    this.#lookForCalls()
    // Peers hold on to this very list.
    return out.splice(0).map((action) => callState.stamped(action, now))
  }

  /** Whether there is a call that we can join, as long as we are in none. */
  #lookForCalls(): void {
    const before = this.#running
    this.#running = null
    if (this.#callState.state !== "idle") return
    this.#running = this.#joinable()
    if (this.#running !== null && !isSameCall(this.#running, before)) {
      this.#callState.emit({ type: "running", ...this.#running })
    } else if (this.#running === null && before !== null) {
      this.#callState.emit({ type: "running", call: before.call, members: [] })
    }
  }

  #joinable(): RunningCall | null {
    const { seen, left } = this.#callState
    for (const call of seen.calls()) {
      const members = [...seen.within(call).keys()]
      // One who is alone in the call that we have left is about to notice.
      if (members.length > 1 || !left.has(call)) return { call, members }
    }
    return null
  }

  #reachable(to: readonly number[]): readonly number[] {
    const { own, present, current } = this.#callState
    const others = [...present.keys()].filter((leaf) => leaf !== own && current?.peers.has(leaf) !== true)
    return others.filter((leaf) => to.length === 0 || to.includes(leaf)).sort(ascending)
  }

  #newCall(media: Media, now: number): Current {
    const current = new Current(toHex(this.#newCallId()), this.#callState.stamp(now), media)
    current.heartbeatAt = now + this.#callState.timing.heartbeat
    this.#callState.emit({ type: "calling", call: current.call, media })
    return current
  }

  get #recording(): RecordingConsent {
    const { current, state } = this.#callState
    if (state !== "in call" || current === null) throw new CallNotAllowed("there is no call")
    return current.recording
  }

  #sayOfRecording(step: RecordingStep, to: number | null, now: number): void {
    const { call, joined } = this.#requireCall()
    this.#callState.send(Recording({ call: fromHex(call), sent: now, joined, step, to }))
  }

  #requireCall(): Current {
    const { current, state } = this.#callState
    if (current === null || state === "ringing") throw new CallNotAllowed("there is no call")
    return current
  }

  #peer(leaf: number): Peer | undefined {
    return this.#callState.current?.peers.get(leaf)
  }

  get #peers(): readonly Peer[] {
    return [...(this.#callState.current?.peers.values() ?? [])]
  }
}

function viewOf(peer: Peer | undefined): PeerView[] {
  if (peer === undefined) return []
  const { generation, state, isConnected, isUnreachable, media, ends } = peer
  return [{ leaf: ends.peer, joined: ends.peerJoined, generation, state, isConnected, isUnreachable, media }]
}

function isSameCall(one: RunningCall, other: RunningCall | null): boolean {
  return one.call === other?.call && one.members.join() === other.members.join()
}
