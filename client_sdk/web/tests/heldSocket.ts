/** The relay's end of a connection, in the test's hands. */

import { RelayLost } from "../src/errors.ts"
import type { Socket } from "../src/net/transport.ts"

export class HeldSocket implements Socket {
  /** What the client has sent. */
  readonly sent: Uint8Array[] = []
  isClosed = false
  unsent = 0
  #frames: Uint8Array[] = []
  #wake: (() => void) | null = null

  send(data: Uint8Array): void {
    this.sent.push(data)
  }

  async receive(): Promise<Uint8Array> {
    for (;;) {
      const data = this.#frames.shift()
      if (data !== undefined) return data
      if (this.isClosed) throw new RelayLost("closed")
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** What the relay says; also bytes that are no frame. */
  say(...frames: Uint8Array[]): void {
    this.#frames.push(...frames)
    this.#wake?.()
  }

  close(): void {
    this.isClosed = true
    this.#wake?.()
  }
}
