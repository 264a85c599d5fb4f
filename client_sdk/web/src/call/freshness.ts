/**
 * How old a message is, though no two clocks agree.
 *
 * A borrowed phone may be hours off, so that `now - sent` alone says nothing. What came over a living connection took at
 * least no time at all, so the least difference that was ever seen of a sender is how far its clock is behind; what
 * exceeds it is age. Messages that waited in the log while we were away are measured by that as well, or by the clocks as
 * they are as long as nothing else is known. Milliseconds.
 */

export class Freshness {
  readonly #behind = new Map<number, number>()

  /** How long ago this was sent, at least; never negative. Learns from what came live. */
  age(sender: number, sent: number, now: number, isLive: boolean): number {
    const difference = now - sent
    if (isLive) this.#behind.set(sender, Math.min(difference, this.#behind.get(sender) ?? difference))
    return Math.max(0, difference - (this.#behind.get(sender) ?? 0))
  }

  /** Another device has this leaf now. */
  forget(sender: number): void {
    this.#behind.delete(sender)
  }
}
