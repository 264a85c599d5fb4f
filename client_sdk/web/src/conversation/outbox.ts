/**
 * What was said here and is not known to be in the log yet.
 *
 *     queued                    in flight                          gone
 *     plaintext, no key used -> counter, epoch, the very bytes  -> accepted
 *
 * A retry sends the same bytes under the same counter, so that the relay recognises it. Only the answer *wrong_epoch*,
 * which says that the append is not and never will be in the log, turns what is in flight back into plaintext, to be
 * encrypted anew under the next epoch with the same counters. Frozen: every operation returns the next outbox.
 */

import { decodeMessage } from "../chat/codec.ts"
import type { Unsent } from "../events.ts"
import type { Append } from "../relay/frames.ts"

/** An append that was, or is about to be, sent. `content` is what to say anew if it is refused. */
export interface InFlight {
  readonly append: Append
  readonly content: Uint8Array | null
}

export class Outbox {
  /** `nextCounter` is the counter of the next append; those in flight precede it without gaps. */
  constructor(
    readonly queued: readonly Uint8Array[] = [],
    readonly inFlight: readonly InFlight[] = [],
    readonly nextCounter = 1,
  ) {}

  /** Whether everything is in the log. */
  get isEmpty(): boolean {
    return this.queued.length === 0 && this.inFlight.length === 0
  }

  /** The texts among it, in order. */
  get unsent(): readonly Unsent[] {
    const inFlight = this.inFlight.map(({ content }) => ({ content, wasTried: true }))
    const queued = this.queued.map((content) => ({ content, wasTried: false }))
    return [...inFlight, ...queued].flatMap(({ content, wasTried }) => {
      const message = content === null ? null : decodeMessage(content)
      return message?.type === "text" ? [{ messageId: message.id, text: message.text, wasTried }] : []
    })
  }

  /** Queue a message behind the others. */
  add(content: Uint8Array): Outbox {
    return new Outbox([...this.queued, content], this.inFlight, this.nextCounter)
  }

  /** Queue what must be said again, before what waits; not twice. */
  addFirst(contents: readonly Uint8Array[]): Outbox {
    const again = contents.filter((content) => !this.queued.includes(content))
    return new Outbox([...again, ...this.queued], this.inFlight, this.nextCounter)
  }

  /** The first of the queue is not worth saying any more. */
  dropFirst(): Outbox {
    return new Outbox(this.queued.slice(1), this.inFlight, this.nextCounter)
  }

  /** `append` has taken the next counter; a message's `content` is the first of the queue. */
  sent(append: Append, content: Uint8Array | null): Outbox {
    if (append.counter !== this.nextCounter) throw new TypeError("an append out of turn")
    const queued = content === null ? this.queued : this.queued.slice(1)
    return new Outbox(queued, [...this.inFlight, { append, content }], this.nextCounter + 1)
  }

  /** All appends up to `counter` are in the log; also returns which of ours that concerns. */
  accepted(counter: number): { outbox: Outbox; done: readonly InFlight[] } {
    const done = this.inFlight.filter((sent) => sent.append.counter <= counter)
    return { outbox: new Outbox(this.queued, this.inFlight.slice(done.length), this.nextCounter), done }
  }

  /**
   * From `counter` on, nothing in flight is in the log, nor will be. The messages are plaintext again, and their
   * counters free; a commit among them is dropped.
   */
  refused(counter: number): Outbox {
    const kept = this.inFlight.filter((sent) => sent.append.counter < counter)
    const refused = this.inFlight.slice(kept.length)
    const [first] = refused
    if (first === undefined) return this
    // A commit, or what is said of one epoch only, has nothing to be said anew.
    const contents = refused.flatMap((sent) => (sent.content === null ? [] : [sent.content]))
    return new Outbox([...contents, ...this.queued], kept, first.append.counter)
  }
}
