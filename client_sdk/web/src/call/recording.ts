/**
 * Who in a call has allowed whom to record.
 *
 *     ask ──> everybody's client asks its user ──> grant | refuse, any time, also later
 *                                                    │
 *           all who are in the call have granted ────┴──> may record; one refusal or one newcomer: must stop
 *
 * Heartbeats repeat what was granted, so that a withdrawal that was lost stops a recording a few seconds later. They grant
 * nothing, and no later word counts as old for them: they come beside the log, where one member could speak for another,
 * and where one may overtake what was said before it.
 */

import type { Action } from "./actions.ts"
import { RecordingStep, type Heartbeat, type Recording } from "./messages.ts"

/** One device's part in it, during one call. Leaves name devices. */
export class RecordingConsent {
  hasAsked = false
  isRecording = false
  /** Who may record us. */
  readonly grantedTo = new Set<number>()
  /** Who lets us record them. */
  readonly grantedBy = new Set<number>()
  /** Who records now. */
  readonly recorders = new Set<number>()
  /** When each said last, of this, something in the log, and something by a heartbeat. */
  readonly #heard = new Map<number, number>()
  readonly #reported = new Map<number, number>()
  /** Of the latter, the last without a yes. */
  readonly #without = new Map<number, number>()
  #wasAllowed = false

  /** Whether all in the call have allowed us to record them. */
  isAllowedBy(others: readonly number[]): boolean {
    return this.hasAsked && others.length > 0 && others.every((one) => this.grantedBy.has(one))
  }

  /** Somebody in the call asks, answers, starts or stops. */
  receive(sender: number, message: Recording, own: number): Action[] {
    if (message.sent <= (this.#heard.get(sender) ?? -1)) return []
    this.#heard.set(sender, message.sent)
    switch (message.step) {
      case RecordingStep.ASK:
        // An earlier yes was to an earlier question.
        this.grantedTo.delete(sender)
        return [{ type: "tell", event: { type: "recordingAsked", by: sender } }]
      case RecordingStep.GRANT:
        // It has been taken back since where a heartbeat that overtook it knows nothing of it.
        return message.to === own && message.sent > (this.#without.get(sender) ?? -1) ? this.#answered(sender, true) : []
      case RecordingStep.REFUSE:
        return message.to === own ? this.#answered(sender, false) : []
      default:
        return this.#sees(sender, message.step === RecordingStep.STARTED)
    }
  }

  /** What a heartbeat says of it. */
  reported(sender: number, beat: Heartbeat, own: number): Action[] {
    if (beat.sent <= Math.max(this.#heard.get(sender) ?? -1, this.#reported.get(sender) ?? -1)) return []
    this.#reported.set(sender, beat.sent)
    if (!beat.grants.includes(own)) this.#without.set(sender, beat.sent)
    const happened = this.#sees(sender, beat.isRecording)
    // Any member could have made it in the sender's name: it takes a yes back, and gives none.
    if (!this.hasAsked || beat.grants.includes(own) || !this.grantedBy.has(sender)) return happened
    return [...happened, ...this.#answered(sender, false)]
  }

  /** Somebody is no longer in the call; whoever comes back is asked anew. */
  gone(peer: number): Action[] {
    this.grantedTo.delete(peer)
    this.grantedBy.delete(peer)
    for (const said of [this.#heard, this.#reported, this.#without]) said.delete(peer)
    return this.#sees(peer, false)
  }

  /** Whether the answer to "may we record?" has changed, with these others in the call. */
  look(others: readonly number[]): Action[] {
    const isAllowed = this.isAllowedBy(others)
    const wasAllowed = this.#wasAllowed
    this.#wasAllowed = isAllowed
    if (isAllowed && !wasAllowed) return [{ type: "tell", event: { type: "recordingAllowed" } }]
    if (isAllowed || !wasAllowed || others.length === 0) return []
    const missing = others.filter((one) => !this.grantedBy.has(one))
    const peer = Math.min(...(missing.length > 0 ? missing : others))
    return [{ type: "tell", event: { type: "recordingMustStop", peer } }]
  }

  #answered(peer: number, granted: boolean): Action[] {
    if (granted) this.grantedBy.add(peer)
    else this.grantedBy.delete(peer)
    return [{ type: "tell", event: { type: "recordingAnswered", peer, granted } }]
  }

  #sees(peer: number, isRecording: boolean): Action[] {
    if (isRecording === this.recorders.has(peer)) return []
    if (isRecording) this.recorders.add(peer)
    else {
      this.recorders.delete(peer)
      // Whoever has stopped has to ask again.
      this.grantedTo.delete(peer)
    }
    return [{ type: "tell", event: { type: "peerRecording", peer, isRecording } }]
  }
}
