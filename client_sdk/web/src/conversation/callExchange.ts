/** What a conversation says of calls, to whoever listens: at once, or when somebody begins to, within a minute. */

import { OLD_SECONDS, type CallListener } from "./callSignals.ts"
import type { CallSignal, StateEvent } from "../events.ts"

const MOST_KEPT = 64

export class CallExchange {
  #listener: CallListener | null = null
  #kept: { readonly came: number; readonly signal: CallSignal }[] = []

  /** From now on `listener` hears it; what came in the minute before as well. */
  listen(listener: CallListener): void {
    this.#listener = listener
    const kept = this.#kept
    this.#kept = []
    for (const { came, signal } of kept) if (performance.now() - came < 1000 * OLD_SECONDS) this.#passOn(signal)
  }

  /** Something happened. */
  hear(event: StateEvent): void {
    switch (event.type) {
      case "callSignal":
        this.#passOn(event)
        break
      case "joined":
      case "left":
        this.#listener?.roomChanged()
        break
      case "ended":
      case "stopped":
        this.#listener?.conversationOver()
    }
  }

  #passOn(signal: CallSignal): void {
    if (this.#listener === null) this.#kept = [...this.#kept.slice(-MOST_KEPT + 1), { came: performance.now(), signal }]
    else this.#listener.callSignal(signal.sender, signal.data, signal.isLive)
  }
}
