/**
 * Who is in which call, as far as one can tell from what was heard.
 *
 *     Ring, Join, Heartbeat ──> in a call, since `joined` ──> HangUp, Cancel, removal ──> gone
 *                                      │    ^                                               what it said before
 *                                      v    │ heard again                                   no longer counts
 *                                   silence: gone, until it is heard again
 *
 * A device is in one call at most; a later `joined` replaces what was before it. An end that overtakes the beginning is
 * remembered, and the beginning then ignored.
 */

import { toHex } from "../hazmat/bytes.ts"
import { EndReason, Phase, type Heartbeat, type Join, type Media, type Ring } from "./messages.ts"
import type { Timing } from "./timing.ts"

/**
 * One device's part in one call. `heard` is when it last said anything, by our clock; `alive`, when the connection to it
 * last stood.
 */
export interface Participation {
  readonly call: string
  readonly joined: number
  readonly phase: Phase
  readonly canRestartIce: boolean
  readonly media: Media
  readonly heard: number
  readonly alive: number
}

/** Who of the others is in which call. */
export class Participations {
  readonly #timing: Timing
  readonly #present = new Map<number, Participation>()
  readonly #gone = new Map<number, { joined: number; until: number }>()
  readonly #reasons = new Map<number, EndReason>()
  // Whoever does not see us is not believed to be with us, until it does or some time has passed.
  readonly #blind = new Map<number, number>()
  /** Of whom we could not hear, and have heard nothing since. */
  readonly #excused = new Set<number>()

  constructor(timing: Timing) {
    this.#timing = timing
  }

  /** Its part in a call, if it has one. */
  of(leaf: number): Participation | undefined {
    return this.#present.get(leaf)
  }

  /** Whether this is the part that it has. */
  isCurrent(leaf: number, call: string, joined: number): boolean {
    const one = this.#present.get(leaf)
    return one?.call === call && one.joined === joined
  }

  /** Who is in `call`, by leaf. */
  within(call: string): Map<number, Participation> {
    const within = [...this.#present].filter(([, one]) => one.call === call)
    return new Map(within.sort(([one], [other]) => one - other))
  }

  /** The calls in which somebody talks, the lowest first. */
  calls(): readonly string[] {
    const talking = [...this.#present.values()].filter((one) => one.phase === Phase.IN_CALL)
    return [...new Set(talking.map((one) => one.call))].sort()
  }

  /** Why it is no longer where it was. */
  reason(leaf: number): EndReason {
    return this.#reasons.get(leaf) ?? EndReason.REPLACED
  }

  /** It says that it is in a call; gives whether that counts. */
  enters(leaf: number, message: Ring | Join | Heartbeat, heard: number): boolean {
    const { joined, canRestartIce } = message
    const gone = this.#gone.get(leaf)
    if (gone !== undefined && joined <= gone.joined) return false
    const call = toHex(message.call)
    const known = this.#present.get(leaf)
    const same = known?.call === call && known.joined === joined ? known : undefined
    if (known !== undefined && same === undefined && joined <= known.joined) return false
    this.#present.set(leaf, {
      call,
      joined,
      phase: Math.max(phaseOf(message), same?.phase ?? 0) as Phase,
      canRestartIce,
      media: same?.media ?? message.media,
      heard: Math.max(heard, same?.heard ?? heard),
      alive: same?.alive ?? 0,
    })
    this.#excused.delete(leaf)
    this.#reasons.delete(leaf)
    return true
  }

  /** It was heard. */
  speaks(leaf: number, heard: number): void {
    const known = this.#present.get(leaf)
    if (known === undefined) return
    this.#present.set(leaf, { ...known, heard: Math.max(heard, known.heard) })
    this.#excused.delete(leaf)
  }

  /** The connection to it stands. */
  lives(leaf: number, now: number): void {
    const known = this.#present.get(leaf)
    if (known !== undefined) this.#present.set(leaf, { ...known, alive: now })
  }

  /** Whether it has said nothing for so long that it would be gone, but for its connection. */
  isUnheard(leaf: number, now: number): boolean {
    const known = this.#present.get(leaf)
    return known !== undefined && now >= known.heard + this.#timing.silence
  }

  /** It has left; nothing that belongs to this part or an earlier one counts any more. Gives whether that is new. */
  leaves(leaf: number, joined: number, reason: EndReason, now: number): boolean {
    const gone = this.#gone.get(leaf)
    if (gone !== undefined && joined <= gone.joined) return false
    this.#gone.set(leaf, { joined, until: now + this.#timing.old })
    const known = this.#present.get(leaf)
    if (known !== undefined && known.joined <= joined) this.#drop(leaf, reason)
    return true
  }

  /** It is no longer in the conversation; another device may get its leaf. */
  remove(leaf: number): void {
    this.#drop(leaf, EndReason.REMOVED)
    this.#gone.delete(leaf)
    this.#blind.delete(leaf)
  }

  /** We are in the conversation no longer. */
  forgetAll(): void {
    for (const leaf of [...this.#present.keys()]) this.remove(leaf)
  }

  /** It is heard, and does not hear us. */
  doesNotSeeUs(leaf: number, now: number): void {
    this.#drop(leaf, EndReason.LOST)
    this.#blind.set(leaf, now + this.#timing.old)
  }

  /** Whether what it says does not count, because it does not see us. */
  isBlind(leaf: number, seesUs: boolean): boolean {
    if (seesUs) this.#blind.delete(leaf)
    return this.#blind.has(leaf)
  }

  /** We were asleep, or our clock was set: nobody was silent meanwhile. Each is excused once, until it is heard again. */
  couldNotBeHeard(now: number): void {
    for (const [leaf, one] of [...this.#present]) {
      if (this.#excused.has(leaf)) continue
      this.#present.set(leaf, { ...one, heard: Math.max(one.heard, now) })
      this.#excused.add(leaf)
    }
  }

  /** Forget whoever fell silent, and what is past. */
  expire(now: number): void {
    for (const [leaf, one] of [...this.#present]) {
      if (now >= this.#goneAt(one)) this.#drop(leaf, EndReason.LOST)
    }
    for (const [leaf, { until }] of [...this.#gone]) if (now >= until) this.#gone.delete(leaf)
    for (const [leaf, until] of [...this.#blind]) if (now >= until) this.#blind.delete(leaf)
  }

  /** When to look again. */
  deadlines(): readonly number[] {
    return [...this.#present.values()].map((one) => this.#goneAt(one))
  }

  #goneAt({ heard, alive }: Participation): number {
    return Math.max(heard, alive) + this.#timing.silence
  }

  #drop(leaf: number, reason: EndReason): void {
    this.#excused.delete(leaf)
    if (this.#present.delete(leaf)) this.#reasons.set(leaf, reason)
  }
}

function phaseOf(message: Ring | Join | Heartbeat): Phase {
  if (message.type === "heartbeat") return message.phase
  return message.type === "ring" ? Phase.CALLING : Phase.IN_CALL
}
