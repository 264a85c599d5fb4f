/**
 * Did the relay keep anything back? Every entry carries its sender's counter where the relay cannot change it.
 *
 * The counter of an append is also the authenticated data of its MLS message. A receiver that sees a sender's counters
 * rise by one each time has missed, repeated and swapped nothing of hers; the first one seen is where a receiver came
 * in. What the relay withholds at the very end shows only by the receipts that never come.
 */

import { LogBroken } from "./errors.ts"
import { areEqual, toHex, type Bytes } from "./hazmat/bytes.ts"

/** The authenticated data of the append with this counter: 8 bytes, big-endian. */
export function authenticatedCounter(counter: number): Bytes {
  const data = new Uint8Array(8)
  new DataView(data.buffer).setBigUint64(0, BigInt(counter))
  return data
}

export class SenderOrder {
  /** The last counter of every sender, by the sender's key in hex. */
  readonly last: Map<string, number>

  constructor(last: Iterable<readonly [string, number]> = []) {
    this.last = new Map(last)
  }

  /** Take the next entry of `sender`; `counter` is what the relay says. Throws `LogBroken`. */
  check(sender: Uint8Array, authenticatedData: Uint8Array, counter: number): void {
    if (!areEqual(authenticatedData, authenticatedCounter(counter))) {
      throw new LogBroken("the relay puts an entry under another number than its sender did")
    }
    const key = toHex(sender)
    if (counter !== (this.last.get(key) ?? counter - 1) + 1) {
      throw new LogBroken("entries of a sender are missing, repeated or swapped")
    }
    this.last.set(key, counter)
  }

  /** The sender has left or just come; she counts anew. */
  forget(sender: Uint8Array): void {
    this.last.delete(toHex(sender))
  }
}
