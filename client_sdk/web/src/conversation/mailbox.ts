/** Things that wait to be taken, one after the other, by whoever comes for the next. */

export class Mailbox<Item> {
  #items: Item[] = []
  #takers: { resolve: (item: Item) => void; reject: (reason: Error) => void }[] = []
  #failure: Error | null = null

  /** One more. */
  put(item: Item): void {
    const taker = this.#takers.shift()
    if (taker === undefined) this.#items.push(item)
    else taker.resolve(item)
  }

  /** The next; waits for it. Rejects when nothing more will come. */
  next(): Promise<Item> {
    const [item, ...rest] = this.#items
    if (item !== undefined) {
      this.#items = rest
      return Promise.resolve(item)
    }
    if (this.#failure !== null) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }))
  }

  /** Forget what nobody has taken. */
  clear(): void {
    this.#items = []
  }

  /** Nothing more will come, and this is why. */
  fail(reason: Error): void {
    this.#failure = reason
    for (const taker of this.#takers.splice(0)) taker.reject(reason)
  }
}
