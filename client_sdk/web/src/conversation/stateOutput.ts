/** What a conversation's state has for its caller: frames to send, and events to emit, in order. */

import type { StateEvent } from "../events.ts"
import type { ClientFrame } from "../relay/frames.ts"

/** Filled by the parts of one state, emptied by its caller. Nothing more is sent once it is over. */
export class StateOutput {
  #isOver = false
  #frames: ClientFrame[] = []
  #events: StateEvent[] = []

  /** Asked, not read: it may have changed while something was awaited. */
  isOver(): boolean {
    return this.#isOver
  }

  end(): void {
    this.#isOver = true
  }

  send(frame: ClientFrame): void {
    this.#frames.push(frame)
  }

  emit(event: StateEvent): void {
    this.#events.push(event)
  }

  /** Forget what was not sent. */
  dropFrames(): void {
    this.#frames = []
  }

  /** All frames since the last call. */
  takeFrames(): ClientFrame[] {
    return this.#frames.splice(0)
  }

  /** All events since the last call. */
  takeEvents(): StateEvent[] {
    return this.#events.splice(0)
  }
}
