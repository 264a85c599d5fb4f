/**
 * How long the keys of our leaf have served, and whether we owe the group a refresh of them.
 *
 * A refresh is an empty commit with a path (RFC 9420, 12.4): whoever copied our state before it can compute nothing of
 * the epoch that it begins, nor of any later one.
 *
 *     joined by a Welcome, or gone on from a saved state ──┐
 *     50 messages of ours ─────────────────────────────────┼──> due ──> our commit is accepted ──> renewed
 *     15 minutes, and somebody has said something ─────────┘
 *
 * Nothing is due where nothing was said, so that two who are silent do not keep each other committing. Times are seconds
 * by this device's clock, which may be set in the meantime. It is kept nowhere: whoever goes on from a saved state owes a
 * refresh.
 */

const MOST_MESSAGES = 50
const MOST_SECONDS = 15 * 60
/** Seconds less, at random, so that two members do not always commit in the same moment. */
const MOST_JITTER = 2 * 60
/** Seconds before another try where a commit could not be made. */
const PAUSE = 60

/** What devices say without anybody having said something. */
const ON_ITS_OWN: readonly string[] = ["epochAcknowledgement", "receipt", "noteKey"]

/** What is read of a decoded message. */
interface Said {
  readonly type: string
}

export class LeafKeyAge {
  /** Whether a refresh is due however long the keys have served: we have just joined, or are restored. */
  isOwed = false
  #renewedAt = 0
  #servesUntil = 0
  #said = 0
  #hasServed = false
  #failedAt: number | null = null
  #isLast = false

  /** A commit of ours was accepted that has put new keys into our leaf. */
  renewed(now: number): void {
    this.#renewedAt = now
    this.#servesUntil = now + MOST_SECONDS - Math.floor(Math.random() * MOST_JITTER)
    this.isOwed = this.#hasServed = false
    this.#said = 0
    this.#failedAt = null
  }

  /** Somebody has said something, or we are about to. */
  noteTalk({ type }: Said): void {
    this.#hasServed ||= !ON_ITS_OWN.includes(type)
  }

  /** We have encrypted something of ours in an epoch of these keys. */
  noteUse({ type }: Said): void {
    if (!ON_ITS_OWN.includes(type)) this.#said += 1
  }

  /** The refresh could not be made; it stays due, and is tried again in a minute. */
  failed(now: number): void {
    this.#failedAt = now
  }

  /** We are about to leave: nothing is due any more. */
  stop(): void {
    this.#isLast = true
  }

  /** Whether to commit a refresh before anything else is said. */
  isDue(now: number): boolean {
    if (this.#isLast || (this.#failedAt !== null && now >= this.#failedAt && now < this.#failedAt + PAUSE)) return false
    // A clock that was set back says nothing about how long these keys have served.
    const isOld = now < this.#renewedAt || now >= this.#servesUntil
    return this.isOwed || this.#said >= MOST_MESSAGES || (this.#hasServed && isOld)
  }
}
