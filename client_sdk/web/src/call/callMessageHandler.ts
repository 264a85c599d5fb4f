/** What it means that another device says something about a call. */

import { toHex } from "../hazmat/bytes.ts"
import {
  Cancel,
  EndReason,
  HangUp,
  Phase,
  type Addressed,
  type CallMessage,
  type Decline,
  type Heartbeat,
  type Media,
  type Ring,
} from "./messages.ts"
import type { Peer } from "./peer.ts"
import { Current, fromHex, type DeviceCallState } from "./callState.ts"

const MOST_EARLY = 32

/** A ring, however it was heard of. */
interface HeardRing {
  readonly by: number
  readonly call: string
  readonly media: Media
  /** When it was sent, by the sender's clock, and by ours. */
  readonly sent: number
  readonly said: number
}

/** One device's ears. */
export class CallMessageHandler {
  readonly #callState: DeviceCallState
  readonly #heardDecline = new Map<number, number>()

  constructor(callState: DeviceCallState) {
    this.#callState = callState
  }

  /** Another device may get this leaf. */
  forget(leaf: number): void {
    this.#heardDecline.delete(leaf)
  }

  /** It was said at `said`, by our clock. */
  hear(sender: number, message: CallMessage, said: number, now: number): void {
    switch (message.type) {
      case "ring":
        this.#callState.seen.enters(sender, message, said)
        this.#callState.agree(now)
        this.#hearRing(sender, message, said, now)
        break
      case "join":
        this.#callState.seen.enters(sender, message, said)
        break
      case "heartbeat":
        this.#hearHeartbeat(sender, message, said, now)
        break
      case "cancel":
      case "hangUp":
        this.#hearEnd(sender, message, now)
        break
      case "decline":
        this.#hearDecline(sender, message, now)
        break
      default:
        this.#hearInCall(sender, message, said, now)
    }
  }

  #hearEnd(sender: number, message: Cancel | HangUp, now: number): void {
    const isNew = this.#callState.seen.leaves(sender, message.joined, message.reason, now)
    if (!isNew || this.#callState.current?.call !== toHex(message.call)) return
    // It has come and gone before we heard that it came.
    this.#callState.noLongerAwaited(sender, message.reason, now)
  }

