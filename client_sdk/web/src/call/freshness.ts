/**
 * How old a message is, though no two clocks agree.
 *
 * A borrowed phone may be hours off, so that `now - sent` alone says nothing. What came over a living connection took at
 * least no time at all, so the least difference that was ever seen of a sender is how far its clock is behind; what
 * exceeds it is age. Messages that waited in the log while we were away are measured by that as well, or by the clocks as
 * they are as long as nothing else is known. Milliseconds.
 *
 * Clocks are also set right, and then everything would look old for ever. So what comes late for a while, again and again
 * over a living connection, is not late: one of the clocks is another now. What was held back, and comes all at once, is.
 */

/** More than a living connection takes; also how long may pass between two that come late for one reason. */
const LATE = 20_000
/** For so long everything has to come late: two heartbeats. */
const LASTING = 10_000

/** Since when everything of a sender has come late, when it did last, and the least difference. */
interface Lateness {
  readonly since: number
  readonly last: number
  readonly least: number
}

export class Freshness {
  readonly #behind = new Map<number, number>()
  readonly #late = new Map<number, Lateness>()

  /** How long ago this was sent, at least; never negative. Learns from what came live. */
  age(sender: number, sent: number, now: number, isLive: boolean): number {
    const difference = now - sent
    if (isLive) this.#learn(sender, difference, now)
    return Math.max(0, difference - (this.#behind.get(sender) ?? 0))
  }

  /** Another device has this leaf now. */
  forget(sender: number): void {
    this.#behind.delete(sender)
    this.#late.delete(sender)
  }

  #learn(sender: number, difference: number, now: number): void {
    const behind = this.#behind.get(sender) ?? difference
    if (difference < behind + LATE) {
      this.#behind.set(sender, Math.min(difference, behind))
      this.#late.delete(sender)
      return
    }
    const known = this.#late.get(sender)
    const isOneReason = known !== undefined && now >= known.last && now - known.last < LATE
    const before = isOneReason ? known : { since: now, least: difference }
    const late = { since: before.since, last: now, least: Math.min(difference, before.least) }
    this.#late.set(sender, late)
    if (now - late.since < LASTING) return
    this.#behind.set(sender, late.least)
    this.#late.delete(sender)
  }
}
