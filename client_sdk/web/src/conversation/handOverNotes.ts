/**
 * A note from one staff member to another, inside a conversation and yet not for the survivor's device.
 *
 * Everybody in the conversation receives key and note (see `noteKeys`), so it is no secret that there was one; whoever has
 * not the private key sees only who wrote to whom. The key has this one purpose, is none of MLS's, is never published on
 * the relay, and rests (if at all) in the sealed key store. All notes are of one size under their seal.
 */

import { decodeMessage, encodeMessage } from "../chat/codec.ts"
import { HandOverNote, NoteKey } from "../chat/messages.ts"
import { InvalidMessage } from "../cryptoErrors.ts"
import { ConversationOver, KeyStoreDamaged, MessageTooLong, NotJoined } from "../errors.ts"
import { areEqual, concatenate, erase, toHex, utf8 } from "../hazmat/bytes.ts"
import { HYBRID_SUITE, suiteOf, type Hpke } from "../mls/suites.ts"
import { NoteKeys, type NotePath } from "./noteKeys.ts"
import type { SavedNotes } from "./savedConversation.ts"

/** The longest note, in UTF-8. */
export const MOST_NOTE_BYTES = 4094
const NOTE_BYTES = MOST_NOTE_BYTES + 2
const INFO = "teduh hand-over note 1"

interface OwnNoteKey {
  readonly id: Uint8Array
  readonly privateKey: Uint8Array
  readonly publicKey: Uint8Array
}

/** Our own key, and those of the colleagues in the room. */
export class HandOverNotes extends NoteKeys {
  #own: OwnNoteKey | null = null
  #isWiped = false

  /** From the key store; throws `KeyStoreDamaged`. */
  static restore(saved: SavedNotes): HandOverNotes {
    const notes = new HandOverNotes()
    notes.#own = saved.own
    notes.owesKey = saved.owesKey
    for (const { device, key } of saved.keys) notes.keys.set(device, noteKey(key))
    return notes
  }

  override async offer(now: number): Promise<NoteKey> {
    this.owesKey = false
    const own = this.#own ?? (await this.#made())
    this.#own = own
    return NoteKey({ id: own.id, sent: now, publicKey: own.publicKey })
  }

  /** Seal a note to the key that the receiver has said. Rejects with `NotJoined` if there is none, `MessageTooLong`. */
  override async seal(text: string, path: NotePath, now: number): Promise<HandOverNote> {
    const plaintext = padded(text)
    const device = toHex(path.receiver.deviceKey)
    const key = this.keys.get(device)
    if (key === undefined) throw new NotJoined("the colleague is not here yet")
    this.keys.delete(device)
    const id = crypto.getRandomValues(new Uint8Array(16))
    const hpke = await noteHpke()
    const to = await hpke.importPublicKey(key.publicKey)
    const { enc, ct: sealed } = await hpke.seal(to, plaintext, utf8(INFO), boundTo(path, key.id, id))
    return HandOverNote({ id, sent: now, keyId: key.id, enc, sealed })
  }

  protected override async open(note: HandOverNote, path: NotePath): Promise<string | null> {
    const own = this.#own
    if (own === null || !areEqual(own.id, note.keyId)) return null
    const plaintext = await opened(own.privateKey, note, boundTo(path, note.keyId, note.id))
    // Only now: a note that does not open must not cost the colleagues the key.
    erase(own.privateKey)
    this.#own = null
    this.owesKey = !this.#isWiped
    return withoutPadding(plaintext)
  }

  override wipe(): void {
    super.wipe()
    this.#isWiped = true
    if (this.#own !== null) erase(this.#own.privateKey)
    this.#own = null
  }

  override save(): SavedNotes {
    const keys = [...this.keys].map(([device, key]) => ({ device, key: encodeMessage(key) }))
    return { own: this.#own, keys, owesKey: this.owesKey }
  }

  async #made(): Promise<OwnNoteKey> {
    const hpke = await noteHpke()
    const pair = await hpke.generateKeyPair()
    const privateKey = await hpke.exportPrivateKey(pair.privateKey)
    const publicKey = await hpke.exportPublicKey(pair.publicKey)
    if (this.#isWiped) throw new ConversationOver("the conversation is over")
    return { id: crypto.getRandomValues(new Uint8Array(16)), privateKey, publicKey }
  }
}

/** Throws `MessageTooLong` for a note that does not fit. */
export function requireShortEnough(text: string): void {
  const { length } = utf8(text)
  if (length === 0 || length > MOST_NOTE_BYTES) throw new MessageTooLong(`a note has 1 to ${MOST_NOTE_BYTES} bytes`)
}

/** Whatever suite the conversation has: X-Wing, HKDF-SHA384 and AES-256-GCM. */
async function noteHpke(): Promise<Hpke> {
  return (await suiteOf(HYBRID_SUITE)).hpke
}

/** All of one length each, so that nothing can be taken for something else. */
function boundTo({ conversationId, sender, receiver }: NotePath, keyId: Uint8Array, noteId: Uint8Array): Uint8Array {
  return concatenate(conversationId, sender.deviceId, receiver.deviceId, keyId, noteId)
}

async function opened(privateKey: Uint8Array, note: HandOverNote, aad: Uint8Array): Promise<Uint8Array> {
  const hpke = await noteHpke()
  const key = await hpke.importPrivateKey(privateKey)
  try {
    return await hpke.open(key, note.enc, note.sealed, utf8(INFO), aad)
  } catch (error) {
    throw new InvalidMessage("a note does not open", { cause: error })
  }
}

function padded(text: string): Uint8Array {
  requireShortEnough(text)
  const data = utf8(text)
  const whole = new Uint8Array(NOTE_BYTES)
  whole.set([data.length >> 8, data.length & 0xff])
  whole.set(data, 2)
  return whole
}

function withoutPadding(plaintext: Uint8Array): string {
  const [high = 0, low = 0] = plaintext
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(plaintext.subarray(2, 2 + high * 256 + low))
  } catch (error) {
    throw new InvalidMessage("a note is no text", { cause: error })
  }
}

function noteKey(data: Uint8Array): NoteKey {
  const message = decodeMessage(data)
  if (message.type !== "noteKey") throw new KeyStoreDamaged("invalid note key record")
  return message
}
