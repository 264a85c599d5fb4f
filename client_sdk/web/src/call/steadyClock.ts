/**
 * This device's clock, which never goes back: what is due would otherwise wait until it has come there again, and others
 * would take what we say for something old. A phone that was ahead is set right in the middle of a call, too.
 */

export class SteadyClock {
  #ahead = 0
  #last = -Infinity

  /** Milliseconds since 1970, as far as this device knows. */
  now(): number {
    const read = Date.now()
    this.#ahead = Math.max(this.#ahead, this.#last - read)
    this.#last = read + this.#ahead
    return this.#last
  }
}
