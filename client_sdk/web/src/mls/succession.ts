/**
 * Which of a group's states counts: one mutex per group, in the form of a rule on its states.
 *
 *     state ── send ──> next          the state is used up before the sending begins; it cannot send again
 *     state ── receive ──> next       both may still be the one; the first that is used takes the other's place
 *     state ── commit ──> next        in a later epoch; when it is used, all states of the epoch before are over
 *                   └──> ifRefused    in this epoch
 *
 * Two sends from one state would use one message key twice, and a state that was discarded must not come back. Secrets
 * that a state was the last to need are overwritten when the state that it led to is used, and not before: until then
 * the relay may have refused, or the roster may not pass.
 */

import { OperationNotAllowed } from "../cryptoErrors.ts"
import { erase } from "../hazmat/bytes.ts"

/** What the states of one epoch share. */
interface EpochLife {
  /** A state of a later epoch counts. */
  over: boolean
  /** Its secrets have been overwritten. */
  erased: boolean
}

interface Origin {
  readonly left?: EpochLife
  readonly before?: Succession
  readonly consumed?: readonly Uint8Array[]
}

/** The place of one state among those of its group. */
export class Succession {
  readonly #life: EpochLife
  #left: EpochLife | undefined
  #before: Succession | undefined
  #consumed: readonly Uint8Array[]
  #next: Succession | "not known yet" | undefined

  private constructor(life: EpochLife, { left, before, consumed = [] }: Origin) {
    this.#life = life
    this.#left = left
    this.#before = before
    this.#consumed = consumed
  }

  /** Of a state that comes from nowhere. */
  static first(): Succession {
    return new Succession({ over: false, erased: false }, {})
  }

  /** Of a state that this one leads to; `consumed` are the secrets that nobody needs once it is used. */
  inSameEpoch(consumed: readonly Uint8Array[]): Succession {
    return new Succession(this.#life, { before: this, consumed })
  }

  /** Of a state that a commit leads to; `consumed` as above. */
  inNextEpoch(consumed: readonly Uint8Array[]): Succession {
    return new Succession({ over: false, erased: false }, { left: this.#life, consumed })
  }

  /** From here on this state counts. Throws `OperationNotAllowed` if another does. */
  take(): void {
    // Of several states to which a commit led, one counts, too.
    const isPassed = this.#life.over || this.#next !== undefined || this.#left?.over === true
    if (isPassed || (this.#before !== undefined && !this.#before.#yieldsTo(this)))
      throw new OperationNotAllowed("another state of this group has taken the place of this one")
    if (this.#left !== undefined) this.#left.over = true
    this.#before = this.#left = undefined
    this.#consumed.forEach(erase)
    this.#consumed = []
  }

  /** Send once: `work` says which state comes next. If it throws, nothing was sent, and the state is as before. */
  async spend<Result>(work: () => Promise<{ next: Succession; result: Result }>): Promise<Result> {
    this.take()
    this.#next = "not known yet"
    try {
      const { next, result } = await work()
      this.requireSecrets()
      this.#next = next
      return result
    } catch (error) {
      this.#next = undefined
      throw error
    }
  }

  /** Throws `OperationNotAllowed` if the secrets were overwritten, perhaps while somebody was working with them. */
  requireSecrets(): void {
    if (this.#life.erased) throw new OperationNotAllowed("the secrets of this group were wiped")
  }

  /** No state of this epoch counts any more, for its secrets are being overwritten. */
  end(): void {
    this.#life.over = this.#life.erased = true
    this.#consumed.forEach(erase)
  }

  #yieldsTo(successor: Succession): boolean {
    this.#next ??= successor
    return this.#next === successor
  }
}
