/** One at a time: work on one conversation is done in the order in which it came, for its group has one state. */

export class Turns {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** How many wait, or are at work. */
  get waiting(): number {
    return this.#waiting
  }

  /** Do `work` when everything before it is done, whatever became of that. */
  take<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    this.#waiting += 1
    const turn = this.#last.then(work, work)
    this.#last = turn.then(
      () => (this.#waiting -= 1),
      () => (this.#waiting -= 1),
    )
    return turn
  }
}
