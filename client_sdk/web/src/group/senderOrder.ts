/**
 * Did the relay keep anything back? Every entry carries its sender's counter where the relay cannot change it.
 *
 * The counter of an append is also the authenticated data of its MLS message. A receiver that sees a sender's counters
 * rise by one each time has missed, repeated and swapped nothing of that sender. Where they begin:
 *
 *     a member who comes in after us      1
 *     a member who was there before us    what its first epoch acknowledgement says: how many entries it had appended
 *                                         when we came
 *
 * No Welcome could tell the second: others may append between the making of a commit and its place in the log. What the
 * relay withholds at the very end shows only by the receipts that never come.
 */

import { LogBroken } from "../errors.ts"
import { areEqual, toHex, type Bytes } from "../hazmat/bytes.ts"

/** The authenticated data of the append with this counter: 8 bytes, big-endian. */
export function authenticatedCounter(counter: number): Bytes {
  const data = new Uint8Array(8)
  new DataView(data.buffer).setBigUint64(0, BigInt(counter))
  return data
}

type Counters = Iterable<readonly [string, number]>

export class SenderOrder {
  /** The last counter of every sender, by the sender's key in hex. */
  readonly last: Map<string, number>
  /** The first one. */
  readonly first: Map<string, number>

  constructor(last: Counters = [], first: Counters = []) {
    this.last = new Map(last)
    this.first = new Map(first)
  }

  /** Take the next entry of `sender`; `counter` is what the relay says. Throws `LogBroken`. */
  check(sender: Uint8Array, authenticatedData: Uint8Array, counter: number): void {
    if (!areEqual(authenticatedData, authenticatedCounter(counter))) {
      throw new LogBroken("the relay puts an entry under another number than its sender did")
    }
    const key = toHex(sender)
    const last = this.last.get(key)
    if (last === undefined) this.first.set(key, counter)
    else if (counter !== last + 1) throw new LogBroken("entries of a sender are missing, repeated or swapped")
    this.last.set(key, counter)
  }

  /** The sender has come in after us, and counts from 1. */
  came(sender: Uint8Array): void {
    this.last.set(toHex(sender), 0)
    this.first.set(toHex(sender), 1)
  }

  /**
   * The sender says that it had appended `before` entries when we came. Throws `LogBroken` if we have not heard it from
   * the next one on.
   */
  began(sender: Uint8Array, before: number): void {
    const first = this.first.get(toHex(sender)) ?? before + 1
    if (first !== before + 1) throw new LogBroken("the first entries of a sender were withheld")
  }

  /** The sender has left. */
  forget(sender: Uint8Array): void {
    this.last.delete(toHex(sender))
    this.first.delete(toHex(sender))
  }
}
