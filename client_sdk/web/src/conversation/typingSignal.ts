/** Typing notices: an `EphemeralChannel` whose body is one byte, whether its sender writes. */

import { EphemeralChannel } from "./ephemeralChannel.ts"
import type { Bytes } from "../hazmat/bytes.ts"
import type { MlsGroup } from "../mls/group.ts"

/** What one member remembers of the notices of one epoch. */
export class TypingSignals {
  readonly #channel = new EphemeralChannel("teduh typing 1")

  /** The payload of an Ephemeral that says that we write, or have stopped; `now` in seconds. */
  seal(group: MlsGroup, active: boolean, now: number): Promise<Bytes> {
    return this.#channel.seal(group, Uint8Array.of(Number(active)), now)
  }

  /** The sender's leaf and whether she writes; null for anything old, foreign or forged. */
  async open(group: MlsGroup, payload: Uint8Array): Promise<{ leafIndex: number; active: boolean } | null> {
    const opened = await this.#channel.open(group, payload)
    return opened && { leafIndex: opened.leafIndex, active: opened.body.getUint8(0) !== 0 }
  }
}
