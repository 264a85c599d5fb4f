/**
 * Puts a conversation's log back in order: what others said, and what was accepted of our own, by place.
 *
 * The relay numbers entries from 1 without gaps, but tells a sender of its own entries only by Accepted, which may come
 * before the entries of others that precede it, and which may answer several appends at once:
 *
 *     Entry 5, Entry 6          Accepted(counter 9, seq 9)          Entry 8
 *     cursor 6                  place 7 or 8 holds our counter 8    so place 7 does; cursor 9
 *
 * An item is handed out once, when all places before it are known. After a reconnect the log read repeats our own
 * entries, recognised by member and counter; a place that is known already is not taken twice.
 */

import { LogBroken } from "../errors.ts"
import { EntryKind, type Entry } from "../relay/frames.ts"

/** Entries kept behind a gap. More than this is no delay but a withheld entry. */
export const MOST_WAITING = 4096

/** One of our own appends has its place in the log. */
export interface OwnEntry {
  readonly type: "ownEntry"
  readonly seq: number
  readonly counter: number
}

/** The place after our own commit, where its Welcome is. */
export interface OwnWelcome {
  readonly type: "ownWelcome"
  readonly seq: number
}

export type LogItem = Entry | OwnEntry | OwnWelcome

export class LogOrder {
  readonly #places = new Map<number, LogItem>()
  /** The counters of our commits whose Welcome takes the place after them. */
  readonly withWelcome: Set<number>

  /** `cursor` is the last place handed out; `nextOwn` the counter of our next append without a place. */
  constructor(
    public member: number,
    public cursor = 0,
    public nextOwn = 1,
    withWelcome: Iterable<number> = [],
  ) {
    this.withWelcome = new Set(withWelcome)
  }

  /** Whether later entries wait for an earlier one. */
  get hasGap(): boolean {
    return this.#places.size > 0
  }

  /** Our append with this counter carries a Welcome, which takes the place after it. */
  sendsWelcome(counter: number): void {
    this.withWelcome.add(counter)
  }

  /** Our append with this counter was refused, so that the counter is free again. */
  forgetAppend(counter: number): void {
    this.withWelcome.delete(counter)
  }

  /** An entry came; throws `LogBroken` when too many wait behind a gap. */
  received(entry: Entry): void {
    if (entry.seq <= this.cursor) return
    if (entry.member !== this.member) this.#put(entry.seq, entry)
    else if (entry.kind === EntryKind.WELCOME) this.#put(entry.seq, { type: "ownWelcome", seq: entry.seq })
    else this.accepted(entry.counter, entry.seq)
  }

  /** Our append with this counter has this place; 0 means that its place is not known. */
  accepted(counter: number, seq: number): void {
    if (seq <= this.cursor || counter < this.nextOwn) return
    this.#put(seq, { type: "ownEntry", seq, counter })
    if (this.withWelcome.has(counter)) this.#put(seq + 1, { type: "ownWelcome", seq: seq + 1 })
  }

  /** The next item whose place is known; null when there is none. */
  next(): LogItem | null {
    if (!this.#places.has(this.cursor + 1)) this.#infer()
    const item = this.#places.get(this.cursor + 1)
    if (item === undefined) return null
    this.cursor += 1
    this.#places.delete(this.cursor)
    if (item.type === "ownEntry") {
      this.nextOwn = item.counter + 1
      this.withWelcome.delete(item.counter)
    }
    return item
  }

  /** What was handed out last cannot be read yet: it is handed out again, and what comes after it waits. */
  putBack(entry: Entry): void {
    this.cursor = entry.seq - 1
    this.#places.set(entry.seq, entry)
  }

  #put(seq: number, item: LogItem): void {
    if (!this.#places.has(seq)) this.#places.set(seq, item)
    if (this.#places.size > MOST_WAITING) throw new LogBroken("an entry of the log does not come")
  }

  /**
   * One Accepted speaks for all counters up to its own. As soon as exactly as many places are open below it as appends
   * of ours have none, they belong together, in the order of the counters.
   */
  #infer(): void {
    const lowest = this.#lowestOwn()
    if (lowest === undefined) return
    const missing: (number | null)[] = []
    // No more than that can be in flight, whatever the relay says.
    for (let counter = this.nextOwn; counter < lowest.counter && missing.length <= MOST_WAITING; counter += 1) {
      missing.push(counter)
      if (this.withWelcome.has(counter)) missing.push(null)
    }
    const gaps = this.#gapsBelow(lowest.seq)
    if (gaps.length !== missing.length) return
    gaps.forEach((seq, index) => {
      const counter = missing[index] ?? null
      this.#put(seq, counter === null ? { type: "ownWelcome", seq } : { type: "ownEntry", seq, counter })
    })
  }

  #lowestOwn(): OwnEntry | undefined {
    const own = [...this.#places.values()].filter((item) => item.type === "ownEntry")
    return own.reduce<OwnEntry | undefined>((least, item) => (least && least.seq < item.seq ? least : item), undefined)
  }

  #gapsBelow(end: number): number[] {
    const gaps: number[] = []
    for (let seq = this.cursor + 1; seq < end; seq += 1) {
      if (!this.#places.has(seq)) gaps.push(seq)
      // More open places than appends could fill: there is nothing to infer, however far the relay counts ahead.
      if (gaps.length > MOST_WAITING) break
    }
    return gaps
  }
}
