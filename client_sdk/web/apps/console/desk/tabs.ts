/**
 * One tab of a browser owns the groups: two would use one key twice.
 *
 *     first tab   lock held ─────────── "hand over" heard: locks itself ──> lock let go
 *     second tab  lock refused ──> says so ──> "Use this tab": "hand over" ──> lock held
 */

const LOCK = "teduh-console"
const CHANNEL = "teduh-console"
const HAND_OVER = "hand over"

export class Tabs {
  readonly #channel = new BroadcastChannel(CHANNEL)
  #letGo: (() => void) | null = null

  /** `onHandOver` has to stop everything; what it resolves to does not matter, the lock is let go of then. */
  constructor(onHandOver: () => Promise<void>) {
    this.#channel.addEventListener("message", ({ data }) => {
      if (data === HAND_OVER && this.#letGo !== null) void onHandOver().finally(() => this.#letGo?.())
    })
  }

  /** Whether this tab owns the groups from now on. */
  async own(): Promise<boolean> {
    return this.#request({ ifAvailable: true })
  }

  /** Ask the tab that owns them to let go, and wait until it has. */
  async takeOver(): Promise<void> {
    const owned = this.#request({})
    this.#channel.postMessage(HAND_OVER)
    await owned
  }

  #request(options: LockOptions): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const hold = (lock: Lock | null): Promise<void> | undefined => {
        resolve(lock !== null)
        if (lock === null) return undefined
        return new Promise((letGo) => {
          this.#letGo = () => {
            this.#letGo = null
            letGo()
          }
        })
      }
      navigator.locks.request(LOCK, options, hold).catch(reject)
    })
  }
}
