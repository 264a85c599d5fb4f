/**
 * Typing notices: sealed under a key of the epoch, without spending message keys on what may be lost.
 *
 *     key      MLS exporter of the epoch, label "teduh typing 1", context = the sender's leaf (uint32), 32 bytes
 *     payload  leaf (4) || epoch (8) || nonce (12) || AES-256-GCM(count (8) || active (1) || zeros to 1 KiB)
 *     AAD      conversation id || leaf || epoch
 *
 * The nonce is random: a device sends far fewer than 2^32 notices in one epoch. `count` rises within an epoch, so that
 * an old notice cannot be shown again; it starts from the clock, to rise over a restart too. Every member can compute
 * every sender's key, so that one member could show that another types; a stranger or the relay cannot, and nothing but
 * typing is ever sent this way.
 */

import { concatenate, copyOf, erase, type Bytes } from "./hazmat/bytes.ts"
import type { MlsGroup } from "./mls/group.ts"

const LABEL = "teduh typing 1"
const PADDED = 1024
const HEAD = 24
const TAG = 16

/** What one member remembers of the notices of one epoch. */
export class TypingSignals {
  #epoch = -1
  #sent = 0n
  #seen = new Map<number, bigint>()

  /** The payload of an Ephemeral that says that we write, or have stopped; `now` in seconds. */
  async seal(group: MlsGroup, active: boolean, now: number): Promise<Bytes> {
    this.#enter(group)
    const least = BigInt(now) << 20n
    this.#sent = this.#sent + 1n > least ? this.#sent + 1n : least
    const head = headOf(group, group.ownLeafIndex)
    const body = new Uint8Array(PADDED)
    new DataView(body.buffer).setBigUint64(0, this.#sent)
    body[8] = Number(active)
    const nonce = crypto.getRandomValues(new Uint8Array(12))
    const key = await keyOf(group, group.ownLeafIndex, "encrypt")
    const sealed = await crypto.subtle.encrypt(parameters(group, head, nonce), key, body)
    return concatenate(head, nonce, new Uint8Array(sealed))
  }

  /** The sender's leaf and whether she writes; null for anything old, foreign or forged. */
  async open(group: MlsGroup, payload: Uint8Array): Promise<{ leafIndex: number; active: boolean } | null> {
    this.#enter(group)
    if (payload.length !== HEAD + PADDED + TAG) return null
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
    const leafIndex = view.getUint32(0)
    if (view.getBigUint64(4) !== BigInt(group.epoch) || leafIndex === group.ownLeafIndex) return null
    const body = await unsealed(group, leafIndex, payload)
    if (body === null || !this.#isNew(leafIndex, body.getBigUint64(0))) return null
    return { leafIndex, active: body.getUint8(8) !== 0 }
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
}

async function unsealed(group: MlsGroup, leafIndex: number, payload: Uint8Array): Promise<DataView | null> {
  const parts = copyOf(payload)
  const key = await keyOf(group, leafIndex, "decrypt")
  const settings = parameters(group, parts.subarray(0, 12), parts.subarray(12, HEAD))
  try {
    return new DataView(await crypto.subtle.decrypt(settings, key, parts.subarray(HEAD)))
  } catch (error) {
    if (error instanceof DOMException) return null
    throw error
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

async function keyOf(group: MlsGroup, leafIndex: number, use: "encrypt" | "decrypt"): Promise<CryptoKey> {
  const context = new Uint8Array(4)
  new DataView(context.buffer).setUint32(0, leafIndex)
  const secret = copyOf(await group.export(LABEL, context, 32))
  const key = await crypto.subtle.importKey("raw", secret, "AES-GCM", false, [use])
  erase(secret)
  return key
}