  #hearRing(sender: number, ring: Ring, said: number, now: number): void {
    const { seen, own, rung } = this.#callState
    const call = toHex(ring.call)
    const isForUs = ring.to.length === 0 || ring.to.includes(own)
    if (!isForUs || !seen.isCurrent(sender, call, ring.joined)) return
    const known = rung.get(call)
    if (known === undefined || ring.sent > known.sent) {
      this.#beRung({ by: sender, call, media: ring.media, sent: ring.sent, said }, now)
    } else {
      this.#callState.answerAgain(call, sender, now)
    }
  }

  #beRung(ring: HeardRing, now: number): void {
    const { by, call } = ring
    const { current, state, isBusy } = this.#callState
    if (current?.call === call) return
    const isMutual = current?.awaited.has(by) === true
    if (isMutual && state === "calling" && this.#goesBeforeOurs(by)) {
      this.#yieldTo(call, current, now)
    } else if (isMutual) {
      // It yields to us, as soon as it has heard our ring.
    } else if (state === "calling" || state === "in call" || isBusy) {
      this.#callState.refuse(call, by, EndReason.BUSY, now, ring.sent)
    } else if (current === null || (current.by !== null && by < current.by)) {
      this.#ringHere(ring, now)
    }
  }

  #ringHere({ by, call, media, sent, said }: HeardRing, now: number): void {
    this.#callState.follow("somebody rings")
    this.#callState.noteRing(call, sent, null, now)
    const current = new Current(call, sent, media)
    current.by = by
    current.until = said + this.#callState.timing.ring
    this.#callState.current = current
    this.#callState.emit({ type: "ringing", call, by, media })
  }

  #goesBeforeOurs(by: number): boolean {
    return by < this.#callState.own || this.#callState.seen.of(by)?.phase === Phase.IN_CALL
  }

  /** We ring each other: what we rang with is what we answer with. */
  #yieldTo(call: string, ours: Current, now: number): void {
    this.#callState.follow("their ring goes before ours")
    const { joined } = ours
    this.#callState.send(Cancel({ call: fromHex(ours.call), sent: now, joined, reason: EndReason.REPLACED }))
    this.#callState.enter(call, ours.media, now)
  }

  #hearHeartbeat(sender: number, beat: Heartbeat, said: number, now: number): void {
    const callState = this.#callState
    const { own, seen } = callState
    const ownJoined = callState.current?.joined
    const seesUs = beat.peers.some((one) => one.leaf === own && one.joined === ownJoined)
    this.#correct(beat, now)
    if (beat.phase === Phase.IN_CALL && seen.isBlind(sender, seesUs)) return
    if (!seen.enters(sender, beat, said)) return
    callState.agree(now)
    const call = toHex(beat.call)
    if (beat.awaited.includes(own) && !callState.left.has(call)) {
      if (callState.hasRefused(call)) callState.answerAgain(call, sender, now)
      else this.#beRung({ by: sender, call, media: beat.media, sent: beat.sent, said }, now)
    }
    const peer = callState.peerIn(call, sender, beat.joined)
    const { current } = callState
    if (peer === undefined || current === null) return
    this.#takeMedia(sender, peer, beat.media, beat.sent)
    callState.out.push(...current.recording.reported(sender, beat, own))
    this.#noteSight(current, sender, now, seesUs || beat.phase === Phase.CALLING)
  }

  /** Whoever takes us for what we were before we left, or were reloaded, is told so. */
  #correct(beat: Heartbeat, now: number): void {
    const { current, own, left } = this.#callState
    const call = toHex(beat.call)
    const seen = beat.peers.filter(({ leaf }) => leaf === own).map((one) => one.joined)
    const joined = Math.max(...seen)
    if (seen.length === 0 || (current?.call === call && current.joined === joined)) return
    const reason = left.get(call)?.reason ?? EndReason.REPLACED
    this.#callState.send(HangUp({ call: beat.call, sent: now, joined, reason }))
  }

  /** Whoever is heard but does not hear us is not in a call with us. */
  #noteSight({ unseenSince }: Current, sender: number, now: number, seesUs: boolean): void {
    if (seesUs) {
      unseenSince.delete(sender)
      return
    }
    const since = unseenSince.get(sender) ?? now
    unseenSince.set(sender, since)
    if (now - since >= this.#callState.timing.silence) this.#callState.seen.doesNotSeeUs(sender, now)
  }

  #hearDecline(sender: number, message: Decline, now: number): void {
    if (message.sent <= (this.#heardDecline.get(sender) ?? -1)) return
    this.#heardDecline.set(sender, message.sent)
    if (this.#callState.current?.call === toHex(message.call)) {
      this.#callState.noLongerAwaited(sender, message.reason, now)
    }
  }

  #hearInCall(
    sender: number,
    message: Exclude<CallMessage, { type: "ring" | "join" | "heartbeat" | "cancel" | "hangUp" | "decline" }>,
    said: number,
    now: number,
  ): void {
    const { seen, current, own, out } = this.#callState
    const call = toHex(message.call)
    if (seen.isCurrent(sender, call, message.joined)) seen.speaks(sender, said)
    const peer = this.#callState.peerIn(call, sender, message.joined)
    if (message.type === "mediaState") {
      if (peer !== undefined) this.#takeMedia(sender, peer, message.media, message.sent)
    } else if (message.type === "recording") {
      if (peer !== undefined && current !== null) out.push(...current.recording.receive(sender, message, own))
    } else {
      this.#hearPeer(sender, peer, message, now)
    }
  }

  #hearPeer(sender: number, peer: Peer | undefined, message: Addressed, now: number): void {
    const { current, own, state, early } = this.#callState
    if (current?.call !== toHex(message.call) || message.to !== own) return
    if (message.toJoined !== current.joined || state === "ringing") return
    if (peer !== undefined) {
      peer.receive(message, now)
    } else {
      // It was overtaken by what follows: its sender is not known to be in the call yet.
      this.#callState.early = [...early.slice(-MOST_EARLY + 1), { sender, came: now, message }]
    }
  }

  #takeMedia(sender: number, peer: Peer, media: Media, sent: number): void {
    const { heardMedia } = this.#callState
    if (sent <= (heardMedia.get(sender) ?? -1)) return
    heardMedia.set(sender, sent)
    if (isSame(media, peer.media)) return
    peer.media = media
    this.#callState.emit({ type: "peerMedia", peer: sender, media })
  }
}

/** Whether both send the same for the same reason. */
export function isSame(one: Media, other: Media): boolean {
  const isAlike = one.audio === other.audio && one.video === other.video && one.screen === other.screen
  return isAlike && one.reason === other.reason
}
