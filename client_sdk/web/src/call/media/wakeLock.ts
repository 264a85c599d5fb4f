/** Keeps the screen on while a call lasts; browsers let go of it whenever the page is hidden, so it is asked for again. */

export class WakeLock {
  #sentinel: WakeLockSentinel | null = null
  #isWanted = false

  hold(): void {
    if (this.#isWanted) return
    this.#isWanted = true
    document.addEventListener("visibilitychange", this.#again)
    this.#again()
  }

  release(): void {
    this.#isWanted = false
    document.removeEventListener("visibilitychange", this.#again)
    void this.#sentinel?.release().catch(ignore)
    this.#sentinel = null
  }

  readonly #again = (): void => {
    if (this.#isWanted && document.visibilityState === "visible") void this.#ask().catch(ignore)
  }

  async #ask(): Promise<void> {
    // Older phones have none; the call goes on without.
    if (!("wakeLock" in navigator)) return
    const sentinel = await navigator.wakeLock.request("screen")
    if (this.#isWanted) this.#sentinel = sentinel
    else await sentinel.release()
  }
}

function ignore(): void {
  // A battery that is low may forbid it.
}
