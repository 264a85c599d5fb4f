/**
 * What the state of the link allows: whether it is up, to where the log must be read before anything is sent, and from
 * which epoch on the relay takes our appends. Frozen nowhere, kept nowhere: every connection begins it anew.
 */

/** Appends in flight at once, unless the relay allows fewer. */
export const WINDOW = 16

export class SendWindow {
  isUp = false
  #readUntil = 0
  #mustRepeat = false
  #epochWanted = 0
  #acknowledged = 0
  #hasAcknowledged = false
  #window = WINDOW

  /** We are subscribed, and the log goes to `lastSeq`. */
  connected(lastSeq: number, window: number): void {
    this.isUp = true
    this.#readUntil = lastSeq
    this.#window = Math.min(window, WINDOW)
    // Same counters, same bytes: the relay recognises what it has, and says so.
    this.#mustRepeat = true
    if (this.#hasAcknowledged) {
      // What was acknowledged last may have been lost with the connection.
      this.#acknowledged = 0
      this.#hasAcknowledged = false
    }
  }

  /** Whether an entry came as it was made, rather than from the log. */
  isLive(seq: number): boolean {
    return seq > this.#readUntil
  }

  /** What is in flight is to be sent again. */
  repeat(): void {
    this.#mustRepeat = true
  }

  /** The relay takes appends of this epoch or a later one only. */
  wantEpoch(epoch: number): void {
    this.#epochWanted = Math.max(this.#epochWanted, epoch)
  }

  /** The log is read, and told to be read, up to here. */
  readUpTo(cursor: number): void {
    this.#acknowledged = cursor
  }

  /** Whether to send again now what is in flight; true once. */
  takeRepeat(cursor: number): boolean {
    const isTime = this.#mustRepeat && cursor >= this.#readUntil
    this.#mustRepeat = this.#mustRepeat && !isTime
    return isTime
  }

  /** Whether to tell the relay how far we have read; true once for each place. */
  takeAcknowledgement(cursor: number): boolean {
    const isFurther = cursor > this.#acknowledged
    if (isFurther) {
      this.#acknowledged = cursor
      this.#hasAcknowledged = true
    }
    return isFurther
  }

  /** Whether something new may be sent. */
  maySend(cursor: number, epoch: number, inFlight: number): boolean {
    return cursor >= this.#readUntil && epoch >= this.#epochWanted && inFlight < this.#window
  }
}
