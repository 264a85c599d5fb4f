/** Colleagues to whom she has said yes, and whom another console may be about to bring in. */

import { hex } from "../../shared/talking.ts"
import type { Colleague } from "../sdk.ts"

type Device = Pick<Colleague, "deviceId">

/** So long whoever has asked her has for bringing them in, before somebody else does. */
const OTHERS_ADD_MS = 15_000

export class Awaited {
  /** By conversation and device. */
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()

  /** Calls `addInvited` after a moment, unless `isThere` comes first. */
  expect(id: string, device: Device, addInvited: () => void): void {
    this.isThere(id, device)
    const after = (): void => {
      this.isThere(id, device)
      addInvited()
    }
    this.#timers.set(named(id, device), setTimeout(after, OTHERS_ADD_MS))
  }

  /** Whoever was waited for has come. */
  isThere(id: string, device: Device): void {
    clearTimeout(this.#timers.get(named(id, device)))
    this.#timers.delete(named(id, device))
  }

  /** Nobody is brought in any more. */
  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }
}

function named(id: string, { deviceId }: Device): string {
  return `${id} ${hex(deviceId)}`
}
