/**
 * What may be lost: sealed under a key of the epoch, without spending message keys on it.
 *
 *     key      MLS exporter of the epoch, a label per purpose, context = the sender's leaf (uint32), 32 bytes
 *     payload  leaf (4) || epoch (8) || nonce (12) || AES-256-GCM(count (8) || body || zeros to 1 KiB)
 *     AAD      conversation id || leaf || epoch
 *
 * The nonce is random: a device sends far fewer than 2^32 of these in one epoch. `count` rises within an epoch, so that
 * an old one cannot be shown again; it starts from the clock, to rise over a restart too. Every member can compute every
 * sender's key, so that one member could speak for another; a stranger or the relay cannot, and nothing that people say
 * is ever sent this way. All purposes look the same to the relay.
 */

import { concatenate, copyOf, erase, type Bytes } from "../hazmat/bytes.ts"
import type { MlsGroup } from "../mls/group.ts"

const PADDED = 1024
const COUNT = 8
const HEAD = 24
const TAG = 16

/** What one member remembers of one purpose in one epoch. */
export class EphemeralChannel {
  readonly #label: string
  #epoch = -1
  #sent = 0n
  #seen = new Map<number, bigint>()

  constructor(label: string) {
    this.#label = label
  }

  /** The payload of an Ephemeral with `body`, at most 1016 bytes; `now` in seconds. */
  async seal(group: MlsGroup, body: Uint8Array, now: number): Promise<Bytes> {
    if (body.length > PADDED - COUNT) throw new RangeError("larger than an ephemeral may be")
    this.#enter(group)
    const least = BigInt(now) << 20n
    this.#sent = this.#sent + 1n > least ? this.#sent + 1n : least
    const head = headOf(group, group.ownLeafIndex)
    const padded = new Uint8Array(PADDED)
    new DataView(padded.buffer).setBigUint64(0, this.#sent)
    padded.set(body, COUNT)
    const nonce = crypto.getRandomValues(new Uint8Array(12))
    const key = await this.#key(group, group.ownLeafIndex, "encrypt")
    const sealed = await crypto.subtle.encrypt(parameters(group, head, nonce), key, padded)
    return concatenate(head, nonce, new Uint8Array(sealed))
  }

  /** The sender's leaf and the body with its padding; null for anything old, foreign or forged. */
  async open(group: MlsGroup, payload: Uint8Array): Promise<{ leafIndex: number; body: DataView } | null> {
    this.#enter(group)
    if (payload.length !== HEAD + PADDED + TAG) return null
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
    const leafIndex = view.getUint32(0)
    if (view.getBigUint64(4) !== BigInt(group.epoch) || leafIndex === group.ownLeafIndex) return null
    const padded = await this.#unsealed(group, leafIndex, payload)
    if (padded === null || !this.#isNew(leafIndex, new DataView(padded).getBigUint64(0))) return null
    return { leafIndex, body: new DataView(padded, COUNT) }
  }

  #isNew(leafIndex: number, count: bigint): boolean {
    if (count <= (this.#seen.get(leafIndex) ?? 0n)) return false
    this.#seen.set(leafIndex, count)
    return true
  }

  #enter(group: MlsGroup): void {
    if (this.#epoch === group.epoch) return
    this.#epoch = group.epoch
    this.#sent = 0n
    this.#seen.clear()
  }

  async #unsealed(group: MlsGroup, leafIndex: number, payload: Uint8Array): Promise<ArrayBuffer | null> {
    const parts = copyOf(payload)
    const key = await this.#key(group, leafIndex, "decrypt")
    const settings = parameters(group, parts.subarray(0, 12), parts.subarray(12, HEAD))
    try {
      return await crypto.subtle.decrypt(settings, key, parts.subarray(HEAD))
    } catch (error) {
      if (error instanceof DOMException) return null
      throw error
    }
  }

  async #key(group: MlsGroup, leafIndex: number, use: "encrypt" | "decrypt"): Promise<CryptoKey> {
    const context = new Uint8Array(4)
    new DataView(context.buffer).setUint32(0, leafIndex)
    const secret = copyOf(await group.export(this.#label, context, 32))
    const key = await crypto.subtle.importKey("raw", secret, "AES-GCM", false, [use])
    erase(secret)
    return key
  }
}

function headOf(group: MlsGroup, leafIndex: number): Bytes {
  const head = new Uint8Array(12)
  const view = new DataView(head.buffer)
  view.setUint32(0, leafIndex)
  view.setBigUint64(4, BigInt(group.epoch))
  return head
}

function parameters(group: MlsGroup, head: Bytes, nonce: Bytes): AesGcmParams {
  return { name: "AES-GCM", iv: nonce, additionalData: concatenate(group.groupId, head) }
}
